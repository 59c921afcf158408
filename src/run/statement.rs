//! One data statement as written, in one transaction with its journal entry.
//!
//! Its table lock does not keep readers or writers waiting; its row locks may, for as long as it
//! takes: the plan judged that short, or the user allowed it. What it made others wait is recorded.

use super::error::RunError;
use super::guard::SAMPLE_BATCH;
use super::guard::sample;
use super::locks::Wait;
use super::progress::{Blocker, Event, Failed};
use super::retry::{Backoff, is_lock_trouble};
use super::runner::{Runner, as_ms};
use super::session::{Fault, Session};
use super::step::completion;
use crate::journal::rollout::Figures as Journaled;
use crate::plan::Step;
use std::time::Instant;

pub(super) async fn run(runner: &mut Runner<'_>, step: &Step, sql: &str) -> Result<(), RunError> {
    let mut wait = Wait::new();
    wait.relations = step.locks.iter().map(|lock| lock.relation.to_string()).collect();
    let mut backoff = Backoff::new();
    loop {
        wait.started += runner.pass(&step.id).await?;
        wait.attempts += 1;
        runner.figures.attempts += 1;
        let began = Instant::now();
        let watch = runner.guard.watch(runner.work.pid, SAMPLE_BATCH, None);
        let result = transaction(runner, step, sql).await;
        let observed = watch.end().await;
        runner.figures.stall(observed.worst);
        let fault = match result {
            Ok((rows, told)) => {
                runner.figures.told(&told);
                runner.figures.rows += rows;
                runner.figures.hold(began.elapsed());
                return Ok(());
            }
            Err(fault) => fault,
        };
        if !matches!(fault, Fault::Lost(_) | Fault::Cut) {
            runner.work.tidy("ROLLBACK").await.map_err(|fault| fault.doing("roll back"))?;
        }
        let reason = match fault.sqlstate() {
            Some("40P01") => Failed::Deadlock,
            Some(code) if is_lock_trouble(code) => Failed::Lock,
            Some(_) | None => return Err(fault.doing(format!("run step {}", step.id))),
        };
        runner.figures.waited += began.elapsed();
        wait.reason = Some(reason);
        wait.last = describe(&runner.work, &observed.blocked_by).await?;
        if wait.started.elapsed() > runner.limits().patience {
            return Err(wait.not_had(&step.id, &runner.limits()));
        }
        let pause = backoff.next();
        runner.event(Event::AttemptFailed {
            step: step.id.clone(),
            attempt: wait.attempts,
            reason,
            pause_ms: as_ms(pause),
            blockers: wait.last.clone(),
        });
        runner.figures.waited += pause;
        runner.hooks.stop.sleep(pause).await;
    }
}

/// What there is to say of backends that were in the way.
pub(super) async fn describe(work: &Session, pids: &[i32]) -> Result<Vec<Blocker>, RunError> {
    if pids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = work
        .ask(&sample::backends(pids))
        .await
        .map_err(|fault| fault.doing("see who is in the way"))?;
    Ok(rows.iter().map(sample::backend).collect())
}

async fn transaction(
    runner: &Runner<'_>,
    step: &Step,
    sql: &str,
) -> Result<(u64, Journaled), Fault> {
    let work = &runner.work;
    work.control("BEGIN").await?;
    work.control("SET LOCAL statement_timeout = 0").await?;
    let rows = work.execute(sql, sql, &[]).await?;
    let mut figures = runner.figures.clone();
    figures.rows += rows;
    let told = figures.untold();
    work.write(&completion(runner, step, &told)).await?;
    work.control("COMMIT").await?;
    Ok((rows, told))
}
