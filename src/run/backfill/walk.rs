//! A lane: one connection that walks ranges of blocks, batch by batch.

use super::batch::{self, Batch};
use super::course::{Course, PARTS};
use super::size::Sizers;
use super::vacuum;
use crate::journal::Value;
use crate::journal::walk::{Range, Walk};
use crate::plan::{Backfill, Change};
use crate::run::error::RunError;
use crate::run::guard::{Guard, Pose};
use crate::run::outcome::Hooks;
use crate::run::pace::Pace;
use crate::run::pace::gate::Gate;
use crate::run::progress::{Event, Failed};
use crate::run::retry::Backoff;
use crate::run::runner::as_ms;
use crate::run::session::{Fault, Session};
use crate::run::statement::describe;
use crate::sql::QualifiedName;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the lanes of a walk share.
pub(super) struct Shared<'a> {
    pub backfill: &'a Backfill,
    pub walk: &'a Walk,
    pub pace: &'a Pace,
    /// As many lanes as were asked for when the walk was taken up.
    pub jobs: usize,
    pub hooks: &'a Hooks,
    pub guard: &'a Guard,
    pub database: &'a str,
    /// Ranges that nobody walks yet.
    pub queue: Mutex<VecDeque<Range>>,
    pub tally: &'a Tally,
    pub pass: i64,
    /// Blocks that the server's buffers hold.
    pub buffers: i64,
}

/// What the lanes of a walk have done together.
pub(super) struct Tally {
    pub started: Instant,
    pub attempts: AtomicU64,
    pub rows: AtomicU64,
    pub batches: AtomicU64,
    pub vacuums: AtomicU64,
    /// In [`PARTS`] of blocks.
    pub parts_done: AtomicU64,
    pub blocks_total: AtomicU64,
    pub times: Mutex<Times>,
    /// A lane has come to an unplanned end: the others stop after their batch.
    pub halt: AtomicBool,
    pub bloat: Mutex<HashMap<u32, vacuum::Bloat>>,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Times {
    pub waited: Duration,
    pub worst_stall: Duration,
    /// Longest batch: for so long its row locks were held.
    pub held: Duration,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            attempts: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            vacuums: AtomicU64::new(0),
            parts_done: AtomicU64::new(0),
            blocks_total: AtomicU64::new(0),
            times: Mutex::new(Times::default()),
            halt: AtomicBool::new(false),
            bloat: Mutex::new(HashMap::new()),
        }
    }

    pub(super) fn stall(&self, time: Duration) {
        let mut times = lock(&self.times);
        times.worst_stall = times.worst_stall.max(time);
    }

    fn wait(&self, time: Duration) {
        lock(&self.times).waited += time;
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a lane came to an unplanned end.
pub(super) enum Halt {
    /// The file of this table was replaced; its walk starts again.
    Moved(u32),
    /// Another number of lanes is wanted.
    Jobs,
    Failed(RunError),
}

impl From<RunError> for Halt {
    fn from(error: RunError) -> Self {
        Halt::Failed(error)
    }
}

pub(super) struct Lane<'a> {
    pub session: &'a Session,
    pub shared: &'a Shared<'a>,
    /// `statement_timeout` as last set here.
    timeout: Mutex<String>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(session: &'a Session, shared: &'a Shared<'a>) -> Self {
        Self { session, shared, timeout: Mutex::new(String::new()) }
    }

    pub(super) async fn set_statement_timeout(&self, timeout: &str) -> Result<(), RunError> {
        if *lock(&self.timeout) == timeout {
            return Ok(());
        }
        self.session
            .control(&format!("SET statement_timeout = {timeout}"))
            .await
            .map_err(|fault| fault.doing("bound the next batch"))?;
        timeout.clone_into(&mut lock(&self.timeout));
        Ok(())
    }

    pub(super) async fn roll_back(&self) -> Result<(), RunError> {
        self.session.tidy("ROLLBACK").await.map_err(|fault| fault.doing("roll back a batch"))
    }

    /// Walks ranges until none is left, or until the walk halts.
    pub(super) async fn run(self) -> Result<(), Halt> {
        let mut sizers = Sizers::new(self.shared.pace.limits().batch_target);
        // A join may read the other table for each batch anew.
        let divided = matches!(&self.shared.backfill.change, Change::Update { from: None, .. });
        let mut course = Course::new(divided, self.shared.buffers, self.shared.jobs);
        loop {
            let next = lock(&self.shared.queue).pop_front();
            let Some(range) = next else { return Ok(()) };
            let walked = self.walk(range, &mut sizers, &mut course).await;
            if !matches!(walked, Ok(true)) {
                self.shared.tally.halt.store(true, Ordering::Relaxed);
                return walked.map(drop);
            }
        }
    }

    /// Walks one range; false when the walk halted before its end.
    async fn walk(
        &self,
        mut range: Range,
        sizers: &mut Sizers,
        course: &mut Course,
    ) -> Result<bool, Halt> {
        let mut untold = 0;
        course.begin(range.end_block - range.next_block);
        let walked = self.batches(&mut range, sizers, course, &mut untold).await;
        let rows = i64::try_from(untold).unwrap_or(i64::MAX);
        match walked {
            Ok(true) => {
                let command = self.shared.walk.finish(&range, rows);
                self.session.write(&command).await.map_err(|fault| fault.doing(command.label))?;
            }
            // Only the count of rows; why the walk ends is worth more than a failure here.
            Ok(false) | Err(Halt::Moved(_) | Halt::Jobs) => self.tell(&range, rows).await,
            Err(Halt::Failed(RunError::Cut | RunError::Lost { .. })) => {}
            Err(Halt::Failed(_)) => self.tell(&range, rows).await,
        }
        walked
    }

    async fn tell(&self, range: &Range, rows: i64) {
        if rows > 0 {
            let _ = self.session.write_last(&self.shared.walk.tell(range, rows)).await;
        }
    }

    /// The batches of one range; false when the walk halted before its end. `untold`: rows of the
    /// last one, which the journal hears of with the next.
    async fn batches(
        &self,
        range: &mut Range,
        sizers: &mut Sizers,
        course: &mut Course,
        untold: &mut u64,
    ) -> Result<bool, Halt> {
        let Shared { pace, tally, walk, .. } = self.shared;
        let halted = || tally.halt.load(Ordering::Relaxed);
        let gate = self.gate();
        let mut rises = pace.rises();
        let mut backoff = Backoff::new();
        let mut failing: Option<(Instant, u64)> = None;
        while range.next_block < range.end_block {
            let held = gate.pass(halted).await?;
            if halted() {
                return Ok(false);
            }
            if let Some((since, _)) = &mut failing {
                *since += held;
            }
            let limits = pace.limits();
            if limits.jobs != self.shared.jobs {
                return Err(Halt::Jobs);
            }
            sizers.aim(limits.batch_target);
            if std::mem::replace(&mut rises, pace.rises()) != pace.rises() {
                sizers.shrink();
            }
            let part = course.part(range.next_block, range.end_block);
            let to = (part.from + sizers.of(part.visit).blocks()).min(part.end);
            tally.attempts.fetch_add(1, Ordering::Relaxed);
            match batch::run(self, range, &part, to, *untold).await? {
                Batch::Committed { rows, kept, time } => {
                    let blocks = to - part.from;
                    sizers.of(part.visit).changed(blocks, time, rows);
                    if part.slice.is_none() {
                        range.next_block = to;
                    }
                    let credit = course.done(to, rows, kept);
                    *untold = rows;
                    failing = None;
                    backoff.reset();
                    self.committed(range, (blocks, credit.parts), rows, time);
                    vacuum::after_batch(self, range, credit.moved).await?;
                    gate.slow(time).await;
                }
                Batch::Moved => return Err(Halt::Moved(range.relation)),
                Batch::Gone => match self.name_now(range.relation).await? {
                    Some(name) => range.relation_name = name,
                    // Dropped with its rows, as a partition may be.
                    None => break,
                },
                Batch::Failed { reason, blocked_by } => {
                    sizers.shrink();
                    let (since, attempts) = failing.unwrap_or((Instant::now(), 0));
                    failing = Some((since, attempts + 1));
                    let blockers = describe(self.session, &blocked_by).await?;
                    if since.elapsed() > limits.patience {
                        return Err(Halt::Failed(RunError::LockNotHad {
                            step: walk.step.clone(),
                            relations: vec![range.relation_name.clone()],
                            blockers,
                            attempts: attempts + 1,
                            waited: since.elapsed(),
                            reason: Some(reason),
                            suggestion: None,
                            on_blocker: limits.on_blocker,
                        }));
                    }
                    self.pause(&mut backoff, reason, attempts + 1, blockers).await;
                }
            }
        }
        Ok(true)
    }

    async fn pause(
        &self,
        backoff: &mut Backoff,
        reason: Failed,
        attempt: u64,
        blockers: Vec<crate::run::Blocker>,
    ) {
        let pause = backoff.next();
        self.shared.hooks.progress.event(&Event::AttemptFailed {
            step: self.shared.walk.step.clone(),
            attempt,
            reason,
            pause_ms: as_ms(pause),
            blockers,
        });
        self.shared.tally.wait(pause);
        self.shared.hooks.stop.sleep(pause).await;
    }

    fn gate(&self) -> Gate<'_> {
        let Shared { pace, guard, hooks, walk, .. } = self.shared;
        Gate { pace, guard, hooks, session: self.session, step: &walk.step }
    }

    pub(super) fn heed_stop(&self) -> Result<(), RunError> {
        if self.shared.hooks.stop.requested() {
            let step = Some(self.shared.walk.step.clone());
            return Err(RunError::Interrupted { step, note: None });
        }
        if self.shared.guard.replaced() {
            return Err(RunError::Replaced { refused: None });
        }
        Ok(())
    }

    /// The name of a table now, quoted; `None` when it is gone.
    pub(super) async fn name_now(&self, oid: u32) -> Result<Option<String>, RunError> {
        let rows = self
            .session
            .rows(
                "name of the table",
                "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class AS c \
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                 WHERE c.oid = $1::bigint::oid",
                &[Value::BigInt(i64::from(oid))],
            )
            .await
            .map_err(|fault: Fault| fault.doing("find a table of the walk"))?;
        Ok(rows.first().map(|row| {
            QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1)).to_string()
        }))
    }

    fn committed(&self, range: &Range, (blocks, parts): (i64, u64), rows: u64, time: Duration) {
        let tally = self.shared.tally;
        let blocks = u64::try_from(blocks).unwrap_or_default();
        let all_rows = tally.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let done = (tally.parts_done.fetch_add(parts, Ordering::Relaxed) + parts) / PARTS;
        tally.batches.fetch_add(1, Ordering::Relaxed);
        {
            let mut times = lock(&tally.times);
            times.held = times.held.max(time);
        }
        let (slowed, slowed_by) = match self.shared.pace.slow() {
            Some((share, why)) => (share, Some(why)),
            None => (0.0, None),
        };
        let remark = slowed_by
            .as_ref()
            .map(|why| format!("stands still {:.0} % of the time: {why}", slowed * 100.0));
        self.shared.guard.pose(Pose::Working, remark);
        let elapsed = tally.started.elapsed().as_secs_f64().max(1e-6);
        self.shared.hooks.progress.event(&Event::Batch {
            step: self.shared.walk.step.clone(),
            relation: range.relation_name.clone(),
            blocks_done: done,
            blocks_total: tally.blocks_total.load(Ordering::Relaxed),
            rows: all_rows,
            batch_blocks: blocks,
            batch_rows: rows,
            batch_ms: as_ms(time),
            rows_per_second: all_rows as f64 / elapsed,
            pass: u64::try_from(self.shared.pass).unwrap_or(1),
            slowed,
            slowed_by,
        });
    }
}
