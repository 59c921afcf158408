//! Where work waits before it begins: for a pause to end, for the signals to calm down.

use super::{Held, Pace};
use crate::run::error::RunError;
use crate::run::guard::{Guard, Pose};
use crate::run::outcome::Hooks;
use crate::run::progress::{Event, HeldBy};
use crate::run::session::Session;
use std::time::{Duration, Instant};

/// Time between two looks at whether we may go on.
const POLL: Duration = Duration::from_millis(100);

/// Shortest time between two events of the same wait.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// Shortest stop that a ratio is worth.
const SLOW_MIN: Duration = Duration::from_millis(1);

/// Longest stop that a ratio makes after one piece of work.
const SLOW_MAX: Duration = Duration::from_secs(30);

/// One place at which a run waits; nothing is held by anybody's locks here.
pub(in crate::run) struct Gate<'a> {
    pub pace: &'a Pace,
    pub guard: &'a Guard,
    pub hooks: &'a Hooks,
    /// The connection that would go on.
    pub session: &'a Session,
    pub step: &'a str,
}

impl Gate<'_> {
    /// Waits until the next piece of work may begin; gives how long that took. With `halted`, only as
    /// long as that is false.
    ///
    /// # Errors
    /// Asked to stop, replaced by another runner, or the connection is gone.
    pub(in crate::run) async fn pass(
        &self,
        halted: impl Fn() -> bool,
    ) -> Result<Duration, RunError> {
        self.heed()?;
        // What was asked for is known once the guard is connected.
        self.guard.ready().await?;
        let began = Instant::now();
        let mut reported: Option<Instant> = None;
        while let Some(held) = self.pace.held() {
            if halted() {
                break;
            }
            if reported.is_none_or(|last| last.elapsed() >= REPORT_INTERVAL) {
                reported = Some(Instant::now());
                self.report(&held);
            }
            tokio::select! {
                () = self.pace.changed_within(POLL) => {}
                () = self.hooks.stop.soon() => {}
            }
            self.heed()?;
            if self.session.closed() {
                let reason = "the connection was lost while nothing was done on it".to_owned();
                return Err(RunError::Lost { step: Some(self.step.to_owned()), reason });
            }
        }
        // One that began on a connection which was lost meanwhile ends here too.
        if reported.is_some() || self.pace.is_held() {
            self.go_on();
        }
        Ok(began.elapsed())
    }

    fn heed(&self) -> Result<(), RunError> {
        if self.hooks.stop.requested() {
            return Err(RunError::Interrupted { step: Some(self.step.to_owned()), note: None });
        }
        if self.guard.replaced() {
            return Err(RunError::Replaced { refused: None });
        }
        Ok(())
    }

    fn report(&self, held: &Held) {
        let held_ms = {
            let mut state = self.pace.state();
            state.held_since.get_or_insert_with(Instant::now).elapsed().as_secs_f64() * 1000.0
        };
        let (by, pose) = match held {
            Held::Paused(_) => (HeldBy::Pause, Pose::Paused),
            Held::Throttled(_) => (HeldBy::Throttle, Pose::Throttled),
        };
        let reasons = held.reasons();
        self.guard.pose(pose, Some(reasons.join("; ")));
        let step = self.step.to_owned();
        self.hooks.progress.event(&Event::HeldBack { step, by, reasons, held_ms });
    }

    fn go_on(&self) {
        self.guard.pose(Pose::Working, None);
        // Of several lanes the first one says it.
        let Some(since) = self.pace.state().held_since.take() else { return };
        let held_ms = since.elapsed().as_secs_f64() * 1000.0;
        self.hooks.progress.event(&Event::GoesOn { step: self.step.to_owned(), held_ms });
    }

    /// After a piece of work that took `worked`: stands still for the share of the time that is
    /// asked for. Gives that share and why.
    pub(in crate::run) async fn slow(&self, worked: Duration) -> Option<(f64, String)> {
        let (share, why) = self.pace.slow()?;
        let stop = worked.mul_f64(share / (1.0 - share).max(0.01)).min(SLOW_MAX);
        if stop >= SLOW_MIN {
            let until = Instant::now() + stop;
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                // A change, or a request to stop, is heeded at once.
                if self.hooks.stop.requested() || self.pace.held().is_some() {
                    break;
                }
                tokio::time::sleep(left.min(POLL)).await;
            }
        }
        Some((share, why))
    }
}
