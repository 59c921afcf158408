//! What is allowed: by comments at a statement, by comments for a file, by the settings.
//!
//! Each says why. A comment that allows what is not there is reported, so that it does not outlive
//! its reason.

use super::model::{Allowed, AllowedBy, Found, Problem, ProblemKind, Report, Unused};
use crate::analyze::Verdict;
use crate::hazard::{self, Finding, Hazard, Severity};
use crate::sql::directive::AllowedHazard;
use crate::sql::{Diagnostic, Directive, DirectiveKind, Span, Statement};
use std::collections::BTreeMap;

/// What the settings say about hazards.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub ignores: Vec<Ignore>,
    /// By code.
    pub severities: BTreeMap<&'static str, Severity>,
}

/// `[[lint.ignore]]` of the settings.
#[derive(Debug, Clone)]
pub struct Ignore {
    pub hazard: &'static Hazard,
    /// Which files; all of them when there is none.
    pub path: Option<glob::Pattern>,
    pub reason: String,
}

impl Ignore {
    /// Whether it speaks of the file. A pattern may begin at any folder of the path.
    fn matches(&self, path: &str) -> bool {
        let Some(pattern) = &self.path else { return true };
        let options =
            glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
        let starts = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
        starts.into_iter().any(|start| pattern.matches_with(&path[start..], options))
    }
}

impl Rules {
    /// The rules that speak of a linted file and suppressed nothing, in words.
    pub fn unused(&self, report: &Report) -> Vec<String> {
        let used = |ignore: &Ignore| {
            report.linted().filter(|file| ignore.matches(&file.path)).any(|file| {
                file.findings.iter().any(|found| {
                    found.finding.hazard.code == ignore.hazard.code
                        && found.allowed.as_ref().is_some_and(|a| a.by == AllowedBy::Settings)
                })
            })
        };
        let unused = self.ignores.iter().filter(|ignore| !used(ignore));
        unused
            .map(|ignore| {
                let place = ignore.path.as_ref().map_or_else(
                    || "any file".to_owned(),
                    |pattern| format!("files of \"{pattern}\""),
                );
                let Hazard { code, name, .. } = ignore.hazard;
                format!("[[lint.ignore]] of {code} ({name}): it is not found in {place}")
            })
            .collect()
    }
}

/// What a comment allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Hazard(&'static Hazard),
    /// The words that `plan` knows too.
    Known(AllowedHazard),
}

#[derive(Debug)]
struct Entry {
    subject: Subject,
    reason: String,
    span: Span,
    used: bool,
}

/// The comments of one file.
#[derive(Debug, Default)]
pub(super) struct Suppressions {
    file: Vec<Entry>,
    /// Of the statements that have any: number, verdict, comments.
    statements: Vec<(usize, Verdict, Vec<Entry>)>,
}

impl Suppressions {
    /// From the comments that speak of the whole file; and those that name no hazard.
    pub(super) fn of_file(directives: &[Directive]) -> (Self, Vec<Problem>) {
        let (file, problems) = entries(directives);
        (Self { file, statements: Vec::new() }, problems)
    }

    /// Adds the comments of a statement; gives those that name no hazard.
    pub(super) fn statement(
        &mut self,
        number: usize,
        statement: &Statement,
        verdict: Verdict,
    ) -> Vec<Problem> {
        if statement.directives.is_empty() {
            return Vec::new();
        }
        let (entries, problems) = entries(&statement.directives);
        self.statements.push((number, verdict, entries));
        problems
    }

    /// The finding with its weight, and whether it is allowed.
    pub(super) fn weigh(&mut self, finding: Finding, path: &str, rules: &Rules) -> Found {
        let hazard = finding.hazard;
        let severity = rules.severities.get(hazard.code).copied().unwrap_or(hazard.severity);
        let allowed = self
            .by_statement(&finding)
            .or_else(|| self.by_file(hazard))
            .or_else(|| by_settings(hazard, path, rules));
        Found { finding, severity, allowed }
    }

    fn by_statement(&mut self, finding: &Finding) -> Option<Allowed> {
        let of = |(number, ..): &&mut (usize, Verdict, Vec<Entry>)| *number == finding.statement;
        let (_, verdict, entries) = self.statements.iter_mut().rev().find(of)?;
        let verdict = *verdict;
        let entry =
            entries.iter_mut().find(|entry| allows(entry.subject, finding.hazard, verdict))?;
        entry.used = true;
        Some(Allowed { by: AllowedBy::Directive, reason: entry.reason.clone() })
    }

    fn by_file(&mut self, hazard: &'static Hazard) -> Option<Allowed> {
        let wanted = Subject::Hazard(hazard);
        let entry = self.file.iter_mut().find(|entry| entry.subject == wanted)?;
        entry.used = true;
        Some(Allowed { by: AllowedBy::File, reason: entry.reason.clone() })
    }

    /// Comments that allowed nothing. What `plan` knows too may matter there.
    pub(super) fn unused(&self) -> Vec<Unused> {
        let of_statements = self.statements.iter().flat_map(|(_, _, entries)| entries);
        let all = of_statements
            .map(|entry| (entry, "here"))
            .chain(self.file.iter().map(|entry| (entry, "in this file")));
        let mut unused: Vec<Unused> = all
            .filter(|(entry, _)| !entry.used)
            .filter_map(|(entry, place)| match entry.subject {
                Subject::Hazard(hazard) => Some(Unused {
                    hazard: hazard.code.to_owned(),
                    span: entry.span,
                    message: format!("{} ({}) is not found {place}", hazard.code, hazard.name),
                }),
                Subject::Known(_) => None,
            })
            .collect();
        unused.sort_by_key(|unused| unused.span.start);
        unused
    }
}

fn by_settings(hazard: &Hazard, path: &str, rules: &Rules) -> Option<Allowed> {
    let ignore = rules.ignores.iter().find(|i| i.hazard.code == hazard.code && i.matches(path))?;
    Some(Allowed { by: AllowedBy::Settings, reason: ignore.reason.clone() })
}

/// Whether allowing `subject` allows `hazard` at a statement with this verdict.
fn allows(subject: Subject, hazard: &'static Hazard, verdict: Verdict) -> bool {
    let known = match subject {
        Subject::Hazard(allowed) => return allowed.code == hazard.code,
        Subject::Known(known) => known,
    };
    match known {
        // Every way in which the statement makes others wait for as long as its work takes.
        AllowedHazard::Blocking => {
            verdict == Verdict::Blocking && hazard.severity == Severity::Error
        }
        AllowedHazard::Opaque => verdict == Verdict::Opaque && hazard.name == "opaque-statement",
        AllowedHazard::Unknown => verdict == Verdict::Unknown && hazard.name == "unknown-statement",
        AllowedHazard::Unbatched => hazard.name == "unbatched-change",
        // A consequence of a backfill, which only `plan` makes.
        AllowedHazard::TriggersFire => false,
    }
}

fn entries(directives: &[Directive]) -> (Vec<Entry>, Vec<Problem>) {
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for directive in directives {
        let (subject, reason) = match &directive.kind {
            DirectiveKind::Allow { hazard, reason } => (Some(Subject::Known(*hazard)), reason),
            DirectiveKind::AllowHazard { hazard, reason }
            | DirectiveKind::AllowFile { hazard, reason } => {
                let found = hazard::find(hazard);
                if found.is_none() {
                    problems.push(unknown(hazard, directive.span));
                }
                (found.map(Subject::Hazard), reason)
            }
            DirectiveKind::Backfill { .. }
            | DirectiveKind::Reverse { .. }
            | DirectiveKind::Rename(_)
            | DirectiveKind::Batch
            | DirectiveKind::Marker
            | DirectiveKind::StoredTrigger => continue,
        };
        if let Some(subject) = subject {
            let (reason, span) = (reason.clone(), directive.span);
            entries.push(Entry { subject, reason, span, used: false });
        }
    }
    (entries, problems)
}

fn unknown(name: &str, span: Span) -> Problem {
    let diagnostic = Diagnostic::new(format!("unknown hazard `{name}`"), span)
        .hint("`airlock explain` lists the hazards.");
    Problem { kind: ProblemKind::Directive, diagnostic }
}
