//! The bounds within which a plan runs; every one has a default and a reason.

use super::throttle::Settings as Throttle;
use std::sync::Arc;
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
    /// Share of a table's blocks (0.15 is 15 %) that the row versions which left their blocks may fill before
    /// the walk vacuums.
    pub bloat_limit: f64,
    /// Block ranges walked side by side.
    pub jobs: usize,
    pub on_blocker: OnBlocker,
    /// Age from which `on_blocker` acts.
    pub blocker_age: Duration,
    /// Signals by which the run slows down or waits.
    pub throttle: Arc<Throttle>,
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
            throttle: Arc::default(),
        }
    }
}

const MIN_STALL: Duration = Duration::from_millis(1);
const MAX_STALL: Duration = Duration::from_secs(60);
const MIN_HOLD: Duration = Duration::from_millis(10);
const MAX_HOLD: Duration = Duration::from_secs(3_600);
const MAX_PATIENCE: Duration = Duration::from_secs(7 * 86_400);
const MIN_BATCH: Duration = Duration::from_micros(500);
const MAX_JOBS: usize = 64;

impl Limits {
    /// Whether the limits make sense together.
    ///
    /// # Errors
    /// What does not, with its bounds.
    pub fn check(&self) -> Result<(), String> {
        let show = humantime::format_duration;
        let within = |name: &str, value: Duration, least: Duration, most: Duration| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let (value, least, most) = (show(value), show(least), show(most));
            Err(format!("{name} is {value}; it must be between {least} and {most}"))
        };
        within("max_stall", self.max_stall, MIN_STALL, MAX_STALL)?;
        within("max_hold", self.max_hold, MIN_HOLD, MAX_HOLD)?;
        within("patience", self.patience, Duration::ZERO, MAX_PATIENCE)?;
        within("blocker_age", self.blocker_age, Duration::ZERO, MAX_PATIENCE)?;
        within("batch_target", self.batch_target, MIN_BATCH, MAX_STALL)?;
        if let Some(ceiling) = self.escalate_to {
            within("escalate_to", ceiling, self.max_stall, MAX_STALL)?;
        }
        if self.batch_target >= self.max_stall {
            return Err(format!(
                "batch_target is {}; it must be shorter than max_stall, which is {}",
                show(self.batch_target),
                show(self.max_stall),
            ));
        }
        if !(1..=MAX_JOBS).contains(&self.jobs) {
            return Err(format!("jobs is {}; it must be between 1 and {MAX_JOBS}", self.jobs));
        }
        if !(self.bloat_limit > 0.0 && self.bloat_limit <= 1.0) {
            let percent = self.bloat_limit * 100.0;
            return Err(format!("bloat_limit is {percent}%; it must be above 0% and at most 100%"));
        }
        self.throttle.check().map_err(|why| format!("throttle: {why}"))
    }
}
