//! Taking a rollout back, before contract has begun: its steps in reverse, each under the same care
//! as when it was done, journaled, and taken up again after a crash.

use super::admit::same_plan;
use super::concurrent::{self, Job};
use super::engine::{Run, entered};
use super::error::RunError;
use super::locks::resolve;
use super::outcome::End;
use super::progress::Event;
use super::runner::{Figures, Runner};
use super::transaction::{self, Brief};
use super::validate;
use crate::journal::rollout::{Figures as Journaled, undo_step};
use crate::journal::{Journal, Rollout, RolloutEvent, RolloutState, StepRecord, StepState};
use crate::plan::{Action, Phase, Plan, RelationLock, Step, Undo};

/// Where a rollback already stands, if there is nothing to do.
///
/// # Errors
/// When the rollout may not be taken back.
pub(super) fn nothing_pending(
    plan: &Plan,
    rollout: Option<&Rollout>,
) -> Result<Option<End>, RunError> {
    let Some(rollout) = rollout else { return Ok(Some(End::RolledBack)) };
    if rollout.state == RolloutState::RolledBack {
        return Ok(Some(End::RolledBack));
    }
    same_plan(plan, rollout)?;
    match contract_step(plan, rollout) {
        None => Ok(None),
        Some(step) => Err(RunError::RollbackRefused {
            revision: rollout.revision.clone(),
            why: format!("contract has begun with step {step}, and what it drops is gone"),
        }),
    }
}

/// The first step of contract that may have dropped something: one that was begun and commits as a
/// whole has not while it is not done.
fn contract_step<'a>(plan: &Plan, rollout: &'a Rollout) -> Option<&'a str> {
    let may_have_dropped = |record: &StepRecord| match record.state {
        StepState::Pending => false,
        StepState::Done | StepState::Undone => true,
        StepState::Running => {
            plan.steps.iter().find(|step| step.id == record.step).is_none_or(leaves_traces)
        }
    };
    let mut contract = rollout.steps.iter().filter(|step| step.phase == Phase::Contract);
    contract.find(|step| may_have_dropped(step)).map(|step| step.step.as_str())
}

/// A rollout that builds on this one and is still there.
fn child<'a>(journal: &'a Journal, revision: &str) -> Option<&'a Rollout> {
    journal.rollouts.iter().find(|rollout| {
        rollout.state != RolloutState::RolledBack
            && rollout.downgrades().is_none()
            && rollout.parents.iter().any(|p| p == revision)
    })
}

/// Refuses to take a revision from under another one.
pub(super) fn refuse_children(journal: &Journal, revision: &str) -> Result<(), RunError> {
    let Some(child) = child(journal, revision) else { return Ok(()) };
    Err(RunError::RollbackRefused {
        revision: revision.to_owned(),
        why: format!("revision {} builds on it; take that back first", child.revision),
    })
}

pub(super) async fn roll_back(
    run: &mut Run<'_>,
    runner: &mut Runner<'_>,
    found: &Journal,
) -> Result<End, RunError> {
    let revision = run.plan.revision.id.clone();
    if let Some(end) = nothing_pending(run.plan, found.rollout(&revision))? {
        return Ok(end);
    }
    refuse_children(found, &revision)?;
    let before = entered(found, &revision)?;
    run.move_on(runner, RolloutEvent::RollBack, before.phase).await?;
    run.event(started(&revision, before));
    for step in run.plan.steps.iter().rev() {
        let Some(record) = before.step(&step.id) else { continue };
        runner.pass(&step.id).await?;
        match record.state {
            StepState::Pending | StepState::Undone => {}
            StepState::Done => take_back(run, runner, step, true).await?,
            StepState::Running => take_back(run, runner, step, leaves_traces(step)).await?,
        }
    }
    runner.work.enter("run");
    let first = run.plan.steps.iter().map(|step| step.phase).min().unwrap_or(Phase::Expand);
    run.end(runner, RolloutEvent::FinishRollback, first).await?;
    run.event(Event::RolledBack);
    Ok(End::RolledBack)
}

/// What of the rollout was begun, and so is taken back.
fn started(revision: &str, rollout: &Rollout) -> Event {
    let count = |state| rollout.steps.iter().filter(|step| step.state == state).count();
    let undone = count(StepState::Undone);
    Event::RollbackStarted {
        revision: revision.to_owned(),
        steps_done: undone,
        steps_total: undone + count(StepState::Done) + count(StepState::Running),
    }
}

/// Whether a step that was begun and not done may have an effect: not when it commits as a whole.
fn leaves_traces(step: &Step) -> bool {
    match &step.action {
        Action::Concurrent { .. } | Action::Backfill(_) | Action::Maintenance { .. } => true,
        Action::Transaction { .. }
        | Action::Validate { .. }
        | Action::Verify { .. }
        | Action::Statement { .. } => false,
    }
}

async fn take_back(
    run: &mut Run<'_>,
    runner: &mut Runner<'_>,
    step: &Step,
    has_effect: bool,
) -> Result<(), RunError> {
    runner.figures = Figures::new();
    runner.work.enter(&step.id);
    runner.guard.activity(&format!("taking back step {}", step.id));
    let undo = if has_effect { &step.undo } else { &Undo::Nothing };
    let result = undo_by(runner, step, undo).await;
    run.count(runner.figures.report(step));
    let irreversible = result.map_err(|error| error.in_step(&step.id))?;
    if let Some(why) = &irreversible {
        run.irreversible.push((step.id.clone(), why.clone()));
    }
    run.progress += 1;
    run.event(Event::StepUndone { step: step.id.clone(), irreversible });
    Ok(())
}

/// Takes the step back and journals that; gives the reason when its effect stays.
async fn undo_by(
    runner: &mut Runner<'_>,
    step: &Step,
    undo: &Undo,
) -> Result<Option<String>, RunError> {
    match undo {
        Undo::Nothing => journal(runner, step).await.map(|()| None),
        Undo::Irreversible { why } => journal(runner, step).await.map(|()| Some(why.clone())),
        Undo::Transaction { .. } => part(runner, step, undo, true).await.map(|()| None),
        Undo::Concurrent { .. } | Undo::Validate { .. } => {
            part(runner, step, undo, false).await?;
            journal(runner, step).await.map(|()| None)
        }
        Undo::Sequence { parts } => {
            let Some((last, before)) = parts.split_last() else {
                return journal(runner, step).await.map(|()| None);
            };
            for one in before {
                part(runner, step, one, false).await?;
            }
            part(runner, step, last, true).await.map(|()| None)
        }
    }
}

/// Carries out one part; with `last`, the journal's entry commits with it.
async fn part(
    runner: &mut Runner<'_>,
    step: &Step,
    undo: &Undo,
    last: bool,
) -> Result<(), RunError> {
    match undo {
        Undo::Transaction { sql, locks } => {
            let (revision, id) = (runner.revision().to_owned(), step.id.clone());
            let owner = runner.identity.runner.clone();
            let entry = move |_: &Journaled| undo_step(&revision, &id, &owner);
            let journal: Option<&(dyn Fn(&Journaled) -> crate::journal::Command + Sync)> =
                if last { Some(&entry) } else { None };
            let gone = all_gone(runner, locks_of(step, locks)).await?;
            if gone.is_empty() {
                return transaction::run(runner, &Brief { step: &step.id, locks, sql, journal })
                    .await;
            }
            // Somebody has dropped what it is about. What else was made for it goes all the same.
            runner.notice(format!("step {}: {} is gone already", step.id, gone.join(", ")));
            let left = sql.iter().filter(|sql| !is_about(sql, &gone));
            let sql: Vec<String> = left.cloned().collect();
            transaction::run(runner, &Brief { step: &step.id, locks: &[], sql: &sql, journal })
                .await
        }
        Undo::Concurrent { sql, probe, cleanup } => {
            concurrent::until_done(runner, &step.id, &[], Job { sql, probe, cleanup }).await
        }
        Undo::Validate { sql } => {
            if is_about(sql, &all_gone(runner, &step.locks).await?) {
                return Ok(());
            }
            validate::run(runner, &step.id, &[], sql, None).await
        }
        Undo::Nothing | Undo::Sequence { .. } | Undo::Irreversible { .. } => {
            let what = format!("the undo of step {} has a part that undoes nothing", step.id);
            Err(RunError::BadPlan { what })
        }
    }
}

fn locks_of<'a>(step: &'a Step, part: &'a [RelationLock]) -> &'a [RelationLock] {
    if part.is_empty() { &step.locks } else { part }
}

fn is_about(sql: &str, gone: &[String]) -> bool {
    gone.iter().any(|name| sql.contains(name.as_str()))
}

/// The relations to lock, quoted, when none of them exists.
async fn all_gone(runner: &Runner<'_>, locks: &[RelationLock]) -> Result<Vec<String>, RunError> {
    let there = resolve(runner, locks).await.map_err(|fault| fault.doing("find relations"))?;
    let names = locks.iter().map(|lock| lock.relation.to_string());
    Ok(if there.is_empty() { names.collect() } else { Vec::new() })
}

async fn journal(runner: &Runner<'_>, step: &Step) -> Result<(), RunError> {
    let command = undo_step(runner.revision(), &step.id, &runner.identity.runner);
    runner.work.write(&command).await.map(drop).map_err(|fault| fault.doing(command.label))
}
