//! Short transactions under the stall budget: wait outside the queue, take the locks, do the work,
//! journal it, commit; or give way, and try again later.
//!
//! The journal's row is written in the same transaction, so it is done exactly once.

use super::error::RunError;
use super::guard::SAMPLE_BRIEF;
use super::locks::{Resolved, Wait, resolve, set_lock_timeout, take, wait_for_way};
use super::look::{Strictness, Wanted};
use super::progress::{Event, Failed};
use super::retry::{
    Backoff, QUERY_CANCELED, enforced_at, for_holding, is_lock_trouble, pause, stall_budget,
};
use super::runner::{Runner, as_ms};
use super::session::Fault;
use super::settings::as_setting;
use crate::journal::Command;
use crate::journal::rollout::Figures as Journaled;
use crate::plan::RelationLock;
use std::time::{Duration, Instant};

/// How often a transaction may exceed `max_hold` before that counts as an error of the plan.
const HOLD_FAILURES_MAX: u32 = 2;

/// Our own deadlock check while an autovacuum that gives way is before us: makes it give way now.
const VACUUM_YIELDS_AFTER: &str = "5ms";

/// A short transaction of a step.
pub(super) struct Brief<'a> {
    pub step: &'a str,
    pub locks: &'a [RelationLock],
    pub sql: &'a [String],
    /// The journal's entry, written last, given the figures so far. `None` for a part of a
    /// sequence whose last part writes it.
    pub journal: Option<&'a (dyn Fn(&Journaled) -> Command + Sync)>,
}

/// How one attempt ended.
enum Attempt {
    Committed,
    /// And for how long somebody waited behind it.
    Failed(Failed, Duration),
}

/// Runs the transaction, as often as it takes within the patience.
pub(super) async fn run(runner: &mut Runner<'_>, brief: &Brief<'_>) -> Result<(), RunError> {
    let mut wait = Wait::new();
    let mut backoff = Backoff::new();
    let mut hold_failures = 0;
    let mut budget_shown = runner.limits().max_stall;
    loop {
        wait.started += runner.pass(brief.step).await?;
        let limits = &runner.limits();
        let resolved =
            resolve(runner, brief.locks).await.map_err(|fault| fault.doing("find relations"))?;
        let wanted: Vec<Wanted> = resolved.iter().map(|r| r.wanted.clone()).collect();
        wait.relations = wanted.iter().map(|w| w.name.clone()).collect();
        let vacuum_yields = runner.server.may_set_deadlock_timeout;
        wait_for_way(runner, brief.step, &wanted, &mut wait, |elapsed, seen| {
            let budget = stall_budget(limits, elapsed, seen.shortest_wait());
            Strictness::Brief {
                budget,
                waiting: budget.saturating_sub(for_holding(limits)),
                vacuum_yields,
                foresee: budget > limits.max_stall,
            }
        })
        .await?;

        let budget = stall_budget(limits, wait.started.elapsed(), wait.seen.shortest_wait());
        if budget > budget_shown.mul_f64(1.25) {
            budget_shown = budget;
            let step = brief.step.to_owned();
            runner.event(Event::BudgetGrown { step, budget_ms: as_ms(budget) });
        }
        runner.guard.activity(&format!("step {}", brief.step));
        wait.attempts += 1;
        runner.figures.attempts += 1;
        let began = Instant::now();
        let (reason, worst) = match attempt(runner, brief, &resolved, budget).await? {
            Attempt::Committed => return Ok(()),
            Attempt::Failed(reason, worst) => (reason, worst),
        };
        wait.reason = Some(reason);
        wait.seen.queued(began, Instant::now());
        if reason == Failed::Hold {
            hold_failures += 1;
            if hold_failures == HOLD_FAILURES_MAX {
                return Err(RunError::HoldExceeded {
                    step: brief.step.to_owned(),
                    sql: brief.sql.join("; "),
                    max_hold: limits.max_hold,
                });
            }
        }
        if wait.started.elapsed() > limits.patience {
            return Err(wait.not_had(brief.step, limits));
        }
        let pause = pause(&mut backoff, worst);
        runner.event(Event::AttemptFailed {
            step: brief.step.to_owned(),
            attempt: wait.attempts,
            reason,
            pause_ms: as_ms(pause),
            blockers: wait.last.clone(),
        });
        runner.figures.waited += pause;
        runner.hooks.stop.sleep(pause).await;
    }
}

/// One attempt, under the eyes of the guard.
async fn attempt(
    runner: &mut Runner<'_>,
    brief: &Brief<'_>,
    resolved: &[Resolved],
    budget: Duration,
) -> Result<Attempt, RunError> {
    let enforce = enforced_at(&runner.limits(), budget);
    let watch = runner.guard.watch(runner.work.pid, SAMPLE_BRIEF, Some(enforce));
    let mut clock = Clock::default();
    let result = transaction(runner, brief, resolved, budget, &mut clock).await;
    let observed = watch.end().await;
    runner.figures.stall(observed.worst);
    runner.figures.waited += clock.waited;
    if let Some(since) = clock.first_lock {
        runner.figures.hold(since.elapsed());
    }
    let fault = match result {
        Ok(told) => {
            runner.figures.told(&told);
            return Ok(Attempt::Committed);
        }
        Err(fault) => fault,
    };
    match &fault {
        Fault::Lost(_) | Fault::Cut => return Err(fault.doing(brief.step)),
        Fault::Insisted | Fault::Refused(_) | Fault::Server(_) => {
            runner.work.tidy("ROLLBACK").await.map_err(|fault| fault.doing("roll back"))?;
        }
    }
    let held_for = clock.last_lock.map(|since| since.elapsed()).unwrap_or_default();
    let failed = match fault.sqlstate() {
        Some("40P01") => Failed::Deadlock,
        Some(code) if is_lock_trouble(code) => Failed::Lock,
        Some(QUERY_CANCELED) if observed.stalled => Failed::Stall,
        Some(QUERY_CANCELED) if held_for >= runner.limits().max_hold => Failed::Hold,
        Some(QUERY_CANCELED) => Failed::Cancelled,
        Some(_) | None => return Err(fault.doing(format!("run step {}", brief.step))),
    };
    Ok(Attempt::Failed(failed, observed.worst))
}

/// When what happened in an attempt.
#[derive(Default)]
struct Clock {
    waited: Duration,
    /// From here on others may wait for us.
    first_lock: Option<Instant>,
    /// From here on `max_hold` counts.
    last_lock: Option<Instant>,
}

async fn transaction(
    runner: &Runner<'_>,
    brief: &Brief<'_>,
    resolved: &[Resolved],
    budget: Duration,
    clock: &mut Clock,
) -> Result<Journaled, Fault> {
    let max_hold = runner.limits().max_hold;
    runner.work.control("BEGIN").await?;
    if runner.server.may_set_deadlock_timeout {
        // Also makes us the one that notices a deadlock, and so the one that gives way.
        let sql = format!("SET LOCAL deadlock_timeout = '{VACUUM_YIELDS_AFTER}'");
        runner.work.control(&sql).await?;
    }
    let for_waiting = budget.saturating_sub(for_holding(&runner.limits()));
    let began = Instant::now();
    let left = take(runner, resolved, for_waiting, &mut clock.first_lock).await;
    clock.waited = began.elapsed();
    let left = left?;
    let had = Instant::now();
    clock.first_lock.get_or_insert(had);
    clock.last_lock = Some(had);
    set_lock_timeout(runner, left).await?;
    let bound = async || {
        let remaining = as_setting(max_hold.saturating_sub(had.elapsed()));
        runner.work.control(&format!("SET LOCAL statement_timeout = {remaining}")).await
    };
    for sql in brief.sql {
        bound().await?;
        runner.work.execute(sql, sql, &[]).await?;
    }
    let mut told = Journaled::default();
    if let Some(journal) = brief.journal {
        bound().await?;
        let mut figures = runner.figures.clone();
        figures.waited += clock.waited;
        told = figures.untold();
        runner.work.write(&journal(&told)).await?;
    }
    runner.work.control("COMMIT").await?;
    Ok(told)
}
