//! Carrying a plan out: one attempt per connection, each finding out from the journal where to go
//! on. A connection that is lost, a server that restarts and a runner that was killed are one case.

use super::admit::{self, Admission, admit};
use super::error::RunError;
use super::facts;
use super::guard::Guard;
use super::latecomers;
use super::limits::Limits;
use super::outcome::{End, Hooks, Outcome, Scope};
use super::pace::Pace;
use super::progress::{Event, StepReport};
use super::retry::Backoff;
use super::rollback;
use super::runner::{Figures, Runner, as_ms};
use super::session::{Fault, Session, Shared, server_error};
use super::settings::{Server, Use, prepare};
use super::throttle::task as throttle;
use super::{step, takeover};
use crate::connect::Target;
use crate::journal::{self, Identity, Journal, JournalError, Rollout, RolloutEvent, rollout};
use crate::plan::{Phase, Plan, file};
use std::time::Instant;

/// The name under which every connection of ours is seen in `pg_stat_activity`.
pub(super) const APPLICATION_NAME: &str = "airlock";

/// How often the connection may be lost without any progress in the journal in between: a statement
/// that brings the server down is not sent for ever.
const LOSSES_MAX: u32 = 5;

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    Execute(Scope),
    RollBack,
}

/// What all attempts of one run share.
pub(super) struct Run<'a> {
    pub target: &'a Target,
    pub plan: &'a Plan,
    pub pace: Pace,
    pub hooks: &'a Hooks,
    pub identity: Identity,
    /// What was done so far, by step; a step that took several attempts is counted together.
    pub reports: Vec<StepReport>,
    pub irreversible: Vec<(String, String)>,
    /// Grows with every step and every batch that was committed.
    pub progress: u64,
}

impl Run<'_> {
    pub(super) fn outcome(&self, end: End) -> Outcome {
        Outcome {
            revision: self.plan.revision.id.clone(),
            end,
            steps: self.reports.clone(),
            irreversible: self.irreversible.clone(),
        }
    }

    pub(super) fn event(&self, event: Event) {
        self.hooks.progress.event(&event);
    }

    /// Adds what a step took; it may have been taken up before, by an attempt that was cut off.
    pub(super) fn count(&mut self, report: StepReport) {
        match self.reports.iter_mut().find(|known| known.step == report.step) {
            Some(known) => known.add(&report),
            None => self.reports.push(report),
        }
    }

    /// Attempts, until one ends otherwise than by the loss of its connection.
    pub(super) async fn run(&mut self, goal: Goal) -> Result<Outcome, RunError> {
        let shared = Shared::new(self.hooks.stop.clone(), self.hooks.tap.clone());
        let mut backoff = Backoff::new();
        let (mut losses, mut last_progress) = (0, self.progress);
        let mut lost: Option<Instant> = None;
        let _signals = throttle::start(self.target, &self.pace, &shared);
        loop {
            let (work, server) = match self.connect(&shared).await {
                Ok(connected) => connected,
                Err(error @ (RunError::Connect(_) | RunError::Lost { .. })) => {
                    let Some(since) = lost else { return Err(error) };
                    if since.elapsed() > self.pace.limits().patience {
                        return Err(error);
                    }
                    if !self.hooks.stop.sleep(backoff.next()).await {
                        return Err(RunError::Interrupted { step: None, note: None });
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(since) = lost.take() {
                self.event(Event::Reconnected { waited_ms: as_ms(since.elapsed()) });
            }
            let reason = match self.attempt(goal, work, server, &shared).await {
                Err(RunError::Lost { reason, step }) => (reason, step),
                ended => return self.told_who(ended),
            };
            if std::mem::replace(&mut last_progress, self.progress) != self.progress {
                losses = 0;
                backoff.reset();
            }
            losses += 1;
            let (reason, step) = reason;
            if losses > LOSSES_MAX {
                return Err(RunError::Lost { step, reason });
            }
            self.event(Event::ConnectionLost { reason });
            lost = Some(Instant::now());
            if !self.hooks.stop.sleep(backoff.next()).await {
                return Err(RunError::Interrupted { step, note: None });
            }
        }
    }

    /// An interruption from another terminal names who asked for it.
    fn told_who(&self, ended: Result<Outcome, RunError>) -> Result<Outcome, RunError> {
        match (ended, self.hooks.stop.cancelled_by()) {
            (Err(RunError::Interrupted { step, note }), Some(by)) => {
                Err(RunError::Cancelled { step, note, by })
            }
            (ended, _) => ended,
        }
    }

    async fn connect(&self, shared: &Shared) -> Result<(Session, Server), RunError> {
        connect(self.target, &self.pace.limits(), shared, Some(self.plan)).await
    }

    /// The rollout that the goal is about; a rollback asks about those that came after it too.
    fn concerned(&self, goal: Goal) -> Option<&str> {
        match goal {
            Goal::Execute(_) => Some(&self.plan.revision.id),
            Goal::RollBack => None,
        }
    }

    async fn attempt(
        &mut self,
        goal: Goal,
        work: Session,
        server: Server,
        shared: &Shared,
    ) -> Result<Outcome, RunError> {
        admit::check_plan(self.plan, server.major)?;
        // Nothing pending: no lock is taken, not even the runner's.
        let found = read_journal(&work, self.concerned(goal)).await?;
        let before = found.rollout(&self.plan.revision.id);
        let ended = match goal {
            Goal::Execute(scope) => nothing_pending(self.plan, before, scope)?,
            Goal::RollBack => rollback::nothing_pending(self.plan, before)?,
        };
        if let Some(end) = ended {
            return Ok(self.outcome(end));
        }
        let runner = &mut Runner {
            target: self.target,
            plan: self.plan,
            pace: &self.pace.clone(),
            hooks: self.hooks,
            guard: Guard::start(
                self.target,
                &self.pace,
                shared,
                &self.identity,
                &self.hooks.progress,
                work.pid,
            ),
            shared: shared.clone(),
            identity: &self.identity.clone(),
            server,
            work,
            figures: Figures::new(),
        };
        // A lock taken through a pooler would be somebody else's.
        runner.guard.ready().await?;
        takeover::take_lock(runner).await?;
        let result = match Box::pin(self.as_runner(goal, runner)).await {
            // Nobody is there any more to leave.
            Err(error @ (RunError::Cut | RunError::Lost { .. })) => return Err(error),
            result => result,
        };
        takeover::leave(runner).await?;
        result
    }

    async fn as_runner(
        &mut self,
        goal: Goal,
        runner: &mut Runner<'_>,
    ) -> Result<Outcome, RunError> {
        takeover::make_journal(&runner.work).await?;
        takeover::take_over(runner).await?;
        // Again: another runner may have been at work until now.
        let found = read_journal(&runner.work, self.concerned(goal)).await?;
        let end = match goal {
            Goal::Execute(scope) => self.execute(runner, &found, scope).await?,
            Goal::RollBack => rollback::roll_back(self, runner, &found).await?,
        };
        Ok(self.outcome(end))
    }

    async fn execute(
        &mut self,
        runner: &mut Runner<'_>,
        found: &Journal,
        scope: Scope,
    ) -> Result<End, RunError> {
        let revision = self.plan.revision.id.clone();
        let before = found.rollout(&revision);
        if let Some(end) = nothing_pending(self.plan, before, scope)? {
            return Ok(end);
        }
        match admit(self.plan, before)? {
            Admission::Start => {
                if let Some(of) = journal::downgraded(&revision) {
                    rollback::refuse_children(found, of)?;
                }
                facts::compare(runner, &self.plan.facts, "the plan", false).await?;
                enter(runner).await?;
            }
            Admission::GoOn { at_gate } => {
                let kept = before.filter(|_| at_gate).and_then(|r| r.facts.as_deref());
                if let Some(kept) = kept {
                    facts::compare(runner, kept, "the end of the last phase", true).await?;
                }
            }
            Admission::Done => return Ok(End::Finished),
        }
        let found = read_journal(&runner.work, Some(&revision)).await?;
        let state = entered(&found, &revision)?;
        let todo: Vec<_> = admit::pending(self.plan, state).collect();
        self.event(Event::RunStarted {
            revision: revision.clone(),
            through: scope.through,
            steps_done: self.plan.steps.len() - todo.len(),
            steps_total: self.plan.steps.len(),
        });
        let mut at_work = None;
        for (index, planned) in todo.iter().enumerate() {
            if planned.phase > scope.through {
                break;
            }
            if at_work != Some(planned.phase) {
                at_work = Some(planned.phase);
                latecomers::refuse(runner, planned.phase).await?;
                self.move_on(runner, RolloutEvent::Run, planned.phase).await?;
            }
            runner.pass(&planned.id).await?;
            step::run(self, runner, planned, state).await?;
            if todo.get(index + 1).is_none_or(|next| next.phase != planned.phase) {
                self.event(Event::PhaseFinished { phase: planned.phase });
            }
        }
        runner.work.enter("run");
        let kept = facts::involved(runner).await?;
        write(runner, &rollout::store_facts(&revision, &kept, &self.identity.runner)).await?;
        let next = todo.iter().map(|step| step.phase).find(|phase| *phase > scope.through);
        let Some(before) = next else {
            self.end(runner, RolloutEvent::Finish, last_phase(self.plan)).await?;
            self.event(Event::Finished);
            return Ok(End::Finished);
        };
        self.end(runner, RolloutEvent::ReachGate, before).await?;
        let until =
            self.plan.gates.iter().find(|gate| gate.before == before).map(|g| g.until.clone());
        self.event(Event::GateReached { before, until });
        Ok(End::Gate(before))
    }

    pub(super) async fn move_on(
        &self,
        runner: &Runner<'_>,
        event: RolloutEvent,
        phase: Phase,
    ) -> Result<(), RunError> {
        let revision = &self.plan.revision.id;
        let command = rollout::move_rollout(revision, event, phase, &self.identity.runner);
        write(runner, &command).await
    }
}

impl Run<'_> {
    /// The last move of a run: with it the runner's row goes, so that a run that is complete in the
    /// journal leaves no runner behind.
    pub(super) async fn end(
        &self,
        runner: &Runner<'_>,
        event: RolloutEvent,
        phase: Phase,
    ) -> Result<(), RunError> {
        let revision = &self.plan.revision.id;
        let command = rollout::move_rollout(revision, event, phase, &self.identity.runner);
        runner.guard.rest();
        let result = async {
            runner.work.control("BEGIN").await?;
            runner.work.write(&command).await?;
            if let Some(of) = journal::downgraded(revision)
                && event == RolloutEvent::Finish
            {
                runner.work.write(&rollout::taken_back(of, &self.identity.runner)).await?;
            }
            runner.work.write(&journal::runner::leave(&self.identity.runner)).await?;
            runner.work.control("COMMIT").await
        }
        .await;
        finish(&runner.work, result, command.label).await
    }
}

/// A connection that is set up for work.
pub(super) async fn connect(
    target: &Target,
    limits: &Limits,
    shared: &Shared,
    plan: Option<&Plan>,
) -> Result<(Session, Server), RunError> {
    let connection = target.connect(APPLICATION_NAME).await.map_err(RunError::Connect)?;
    let session = Session::new(connection, shared.clone())
        .await
        .map_err(|fault| fault.doing("start a session"))?;
    let server = prepare(&session, limits, Use::Work { plan }).await?;
    Ok((session, server))
}

async fn write(runner: &Runner<'_>, command: &journal::Command) -> Result<(), RunError> {
    runner.work.write(command).await.map(drop).map_err(|fault| fault.doing(command.label))
}

pub(super) async fn read_journal(work: &Session, only: Option<&str>) -> Result<Journal, RunError> {
    let found = match only {
        Some(revision) => journal::read_of(work.client(), &[revision]).await,
        None => journal::read(work.client()).await,
    };
    found.map_err(|error| match error {
        JournalError::Database(error) if crate::connect::is_connection_lost(&error) => {
            RunError::Lost { step: None, reason: error.to_string() }
        }
        JournalError::Database(error) => RunError::Server {
            doing: "read the journal in schema airlock".to_owned(),
            step: None,
            error: Box::new(server_error(&error, "read the journal")),
        },
        error => error.into(),
    })
}

pub(super) fn entered<'a>(found: &'a Journal, revision: &str) -> Result<&'a Rollout, RunError> {
    found.rollout(revision).ok_or_else(|| {
        JournalError::Damaged { what: format!("revision {revision} is missing") }.into()
    })
}

fn last_phase(plan: &Plan) -> Phase {
    plan.steps.iter().map(|step| step.phase).max().unwrap_or(Phase::Expand)
}

/// Where the plan already stands, if there is nothing to do in `scope`.
fn nothing_pending(
    plan: &Plan,
    rollout: Option<&Rollout>,
    scope: Scope,
) -> Result<Option<End>, RunError> {
    let admission = admit(plan, rollout)?;
    let Some(rollout) = rollout else { return Ok(None) };
    match admission {
        Admission::Done => Ok(Some(End::Finished)),
        Admission::GoOn { at_gate: true }
            if admit::next_phase(plan, rollout, scope.through).is_none() =>
        {
            Ok(admit::pending(plan, rollout).next().map(|step| End::Gate(step.phase)))
        }
        // A run that stopped between its last step and the gate still has that to write.
        Admission::GoOn { .. } | Admission::Start => Ok(None),
    }
}

/// Enters the plan into the journal, in one transaction.
async fn enter(runner: &Runner<'_>) -> Result<(), RunError> {
    let by = rollout::Applier {
        user: format!("{} as {}", runner.identity.os_user, runner.identity.db_user),
        host: runner.identity.host.clone(),
        version: runner.identity.version.clone(),
    };
    let text = file::to_toml(runner.plan);
    let result = async {
        runner.work.control("BEGIN").await?;
        for command in rollout::enter(runner.plan, &text, &by, &runner.identity.runner) {
            runner.work.write(&command).await?;
        }
        runner.work.control("COMMIT").await
    }
    .await;
    finish(&runner.work, result, "enter the plan into the journal").await
}

/// Rolls back what failed without losing the connection.
pub(super) async fn finish<T>(
    work: &Session,
    result: Result<T, Fault>,
    doing: &str,
) -> Result<T, RunError> {
    match result {
        Ok(value) => Ok(value),
        Err(fault @ (Fault::Lost(_) | Fault::Cut)) => Err(fault.doing(doing)),
        Err(fault) => {
            work.tidy("ROLLBACK").await.map_err(|fault| fault.doing("roll back"))?;
            Err(fault.doing(doing))
        }
    }
}
