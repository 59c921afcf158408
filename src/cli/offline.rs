//! `airlock upgrade --sql`: the plans as a script for psql, made from a database, from a saved catalog, or
//! from the revisions alone.

use super::output::{Done, Output};
use super::{catalog, gates, planning, project, repeatables, replay, rollout, standing};
use crate::catalog::{Catalog, load};
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::journal::Journal;
use crate::plan::{Phase, Plan};
use crate::revision::{Graph, Revision, RevisionId, Targets};
use crate::sandbox::Cluster;
use crate::script::{self, Bounds, Part};
use crate::sql::Statement;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// A revision, or `FROM:TO`.
    pub target: Option<&'a str>,
    /// The catalog that the plans start from.
    pub catalog: Option<&'a Path>,
    pub through: Option<Phase>,
    /// Only plans that are there already.
    pub reviewed: bool,
    /// Version of the server in which revisions are replayed.
    pub postgres: Option<u32>,
}

/// What says where the script starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// What has run before a range; `None` where no range is given.
    pub(super) before: Option<&'a [&'a Revision]>,
    /// A saved catalog.
    pub(super) saved: Option<&'a Path>,
    pub(super) postgres: Option<u32>,
    /// How a range is written.
    pub(super) command: &'a str,
}

/// Where the database stands, as far as it is known.
pub(super) struct Start {
    pub(super) catalog: Catalog,
    pub(super) applied: Vec<RevisionId>,
    pub(super) journal: Journal,
    /// Whether `journal` is that of a database, and not empty because none was asked.
    pub(super) live: bool,
}

impl Start {
    /// What `statements` do has been done, and the next revision begins.
    pub(super) fn move_over(&mut self, statements: &[Statement]) {
        let path = self.catalog.server.search_path.clone();
        for statement in statements {
            self.catalog.apply(statement);
        }
        self.settle(path);
    }

    /// What was made has rows by the time the next revision runs, and the settings of one are its own.
    pub(super) fn settle(&mut self, search_path: Vec<String>) {
        self.catalog.server.search_path = search_path;
        for relation in self.catalog.relations.values_mut().filter(|of| of.created_here) {
            relation.created_here = false;
            relation.empty = false;
        }
    }
}

/// Prints the script.
///
/// # Errors
/// A plan that cannot be made; a revision under way that is not the first; nothing that says where the
/// database stands.
pub async fn run(
    wanted: Wanted<'_>,
    settings: &Settings,
    graph: &Graph,
    output: &Output,
) -> Result<Done, Error> {
    let repeatable = repeatables::read(settings)?.revisions().len();
    if repeatable > 0 {
        output.say(&format!(
            "repeatable files are not part of the script ({repeatable} in the project); `airlock upgrade` applies them"
        ));
    }
    let (from, to) = match wanted.target.map(|target| (target, target.split_once(':'))) {
        Some((_, Some((from, to)))) => (Some(from), to),
        Some((to, None)) => (None, to),
        None => (None, ""),
    };
    let before = match from {
        None => None,
        Some(from) => {
            let from = if from.is_empty() { "base" } else { from };
            let tips = Targets::new(graph).place(from)?;
            Some(graph.closure(tips.iter().map(|revision| &revision.id)))
        }
    };
    let origin = Origin {
        before: before.as_deref(),
        saved: wanted.catalog,
        postgres: wanted.postgres,
        command: "upgrade --sql EARLIER:LATER",
    };
    let before = before.as_deref().unwrap_or_default();
    let mut start = start(origin, settings, graph, output).await?;
    let applied = start.applied.clone();
    let to = if to.is_empty() { "head" } else { to };
    let mut order = match graph.revisions() {
        [] => Vec::new(),
        _ => Targets::new(graph).with(&applied).upgrade(to)?,
    };
    if let Some(outside) = before.iter().find(|of| order.iter().all(|other| other.id != of.id)) {
        let message = format!("{} does not come before {to}", outside.id);
        return Err(Error::new(Kind::Input, message).hint("Write a range as EARLIER:LATER."));
    }
    order.retain(|revision| !applied.contains(&revision.id));
    if order.is_empty() {
        return Ok(nothing());
    }
    let mut made = Vec::new();
    for (index, revision) in order.iter().enumerate() {
        let (plan, through, stops) = part(revision, &mut start, &wanted, settings, output)?;
        made.push((*revision, plan, through));
        if stops {
            let later: Vec<&str> = order[index + 1..].iter().map(|of| of.id.as_str()).collect();
            if !later.is_empty() {
                output.say(&format!(
                    "the script ends at the gate of {}; not in it: {}",
                    revision.id,
                    later.join(", ")
                ));
            }
            break;
        }
    }
    let mut parts = Vec::new();
    for (revision, plan, through) in &made {
        // What the section asks for holds from the gate on.
        let gated = plan.gates.iter().any(|gate| gate.before > *through);
        let whole = plan.steps.iter().all(|step| step.phase <= *through);
        let verify = match gated || whole {
            true => revision.verify_queries().map_err(|e| project::sql_error(revision, e))?,
            false => Vec::new(),
        };
        let replaces = revision.replaced().iter().map(|id| id.to_string()).collect();
        parts.push(Part { plan, through: *through, verify, replaces });
    }
    let bounds = bounds(settings);
    Ok(Done::rendered(script::upgrade(&parts, &bounds, env!("CARGO_PKG_VERSION"))))
}

pub(super) fn bounds(settings: &Settings) -> Bounds {
    let limits = &settings.limits;
    Bounds {
        max_stall: limits.max_stall,
        max_hold: limits.max_hold,
        patience: limits.patience,
        batch_target: limits.batch_target,
    }
}

fn nothing() -> Done {
    Done::new("-- Nothing is pending.", json!({ "state": "up-to-date", "revisions": [] }))
}

/// Where the script starts from. A range starts where it says, whatever any database has; a saved
/// catalog says what its database had.
pub(super) async fn start(
    origin: Origin<'_>,
    settings: &Settings,
    graph: &Graph,
    output: &Output,
) -> Result<Start, Error> {
    let Origin { before, saved, command, .. } = origin;
    let (ranged, before) = (before.is_some(), before.unwrap_or_default());
    let named: Vec<RevisionId> = before.iter().map(|of| of.id.clone()).collect();
    let journal = Journal::default();
    if let Some(path) = saved {
        let (catalog, applied) = catalog::read_with_revisions(path)?;
        if let Some(has) = &applied {
            refuse_part(graph, has)?;
        }
        // What is gone from the folder is no target.
        let known = |id: &String| graph.get(id).map(|of| of.id.clone());
        let applied: Option<Vec<RevisionId>> =
            applied.map(|list| list.iter().filter_map(known).collect());
        let applied = match applied {
            Some(applied) if ranged && !same(&applied, &named) => {
                let has = match applied.last() {
                    Some(last) => format!("ends with {last}"),
                    None => "has no revision".to_owned(),
                };
                let message = format!("{} is of a database that {has}", path.display());
                return Err(Error::new(Kind::Drift, message)
                    .detail("The range starts somewhere else.")
                    .hint("Leave the start of the range out, or save the catalog again."));
            }
            Some(applied) => applied,
            None if ranged => named,
            None => {
                let message =
                    format!("{} does not say which revisions its database has", path.display());
                return Err(Error::new(Kind::Input, message).hint(format!(
                    "Save it again, or name a range that begins where the database is: \
                     `airlock {command}`."
                )));
            }
        };
        return Ok(Start { catalog, applied, journal, live: false });
    }
    if !ranged && settings.database_url.is_some() {
        let connection = settings.target()?.connect("airlock").await?;
        let journal = standing::journal(&connection).await?;
        let catalog = load::load(&connection).await?;
        connection.close().await;
        return Ok(Start { catalog, applied: standing::applied(&journal), journal, live: true });
    }
    let cluster = cluster(origin.postgres, settings, graph, output).await?;
    let catalog = replay::catalog_in(cluster, before, output).await?;
    Ok(Start { catalog, applied: named, journal, live: false })
}

/// A throwaway server of the version that is asked for, else of that for which plans were made.
async fn cluster(
    postgres: Option<u32>,
    settings: &Settings,
    graph: &Graph,
    output: &Output,
) -> Result<Cluster, Error> {
    if postgres.is_some() {
        return replay::throwaway(postgres).await;
    }
    let planned = graph.revisions().iter().rev().find_map(|revision| {
        project::read_plan(settings, revision).ok().flatten().map(|plan| plan.server)
    });
    match replay::throwaway(planned).await {
        Err(_) if planned.is_some() => {
            output.say(
                "warning: the plans are for a version of PostgreSQL that is not on this machine",
            );
            replay::throwaway(None).await
        }
        started => started,
    }
}

/// As [`standing::refuse_part`], for the revisions of a saved catalog.
fn refuse_part(graph: &Graph, has: &[String]) -> Result<(), Error> {
    let is_there = |id: &RevisionId| has.iter().any(|known| known == id.as_str());
    for revision in graph.revisions().iter().filter(|of| !is_there(&of.id)) {
        if let Some(part) = revision.replaced().into_iter().find(|id| is_there(id)) {
            return Err(standing::part_of(revision, part));
        }
    }
    Ok(())
}

fn same(one: &[RevisionId], other: &[RevisionId]) -> bool {
    let set = |list: &[RevisionId]| list.iter().cloned().collect::<BTreeSet<_>>();
    set(one) == set(other)
}

/// The plan of one revision, how far it goes, and whether the script ends there. Moves `start` on.
fn part(
    revision: &Revision,
    start: &mut Start,
    wanted: &Wanted<'_>,
    settings: &Settings,
    output: &Output,
) -> Result<(Plan, Phase, bool), Error> {
    standing::refuse_part(revision, &start.journal)?;
    let begun = standing::rollout(&start.journal, &revision.id);
    if let Some(other) = open(&start.journal, &revision.id).filter(|_| begun.is_none()) {
        return Err(Error::new(
            Kind::Drift,
            format!("revision {other} is under way and not the next one"),
        )
        .hint("Finish it (`airlock contract`) or take it back (`airlock rollback`) first."));
    }
    let path = project::plan_path(settings, revision).display().to_string();
    let plan = match (project::read_plan(settings, revision)?, begun) {
        (Some(plan), _) => plan,
        (None, Some(begun)) => rollout::journaled_plan(begun)?,
        (None, None) if wanted.reviewed || settings.reviewed => {
            return Err(Error::new(Kind::Drift, format!("plan file {path} is missing"))
                .detail("Only a plan that is there already becomes a script.")
                .hint(format!("Make it and review it: `airlock plan {}`.", revision.id)));
        }
        (None, None) => planning::plan(revision, &start.catalog, settings)?,
    };
    planning::fits_migration(&plan, revision)?;
    if plan.server != start.catalog.server.major() {
        output.say(&format!(
            "warning: the plan of {} is for PostgreSQL {}, the catalog is of {}",
            revision.id,
            plan.server,
            start.catalog.server.major()
        ));
    }
    let Some(through) = wanted.through.or_else(|| gates::through(&plan, begun)) else {
        return Err(Error::new(Kind::Drift, format!("revision {} waits at its gate", revision.id))
            .hint("With --through contract the script passes it."));
    };
    let stops = plan.steps.iter().any(|step| step.phase > through);
    let script = revision.upgrade_script().map_err(|e| project::sql_error(revision, e))?;
    start.move_over(&script.statements);
    Ok((plan, through, stops))
}

/// A rollout under way of another revision than `id`.
fn open<'a>(journal: &'a Journal, id: &RevisionId) -> Option<&'a str> {
    let of = |rollout: &&crate::journal::Rollout| {
        standing::is_open(rollout) && rollout.revision != id.as_str()
    };
    journal.rollouts.iter().find(of).map(|rollout| rollout.revision.as_str())
}
