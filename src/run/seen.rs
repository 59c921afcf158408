//! Transactions seen while a lock is waited for: how long they take, and with that how long those that
//! are there now are still in the way. Pure.

use super::look::{Holder, Wanted};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Transactions seen while waiting: how long each had lasted when it was last seen. For the age of
/// those whose start we may not read, and for the budget that would have done.
#[derive(Debug, Default)]
pub(super) struct Seen {
    transactions: HashMap<(Option<i32>, String), Transaction>,
    longest_ended: Option<Duration>,
    /// The last ones that had lasted longer than `LONG`, oldest first.
    ended: VecDeque<Ended>,
    /// What the locks would have had to be waited for at the best moment so far.
    shortest_wait: Option<Duration>,
    /// From when to when we last stood in the queue in vain.
    queued: Option<(Instant, Instant)>,
}

/// A transaction that is shorter is not in the way of any budget that makes sense.
const LONG: Duration = Duration::from_millis(20);

/// From so many transactions on that were seen to end, what is left of others is foreseen; so many
/// are remembered.
const FORESEEN_FROM: usize = 3;
const REMEMBERED: usize = 16;

/// By which the longest of them may be exceeded. They were last seen a look before their end.
const MARGIN: f64 = 1.1;

#[derive(Debug)]
struct Transaction {
    first_seen: Instant,
    age: Duration,
    /// It was seen doing nothing, and not only between two statements of a busy one.
    idled: bool,
    /// Part of its age in which it stood behind us in the queue. That says nothing about those to come.
    behind: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Ended {
    after: Duration,
    idled: bool,
}

/// What would have had the locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion {
    /// As the stall budget.
    pub budget: Duration,
    /// As the ceiling to which it may grow.
    pub ceiling: Duration,
}

/// Most transactions remembered at a time; past it those that have ended are forgotten at once.
const SEEN_MAX: usize = 10_000;

impl Seen {
    /// Takes one reading in, as far as it is about `wanted`. Transactions that are no longer there have
    /// ended.
    pub(super) fn update(&mut self, holders: &[Holder], wanted: &[Wanted], now: Instant) {
        if self.transactions.len() > SEEN_MAX {
            self.transactions.clear();
        }
        let mut still = HashMap::new();
        for holder in holders.iter().filter(|holder| holder.conflicts(wanted)) {
            let key = (holder.pid, holder.vxid.clone());
            let before = self.transactions.get(&key);
            let first_seen = before.map_or(now, |seen| seen.first_seen);
            let idled = before.is_some_and(|seen| seen.idled) || holder.idles_for(LONG);
            let age = holder.age.unwrap_or_default().max(now.duration_since(first_seen));
            let behind = before.map_or_else(|| self.stood_behind(age, now), |seen| seen.behind);
            still.insert(key, Transaction { first_seen, age, idled, behind });
        }
        for (key, transaction) in &self.transactions {
            if !still.contains_key(key) {
                self.longest_ended = self.longest_ended.max(Some(transaction.age));
                let after = transaction.age.saturating_sub(transaction.behind);
                if after >= LONG {
                    self.ended.push_back(Ended { after, idled: transaction.idled });
                }
            }
        }
        self.ended.drain(..self.ended.len().saturating_sub(REMEMBERED));
        self.transactions = still;
        // One that has only begun is likelier one of the many short ones.
        let waits =
            holders.iter().filter(|holder| holder.conflicts(wanted) && self.age(holder) >= LONG);
        let waits: Option<Vec<Duration>> = waits.map(|holder| self.left(holder)).collect();
        if let Some(longest) = waits.and_then(|waits| waits.into_iter().max()) {
            self.shortest_wait =
                Some(self.shortest_wait.map_or(longest, |shortest| shortest.min(longest)));
        }
    }

    /// We stood in the queue from then to then, and gave way.
    pub(super) fn queued(&mut self, from: Instant, to: Instant) {
        self.queued = Some((from, to));
    }

    /// How long a transaction that is new to us, and has reached an age, stood behind us: it came while
    /// we queued.
    fn stood_behind(&self, age: Duration, now: Instant) -> Duration {
        let Some((from, to)) = self.queued else { return Duration::ZERO };
        match now.checked_sub(age) {
            Some(began) if (from..to).contains(&began) => to - began,
            _ => Duration::ZERO,
        }
    }

    /// How long a holder's transaction goes on, if it takes as long as the longest of the last that
    /// ended, of one that sits idle the last that did so too; `None` when that is unknown: too few were
    /// seen, it is older than they became, or it waits itself, or was prepared.
    pub(super) fn left(&self, holder: &Holder) -> Option<Duration> {
        if !holder.granted || holder.prepared.is_some() || holder.is_autovacuum() {
            return None;
        }
        let idles = holder.idles_for(LONG);
        let alike = || self.ended.iter().filter(|ended| ended.idled || !idles);
        if alike().count() < FORESEEN_FROM {
            return None;
        }
        let longest = alike().map(|ended| ended.after).max()?.mul_f64(MARGIN);
        let behind =
            self.transactions.get(&(holder.pid, holder.vxid.clone())).map(|seen| seen.behind);
        longest.checked_sub(self.age(holder).saturating_sub(behind.unwrap_or_default()))
    }

    /// What the locks would have had to be waited for at the best moment so far; `None` when nothing
    /// is foreseen yet.
    pub(super) fn shortest_wait(&self) -> Option<Duration> {
        // With what may come between the look and the request.
        self.shortest_wait.map(|wait| wait.mul_f64(MARGIN))
    }

    pub(super) fn age(&self, holder: &Holder) -> Duration {
        self.transactions
            .get(&(holder.pid, holder.vxid.clone()))
            .map(|seen| seen.age)
            .or(holder.age)
            .unwrap_or_default()
    }

    /// Budgets with which the longest transaction that came and went would not have been in the
    /// way; `None` when none has ended. `holding` is the part of a budget that an escalation keeps for
    /// holding the locks.
    pub(super) fn suggestion(&self, holding: Duration) -> Option<Suggestion> {
        let longest = self.longest_ended?;
        let full = |time: Duration| {
            Duration::from_millis(((time.as_secs_f64() * 1000.0 / 10.0).ceil() * 10.0) as u64)
        };
        // Twice, as half of a fixed budget is for waiting; a quarter more.
        let budget = full(longest.mul_f64(2.5));
        let wait = self.shortest_wait().unwrap_or(longest).mul_f64(1.25);
        Some(Suggestion { budget, ceiling: full(wait + holding) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::tests::{BRIEF, holder};
    use super::super::look::{Strictness, in_the_way};
    use super::*;
    use crate::lock::LockMode;

    #[test]
    fn a_transaction_whose_start_is_hidden_ages_from_when_it_was_first_seen() {
        let wanted = [Wanted { oid: 7, name: "public.t".into(), mode: LockMode::AccessExclusive }];
        let hidden = [holder(LockMode::AccessShare, None)];
        let mut seen = Seen::default();
        let start = Instant::now();
        seen.update(&hidden, &wanted, start);
        assert!(in_the_way(&hidden, &wanted, BRIEF, &seen).is_empty());
        seen.update(&hidden, &wanted, start + Duration::from_millis(40));
        assert_eq!(in_the_way(&hidden, &wanted, BRIEF, &seen)[0].1, Duration::from_millis(40));
        let another = [Holder { vxid: "3/2".into(), ..hidden[0].clone() }];
        seen.update(&another, &wanted, start + Duration::from_millis(45));
        assert!(in_the_way(&another, &wanted, BRIEF, &seen).is_empty());
        let suggestion = seen.suggestion(Duration::from_millis(25)).unwrap();
        assert_eq!(suggestion.budget, Duration::from_millis(100));
        assert_eq!(suggestion.ceiling, Duration::from_millis(80));
    }

    #[test]
    fn what_is_left_of_a_reader_is_foreseen_from_those_that_ended() {
        let wanted = [Wanted { oid: 7, name: "public.t".into(), mode: LockMode::AccessExclusive }];
        let strictness = |waiting: u64| Strictness::Brief {
            budget: Duration::from_millis(waiting + 25),
            waiting: Duration::from_millis(waiting),
            vacuum_yields: false,
            foresee: true,
        };
        let mut seen = Seen::default();
        let start = Instant::now();
        let reader = |number: u64, age: u64| Holder {
            vxid: format!("3/{number}"),
            ..holder(LockMode::AccessShare, Some(age))
        };
        for number in 0..3 {
            assert_eq!(seen.shortest_wait(), None);
            seen.update(&[reader(number, 2_000)], &wanted, start);
        }
        // Another mode than ours conflicts with says nothing.
        seen.update(&[Holder { mode: None, ..reader(9, 60_000) }], &wanted, start);

        let hinders = |seen: &Seen, holder: &Holder, waiting| {
            !in_the_way(std::slice::from_ref(holder), &wanted, strictness(waiting), seen).is_empty()
        };
        for (age, left) in [(100, 2_100), (1_500, 700), (1_950, 250)] {
            let current = reader(4, age);
            seen.update(std::slice::from_ref(&current), &wanted, start);
            assert!(hinders(&seen, &current, left - 1) && !hinders(&seen, &current, left));
        }
        assert_eq!(seen.shortest_wait(), Some(Duration::from_millis(275)));
        let begun = reader(6, 5);
        assert!(!hinders(&seen, &begun, 30), "most are short");
        let beyond = reader(5, 2_300);
        seen.update(std::slice::from_ref(&beyond), &wanted, start);
        assert!(hinders(&seen, &beyond, 2_000), "older than any that ended");
        assert_eq!(seen.shortest_wait(), Some(Duration::from_millis(275)));
    }

    #[test]
    fn the_time_in_which_one_stood_behind_us_does_not_count() {
        let wanted = [Wanted { oid: 7, name: "public.t".into(), mode: LockMode::AccessExclusive }];
        let mut seen = Seen::default();
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let reader = |number: u64, age: u64| Holder {
            vxid: format!("3/{number}"),
            ..holder(LockMode::AccessShare, Some(age))
        };
        for number in 0..3 {
            seen.update(&[reader(number, 2_000)], &wanted, at(number));
        }
        seen.update(&[], &wanted, at(5_000));
        seen.queued(at(6_000), at(7_200));
        // Came after 6.2 s, stood behind us for a second.
        let late = reader(4, 1_500);
        seen.update(std::slice::from_ref(&late), &wanted, at(7_700));
        assert_eq!(seen.left(&late), Some(Duration::from_millis(1_700)));
        assert_eq!(seen.age(&late), Duration::from_millis(1_500));
        let late = reader(4, 3_000);
        seen.update(std::slice::from_ref(&late), &wanted, at(9_200));
        // Came before us.
        let early = reader(5, 3_300);
        seen.update(std::slice::from_ref(&early), &wanted, at(9_201));
        assert_eq!(seen.left(&early), None);
        let next = reader(6, 200);
        seen.update(std::slice::from_ref(&next), &wanted, at(20_000));
        assert_eq!(seen.left(&next), Some(Duration::from_millis(3_430)), "3.3 s and a tenth");
    }

    #[test]
    fn one_that_sits_idle_is_foreseen_from_those_that_did_so_too() {
        let wanted = [Wanted { oid: 7, name: "public.t".into(), mode: LockMode::AccessExclusive }];
        let mut seen = Seen::default();
        let start = Instant::now();
        let busy = |number: u64, age: u64| Holder {
            vxid: format!("3/{number}"),
            ..holder(LockMode::AccessShare, Some(age))
        };
        let idle = |number: u64, age: u64| Holder {
            state: Some("idle in transaction".into()),
            state_age: Some(Duration::from_millis(age - 1)),
            ..busy(number, age)
        };
        for number in 0..4 {
            seen.update(&[busy(number, 2_000)], &wanted, start);
        }
        seen.update(&[busy(8, 1_500), idle(9, 1_500)], &wanted, start);
        assert_eq!(seen.left(&busy(8, 1_500)), Some(Duration::from_millis(700)));
        assert_eq!(seen.left(&idle(9, 1_500)), None, "somebody may have left it open");
        for number in 10..13 {
            seen.update(&[idle(number, 1_600)], &wanted, start);
        }
        let current = idle(20, 1_600);
        seen.update(std::slice::from_ref(&current), &wanted, start);
        assert_eq!(seen.left(&current), Some(Duration::from_millis(160)));
        let strictness = Strictness::Brief {
            budget: Duration::from_millis(225),
            waiting: Duration::from_millis(200),
            vacuum_yields: false,
            foresee: true,
        };
        assert!(in_the_way(std::slice::from_ref(&current), &wanted, strictness, &seen).is_empty());
        let fixed = in_the_way(std::slice::from_ref(&current), &wanted, BRIEF, &seen);
        assert!(!fixed.is_empty(), "without an escalation nobody who idles is waited for");
    }
}
