//! A long statement under weak locks in one transaction with its journal entry: `VALIDATE
//! CONSTRAINT`.
//!
//! Its locks (SHARE UPDATE EXCLUSIVE at most) keep no reader or writer waiting, also while they are
//! waited for, so it waits without timeout, under the eyes of the guard, which tells for whom.

use super::error::RunError;
use super::locks::{Wait, resolve, wait_for_way};
use super::look::{Strictness, Wanted};
use super::progress::{Event, Failed};
use super::retry::Backoff;
use super::runner::{Runner, as_ms};
use super::session::Fault;
use super::step::completion;
use crate::journal::rollout::Figures as Journaled;
use crate::plan::{RelationLock, Step};

/// Runs `sql`; with `step`, its journal entry commits with it.
pub(super) async fn run(
    runner: &mut Runner<'_>,
    id: &str,
    locks: &[RelationLock],
    sql: &str,
    step: Option<&Step>,
) -> Result<(), RunError> {
    let mut wait = Wait::new();
    let mut backoff = Backoff::new();
    loop {
        wait.started += runner.pass(id).await?;
        wait_for_others(runner, id, locks, &mut wait).await?;
        runner.guard.activity(&format!("step {id}: {sql}"));
        wait.attempts += 1;
        runner.figures.attempts += 1;
        let watch = runner.guard.report(runner.work.pid, id, &runner.hooks.progress);
        let announcer = runner.begin_long(sql);
        let result = transaction(runner, sql, step).await;
        runner.end_long(announcer);
        let observed = watch.end().await;
        runner.figures.stall(observed.worst);
        let fault = match result {
            Ok(told) => {
                runner.figures.told(&told);
                return Ok(());
            }
            Err(fault) => fault,
        };
        if !matches!(fault, Fault::Lost(_) | Fault::Cut) {
            runner.work.tidy("ROLLBACK").await.map_err(|fault| fault.doing("roll back"))?;
        }
        if fault.sqlstate() != Some("40P01") {
            return Err(violated(fault, id));
        }
        wait.reason = Some(Failed::Deadlock);
        if wait.started.elapsed() > runner.limits().patience {
            return Err(wait.not_had(id, &runner.limits()));
        }
        let pause = backoff.next();
        runner.event(Event::AttemptFailed {
            step: id.to_owned(),
            attempt: wait.attempts,
            reason: Failed::Deadlock,
            pause_ms: as_ms(pause),
            blockers: Vec::new(),
        });
        runner.hooks.stop.sleep(pause).await;
    }
}

/// Waits outside the queue while another build, validation or schema change is on the tables.
pub(super) async fn wait_for_others(
    runner: &mut Runner<'_>,
    id: &str,
    locks: &[RelationLock],
    wait: &mut Wait,
) -> Result<(), RunError> {
    let resolved = resolve(runner, locks).await.map_err(|fault| fault.doing("find relations"))?;
    let wanted: Vec<Wanted> = resolved.into_iter().map(|r| r.wanted).collect();
    wait.relations = wanted.iter().map(|w| w.name.clone()).collect();
    wait_for_way(runner, id, &wanted, wait, |_, _| Strictness::Long).await
}

async fn transaction(
    runner: &Runner<'_>,
    sql: &str,
    step: Option<&Step>,
) -> Result<Journaled, Fault> {
    let work = &runner.work;
    work.control("BEGIN").await?;
    work.control("SET LOCAL lock_timeout = 0").await?;
    work.control("SET LOCAL statement_timeout = 0").await?;
    work.execute(sql, sql, &[]).await?;
    let mut told = Journaled::default();
    if let Some(step) = step {
        told = runner.figures.untold();
        work.write(&completion(runner, step, &told)).await?;
    }
    work.control("COMMIT").await?;
    Ok(told)
}

/// Rows that break the constraint are the user's to correct: said in those words.
fn violated(fault: Fault, id: &str) -> RunError {
    match fault {
        Fault::Server(error) if matches!(error.sqlstate.as_str(), "23514" | "23503" | "23502") => {
            RunError::ConstraintViolated { step: id.to_owned(), error }
        }
        fault => fault.doing(format!("run step {id}")),
    }
}
