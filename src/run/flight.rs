//! Statements on their way: which backend owes an answer, and since when.
//!
//! A network that swallows packets leaves both ends waiting for hours. The guard, on a connection of
//! its own, sees that a backend which owes an answer is gone or has nothing to do, or that nothing
//! gets through at all, and calls the statement off: its connection counts as lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Every statement on its way, by the backend's process id.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<i32, Flight>>>);

#[derive(Debug)]
struct Flight {
    since: Instant,
    /// How often in a row its backend was seen with nothing to do.
    suspect: u32,
    lost: CancellationToken,
    why: &'static str,
}

/// One statement on its way; it has landed when this is dropped.
pub(super) struct Landing {
    flights: Flights,
    pid: i32,
    lost: CancellationToken,
}

/// What a backend that owes an answer was seen doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vital {
    Working,
    /// It waits for us.
    Idle,
    Gone,
}

/// Looks in a row that show a backend without anything to do, before the answer counts as lost: one
/// may have been on its way.
const SUSPECTS_MAX: u32 = 2;

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Flight>> {
        // A panic elsewhere leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A statement is sent to backend `pid`.
    pub(super) fn depart(&self, pid: i32) -> Landing {
        let lost = CancellationToken::new();
        let flight = Flight { since: Instant::now(), suspect: 0, lost: lost.clone(), why: "" };
        self.lock().insert(pid, flight);
        Landing { flights: self.clone(), pid, lost }
    }

    /// Backends that have owed an answer for longer than `time`.
    pub(super) fn overdue(&self, time: Duration) -> Vec<i32> {
        let flights = self.lock();
        let owes = |(pid, f): &(&i32, &Flight)| **pid != 0 && f.since.elapsed() > time;
        // 0 is a backend whose number we do not know yet.
        flights.iter().filter(owes).map(|(pid, _)| *pid).collect()
    }

    /// What was seen of a backend that owed an answer for longer than `time`.
    pub(super) fn seen(&self, pid: i32, vital: Vital, time: Duration) {
        let mut flights = self.lock();
        // Another statement may have been sent since.
        let Some(flight) = flights.get_mut(&pid).filter(|f| f.since.elapsed() > time) else {
            return;
        };
        flight.suspect = if vital == Vital::Working { 0 } else { flight.suspect + 1 };
        if flight.suspect >= SUSPECTS_MAX {
            flight.why = match vital {
                Vital::Working | Vital::Idle => "the server's answer did not arrive",
                Vital::Gone => "its backend is gone",
            };
            flight.lost.cancel();
        }
    }

    /// Nothing gets through to the server.
    pub(super) fn cut_off(&self, time: Duration) {
        for flight in self.lock().values_mut().filter(|f| f.since.elapsed() > time) {
            flight.why = "the server cannot be reached any more";
            flight.lost.cancel();
        }
    }
}

impl Landing {
    /// Waits until the answer counts as lost; why.
    pub(super) async fn lost(&self) -> &'static str {
        self.lost.cancelled().await;
        self.flights.lock().get(&self.pid).map(|flight| flight.why).unwrap_or_default()
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_lost_when_its_backend_was_seen_idle_twice() {
        let flights = Flights::default();
        let landing = flights.depart(7);
        assert_eq!(flights.overdue(Duration::ZERO), [7]);
        assert!(flights.overdue(Duration::from_secs(9)).is_empty());
        flights.seen(7, Vital::Idle, Duration::ZERO);
        flights.seen(7, Vital::Working, Duration::ZERO);
        flights.seen(7, Vital::Idle, Duration::ZERO);
        assert!(!landing.lost.is_cancelled(), "not twice in a row");
        flights.seen(7, Vital::Gone, Duration::ZERO);
        assert_eq!(landing.lost().await, "its backend is gone");
        drop(landing);
        assert!(flights.overdue(Duration::ZERO).is_empty());
    }

    #[tokio::test]
    async fn a_partition_loses_what_has_waited_long_enough() {
        let flights = Flights::default();
        let landing = flights.depart(7);
        flights.cut_off(Duration::from_secs(9));
        assert!(!landing.lost.is_cancelled());
        flights.cut_off(Duration::ZERO);
        assert!(landing.lost().await.contains("cannot be reached"));
    }
}
