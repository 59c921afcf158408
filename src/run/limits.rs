//! The bounds within which a plan runs; every one has a default and a reason.

use std::time::Duration;

/// Named bounds of a run. `airlock.toml`, the environment and flags fill it in `config`.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Longest time an application statement may wait because of us.
    pub max_stall: Duration,
    /// Longest time one of our short transactions may hold its locks before it is cancelled and
    /// reported as a planning error.
    pub max_hold: Duration,
    /// Longest time to try for the locks of one step.
    pub patience: Duration,
    /// Ceiling to which the stall budget may grow when no attempt succeeds.
    pub escalate_to: Option<Duration>,
    /// Aim for the duration of one backfill batch.
    pub batch_target: Duration,
    /// Share of a table's blocks (0.15 is 15 %) after which the walk vacuums what it left behind.
    pub bloat_limit: f64,
    /// Block ranges walked side by side.
    pub jobs: usize,
    pub on_blocker: OnBlocker,
    /// Age from which `on_blocker` acts.
    pub blocker_age: Duration,
}

/// What to do about a transaction that keeps us from a lock.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum OnBlocker {
    Wait,
    Cancel,
    Terminate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_stall: Duration::from_millis(50),
            max_hold: Duration::from_secs(2),
            patience: Duration::from_secs(600),
            escalate_to: None,
            batch_target: Duration::from_millis(25),
            bloat_limit: 0.15,
            jobs: 1,
            on_blocker: OnBlocker::Wait,
            blocker_age: Duration::from_secs(60),
        }
    }
}
