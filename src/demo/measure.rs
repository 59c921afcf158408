//! Counting statements, failures and waits.

use crate::error::Error;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// From this wait on a statement counts as stalled: the default stall budget.
const STALLED: Duration = Duration::from_millis(50);

/// What the clients of one side saw.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Figures {
    pub statements: u64,
    pub failed: u64,
    pub longest_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
    /// Statements that took longer than 50 ms.
    pub stalled: u64,
    /// Time beyond 50 ms, added up over all clients, seconds.
    pub stalled_s: f64,
    /// Messages of failed statements, and how often each came.
    pub failures: BTreeMap<String, u64>,
}

#[derive(Default)]
pub struct Meter {
    inner: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    times: Vec<Duration>,
    failures: BTreeMap<String, u64>,
}

impl Meter {
    pub fn statement(&self, time: Duration, error: Option<&tokio_postgres::Error>) {
        let mut counted = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        counted.times.push(time);
        if let Some(error) = error {
            let message =
                error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned());
            *counted.failures.entry(message).or_default() += 1;
        }
    }

    pub fn figures(&self) -> Figures {
        let counted = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut times = counted.times.clone();
        times.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let p99 = times.len().saturating_mul(99) / 100;
        let beyond = times.iter().filter(|time| **time > STALLED);
        Figures {
            statements: times.len() as u64,
            failed: counted.failures.values().sum(),
            longest_ms: times.last().copied().map_or(0.0, ms),
            p99_ms: times.get(p99).copied().map_or(0.0, ms),
            stalled: beyond.clone().count() as u64,
            // A sum of durations: that of no floating-point number at all is shown as -0.
            stalled_s: beyond.map(|time| *time - STALLED).sum::<Duration>().as_secs_f64(),
            failures: counted.failures.clone(),
        }
    }
}

/// A database error of the demo's own statements.
pub fn failed(error: &tokio_postgres::Error, doing: &str) -> Error {
    crate::connect::database_error(error, doing)
}
