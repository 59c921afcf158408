//! Annotations of a GitHub Actions run: workflow commands on stdout ("Workflow commands for GitHub
//! Actions").

use super::remarks;
use crate::hazard::Severity;
use crate::lint::model::Report;
use std::fmt::Write;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    for remark in remarks(report).iter().filter(|remark| remark.allowed.is_none()) {
        let command = match remark.level {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let (line, column) = remark.start;
        let (end_line, end_column) = remark.end;
        let mut place =
            format!("file={},line={line},endLine={end_line}", property(&remark.file.path));
        // Columns are only taken within one line; the end is the last character.
        if line == end_line {
            let last = end_column.max(column + 1) - 1;
            let _ = write!(place, ",col={column},endColumn={last}");
        }
        let title = property(&remark.title());
        let _ = writeln!(out, "::{command} {place},title={title}::{}", data(&remark.text()));
    }
    for rule in &report.unused_rules {
        let _ = writeln!(out, "::warning title={}::{}", super::UNUSED, data(rule));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
