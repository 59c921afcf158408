//! `airlock test`: every revision up, down and up again in a throwaway server.

use super::args::Global;
use super::output::{Done, Output};
use super::{project, replay};
use crate::catalog::fingerprint;
use crate::connect::Connection;
use crate::error::{Error, Kind};
use crate::report::printable;
use crate::revision::Revision;
use crate::sandbox::{Cluster, ClusterOptions};
use serde_json::json;

/// Most lines that are shown of what is different.
const MAX_LINES: usize = 20;

/// Take every revision up, down and up again in a throwaway server
///
/// Each runs as written. After the downgrade the schema must be what it was before the revision, and
/// after the second upgrade what it was after the first; else the revision is named and the exit code
/// is 1. A revision whose downgrade section is empty goes up only, and is listed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Last revision: id, the beginning of one, path, or `head`
    #[arg(value_name = "TARGET", default_value = "head")]
    pub target: String,
    /// A revision without a downgrade is a failure
    #[arg(long)]
    pub strict: bool,
    /// Major version of the throwaway server; without it the newest found
    #[arg(long, value_name = "MAJOR")]
    pub postgres: Option<u32>,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let last = graph.find(&args.target)?;
    let options = ClusterOptions { major: args.postgres, ..ClusterOptions::default() };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await;
    let cluster = cluster.map_err(|error| {
        Error::new(Kind::Failed, "the throwaway server failed").detail(format!("{error}."))
    })??;
    let major = cluster.major();
    output.say(&format!("testing in a throwaway PostgreSQL {major}"));
    let connection = cluster.create_database("test", None).await?.connect("airlock test").await?;
    let mut one_way: Vec<&str> = Vec::new();
    let mut count = 0;
    for revision in graph.ancestors(&last.id).into_iter().chain([last]) {
        if !there_and_back(&connection, revision).await? {
            one_way.push(revision.id.as_str());
        }
        count += 1;
    }
    let json = json!({ "revisions": count, "without_downgrade": one_way, "postgres": major });
    let mut text = match count - one_way.len() {
        0 => format!("{count} revisions go up; none has a downgrade.\n"),
        both => format!("{both} of {count} revisions go up, down and up again.\n"),
    };
    if !one_way.is_empty() {
        text.push_str(&format!("Without a downgrade: {}\n", one_way.join(", ")));
    }
    let mut done = Done::new(text, json);
    done.exit = (args.strict && !one_way.is_empty()).then_some(Kind::Failed);
    Ok(done)
}

/// Whether the revision has a downgrade, which then has been found to be one.
async fn there_and_back(connection: &Connection, revision: &Revision) -> Result<bool, Error> {
    let in_file = |error| project::sql_error(revision, error);
    let up = revision.upgrade_script().map_err(in_file)?;
    let down = revision.downgrade_script().map_err(in_file)?;
    let before = fingerprint(connection).await?;
    replay::run_script(connection, revision, &up).await?;
    // A revision may also only move rows, so an empty downgrade is not judged.
    if down.statements.is_empty() {
        return Ok(false);
    }
    let after = fingerprint(connection).await?;
    replay::run_script(connection, revision, &down).await?;
    same(&before, &fingerprint(connection).await?, revision, "after the downgrade")?;
    replay::run_script(connection, revision, &up).await?;
    same(&after, &fingerprint(connection).await?, revision, "after the second upgrade")?;
    Ok(true)
}

fn same(wanted: &[String], found: &[String], revision: &Revision, when: &str) -> Result<(), Error> {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(wanted.iter().filter(|line| !found.contains(line)).map(|l| format!("- {l}")));
    lines.extend(found.iter().filter(|line| !wanted.contains(line)).map(|l| format!("+ {l}")));
    if lines.is_empty() {
        return Ok(());
    }
    let more = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let lines: Vec<String> = lines.iter().map(|line| printable(line)).collect();
    let message =
        format!("the downgrade of revision {} does not take its upgrade back", revision.id);
    Err(Error::new(Kind::Failed, message)
        .detail(format!(
            "{}: {when} the schema is not what it was (- is gone, + is new):\n{}",
            revision.path,
            lines.join("\n")
        ))
        .hint("Correct its downgrade section; `airlock diff` shows what leads back."))
}
