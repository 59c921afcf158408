//! When to try again: decorrelated jitter between attempts, and the stall budget that may grow
//! while nothing succeeds. Pure; the caller sleeps.

use super::limits::Limits;
use std::time::Duration;

/// Shortest pause between two attempts: the application's queue is empty for at least this long.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Share of the patience in which the budget stays as asked, before it starts to grow.
const ESCALATION_STARTS: f64 = 0.1;

/// Share of the patience after which the budget has grown to its ceiling.
const ESCALATION_ENDS: f64 = 0.75;

/// Share of the stall budget as asked that is kept for noticing that somebody waits, and obeying.
const OBEY_SHARE: f64 = 0.2;

/// Pauses that grow and scatter: each is drawn between the shortest one and three times the last,
/// so that two who collide do not collide again.
#[derive(Debug)]
pub(super) struct Backoff {
    last: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self::from_random(fastrand::Rng::new())
    }

    fn from_random(random: fastrand::Rng) -> Self {
        Self { last: PAUSE_MIN, random }
    }

    /// How long to pause before the next attempt.
    pub(super) fn next(&mut self) -> Duration {
        let most = (self.last * 3).min(PAUSE_MAX);
        let spread = (most - PAUSE_MIN).as_secs_f64();
        self.last = PAUSE_MIN + Duration::from_secs_f64(spread * self.random.f64());
        self.last
    }

    /// Something succeeded: the next pause is short again.
    pub(super) fn reset(&mut self) {
        self.last = PAUSE_MIN;
    }
}

/// The stall budget after trying for `elapsed` without success: `max_stall`, or when an escalation
/// is allowed, growing by equal factors to its ceiling. `wait`, what the locks would have to be
/// waited for as far as is foreseen, is granted at once when the growth has begun: the smaller budgets in
/// between would only keep the application waiting in vain.
pub(super) fn stall_budget(limits: &Limits, elapsed: Duration, wait: Option<Duration>) -> Duration {
    let Some(ceiling) = limits.escalate_to.filter(|ceiling| *ceiling > limits.max_stall) else {
        return limits.max_stall;
    };
    let patience = limits.patience.as_secs_f64().max(f64::MIN_POSITIVE);
    let progress = (elapsed.as_secs_f64() / patience - ESCALATION_STARTS)
        / (ESCALATION_ENDS - ESCALATION_STARTS);
    if progress <= 0.0 {
        return limits.max_stall;
    }
    let factor = ceiling.as_secs_f64() / limits.max_stall.as_secs_f64().max(0.001);
    let grown = limits.max_stall.mul_f64(factor.powf(progress.min(1.0))).min(ceiling);
    let foreseen = wait.map(|wait| wait + for_holding(limits)).filter(|budget| *budget <= ceiling);
    foreseen.map_or(grown, |budget| budget.max(grown))
}

/// The part of any stall budget that is kept for holding the locks: half of what it is at first. What
/// an escalation adds is for waiting.
pub(super) fn for_holding(limits: &Limits) -> Duration {
    limits.max_stall / 2
}

/// How long somebody may have waited for us before we are cancelled to keep within `budget`. The rest,
/// a share of what the budget is at first, is for noticing and obeying, which take no longer when it
/// has grown: what is granted for waiting is never cut.
pub(super) fn enforced_at(limits: &Limits, budget: Duration) -> Duration {
    budget.saturating_sub(limits.max_stall.min(budget).mul_f64(OBEY_SHARE))
}

/// The pause after an attempt in vain: no shorter than the time that somebody waited behind it, so that
/// attempts keep the application waiting for half of the time at most.
pub(super) fn pause(backoff: &mut Backoff, worst: Duration) -> Duration {
    backoff.next().max(worst)
}

/// SQLSTATEs after which a transaction of ours is worth another attempt: `lock_not_available`,
/// `deadlock_detected`, `serialization_failure`.
pub(super) fn is_lock_trouble(sqlstate: &str) -> bool {
    matches!(sqlstate, "55P03" | "40P01" | "40001")
}

/// `query_canceled`: by a timeout of ours, by the guard, or by somebody else.
pub(super) const QUERY_CANCELED: &str = "57014";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_in_bounds_grow_and_scatter() {
        let mut backoff = Backoff::from_random(fastrand::Rng::with_seed(7));
        let pauses: Vec<Duration> = (0..200).map(|_| backoff.next()).collect();
        assert!(pauses.iter().all(|p| (PAUSE_MIN..=PAUSE_MAX).contains(p)));
        assert!(pauses[0] <= PAUSE_MIN * 3);
        assert!(pauses.iter().any(|p| *p > PAUSE_MAX / 2), "never grows");
        let mut distinct = pauses.clone();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 150, "does not scatter");
        backoff.reset();
        assert!(backoff.next() <= PAUSE_MIN * 3);
    }

    #[test]
    fn the_budget_grows_only_when_allowed_and_never_past_its_ceiling() {
        let fixed = Limits::default();
        let long = Some(Duration::from_millis(300));
        assert_eq!(stall_budget(&fixed, fixed.patience, long), fixed.max_stall);

        let limits = Limits { escalate_to: Some(Duration::from_secs(2)), ..Limits::default() };
        let at = |share: f64| stall_budget(&limits, limits.patience.mul_f64(share), None);
        assert_eq!(at(0.0), limits.max_stall);
        assert_eq!(at(0.1), limits.max_stall);
        assert!(at(0.2) > limits.max_stall && at(0.4) > at(0.2));
        assert_eq!(at(0.75), Duration::from_secs(2));
        assert_eq!(at(5.0), Duration::from_secs(2));

        let below = Limits { escalate_to: Some(Duration::from_millis(1)), ..Limits::default() };
        assert_eq!(stall_budget(&below, below.patience, None), below.max_stall);
    }

    #[test]
    fn a_wait_that_is_foreseen_is_granted_as_soon_as_the_budget_may_grow() {
        let limits = Limits { escalate_to: Some(Duration::from_secs(2)), ..Limits::default() };
        let at = |share: f64, wait_ms: u64| {
            let wait = Some(Duration::from_millis(wait_ms));
            stall_budget(&limits, limits.patience.mul_f64(share), wait)
        };
        assert_eq!(at(0.1, 1_000), limits.max_stall);
        assert_eq!(at(0.11, 1_000), Duration::from_millis(1_025));
        assert!(at(0.11, 10) < Duration::from_millis(60), "grows as without");
        assert!(at(0.11, 1_990) < Duration::from_millis(60), "beyond the ceiling");
        assert_eq!(at(0.8, 1_000), Duration::from_secs(2));
    }

    #[test]
    fn what_a_grown_budget_grants_for_waiting_is_not_cut() {
        let limits = Limits { escalate_to: Some(Duration::from_secs(2)), ..Limits::default() };
        assert_eq!(enforced_at(&limits, limits.max_stall), limits.max_stall.mul_f64(0.8));
        for milliseconds in [60, 200, 1_000, 2_000] {
            let budget = Duration::from_millis(milliseconds);
            let enforced = enforced_at(&limits, budget);
            assert!(enforced < budget, "{budget:?}: nothing is left to obey");
            assert!(enforced > budget - for_holding(&limits), "{budget:?} is cut while waiting");
        }
    }

    #[test]
    fn whoever_waited_in_vain_gets_as_long_to_recover() {
        let mut backoff = Backoff::from_random(fastrand::Rng::with_seed(7));
        let second = Duration::from_secs(1);
        assert!(pause(&mut backoff, Duration::ZERO) < second);
        assert!(pause(&mut backoff, second) >= second);
    }
}
