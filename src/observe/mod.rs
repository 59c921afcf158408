//! What a statement really does on a server: which relations it locks, which get a new file, which
//! are read in full, and what the server says on the way.
//!
//! [`inside`] looks from within the transaction of the statement and sees everything that is still
//! held; [`outside`] watches a statement that forbids a transaction from another session. Both are
//! for throwaway and scratch servers: they run the statement. [`blockers`] only looks, and
//! [`measure`] reads and writes a little: they are for any server. Knows nothing of the lock model but the
//! [`Impact`](crate::analyze::Impact) that [`compare`] holds beside what was seen.

pub mod blockers;
pub mod compare;
pub mod inside;
pub mod measure;
pub mod outside;
mod relations;
pub mod run;

pub use compare::{Difference, Sight, differences};
pub use relations::Relations;

use crate::analyze::Impact;
use crate::lock::LockMode;
use crate::sql::QualifiedName;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What was done to relations that were there before, those of the server itself left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Effects {
    /// Strongest mode on each relation and index.
    pub locks: BTreeMap<QualifiedName, LockMode>,
    /// Which of the names in `locks` are indexes.
    #[serde(skip)]
    pub indexes: BTreeSet<QualifiedName>,
    /// Tables and materialized views with a new file.
    pub rewritten: BTreeSet<QualifiedName>,
    /// Indexes and sequences with a new file.
    pub new_files: BTreeSet<QualifiedName>,
    /// Tables and materialized views of which rows were read in a full scan.
    pub scanned: BTreeSet<QualifiedName>,
    /// The server's messages that tell of work, in its own words and in their order.
    pub messages: Vec<String>,
}

impl Effects {
    /// What the model says, in the same form; relations that are not `known` are left out.
    pub fn claimed(impact: &Impact, known: &Relations) -> Self {
        let mut effects = Effects::default();
        effects.add(impact, known);
        effects
    }

    /// Adds what the model says of a further statement of the same transaction.
    pub fn add(&mut self, impact: &Impact, known: &Relations) {
        for lock in impact.locks.iter().chain(&impact.index_locks) {
            if known.contains(&lock.relation) {
                self.hold(&lock.relation, lock.mode);
            }
        }
        let indexes = impact.index_locks.iter().map(|lock| &lock.relation);
        self.indexes.extend(indexes.filter(|name| known.contains(name)).cloned());
        for (all, said) in [
            (&mut self.rewritten, &impact.rewritten),
            (&mut self.new_files, &impact.new_files),
            (&mut self.scanned, &impact.scanned),
        ] {
            all.extend(said.iter().filter(|name| known.contains(name)).cloned());
        }
    }

    fn hold(&mut self, name: &QualifiedName, mode: LockMode) {
        let held = self.locks.entry(name.clone()).or_insert(mode);
        *held = mode.max(*held);
    }
}

/// How the server's messages begin that tell of work (at DEBUG1).
const TELLING: [&str; 6] = [
    "rewriting table",
    "verifying table",
    "building index",
    "validating foreign key",
    "existing constraints on column",
    "updated partition constraint for default partition",
];

/// Those of `messages` that tell of work.
fn telling(messages: &[tokio_postgres::error::DbError]) -> Vec<String> {
    messages
        .iter()
        .map(tokio_postgres::error::DbError::message)
        .filter(|text| TELLING.iter().any(|beginning| text.starts_with(beginning)))
        // What becomes of TOAST tables is part of what becomes of theirs.
        .filter(|text| !text.contains("\"pg_toast_"))
        .map(str::to_owned)
        .collect()
}
