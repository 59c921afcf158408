//! `airlock current`: where the database stands.

use super::args::Global;
use super::output::Done;
use super::{project, standing};
use crate::error::{Error, Kind};
use crate::journal::Rollout;
use crate::report::printable;
use serde_json::{Value, json};

/// Show the revisions that the database is at: those that ran and that none that ran comes after
///
/// It needs the journal alone; a folder in which something is wrong is no obstacle.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Exit code 3 unless the database is at the heads of the folder
    #[arg(long)]
    pub check_heads: bool,
    /// Say which database, when each ran and who ran it
    #[arg(short, long)]
    pub verbose: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Done, Error> {
    let settings = global.settings()?;
    let connection = settings.target()?.connect("airlock current").await?;
    let journal = standing::journal(&connection).await?;
    let current = standing::current(&journal);
    let mut text = String::new();
    if args.verbose {
        text.push_str(&format!("{}\n", settings.target()?));
    }
    for at in &current {
        text.push_str(&format!("{}  {}\n", at.revision, printable(&at.message)));
        if args.verbose {
            text.push_str(&details(at));
        }
    }
    if current.is_empty() {
        text.push_str("No revision has run.\n");
    }
    let list: Vec<Value> = current
        .iter()
        .map(|at| {
            json!({
                "revision": at.revision,
                "message": at.message,
                "parents": at.parents,
                "finished_at": at.finished_at.map(|at| at.to_string()),
                "by": at.applied_by,
                "stamped": at.is_stamped(),
            })
        })
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

fn details(at: &Rollout) -> String {
    let how = if at.is_stamped() { "stamped" } else { "done" };
    let when = at.finished_at.unwrap_or(at.started_at).strftime("%F %T UTC");
    let by = printable(&format!("{}, {}", at.applied_by, at.applied_from));
    let parents = if at.parents.is_empty() { "none".to_owned() } else { at.parents.join(", ") };
    format!(
        "  parents: {parents}\n  {how}: {when} by {by} with airlock {}\n",
        printable(&at.applied_with)
    )
}
