//! Markdown for a comment on a pull request: the findings, then what every statement locks.

use super::{Remark, remarks};
use crate::analyze::Verdict;
use crate::hazard::Severity;
use crate::lint::model::{FileReport, Knowledge, Report, StatementReport};
use crate::lock::LockMode;
use crate::plan::WorkKind;
use crate::report::escape::{cell, code, fence, inline};
use crate::report::{one_line, printable};
use std::fmt::Write;

/// Longest statement in the table, in characters.
const STATEMENT_CHARS: usize = 80;
/// Most rows and findings: GitHub takes comments of up to 65,536 characters.
const MAX_ROWS: usize = 100;
const MAX_FINDINGS: usize = 60;

pub(super) fn render(report: &Report) -> String {
    let summary = report.summary();
    let mut out = String::from("## airlock lint\n\n");
    let open: Vec<Remark<'_>> =
        remarks(report).into_iter().filter(|remark| remark.allowed.is_none()).collect();
    let _ = writeln!(
        out,
        "**{}** in {} statements of {} files, PostgreSQL {}; catalog from {}.\n",
        verdict_words(&summary),
        summary.statements,
        summary.files,
        report.postgres,
        super::json::knowledge_words(report.knowledge),
    );
    for remark in open.iter().take(MAX_FINDINGS) {
        finding(&mut out, remark);
    }
    if open.len() > MAX_FINDINGS {
        let _ = writeln!(out, "…and {} more.\n", open.len() - MAX_FINDINGS);
    }
    for rule in &report.unused_rules {
        let _ = writeln!(out, "- unused: {}\n", inline(rule));
    }
    table(&mut out, report);
    if report.knowledge == Knowledge::Files && !report.assumed.is_empty() {
        let names: Vec<String> =
            report.assumed.iter().take(20).map(|name| code(&name.to_string())).collect();
        let more = if report.assumed.len() > 20 { ", …" } else { "" };
        let _ = writeln!(
            out,
            "\nNo file creates {}{more}: taken for existing, in use and filled.",
            names.join(", "),
        );
    }
    out
}

fn verdict_words(summary: &crate::lint::model::Summary) -> String {
    let mut words = Vec::new();
    for (number, what) in [
        (summary.problems, "problem"),
        (summary.errors, "error"),
        (summary.warnings, "warning"),
        (summary.infos, "remark"),
        (summary.unused_suppressions, "unused suppression"),
        (summary.allowed, "allowed"),
    ] {
        if number > 0 {
            let plural = if number == 1 || what == "allowed" { "" } else { "s" };
            words.push(format!("{number} {what}{plural}"));
        }
    }
    if words.is_empty() { "nothing hazardous".to_owned() } else { words.join(", ") }
}

fn finding(out: &mut String, remark: &Remark<'_>) {
    let mark = match remark.level {
        Severity::Error => "🔴",
        Severity::Warning => "🟡",
        Severity::Info => "🔵",
    };
    let place = format!("{}:{}", remark.file.path, remark.start.0);
    let _ = writeln!(
        out,
        "{mark} **{}** {} — {}\n",
        inline(&remark.title()),
        code(&place),
        inline(remark.message),
    );
    let sql = printable(&remark.file.text[statement_of(remark)]);
    let fence = fence(&sql);
    let _ = writeln!(out, "{fence}sql\n{}\n{fence}\n", sql.trim_end());
    for more in [remark.detail, remark.help].into_iter().flatten() {
        let _ = writeln!(out, "{}\n", inline(more));
    }
}

/// The whole statement of a finding, as far as it is short.
fn statement_of(remark: &Remark<'_>) -> std::ops::Range<usize> {
    const MOST: usize = 600;
    let of = |number: usize| remark.file.statements.get(number - 1);
    let span = remark.statement.and_then(of).map_or(remark.span, |statement| statement.span);
    let end = span.end.min(span.start + MOST);
    super::within(crate::sql::Span::new(span.start, end), &remark.file.text).range()
}

fn table(out: &mut String, report: &Report) {
    let rows: Vec<(&FileReport, &StatementReport)> = report
        .linted()
        .flat_map(|file| file.statements.iter().map(move |statement| (file, statement)))
        .filter(|(_, statement)| statement.verdict != Verdict::Safe)
        .collect();
    if rows.is_empty() {
        return;
    }
    out.push_str("### What the statements lock, as written\n\n");
    out.push_str("| where | statement | locks | work | verdict |\n|---|---|---|---|---|\n");
    for (file, statement) in rows.iter().take(MAX_ROWS) {
        let place = format!("{}:{}", file.path, statement.line);
        let sql = one_line(&file.text[statement.span.range()], STATEMENT_CHARS);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            cell(&place),
            cell(&sql),
            locks(statement),
            work(statement),
            verdict(statement.verdict),
        );
    }
    if rows.len() > MAX_ROWS {
        let _ = writeln!(out, "\n…and {} more.", rows.len() - MAX_ROWS);
    }
}

fn locks(statement: &StatementReport) -> String {
    let Some(impact) = &statement.impact else { return String::new() };
    let strong = impact.locks.iter().filter(|lock| lock.mode > LockMode::AccessShare);
    strong
        .map(|lock| format!("{} on {}", lock.mode.sql(), cell(&lock.relation.to_string())))
        .collect::<Vec<_>>()
        .join("<br>")
}

fn work(statement: &StatementReport) -> String {
    let Some(impact) = &statement.impact else { return String::new() };
    let words = impact.work.iter().map(|work| {
        let what = match work.kind {
            WorkKind::Scan => "reads",
            WorkKind::Validate => "validates",
            WorkKind::IndexBuild => "builds an index on",
            WorkKind::Rewrite => "rewrites",
            WorkKind::RowChanges => "changes rows of",
        };
        format!("{what} {}", cell(&work.relation.to_string()))
    });
    words.collect::<Vec<_>>().join("<br>")
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Safe => "safe",
        Verdict::Brief => "brief",
        Verdict::Blocking => "**blocking**",
        Verdict::Opaque => "**opaque**",
        Verdict::Unknown => "**unknown**",
    }
}
