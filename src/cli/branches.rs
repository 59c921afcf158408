//! `airlock branches`: where the history forks, and the names of branches.

use super::args::Global;
use super::output::Done;
use super::project;
use crate::error::Error;
use crate::report::printable;
use crate::revision::{Graph, Revision};
use serde_json::{Value, json};

/// List the revisions at which branches part, and the labels
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: Args, global: &Global) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let line = |revision: &Revision| format!("{}  {}", revision.id, printable(&revision.message));
    let mut text = String::new();
    let mut points: Vec<Value> = Vec::new();
    for revision in graph.revisions() {
        let children = graph.children(&revision.id);
        if children.len() < 2 {
            continue;
        }
        text.push_str(&format!("{}\n", line(revision)));
        for child in &children {
            text.push_str(&format!("  -> {}{}\n", line(child), labels(child)));
        }
        let children: Vec<&str> = children.iter().map(|child| child.id.as_str()).collect();
        points.push(json!({ "revision": revision.id.as_str(), "children": children }));
    }
    let roots: Vec<&Revision> =
        graph.revisions().iter().filter(|revision| revision.parents.is_empty()).collect();
    if roots.len() > 1 {
        text.push_str("base\n");
        for root in &roots {
            text.push_str(&format!("  -> {}{}\n", line(root), labels(root)));
        }
        let children: Vec<&str> = roots.iter().map(|root| root.id.as_str()).collect();
        points.push(json!({ "revision": null, "children": children }));
    }
    let named = labelled(&graph);
    if points.is_empty() {
        text.push_str("History does not fork.\n");
    }
    if !named.is_empty() {
        text.push_str("\nLabels\n");
    }
    for (label, revision) in &named {
        text.push_str(&format!("  {label}: {}\n", line(revision)));
    }
    let named: Vec<Value> = named
        .iter()
        .map(|(label, revision)| json!({ "label": label, "revision": revision.id.as_str() }))
        .collect();
    Ok(Done::new(text, json!({ "branch_points": points, "labels": named })))
}

fn labels(revision: &Revision) -> String {
    match revision.labels.join(", ") {
        none if none.is_empty() => none,
        some => format!("  ({some})"),
    }
}

fn labelled(graph: &Graph) -> Vec<(&str, &Revision)> {
    graph.labels().filter_map(|label| Some((label, graph.labelled(label)?))).collect()
}
