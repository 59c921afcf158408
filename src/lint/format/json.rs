//! JSON: one object a line within the lists, so that a large report can be read and compared by line.

use super::Lines;
use crate::lint::in_order_by_size;
use crate::lint::model::{FileReport, Knowledge, Problem, Report};
use crate::lint::statement::{self, Statement};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write;

/// Changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// Statements that are written in one go.
const STATEMENTS_AT_ONCE: usize = 256;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::with_capacity(1_024 * report.summary().statements + 1_024);
    let value = |value: &dyn erased::Serialize| value.json();
    let _ = writeln!(out, "{{\n\"version\": {VERSION},");
    let _ = writeln!(out, "\"postgres\": {},", report.postgres);
    let _ = writeln!(out, "\"catalog\": {},", value(&report.knowledge));
    let _ = writeln!(out, "\"sizes_known\": {},", report.sizes_known);
    let _ = writeln!(out, "\"summary\": {},", value(&report.summary()));
    list(&mut out, "files", report.files.iter().map(|file| value(&file_json(file))));
    out.push_str(",\n\"statements\": [");
    all_statements(&mut out, report);
    out.push_str("],\n");
    list(&mut out, "assumed", report.assumed.iter().map(|name| value(name)));
    out.push_str(",\n");
    let unused = report.linted().flat_map(unused_json);
    let rules = report.unused_rules.iter().map(|message| json!({ "message": message }));
    list(&mut out, "unused_suppressions", unused.chain(rules).map(|v| value(&v)));
    out.push_str("\n}\n");
    out
}

/// The list `statements` of the document.
pub(super) fn statements_alone(report: &Report) -> Value {
    let mut out = String::from("[");
    all_statements(&mut out, report);
    out.push(']');
    serde_json::from_str(&out).unwrap_or_default()
}

/// The statements of every linted file, written by all processors.
fn all_statements(out: &mut String, report: &Report) {
    let files: Vec<&FileReport> = report.linted().collect();
    let mut first = true;
    in_order_by_size(
        files.len(),
        STATEMENTS_AT_ONCE,
        |index| files[index].statements.len(),
        |index| statements(files[index]),
        |_, text| {
            if !text.is_empty() {
                out.push_str(if first { "\n" } else { ",\n" });
                out.push_str(&text);
                first = false;
            }
        },
    );
}

/// `serde_json::to_string` behind one name.
mod erased {
    pub(super) trait Serialize {
        fn json(&self) -> String;
    }
    impl<T: serde::Serialize> Serialize for T {
        fn json(&self) -> String {
            serde_json::to_string(self).unwrap_or_default()
        }
    }
}

fn list(out: &mut String, name: &str, items: impl Iterator<Item = String>) {
    let _ = write!(out, "\"{name}\": [");
    for (index, item) in items.enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&item);
    }
    out.push(']');
}

/// The statements of `file`, a line each, written straight into the text: there may be very many.
fn statements(file: &FileReport) -> String {
    let mut lines = Lines::new(&file.text);
    let mut out = Vec::with_capacity(1_024 * file.statements.len());
    let mut findings = file.findings.as_slice();
    for one in &file.statements {
        // Findings are in the order of the statements.
        let count = findings.partition_point(|found| found.finding.statement <= one.number);
        let (own, rest) = findings.split_at(count);
        findings = rest;
        let statement = Statement {
            file: &file.path,
            number: one.number,
            sql: &file.text[one.span.range()],
            span: one.span,
            impact: one.impact.as_ref(),
            verdict: one.verdict,
            findings: own,
        };
        if !out.is_empty() {
            out.extend_from_slice(b",\n");
        }
        let json = statement::json(statement, |at| lines.place(at));
        // Writing to memory, of a value without maps, cannot fail.
        let _ = serde_json::to_writer(&mut out, &json);
    }
    String::from_utf8(out).unwrap_or_default()
}

fn file_json(file: &FileReport) -> Value {
    let mut lines = Lines::new(&file.text);
    let problems: Vec<Value> =
        file.problems.iter().map(|problem| problem_json(problem, &mut lines)).collect();
    let notes: Vec<Value> = file
        .notes
        .iter()
        .map(|note| {
            let (line, column) = lines.place(note.diagnostic.span.start);
            let found = &note.diagnostic;
            json!({ "message": found.message, "detail": found.detail, "line": line, "column": column })
        })
        .collect();
    json!({
        "path": file.path,
        "tool": file.tool.name(),
        "transaction": file.transaction,
        "linted": file.linted,
        "statements": file.statements.len(),
        "problems": problems,
        "notes": notes,
    })
}

fn problem_json(problem: &Problem, lines: &mut Lines<'_>) -> Value {
    #[derive(Serialize)]
    struct ProblemJson<'a> {
        kind: &'static str,
        message: &'a str,
        label: Option<&'a str>,
        detail: Option<&'a str>,
        hint: Option<&'a str>,
        line: usize,
        column: usize,
        end_line: usize,
        end_column: usize,
        span: crate::sql::Span,
    }
    let found = &problem.diagnostic;
    let (line, column) = lines.place(found.span.start);
    let (end_line, end_column) = lines.place(found.span.end);
    serde_json::to_value(ProblemJson {
        kind: problem.kind.name(),
        message: &found.message,
        label: found.label.as_deref(),
        detail: found.detail.as_deref(),
        hint: found.hint.as_deref(),
        line,
        column,
        end_line,
        end_column,
        span: found.span,
    })
    .unwrap_or_default()
}

fn unused_json(file: &FileReport) -> Vec<Value> {
    let mut lines = Lines::new(&file.text);
    file.unused
        .iter()
        .map(|unused| {
            let (line, column) = lines.place(unused.span.start);
            json!({
                "file": file.path,
                "hazard": unused.hazard,
                "message": unused.message,
                "line": line,
                "column": column,
            })
        })
        .collect()
}

/// The name of where the catalog comes from.
pub(super) fn knowledge_words(knowledge: Knowledge) -> &'static str {
    match knowledge {
        Knowledge::Files => "the files",
        Knowledge::Catalog => "a saved catalog",
        Knowledge::Database => "the database",
    }
}
