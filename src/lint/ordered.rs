//! Work on every processor, results one by one in order.
//!
//! Bounded: no more than a few results wait to be taken, whatever the number of units.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Most units that are worked on ahead of the one to be taken.
const AHEAD: usize = 16;

struct State<T> {
    /// The unit that nobody works on yet.
    next: usize,
    /// The unit whose result is to be taken.
    taken: usize,
    /// Results from `taken` on, as far as they are there.
    results: VecDeque<Option<T>>,
    /// A worker is gone without a result.
    failed: bool,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    count: usize,
    changed: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, guard: MutexGuard<'g, State<T>>) -> MutexGuard<'g, State<T>> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// A unit to work on, when one may be begun now.
    fn claim(&self, state: &mut State<T>) -> Option<usize> {
        if state.next >= self.count || state.next >= state.taken + AHEAD {
            return None;
        }
        state.next += 1;
        state.results.push_back(None);
        Some(state.next - 1)
    }

    fn put(&self, unit: usize, result: T) {
        let mut state = self.lock();
        let place = unit - state.taken;
        state.results[place] = Some(result);
        self.changed.notify_all();
    }
}

/// Says that a worker has panicked, so that nobody waits for its result.
struct Alarm<'s, T>(&'s Shared<T>);

impl<T> Drop for Alarm<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().failed = true;
            self.0.changed.notify_all();
        }
    }
}

/// Calls `make` for every unit below `count`, on all processors at once, and `take` with the results
/// in order, on this thread.
///
/// # Panics
/// When `make` or `take` does.
pub fn in_order<T: Send>(
    count: usize,
    make: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T),
) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let shared = Shared {
        state: Mutex::new(State { next: 0, taken: 0, results: VecDeque::new(), failed: false }),
        count,
        changed: Condvar::new(),
    };
    let work = || {
        let _alarm = Alarm(&shared);
        loop {
            let mut state = shared.lock();
            let unit = loop {
                if state.failed || state.next >= count {
                    return;
                }
                match shared.claim(&mut state) {
                    Some(unit) => break unit,
                    None => state = shared.wait(state),
                }
            };
            drop(state);
            shared.put(unit, make(unit));
        }
    };
    std::thread::scope(|scope| {
        // This thread works too while it waits, and alone when no other can be started.
        for _ in 1..processors.min(count) {
            if crate::threads::spawn(scope, work).is_err() {
                break;
            }
        }
        let _alarm = Alarm(&shared);
        for unit in 0..count {
            take(unit, next_result(&shared, &make));
        }
    });
}

fn next_result<T>(shared: &Shared<T>, make: &(impl Fn(usize) -> T + Sync)) -> T {
    let mut state = shared.lock();
    loop {
        assert!(!state.failed, "a worker has panicked");
        if let Some(Some(_)) = state.results.front() {
            state.taken += 1;
            let result = state.results.pop_front().flatten();
            shared.changed.notify_all();
            return result.expect("it was there a moment ago");
        }
        match shared.claim(&mut state) {
            Some(unit) => {
                drop(state);
                shared.put(unit, make(unit));
                state = shared.lock();
            }
            None => state = shared.wait(state),
        }
    }
}

/// [`in_order`] for many small units: neighbours whose sizes add up to at most `limit` are made in
/// one go, so that threads seldom wait for each other.
pub fn in_order_by_size<T: Send>(
    count: usize,
    limit: usize,
    size: impl Fn(usize) -> usize,
    make: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T),
) {
    let mut starts = Vec::new();
    let mut sum = limit;
    for unit in 0..count {
        let size = size(unit);
        sum = sum.saturating_add(size);
        if sum > limit || unit == 0 {
            starts.push(unit);
            sum = size;
        }
    }
    let group = |index: usize| starts[index]..starts.get(index + 1).copied().unwrap_or(count);
    in_order(
        starts.len(),
        |index| group(index).map(&make).collect::<Vec<T>>(),
        |index, made| group(index).zip(made).for_each(|(unit, result)| take(unit, result)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_come_in_order_and_few_wait() {
        let (made, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut seen = Vec::new();
        in_order(
            1_000,
            |unit| {
                let ahead =
                    made.fetch_add(1, Ordering::SeqCst) - taken.load(Ordering::SeqCst).min(unit);
                assert!(ahead <= 2 * AHEAD);
                unit * 2
            },
            |unit, result| {
                taken.fetch_add(1, Ordering::SeqCst);
                assert_eq!(result, unit * 2);
                seen.push(unit);
            },
        );
        assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
        in_order(0, |unit| unit, |_, _| panic!("nothing to take"));
    }

    #[test]
    fn groups_leave_out_nothing() {
        for limit in [0, 1, 7, 100, usize::MAX] {
            let mut seen = Vec::new();
            in_order_by_size(
                50,
                limit,
                |unit| unit % 5,
                |unit| unit,
                |unit, made| {
                    assert_eq!(unit, made);
                    seen.push(unit);
                },
            );
            assert_eq!(seen, (0..50).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_ends_everything() {
        let ended = std::panic::catch_unwind(|| {
            in_order(100, |unit| assert!(unit != 50, "unit 50"), |_, ()| {});
        });
        assert!(ended.is_err());
    }
}
