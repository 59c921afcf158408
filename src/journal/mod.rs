//! The journal: what was started, how far it is and who is at work, in schema `airlock` of the
//! target database.
//!
//! [`read`] is for `status` and `history` and for the runner's own decisions; it takes no lock
//! beyond those of a read and works, empty, where there is no journal yet. Everything that writes
//! is a [`Command`]: `run` sends it, in the same transaction as the work that it speaks of. Never
//! decides what is done next.

pub mod audit;
pub mod command;
pub mod control;
pub mod rollout;
pub mod runner;
pub mod schema;
pub mod stamp;
pub mod state;
pub mod usage;
pub mod walk;

pub use command::{Command, Hits, Value};
pub use runner::{Identity, Pose, Runner};
pub use state::{IllegalTransition, RolloutEvent, RolloutState, StepEvent, StepState};

use crate::connect::database_error;
use crate::error::{Error, Kind};
use crate::plan::{Fact, Phase};
use serde::Serialize;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// Everything in the journal.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Journal {
    /// In the order in which they were started.
    pub rollouts: Vec<Rollout>,
    /// The runner at work, or the one that died at work.
    pub runner: Option<Runner>,
    /// In force.
    pub orders: Vec<control::Order>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rollout {
    pub revision: String,
    pub parents: Vec<String>,
    pub message: String,
    pub plan_digest: String,
    pub migration_digest: String,
    /// The plan file.
    #[serde(skip)]
    pub plan: String,
    pub state: RolloutState,
    /// The phase at work, or the one behind the gate.
    pub phase: Phase,
    pub started_at: jiff::Timestamp,
    pub finished_at: Option<jiff::Timestamp>,
    pub applied_by: String,
    pub applied_from: String,
    pub applied_with: String,
    /// Of the relations concerned, after the last completed phase.
    #[serde(skip)]
    pub facts: Option<Vec<Fact>>,
    /// In the order of the plan.
    pub steps: Vec<StepRecord>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRecord {
    pub step: String,
    pub phase: Phase,
    /// As in the plan file: `transaction`, `backfill`, …
    pub kind: String,
    pub state: StepState,
    pub started_at: Option<jiff::Timestamp>,
    pub finished_at: Option<jiff::Timestamp>,
    pub attempts: i64,
    pub waited_ms: f64,
    pub held_ms: f64,
    pub worst_stall_ms: f64,
    pub rows: i64,
    pub batches: i64,
    pub vacuums: i64,
    pub detail: Option<String>,
    /// For a backfill: how far it is.
    pub walk: Option<WalkProgress>,
}

/// How far a backfill is, over all its tables and ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct WalkProgress {
    pub blocks_done: i64,
    pub blocks_total: i64,
    pub rows: i64,
    pub pass: i64,
}

/// Why the journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(
        "the journal in schema airlock is of version {found}, this airlock knows version {}",
        schema::VERSION
    )]
    Version { found: i64 },
    #[error("the journal in schema airlock is damaged: {what}")]
    Damaged { what: String },
    #[error("{}", database_error(.0, READING).message)]
    Database(#[from] tokio_postgres::Error),
}

/// What fails, in error messages.
const READING: &str = "read the journal in schema airlock";

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Database(error) => database_error(&error, READING),
            JournalError::Version { .. } => {
                Error::new(Kind::Drift, error.to_string()).hint("Use the newer airlock.")
            }
            JournalError::Damaged { .. } => Error::new(Kind::Failed, error.to_string()),
        }
    }
}

impl Journal {
    pub fn rollout(&self, revision: &str) -> Option<&Rollout> {
        self.rollouts.iter().find(|rollout| rollout.revision == revision)
    }
}

/// Under which id the downgrade of `revision` is in the journal. No revision has such an id.
pub fn downgrade_id(revision: &str) -> String {
    format!("{revision}{DOWN}")
}

const DOWN: &str = "-down";

/// The revision whose downgrade is in the journal under `id`.
pub fn downgraded(id: &str) -> Option<&str> {
    id.strip_suffix(DOWN)
}

/// How the ids of repeatable objects end.
pub const AGAIN: &str = "-again";
/// How the ids of seeds end.
pub const SEED: &str = "-seed";

/// The repeatable object, or the seed, that is in the journal under `id`.
pub fn repeated(id: &str) -> Option<&str> {
    id.strip_suffix(AGAIN).or_else(|| id.strip_suffix(SEED))
}

impl Rollout {
    /// The repeatable object, or the seed, that this has applied: always in one transaction.
    pub fn repeats(&self) -> Option<&str> {
        repeated(&self.revision)
    }

    /// The revision that this takes back by its downgrade section.
    pub fn downgrades(&self) -> Option<&str> {
        downgraded(&self.revision)
    }

    /// Written down as done without having run.
    pub fn is_stamped(&self) -> bool {
        self.plan.is_empty()
    }

    pub fn step(&self, id: &str) -> Option<&StepRecord> {
        self.steps.iter().find(|step| step.step == id)
    }
}

/// Reads the whole journal in one snapshot; empty when there is none.
///
/// # Errors
/// A journal of another version, one that breaks its own rules, or trouble with the database.
pub async fn read(client: &Client) -> Result<Journal, JournalError> {
    read_some(client, None).await
}

/// [`read`] with the rollouts of `revisions` alone: a database with many schemas may have very many.
///
/// # Errors
/// As [`read`].
pub async fn read_of(client: &Client, revisions: &[&str]) -> Result<Journal, JournalError> {
    read_some(client, Some(revisions)).await
}

async fn read_some(client: &Client, only: Option<&[&str]>) -> Result<Journal, JournalError> {
    if !client.query_typed_one(schema::EXISTS, &[]).await?.get::<_, bool>(0) {
        return Ok(Journal::default());
    }
    let found: i64 = client.query_typed_one(schema::READ_VERSION, &[]).await?.get(0);
    if found > schema::VERSION {
        return Err(JournalError::Version { found });
    }
    // One statement each; the order makes a step or walk without its rollout impossible to meet,
    // as both are deleted with it.
    let steps = client.query_typed(READ_STEPS, &[(&only, Type::TEXT_ARRAY)]).await?;
    let rollouts = client.query_typed(READ_ROLLOUTS, &[(&only, Type::TEXT_ARRAY)]).await?;
    let runner = client.query_typed_opt(&runner::read().sql, &[]).await?;
    // A journal of an older airlock has none.
    let orders = if client.query_typed_one(control::EXISTS, &[]).await?.get(0) {
        client.query_typed(&control::read(None).sql, &[(&None::<String>, Type::TEXT)]).await?
    } else {
        Vec::new()
    };
    let mut journal = Journal {
        rollouts: rollouts.iter().map(rollout).collect::<Result<_, _>>()?,
        runner: runner.as_ref().map(runner::runner),
        orders: orders.iter().map(control::order).collect(),
    };
    for row in &steps {
        let revision: &str = row.get("revision");
        if let Some(rollout) = journal.rollouts.iter_mut().find(|r| r.revision == revision) {
            rollout.steps.push(step(row)?);
        }
    }
    Ok(journal)
}

const READ_ROLLOUTS: &str = "SELECT revision, parents, message, plan_digest, migration_digest, \
    plan, state, phase, applied_by, applied_from, applied_with, facts, \
    (pg_catalog.date_part('epoch', started_at) * 1000000)::bigint AS started_us, \
    (pg_catalog.date_part('epoch', finished_at) * 1000000)::bigint AS finished_us \
    FROM airlock.rollout WHERE $1 IS NULL OR revision = ANY ($1) ORDER BY started_at, revision";

const READ_STEPS: &str = "SELECT s.revision, s.step, s.phase, s.kind, s.state, s.attempts, \
    s.waited_ms, s.held_ms, s.worst_stall_ms, s.rows, s.batches, s.vacuums, s.detail, \
    (pg_catalog.date_part('epoch', s.started_at) * 1000000)::bigint AS started_us, \
    (pg_catalog.date_part('epoch', s.finished_at) * 1000000)::bigint AS finished_us, \
    w.blocks_done, w.blocks_total, w.walk_rows, w.pass \
    FROM airlock.step AS s LEFT JOIN LATERAL ( \
        SELECT sum(CASE WHEN w.done THEN w.end_block ELSE w.next_block END - w.first_block)::bigint \
                   AS blocks_done, \
               sum(w.end_block - w.first_block)::bigint AS blocks_total, \
               sum(w.rows)::bigint AS walk_rows, max(w.pass)::bigint AS pass \
        FROM airlock.walk AS w WHERE w.revision = s.revision AND w.step = s.step) AS w ON true \
    WHERE $1 IS NULL OR s.revision = ANY ($1) ORDER BY s.revision, s.ordinal";

fn rollout(row: &Row) -> Result<Rollout, JournalError> {
    let facts: Option<serde_json::Value> = row.get("facts");
    let facts = facts
        .map(serde_json::from_value)
        .transpose()
        .map_err(|error| JournalError::Damaged { what: format!("facts of a rollout: {error}") })?;
    Ok(Rollout {
        revision: row.get("revision"),
        parents: row.get("parents"),
        message: row.get("message"),
        plan_digest: row.get("plan_digest"),
        migration_digest: row.get("migration_digest"),
        plan: row.get("plan"),
        state: word(row, "state", RolloutState::from_name)?,
        phase: word(row, "phase", phase)?,
        started_at: timestamp(row.get("started_us")),
        finished_at: row.get::<_, Option<i64>>("finished_us").map(timestamp),
        applied_by: row.get("applied_by"),
        applied_from: row.get("applied_from"),
        applied_with: row.get("applied_with"),
        facts,
        steps: Vec::new(),
    })
}

fn step(row: &Row) -> Result<StepRecord, JournalError> {
    let walk = row.get::<_, Option<i64>>("blocks_total").map(|blocks_total| WalkProgress {
        blocks_done: row.get("blocks_done"),
        blocks_total,
        rows: row.get("walk_rows"),
        pass: row.get("pass"),
    });
    Ok(StepRecord {
        step: row.get("step"),
        phase: word(row, "phase", phase)?,
        kind: row.get("kind"),
        state: word(row, "state", StepState::from_name)?,
        started_at: row.get::<_, Option<i64>>("started_us").map(timestamp),
        finished_at: row.get::<_, Option<i64>>("finished_us").map(timestamp),
        attempts: row.get("attempts"),
        waited_ms: row.get("waited_ms"),
        held_ms: row.get("held_ms"),
        worst_stall_ms: row.get("worst_stall_ms"),
        rows: row.get("rows"),
        batches: row.get("batches"),
        vacuums: row.get("vacuums"),
        detail: row.get("detail"),
        walk,
    })
}

fn phase(name: &str) -> Option<Phase> {
    Phase::ALL.into_iter().find(|phase| phase.name() == name)
}

fn word<T>(row: &Row, column: &str, read: fn(&str) -> Option<T>) -> Result<T, JournalError> {
    let name: &str = row.get(column);
    read(name).ok_or_else(|| JournalError::Damaged { what: format!("{column} is \"{name}\"") })
}

/// Microseconds since 1970 as a timestamp; a value that no clock gives becomes 1970.
fn timestamp(microseconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(microseconds).unwrap_or_default()
}
