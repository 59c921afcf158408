//! One statement in JSON: the same for `lint` and `plan`. `docs/schema/` describes it for programs.

use super::model::{Allowed, Found};
use crate::analyze::{Impact, Verdict};
use crate::hazard::Severity;
use crate::lock::LockMode;
use crate::plan::Work;
use crate::sql::{QualifiedName, Span};
use serde::Serialize;

/// A statement and what it does as written.
#[derive(Debug, Serialize)]
pub struct StatementJson<'a> {
    /// Path of the file that it stands in.
    pub file: &'a str,
    /// From 1 in each file.
    pub number: usize,
    /// Of the first character, from 1; columns count characters.
    pub line: usize,
    pub column: usize,
    /// As written, without the semicolon.
    pub sql: &'a str,
    /// Bytes of the file.
    pub span: Span,
    pub verdict: Verdict,
    pub locks: Vec<LockJson<'a>>,
    /// Tables and materialized views that get a new file.
    pub rewrites: &'a [QualifiedName],
    /// Tables and materialized views whose rows are all read.
    pub scans: &'a [QualifiedName],
    /// Tables and materialized views on which an index is built, those of a new file included.
    pub builds: &'a [QualifiedName],
    /// Indexes and sequences that stay themselves and get a new file.
    pub new_files: &'a [QualifiedName],
    /// Everything whose time grows with a table.
    pub work: &'a [Work],
    pub hazards: Vec<HazardJson<'a>>,
}

#[derive(Debug, Serialize)]
pub struct LockJson<'a> {
    pub relation: &'a QualifiedName,
    pub mode: &'static str,
    /// `index` for an index, `relation` for anything else.
    pub kind: &'static str,
}

#[derive(Debug, Serialize)]
pub struct HazardJson<'a> {
    pub code: &'static str,
    pub name: &'static str,
    pub severity: Severity,
    pub message: &'a str,
    pub remedy: &'a str,
    pub span: Span,
    pub line: usize,
    pub column: usize,
    /// Why it does not count, when somebody allowed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<AllowedJson<'a>>,
}

#[derive(Debug, Serialize)]
pub struct AllowedJson<'a> {
    pub by: super::AllowedBy,
    pub reason: &'a str,
}

/// Everything that is said of a statement.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    pub file: &'a str,
    pub number: usize,
    pub sql: &'a str,
    pub span: Span,
    pub impact: Option<&'a Impact>,
    pub verdict: Verdict,
    pub findings: &'a [Found],
}

/// `statement` for serialization; `place` gives line and column of a byte.
pub fn json<'a>(
    statement: Statement<'a>,
    mut place: impl FnMut(usize) -> (usize, usize),
) -> StatementJson<'a> {
    let (line, column) = place(statement.span.start);
    let hazards = statement
        .findings
        .iter()
        .map(|found| {
            let (line, column) = place(found.finding.span.start);
            let hazard = found.finding.hazard;
            HazardJson {
                code: hazard.code,
                name: hazard.name,
                severity: found.severity,
                message: &found.finding.message,
                remedy: found.finding.remedy.as_deref().unwrap_or(hazard.remedy),
                span: found.finding.span,
                line,
                column,
                allowed: found
                    .allowed
                    .as_ref()
                    .map(|Allowed { by, reason }| AllowedJson { by: *by, reason }),
            }
        })
        .collect();
    let mut json = StatementJson {
        file: statement.file,
        number: statement.number,
        line,
        column,
        sql: statement.sql,
        span: statement.span,
        verdict: statement.verdict,
        locks: Vec::new(),
        rewrites: &[],
        scans: &[],
        builds: &[],
        new_files: &[],
        work: &[],
        hazards,
    };
    if let Some(impact) = statement.impact {
        let lock = |kind| {
            move |(relation, mode): (&'a QualifiedName, LockMode)| LockJson {
                relation,
                mode: mode.sql(),
                kind,
            }
        };
        let pairs = |locks: &'a [crate::plan::RelationLock]| {
            locks.iter().map(|lock| (&lock.relation, lock.mode))
        };
        json.locks = pairs(&impact.locks)
            .map(lock("relation"))
            .chain(pairs(&impact.index_locks).map(lock("index")))
            .collect();
        json.rewrites = &impact.rewritten;
        json.scans = &impact.scanned;
        json.builds = &impact.built;
        json.new_files = &impact.new_files;
        json.work = &impact.work;
    }
    json
}
