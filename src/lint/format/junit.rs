//! JUnit's XML, as CI servers read it: a suite for each file, a case for each finding, and one case
//! that passes for a file without any.

use super::{Remark, remarks};
use crate::lint::model::{FileReport, Report};
use std::fmt::Write;

pub(super) fn render(report: &Report) -> String {
    let remarks = remarks(report);
    let mut suites = String::new();
    let (mut tests, mut failures) = (0, 0);
    let mut rest = remarks.as_slice();
    for file in &report.files {
        // Remarks are in the order of the files.
        let count = rest.iter().take_while(|remark| std::ptr::eq(remark.file, file)).count();
        let (own, after) = rest.split_at(count);
        rest = after;
        if !file.linted && own.is_empty() {
            continue;
        }
        let (text, cases, failed) = suite(file, own);
        suites.push_str(&text);
        tests += cases;
        failures += failed;
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"airlock lint\" \
         tests=\"{tests}\" failures=\"{failures}\">\n{suites}</testsuites>\n"
    )
}

fn suite(file: &FileReport, remarks: &[Remark<'_>]) -> (String, usize, usize) {
    let path = escape(&file.path);
    let mut cases = String::new();
    let mut failed = 0;
    for remark in remarks {
        let name = format!("{} (line {})", remark.title(), remark.start.0);
        let _ = write!(cases, "<testcase classname=\"{path}\" name=\"{}\"", escape(&name));
        let place = format!("{}:{}:{}", file.path, remark.start.0, remark.start.1);
        match remark.allowed {
            Some(allowed) => {
                let reason = escape(&format!("allowed: {}", allowed.reason));
                let _ = writeln!(cases, "><skipped message=\"{reason}\"/></testcase>");
            }
            None => {
                failed += 1;
                let _ = writeln!(
                    cases,
                    "><failure type=\"{}\" message=\"{}\">{}</failure></testcase>",
                    remark.level.name(),
                    escape(remark.message),
                    escape(&format!("{place}\n{}", remark.text())),
                );
            }
        }
    }
    let count = remarks.len().max(1);
    if remarks.is_empty() {
        let _ = writeln!(cases, "<testcase classname=\"{path}\" name=\"lint\"/>");
    }
    let suite = format!(
        "<testsuite name=\"{path}\" tests=\"{count}\" failures=\"{failed}\">\n{cases}</testsuite>\n"
    );
    (suite, count, failed)
}

/// Characters that XML 1.0 cannot hold at all are replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
