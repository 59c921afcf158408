//! `airlock revision`: a new revision file on top of the head, empty or with what is missing.

use super::args::Global;
use super::diff::{Decided, difference};
use super::making::{self, New};
use super::output::{Done, Output};
use super::project;
use super::schemas::Source;
use crate::error::{Error, Kind};
use crate::report::diff as report;
use crate::revision::{Graph, RevisionId, Targets};
use serde_json::json;

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
    /// Id of the new revision, instead of one that is drawn
    #[arg(long, value_name = "ID")]
    pub rev_id: Option<String>,
    /// What it comes after, instead of the head: an id, a label, `label@head`, or `base` for a line of
    /// its own; may be repeated
    #[arg(long, value_name = "TARGET")]
    pub head: Vec<String>,
    /// Name of the branch that begins here; may be repeated
    #[arg(long, value_name = "LABEL")]
    pub branch_label: Vec<String>,
    /// Another revision that has to run before, without being a parent; may be repeated
    #[arg(long, value_name = "TARGET")]
    pub depends_on: Vec<String>,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
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
    let targets = Targets::new(&graph);
    let parents = parents(&args, &graph, &targets)?;
    let depends_on = args.depends_on.iter().map(|text| targets.one(text));
    let depends_on: Vec<RevisionId> =
        depends_on.map(|found| Ok(found?.id.clone())).collect::<Result<_, Error>>()?;
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
    let new = New {
        message: args.message.clone(),
        id: args.rev_id.clone(),
        parents,
        labels: args.branch_label.clone(),
        depends_on,
        upgrade,
        downgrade,
    };
    let made = making::write(&new, &graph, &settings, output).await?;
    let shown = made.path.display().to_string();
    let json = json!({
        "revision": made.id.as_str(),
        "parents": new.parents.iter().map(RevisionId::as_str).collect::<Vec<_>>(),
        "path": shown,
    });
    let next = if args.autogenerate {
        "Read what was written, complete it where it says so, then: airlock plan"
    } else {
        "Write the migration below `-- upgrade`, then: airlock plan"
    };
    Ok(Done::new(format!("{shown}\n{next}\n"), json))
}

/// What the new revision comes after.
fn parents(
    args: &Args,
    graph: &Graph,
    targets: &Targets<'_, '_>,
) -> Result<Vec<RevisionId>, Error> {
    if args.head.is_empty() {
        graph.linear().map_err(|error| {
            let ids = graph.heads().iter().map(|head| head.id.to_string()).collect::<Vec<_>>();
            Error::from(error).hint(format!(
                "Bring them together with `airlock merge`, or say which one to go on from: \
                 --head {}.",
                ids.join(" or --head ")
            ))
        })?;
        return Ok(graph.heads().into_iter().map(|revision| revision.id.clone()).collect());
    }
    let mut found: Vec<RevisionId> = Vec::new();
    for text in &args.head {
        for revision in targets.place(text)? {
            if !found.contains(&revision.id) {
                found.push(revision.id.clone());
            }
        }
    }
    Ok(found)
}
