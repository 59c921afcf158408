//! `airlock rollback`: takes a rollout back, as long as contract has not begun.

use super::args::{Global, Limits};
use super::output::{Done, Output};
use super::rollout::{Session, journaled_plan};
use super::{project, standing};
use crate::config::layer::LimitsLayer;
use crate::error::{Error, Kind};
use crate::journal::{Journal, Rollout, RolloutState, SEED, repeated};
use crate::revision::Graph;
use serde_json::json;

/// Take a rollout back, without loss, as long as contract has not begun
///
/// Without a revision: the one that is under way. One that is done has to be named, and nothing may
/// have been started after it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id of the revision, or the beginning of one
    #[arg(value_name = "REVISION")]
    pub revision: Option<String>,
    #[command(flatten)]
    pub limits: Limits,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings_with(LimitsLayer::from(&args.limits))?;
    let graph = project::revisions(&settings)?;
    let mut session = Session::begin(&settings, output)?;
    let ended = take_back(&args, &graph, &mut session).await;
    session.end(ended).await
}

async fn take_back(args: &Args, graph: &Graph, session: &mut Session<'_>) -> Result<Done, Error> {
    let journal = standing::journal(&*session.connect().await?).await?;
    let Some(rollout) = choose(args, graph, &journal)? else {
        let json = json!({ "state": "nothing-to-roll-back", "revisions": [] });
        return Ok(Done::new("Nothing is under way.", json));
    };
    // What ran is taken back, whatever the files say by now.
    let ended = session.rollback(journaled_plan(rollout)?).await;
    if let Err(error) = ended {
        return Err(session.failed(error));
    }
    Ok(session.done("", "rolled-back"))
}

fn choose<'a>(
    args: &Args,
    graph: &Graph,
    journal: &'a Journal,
) -> Result<Option<&'a Rollout>, Error> {
    let counts: Vec<&Rollout> = journal
        .rollouts
        .iter()
        .filter(|rollout| rollout.state != RolloutState::RolledBack)
        // They are taken back by their files.
        .filter(|rollout| rollout.repeats().is_none())
        .collect();
    let Some(wanted) = &args.revision else {
        let open: Vec<&Rollout> =
            counts.into_iter().filter(|rollout| rollout.state != RolloutState::Done).collect();
        standing::one_of_schemas(&open, "rollback")?;
        return Ok(open.last().copied());
    };
    let id = standing::find(graph, journal, wanted)?;
    if let Some(name) = repeated(&id) {
        let (what, hint) = match id.ends_with(SEED) {
            true => ("seed", "Take its rows out with a revision."),
            false => (
                "repeatable object",
                "Write its earlier text into its file and run `airlock upgrade`.",
            ),
        };
        return Err(Error::new(Kind::Refused, format!("{name} is a {what}"))
            .detail("It took effect as a whole, and what was there before is not kept.")
            .hint(hint));
    }
    let counts: Vec<&Rollout> = counts
        .into_iter()
        .filter(|rollout| standing::same_schema(&rollout.revision, &id))
        .collect();
    let Some(place) = counts.iter().position(|rollout| rollout.revision == id) else {
        return Err(Error::new(Kind::Drift, format!("revision {id} is not in the database")));
    };
    if let Some(later) = counts.get(place + 1) {
        let message = format!("revision {id} is not the last one that was started");
        return Err(Error::new(Kind::Refused, message)
            .detail(format!("Revision {} came after it.", later.revision))
            .hint("Take the later ones back first."));
    }
    Ok(counts.get(place).copied())
}
