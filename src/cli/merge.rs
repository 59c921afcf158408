//! `airlock merge`: a revision that brings branches together.

use super::args::Global;
use super::making::{self, New};
use super::output::{Done, Output};
use super::project;
use crate::error::{Error, Kind};
use crate::revision::touched::{Touch, clashes, touched};
use crate::revision::{Graph, Revision, RevisionId, Targets};
use serde_json::json;
use std::collections::BTreeSet;

/// Most objects that are listed of those that two branches touch.
const MAX_LISTED: usize = 20;

/// Bring branches together in a revision that has all of them as parents
///
/// The new revision is empty; add to it what the branches need beside each other. Refused, with exit
/// code 4, when two branches touch the same object: which of them is to have the last word is not for
/// a tool to decide. `airlock rebase` puts one branch on top of the other instead.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to bring together: ids, labels, or `heads`
    #[arg(value_name = "REVISION", default_value = "heads")]
    pub revisions: Vec<String>,
    /// What the merge is about, in a line
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Id of the new revision, instead of one that is drawn
    #[arg(long, value_name = "ID")]
    pub rev_id: Option<String>,
    /// Name of the branch that begins here; may be repeated
    #[arg(long, value_name = "LABEL")]
    pub branch_label: Vec<String>,
    /// Merge although branches touch the same object; the reason is written into the file
    #[arg(long, value_name = "REASON")]
    pub because: Option<String>,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let targets = Targets::new(&graph);
    let mut sides: Vec<&Revision> = Vec::new();
    for text in &args.revisions {
        sides.extend(targets.place(text)?);
    }
    // A side that another one contains adds nothing.
    let sides = graph.tips(sides.iter().map(|revision| &revision.id));
    let sides = independent(&graph, sides);
    if sides.len() < 2 {
        let json = json!({ "revision": null, "path": null });
        return Ok(Done::new("Nothing to merge: that is one line already.", json));
    }
    let clashes = clashes_between(&graph, &sides)?;
    if !clashes.is_empty() && args.because.is_none() {
        return Err(refused(&sides, &clashes));
    }
    let parents: Vec<RevisionId> = sides.iter().map(|revision| revision.id.clone()).collect();
    let names = crate::revision::file::ids(&parents);
    let why = args.because.as_ref().map(|reason| {
        format!("-- both sides touch {}; {reason}\n", clashes[..1.min(clashes.len())].join(""))
    });
    let new = New {
        message: args.message.clone().unwrap_or_else(|| format!("merge {names}")),
        id: args.rev_id.clone(),
        parents,
        labels: args.branch_label.clone(),
        upgrade: why.filter(|_| !clashes.is_empty()).unwrap_or_default(),
        ..New::default()
    };
    let made = making::write(&new, &graph, &settings, output).await?;
    let shown = made.path.display().to_string();
    let json = json!({
        "revision": made.id.as_str(),
        "parents": new.parents.iter().map(RevisionId::as_str).collect::<Vec<_>>(),
        "path": shown,
        "clashes": clashes,
    });
    Ok(Done::new(format!("{shown}\nmerges {names}\n"), json))
}

/// Those that no other one of them comes after. A dependency is no parent: it leaves two heads.
fn independent<'a>(graph: &'a Graph, sides: Vec<&'a Revision>) -> Vec<&'a Revision> {
    let mut before: BTreeSet<&RevisionId> = sides.iter().flat_map(|side| &side.parents).collect();
    for revision in graph.revisions().iter().rev() {
        if before.contains(&revision.id) {
            before.extend(&revision.parents);
        }
    }
    sides.into_iter().filter(|side| !before.contains(&side.id)).collect()
}

/// What each pair of sides touches, in a line for each object.
fn clashes_between(graph: &Graph, sides: &[&Revision]) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for (index, left) in sides.iter().enumerate() {
        for right in &sides[index + 1..] {
            let (of_left, of_right) = (own(graph, left, right)?, own(graph, right, left)?);
            found.extend(between(&of_left, &of_right));
        }
    }
    Ok(found)
}

/// Lines that name what both touch, and where.
pub fn between(left: &[Touch], right: &[Touch]) -> Vec<String> {
    let clashes = clashes(left, right);
    let line = |(one, other): &(&Touch, &Touch)| {
        let narrower = if one.object.to_string().len() < other.object.to_string().len() {
            &other.object
        } else {
            &one.object
        };
        let (a, b) = (&one.path, &other.path);
        format!("{narrower}: {a}:{} and {b}:{}", one.line, other.line)
    };
    clashes.iter().map(line).collect()
}

/// What is touched on the way to `side` and not on the way to `other`.
///
/// # Errors
/// A file whose SQL cannot be parsed.
pub fn own(graph: &Graph, side: &Revision, other: &Revision) -> Result<Vec<Touch>, Error> {
    let shared: BTreeSet<&RevisionId> =
        graph.closure([&other.id]).iter().map(|revision| &revision.id).collect();
    let mut found = Vec::new();
    for revision in graph.closure([&side.id]) {
        if !shared.contains(&revision.id) {
            found.extend(touched(revision).map_err(|error| project::sql_error(revision, error))?);
        }
    }
    Ok(found)
}

fn refused(sides: &[&Revision], clashes: &[String]) -> Error {
    let ids: Vec<&str> = sides.iter().map(|side| side.id.as_str()).collect();
    let mut lines: Vec<String> = clashes.iter().take(MAX_LISTED).cloned().collect();
    if clashes.len() > MAX_LISTED {
        lines.push(format!("and {} more", clashes.len() - MAX_LISTED));
    }
    Error::new(Kind::Refused, format!("{} touch the same objects", ids.join(" and ")))
        .detail(lines.join("\n"))
        .hint(
            "Put one on top of the other, which decides the order: `airlock rebase ID --onto ID`. Or, \
             when either order is right, merge with --because \"why\".",
        )
}
