//! The guard: a second connection that watches what the first one does to others.
//!
//! While a statement of ours requests or holds locks it samples who waits behind us, keeps the
//! longest wait, and, where the stall budget is to be enforced, cancels us before it is used up. It
//! also sends the heartbeat, reports how far long statements are, and hears what people at other
//! terminals ask for. It never cancels anybody but
//! ourselves, and never holds a lock.

pub(super) mod sample;
mod task;

pub(super) use crate::journal::Pose;

use super::error::RunError;
use super::flight::Flights;
use super::pace::Pace;
use super::progress::Progress;
use super::session::Shared;
use crate::connect::Target;
use crate::journal::Identity;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Time between two samples while a short transaction is watched.
pub(super) const SAMPLE_BRIEF: Duration = Duration::from_millis(5);

/// Time between two samples while a backfill is watched: its batches are planned to be short.
pub(super) const SAMPLE_BATCH: Duration = Duration::from_millis(10);

/// Time between two samples while a long statement under a weak lock is watched.
pub(super) const SAMPLE_LONG: Duration = Duration::from_millis(200);

/// Time between two reports of a long statement.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// Longest wait for the guard's connection before work that it must watch.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for a cancel request of the guard that is under way.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Guard {
    inner: Arc<Inner>,
    task: tokio::task::JoinHandle<()>,
}

/// What the handle and the task share.
struct Inner {
    watched: Mutex<Vec<Watched>>,
    next_id: AtomicU64,
    /// Held while a cancel request is under way, so that none arrives at a later statement.
    cancelling: tokio::sync::Mutex<()>,
    /// Something new is to be watched.
    wake: Notify,
    connected: AtomicBool,
    /// The guard speaks with the backend that works: somebody in between shares connections out.
    pooled: AtomicBool,
    /// The heartbeat is on: the runner's row is written.
    beating: AtomicBool,
    /// The runner's row is no longer ours.
    replaced: AtomicBool,
    activity: Mutex<String>,
    pose: Mutex<(Pose, Option<String>)>,
    /// The heartbeat is due now, to tell a new pose.
    beat_now: AtomicBool,
}

#[derive(Clone)]
struct Watched {
    id: u64,
    pid: i32,
    every: Duration,
    /// Cancel when somebody has waited for this long.
    enforce: Option<Duration>,
    report: Option<Report>,
    seen: Arc<Mutex<Observed>>,
}

#[derive(Clone)]
struct Report {
    step: String,
    progress: Arc<dyn Progress>,
    last: Option<Instant>,
}

/// What the guard has seen of one watched statement or transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Observed {
    /// Longest wait of another backend behind us.
    pub worst: Duration,
    /// We were cancelled to keep within the budget.
    pub stalled: bool,
    /// Whom we waited for ourselves when last seen waiting.
    pub blocked_by: Vec<i32>,
}

impl Guard {
    /// Starts the guard; it connects, and connects again, by itself.
    pub(super) fn start(
        target: &Target,
        pace: &Pace,
        shared: &Shared,
        identity: &Identity,
        progress: &Arc<dyn Progress>,
        working: i32,
    ) -> Self {
        let inner = Arc::new(Inner {
            watched: Mutex::new(Vec::new()),
            next_id: AtomicU64::new(1),
            cancelling: tokio::sync::Mutex::new(()),
            wake: Notify::new(),
            connected: AtomicBool::new(false),
            pooled: AtomicBool::new(false),
            beating: AtomicBool::new(false),
            replaced: AtomicBool::new(false),
            activity: Mutex::new(String::new()),
            pose: Mutex::new((Pose::Working, None)),
            beat_now: AtomicBool::new(false),
        });
        let task = task::Task {
            inner: Arc::clone(&inner),
            target: target.clone(),
            working,
            pace: pace.clone(),
            flights: shared.flights.clone(),
            progress: Arc::clone(progress),
            // The guard goes on when the user insists, and is not tapped.
            shared: Shared {
                stop: super::Stop::new(),
                tap: None,
                cut: Arc::clone(&shared.cut),
                flights: Flights::default(),
            },
            runner: identity.runner.clone(),
            revision: identity.revision.clone(),
        };
        Self { inner, task: tokio::spawn(task.run()) }
    }

    /// Waits until the guard is connected: nothing that needs watching starts before.
    pub(super) async fn ready(&self) -> Result<(), RunError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        while !self.inner.connected.load(Ordering::Acquire) {
            if self.inner.pooled.load(Ordering::Acquire) {
                return Err(RunError::Pooled);
            }
            if Instant::now() > deadline || self.task.is_finished() {
                return Err(RunError::Lost {
                    step: None,
                    reason: "the guard cannot connect".to_owned(),
                });
            }
            tokio::time::sleep(SAMPLE_BRIEF).await;
        }
        Ok(())
    }

    /// From now on the heartbeat is sent.
    pub(super) fn beat(&self) {
        self.inner.beating.store(true, Ordering::Release);
        self.inner.wake.notify_one();
    }

    /// No more heartbeat.
    pub(super) fn rest(&self) {
        self.inner.beating.store(false, Ordering::Release);
    }

    /// Whether another runner has taken our place.
    pub(super) fn replaced(&self) -> bool {
        self.inner.replaced.load(Ordering::Acquire)
    }

    /// What the heartbeat says we do.
    pub(super) fn activity(&self, text: &str) {
        text.clone_into(&mut lock(&self.inner.activity));
    }

    /// What the heartbeat says about how we are; told at once when it is new.
    pub(super) fn pose(&self, pose: Pose, reason: Option<String>) {
        let new = (pose, reason);
        let before = std::mem::replace(&mut *lock(&self.inner.pose), new.clone());
        if before != new {
            self.inner.beat_now.store(true, Ordering::Release);
            self.inner.wake.notify_one();
        }
    }

    /// Watches a backend of ours for what it does to others. With `enforce` it is cancelled when
    /// somebody has waited for it for so long.
    pub(super) fn watch(&self, pid: i32, every: Duration, enforce: Option<Duration>) -> Watch {
        self.add(pid, every, enforce, None)
    }

    /// Watches a long statement and reports how far it is.
    pub(super) fn report(&self, pid: i32, step: &str, progress: &Arc<dyn Progress>) -> Watch {
        let report = Report { step: step.to_owned(), progress: Arc::clone(progress), last: None };
        self.add(pid, SAMPLE_LONG, None, Some(report))
    }

    fn add(
        &self,
        pid: i32,
        every: Duration,
        enforce: Option<Duration>,
        report: Option<Report>,
    ) -> Watch {
        let id = self.inner.next_id.fetch_add(1, Ordering::Relaxed);
        let seen = Arc::new(Mutex::new(Observed::default()));
        let watched = Watched { id, pid, every, enforce, report, seen: Arc::clone(&seen) };
        lock(&self.inner.watched).push(watched);
        self.inner.wake.notify_one();
        Watch { inner: Arc::clone(&self.inner), id, seen }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One thing that is being watched; it ends when this is dropped.
pub(super) struct Watch {
    inner: Arc<Inner>,
    id: u64,
    seen: Arc<Mutex<Observed>>,
}

impl Watch {
    /// Ends the watch. When this returns, no cancel request of the guard is on its way any more, so
    /// the next statement is safe from it.
    pub(super) async fn end(self) -> Observed {
        self.remove();
        let _ = tokio::time::timeout(CANCEL_WAIT, self.inner.cancelling.lock()).await;
        lock(&self.seen).clone()
    }

    fn remove(&self) {
        lock(&self.inner.watched).retain(|watched| watched.id != self.id);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A panic elsewhere leaves these values whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
