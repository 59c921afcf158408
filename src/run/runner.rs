//! The runner of one attempt: its connections, its identity, what it has counted.
//!
//! An attempt ends when its connection does; [`engine`](super::engine) makes the next one, which
//! finds out from the journal where to go on, exactly as a new process would.

use super::error::RunError;
use super::guard::{Guard, Pose};
use super::limits::Limits;
use super::outcome::Hooks;
use super::pace::Pace;
use super::pace::gate::Gate;
use super::progress::{Event, StepReport};
use super::session::{Session, Shared};
use super::settings::Server;
use crate::connect::Target;
use crate::journal::Identity;
use crate::journal::rollout::Figures as Journaled;
use crate::plan::{Plan, Step};
use std::time::{Duration, Instant};

/// Time between two looks at whether a pause was asked for, while a long statement runs.
const PAUSE_POLL: Duration = Duration::from_millis(200);

pub(super) struct Runner<'a> {
    pub target: &'a Target,
    pub plan: &'a Plan,
    pub pace: &'a Pace,
    pub hooks: &'a Hooks,
    pub shared: Shared,
    pub identity: &'a Identity,
    pub server: Server,
    /// The connection that works and holds the runner lock.
    pub work: Session,
    pub guard: Guard,
    /// Of the step at work, since this attempt took it up.
    pub figures: Figures,
}

/// What a step took.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    pub started: Instant,
    pub attempts: u64,
    pub waited: Duration,
    /// Longest time that locks were held, and the sum.
    pub held: Duration,
    pub held_in_all: Duration,
    pub worst_stall: Duration,
    pub rows: u64,
    pub batches: u64,
    pub vacuums: u64,
    /// The rows and batches are kept with the walk, and counted from there.
    rows_in_walk: bool,
    /// What of the above the journal has been told.
    told: Journaled,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            attempts: 0,
            waited: Duration::ZERO,
            held: Duration::ZERO,
            held_in_all: Duration::ZERO,
            worst_stall: Duration::ZERO,
            rows: 0,
            batches: 0,
            vacuums: 0,
            rows_in_walk: false,
            told: Journaled::default(),
        }
    }

    /// The journal learns of rows and batches in another way.
    pub(super) fn rows_in_walk(&mut self) {
        self.rows_in_walk = true;
    }

    pub(super) fn hold(&mut self, time: Duration) {
        self.held = self.held.max(time);
        self.held_in_all += time;
    }

    pub(super) fn stall(&mut self, time: Duration) {
        self.worst_stall = self.worst_stall.max(time);
    }

    /// What the journal has not been told yet. Nothing is marked as told before the commit.
    pub(super) fn untold(&self) -> Journaled {
        let whole = self.whole();
        Journaled {
            attempts: whole.attempts - self.told.attempts,
            waited_ms: whole.waited_ms - self.told.waited_ms,
            held_ms: whole.held_ms - self.told.held_ms,
            worst_stall_ms: whole.worst_stall_ms,
            rows: whole.rows - self.told.rows,
            batches: whole.batches - self.told.batches,
            vacuums: whole.vacuums - self.told.vacuums,
        }
    }

    /// The journal has committed what [`Figures::untold`] gave.
    pub(super) fn told(&mut self, told: &Journaled) {
        self.told = Journaled {
            attempts: self.told.attempts + told.attempts,
            waited_ms: self.told.waited_ms + told.waited_ms,
            held_ms: self.told.held_ms + told.held_ms,
            worst_stall_ms: self.told.worst_stall_ms.max(told.worst_stall_ms),
            rows: self.told.rows + told.rows,
            batches: self.told.batches + told.batches,
            vacuums: self.told.vacuums + told.vacuums,
        };
    }

    fn whole(&self) -> Journaled {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Journaled {
            attempts: number(self.attempts),
            waited_ms: as_ms(self.waited),
            held_ms: as_ms(self.held_in_all),
            worst_stall_ms: as_ms(self.worst_stall),
            rows: if self.rows_in_walk { 0 } else { number(self.rows) },
            batches: if self.rows_in_walk { 0 } else { number(self.batches) },
            vacuums: number(self.vacuums),
        }
    }

    pub(super) fn report(&self, step: &Step) -> StepReport {
        StepReport {
            step: step.id.clone(),
            phase: step.phase,
            attempts: self.attempts,
            waited_ms: as_ms(self.waited),
            held_ms: as_ms(self.held),
            worst_stall_ms: as_ms(self.worst_stall),
            rows: self.rows,
            batches: self.batches,
            vacuums: self.vacuums,
            elapsed_ms: as_ms(self.started.elapsed()),
        }
    }
}

pub(super) fn as_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

impl Runner<'_> {
    pub(super) fn event(&self, event: Event) {
        self.hooks.progress.event(&event);
    }

    pub(super) fn notice(&self, text: String) {
        self.event(Event::Notice { text });
    }

    pub(super) fn revision(&self) -> &str {
        &self.plan.revision.id
    }

    /// The limits in force now.
    pub(super) fn limits(&self) -> Limits {
        self.pace.limits()
    }

    /// A place at which the next piece of work waits until it may begin: asked to stop, paused,
    /// throttled. Gives how long it waited.
    pub(super) async fn pass(&self, step: &str) -> Result<Duration, RunError> {
        let Self { pace, guard, hooks, work: session, .. } = self;
        Gate { pace, guard, hooks, session, step }.pass(|| false).await
    }

    /// A safe point: stops here when asked to, or when another runner has taken our place.
    pub(super) fn heed_stop(&self, step: &str) -> Result<(), RunError> {
        if self.hooks.stop.requested() {
            return Err(RunError::Interrupted { step: Some(step.to_owned()), note: None });
        }
        if self.guard.replaced() {
            return Err(RunError::Replaced { refused: None });
        }
        Ok(())
    }

    /// A statement begins that cannot be paused: says so to whoever asks for that, or asks to stop.
    pub(super) fn begin_long(&self, sql: &str) -> tokio::task::JoinHandle<()> {
        let reason = format!("cannot be paused: {sql}");
        self.guard.pose(Pose::Busy, Some(reason));
        let (stop, progress) = (self.hooks.stop.clone(), self.hooks.progress.clone());
        let pace = self.pace.clone();
        tokio::spawn(async move {
            let mut told = false;
            loop {
                let text = tokio::select! {
                    () = stop.soon() => match stop.insisted() {
                        // It is cancelled; that is said with the end.
                        true => return,
                        false => "stops when this statement is done; ask again to cancel it",
                    },
                    () = pace.changed_within(PAUSE_POLL) => {
                        if told || !pace.paused() {
                            continue;
                        }
                        told = true;
                        "this statement cannot be paused; the pause takes effect when it is done \
                         (`airlock cancel` cancels it)"
                    }
                };
                progress.event(&Event::Notice { text: text.to_owned() });
                if stop.requested() {
                    return;
                }
            }
        })
    }

    /// The statement has ended.
    pub(super) fn end_long(&self, announcer: tokio::task::JoinHandle<()>) {
        announcer.abort();
        self.guard.pose(Pose::Working, None);
    }
}
