//! `airlock current`: where the database stands.

use super::args::Global;
use super::output::Done;
use super::{project, standing};
use crate::error::{Error, Kind};
use crate::journal::{Journal, Rollout, RolloutState};
use crate::report::printable;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Show the revisions that the database is at: those that ran and that none that ran comes after
///
/// It needs the journal alone; a folder in which something is wrong is no obstacle.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Exit code 3 unless the database is at the heads of the folder
    #[arg(long)]
    pub check_heads: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Done, Error> {
    let settings = global.settings()?;
    let connection = settings.target()?.connect("airlock current").await?;
    let journal = standing::journal(&connection).await?;
    let current = current(&journal);
    let mut text: String =
        current.iter().map(|at| format!("{}  {}\n", at.revision, printable(&at.message))).collect();
    if current.is_empty() {
        text.push_str("No revision has run.\n");
    }
    let list: Vec<Value> = current
        .iter()
        .map(|at| json!({ "revision": at.revision, "message": at.message }))
        .collect();
    let mut json = json!({ "current": list });
    let mut exit = None;
    if args.check_heads {
        let graph = project::revisions(&settings)?;
        let mut heads: Vec<&str> = graph.heads().iter().map(|head| head.id.as_str()).collect();
        let mut at: Vec<&str> = current.iter().map(|at| &*at.revision).collect();
        heads.sort_unstable();
        at.sort_unstable();
        if heads != at {
            text.push_str(&format!("The folder's heads: {}\n", heads.join(", ")));
            exit = Some(Kind::Drift);
        }
        json["heads"] = json!(heads);
    }
    let mut done = Done::new(text, json);
    done.exit = exit;
    Ok(done)
}

/// Rollouts that are done and that no other one that is done names as a parent.
fn current(journal: &Journal) -> Vec<&Rollout> {
    let done: Vec<&Rollout> =
        journal.rollouts.iter().filter(|rollout| rollout.state == RolloutState::Done).collect();
    let parents: BTreeSet<&String> = done.iter().flat_map(|rollout| &rollout.parents).collect();
    done.iter().copied().filter(|rollout| !parents.contains(&rollout.revision)).collect()
}
