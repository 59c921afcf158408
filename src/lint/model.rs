//! What is linted and what is found.

use super::input::{Tool, Transaction};
use super::suppress::Rules;
use crate::analyze::{Impact, Verdict};
use crate::hazard::{Finding, Severity};
use crate::sql::{Diagnostic, QualifiedName, Span};
use serde::Serialize;

/// A file to read, in the order in which the files run.
#[derive(Debug, Clone)]
pub struct File {
    /// As messages should name it.
    pub path: String,
    pub text: String,
    pub tool: Tool,
    /// False for one that only makes the catalog (`--base`).
    pub linted: bool,
    /// Why `text` is not really the file's: its bytes are no text.
    pub problem: Option<Diagnostic>,
}

/// Where the catalog before the first file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knowledge {
    /// Only what the files create; everything else that they name is taken for existing and filled.
    Files,
    /// A saved catalog.
    Catalog,
    /// A live database.
    Database,
}

#[derive(Debug)]
pub struct Options {
    pub knowledge: Knowledge,
    pub rules: Rules,
    /// A whole folder is linted, so that a rule that matches nothing is a leftover.
    pub whole_folder: bool,
}

/// Everything that was found.
#[derive(Debug)]
pub struct Report {
    /// Major version of the server that the verdicts are for.
    pub postgres: u32,
    pub knowledge: Knowledge,
    pub sizes_known: bool,
    /// In the order of the run, those that only make the catalog included.
    pub files: Vec<FileReport>,
    /// Relations that no file creates and that were taken for existing and filled.
    pub assumed: Vec<QualifiedName>,
    /// Rules of the settings that matched nothing.
    pub unused_rules: Vec<String>,
}

#[derive(Debug)]
pub struct FileReport {
    pub path: String,
    pub text: String,
    pub tool: Tool,
    pub transaction: Transaction,
    pub linted: bool,
    pub statements: Vec<StatementReport>,
    pub problems: Vec<Problem>,
    pub notes: Vec<Note>,
    pub findings: Vec<Found>,
    pub unused: Vec<Unused>,
}

#[derive(Debug)]
pub struct StatementReport {
    /// From 1.
    pub number: usize,
    pub span: Span,
    /// Of the start, from 1.
    pub line: usize,
    /// `None` when it could not be analyzed.
    pub impact: Option<Impact>,
    pub verdict: Verdict,
}

/// What keeps a file, or a part of it, from being linted.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub diagnostic: Diagnostic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The grammar refuses it.
    Syntax,
    /// A directive that is not understood.
    Directive,
    /// No SQL.
    NotSql,
    /// Nested more deeply than can be analysed.
    TooDeep,
    /// The statement cannot work on a database that looks like the catalog.
    Fails,
}

impl ProblemKind {
    /// The name in output, as a rule's name.
    pub fn name(self) -> &'static str {
        match self {
            ProblemKind::Syntax => "syntax-error",
            ProblemKind::Directive => "bad-directive",
            ProblemKind::NotSql => "not-sql",
            ProblemKind::TooDeep => "nested-too-deeply",
            ProblemKind::Fails => "statement-fails",
        }
    }
}

/// Something passed over that a reader should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    pub diagnostic: Diagnostic,
}

/// A finding, weighed.
#[derive(Debug, Clone)]
pub struct Found {
    pub finding: Finding,
    /// After the settings' overrides.
    pub severity: Severity,
    pub allowed: Option<Allowed>,
}

/// Why a finding does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    pub by: AllowedBy,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedBy {
    /// A comment at the statement.
    Directive,
    /// A comment for the whole file.
    File,
    /// `airlock.toml`.
    Settings,
}

/// A comment that allows what is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    pub hazard: String,
    pub span: Span,
    pub message: String,
}

/// How many of each there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub files: usize,
    pub statements: usize,
    pub errors: usize,
    pub warnings: usize,
    pub infos: usize,
    pub allowed: usize,
    pub unused_suppressions: usize,
    pub problems: usize,
}

impl Report {
    /// The files that were asked about.
    pub fn linted(&self) -> impl Iterator<Item = &FileReport> {
        self.files.iter().filter(|file| file.linted)
    }

    pub fn summary(&self) -> Summary {
        let mut summary =
            Summary { unused_suppressions: self.unused_rules.len(), ..Summary::default() };
        for file in &self.files {
            summary.problems += file.problems.len();
            if !file.linted {
                continue;
            }
            summary.files += 1;
            summary.statements += file.statements.len();
            summary.unused_suppressions += file.unused.len();
            for found in &file.findings {
                match (&found.allowed, found.severity) {
                    (Some(_), _) => summary.allowed += 1,
                    (None, Severity::Error) => summary.errors += 1,
                    (None, Severity::Warning) => summary.warnings += 1,
                    (None, Severity::Info) => summary.infos += 1,
                }
            }
        }
        summary
    }

    /// The heaviest finding that nobody allowed; an unused suppression weighs as a warning.
    pub fn worst(&self) -> Option<Severity> {
        let summary = self.summary();
        if summary.errors > 0 {
            Some(Severity::Error)
        } else if summary.warnings + summary.unused_suppressions > 0 {
            Some(Severity::Warning)
        } else {
            (summary.infos > 0).then_some(Severity::Info)
        }
    }

    /// Whether a statement cannot work on the catalog.
    pub fn has_failing_statement(&self) -> bool {
        let mut problems = self.files.iter().flat_map(|file| &file.problems);
        problems.any(|problem| problem.kind == ProblemKind::Fails)
    }

    /// Whether something could not be read, or would fail on a database that is known.
    pub fn has_bad_input(&self) -> bool {
        self.files.iter().flat_map(|file| &file.problems).any(|problem| match problem.kind {
            ProblemKind::Syntax
            | ProblemKind::Directive
            | ProblemKind::NotSql
            | ProblemKind::TooDeep => true,
            // What is only assumed may be assumed wrongly.
            ProblemKind::Fails => self.knowledge != Knowledge::Files,
        })
    }
}
