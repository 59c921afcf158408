//! Hazards: what a statement of a migration does to the application that goes on running.
//!
//! Each hazard is one file: its page (code, name, effect, remedy, examples) and its check. The
//! checks read the [`Impact`] that `analyze` gives and the catalog before the statement, so that
//! nothing is said of an empty table, of a new one, or of work that the catalog shows not to happen.
//! Never reads files, never applies a statement: [`Checker`] is given one after the other.
//!
//! [`Impact`]: crate::analyze::Impact

mod alter;
mod checker;
mod context;
mod find;
mod history;
pub mod page;
mod place;
mod registry;
mod rules;
mod words;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use checker::{Checker, Options};
pub use context::Context;
pub use registry::{all, find};

use crate::sql::Span;
use serde::Serialize;

/// How much a hazard weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A strong lock for a moment, or risky together with something else.
    Warning,
    /// Makes the application wait for as long as work takes that grows with a table, or breaks it.
    Error,
}

impl Severity {
    /// The word in reports and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One kind of hazard: its page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hazard {
    /// `AL001`: never given to another hazard.
    pub code: &'static str,
    /// In kebab-case.
    pub name: &'static str,
    pub severity: Severity,
    /// One line, without full stop.
    pub summary: &'static str,
    /// What happens, in sentences.
    pub effect: &'static str,
    /// What to do instead, in sentences.
    pub remedy: &'static str,
    /// Statements that have the hazard, over the tables of `src/hazard/shop.sql`.
    pub bad: &'static str,
    /// Statements that come to the same without it.
    pub good: &'static str,
    /// Where PostgreSQL's documentation or source says so.
    pub source: &'static str,
}

/// A hazard at a place of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub hazard: &'static Hazard,
    /// Number of the statement in the file, from 1.
    pub statement: usize,
    /// The part of the statement that is meant; bytes of the file.
    pub span: Span,
    /// What happens here, with the real names and sizes. Lower case, without full stop.
    pub message: String,
    /// What to do here, when it can be said with the real names.
    pub remedy: Option<String>,
}
