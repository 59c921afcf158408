//! `airlock upgrade`: pending revisions in order, each up to its first gate.

use super::adopting::{self, Found};
use super::args::{Global, Limits};
use super::output::{Done, Output};
use super::rollout::Session;
use super::waiting::Waiting;
use super::{gates, offline, project, repeatables, standing, sum, usage};
use crate::config::layer::LimitsLayer;
use crate::config::value;
use crate::error::{Error, Kind};
use crate::journal::{Journal, RolloutState};
use crate::plan::{Gate, Phase};
use crate::report::status;
use crate::revision::{Graph, Revision, RevisionId, Targets};
use crate::run::End;
use crate::telemetry::hook::Occasion;
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// Run pending revisions in order, each up to its first gate, then repeatable objects that changed
///
/// A revision without a plan file gets one, which is shown. After an interruption of any kind the
/// same command goes on where it stopped. A revision that waits at its gate keeps later ones from
/// starting: then the exit code is 3. Of several that are started at once one works, the others wait
/// and then find nothing left to do.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How far: `head`, `heads`, an id or the beginning of one, a path, a label, `label@head`, `+1`,
    /// `ID+1` [default: head]
    #[arg(value_name = "TARGET", allow_negative_numbers = true)]
    pub target: Option<String>,
    /// Last phase to run, gates before it are passed; `contract` does everything
    #[arg(long, value_name = "PHASE", value_enum)]
    pub through: Option<PhaseArg>,
    /// With `--through contract` at a gate: go on although old names are in use; the reason is kept
    #[arg(long, value_name = "REASON")]
    pub because: Option<String>,
    /// Refuse a revision that has no plan file yet instead of making one
    #[arg(long)]
    pub reviewed: bool,
    /// Find the revision that an untracked database is at, by its schema, and go on from there
    #[arg(long, conflicts_with = "sql")]
    pub adopt: bool,
    /// Print a script for psql instead of running anything; a target may be a range FROM:TO
    #[arg(long)]
    pub sql: bool,
    /// With --sql: start from this file of `airlock catalog` instead of a database
    #[arg(long, value_name = "FILE", requires = "sql")]
    pub catalog: Option<PathBuf>,
    /// With --sql from the revisions alone: major version of the throwaway server that replays them
    /// [default: that of the plans, else the newest found]
    #[arg(long, value_name = "MAJOR", requires = "sql", conflicts_with = "catalog")]
    pub postgres: Option<u32>,
    /// How long to wait for another runner, and then go on from where it left off [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub wait: Option<Duration>,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PhaseArg {
    Expand,
    Migrate,
    Switch,
    Contract,
}

impl From<PhaseArg> for Phase {
    fn from(phase: PhaseArg) -> Self {
        match phase {
            PhaseArg::Expand => Phase::Expand,
            PhaseArg::Migrate => Phase::Migrate,
            PhaseArg::Switch => Phase::Switch,
            PhaseArg::Contract => Phase::Contract,
        }
    }
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings_with(LimitsLayer::from(&args.limits))?;
    let graph = project::revisions(&settings)?;
    if args.sql {
        let wanted = offline::Wanted {
            target: args.target.as_deref(),
            catalog: args.catalog.as_deref(),
            through: args.through.map(Phase::from),
            reviewed: args.reviewed,
            postgres: args.postgres,
        };
        return offline::run(wanted, &settings, &graph, output).await;
    }
    sum::check(&settings, &graph)?;
    let mut session = Session::begin(&settings, output)?;
    let ended = Box::pin(go(&args, &graph, &mut session)).await;
    session.end(ended).await
}

/// Everything that is pending, in turns with other runners.
async fn go(args: &Args, graph: &Graph, session: &mut Session<'_>) -> Result<Done, Error> {
    let (settings, output) = (session.settings, session.output);
    let target = session.target.clone();
    let longest = args.wait.unwrap_or(settings.limits.patience);
    let mut waiting = Waiting::new(&target, session.stop(), output, longest);
    let mut journal = standing::journal(&*session.connect().await?).await?;
    if args.adopt && journal.rollouts.is_empty() {
        adopt(session, graph, output).await?;
        journal = standing::journal(&*session.connect().await?).await?;
    }
    // Once: `+1` must not count from where another runner has come to meanwhile.
    let wanted = wanted(graph, &standing::applied(&journal), args.target.as_deref())?;
    warn(graph, &journal, output);
    let repeatable = repeatables::read(settings)?;
    let whole = is_whole(args.target.as_deref());
    let mut begun = false;
    loop {
        let pending = wanted.iter().filter(|found| !standing::is_done(&journal, &found.id));
        let pending: Vec<&Revision> = pending.copied().collect();
        let again = match pending.is_empty() && whole {
            true => repeatables::pending(&repeatable, &journal),
            false => Vec::new(),
        };
        if let Some(revision) = again.first() {
            if waiting.must(&journal).await? {
                journal = waiting.free().await?;
                continue;
            }
            if !begun {
                let ids: Vec<&str> = again.iter().map(|revision| revision.id.as_str()).collect();
                session.tell(Occasion::BeforeUpgrade, &json!({ "pending": ids })).await?;
                begun = true;
            }
            journal = match repeatables::apply(session, revision, args.reviewed).await {
                Ok(()) => standing::journal(&*session.connect().await?).await?,
                Err(error) => {
                    if let Err(error) = waiting.again(error, &journal, &session.ran()).await {
                        return Err(session.failed(error));
                    }
                    waiting.free().await?
                }
            };
            continue;
        }
        let Some(first) = pending.first() else {
            if begun {
                session.tell(Occasion::AfterUpgrade, &json!({ "pending": [] })).await?;
            }
            if !session.ran().is_empty() {
                return Ok(session.done("", "up-to-date"));
            }
            let json = json!({ "state": "up-to-date", "revisions": [] });
            return Ok(Done::new("Up to date: nothing is pending.", json));
        };
        if waiting.must(&journal).await? {
            journal = waiting.free().await?;
            continue;
        }
        refuse_other_rollouts(&journal, first)?;
        if !begun {
            let ids: Vec<&str> = pending.iter().map(|revision| revision.id.as_str()).collect();
            session.tell(Occasion::BeforeUpgrade, &json!({ "pending": ids })).await?;
            begun = true;
        }
        match proceed(session, &pending, &journal, &Wish::from(args)).await {
            Ok(Stand::Done) => journal = standing::journal(&*session.connect().await?).await?,
            Ok(Stand::Stopped(stop)) => {
                session.tell(Occasion::AfterUpgrade, &json!({ "pending": stop.later })).await?;
                return Ok(stopped(session, &stop));
            }
            Err(error) => {
                if let Err(error) = waiting.again(error, &journal, &session.ran()).await {
                    return Err(session.failed(error));
                }
                journal = waiting.free().await?;
            }
        }
    }
}

/// Whether the target is all there is: repeatable objects are made for the newest schema.
fn is_whole(target: Option<&str>) -> bool {
    matches!(target, None | Some("head" | "heads"))
}

/// Writes down which revisions an untracked database has, if it has any.
async fn adopt(session: &mut Session<'_>, graph: &Graph, output: &Output) -> Result<(), Error> {
    let Found::At(has) = adopting::find(graph, session.settings, output).await? else {
        output.say("the database has nothing yet");
        return Ok(());
    };
    session.confirm().await?;
    adopting::stamp(&has, "adopt", session.settings, &session.hooks()).await?;
    if let Some(last) = has.last() {
        output.say(&format!("the database is at {} ({}); stamped", last.id, last.path));
    }
    Ok(())
}

/// Where the pending revisions came to.
pub(super) enum Stand<'a> {
    Done,
    Stopped(Stop<'a>),
}

/// A revision that stands before a phase, and those behind it.
pub(super) struct Stop<'a> {
    revision: &'a Revision,
    before: Phase,
    gate: Option<Gate>,
    /// Nothing was run now that would say so itself.
    silent: bool,
    later: Vec<String>,
}

/// How far, and whether plans have to be there.
pub(super) struct Wish<'w> {
    pub(super) through: Option<Phase>,
    pub(super) because: Option<&'w str>,
    pub(super) reviewed: bool,
}

impl<'w> From<&'w Args> for Wish<'w> {
    fn from(args: &'w Args) -> Self {
        let through = args.through.map(Phase::from);
        Self { through, because: args.because.as_deref(), reviewed: args.reviewed }
    }
}

pub(super) async fn proceed<'a>(
    session: &mut Session<'_>,
    pending: &[&'a Revision],
    journal: &Journal,
    wish: &Wish<'_>,
) -> Result<Stand<'a>, Error> {
    for revision in pending {
        standing::refuse_part(revision, journal)?;
    }
    for (index, revision) in pending.iter().enumerate() {
        session.go_on()?;
        let rollout = standing::rollout(journal, &revision.id);
        let plan = session.plan(revision, rollout, wish.reviewed).await?;
        let gates = plan.gates.clone();
        let stop = |before: Phase, silent: bool| {
            let gate = gates.iter().find(|gate| gate.before == before).cloned();
            let later =
                pending[index + 1..].iter().map(|revision| revision.id.to_string()).collect();
            Stand::Stopped(Stop { revision, before, gate, silent, later })
        };
        let Some(through) = wish.through.or_else(|| gates::through(&plan, rollout)) else {
            return Ok(stop(rollout.map_or(Phase::Expand, |rollout| rollout.phase), true));
        };
        if through == Phase::Contract && rollout.is_some_and(usage::stands_at_gate) {
            usage::pass(&session.target, &plan, wish.because, session.output).await?;
        }
        match session.execute(plan, Some(revision), through).await? {
            End::Finished | End::RolledBack => {}
            End::Gate(before) => return Ok(stop(before, false)),
        }
    }
    Ok(Stand::Done)
}

/// What has to have run, in order.
pub(super) fn wanted<'a>(
    graph: &'a Graph,
    applied: &[RevisionId],
    target: Option<&str>,
) -> Result<Vec<&'a Revision>, Error> {
    Ok(Targets::new(graph).with(applied).upgrade(target.unwrap_or("head"))?)
}

/// What is odd about the folder beside the database, and no reason to stop.
pub(super) fn warn(graph: &Graph, journal: &Journal, output: &Output) {
    for standing in standing::list(graph, Some(journal)) {
        let done = standing.state == Some(status::State::Started(RolloutState::Done));
        if done && standing.changed {
            let path = standing.path.unwrap_or_default();
            output.say(&format!("warning: {path} has changed since it was run"));
        }
    }
    let mut earlier: Option<&Revision> = None;
    for revision in graph.revisions() {
        match (standing::is_done(journal, &revision.id), earlier) {
            (false, None) => earlier = Some(revision),
            (true, Some(pending)) => {
                let (late, early) = (&revision.id, &pending.id);
                output
                    .say(&format!("warning: {late} has run, {early} comes before it and has not"));
            }
            (true, None) | (false, Some(_)) => {}
        }
    }
}

/// A rollout that is under way is finished or rolled back before another one starts.
pub(super) fn refuse_other_rollouts(journal: &Journal, first: &Revision) -> Result<(), Error> {
    let other = journal.rollouts.iter().find(|rollout| {
        let open = match rollout.state {
            RolloutState::Running | RolloutState::AtGate | RolloutState::RollingBack => true,
            RolloutState::Done | RolloutState::RolledBack => false,
        };
        open && rollout.repeats().is_none() && rollout.revision != first.id.as_str()
    });
    let Some(other) = other else { return Ok(()) };
    if let Some(of) = other.downgrades() {
        return Err(Error::new(
            Kind::Drift,
            format!("the downgrade of revision {of} is under way"),
        )
        .hint(format!(
            "Go on with it (`airlock downgrade {of}-1`), or take it back (`airlock rollback`)."
        )));
    }
    let message = format!("revision {} is under way and not the next one", other.revision);
    Err(Error::new(Kind::Drift, message)
        .detail(format!("Next in the folder is {} ({}).", first.id, first.path))
        .hint("Finish it (`airlock contract`) or take it back (`airlock rollback`) first."))
}

/// The result at a gate; not all is well when others wait behind it.
fn stopped(session: &Session<'_>, stop: &Stop<'_>) -> Done {
    let ids = &stop.later;
    let mut more = String::new();
    if stop.silent {
        let now = status::what_now(stop.before.name(), stop.gate.as_ref());
        more.push_str(&format!("{}: {now}\n", stop.revision.id));
    }
    if !ids.is_empty() {
        more.push_str(&format!("Waiting behind it: {}\n", ids.join(", ")));
    }
    let mut done = session.done(&more, "at-gate");
    done.json["at"] = json!({
        "revision": stop.revision.id.as_str(),
        "before": stop.before.name(),
        "until": stop.gate.as_ref().map(|gate| &gate.until),
    });
    done.json["waiting"] = json!(ids);
    done.exit = (!ids.is_empty()).then_some(Kind::Drift);
    done
}
