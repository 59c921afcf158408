//! Waiting behind us that the guard has seen lately.

use super::{Measure, seconds};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a wait is remembered.
const MEMORY: Duration = Duration::from_secs(10);

/// Waits of other backends behind us, as they were seen.
#[derive(Debug, Default)]
pub(in crate::run) struct Stalls(VecDeque<(Instant, Duration)>);

impl Stalls {
    pub(in crate::run) fn add(&mut self, now: Instant, wait: Duration) {
        self.forget(now);
        if !wait.is_zero() {
            self.0.push_back((now, wait));
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.0.front().is_some_and(|(when, _)| now.duration_since(*when) > MEMORY) {
            self.0.pop_front();
        }
    }

    fn longest(&mut self, now: Instant) -> Duration {
        self.forget(now);
        self.0.iter().map(|(_, wait)| *wait).max().unwrap_or_default()
    }
}

pub(super) fn read(limit: Duration, stalls: &mut Stalls, now: Instant) -> Measure {
    let longest = stalls.longest(now);
    let (shown, most) = (seconds(longest), seconds(limit));
    let text = format!("somebody waited {shown} behind us a moment ago (limit {most})");
    Measure::of(longest.as_secs_f64(), limit.as_secs_f64(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_counts_for_a_while() {
        let (mut stalls, start) = (Stalls::default(), Instant::now());
        let limit = Duration::from_millis(20);
        stalls.add(start, Duration::from_millis(30));
        stalls.add(start, Duration::from_millis(5));
        let soon = start + Duration::from_secs(1);
        assert_eq!(read(limit, &mut stalls, soon).pressure, 1.5);
        stalls.add(soon, Duration::from_millis(10));
        assert_eq!(read(limit, &mut stalls, start + MEMORY * 21 / 20).pressure, 0.5);
        assert_eq!(read(limit, &mut stalls, start + MEMORY * 3).pressure, 0.0);
    }
}
