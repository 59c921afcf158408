//! `airlock report`: the lock-impact report of several revisions on one page.

use super::args::Global;
use super::output::{Done, Output};
use super::reporting::{self, Planned, ReportFile};
use super::{measuring, planning, project, replay, standing};
use crate::catalog::{Catalog, load};
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::revision::{Graph, Revision};
use serde_json::{Value, json};

/// Write the lock-impact report of pending revisions, all of them on one page
///
/// Each revision is planned against the database as it will be after those before it, with the
/// sizes of today. No plan file is written. Without a database the catalog comes from a throwaway
/// server in which the earlier revisions are replayed, and sizes are unknown.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids, beginnings of ids, paths of revision files, or `head`; without any: all that the
    /// database does not have, or the newest one when no database is named
    #[arg(value_name = "REVISION")]
    pub revisions: Vec<String>,
    /// Where to: one page (.html), or for a comment on a pull request (.md); can be given several
    /// times
    #[arg(short, long, value_name = "FILE", required = true, value_parser = ReportFile::parse)]
    pub output: Vec<ReportFile>,
    /// Replay the earlier revisions even though a database is named
    #[arg(long)]
    pub replay: bool,
    /// Measure how fast the database reads and writes, and estimate times from that; takes a second
    /// at most
    #[arg(long, conflicts_with = "replay")]
    pub measure: bool,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let mut settings = global.settings()?;
    measuring::needs_database(args.measure, &settings)?;
    let graph = project::revisions(&settings)?;
    let wanted: Vec<&Revision> =
        args.revisions.iter().map(|wanted| graph.find(wanted)).collect::<Result<_, _>>()?;
    let (order, catalog) = if settings.database_url.is_none() || args.replay {
        from_replay(&wanted, &graph, output).await?
    } else {
        from_database(&wanted, &graph, &settings).await?
    };
    let planned = match plan(&order, &wanted, catalog.clone(), &settings) {
        // What is said of a name that is missing takes all the others.
        Err(_) if catalog.relations.are_partial() => {
            let connection = settings.target()?.connect("airlock report").await?;
            plan(&order, &wanted, load::load(&connection).await?, &settings)?
        }
        planned => planned?,
    };
    if planned.is_empty() {
        let json = json!({ "revisions": [], "reports": [] });
        return Ok(Done::new("Nothing to report: the database has every revision.", json));
    }
    let mut measured = Value::Null;
    if args.measure {
        let plans: Vec<_> = planned.iter().map(|one| (&one.plan, &one.catalog)).collect();
        (settings, measured) = measuring::measured(&plans, &settings, output).await?;
    }
    reporting::write(&args.output, &planned, &settings)?;
    let paths: Vec<String> =
        args.output.iter().map(|file| file.path().display().to_string()).collect();
    let revisions: Vec<Value> = planned
        .iter()
        .map(|planned| json!({ "revision": planned.plan.revision.id, "digest": planned.plan.digest }))
        .collect();
    let text: String = paths.iter().map(|path| format!("{path} written\n")).collect();
    Ok(Done::new(text, json!({ "revisions": revisions, "reports": paths, "measured": measured })))
}

/// Every revision of `order`, each planned on top of those before it; those that are `wanted`, or all
/// when none is.
fn plan<'a>(
    order: &[&'a Revision],
    wanted: &[&Revision],
    mut catalog: Catalog,
    settings: &Settings,
) -> Result<Vec<Planned<'a>>, Error> {
    let mut planned = Vec::new();
    for revision in order {
        let before = catalog.clone();
        let script =
            revision.upgrade_script().map_err(|error| project::sql_error(revision, error))?;
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted.id == revision.id) {
            let plan = planning::plan(revision, &before, settings)?;
            planned.push(Planned { revision, plan, catalog: before });
        }
        for statement in &script.statements {
            catalog.apply(statement);
        }
        // For the next revision they are like any other.
        for relation in catalog.relations.values_mut() {
            relation.created_here = false;
        }
    }
    Ok(planned)
}

/// From the first to the last that is wanted, and the catalog before the first.
async fn from_replay<'a>(
    wanted: &[&'a Revision],
    graph: &'a Graph,
    output: &Output,
) -> Result<(Vec<&'a Revision>, Catalog), Error> {
    let head = if wanted.is_empty() { vec![graph.find("head")?] } else { Vec::new() };
    let is_wanted =
        |revision: &Revision| wanted.iter().chain(&head).any(|wanted| wanted.id == revision.id);
    let order: Vec<&Revision> = graph.linear()?.iter().collect();
    let first = order.iter().position(|revision| is_wanted(revision)).unwrap_or(order.len());
    let end = order.iter().rposition(|revision| is_wanted(revision)).map_or(first, |at| at + 1);
    let catalog = replay::catalog(&order[..first], output).await?;
    Ok((order[first..end].to_vec(), catalog))
}

/// From the first that the database does not have to the last that is wanted, and its catalog.
async fn from_database<'a>(
    wanted: &[&'a Revision],
    graph: &'a Graph,
    settings: &Settings,
) -> Result<(Vec<&'a Revision>, Catalog), Error> {
    let connection = settings.target()?.connect("airlock report").await?;
    let journal = standing::journal(&connection).await?;
    let pending = standing::unfinished(graph.linear()?, &journal);
    let is_pending = |wanted: &Revision| pending.iter().any(|revision| revision.id == wanted.id);
    if let Some(done) = wanted.iter().find(|wanted| !is_pending(wanted)) {
        let message = format!("the database has revision {} already", done.id);
        return Err(Error::new(Kind::Drift, message)
            .hint("With --replay the report is made against a replay of the earlier revisions."));
    }
    let last = |revision: &&Revision| wanted.iter().any(|wanted| wanted.id == revision.id);
    let end = pending.iter().rposition(last).map_or(pending.len(), |at| at + 1);
    let order = pending[..end].to_vec();
    let started = order
        .iter()
        .find_map(|revision| Some((revision, standing::rollout(&journal, &revision.id)?)));
    if let Some((revision, rollout)) = started {
        let state = rollout.state.name();
        let message = format!("revision {} has been started, it is {state}", revision.id);
        return Err(Error::new(Kind::Drift, message)
            .detail("A plan leads from a database without the revision to one with it.")
            .hint("Finish it (`airlock upgrade`, `airlock contract`), or take it back (`airlock rollback`). With --replay its report is made all the same."));
    }
    let catalog = planning::catalog(&connection, &order).await?;
    Ok((order, catalog))
}
