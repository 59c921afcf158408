//! Who still uses the old names, before the contract phase takes them away.
//!
//! [`retired`](retired::retired) says which names those are: the contract steps of a plan are applied
//! to the catalog as it is at the gate, and what is no longer there afterwards is retired. That holds
//! for every recipe, because it reads what will run. [`text`] finds the names in SQL texts, [`body`] in the bodies of functions,
//! [`judge`] puts evidence and counts together. [`load`](mod@load) asks the server; nothing here
//! changes the database.
//!
//! Every use is *certain* or *possible*. Only a certain one keeps the gate closed: a name that could
//! belong to another table under a `search_path` that nobody here knows, or a `SELECT *` of which
//! nobody knows which columns are read, is shown and stops no one.

pub mod body;
pub mod judge;
pub mod load;
pub mod retired;
mod scope;
#[cfg(test)]
mod tests;
pub mod text;

use crate::sql::{QualifiedName, quote_ident};
use serde::Serialize;
use std::fmt;

/// Something that the contract phase takes away or gives another name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A table, view, materialized view, foreign table or sequence.
    Relation(QualifiedName),
    Column(QualifiedName, String),
    /// By name alone: the arguments of a call do not say which of several is meant.
    Function(QualifiedName),
    Type(QualifiedName),
    /// A value of an enum type.
    Label(QualifiedName, String),
}

impl Object {
    /// The name without anything before it, by which a text is looked through.
    pub fn word(&self) -> &str {
        match self {
            Object::Relation(name) | Object::Function(name) | Object::Type(name) => &name.name,
            Object::Column(_, name) | Object::Label(_, name) => name,
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Object::Relation(name) => write!(f, "{name}"),
            Object::Column(table, name) => write!(f, "column {} of {table}", quote_ident(name)),
            Object::Function(name) => write!(f, "function {name}"),
            Object::Type(name) => write!(f, "type {name}"),
            Object::Label(of, name) => write!(f, "value {name} of {of}"),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How sure it is that a text means the retired object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    Possible,
    Certain,
}

/// Where a use was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The sync trigger saw rows written through the old name.
    Writes,
    /// A view, policy, trigger, rule, … that the server itself knows to depend on it.
    Dependant,
    /// The body of a function.
    Function,
    /// `pg_stat_activity`.
    Session,
    /// `pg_stat_statements`.
    Statement,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Use {
    pub object: Object,
    pub source: Source,
    pub certainty: Certainty,
    /// The role or session behind it, when one is known.
    pub who: Option<String>,
    /// A name, or the text of a statement.
    pub what: String,
    /// How often since [`Evidence::since`].
    pub count: Option<u64>,
}

/// Everything that was found at one look.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Evidence {
    pub retired: Vec<Object>,
    /// Start of the time that counts are about; `None` when nobody has looked before.
    pub since: Option<jiff::Timestamp>,
    /// Length of that time, seconds.
    pub watched_seconds: Option<i64>,
    /// Worst first.
    pub uses: Vec<Use>,
    /// What could not be seen, in sentences.
    pub unseen: Vec<String>,
    /// The old names were used before, and the time watched since is too short to say that they are
    /// not any more: look again in so many seconds.
    pub look_again_in_seconds: Option<i64>,
}

impl Evidence {
    /// Whether nothing speaks against contract.
    pub fn is_clean(&self) -> bool {
        self.look_again_in_seconds.is_none()
            && self.uses.iter().all(|found| found.certainty == Certainty::Possible)
    }
}
