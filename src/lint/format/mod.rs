//! A report as people and programs read it; one file for each form. Pure.

mod github;
mod gitlab;
mod json;
mod junit;
mod lines;
mod markdown;
mod sarif;
mod terminal;

pub use lines::Lines;

use super::model::{Allowed, FileReport, Knowledge, ProblemKind, Report};
use crate::hazard::Severity;
use crate::sql::Span;

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Terminal,
    Json,
    Markdown,
    Sarif,
    Github,
    Gitlab,
    Junit,
}

/// The report in this form, ending in a newline when it is not empty.
pub fn render(report: &Report, form: Form) -> String {
    match form {
        Form::Terminal => terminal::render(report),
        Form::Json => json::render(report),
        Form::Markdown => markdown::render(report),
        Form::Sarif => sarif::render(report),
        Form::Github => github::render(report),
        Form::Gitlab => gitlab::render(report),
        Form::Junit => junit::render(report),
    }
}

/// The linted statements alone, as in JSON.
pub fn statements(report: &Report) -> serde_json::Value {
    json::statements_alone(report)
}

/// Anything that is said of a place.
#[derive(Debug)]
struct Remark<'r> {
    file: &'r FileReport,
    /// Number of the statement, for a hazard.
    statement: Option<usize>,
    /// `AL001`, or the name of another rule.
    code: &'r str,
    name: &'r str,
    level: Severity,
    span: Span,
    /// Line and column, from 1; columns count characters, the end is behind the last one.
    start: (usize, usize),
    end: (usize, usize),
    message: &'r str,
    label: Option<&'r str>,
    detail: Option<&'r str>,
    help: Option<&'r str>,
    allowed: Option<&'r Allowed>,
}

impl Remark<'_> {
    /// `AL001 create-index`, or the name alone when there is no code.
    fn title(&self) -> String {
        if self.code == self.name {
            self.code.to_owned()
        } else {
            format!("{} {}", self.code, self.name)
        }
    }

    /// Message, detail and help, one a line.
    fn text(&self) -> String {
        let mut text = self.message.to_owned();
        for more in [self.detail, self.help].into_iter().flatten() {
            text.push('\n');
            text.push_str(more);
        }
        text
    }
}

/// The rule's name for a comment that allows what is not there.
const UNUSED: &str = "unused-suppression";

/// Everything that is said, file by file: problems, findings, unused suppressions. A file that only
/// makes the catalog has problems alone.
fn remarks(report: &Report) -> Vec<Remark<'_>> {
    let mut remarks = Vec::new();
    for file in &report.files {
        of_file(file, report.knowledge, &mut remarks);
    }
    remarks
}

fn of_file<'r>(file: &'r FileReport, knowledge: Knowledge, remarks: &mut Vec<Remark<'r>>) {
    let from = remarks.len();
    let remark = |code: &'r str, level, span: Span, message: &'r str| Remark {
        file,
        statement: None,
        code,
        name: code,
        level,
        span: within(span, &file.text),
        start: (1, 1),
        end: (1, 1),
        message,
        label: None,
        detail: None,
        help: None,
        allowed: None,
    };
    for problem in &file.problems {
        let level = match problem.kind {
            ProblemKind::Fails if knowledge == Knowledge::Files => Severity::Warning,
            ProblemKind::Fails
            | ProblemKind::Syntax
            | ProblemKind::Directive
            | ProblemKind::NotSql
            | ProblemKind::TooDeep => Severity::Error,
        };
        let found = &problem.diagnostic;
        remarks.push(Remark {
            label: found.label.as_deref(),
            detail: found.detail.as_deref(),
            help: found.hint.as_deref(),
            ..remark(problem.kind.name(), level, found.span, &found.message)
        });
    }
    for found in file.findings.iter().filter(|_| file.linted) {
        let hazard = found.finding.hazard;
        remarks.push(Remark {
            statement: Some(found.finding.statement),
            name: hazard.name,
            help: Some(found.finding.remedy.as_deref().unwrap_or(hazard.remedy)),
            allowed: found.allowed.as_ref(),
            ..remark(hazard.code, found.severity, found.finding.span, &found.finding.message)
        });
    }
    for unused in &file.unused {
        remarks.push(Remark {
            help: Some("Take the comment out."),
            ..remark(UNUSED, Severity::Warning, unused.span, &unused.message)
        });
    }
    remarks[from..].sort_by_key(|remark| (remark.span.start, remark.span.end));
    if remarks.len() > from {
        let mut lines = Lines::new(&file.text);
        for remark in &mut remarks[from..] {
            remark.start = lines.place(remark.span.start);
            remark.end = lines.place(remark.span.end);
        }
    }
}

/// The span, moved onto characters of the text.
fn within(span: Span, text: &str) -> Span {
    let floor = |at: usize| {
        let at = at.min(text.len());
        (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
    };
    let start = floor(span.start);
    Span::new(start, floor(span.end).max(start))
}

#[cfg(test)]
mod tests;
