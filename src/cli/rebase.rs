//! `airlock rebase`: puts a revision, with what comes after it, on top of another one.

use super::args::Global;
use super::output::{Done, Output};
use super::{merge, project, standing, sum};
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::revision::{Graph, Revision, RevisionId, Targets, file};
use serde_json::json;

/// Put a revision on top of another one
///
/// Writes another parent into its file; nothing else of it changes, and what comes after it comes along.
/// For a branch that was overtaken: the order is decided then, where `airlock merge` would leave it open.
/// Plans that were made for it have to be made again. Refused when the database has the revision already.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The first revision of the branch that is moved
    #[arg(value_name = "REVISION")]
    pub revision: String,
    /// What it comes after from now on: an id, a label, `label@head`, or `base`
    #[arg(long, value_name = "TARGET")]
    pub onto: String,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let targets = Targets::new(&graph);
    let revision = targets.one(&args.revision)?;
    let onto = match targets.place(&args.onto)?[..] {
        [] => None,
        [one] => Some(one),
        [..] => {
            return Err(Error::from(
                targets
                    .one(&args.onto)
                    .err()
                    .unwrap_or(crate::revision::RevisionError::BadTarget(args.onto.clone())),
            ));
        }
    };
    let moved = graph.dependants([&revision.id]);
    refuse(&graph, revision, onto, &moved)?;
    let parents: Vec<RevisionId> = onto.iter().map(|revision| revision.id.clone()).collect();
    if revision.parents == parents {
        let text = format!("{} stands there already.\n", revision.id);
        return Ok(Done::new(text, json!({ "revision": revision.id.as_str(), "moved": false })));
    }
    refuse_run(&settings, &moved, output).await?;
    if let Some(onto) = onto {
        note(&graph, &moved, onto, output)?;
    }
    let text = file::with_parents(revision, &parents);
    project::write(std::path::Path::new(&revision.path), &text, true)?;
    let graph = project::revisions(&settings)?;
    sum::write(&settings, &graph)?;
    let onto = onto.map_or("base", |revision| revision.id.as_str());
    let mut text = format!("{} comes after {onto} now ({})\n", revision.id, revision.path);
    let plans: Vec<String> = moved
        .iter()
        .map(|revision| project::plan_path(&settings, revision))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if !plans.is_empty() {
        text.push_str(&format!("To be made again with airlock plan: {}\n", plans.join(", ")));
    }
    let json = json!({
        "revision": revision.id.as_str(),
        "parents": parents.iter().map(RevisionId::as_str).collect::<Vec<_>>(),
        "moved": true,
        "stale_plans": plans,
    });
    Ok(Done::new(text, json))
}

fn refuse(
    graph: &Graph,
    revision: &Revision,
    onto: Option<&Revision>,
    moved: &[&Revision],
) -> Result<(), Error> {
    if revision.parents.len() > 1 {
        let message = format!("revision {} is a merge", revision.id);
        return Err(Error::new(Kind::Refused, message)
            .detail(format!("Its parents are {}.", file::ids(&revision.parents)))
            .hint(
                "Move a revision of one of its branches instead, or delete it and merge again.",
            ));
    }
    let Some(onto) = onto.filter(|onto| moved.iter().any(|of| of.id == onto.id)) else {
        return Ok(());
    };
    let way = graph.closure([&onto.id]);
    let way: Vec<&str> = way
        .iter()
        .filter(|of| moved.iter().any(|moved| moved.id == of.id))
        .map(|of| of.id.as_str())
        .collect();
    let message = format!("revision {} comes after {} already", onto.id, revision.id);
    Err(Error::new(Kind::Refused, message)
        .detail(format!("The way there: {}. Moved, it would go round in a circle.", way.join(", ")))
        .hint("Name them the other way round?"))
}

/// The order of what ran is history.
async fn refuse_run(
    settings: &Settings,
    moved: &[&Revision],
    output: &Output,
) -> Result<(), Error> {
    if settings.database_url.is_none() {
        return Ok(());
    }
    let connection = match settings.target()?.connect("airlock rebase").await {
        Ok(connection) => connection,
        // Files are moved in many places from which no database can be reached.
        Err(error) => {
            output
                .say(&format!("warning: whether it has run could not be seen: {}", error.message));
            return Ok(());
        }
    };
    let journal = standing::journal(&connection).await?;
    let ran = moved.iter().find(|revision| standing::rollout(&journal, &revision.id).is_some());
    let Some(ran) = ran else { return Ok(()) };
    Err(Error::new(Kind::Refused, format!("revision {} has run in this database", ran.id))
        .detail("What ran keeps its place.")
        .hint("Take it back first (`airlock downgrade`), or move the other branch."))
}

/// Says what both sides touch: the order is decided now, and a statement may have to be adapted to it.
fn note(graph: &Graph, moved: &[&Revision], onto: &Revision, output: &Output) -> Result<(), Error> {
    let Some(last) = moved.last() else { return Ok(()) };
    let left = merge::own(graph, onto, last)?;
    let right = merge::own(graph, last, onto)?;
    for line in merge::between(&left, &right) {
        output.say(&format!("both touch {line}"));
    }
    Ok(())
}
