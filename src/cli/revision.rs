//! `airlock revision`: a new, empty revision file on top of the head.

use super::args::Global;
use super::output::Done;
use super::project;
use crate::error::{Error, Kind};
use crate::revision::{RevisionId, file};
use serde_json::json;

/// Most ids that are drawn to find one that no revision has yet.
const MAX_DRAWS: usize = 100;

/// Make a new revision file on top of the newest one
///
/// Write the migration below `-- upgrade` in it; docs/revision-files.md describes the form.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the revision is about, in a line
    #[arg(short, long, value_name = "TEXT")]
    pub message: String,
}

pub fn run(args: Args, global: &Global) -> Result<Done, Error> {
    if args.message.trim().is_empty() {
        return Err(Error::new(Kind::Input, "message is empty").hint(
            "Say what the revision is about: `airlock revision -m \"add email to users\"`.",
        ));
    }
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    graph.linear()?;
    let parents: Vec<RevisionId> =
        graph.heads().into_iter().map(|revision| revision.id.clone()).collect();
    let mut random = fastrand::Rng::new();
    let id = (0..MAX_DRAWS)
        .map(|_| RevisionId::from_number(random.u64(..)))
        .find(|id| graph.get(id.as_str()).is_none())
        .ok_or_else(|| Error::new(Kind::Failed, "no free revision id was found"))?;
    let now = jiff::Timestamp::now();
    let path = settings.migrations.join(file::name(&args.message, now));
    let text = file::write(&id, &parents, &args.message, now);
    let shown = path.display().to_string();
    if !project::write(&path, &text, false)? {
        return Err(Error::new(Kind::Failed, format!("{shown} is there already"))
            .hint("Wait a second, or choose another message."));
    }
    let json = json!({
        "revision": id.as_str(),
        "parents": parents.iter().map(RevisionId::as_str).collect::<Vec<_>>(),
        "path": shown,
    });
    Ok(Done::new(
        format!("{shown}\nWrite the migration below `-- upgrade`, then: airlock plan\n"),
        json,
    ))
}
