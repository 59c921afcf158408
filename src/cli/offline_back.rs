//! `airlock downgrade --sql`: the way back as a script for psql, made from a database, from a saved
//! catalog, or from the revisions alone.

use super::downgrade::{self, Step, Way};
use super::offline::Origin;
use super::output::{Done, Output};
use super::rollout::journaled_plan;
use super::{offline, planning, project, replay, standing};
use crate::catalog::Catalog;
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::plan::{Phase, Plan, Undo};
use crate::report::loss;
use crate::revision::{Graph, Revision, RevisionId, Targets};
use crate::rewrite::reverse::reverse;
use crate::script::{self, By, Taken};
use crate::sql::{self, Statement};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// As `airlock downgrade` takes it, or `FROM:TO`.
    pub target: &'a str,
    /// The catalog that the plans start from.
    pub catalog: Option<&'a Path>,
    pub through: Phase,
    /// Version of the server in which revisions are replayed.
    pub postgres: Option<u32>,
}

/// A revision in the script.
struct Made<'a> {
    step: Step<'a>,
    /// Of its own rollout; `None` when its plan is undone.
    plan: Option<Plan>,
    remarks: Vec<String>,
    /// What was squashed into it.
    replaces: Vec<String>,
    parents: Vec<String>,
}

/// Prints the script.
///
/// # Errors
/// A revision that cannot be taken back, or of which nobody knows how without its database; nothing that
/// says where the database stands.
pub async fn run(
    wanted: Wanted<'_>,
    settings: &Settings,
    graph: &Graph,
    output: &Output,
) -> Result<Done, Error> {
    let (from, to) = match wanted.target.split_once(':') {
        Some((from, to)) => ((!from.is_empty()).then_some(from), to),
        None => (None, wanted.target),
    };
    if to.is_empty() {
        return Err(Error::new(Kind::Input, format!("`{}` does not say where to", wanted.target))
            .hint("Write a range as LATER:EARLIER, or LATER:base."));
    }
    if from.is_none() && wanted.catalog.is_none() && settings.database_url.is_none() {
        return Err(Error::new(Kind::Input, "nothing says where the database stands").hint(
            "Name a range (`airlock downgrade --sql LATER:EARLIER`), a file of `airlock catalog` \
             (--catalog), or a database.",
        ));
    }
    let before = match from {
        None => None,
        Some(from) => {
            let tips = Targets::new(graph).place(from)?;
            Some(graph.closure(tips.iter().map(|revision| &revision.id)))
        }
    };
    if let (Some(from), Some(before)) = (from, &before) {
        let counts = to.starts_with('-') && to[1..].bytes().all(|digit| digit.is_ascii_digit());
        let place = if counts { Vec::new() } else { Targets::new(graph).place(to)? };
        if place.iter().any(|of| before.iter().all(|other| other.id != of.id)) {
            let message = format!("{to} does not come before {from}");
            return Err(Error::new(Kind::Input, message).hint("Write a range as LATER:EARLIER."));
        }
    }
    let origin = Origin {
        before: before.as_deref(),
        saved: wanted.catalog,
        postgres: wanted.postgres,
        command: "downgrade --sql LATER:EARLIER",
    };
    let mut start = offline::start(origin, settings, graph, output).await?;
    let there = match start.live {
        true => downgrade::there(&start.journal),
        false => start.applied.clone(),
    };
    let gone = Targets::new(graph).with(&there).downgrade(to)?;
    for revision in graph.revisions() {
        standing::refuse_part(revision, &start.journal)?;
    }
    start.journal = standing::folded(&start.journal, graph);
    downgrade::refuse_unknown(graph, &start.journal, &gone)?;
    downgrade::refuse_other_downgrades(&start.journal, &gone)?;
    if gone.is_empty() {
        let json = json!({ "state": "nothing-to-downgrade", "revisions": [] });
        return Ok(Done::new("-- Nothing to take back: the database is there already.", json));
    }
    let mut alone = match start.live {
        true => Alone::default(),
        false => Alone::look(&gone, graph, &start.catalog, settings, output).await?,
    };
    let mut made: Vec<Made<'_>> = Vec::new();
    for (index, revision) in gone.iter().enumerate() {
        let catalog = start.catalog.clone();
        let mut remarks = Vec::new();
        let step = match start.live {
            true => downgrade::step(revision, &start.journal, &mut start.catalog)?,
            false => alone.step(revision, &mut start.catalog, &mut remarks)?,
        };
        let plan = plan(&step, &start.journal, &catalog, settings)?;
        match &step.way {
            Way::Undo { plan } => start.move_over(&undoing(plan)?),
            Way::Section { .. } | Way::Derived { .. } => {
                start.settle(catalog.server.search_path.clone());
            }
        }
        remarks.iter().for_each(|remark| output.say(&format!("{}: {remark}", step.id)));
        let remarks = [describe(&step), remarks].concat();
        let stops = plan
            .as_ref()
            .is_some_and(|plan| plan.steps.iter().any(|planned| planned.phase > wanted.through));
        // What the database looks like when one is done that is half done now, nobody can plan from.
        let stops = stops || downgrade::begun(&start.journal, &step.id)?.is_some();
        let replaces = revision.replaced().iter().map(|id| id.to_string()).collect();
        let parents = revision.parents.iter().map(RevisionId::to_string).collect();
        made.push(Made { step, plan, remarks, replaces, parents });
        if stops {
            let later: Vec<&str> = gone[index + 1..].iter().map(|of| of.id.as_str()).collect();
            if !later.is_empty() {
                output.say(&format!(
                    "the script ends with {}; not in it, for another script when that is done: {}",
                    revision.id,
                    later.join(", ")
                ));
            }
            break;
        }
    }
    let taken: Vec<Taken<'_>> = made.iter().filter_map(|one| taken(one, wanted.through)).collect();
    let server = start.catalog.server.major();
    let bounds = offline::bounds(settings);
    Ok(Done::rendered(script::downgrade(&taken, server, &bounds, env!("CARGO_PKG_VERSION"))))
}

fn taken<'m>(made: &'m Made<'_>, through: Phase) -> Option<Taken<'m>> {
    let derived = matches!(made.step.way, Way::Derived { .. });
    let by = match (&made.plan, &made.step.way) {
        (Some(plan), _) => By::Downgrade { plan, through, derived },
        (None, Way::Undo { plan }) => By::Undo(plan),
        (None, _) => return None,
    };
    let (revision, message) = (&made.step.id, &made.step.message);
    let (replaces, parents) = (made.replaces.clone(), made.parents.clone());
    Some(Taken { revision, message, by, remarks: made.remarks.clone(), replaces, parents })
}

/// How, and what goes and stays, for whoever reads the script.
fn describe(step: &Step<'_>) -> Vec<String> {
    let mut lines = vec![step.way.name().to_owned()];
    if let Way::Derived { script, .. } = &step.way {
        lines.extend(script.statements.iter().map(|statement| format!("  {};", statement.sql)));
    }
    lines.extend(step.stays.iter().cloned());
    match loss::plain(&step.losses) {
        none if none.is_empty() => lines.push("no data goes with that".to_owned()),
        losses => lines.extend(losses.into_iter().map(|loss| format!("data goes: {loss}"))),
    }
    lines
}

/// The plan of the statements that take a revision back: of a downgrade that is under way its own.
fn plan(
    step: &Step<'_>,
    journal: &crate::journal::Journal,
    catalog: &Catalog,
    settings: &Settings,
) -> Result<Option<Plan>, Error> {
    let Some((revision, script)) = step.way.statements() else { return Ok(None) };
    match downgrade::begun(journal, &step.id)? {
        Some(rollout) => journaled_plan(rollout),
        None => planning::downgrade(&revision, script, catalog, settings),
    }
    .map(Some)
}

/// The statements with which a plan is undone.
fn undoing(plan: &Plan) -> Result<Vec<Statement>, Error> {
    fn collect(undo: &Undo, text: &mut Vec<String>) {
        match undo {
            Undo::Nothing | Undo::Irreversible { .. } => {}
            Undo::Transaction { sql, .. } => text.extend(sql.iter().cloned()),
            Undo::Concurrent { sql, .. } | Undo::Validate { sql } => text.push(sql.clone()),
            Undo::Sequence { parts } => parts.iter().for_each(|part| collect(part, text)),
        }
    }
    let mut texts = Vec::new();
    plan.steps.iter().rev().for_each(|step| collect(&step.undo, &mut texts));
    let mut found = Vec::new();
    for text in texts {
        let script = sql::parse(&text, 0..text.len()).map_err(|error| {
            let name = format!("the undo of revision {}", plan.revision.id);
            Error::at(Kind::Failed, &name, &text, error.into_diagnostic())
        })?;
        found.extend(script.statements);
    }
    Ok(found)
}

/// What is known of the upgrades where no journal can be asked.
#[derive(Default)]
struct Alone {
    /// In the folder of plans.
    plans: BTreeMap<RevisionId, Plan>,
    /// Made now, for revisions that have neither a downgrade section nor a plan file.
    made: BTreeMap<RevisionId, Plan>,
}

impl Alone {
    async fn look(
        gone: &[&Revision],
        graph: &Graph,
        catalog: &Catalog,
        settings: &Settings,
        output: &Output,
    ) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut missing = BTreeSet::new();
        for revision in gone {
            let in_file = |error| project::sql_error(revision, error);
            let down = revision.downgrade_script().map_err(in_file)?;
            let up = revision.upgrade_script().map_err(in_file)?;
            if !down.statements.is_empty() {
                continue;
            }
            match project::read_plan(settings, revision)? {
                Some(plan) => {
                    planning::fits_migration(&plan, revision)?;
                    found.plans.insert(revision.id.clone(), plan);
                }
                None if up.statements.is_empty() => {
                    // Its plan is the same whatever is there.
                    let plan = planning::plan(revision, catalog, settings)?;
                    found.plans.insert(revision.id.clone(), plan);
                }
                None => {
                    missing.insert(revision.id.clone());
                }
            }
        }
        let major = catalog.server.major();
        let order = graph.closure(&missing);
        for (id, catalog) in replay::catalogs_before(&order, &missing, major, output).await? {
            if let Some(revision) = graph.get(id.as_str()) {
                found.made.insert(id, planning::plan(revision, &catalog, settings)?);
            }
        }
        Ok(found)
    }

    /// How `revision` is taken back; what has to be said of it goes to `remarks`.
    fn step<'a>(
        &mut self,
        revision: &'a Revision,
        catalog: &mut Catalog,
        remarks: &mut Vec<String>,
    ) -> Result<Step<'a>, Error> {
        let in_file = |error| project::sql_error(revision, error);
        let section = revision.downgrade_script().map_err(in_file)?;
        let upgrade = revision.upgrade_script().map_err(in_file)?;
        let filed = self.plans.remove(&revision.id);
        let made = self.made.remove(&revision.id);
        let (plan, is_file) = match (filed, made) {
            (Some(plan), _) => (plan, true),
            (None, Some(plan)) => (plan, false),
            (None, None) => return Ok(Step::section(revision, section, catalog)),
        };
        let told = reverse(&upgrade, &plan.facts).is_ok();
        // What the database ran is most likely what lies here; the script looks.
        if !plan.has_contract() && (is_file || !told) {
            let whose = if is_file { "the plan file" } else { "a plan made now, there is no file" };
            if !plan.steps.is_empty() {
                remarks.push(format!(
                    "taken back by {whose}: the script refuses a database that ran another plan"
                ));
            }
            return Ok(Step::undo(revision, &upgrade, plan, catalog));
        }
        let why = "Its contract phase drops what is not to be had back";
        downgrade::derived(revision, &upgrade, &plan.facts, why, catalog)
    }
}
