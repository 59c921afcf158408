//! Changing the rows of a table batch by batch, over ranges of blocks.
//!
//! Each batch commits with its position, so a walk that is cut off goes on where it was, or where the
//! stretch of blocks begins that was being visited (`course.rs`). Lanes walk disjoint ranges side by
//! side. Never holds a row lock for longer than a batch, never vacuums with truncation, never fires the
//! application's triggers for a change that airlock invented.

mod batch;
mod course;
mod size;
mod tables;
mod triggers;
mod vacuum;
mod walk;

pub(super) use size::Sizer;
pub(super) use tables::{Table, tables};

use super::engine::{Run, connect, finish};
use super::error::RunError;
use super::progress::Event;
use super::runner::Runner;
use super::session::Session;
use super::settings::{STATEMENT_TIMEOUT, as_setting};
use super::step::completion;
use crate::journal::walk::{Range, Walk, range};
use crate::plan::{Backfill, Step};
use crate::sql::QualifiedName;
use course::PARTS;
use futures_util::future::join_all;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use tables::ranges;
use triggers::Role;
use walk::{Halt, Lane, Shared, Tally, lock};

/// How often the file of a table may be replaced under its walk.
const RESTARTS_MAX: i64 = 5;

/// How often a walk is repeated until it changes no row.
const PASSES_MAX: i64 = 20;

pub(super) async fn run(
    run: &mut Run<'_>,
    runner: &mut Runner<'_>,
    step: &Step,
    backfill: &Backfill,
) -> Result<(), RunError> {
    runner.figures.rows_in_walk();
    let tally = Tally::new();
    let result = walk(runner, step, backfill, &tally).await;
    let batches = tally.batches.load(Ordering::Relaxed);
    run.progress += batches;
    let times = *lock(&tally.times);
    runner.figures.attempts += tally.attempts.load(Ordering::Relaxed);
    runner.figures.rows += tally.rows.load(Ordering::Relaxed);
    runner.figures.batches += batches;
    runner.figures.vacuums += tally.vacuums.load(Ordering::Relaxed);
    runner.figures.waited += times.waited;
    runner.figures.stall(times.worst_stall);
    runner.figures.held = runner.figures.held.max(times.held);
    result?;
    complete(runner, step).await
}

async fn walk(
    runner: &Runner<'_>,
    step: &Step,
    backfill: &Backfill,
    tally: &Tally,
) -> Result<(), RunError> {
    let id = Walk {
        revision: runner.revision().to_owned(),
        step: step.id.clone(),
        runner: runner.identity.runner.clone(),
    };
    let mut resumed = true;
    loop {
        let found = tables(&runner.work, &step.id, &backfill.relation).await?;
        let mut known = read(runner, &id).await?;
        // Tables that have been attached since are walked like those that were there.
        let new: Vec<Range> = found
            .iter()
            .filter(|table| !known.iter().any(|range| range.relation == table.oid))
            .flat_map(|table| ranges(table, runner.limits().jobs, 1, 0))
            .collect();
        if !new.is_empty() {
            resumed &= !known.is_empty();
            enter(runner, &id, &new).await?;
            known = read(runner, &id).await?;
        }
        if split(runner, &id, &known).await? {
            known = read(runner, &id).await?;
        }
        let pass = known.iter().map(|range| range.pass).max().unwrap_or(1);
        if known.iter().any(|range| !range.done) {
            let oids: Vec<u32> = found.iter().map(|table| table.oid).collect();
            let role = triggers::decide(
                &runner.work,
                runner.plan,
                &step.id,
                backfill,
                &oids,
                runner.server.may_set_replication_role,
            )
            .await?;
            match lanes(runner, &id, backfill, role, &known, pass, tally).await {
                Ok(()) | Err(Halt::Jobs) => {}
                Err(Halt::Moved(oid)) => {
                    restart(runner, &id, &backfill.relation, oid).await?;
                    continue;
                }
                Err(Halt::Failed(error)) => return Err(error),
            }
            // Once more, for tables that were attached meanwhile.
            continue;
        }
        let rows: i64 = known.iter().map(|range| range.pass_rows).sum();
        if backfill.repeat {
            runner.event(Event::Pass {
                step: step.id.clone(),
                pass: u64::try_from(pass).unwrap_or(1),
                rows: u64::try_from(rows).unwrap_or_default(),
            });
        }
        // The rows of the last batch before a crash are not counted, so a pass that was taken up
        // in its middle proves nothing.
        if !backfill.repeat || (rows == 0 && !resumed) {
            return Ok(());
        }
        if pass >= PASSES_MAX {
            return Err(RunError::PassesExhausted {
                step: step.id.clone(),
                relation: backfill.relation.to_string(),
                passes: pass,
            });
        }
        resumed = false;
        again(runner, &id, &known, &found, pass + 1).await?;
    }
}

/// Cuts ranges in two until there is one for each lane that is asked for, as far as that is worth
/// it; whether any was.
async fn split(runner: &Runner<'_>, id: &Walk, known: &[Range]) -> Result<bool, RunError> {
    let todo: Vec<Range> = known.iter().filter(|range| !range.done).cloned().collect();
    let commands: Vec<_> = tables::cuts(&todo, runner.limits().jobs)
        .iter()
        .flat_map(|(range, at)| id.split(range, *at))
        .collect();
    if commands.is_empty() {
        return Ok(false);
    }
    let result = async {
        runner.work.control("BEGIN").await?;
        for command in &commands {
            runner.work.write(command).await?;
        }
        runner.work.control("COMMIT").await
    }
    .await;
    finish(&runner.work, result, "divide the walk among more lanes").await?;
    Ok(true)
}

async fn read(runner: &Runner<'_>, id: &Walk) -> Result<Vec<Range>, RunError> {
    let command = id.read();
    let rows =
        runner.work.ask(&command).await.map_err(|fault| fault.doing("read the walk's position"))?;
    Ok(rows.iter().map(range).collect())
}

async fn enter(runner: &Runner<'_>, id: &Walk, ranges: &[Range]) -> Result<(), RunError> {
    let result = async {
        runner.work.control("BEGIN").await?;
        for command in id.enter(ranges) {
            runner.work.write(&command).await?;
        }
        runner.work.control("COMMIT").await
    }
    .await;
    finish(&runner.work, result, "journal the walk").await
}

/// Starts the walk of one table again, because its rows have moved.
async fn restart(
    runner: &Runner<'_>,
    id: &Walk,
    root: &QualifiedName,
    oid: u32,
) -> Result<(), RunError> {
    let before = read(runner, id).await?;
    // Its size and file now, not those of the time when the walk began.
    let now = tables(&runner.work, &id.step, root).await?;
    let Some(table) = now.iter().find(|table| table.oid == oid) else {
        // It left the tree: what is left of its walk ends by itself.
        return Ok(());
    };
    let of_table = || before.iter().filter(|range| range.relation == oid);
    let restarts = 1 + of_table().map(|range| range.restarts).max().unwrap_or_default();
    let (step, relation) = (id.step.clone(), table.name.clone());
    if restarts > RESTARTS_MAX {
        return Err(RunError::WalkRestarted { step, relation, restarts });
    }
    let pass = of_table().map(|range| range.pass).max().unwrap_or(1);
    let mut again = ranges(table, runner.limits().jobs, pass, restarts);
    carry(&mut again, of_table());
    enter(runner, id, &again).await?;
    let restarts = u64::try_from(restarts).unwrap_or_default();
    runner.event(Event::WalkRestarted { step, relation, restarts });
    Ok(())
}

/// Enters the next pass over every table.
async fn again(
    runner: &Runner<'_>,
    id: &Walk,
    known: &[Range],
    found: &[Table],
    pass: i64,
) -> Result<(), RunError> {
    let mut all = Vec::new();
    for table in found {
        let of_table = || known.iter().filter(|range| range.relation == table.oid);
        let restarts = of_table().map(|range| range.restarts).max().unwrap_or_default();
        let mut next = ranges(table, runner.limits().jobs, pass, restarts);
        carry(&mut next, of_table());
        all.extend(next);
    }
    enter(runner, id, &all).await
}

/// What was counted so far stays counted, with the first range.
fn carry<'a>(ranges: &mut [Range], before: impl Iterator<Item = &'a Range>) {
    if let Some(first) = ranges.first_mut() {
        for range in before {
            first.rows += range.rows;
            first.batches += range.batches;
        }
    }
}

/// Walks what is left of `known`, in as many lanes as asked for.
async fn lanes(
    runner: &Runner<'_>,
    id: &Walk,
    backfill: &Backfill,
    role: Role,
    known: &[Range],
    pass: i64,
    tally: &Tally,
) -> Result<(), Halt> {
    let todo: VecDeque<Range> = known.iter().filter(|range| !range.done).cloned().collect();
    count(known, runner.limits().bloat_limit, tally);
    let jobs = runner.limits().jobs;
    let more = jobs.min(todo.len()).saturating_sub(1);
    runner.pace.work_on(known.iter().map(|range| range.relation).collect());
    let buffers = buffers(&runner.work).await?;
    let shared = Shared {
        backfill,
        walk: id,
        pace: runner.pace,
        jobs,
        hooks: runner.hooks,
        guard: &runner.guard,
        database: &runner.server.database,
        queue: Mutex::new(todo),
        tally,
        pass,
        buffers,
    };
    let mut others = Vec::new();
    for _ in 0..more {
        let limits = runner.limits();
        let session = match connect(runner.target, &limits, &runner.shared, Some(runner.plan)).await
        {
            Ok((session, _)) => session,
            Err(error @ (RunError::Cut | RunError::Lost { .. })) => return Err(error.into()),
            // A server without a connection to spare: fewer lanes do the work as well.
            Err(error) => {
                let lanes = others.len() + 1;
                runner.notice(format!("{lanes} of {} lanes: {error}", more + 1));
                break;
            }
        };
        session.enter(&id.step);
        set_up(&session, role).await?;
        others.push(session);
    }
    set_up(&runner.work, role).await?;
    tally.halt.store(false, Ordering::Relaxed);
    let sessions = std::iter::once(&runner.work).chain(&others);
    let ended = join_all(sessions.map(|session| Lane::new(session, &shared).run())).await;
    let halts: Vec<Halt> = ended.into_iter().filter_map(Result::err).collect();
    let halt = worst(halts);
    if !matches!(halt, Some(Halt::Failed(RunError::Cut | RunError::Lost { .. }))) {
        tear_down(&runner.work, role).await?;
    }
    halt.map_or(Ok(()), Err)
}

/// The one of several halts that decides: an error before a restart, and a lost connection before
/// other errors, which may come of it.
fn worst(halts: Vec<Halt>) -> Option<Halt> {
    halts.into_iter().min_by_key(|halt| match halt {
        Halt::Failed(RunError::Cut) => 0,
        Halt::Failed(RunError::Lost { .. }) => 1,
        Halt::Failed(_) => 2,
        Halt::Moved(_) => 3,
        Halt::Jobs => 4,
    })
}

/// Sets the counters to what the journal says.
fn count(known: &[Range], share: f64, tally: &Tally) {
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    let walked = |r: &Range| r.next_block - r.first_block;
    let parts = PARTS * number(known.iter().map(walked).sum());
    tally.parts_done.store(parts, Ordering::Relaxed);
    let total = known.iter().map(|r| r.end_block - r.first_block).sum();
    tally.blocks_total.store(number(total), Ordering::Relaxed);
    let mut bloat = lock(&tally.bloat);
    for oid in known.iter().map(|range| range.relation).collect::<BTreeSet<_>>() {
        let of_table = || known.iter().filter(|range| range.relation == oid);
        let total = of_table().map(|range| range.end_block).max().unwrap_or_default();
        let done = of_table().map(walked).sum();
        bloat.entry(oid).or_insert_with(|| vacuum::Bloat::new(total, done, share));
    }
}

/// Blocks that the server's buffers hold.
async fn buffers(work: &Session) -> Result<i64, RunError> {
    let sql = "SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers')) \
               / pg_catalog.current_setting('block_size')::bigint";
    let row = work.row("buffers", sql, &[]).await.map_err(|f| f.doing("read a setting"))?;
    Ok(row.get(0))
}

/// Settings of a session that runs batches. Losing the last commits in a crash of the server is
/// harmless, as the journal's position is lost with them; the step's end commits as usual, and
/// with it everything before.
async fn set_up(session: &Session, role: Role) -> Result<(), RunError> {
    let doing = "set up the backfill";
    session.control("SET airlock.backfill = 'on'").await.map_err(|f| f.doing(doing))?;
    session.control("SET synchronous_commit = off").await.map_err(|f| f.doing(doing))?;
    if role.replica {
        session
            .control("SET session_replication_role = replica")
            .await
            .map_err(|f| f.doing(doing))?;
    }
    Ok(())
}

/// Gives the working session its settings back, also when the user has insisted.
async fn tear_down(work: &Session, role: Role) -> Result<(), RunError> {
    let doing = "end the backfill";
    let timeout = as_setting(STATEMENT_TIMEOUT);
    work.tidy("RESET synchronous_commit").await.map_err(|f| f.doing(doing))?;
    work.tidy("SET airlock.backfill = 'off'").await.map_err(|f| f.doing(doing))?;
    work.tidy(&format!("SET statement_timeout = {timeout}")).await.map_err(|f| f.doing(doing))?;
    if role.replica {
        work.tidy("RESET session_replication_role").await.map_err(|f| f.doing(doing))?;
    }
    Ok(())
}

/// The step is done, and this commit waits for the disk.
async fn complete(runner: &mut Runner<'_>, step: &Step) -> Result<(), RunError> {
    let id = Walk {
        revision: runner.revision().to_owned(),
        step: step.id.clone(),
        runner: runner.identity.runner.clone(),
    };
    let told = runner.figures.untold();
    let result = async {
        runner.work.control("BEGIN").await?;
        runner.work.write(&id.sum_up()).await?;
        runner.work.write(&completion(runner, step, &told)).await?;
        runner.work.control("COMMIT").await
    }
    .await;
    finish(&runner.work, result, "journal the backfill").await?;
    runner.figures.told(&told);
    Ok(())
}
