//! `airlock baseline`: what a database has already becomes the first revision.

use super::args::Global;
use super::diff::{Decided, difference};
use super::making::{self, New};
use super::output::{Done, Output};
use super::schemas::Source;
use super::{adopting, environment, project, standing, stopping};
use crate::error::{Error, Kind};
use crate::report::diff as report;
use crate::run::Hooks;
use serde_json::json;

/// Make the first revision from the schema that the database has, and stamp the database with it
///
/// For a project that begins with a database that is there already. The revision holds the statements
/// that make the whole schema; they have been run in a throwaway server, and the result was the same.
/// A new database gets it by `airlock upgrade`; every other database that looks like this one by
/// `airlock upgrade --adopt`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the revision is called
    #[arg(short, long, value_name = "TEXT", default_value = "baseline")]
    pub message: String,
    /// Its id, instead of one that is drawn
    #[arg(long, value_name = "ID")]
    pub rev_id: Option<String>,
    /// Write the revision and leave the database as it is
    #[arg(long)]
    pub no_stamp: bool,
    /// Keep owners too
    #[arg(long)]
    pub owners: bool,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    if let Some(first) = graph.revisions().first() {
        let message = format!("there are revisions already, {} is the first", first.id);
        return Err(Error::new(Kind::Input, message)
            .detail("A baseline comes before all others.")
            .hint(
                "`airlock upgrade --adopt` finds the revision that an untracked database is at.",
            ));
    }
    let target = settings.target()?;
    let hooks = Hooks { stop: stopping::listen(output)?, ..Hooks::default() };
    if !args.no_stamp {
        environment::confirm(&settings, &hooks.stop, output).await?;
    }
    let connection = target.connect("airlock baseline").await?;
    let journal = standing::journal(&connection).await?;
    connection.close().await;
    if let Some(ran) = journal.rollouts.first() {
        let message =
            format!("the database has revision {} already, the folder has none", ran.revision);
        return Err(Error::new(Kind::Drift, message)
            .hint("Name the folder of its revisions (migrations in airlock.toml), or forget them: `airlock stamp --purge base`."));
    }
    let decided = Decided { rename: Vec::new(), drop: Vec::new(), owners: args.owners };
    let live = Source::Database(String::new());
    let found = difference(&Source::Empty, &live, &decided, &settings, None, output).await?;
    let new = New {
        message: args.message,
        id: args.rev_id,
        upgrade: report::sql(&found.upgrade),
        downgrade: "-- A baseline has no way back.\n".to_owned(),
        ..New::default()
    };
    let made = making::write(&new, &graph, &settings, output).await?;
    let path = made.path.display().to_string();
    let mut text = format!("{path}  {} objects\n", found.upgrade.len());
    let mut stamped = false;
    if !args.no_stamp {
        let graph = project::revisions(&settings)?;
        let all: Vec<_> = graph.revisions().iter().collect();
        adopting::stamp(&all, "baseline", &settings, &hooks).await?;
        text.push_str("The database counts as being at it; nothing in it was changed.\n");
        stamped = true;
    }
    if found.upgrade.is_empty() {
        text.push_str("The database is empty: the revision has no statements.\n");
    }
    let json = json!({
        "revision": made.id.as_str(),
        "path": path,
        "objects": found.upgrade.len(),
        "stamped": stamped,
    });
    Ok(Done::new(text, json))
}
