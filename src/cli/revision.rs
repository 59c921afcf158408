//! `airlock revision`: a new revision file on top of the head, empty or with what is missing.

use super::args::Global;
use super::diff::{Decided, difference};
use super::output::{Done, Output};
use super::project;
use super::schemas::Source;
use crate::error::{Error, Kind};
use crate::report::diff as report;
use crate::revision::{RevisionId, file};
use serde_json::json;

/// Most ids that are drawn to find one that no revision has yet.
const MAX_DRAWS: usize = 100;

/// Make a new revision file on top of the newest one
///
/// Write the migration below `-- upgrade` in it; docs/revision-files.md describes the form.
///
/// With --autogenerate the statements are written too: what leads from the revisions that are there
/// (or --from) to the desired schema, and back. No file is made when nothing is missing. docs/diff.md
/// describes where the desired schema comes from and how renames are decided.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the revision is about, in a line
    #[arg(short, long, value_name = "TEXT")]
    pub message: String,
    /// Write the statements that lead to the desired schema
    #[arg(long)]
    pub autogenerate: bool,
    /// What is there, as for `airlock diff` [default: revisions]
    #[arg(long, value_name = "SCHEMA", requires = "autogenerate")]
    pub from: Option<String>,
    /// What is wanted, as for `airlock diff` [default: desired]
    #[arg(long, value_name = "SCHEMA", requires = "autogenerate")]
    pub to: Option<String>,
    #[command(flatten)]
    pub decided: Decided,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    if args.message.trim().is_empty() {
        return Err(Error::new(Kind::Input, "message is empty").hint(
            "Say what the revision is about: `airlock revision -m \"add email to users\"`.",
        ));
    }
    let decided = &args.decided;
    let decides = decided.owners || !decided.rename.is_empty() || !decided.drop.is_empty();
    if decides && !args.autogenerate {
        return Err(Error::new(
            Kind::Input,
            "--rename, --drop and --owners go with --autogenerate",
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
    let mut upgrade = String::new();
    let mut downgrade = String::new();
    if args.autogenerate {
        let from = Source::parse(args.from.as_deref().unwrap_or("revisions"), &settings)?;
        let to = Source::parse(args.to.as_deref().unwrap_or("desired"), &settings)?;
        let found = difference(&from, &to, &args.decided, &settings, None, output).await?;
        if found.is_empty() {
            let json = json!({ "revision": null, "path": null });
            return Ok(Done::new("Nothing is missing; no revision was made.", json));
        }
        output.say(report::text(&found, &from.name(&settings), &to.name(&settings)).trim_end());
        upgrade = report::sql(&found.upgrade);
        downgrade = report::downgrade(&found);
    }
    let now = jiff::Timestamp::now();
    let path = settings.migrations.join(file::name(&args.message, now));
    let text = file::write_with(&id, &parents, &args.message, now, &upgrade, &downgrade);
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
    let next = if args.autogenerate {
        "Read what was written, complete it where it says so, then: airlock plan"
    } else {
        "Write the migration below `-- upgrade`, then: airlock plan"
    };
    Ok(Done::new(format!("{shown}\n{next}\n"), json))
}
