//! `airlock history`: every revision in order, and where it stands.

use super::args::Global;
use super::output::Done;
use super::{project, repeatables, standing};
use crate::error::Error;
use crate::journal::Journal;
use crate::report::status::{self, Standing};
use crate::report::{self};
use crate::revision::{Graph, Targets};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// List the revisions in order with their state
///
/// Without a database the states are unknown.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those from A to B, both included; either may be left out: `base:current`, `-3:`, `ab1c:`
    #[arg(short, long, value_name = "A:B", allow_hyphen_values = true)]
    pub range: Option<String>,
    /// Everything about each
    #[arg(short, long)]
    pub verbose: bool,
    /// Mark those that the database is at
    #[arg(short, long)]
    pub indicate_current: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let asked = settings.database_url.is_some() || args.indicate_current;
    let journal = if asked {
        let connection = settings.target()?.connect("airlock history").await?;
        Some(standing::journal(&connection).await?)
    } else {
        None
    };
    let applied = journal.as_ref().map(standing::applied);
    let mut list = marked(&graph, journal.as_ref(), args.indicate_current);
    if let Some(range) = &args.range {
        let targets = Targets::new(&graph);
        let targets = applied.as_ref().map_or(targets, |applied| targets.with(applied));
        let wanted: BTreeSet<&str> =
            targets.range(range)?.iter().map(|revision| revision.id.as_str()).collect();
        list.retain(|standing| wanted.contains(standing.revision.as_str()));
        if list.is_empty() {
            return Ok(Done::new("No revision is in that range.\n", json!({ "revisions": [] })));
        }
    } else {
        let again = repeatables::read(&settings)?;
        list.extend(repeatables::standings(&again, journal.as_ref()));
    }
    if !args.verbose {
        return Ok(Done::new(status::history_text(&list), status::history_json(&list)));
    }
    let mut texts: Vec<String> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    for standing in &list {
        match graph.get(&standing.revision) {
            Some(revision) => {
                texts.push(report::revision::text(revision, &graph, standing));
                values.push(report::revision::json(revision, &graph, standing));
            }
            None => texts.push(status::history_text(std::slice::from_ref(standing))),
        }
    }
    Ok(Done::new(texts.join("\n"), json!({ "revisions": values })))
}

/// Where each revision stands, and what it is beside others.
pub fn marked(graph: &Graph, journal: Option<&Journal>, current: bool) -> Vec<Standing> {
    let at: BTreeSet<&str> = match journal {
        Some(journal) if current => {
            standing::current(journal).iter().map(|rollout| &*rollout.revision).collect()
        }
        Some(_) | None => BTreeSet::new(),
    };
    let mut list = standing::list(graph, journal);
    for standing in &mut list {
        if let Some(revision) = graph.get(&standing.revision) {
            standing.marks = report::revision::marks(revision, graph);
        }
        if at.contains(standing.revision.as_str()) {
            standing.marks.push("current".to_owned());
        }
    }
    list
}
