//! `airlock contract`: passes the gate before the contract phase.

use super::args::{Global, Limits};
use super::output::{Done, Output};
use super::rollout::{Session, journaled_plan};
use super::{environment, project, standing, usage};
use crate::config::layer::LimitsLayer;
use crate::error::{Error, Kind};
use crate::journal::{Journal, Rollout, RolloutState};
use crate::plan::Phase;
use crate::report::status;
use crate::revision::Graph;
use serde_json::json;

/// Pass the gate: drop what only the old application needs
///
/// For the revision that waits at its gate. Cannot be rolled back. Refused, with exit code 7, while
/// something still uses what would be dropped or renamed: statements, sessions, functions, views.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id of the revision, or the beginning of one
    #[arg(value_name = "REVISION")]
    pub revision: Option<String>,
    /// Go on although old names are in use; the reason is kept in the journal
    #[arg(long, value_name = "REASON")]
    pub because: Option<String>,
    #[command(flatten)]
    pub limits: Limits,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings_with(LimitsLayer::from(&args.limits))?;
    let graph = project::revisions(&settings)?;
    let mut session = Session::begin(&settings, output)?;
    let ended = pass(&args, &graph, &mut session).await;
    session.end(ended).await
}

async fn pass(args: &Args, graph: &Graph, session: &mut Session<'_>) -> Result<Done, Error> {
    let journal = standing::journal(&*session.connect().await?).await?;
    let Some(rollout) = choose(args, graph, &journal)? else {
        let json = json!({ "state": "nothing-to-contract", "revisions": [] });
        return Ok(Done::new("Nothing waits at a gate.", json));
    };
    let revision = graph.get(&rollout.revision);
    let plan = match revision {
        Some(revision) => session.plan(revision, Some(rollout), true).await?,
        // Its file has gone; the journal has everything that is needed.
        None => journaled_plan(rollout)?,
    };
    environment::came_through(session.settings, &plan, true).await?;
    if usage::stands_at_gate(rollout) {
        usage::pass(&session.target, &plan, args.because.as_deref(), session.output).await?;
    }
    let ended = session.execute(plan, revision, Phase::Contract).await;
    if let Err(error) = ended {
        return Err(session.failed(error));
    }
    Ok(session.done("", "contracted"))
}

/// The rollout at its gate, or one that was interrupted behind it.
fn choose<'a>(
    args: &Args,
    graph: &Graph,
    journal: &'a Journal,
) -> Result<Option<&'a Rollout>, Error> {
    let wanted = match &args.revision {
        Some(wanted) => Some(standing::find(graph, journal, wanted)?),
        None => None,
    };
    let of_interest = |rollout: &&Rollout| match &wanted {
        Some(id) => rollout.revision == *id,
        None => match rollout.state {
            RolloutState::Running | RolloutState::AtGate | RolloutState::RollingBack => true,
            RolloutState::Done | RolloutState::RolledBack => false,
        },
    };
    if wanted.is_none() {
        let open: Vec<&Rollout> = journal.rollouts.iter().filter(of_interest).collect();
        standing::one_of_schemas(&open, "contract")?;
    }
    let Some(rollout) = journal.rollouts.iter().rfind(of_interest) else {
        return match wanted {
            None => Ok(None),
            Some(id) => Err(Error::new(Kind::Drift, format!("revision {id} has not been started"))
                .hint("`airlock upgrade` runs it up to its gate.")),
        };
    };
    let id = &rollout.revision;
    match rollout.state {
        RolloutState::AtGate => Ok(Some(rollout)),
        RolloutState::Running if rollout.phase == Phase::Contract => Ok(Some(rollout)),
        RolloutState::Done => Ok(None),
        RolloutState::Running => {
            let error = Error::new(Kind::Drift, format!("revision {id} has not reached its gate"));
            let at_work = journal.runner.as_ref().filter(|runner| status::is_alive(runner));
            Err(match at_work {
                Some(runner) => error
                    .detail(format!("A runner is at work on it: {}.", runner.activity))
                    .hint("Wait until it is there; `airlock status --watch` shows how far it is."),
                None => error
                    .detail(format!("It stopped in phase {}.", rollout.phase))
                    .hint("`airlock upgrade` goes on with it."),
            })
        }
        RolloutState::RollingBack => {
            Err(Error::new(Kind::Refused, format!("revision {id} is being rolled back"))
                .hint("`airlock rollback` goes on with that."))
        }
        RolloutState::RolledBack => {
            Err(Error::new(Kind::Drift, format!("revision {id} was rolled back"))
                .hint("`airlock upgrade` runs it again."))
        }
    }
}
