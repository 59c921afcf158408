//! Files of every migration tool become SQL with true places.
//!
//! An adapter never moves text: what is not to be linted (the way down, psql's own commands, data of
//! `COPY`) is overwritten with blanks, so that a place in the SQL is the place in the file. One file
//! for each tool; it also says whether the tool runs each file in one transaction. Pure: reading
//! folders is the caller's work.

mod airlock;
mod alembic;
mod dbmate;
mod flyway;
mod golang_migrate;
mod goose;
mod order;
mod plain;
mod prisma;
mod psql;
mod sections;
mod sqlx;
mod structure;

pub use order::{Candidate, arrange, arrange_given};

use crate::sql::{Diagnostic, Span, SqlError};
use serde::Serialize;
use std::borrow::Cow;
use std::ops::Range;

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// SQL as psql runs it.
    Sql,
    Flyway,
    Dbmate,
    Goose,
    Sqlx,
    GolangMigrate,
    Prisma,
    /// What pg_dump writes: `structure.sql` of Rails.
    Structure,
    /// What `alembic upgrade --sql` writes.
    Alembic,
    /// Revisions of airlock.
    Airlock,
}

/// Every tool with its name on the command line.
pub const TOOLS: [(&str, Tool); 10] = [
    ("sql", Tool::Sql),
    ("flyway", Tool::Flyway),
    ("dbmate", Tool::Dbmate),
    ("goose", Tool::Goose),
    ("sqlx", Tool::Sqlx),
    ("golang-migrate", Tool::GolangMigrate),
    ("prisma", Tool::Prisma),
    ("structure", Tool::Structure),
    ("alembic", Tool::Alembic),
    ("airlock", Tool::Airlock),
];

impl Tool {
    /// The name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        TOOLS.iter().find(|(_, tool)| *tool == self).map_or("sql", |(name, _)| name)
    }

    pub fn from_name(name: &str) -> Option<Tool> {
        TOOLS.iter().find(|(known, _)| *known == name).map(|(_, tool)| *tool)
    }
}

/// Whether the statements of a file run in one transaction unless they say otherwise themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transaction {
    /// The tool opens one, or sends the file as one message, which is the same.
    File,
    /// Every statement commits by itself.
    Statement,
}

/// A file as the linter reads it.
#[derive(Debug)]
pub struct Adapted<'a> {
    /// As long as the file's text, blank where there is nothing to lint.
    pub text: Cow<'a, str>,
    pub section: Range<usize>,
    pub transaction: Transaction,
    /// What stops a part of the file from being read.
    pub problems: Vec<SqlError>,
    /// What was passed over, in words.
    pub notes: Vec<Diagnostic>,
}

impl<'a> Adapted<'a> {
    fn whole(text: &'a str, transaction: Transaction) -> Self {
        Self {
            section: 0..text.len(),
            text: Cow::Borrowed(text),
            transaction,
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A file that is no text.
    pub fn unreadable(text: &'a str, problem: Diagnostic) -> Self {
        let mut adapted = Self::whole(text, Transaction::Statement);
        adapted.section = 0..0;
        adapted.problems.push(SqlError::NotSql(problem));
        adapted
    }

    /// Overwrites `ranges`, which end at character boundaries, with blanks, line ends aside.
    fn blank(&mut self, ranges: &[Range<usize>]) {
        if ranges.iter().all(Range::is_empty) {
            return;
        }
        let mut bytes = std::mem::take(&mut self.text).into_owned().into_bytes();
        for range in ranges {
            let visible = bytes[range.clone()].iter_mut().filter(|b| !matches!(b, b'\n' | b'\r'));
            visible.for_each(|byte| *byte = b' ');
        }
        self.text = String::from_utf8(bytes).map(Cow::Owned).unwrap_or_default();
    }
}

/// The tool that a file on its own belongs to, by its name and marks in its text.
pub fn detect(path: &str, text: &str) -> Tool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    // Marks in the text say more than names, which several tools share.
    if airlock::recognises(text) {
        Tool::Airlock
    } else if dbmate::recognises(text) {
        Tool::Dbmate
    } else if goose::recognises(text) {
        Tool::Goose
    } else if structure::recognises(text) {
        Tool::Structure
    } else if alembic::recognises(text) {
        Tool::Alembic
    } else if flyway::version(name).is_some() || flyway::is_repeatable(name) {
        Tool::Flyway
    } else if prisma::recognises(path) {
        Tool::Prisma
    } else if sqlx::recognises(name) {
        Tool::Sqlx
    } else if golang_migrate::recognises(name) {
        Tool::GolangMigrate
    } else {
        Tool::Sql
    }
}

/// Reads `text` as `tool` would.
pub fn adapt<'a>(tool: Tool, path: &str, text: &'a str) -> Adapted<'a> {
    match tool {
        Tool::Sql => plain::adapt(text),
        Tool::Flyway => flyway::adapt(text),
        Tool::Dbmate => dbmate::adapt(text),
        Tool::Goose => goose::adapt(text),
        Tool::Sqlx => sqlx::adapt(text),
        Tool::GolangMigrate => golang_migrate::adapt(text),
        Tool::Prisma => prisma::adapt(text),
        Tool::Structure => structure::adapt(text),
        Tool::Alembic => alembic::adapt(text),
        Tool::Airlock => airlock::adapt(path, text),
    }
}

/// The first line of `text` that is neither blank nor a comment other than one that `wanted` takes.
fn line_with(text: &str, wanted: impl Fn(&str) -> bool) -> Option<Span> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if wanted(line.trim()) {
            return Some(Span::new(at, at + line.trim_end().len()));
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests;
