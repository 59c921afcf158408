//! An error as a person sees it: `error:`, the SQL with the place marked, `detail:`, `hint:`.

use super::{BAD, BOLD, hanging, printable, styled};
use crate::error::{Error, Excerpt};
use crate::sql::{Diagnostic, Span};
use annotate_snippets::renderer::{DecorStyle, Renderer};
use annotate_snippets::{AnnotationKind, Level, Snippet};
use serde_json::{Value, json};

/// Most places that are shown; a file that is no SQL at all could have hundreds.
const MAX_PLACES: usize = 10;

/// The whole error, ending in a newline.
pub fn text(error: &Error) -> String {
    let mut out = String::new();
    match &error.excerpt {
        Some(excerpt) if !excerpt.diagnostics.is_empty() => snippets(&mut out, error, excerpt),
        Some(_) | None => title(&mut out, &error.message),
    }
    remark(&mut out, "detail", error.detail.as_deref());
    remark(&mut out, "hint", error.hint.as_deref());
    out
}

fn title(out: &mut String, message: &str) {
    let message = hanging(&printable(message), 7);
    out.push_str(&format!("{}: {}\n", styled("error", BAD), styled(&message, BOLD)));
}

fn remark(out: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        let text = hanging(&printable(text), name.len() + 2);
        out.push_str(&format!("{}: {text}\n", styled(name, BOLD)));
    }
}

fn snippets(out: &mut String, error: &Error, excerpt: &Excerpt) {
    let alone = matches!(&excerpt.diagnostics[..], [only] if only.message == error.message);
    if alone {
        out.push_str(&snippet(excerpt, &excerpt.diagnostics[0], None, &error.message));
        return;
    }
    title(out, &error.message);
    for diagnostic in excerpt.diagnostics.iter().take(MAX_PLACES) {
        out.push_str(&snippet(excerpt, diagnostic, None, &diagnostic.message));
        remark(out, "detail", diagnostic.detail.as_deref());
        remark(out, "hint", diagnostic.hint.as_deref());
    }
    if let Some(more) = excerpt.diagnostics.len().checked_sub(MAX_PLACES).filter(|n| *n > 0) {
        out.push_str(&format!("and {more} more\n"));
    }
}

fn snippet(
    excerpt: &Excerpt,
    diagnostic: &Diagnostic,
    label: Option<&str>,
    message: &str,
) -> String {
    let span = within(diagnostic.span, &excerpt.text);
    let label = label.or(diagnostic.label.as_deref()).map(printable);
    let path = printable(&excerpt.path);
    let message = printable(message);
    let report = [Level::ERROR.primary_title(message).element(
        Snippet::source(excerpt.text.as_str())
            .path(path)
            .annotation(AnnotationKind::Primary.span(span.range()).label(label)),
    )];
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii);
    format!("{}\n", renderer.render(&report))
}

/// The span, moved onto characters of the text.
fn within(span: Span, text: &str) -> Span {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    Span::new(start, floor(span.end).max(start))
}

/// The error as JSON, below a key `error`.
pub fn json(error: &Error) -> Value {
    let places: Vec<Value> = error
        .excerpt
        .iter()
        .flat_map(|excerpt| excerpt.diagnostics.iter().map(|found| place(excerpt, found)))
        .collect();
    let mut shown = json!({
        "kind": error.kind.name(),
        "exit_code": error.kind.exit_code(),
        "message": error.message,
        "detail": error.detail,
        "hint": error.hint,
        "places": places,
    });
    let known = error.origin.iter().flat_map(|of| [("step", &of.step), ("sqlstate", &of.sqlstate)]);
    for (name, value) in known {
        if let Some(value) = value {
            shown[name] = json!(value);
        }
    }
    json!({ "error": shown })
}

fn place(excerpt: &Excerpt, diagnostic: &Diagnostic) -> Value {
    let span = within(diagnostic.span, &excerpt.text);
    let (line, column) = span.line_and_column(&excerpt.text);
    let (end_line, end_column) = Span::new(span.end, span.end).line_and_column(&excerpt.text);
    json!({
        "path": excerpt.path,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "message": diagnostic.message,
        "label": diagnostic.label,
        "detail": diagnostic.detail,
        "hint": diagnostic.hint,
    })
}
