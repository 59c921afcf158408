//! What a run tells while it runs: plain values, one per happening, for bars, lines or JSON.
//!
//! Rendering is not done here. Times are milliseconds, sizes are blocks of the server (8 kB).

use crate::plan::Phase;
use serde::Serialize;

/// Receives the events of a run, in order, from the tasks that work: must not block for long.
pub trait Progress: Send + Sync {
    fn event(&self, event: &Event);

    /// A sign of life, about twice a second: the server has answered us just now, whatever the statement at
    /// work is doing. Never told by a clock alone, so that a runner that hangs, or is cut off, gives none.
    fn alive(&self) {}
}

/// Drops every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _: &Event) {}
}

/// Somebody who keeps us from a lock, or keeps a vacuum from freeing space.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blocker {
    /// `None` for a prepared transaction or a replication slot.
    pub pid: Option<i32>,
    pub application_name: Option<String>,
    pub user: Option<String>,
    /// Age of its transaction, as far as we can know.
    pub age_ms: f64,
    /// `active`, `idle in transaction`, `prepared transaction`, `autovacuum`, `replication slot`, …
    pub state: String,
    /// The statement it runs or ran last, shortened, or the name of the prepared transaction.
    pub query: Option<String>,
    /// The relation on which it is in the way, quoted.
    pub relation: Option<String>,
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}")?,
            None => f.write_str("no session")?,
        }
        if let Some(name) = self.application_name.as_deref().filter(|name| !name.is_empty()) {
            write!(f, " ({name})")?;
        }
        if let Some(user) = &self.user {
            write!(f, ", user {user}")?;
        }
        write!(f, ", {} for {:.1} s", self.state, self.age_ms / 1000.0)?;
        if let Some(relation) = &self.relation {
            write!(f, ", on {relation}")?;
        }
        if let Some(query) = &self.query {
            write!(f, ": {query}")?;
        }
        Ok(())
    }
}

/// What a step took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    pub step: String,
    pub phase: Phase,
    /// Attempts at a lock or a batch, the successful ones included.
    pub attempts: u64,
    /// Time spent waiting for locks, in the queue or outside it.
    pub waited_ms: f64,
    /// Longest time that locks of one transaction were held.
    pub held_ms: f64,
    /// Longest wait of any other backend behind us that the guard saw.
    pub worst_stall_ms: f64,
    pub rows: u64,
    pub batches: u64,
    pub vacuums: u64,
    pub elapsed_ms: f64,
}

impl StepReport {
    /// Adds another attempt at the same step.
    pub(super) fn add(&mut self, more: &StepReport) {
        self.attempts += more.attempts;
        self.waited_ms += more.waited_ms;
        self.held_ms = self.held_ms.max(more.held_ms);
        self.worst_stall_ms = self.worst_stall_ms.max(more.worst_stall_ms);
        self.rows += more.rows;
        self.batches += more.batches;
        self.vacuums += more.vacuums;
        self.elapsed_ms += more.elapsed_ms;
    }
}

/// Why an attempt did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failed {
    /// A lock was not had within the budget.
    Lock,
    Deadlock,
    /// The guard cancelled us, because another backend had waited behind us for too long.
    Stall,
    /// The transaction held its locks for too long.
    Hold,
    /// Somebody else cancelled us.
    Cancelled,
}

/// What keeps a run from beginning anything new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldBy {
    /// Somebody has asked for it.
    Pause,
    /// A signal is high.
    Throttle,
}

/// One happening.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    RunStarted {
        revision: String,
        through: Phase,
        steps_done: usize,
        steps_total: usize,
    },
    /// Steps are taken back from here on: `steps_total` of them, the last one first.
    RollbackStarted {
        revision: String,
        steps_done: usize,
        steps_total: usize,
    },
    StepStarted {
        step: String,
        phase: Phase,
        kind: &'static str,
        why: String,
        resumed: bool,
    },
    StepFinished {
        report: StepReport,
    },
    /// Waiting outside the lock queue: the application does not notice.
    Waiting {
        step: String,
        blockers: Vec<Blocker>,
        waited_ms: f64,
        budget_ms: f64,
    },
    /// Nothing new begins; nothing is held by our locks.
    HeldBack {
        step: String,
        by: HeldBy,
        reasons: Vec<String>,
        held_ms: f64,
    },
    /// It was held back and goes on.
    GoesOn {
        step: String,
        held_ms: f64,
    },
    AttemptFailed {
        step: String,
        attempt: u64,
        reason: Failed,
        pause_ms: f64,
        blockers: Vec<Blocker>,
    },
    /// The stall budget has grown, as allowed.
    BudgetGrown {
        step: String,
        budget_ms: f64,
    },
    /// A blocker was cancelled or terminated, as asked.
    BlockerSignalled {
        step: String,
        blocker: Blocker,
        signal: &'static str,
    },
    Batch {
        step: String,
        relation: String,
        /// Over all tables of the step.
        blocks_done: u64,
        blocks_total: u64,
        /// Since the runner took the step up.
        rows: u64,
        batch_blocks: u64,
        batch_rows: u64,
        batch_ms: f64,
        rows_per_second: f64,
        pass: u64,
        /// Share of the time that the walk stands still, and why.
        slowed: f64,
        slowed_by: Option<String>,
    },
    /// The file of a table was replaced under the walk, which starts again.
    WalkRestarted {
        step: String,
        relation: String,
        restarts: u64,
    },
    /// A pass over the table is complete and changed `rows` rows.
    Pass {
        step: String,
        pass: u64,
        rows: u64,
    },
    VacuumStarted {
        step: String,
        relation: String,
    },
    VacuumFinished {
        step: String,
        relation: String,
        elapsed_ms: f64,
    },
    /// A vacuum would free nothing because of an old snapshot; the walk pauses.
    SnapshotHeld {
        step: String,
        relation: String,
        holders: Vec<Blocker>,
        waited_ms: f64,
    },
    /// A concurrent build or another long statement, from the server's progress views.
    Building {
        step: String,
        phase: String,
        blocks_done: u64,
        blocks_total: u64,
        tuples_done: u64,
        tuples_total: u64,
        lockers_done: u64,
        lockers_total: u64,
        blockers: Vec<Blocker>,
    },
    Verifying {
        step: String,
        blocks_done: u64,
        blocks_total: u64,
        found: u64,
    },
    StepUndone {
        step: String,
        irreversible: Option<String>,
    },
    ConnectionLost {
        reason: String,
    },
    Reconnected {
        waited_ms: f64,
    },
    PhaseFinished {
        phase: Phase,
    },
    GateReached {
        before: Phase,
        until: Option<String>,
    },
    Finished,
    RolledBack,
    /// The command ends with an error: told once, as its last event.
    RunFailed {
        revision: Option<String>,
        kind: &'static str,
        exit_code: u8,
        message: String,
        detail: Option<String>,
        hint: Option<String>,
        step: Option<String>,
        sqlstate: Option<String>,
    },
    /// A command of the user's that was to be told something.
    HookFailed {
        hook: String,
        /// The occasion on which it was called.
        on: &'static str,
        reason: String,
        required: bool,
    },
    Notice {
        text: String,
    },
}
