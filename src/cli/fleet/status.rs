//! `airlock fleet status`: one table of where every member stands.

use super::{find, member};
use crate::cli::args::Global;
use crate::cli::output::Done;
use crate::cli::project;
use crate::error::{Error, Kind};
use crate::fleet::{Ended, Member};
use crate::report;
use futures_util::StreamExt;

/// Show where every member of a group stands; exit with 3 unless all are up to date
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the group in `[targets]`
    #[arg(value_name = "GROUP")]
    pub group: String,
}

pub(super) async fn run(args: Args, global: &Global) -> Result<Done, Error> {
    let settings = global.settings()?;
    let group = find::group(&settings, &args.group)?;
    let graph = project::revisions(&settings)?;
    let found = find::members(group, &settings).await?;
    let rows: Vec<Result<_, Error>> =
        futures_util::stream::iter(found.iter().map(|found| Box::pin(member::look(&graph, found))))
            .buffered(group.jobs)
            .collect()
            .await;
    let ended: Vec<Ended<_, Error>> = rows
        .into_iter()
        .map(|row| match row {
            Ok(row) => Ended::Well(row),
            Err(error) => Ended::Failed(error),
        })
        .collect();
    let members: Vec<Member> = found.into_iter().map(|found| found.member).collect();
    let (text, json) = report::fleet::ended(&members, &ended);
    let mut done = Done::new(text, json);
    let failed = ended.iter().find_map(|ended| match ended {
        Ended::Failed(error) => Some(error.kind),
        Ended::Well(_) | Ended::NotBegun => None,
    });
    let all_done = ended.iter().all(|ended| matches!(ended, Ended::Well(row) if row.is_done()));
    done.exit = failed.or((!all_done).then_some(Kind::Drift));
    Ok(done)
}
