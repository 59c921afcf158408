//! One step of a plan: start it in the journal, carry it out by its kind, report.

use super::engine::Run;
use super::error::RunError;
use super::progress::Event;
use super::runner::{Figures, Runner};
use super::session::Fault;
use super::{backfill, concurrent, maintenance, statement, transaction, validate, verify};
use crate::journal::rollout::{Figures as Journaled, add_figures, complete_step, kind, start_step};
use crate::journal::{Command, Rollout, StepState};
use crate::plan::{Action, Step};

/// Carries `step` out. Where it was begun before, it goes on.
pub(super) async fn run(
    run: &mut Run<'_>,
    runner: &mut Runner<'_>,
    step: &Step,
    rollout: &Rollout,
) -> Result<(), RunError> {
    let resumed = rollout.step(&step.id).is_some_and(|record| record.state == StepState::Running);
    runner.figures = Figures::new();
    runner.work.enter(&step.id);
    runner.guard.activity(&format!("step {}", step.id));
    let command = start_step(runner.revision(), &step.id, &runner.identity.runner);
    runner.work.write(&command).await.map_err(|fault| fault.doing(command.label))?;
    run.hooks.progress.event(&Event::StepStarted {
        step: step.id.clone(),
        phase: step.phase,
        kind: kind(&step.action),
        why: step.why.clone(),
        resumed,
    });
    let result = Box::pin(carry_out(run, runner, step, resumed)).await;
    run.count(runner.figures.report(step));
    match result {
        Ok(()) => {
            run.progress += 1;
            tell(runner, step).await?;
            let report = runner.figures.report(step);
            run.hooks.progress.event(&Event::StepFinished { report });
            Ok(())
        }
        Err(error @ (RunError::Cut | RunError::Lost { .. })) => Err(error.in_step(&step.id)),
        Err(error) => {
            // What it has cost so far; the reason why it ends is worth more than a failure here.
            let _ = tell(runner, step).await;
            Err(error.in_step(&step.id))
        }
    }
}

async fn carry_out(
    run: &mut Run<'_>,
    runner: &mut Runner<'_>,
    step: &Step,
    resumed: bool,
) -> Result<(), RunError> {
    match &step.action {
        Action::Transaction { sql } => {
            let (revision, id) = (runner.revision().to_owned(), step.id.clone());
            let owner = runner.identity.runner.clone();
            let journal = move |told: &Journaled| complete_step(&revision, &id, told, &owner);
            let brief = transaction::Brief {
                step: &step.id,
                locks: &step.locks,
                sql,
                journal: Some(&journal),
            };
            transaction::run(runner, &brief).await
        }
        Action::Validate { sql } => {
            validate::run(runner, &step.id, &step.locks, sql, Some(step)).await
        }
        Action::Concurrent { sql, probe, cleanup } => {
            concurrent::run(runner, step, concurrent::Job { sql, probe, cleanup }).await
        }
        Action::Backfill(planned) => Box::pin(backfill::run(run, runner, step, planned)).await,
        Action::Verify { relation, check, meaning } => {
            Box::pin(verify::run(runner, step, relation, check, meaning)).await
        }
        Action::Statement { sql } => statement::run(runner, step, sql).await,
        Action::Maintenance { sql } => maintenance::run(runner, step, sql, resumed).await,
    }
}

/// The journal's entry that a step is done.
pub(super) fn completion(runner: &Runner<'_>, step: &Step, told: &Journaled) -> Command {
    complete_step(runner.revision(), &step.id, told, &runner.identity.runner)
}

/// Journals a step as done on its own, where the work cannot commit with it: a probe or a walk has
/// shown that it is.
pub(super) async fn complete(runner: &mut Runner<'_>, step: &Step) -> Result<(), RunError> {
    let told = runner.figures.untold();
    let command = completion(runner, step, &told);
    runner.work.write(&command).await.map_err(|fault| fault.doing(command.label))?;
    runner.figures.told(&told);
    Ok(())
}

/// Tells the journal the figures that it has not heard of: those after the commit, or of a step
/// that fails. Whatever comes of it changes nothing for the step.
async fn tell(runner: &mut Runner<'_>, step: &Step) -> Result<(), RunError> {
    let told = runner.figures.untold();
    let command = add_figures(runner.revision(), &step.id, &told, &runner.identity.runner);
    match runner.work.write_last(&command).await {
        Ok(()) => {
            runner.figures.told(&told);
            Ok(())
        }
        Err(Fault::Server(_) | Fault::Refused(_) | Fault::Insisted) => Ok(()),
        Err(fault) => Err(fault.doing(command.label)),
    }
}
