//! For a terminal: each finding with its SQL underlined, then what it comes to.

use super::{Lines, Remark, remarks};
use crate::hazard::Severity;
use crate::lint::model::{Knowledge, Report};
use crate::report::{BAD, BOLD, CARE, FAINT, GOOD, printable, styled};
use annotate_snippets::renderer::{DecorStyle, Renderer};
use annotate_snippets::{AnnotationKind, Level, Snippet};

/// Longest part of a text around a finding that is laid out, in bytes.
const EXCERPT_BYTES: usize = 16_384;
/// Most names of assumed relations that are listed.
const MAX_NAMES: usize = 5;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii);
    let mut last: Option<(*const super::FileReport, Lines<'_>)> = None;
    for remark in remarks(report).iter().filter(|remark| remark.allowed.is_none()) {
        let same = last.as_ref().is_some_and(|(file, _)| std::ptr::eq(*file, remark.file));
        if !same {
            last = Some((remark.file, Lines::new(&remark.file.text)));
        }
        if let Some((_, lines)) = &last {
            out.push_str(&snippet(remark, lines, &renderer));
            out.push_str("\n\n");
        }
    }
    for file in report.linted() {
        for note in &file.notes {
            let detail = note.diagnostic.detail.as_deref().unwrap_or_default();
            let (line, _) = note.diagnostic.span.line_and_column(&file.text);
            let place = format!("{}:{line}", printable(&file.path));
            out.push_str(&format!("{place}: {}. {detail}\n", printable(&note.diagnostic.message)));
        }
    }
    for rule in &report.unused_rules {
        out.push_str(&format!("{}: {}\n", styled("unused", CARE), printable(rule)));
    }
    out.push_str(&ending(report));
    out
}

fn snippet(remark: &Remark<'_>, lines: &Lines<'_>, renderer: &Renderer) -> String {
    let level = match remark.level {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let text = &remark.file.text;
    // Whole lines, as long as they are lines that a person wrote.
    let start = lines.start_of(remark.start.0);
    let start = start.max(
        super::within(
            crate::sql::Span::new(remark.span.start.saturating_sub(EXCERPT_BYTES), 0),
            text,
        )
        .start,
    );
    let most = remark.span.start + EXCERPT_BYTES;
    let end = lines.start_of(remark.end.0 + 1).min(most);
    let end = super::within(crate::sql::Span::new(end, end), text).end.max(start);
    let part = printable(&text[start..end]);
    // What cannot be shown is replaced by something longer: then the mark would be off.
    let exact = part.len() == end - start;
    let from = remark.span.start - start;
    let to = (remark.span.end.min(end) - start).max(from);
    let marked = if exact { from..to } else { 0..part.len() };
    let mut annotation = AnnotationKind::Primary.span(marked);
    if let Some(label) = remark.label {
        annotation = annotation.label(printable(label));
    }
    let path = printable(&remark.file.path);
    let source = Snippet::source(part).path(path).line_start(remark.start.0).annotation(annotation);
    let title = level.primary_title(printable(remark.message)).id(printable(&remark.title()));
    let mut group = title.element(source);
    if let Some(detail) = remark.detail {
        group = group.element(Level::NOTE.message(printable(detail)));
    }
    if let Some(help) = remark.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    renderer.render(&[group])
}

fn ending(report: &Report) -> String {
    let summary = report.summary();
    let mut out = String::new();
    if !report.assumed.is_empty() {
        let names: Vec<String> = report
            .assumed
            .iter()
            .take(MAX_NAMES)
            .map(|name| printable(&name.to_string()))
            .collect();
        let more = report.assumed.len().saturating_sub(MAX_NAMES);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        out.push_str(&styled(
            &format!(
                "No file creates {}{more}: taken for existing, in use and filled. \
                 --database-url or --catalog gives exact verdicts.",
                names.join(", "),
            ),
            FAINT,
        ));
        out.push('\n');
    }
    let count = |number: usize, what: &str| {
        format!("{number} {what}{}", if number == 1 { "" } else { "s" })
    };
    let read = format!(
        "{}, {}, PostgreSQL {}",
        count(summary.files, "file"),
        count(summary.statements, "statement"),
        report.postgres,
    );
    let source = match report.knowledge {
        Knowledge::Files => String::new(),
        known => format!(", catalog from {}", super::json::knowledge_words(known)),
    };
    let mut found = Vec::new();
    for (number, what, style) in [
        (summary.problems, "problem", BAD),
        (summary.errors, "error", BAD),
        (summary.warnings, "warning", CARE),
        (summary.infos, "remark", BOLD),
        (summary.unused_suppressions, "unused suppression", CARE),
    ] {
        if number > 0 {
            found.push(styled(&count(number, what), style));
        }
    }
    if found.is_empty() {
        found.push(styled("nothing hazardous", GOOD));
    }
    if summary.allowed > 0 {
        found.push(format!("{} allowed", summary.allowed));
    }
    out.push_str(&format!("{read}{source}: {}\n", found.join(", ")));
    out
}
