//! What a statement does when it runs as written: locks, work, verdict. Pure; one file per family
//! of statements.

mod alter_table;
pub mod columns;
mod create;
mod data;
mod dispatch;
mod drop;
mod effects;
pub mod estimate;
mod index;
mod maintenance;
mod misc;
mod plpgsql;
mod rename;
mod resolve;
mod subscription;
mod types;

pub use data::fired_triggers;
pub use estimate::estimate;
pub use plpgsql::function_texts;
pub use types::is_assigned;

use crate::catalog::Catalog;
pub use crate::catalog::volatility;
use crate::plan::{RelationLock, Work};
use crate::sql::{Diagnostic, QualifiedName, Statement};
pub use maintenance::has_option;
use serde::{Deserialize, Serialize};

/// What a statement would do on its own, in a transaction, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// Strongest mode on each relation that exists before the statement, sorted by name: tables,
    /// views, materialized views, foreign tables and sequences.
    pub locks: Vec<RelationLock>,
    /// The same for indexes, which cannot be named in `LOCK TABLE`.
    #[serde(default)]
    pub index_locks: Vec<RelationLock>,
    pub work: Vec<Work>,
    /// Tables and materialized views that get a new file, an empty one (`TRUNCATE`) included.
    #[serde(default)]
    pub rewritten: Vec<QualifiedName>,
    /// Tables and materialized views whose rows are all read.
    #[serde(default)]
    pub scanned: Vec<QualifiedName>,
    /// Tables and materialized views on which the server builds an index: a new one, or those that a
    /// new file needs, an empty one included.
    #[serde(default)]
    pub built: Vec<QualifiedName>,
    /// Indexes that exist before and after and get a new file, and sequences that do.
    #[serde(default)]
    pub new_files: Vec<QualifiedName>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Takes no lock that the application could wait for.
    Safe,
    /// Takes a lock that conflicts with reads or writes for milliseconds whatever the size.
    Brief,
    /// Holds such a lock while it does work that grows with a table.
    Blocking,
    /// Its effect cannot be seen from its text.
    Opaque,
    /// Not known to airlock.
    Unknown,
}

/// What stops the analysis of a statement.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AnalyzeError {
    /// A relation, column, constraint, index, schema or type that is not in the catalog.
    #[error("{}", .0.message)]
    Missing(Diagnostic, Box<Absent>),
    /// Something that exists already and would make the statement fail.
    #[error("{}", .0.message)]
    Exists(Diagnostic),
    /// The statement cannot work, as far as the catalog shows.
    #[error("{}", .0.message)]
    Invalid(Diagnostic),
}

/// What a statement names and the catalog does not have, so that a catalog that is known to have gaps
/// can be completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    Relation {
        schema: Option<String>,
        name: String,
    },
    Index {
        schema: Option<String>,
        name: String,
    },
    /// An index that must belong to this table.
    IndexOf {
        table: QualifiedName,
        name: String,
    },
    Column {
        table: QualifiedName,
        name: String,
    },
    Constraint {
        table: QualifiedName,
        name: String,
    },
    Schema(String),
    Type {
        schema: Option<String>,
        name: String,
    },
    EnumLabel {
        of: QualifiedName,
        label: String,
    },
    /// Something that is looked up by name alone: `trigger`, `policy`, `function`.
    Other {
        what: String,
        name: String,
    },
}

impl AnalyzeError {
    pub fn diagnostic(&self) -> &Diagnostic {
        match self {
            AnalyzeError::Missing(d, _) | AnalyzeError::Exists(d) | AnalyzeError::Invalid(d) => d,
        }
    }
}

/// The impact of `statement` on a database that looks like `catalog`.
///
/// # Errors
/// When the statement names what does not exist, or would fail for another visible reason.
pub fn analyze(statement: &Statement, catalog: &Catalog) -> Result<Impact, AnalyzeError> {
    let mut fx = effects::Effects::new(catalog);
    dispatch::statement(resolve::Context { statement, catalog }, &mut fx)?;
    Ok(fx.finish())
}
