//! Work on several processors, on threads whose call stack holds a tree of [`nesting::MAX_LEVELS`].

use crate::sql::nesting;
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Runs `work` where statements may nest deeply: on a thread of its own, unless this one will do.
///
/// # Panics
/// When `work` does.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if nesting::has_large_stack() {
        return work();
    }
    // Given back when no thread can be started: then deep statements are refused, and nothing else.
    let waiting = std::sync::Mutex::new(Some(work));
    let take = || waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let done = std::thread::scope(|scope| {
        let started = spawn(scope, || take().map(|work| work()));
        match started.map(ScopedJoinHandle::join) {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => None,
        }
    });
    done.or_else(|| take().map(|work| work())).expect("the work is done once")
}

/// Starts a thread with a large stack.
///
/// # Errors
/// When the system gives none.
pub fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> std::io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name("airlock".to_owned()).stack_size(nesting::STACK_BYTES).spawn_scoped(
        scope,
        || {
            nesting::stack_is_large();
            work()
        },
    )
}

/// Fewer items are worked on by the caller: starting a thread takes as long as some of them.
const WORTH_A_THREAD: usize = 64;

/// What `work` makes of each item, in their order, on every processor.
///
/// # Panics
/// When `work` does.
pub fn map<I: Sync, O: Send>(items: &[I], work: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let each = &|part: &[I]| -> Vec<O> { part.iter().map(&work).collect() };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut parts = items.chunks(items.len().div_ceil(processors).max(WORTH_A_THREAD));
    let Some(own) = parts.next() else { return Vec::new() };
    std::thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| (part, spawn(scope, move || each(part)))).collect();
        let mut made = each(own);
        for (part, thread) in others {
            made.extend(match thread.map(ScopedJoinHandle::join) {
                Ok(Ok(made)) => made,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // The system gave no thread.
                Err(_) => each(part),
            });
        }
        made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..WORTH_A_THREAD * 5 + 1).collect();
        let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
        assert_eq!(map(&items, |item| item * 2), doubled);
        assert_eq!(map(&items[..3], |item| item + 1), [1, 2, 3]);
        assert!(map(&[] as &[usize], |item| *item).is_empty());
    }
}
