//! What `upgrade`, `contract` and `rollback` share: the plan to use, running it, verifying, the
//! result.

use super::output::{Done, Output};
use super::{
    environment, failing, planning, progress, project, standing, stopping, usage, verify_section,
    waiting,
};
use crate::config::Settings;
use crate::connect::{Connection, Target};
use crate::error::{Error, Kind};
use crate::journal::{Rollout, RolloutState, StepState};
use crate::plan::{Phase, Plan, Step, file};
use crate::report;
use crate::revision::Revision;
use crate::run::{self, End, Event, Hooks, Outcome, Progress, Scope, Stop};
use crate::telemetry::Telemetry;
use crate::telemetry::hook::Occasion;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn fits(plan: &Plan, revision: &Revision, rollout: Option<&Rollout>) -> Result<(), Error> {
    match rollout {
        Some(_) => planning::fits_started(plan, revision),
        None => planning::fits_migration(plan, revision),
    }
}

/// A session of work on one database.
pub struct Session<'a> {
    pub settings: &'a Settings,
    pub output: &'a Output,
    pub target: Target,
    hooks: Hooks,
    telemetry: Telemetry,
    runs: Vec<(Plan, Outcome)>,
    verified: usize,
    confirmed: bool,
    /// The plans of the folder are not for this database, nor its plans for the folder.
    own_plans: bool,
    /// The revision at work, for whoever hears of a failure.
    at: Option<String>,
}

impl<'a> Session<'a> {
    /// Begins to listen for signals.
    ///
    /// # Errors
    /// No database is named, or signals cannot be listened for.
    pub fn begin(settings: &'a Settings, output: &'a Output) -> Result<Self, Error> {
        let target = settings.target()?;
        for warning in target.warnings() {
            output.say(&format!("warning: {warning}"));
        }
        let telemetry =
            Telemetry::start(&settings.telemetry, progress::choose(output), target.clone())?;
        let hooks =
            Hooks { progress: telemetry.progress(), stop: stopping::listen(output)?, tap: None };
        Ok(Self {
            settings,
            output,
            target,
            hooks,
            telemetry,
            runs: Vec::new(),
            verified: 0,
            confirmed: false,
            own_plans: false,
            at: None,
        })
    }

    /// One of several sessions: `progress` hears of its runs, `stop` stops all of them, and somebody
    /// has confirmed that they are meant. With `own_plans` plans are kept in the journal alone.
    ///
    /// # Errors
    /// A log that cannot be opened.
    pub fn beside(
        settings: &'a Settings,
        output: &'a Output,
        target: Target,
        progress: Arc<dyn Progress>,
        stop: &Stop,
        own_plans: bool,
    ) -> Result<Self, Error> {
        let telemetry = Telemetry::start(&settings.telemetry, progress, target.clone())?;
        let hooks = Hooks { progress: telemetry.progress(), stop: stop.clone(), tap: None };
        Ok(Self {
            settings,
            output,
            target,
            hooks,
            telemetry,
            runs: Vec::new(),
            verified: 0,
            confirmed: true,
            own_plans,
            at: None,
        })
    }

    pub async fn connect(&self) -> Result<Connection, Error> {
        self.target.connect("airlock").await
    }

    /// The plan to carry out: the reviewed file, for a rollout that has begun without one its
    /// journal's, else a new one unless `reviewed` forbids it.
    ///
    /// # Errors
    /// A plan that cannot be used or was made for another migration.
    pub async fn plan(
        &self,
        revision: &Revision,
        rollout: Option<&Rollout>,
        reviewed: bool,
    ) -> Result<Plan, Error> {
        if self.own_plans {
            let plan = match rollout {
                Some(rollout) => journaled_plan(rollout)?,
                None => {
                    planning::against(&*self.connect().await?, revision, self.settings).await?.0
                }
            };
            fits(&plan, revision, rollout)?;
            return Ok(plan);
        }
        let path = project::plan_path(self.settings, revision).display().to_string();
        let plan = match (project::read_plan(self.settings, revision)?, rollout) {
            (Some(plan), None) if !reviewed && !self.settings.reviewed => {
                self.renewed(plan, revision).await?
            }
            (Some(plan), _) => plan,
            (None, Some(rollout)) => {
                self.output
                    .say(&format!("{path} is missing; going on with the plan in the journal"));
                journaled_plan(rollout)?
            }
            (None, None) if reviewed || self.settings.reviewed => {
                return Err(Error::new(Kind::Drift, format!("plan file {path} is missing"))
                    .detail("With --reviewed, or reviewed = true in the settings, only a plan that is there already is run.")
                    .hint(format!("Make it and review it: `airlock plan {}`.", revision.id)));
            }
            (None, None) => self.new_plan(revision, &path).await?,
        };
        fits(&plan, revision, rollout)?;
        // What has begun was let in when it began.
        if rollout.is_none() {
            environment::came_through(self.settings, &plan, false).await?;
        }
        Ok(plan)
    }

    /// A plan that has run and was taken back may have been made for what the database is no more: then
    /// it has done its duty, and a new one is made. Any other plan stays as it is.
    async fn renewed(&self, plan: Plan, revision: &Revision) -> Result<Plan, Error> {
        let connection = self.connect().await?;
        let journal = standing::journal(&connection).await?;
        let ran = journal.rollout(&plan.revision.id).is_some_and(|rollout| {
            rollout.state == RolloutState::RolledBack && rollout.plan_digest == plan.digest
        });
        if !ran || planning::fits_migration(&plan, revision).is_err() {
            return Ok(plan);
        }
        let (now, _) = planning::against(&connection, revision, self.settings).await?;
        let differences = planning::differences(&plan, &now);
        if differences.is_empty() {
            return Ok(plan);
        }
        project::write_plan(self.settings, revision, &now)?;
        self.output.say(&format!(
            "{} was made for the database before it was taken back; made again:\n{}",
            project::plan_path(self.settings, revision).display(),
            differences.join("\n")
        ));
        Ok(now)
    }

    async fn new_plan(&self, revision: &Revision, path: &str) -> Result<Plan, Error> {
        let connection = self.connect().await?;
        let (plan, catalog) = planning::against(&connection, revision, self.settings).await?;
        // What was seen may have been half of what another runner was doing.
        let journal = standing::journal(&connection).await?;
        let other = waiting::at_work(&connection, &journal).await?;
        if other || standing::rollout(&journal, &revision.id).is_some() {
            let message = format!("another runner has begun revision {}", revision.id);
            return Err(Error::new(Kind::Busy, message)
                .hint("Wait until it is done. `airlock status` shows what it does."));
        }
        project::write_plan(self.settings, revision, &plan)?;
        self.output.say(&format!("{path} was missing; made, and run as it stands now:\n"));
        let speed = self.settings.speed;
        self.output.say(&report::impact::text(&plan, Some(&catalog), speed));
        Ok(plan)
    }

    /// Carries `plan`, of a section of `revision`, out up to the end of phase `through`, then verifies.
    ///
    /// # Errors
    /// Whatever stops the run, or a verification that fails.
    pub async fn execute(
        &mut self,
        plan: Plan,
        revision: Option<&Revision>,
        through: Phase,
    ) -> Result<End, Error> {
        self.begins(&plan).await?;
        let ended = self.phases(&plan, revision, through).await;
        let outcome = self.ended(&plan, ended).await?;
        let end = outcome.end;
        if end == End::Gate(Phase::Contract)
            && let Err(error) = usage::remember(&self.target, &plan).await
        {
            self.output.say(&format!(
                "warning: who uses the old names could not be seen: {}",
                error.message
            ));
        }
        let id = plan.revision.id.clone();
        self.runs.push((plan, outcome));
        // Not of a downgrade, which is a plan of its own.
        let upgraded = |of: &&Revision| !of.is_whole() && of.id.as_str() == id;
        if let Some(revision) = revision.filter(upgraded).filter(|_| self.is_verifiable(end)) {
            self.verified += verify_section::run(revision, &self.target).await?;
        }
        self.at = None;
        Ok(end)
    }

    /// Runs what is left up to `through`; phase by phase when a hook wants to know of each.
    async fn phases(
        &self,
        plan: &Plan,
        revision: Option<&Revision>,
        through: Phase,
    ) -> Result<Outcome, Error> {
        let limits = &self.settings.limits;
        let whole = Scope { through };
        let go = async |scope| {
            let ended = run::execute(&self.target, plan, scope, limits, self.hooks.clone()).await;
            ended.map_err(|error| failing::placed(error, plan, revision))
        };
        if !Occasion::OF_PHASES.into_iter().any(|of| self.telemetry.hooks.wants(of)) {
            return go(whole).await;
        }
        let journal = standing::journal(&*self.connect().await?).await?;
        let rollout = journal.rollout(&plan.revision.id);
        let is_left = |step: &&Step| {
            let record = rollout.and_then(|rollout| rollout.step(&step.id));
            record.is_none_or(|record| record.state != StepState::Done)
        };
        let left: BTreeSet<Phase> = plan.steps.iter().filter(is_left).map(|s| s.phase).collect();
        let mut all: Option<Outcome> = None;
        for phase in left.into_iter().filter(|phase| *phase <= through) {
            let more = json!({ "revision": plan.revision.id, "phase": phase.name() });
            self.tell(Occasion::BeforePhase, &more).await?;
            if phase == Phase::Contract {
                self.tell(Occasion::BeforeContract, &more).await?;
            }
            let outcome = go(Scope { through: phase }).await?;
            let steps = all.map(|all| all.steps).unwrap_or_default();
            all = Some(Outcome { steps: [steps, outcome.steps.clone()].concat(), ..outcome });
            if phase == Phase::Contract {
                self.tell(Occasion::AfterContract, &more).await?;
            }
            self.tell(Occasion::AfterPhase, &more).await?;
        }
        match all {
            Some(outcome) => Ok(outcome),
            None => go(whole).await,
        }
    }

    /// Asks whether this database is meant, the first time.
    ///
    /// # Errors
    /// Nobody says so.
    pub async fn confirm(&mut self) -> Result<(), Error> {
        if !self.confirmed {
            environment::confirm(self.settings, &self.hooks.stop, self.output).await?;
            self.confirmed = true;
        }
        Ok(())
    }

    /// What a change of the journal is told and stopped by.
    pub fn hooks(&self) -> Hooks {
        self.hooks.clone()
    }

    /// Tells the hooks that a run begins.
    async fn begins(&mut self, plan: &Plan) -> Result<(), Error> {
        self.at = Some(plan.revision.id.clone());
        self.confirm().await?;
        let more = json!({ "revision": plan.revision.id, "message": plan.revision.message });
        self.telemetry.hooks.call(Occasion::Start, &more).await
    }

    /// Calls the hooks of `occasion` and waits for them; a request to stop ends them.
    ///
    /// # Errors
    /// A required hook failed; a request to stop.
    pub async fn tell(&self, occasion: Occasion, more: &Value) -> Result<(), Error> {
        if !self.telemetry.hooks.wants(occasion) {
            return Ok(());
        }
        self.output.say(&format!("hook {}", occasion.name()));
        tokio::select! {
            ended = self.telemetry.hooks.call(occasion, more) => ended,
            () = self.stopped() => {
                let message = format!("stopped during the hook {}", occasion.name());
                Err(Error::new(Kind::Interrupted, message)
                    .hint("Run the same command again to go on."))
            }
        }
    }

    async fn stopped(&self) {
        const LONG: Duration = Duration::from_secs(24 * 3600);
        while self.hooks.stop.sleep(LONG).await {}
    }

    pub fn stop(&self) -> Stop {
        self.hooks.stop.clone()
    }

    /// Revisions that were run so far.
    pub fn ran(&self) -> Vec<String> {
        self.runs.iter().map(|(plan, _)| plan.revision.id.clone()).collect()
    }

    /// Tells the hooks how a run has ended.
    async fn ended(&self, plan: &Plan, ended: Result<Outcome, Error>) -> Result<Outcome, Error> {
        let hooks = &self.telemetry.hooks;
        let outcome = match ended {
            Ok(outcome) => outcome,
            Err(error) => {
                let mut more = report::error::json(&error);
                more["revision"] = json!(plan.revision.id);
                hooks.call(Occasion::Failed, &more).await?;
                return Err(error);
            }
        };
        let occasion = match outcome.end {
            End::Gate(_) => Occasion::Gate,
            End::Finished => Occasion::Done,
            End::RolledBack => Occasion::RolledBack,
        };
        hooks.call(occasion, &report::run::json(plan, &outcome)).await?;
        Ok(outcome)
    }

    /// From the gate on, what the new application relies on must be there.
    fn is_verifiable(&self, end: End) -> bool {
        match end {
            End::Finished => true,
            End::Gate(phase) => self
                .runs
                .last()
                .is_some_and(|(plan, _)| plan.gates.iter().any(|gate| gate.before == phase)),
            End::RolledBack => false,
        }
    }

    /// Takes back what `plan` did.
    ///
    /// # Errors
    /// Contract has begun, or whatever stops the run.
    pub async fn rollback(&mut self, plan: Plan) -> Result<(), Error> {
        let limits = &self.settings.limits;
        self.begins(&plan).await?;
        let ended = run::rollback(&self.target, &plan, limits, self.hooks.clone()).await;
        let outcome = self.ended(&plan, ended.map_err(Error::from)).await?;
        self.runs.push((plan, outcome));
        self.at = None;
        Ok(())
    }

    /// Refuses to begin something new after a request to stop.
    ///
    /// # Errors
    /// `Kind::Interrupted` when there was one.
    pub fn go_on(&self) -> Result<(), Error> {
        if self.hooks.stop.requested() {
            return Err(Error::new(Kind::Interrupted, "stopped on request, between two revisions")
                .hint("Run the same command again to go on."));
        }
        Ok(())
    }

    /// The end of a command: hooks that were called on the way are waited for, and a failure is told to
    /// whoever listens.
    ///
    /// # Errors
    /// The command's own; else that of a required hook that nobody waited for until now.
    pub async fn end<T>(&self, ended: Result<T, Error>) -> Result<T, Error> {
        let settled = tokio::select! {
            biased;
            settled = self.telemetry.hooks.settled() => settled,
            // Asked twice: then they are given up.
            () = self.hooks.stop.now() => Ok(()),
        };
        let ended =
            ended.and_then(|done| settled.map(|()| done).map_err(|error| self.failed(error)));
        if let Err(error) = &ended {
            let origin = error.origin.as_deref().cloned().unwrap_or_default();
            self.hooks.progress.event(&Event::RunFailed {
                revision: self.at.clone(),
                kind: error.kind.name(),
                exit_code: error.kind.exit_code(),
                message: error.message.clone(),
                detail: error.detail.clone(),
                hint: error.hint.clone(),
                step: origin.step,
                sqlstate: origin.sqlstate,
            });
        }
        ended
    }

    /// Says what was done before `error`, which is returned.
    pub fn failed(&self, error: Error) -> Error {
        if !self.runs.is_empty() {
            self.output.say(self.summary().trim_end());
        }
        error
    }

    fn summary(&self) -> String {
        self.runs.iter().map(|(plan, outcome)| report::run::text(plan, outcome)).collect()
    }

    /// The result of everything that ran; `more` is added at the end.
    pub fn done(&self, more: &str, state: &str) -> Done {
        let mut text = self.summary();
        match self.verified {
            0 => {}
            1 => text.push_str("1 verify query passed\n"),
            n => text.push_str(&format!("{n} verify queries passed\n")),
        }
        text.push_str(more);
        let runs: Vec<Value> =
            self.runs.iter().map(|(plan, outcome)| report::run::json(plan, outcome)).collect();
        let json = json!({
            "state": state,
            "revisions": runs,
            "verify_queries_passed": self.verified,
        });
        Done::new(text, json)
    }
}

/// The plan that a rollout was started with.
///
/// # Errors
/// A journal that was tampered with.
pub fn journaled_plan(rollout: &Rollout) -> Result<Plan, Error> {
    let name = format!("the journal's plan of revision {}", rollout.revision);
    file::from_toml(&rollout.plan).map_err(|error| error.into_error(&name, &rollout.plan))
}
