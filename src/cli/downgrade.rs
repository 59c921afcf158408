//! `airlock downgrade`: back to an earlier revision, the last one first.

use super::args::{Global, Limits};
use super::output::{Done, Output};
use super::rollout::{Session, journaled_plan};
use super::upgrade::PhaseArg;
use super::waiting::Waiting;
use super::{environment, offline_back, planning, project, repeatables, squash, standing, usage};
use crate::catalog::{Catalog, load};
use crate::config::layer::LimitsLayer;
use crate::config::{Settings, value};
use crate::connect::Connection;
use crate::error::{Error, Kind};
use crate::journal::{Journal, Rollout, RolloutState, downgrade_id};
use crate::plan::{Fact, Phase, Plan, Undo};
use crate::report::loss::{self, Loss};
use crate::report::{self, printable};
use crate::revision::{Binding, Graph, Revision, RevisionId, Targets};
use crate::rewrite::reverse::reverse;
use crate::run::End;
use crate::sql::Script;
use crate::telemetry::hook::Occasion;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

/// Go back to an earlier revision
///
/// Takes back what ran after the target, the last one first. A revision that has a downgrade section is
/// taken back by it: the section is planned like an upgrade, against the database as it is, and runs in
/// the same phases under the same care. One without is taken back by its plan, step by step, where its
/// contract phase dropped nothing; so is one that is still under way. Otherwise by statements that are
/// derived from those of the upgrade and shown, if nothing is lost on that way.
///
/// Before anything runs, the data that goes is listed, with about how many rows, and asked for. After an
/// interruption the same command goes on where it stopped.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to: `base`, `-1`, an id or the beginning of one, `ID-1`, `label@base`; with --sql a range
    /// FROM:TO as well
    #[arg(value_name = "TARGET", allow_negative_numbers = true)]
    pub target: String,
    /// Do not ask before data goes
    #[arg(short, long)]
    pub yes: bool,
    /// Only show what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Last phase to run of a downgrade section [default: contract, which is everything]
    #[arg(long, value_name = "PHASE", value_enum)]
    pub through: Option<PhaseArg>,
    /// With the downgrade at its gate: go on although names that it drops are in use; the reason is kept
    #[arg(long, value_name = "REASON")]
    pub because: Option<String>,
    /// Print a script for psql instead of running anything
    #[arg(long, conflicts_with_all = ["dry_run", "because", "wait"])]
    pub sql: bool,
    /// With --sql: start from this file of `airlock catalog` instead of a database
    #[arg(long, value_name = "FILE", requires = "sql")]
    pub catalog: Option<PathBuf>,
    /// With --sql from the revisions alone: major version of the throwaway server that replays them
    /// [default: that of the plans, else the newest found]
    #[arg(long, value_name = "MAJOR", requires = "sql", conflicts_with = "catalog")]
    pub postgres: Option<u32>,
    /// How long to wait for another runner [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub wait: Option<Duration>,
    #[command(flatten)]
    pub limits: Limits,
}

/// How a revision is taken back.
pub(super) enum Way<'a> {
    /// By its downgrade section.
    Section { revision: &'a Revision, script: Script },
    /// By what can be told from its upgrade section.
    Derived { revision: &'a Revision, script: Script, text: String },
    /// By the undo of each step of its plan.
    Undo { plan: Box<Plan> },
}

/// A revision to take back, and what goes with it.
pub(super) struct Step<'a> {
    pub(super) id: String,
    pub(super) message: String,
    pub(super) way: Way<'a>,
    pub(super) losses: Vec<Loss>,
    /// What its undo leaves as it is, in words.
    pub(super) stays: Vec<String>,
}

impl Way<'_> {
    /// In words.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Way::Section { .. } => "by its downgrade section",
            Way::Derived { .. } => "derived from its upgrade section",
            Way::Undo { .. } => "by the undo of its plan",
        }
    }

    /// The statements that take it back, and the file in which their places are.
    pub(super) fn statements(&self) -> Option<(Revision, &Script)> {
        match self {
            Way::Undo { .. } => None,
            Way::Section { revision, script } => Some(((*revision).clone(), script)),
            // Places in it are places in the derived text.
            Way::Derived { revision, script, text } => {
                let path = format!("downgrade of {}, derived", revision.path);
                let (text, binding) = (text.clone(), Binding::None);
                Some((Revision { path, text, binding, ..(*revision).clone() }, script))
            }
        }
    }
}

impl<'a> Step<'a> {
    /// By a section of `revision`, which moves `catalog`.
    pub(super) fn section(revision: &'a Revision, script: Script, catalog: &mut Catalog) -> Self {
        let losses = loss::of_statements(&script.statements, catalog);
        let (id, message) = (revision.id.to_string(), revision.message.clone());
        let way = Way::Section { revision, script };
        Self { id, message, way, losses, stays: Vec::new() }
    }

    /// By the undo of `plan`, whose upgrade section is given; `catalog` stays as it is.
    pub(super) fn undo(
        revision: &'a Revision,
        upgrade: &Script,
        plan: Plan,
        catalog: &Catalog,
    ) -> Self {
        let losses = loss::of_undoing(&upgrade.statements, catalog);
        let stays: Vec<String> = plan.steps.iter().filter_map(irreversible).collect();
        let (id, message) = (revision.id.to_string(), revision.message.clone());
        Self { id, message, way: Way::Undo { plan: Box::new(plan) }, losses, stays }
    }
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings_with(LimitsLayer::from(&args.limits))?;
    let graph = project::revisions(&settings)?;
    if args.sql {
        let through = args.through.map_or(Phase::Contract, Phase::from);
        let (target, catalog) = (&*args.target, args.catalog.as_deref());
        let wanted = offline_back::Wanted { target, catalog, through, postgres: args.postgres };
        return offline_back::run(wanted, &settings, &graph, output).await;
    }
    let mut session = Session::begin(&settings, output)?;
    let ended = Box::pin(go(&args, &graph, &mut session)).await;
    session.end(ended).await
}

async fn go(args: &Args, graph: &Graph, session: &mut Session<'_>) -> Result<Done, Error> {
    let (settings, output) = (session.settings, session.output);
    let target = session.target.clone();
    let longest = args.wait.unwrap_or(settings.limits.patience);
    let mut waiting = Waiting::new(&target, session.stop(), output, longest);
    let journal = waiting.free().await?;
    let connection = session.connect().await?;
    for revision in graph.revisions() {
        standing::refuse_part(revision, &journal)?;
    }
    let whole = standing::folded(&journal, graph);
    let steps = steps(args, graph, &whole, &connection).await?;
    connection.close().await;
    if steps.is_empty() {
        let json = json!({ "state": "nothing-to-downgrade", "revisions": [] });
        return Ok(Done::new("Nothing to take back: the database is there already.", json));
    }
    let shown = overview(&steps);
    if args.dry_run {
        return Ok(Done::new(shown, json!({ "state": "dry-run", "revisions": as_json(&steps) })));
    }
    output.say(shown.trim_end());
    let objects = repeatables::read(settings)?.revisions().len();
    if objects > 0 {
        output.say(&format!("Repeatable objects ({objects}) stay as they are."));
    }
    ask(args, &steps, session, output).await?;
    let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    squash::fold(session, graph, &ids).await?;
    let journal = whole;
    session.tell(Occasion::BeforeDowngrade, &json!({ "revisions": ids })).await?;
    let through = args.through.map_or(Phase::Contract, Phase::from);
    for step in &steps {
        session.go_on()?;
        match take_back(session, step, &journal, through, args).await {
            Ok(End::Finished | End::RolledBack) => {}
            Ok(End::Gate(before)) => return Ok(stopped(session, step, before)),
            Err(error) => return Err(session.failed(error)),
        }
    }
    session.tell(Occasion::AfterDowngrade, &json!({ "revisions": ids })).await?;
    Ok(session.done("", "downgraded"))
}

/// What is to be taken back, in order.
async fn steps<'a>(
    args: &Args,
    graph: &'a Graph,
    journal: &Journal,
    connection: &Connection,
) -> Result<Vec<Step<'a>>, Error> {
    let there = there(journal);
    let gone = Targets::new(graph).with(&there).downgrade(&args.target)?;
    refuse_unknown(graph, journal, &gone)?;
    refuse_other_downgrades(journal, &gone)?;
    let mut catalog = load::load(connection).await?;
    let mut found = Vec::new();
    for revision in gone {
        found.push(step(revision, journal, &mut catalog)?);
    }
    Ok(found)
}

/// What the database has, in the order in which it was begun: a rollout that is under way included.
pub(super) fn there(journal: &Journal) -> Vec<RevisionId> {
    let counts = |rollout: &&Rollout| rollout.state != RolloutState::RolledBack;
    journal.rollouts.iter().filter(counts).filter_map(|of| of.revision.parse().ok()).collect()
}

/// Nothing is taken from under a revision that nobody here knows.
pub(super) fn refuse_unknown(
    graph: &Graph,
    journal: &Journal,
    gone: &[&Revision],
) -> Result<(), Error> {
    let known = |id: &str| graph.get(id).is_some();
    let on_top = journal.rollouts.iter().find(|rollout| {
        rollout.state != RolloutState::RolledBack
            && rollout.downgrades().is_none()
            && !known(&rollout.revision)
            && rollout.parents.iter().any(|parent| gone.iter().any(|of| of.id.as_str() == *parent))
    });
    let Some(rollout) = on_top else { return Ok(()) };
    let message = format!("revision {} ran in this database and has no file", rollout.revision);
    Err(Error::new(Kind::Drift, message)
        .detail("It comes after what is to be taken back.")
        .hint("Get its file back, perhaps from another branch of the repository."))
}

/// A downgrade that stopped half-way is gone on with, not left behind.
pub(super) fn refuse_other_downgrades(journal: &Journal, gone: &[&Revision]) -> Result<(), Error> {
    let open = journal.rollouts.iter().find_map(|rollout| {
        let of = rollout.downgrades().filter(|_| standing::is_open(rollout))?;
        (gone.first().is_none_or(|first| first.id.as_str() != of)).then_some(of)
    });
    let Some(of) = open else { return Ok(()) };
    Err(Error::new(Kind::Drift, format!("the downgrade of revision {of} is under way"))
        .hint(format!("Go on with it first: `airlock downgrade {of}-1`; or `airlock rollback`.")))
}

pub(super) fn step<'a>(
    revision: &'a Revision,
    journal: &Journal,
    catalog: &mut Catalog,
) -> Result<Step<'a>, Error> {
    let id = revision.id.to_string();
    let rollout = journal.rollout(&id);
    let in_file = |error| project::sql_error(revision, error);
    let section = revision.downgrade_script().map_err(in_file)?;
    let done = rollout.is_some_and(|rollout| rollout.state == RolloutState::Done);
    let begun = journal.rollout(&downgrade_id(&id)).is_some_and(standing::is_open);
    if done && (begun || !section.statements.is_empty()) {
        return Ok(Step::section(revision, section, catalog));
    }
    let upgrade = revision.upgrade_script().map_err(in_file)?;
    let rollout = rollout.filter(|rollout| !rollout.is_stamped());
    let Some(rollout) = rollout else {
        if upgrade.statements.is_empty() {
            return Ok(Step::section(revision, section, catalog));
        }
        return Err(no_way(revision, "It was stamped, so there is no plan to take back."));
    };
    let plan = journaled_plan(rollout)?;
    let contracted = rollout.steps.iter().find(|step| {
        step.phase == Phase::Contract && step.state != crate::journal::StepState::Pending
    });
    if let Some(step) = contracted {
        let has_run = format!("Its contract phase ({}) has run", step.step);
        return derived(revision, &upgrade, &plan.facts, &has_run, catalog);
    }
    Ok(Step::undo(revision, &upgrade, plan, catalog))
}

/// By statements that are told from those of the upgrade; `why` not by its plan.
pub(super) fn derived<'a>(
    revision: &'a Revision,
    upgrade: &Script,
    facts: &[Fact],
    why: &str,
    catalog: &mut Catalog,
) -> Result<Step<'a>, Error> {
    let text = reverse(upgrade, facts).map_err(|found| {
        no_way(
            revision,
            &format!(
                "{why}, so its plan cannot be taken back; and from statement {} no downgrade can be \
                 told: {}.",
                found.number, found.why
            ),
        )
    })?;
    let script = crate::sql::parse(&text, 0..text.len()).map_err(|error| {
        Error::at(Kind::Failed, "the derived downgrade", &text, error.into_diagnostic())
    })?;
    let losses = loss::of_statements(&script.statements, catalog);
    let (id, message) = (revision.id.to_string(), revision.message.clone());
    Ok(Step {
        id,
        message,
        way: Way::Derived { revision, script, text },
        losses,
        stays: Vec::new(),
    })
}

fn irreversible(step: &crate::plan::Step) -> Option<String> {
    match &step.undo {
        Undo::Irreversible { why } => Some(why.clone()),
        Undo::Nothing
        | Undo::Transaction { .. }
        | Undo::Concurrent { .. }
        | Undo::Validate { .. }
        | Undo::Sequence { .. } => None,
    }
}

pub(super) fn no_way(revision: &Revision, why: &str) -> Error {
    let message = format!("revision {} has no downgrade section", revision.id);
    Error::new(Kind::Refused, message).detail(why).hint(format!(
        "Write what takes it back below `-- downgrade` in {}; `airlock test` tries it out.",
        revision.path
    ))
}

fn overview(steps: &[Step<'_>]) -> String {
    let mut text = String::from("Taken back, in this order:\n");
    for step in steps {
        let how = step.way.name();
        text.push_str(&format!("  {}  {}  ({how})\n", step.id, printable(&step.message)));
        if let Way::Derived { script, .. } = &step.way {
            for statement in &script.statements {
                text.push_str(&format!("    {};\n", printable(&statement.sql)));
            }
        }
        for stays in &step.stays {
            text.push_str(&format!("    {}\n", printable(stays)));
        }
    }
    let losses = losses(steps);
    if losses.is_empty() {
        text.push_str("No data goes with that.\n");
    } else {
        text.push_str(&format!("What goes with that:\n{}", loss::text(&losses)));
    }
    text
}

fn losses(steps: &[Step<'_>]) -> Vec<Loss> {
    steps.iter().flat_map(|step| step.losses.clone()).collect()
}

fn as_json(steps: &[Step<'_>]) -> Vec<Value> {
    let one = |step: &Step<'_>| {
        json!({
            "revision": step.id,
            "by": match &step.way {
                Way::Section { .. } => "section",
                Way::Derived { .. } => "derived",
                Way::Undo { .. } => "undo",
            },
            "losses": loss::json(&step.losses),
            "stays": step.stays,
        })
    };
    steps.iter().map(one).collect()
}

/// Nobody loses data without having been asked.
async fn ask(
    args: &Args,
    steps: &[Step<'_>],
    session: &Session<'_>,
    output: &Output,
) -> Result<(), Error> {
    // What would go has been shown.
    let quiet = steps.iter().all(|step| step.losses.is_empty() && step.stays.is_empty());
    if args.yes || quiet {
        return Ok(());
    }
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        output.say("Go on? Type yes:");
        let said = environment::line(&session.stop()).await?;
        if ["y", "yes"].contains(&said.to_lowercase().as_str()) {
            return Ok(());
        }
        return Err(Error::new(Kind::Refused, "nothing was taken back"));
    }
    Err(Error::new(Kind::Refused, "nobody has said that this data may go")
        .hint("Add --yes, once that is what you want. `airlock downgrade --dry-run` shows it too."))
}

async fn take_back(
    session: &mut Session<'_>,
    step: &Step<'_>,
    journal: &Journal,
    through: Phase,
    args: &Args,
) -> Result<End, Error> {
    let Some((revision, script)) = step.way.statements() else {
        if let Way::Undo { plan } = &step.way {
            session.rollback((**plan).clone()).await?;
        }
        return Ok(End::RolledBack);
    };
    let begun = begun(journal, &step.id)?;
    let plan = match begun {
        Some(rollout) => journaled_plan(rollout)?,
        None => plan(session, session.settings, &revision, script).await?,
    };
    let passes = begun.is_some_and(usage::stands_at_gate) && through == Phase::Contract;
    if passes {
        usage::pass(&session.target, &plan, args.because.as_deref(), session.output).await?;
    }
    session.execute(plan, Some(&revision), through).await
}

/// The downgrade of revision `id` that is under way, if there is one.
///
/// # Errors
/// It is being taken back itself.
pub(super) fn begun<'j>(journal: &'j Journal, id: &str) -> Result<Option<&'j Rollout>, Error> {
    // One that is rolled back, or that belongs to an earlier downgrade, is as if it had never been.
    let begun = journal.rollout(&downgrade_id(id)).filter(|of| standing::is_open(of));
    if let Some(rollout) = begun.filter(|rollout| rollout.state == RolloutState::RollingBack) {
        let message = format!("the downgrade of revision {id} is being rolled back");
        return Err(Error::new(Kind::Refused, message)
            .detail(format!("It stopped in phase {}.", rollout.phase))
            .hint("`airlock rollback` goes on with that."));
    }
    Ok(begun)
}

async fn plan(
    session: &Session<'_>,
    settings: &Settings,
    revision: &Revision,
    script: &Script,
) -> Result<Plan, Error> {
    let connection = session.connect().await?;
    let catalog = load::load(&connection).await?;
    let plan = planning::downgrade(revision, script, &catalog, settings)?;
    let impact = report::impact::text(&plan, Some(&catalog), settings.speed);
    session.output.say(&format!("\n{} back:\n\n{}", revision.id, impact.trim_end()));
    Ok(plan)
}

fn stopped(session: &Session<'_>, step: &Step<'_>, before: Phase) -> Done {
    let more = format!(
        "The downgrade of {} stands before {before}. To go on: airlock downgrade {}-1\n",
        step.id, step.id
    );
    let mut done = session.done(&more, "at-gate");
    done.json["at"] = json!({ "revision": step.id, "before": before.name() });
    done
}
