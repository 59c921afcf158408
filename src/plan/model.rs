//! The plan as data: what is reviewed is exactly what runs.
//!
//! No closures and no hidden steps. A reader of the TOML file can predict every statement that the
//! server will see, apart from the lock, timeout and journal statements around a step, which
//! `docs/plan-file.md` lists once for all plans. Never does I/O.

use crate::lock::LockMode;
use crate::sql::QualifiedName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Version of the file format; a plan of another version is refused.
pub const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub format: u32,
    pub revision: PlannedRevision,
    /// Major version of the server that the plan was made for.
    pub server: u32,
    /// `search_path` under which the migration's own expressions are resolved. Names that airlock
    /// writes are always qualified.
    pub search_path: Vec<String>,
    /// What the migration sets for itself and values depend on (`DateStyle`); every connection that
    /// runs steps sets it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// SHA-256 over everything else in this plan, in its canonical form.
    pub digest: String,
    /// What the plan cannot keep, or what a reviewer must know, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What has to happen between two phases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// The migration as written, statement by statement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<PlannedStatement>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What was true of the database when the plan was made and must still be true when it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedRevision {
    pub id: String,
    pub parents: Vec<String>,
    pub message: String,
    /// SHA-256 of the canonical form of the migration: comments and layout do not change it,
    /// directives and meaning do.
    pub digest: String,
}

/// A promise that the plan cannot keep, or a consequence that is easy to overlook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    pub kind: NoteKind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// Columns end up in another order than the migration as written gives.
    ColumnOrder,
    /// A constraint that a partition or child inherits is marked as its own, too.
    Inheritance,
    /// `rollback` cannot bring back what this changes.
    Irreversible,
    /// Application triggers fire, or do not, where one could expect the opposite.
    Triggers,
    /// Something that the old or new application must not do while the rollout is on.
    Application,
    /// Anything else worth a reviewer's eye.
    Information,
}

/// A stop between phases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The phase that does not start by itself.
    pub before: Phase,
    /// What a person has to see to before passing it.
    pub until: String,
}

/// One statement of the migration as written and what it would do on its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedStatement {
    /// 1 for the first statement of the upgrade section.
    pub number: usize,
    /// Line in the revision file, from 1.
    pub line: usize,
    pub sql: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<RelationLock>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<Work>,
}

/// A lock that a statement or step takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelationLock {
    pub relation: QualifiedName,
    pub mode: LockMode,
}

/// Work whose time grows with the size of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    pub kind: WorkKind,
    /// Table that is scanned or rewritten, or on which the index is built.
    pub relation: QualifiedName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkKind {
    /// Reads the whole table.
    Scan,
    /// Reads the whole table and looks up a key in another for each row.
    Validate,
    /// Builds an index.
    IndexBuild,
    /// Writes a new copy of the table and all its indexes.
    Rewrite,
    /// Updates or deletes rows in place.
    RowChanges,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Additive, short locks.
    Expand,
    /// Backfills, builds, validations: long, weak locks.
    Migrate,
    /// Names move; short locks; can still be undone.
    Switch,
    /// Drops what only the old application needs; cannot be undone.
    Contract,
}

impl Phase {
    pub const ALL: [Phase; 4] = [Phase::Expand, Phase::Migrate, Phase::Switch, Phase::Contract];

    pub fn name(self) -> &'static str {
        match self {
            Phase::Expand => "expand",
            Phase::Migrate => "migrate",
            Phase::Switch => "switch",
            Phase::Contract => "contract",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that the runner does, journaled as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique in the plan and stable: `expand-1`, `migrate-2`.
    pub id: String,
    pub phase: Phase,
    /// Statements of the migration that this step stands for (numbers as in `statements`).
    pub statements: Vec<usize>,
    /// Why the step exists, in a sentence.
    pub why: String,
    pub action: Action,
    /// Every relation that the step locks and the strongest mode on it. For a transaction these
    /// are requested first, in this order, under the stall budget.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<RelationLock>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<Work>,
    pub undo: Undo,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Action {
    /// Metadata only: one short transaction under the stall budget, its journal entry inside.
    /// `sql` may be several statements; each is sent in a round trip of its own.
    Transaction { sql: Vec<String> },
    /// A long statement under weak locks (SHARE UPDATE EXCLUSIVE at most on a table that the
    /// application writes) in a transaction with its journal entry; waits without lock timeout
    /// under a watchdog: `VALIDATE CONSTRAINT`.
    Validate { sql: String },
    /// A statement that PostgreSQL refuses in a transaction: concurrent index builds and drops.
    Concurrent {
        sql: String,
        /// One row, one text: `absent`, `half-done` or `done`.
        probe: String,
        /// Sent, outside a transaction, when the probe says `half-done`.
        cleanup: String,
    },
    /// Rows changed in batches over block ranges.
    Backfill(Backfill),
    /// A read-only check that must find nothing.
    Verify { relation: QualifiedName, check: Check, meaning: String },
    /// One data statement as written, in one transaction with its journal entry, without batches:
    /// the estimate was small, or the user allowed it.
    Statement { sql: String },
    /// A statement that PostgreSQL refuses inside a transaction, and that may run twice without harm:
    /// `VACUUM`, `REINDEX CONCURRENTLY`.
    Maintenance { sql: String },
}

/// What a verification looks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// Rows of the relation (of every leaf of a partitioned one) for which `condition` holds, counted
    /// block range by block range. `alias` is the name that the condition uses for the table.
    Rows { alias: String, condition: String },
    /// A whole query that gives one number, which must be 0.
    Query { sql: String },
}

/// Changes of the rows of one table (every leaf of a partitioned one), batch by batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backfill {
    pub relation: QualifiedName,
    /// Name that the expressions use for the table.
    pub alias: String,
    pub change: Change,
    /// Which rows still need a visit. Visiting a row twice must change nothing (the planner proves
    /// it); `true` when every row does.
    pub predicate: String,
    /// False when airlock invented the change: then the application's triggers must not fire.
    pub fires_triggers: bool,
    /// The walk is repeated until a complete pass changes no row: for changes without a trigger
    /// that catches the rows which the application moves out of the walk's way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeat: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// `SET` list and, optionally, the `FROM` list of an `UPDATE`.
    Update {
        set: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// `DELETE`, optionally with a `USING` list.
    Delete {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        using: Option<String>,
    },
}

/// How `rollback` takes a step back, before contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Undo {
    /// Nothing to do: the undoing of an earlier step removes the effect too, or there is none.
    Nothing,
    /// One short transaction under the stall budget.
    Transaction { sql: Vec<String>, locks: Vec<RelationLock> },
    /// Outside a transaction; `probe` and `cleanup` as in [`Action::Concurrent`].
    Concurrent { sql: String, probe: String, cleanup: String },
    /// A long statement under weak locks, as in [`Action::Validate`]; only inside a sequence.
    Validate { sql: String },
    /// Several of the above, in this order. Every part but the last is repeatable, and the last is
    /// a transaction: it commits together with the journal's word that the step is undone.
    Sequence { parts: Vec<Undo> },
    /// Cannot be taken back; `why` goes into the plan's notes and into the report of `rollback`.
    Irreversible { why: String },
}

/// How the fact begins that says that a table held no row when the plan was made.
pub const EMPTY: &str = "empty";

/// Something that was read from the catalog and that the plan depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What is spoken of, for example `column public.users.email` or `empty public.users`.
    pub about: String,
    /// What was found, in one line.
    pub value: String,
}

impl Plan {
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// Whether anything is left for `contract`.
    pub fn has_contract(&self) -> bool {
        self.steps.iter().any(|step| step.phase == Phase::Contract)
    }

    /// The first phase at which `upgrade` stops, if any.
    pub fn first_gate(&self) -> Option<Phase> {
        self.gates.iter().map(|gate| gate.before).min()
    }
}
