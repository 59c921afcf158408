//! How fast a run may go now: what people at other terminals have asked for, what the signals say,
//! and the limits that are in force.
//!
//! One value for the whole run, shared by all its tasks; it lives longer than any connection. Says,
//! never does: [`gate`] is where work waits.

pub(super) mod control;
pub(super) mod gate;
pub mod tune;

use super::limits::Limits;
use super::stop::Stop;
use super::throttle::stall::Stalls;
use crate::journal::control::Answer;
use control::{Control, Pause};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A reading older than this many intervals says nothing any more.
const STALE_INTERVALS: u32 = 5;

/// Added to that, for a server that answers slowly.
const STALE_GRACE: Duration = Duration::from_secs(10);

/// What one round of readings says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    at: Instant,
    /// Why nothing new may begin.
    pub high: Vec<String>,
    /// Share of the time to stand still, and why.
    pub slow: Option<(f64, String)>,
}

impl Reading {
    pub(super) fn calm() -> Self {
        Self { at: Instant::now(), high: Vec::new(), slow: None }
    }

    /// One more signal that asks for a slower pace.
    pub(super) fn slow(&mut self, share: f64, why: String) {
        if self.slow.as_ref().is_none_or(|(known, _)| share > *known) {
            self.slow = Some((share, why));
        }
    }
}

/// Why nothing new begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Held {
    Paused(Pause),
    Throttled(Vec<String>),
}

impl Held {
    /// In words, one reason each.
    pub(super) fn reasons(&self) -> Vec<String> {
        match self {
            Held::Paused(pause) => vec![pause.to_string()],
            Held::Throttled(reasons) => reasons.clone(),
        }
    }
}

/// A cheap handle.
#[derive(Clone)]
pub(super) struct Pace(Arc<Inner>);

struct Inner {
    /// As the run was started.
    base: Limits,
    state: Mutex<State>,
    changed: Notify,
    /// How often a signal has risen to high.
    rises: AtomicU64,
    stop: Stop,
}

struct State {
    /// With what was tuned.
    limits: Limits,
    control: Control,
    reading: Option<Reading>,
    stalls: Stalls,
    tables: Vec<u32>,
    /// Since when the run as a whole is held, for what is said about it.
    held_since: Option<Instant>,
}

impl Pace {
    pub(super) fn new(limits: &Limits, stop: &Stop) -> Self {
        let state = State {
            limits: limits.clone(),
            control: Control::default(),
            reading: None,
            stalls: Stalls::default(),
            tables: Vec::new(),
            held_since: None,
        };
        Self(Arc::new(Inner {
            base: limits.clone(),
            state: Mutex::new(state),
            changed: Notify::new(),
            rises: AtomicU64::new(0),
            stop: stop.clone(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves these values whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limits in force now.
    pub(super) fn limits(&self) -> Limits {
        self.state().limits.clone()
    }

    /// The signals have been read.
    pub(super) fn read(&self, reading: Reading) {
        let mut state = self.state();
        let was_high = state.reading.as_ref().is_some_and(|before| !before.high.is_empty());
        if !reading.high.is_empty() && !was_high {
            self.0.rises.fetch_add(1, Ordering::Relaxed);
        }
        state.reading = Some(reading);
    }

    /// What people have asked for, as the journal has it now. Gives the answer to it when it is new.
    pub(super) fn ask(&self, control: Control, runner: &str) -> Option<Answer> {
        let mut state = self.state();
        if state.control == control {
            return None;
        }
        if let Some(by) = control.cancelled(runner) {
            self.0.stop.cancel(by);
        }
        let (limits, refused) = tune::apply(&self.0.base, &control.tunes);
        let mut followed = control.tunes.clone();
        followed.retain(|(key, value)| {
            !refused.iter().any(|refused| refused.key == *key && refused.value == *value)
        });
        state.limits = limits;
        state.control = control;
        drop(state);
        self.0.changed.notify_waiters();
        Some(Answer { followed, refused })
    }

    /// Why nothing new may begin now.
    pub(super) fn held(&self) -> Option<Held> {
        let state = self.state();
        if let Some(pause) = &state.control.pause {
            return Some(Held::Paused(pause.clone()));
        }
        let throttle = &state.limits.throttle;
        if throttle.is_idle() {
            return None;
        }
        let reasons = match &state.reading {
            None => vec!["the signals are being read".to_owned()],
            Some(reading)
                if reading.at.elapsed() > throttle.interval * STALE_INTERVALS + STALE_GRACE =>
            {
                vec![format!(
                    "the signals have not been read for {:.0} s, which counts as high",
                    reading.at.elapsed().as_secs_f64()
                )]
            }
            Some(reading) => reading.high.clone(),
        };
        (!reasons.is_empty()).then_some(Held::Throttled(reasons))
    }

    /// Whether it was said that the run is held, and not yet that it goes on.
    fn is_held(&self) -> bool {
        self.state().held_since.is_some()
    }

    /// Whether somebody has asked for a pause.
    pub(super) fn paused(&self) -> bool {
        self.state().control.pause.is_some()
    }

    /// Share of the time that the walk stands still, and why.
    pub(super) fn slow(&self) -> Option<(f64, String)> {
        let state = self.state();
        let asked = state.limits.throttle.ratio;
        let by_signal = state.reading.as_ref().and_then(|reading| reading.slow.clone());
        match by_signal {
            Some((share, why)) if share > asked => Some((share, why)),
            _ if asked > 0.0 => Some((asked, "throttle ratio, as asked".to_owned())),
            _ => None,
        }
    }

    /// How often a signal has risen so far: whoever sees the number change works smaller.
    pub(super) fn rises(&self) -> u64 {
        self.0.rises.load(Ordering::Relaxed)
    }

    /// Somebody has waited behind us.
    pub(super) fn stalled(&self, wait: Duration) {
        self.state().stalls.add(Instant::now(), wait);
    }

    pub(super) fn stalls<T>(&self, look: impl FnOnce(&mut Stalls) -> T) -> T {
        look(&mut self.state().stalls)
    }

    /// The tables at work, for signals that ask about them.
    pub(super) fn work_on(&self, tables: Vec<u32>) {
        let mut state = self.state();
        if state.tables != tables {
            state.tables = tables;
            // What was read was about others.
            if state.limits.throttle.autovacuum {
                state.reading = None;
                drop(state);
                self.0.changed.notify_waiters();
            }
        }
    }

    pub(super) fn tables(&self) -> Vec<u32> {
        self.state().tables.clone()
    }

    /// Sleeps for `time`, or until something is asked for.
    pub(super) async fn changed_within(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.0.changed.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::control::Order;
    use super::*;
    use crate::run::throttle::Settings;

    fn pace(throttle: Settings) -> Pace {
        Pace::new(&Limits { throttle: Arc::new(throttle), ..Limits::default() }, &Stop::new())
    }

    fn order(key: &str, value: &str) -> Order {
        Order {
            key: key.into(),
            value: value.into(),
            set_by: "alice@desk".into(),
            revision: None,
            set_at: jiff::Timestamp::UNIX_EPOCH,
            expires_at: None,
        }
    }

    #[test]
    fn until_the_signals_are_read_nothing_begins() {
        let waiting = pace(Settings { autovacuum: true, ..Settings::default() });
        assert!(matches!(waiting.held(), Some(Held::Throttled(_))));
        waiting.read(Reading::calm());
        assert_eq!(waiting.held(), None);
        let old = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        waiting.read(Reading { at: old, ..Reading::calm() });
        assert!(waiting.held().unwrap().reasons()[0].contains("not been read for 60 s"));
        assert_eq!(pace(Settings::default()).held(), None, "nothing to read");
    }

    #[test]
    fn a_pause_comes_before_signals_and_ends_with_its_order() {
        let pace = pace(Settings::default());
        pace.ask(Control::from_orders(&[order("pause", "deploy")]), "r");
        let held = pace.held().unwrap();
        assert!(held.reasons()[0].contains("alice@desk"), "{held:?}");
        assert!(held.reasons()[0].contains("deploy"), "{held:?}");
        pace.ask(Control::default(), "r");
        assert_eq!(pace.held(), None);
    }

    #[test]
    fn a_ratio_or_a_signal_slows_whichever_asks_for_more() {
        let pace = pace(Settings { ratio: 0.5, ..Settings::default() });
        assert_eq!(pace.slow().unwrap().0, 0.5);
        let mut reading = Reading::calm();
        reading.slow(0.7, "lag".into());
        pace.read(reading);
        assert_eq!(pace.slow().unwrap(), (0.7, "lag".into()));
        pace.ask(Control::from_orders(&[order("throttle_ratio", "90%")]), "r");
        assert_eq!(pace.slow().unwrap().0, 0.9);
    }

    #[test]
    fn a_cancel_is_for_the_runner_that_it_names() {
        let stop = Stop::new();
        let pace = Pace::new(&Limits::default(), &stop);
        pace.ask(Control::from_orders(&[order("cancel", "another")]), "r");
        assert!(!stop.requested());
        pace.ask(Control::from_orders(&[order("cancel", "r")]), "r");
        assert!(stop.insisted());
        assert_eq!(stop.cancelled_by().as_deref(), Some("alice@desk"));
    }

    #[test]
    fn tuned_limits_are_in_force_until_the_order_is_gone() {
        let pace = pace(Settings::default());
        let answer = pace.ask(Control::from_orders(&[order("jobs", "4")]), "r").unwrap();
        assert_eq!(answer.followed, [("jobs".to_owned(), "4".to_owned())]);
        assert!(answer.refused.is_empty(), "{answer:?}");
        assert_eq!(pace.limits().jobs, 4);
        assert_eq!(pace.ask(Control::from_orders(&[order("jobs", "4")]), "r"), None);
        let answer = pace.ask(Control::from_orders(&[order("jobs", "many")]), "r").unwrap();
        assert_eq!((answer.followed.len(), answer.refused.len()), (0, 1), "{answer:?}");
        assert_eq!(pace.limits().jobs, Limits::default().jobs);
    }

    #[test]
    fn a_rise_is_counted_once() {
        let pace = pace(Settings { autovacuum: true, ..Settings::default() });
        let high = || Reading { high: vec!["x".into()], ..Reading::calm() };
        for reading in [Reading::calm(), high(), high(), Reading::calm(), high()] {
            pace.read(reading);
        }
        assert_eq!(pace.rises(), 2);
    }
}
