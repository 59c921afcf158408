//! Threads whose call stack holds a tree of [`nesting::MAX_LEVELS`].

use super::nesting;
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
