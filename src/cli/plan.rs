//! `airlock plan`: a migration becomes a plan file to review.

use super::args::Global;
use super::output::{Done, Output};
use super::reporting::{self, Planned, ReportFile};
use super::{measuring, planning, project, repeatables, replay, seed, standing};
use crate::catalog::Catalog;
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::lint;
use crate::plan::Plan;
use crate::report;
use crate::revision::seed::Seed;
use crate::revision::{Graph, Revision, Targets};
use serde_json::{Value, json};

/// Make the plan of a revision and show what it locks
///
/// Without a revision: the next one that the database does not have, or the newest one when no
/// database is named. Then the catalog comes from a throwaway server in which the earlier revisions
/// are replayed, and sizes are unknown.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, the beginning of one, path of a revision file, `head`, `+1`, or another target
    #[arg(value_name = "REVISION", allow_negative_numbers = true)]
    pub revision: Option<String>,
    /// Write nothing; exit with 3 when the plan file is missing or would be another one
    #[arg(long)]
    pub check: bool,
    /// Replay the earlier revisions even though a database is named
    #[arg(long)]
    pub replay: bool,
    /// Write the lock-impact report too, as one page (.html) or for a comment on a pull request
    /// (.md); can be given several times
    #[arg(long, value_name = "FILE", value_parser = ReportFile::parse, conflicts_with = "check")]
    pub report: Vec<ReportFile>,
    /// Measure how fast the database reads and writes, and estimate times from that; takes a second
    /// at most. The plan file does not depend on it
    #[arg(long, conflicts_with_all = ["check", "replay"])]
    pub measure: bool,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let mut settings = global.settings()?;
    measuring::needs_database(args.measure, &settings)?;
    let graph = project::revisions(&settings)?;
    let again = with_seed(repeatables::read(&settings)?, &args, &settings)?;
    let found = if settings.database_url.is_none() || args.replay {
        let (revision, catalog) = from_replay(&args, &settings, (&graph, &again), output).await?;
        Some((revision, planning::plan(revision, &catalog, &settings)?, catalog))
    } else {
        from_database(&args, &settings, (&graph, &again)).await?
    };
    let Some((revision, plan, catalog)) = found else {
        return Ok(Done::new(
            "Nothing to plan: the database has every revision.",
            json!({ "revision": null }),
        ));
    };
    if args.check {
        return check(&settings, revision, &plan);
    }
    let written = project::write_plan(&settings, revision, &plan)?;
    let path = project::plan_path(&settings, revision).display().to_string();
    let mut measured = Value::Null;
    if args.measure {
        (settings, measured) = measuring::measured(&[(&plan, &catalog)], &settings, output).await?;
    }
    let mut json = result(&plan, &catalog, &path, written, &settings);
    let linted = reporting::lint_revision(revision, &catalog, &settings)?;
    json["statements"] = lint::format::statements(&linted);
    let mut text = text(&plan, &catalog, &path, written, &settings);
    reporting::write(&args.report, &[Planned { revision, plan, catalog }], &settings)?;
    for file in &args.report {
        text.push_str(&format!("{} written\n", file.path().display()));
    }
    json["measured"] = measured;
    json["reports"] = args.report.iter().map(|file| file.path().display().to_string()).collect();
    Ok(Done::new(text, json))
}

/// The repeatable files, and the seeds when one of them is named.
fn with_seed(again: Graph, args: &Args, settings: &Settings) -> Result<Graph, Error> {
    let seeds = seed::read(settings)?;
    let named = |seed: &Seed| args.revision.as_deref() == Some(seed.revision.id.as_str());
    if !seeds.iter().any(named) {
        return Ok(again);
    }
    let seeds = seeds.into_iter().map(|seed| seed.revision);
    Ok(Graph::build(again.revisions().iter().cloned().chain(seeds).collect())?)
}

async fn from_replay<'a>(
    args: &Args,
    settings: &Settings,
    (graph, again): (&'a Graph, &'a Graph),
    output: &Output,
) -> Result<(&'a Revision, Catalog), Error> {
    let wanted = args.revision.as_deref().unwrap_or("head");
    let (revision, earlier) = match again.get(wanted) {
        Some(object) => {
            let mut earlier: Vec<&Revision> = graph.revisions().iter().collect();
            let others = again.revisions().iter();
            earlier.extend(others.take_while(|other| other.id != object.id));
            (object, earlier)
        }
        None => {
            let revision = graph.find(wanted)?;
            (revision, graph.ancestors(&revision.id))
        }
    };
    // What can be said without a server should not wait for one.
    revision.upgrade_script().map_err(|error| project::sql_error(revision, error))?;
    if settings.database_url.is_none() {
        output.say("no database is named (--database-url, DATABASE_URL, airlock.toml)");
    }
    Ok((revision, replay::catalog(&earlier, output).await?))
}

async fn from_database<'a>(
    args: &Args,
    settings: &Settings,
    (graph, again): (&'a Graph, &'a Graph),
) -> Result<Option<(&'a Revision, Plan, Catalog)>, Error> {
    if let Some(object) = args.revision.as_deref().and_then(|wanted| again.get(wanted)) {
        let connection = settings.target()?.connect("airlock plan").await?;
        let (plan, catalog) = planning::against(&connection, object, settings).await?;
        return Ok(Some((object, plan, catalog)));
    }
    // What can be said without the database should not wait for it.
    let wanted = args.revision.as_deref();
    if let Some(revision) = wanted.and_then(|wanted| graph.find(wanted).ok()) {
        revision.upgrade_script().map_err(|error| project::sql_error(revision, error))?;
    }
    let connection = settings.target()?.connect("airlock plan").await?;
    let journal = standing::journal(&connection).await?;
    let applied = standing::applied(&journal);
    let targets = Targets::new(graph).with(&applied);
    let wanted = wanted.map(|wanted| targets.one(wanted)).transpose()?;
    let revision = match wanted {
        Some(revision) => revision,
        None => match standing::unfinished(graph.linear()?, &journal).first() {
            Some(next) => next,
            None => {
                let Some(object) = repeatables::pending(again, &journal).first().copied() else {
                    return Ok(None);
                };
                let (plan, catalog) = planning::against(&connection, object, settings).await?;
                return Ok(Some((object, plan, catalog)));
            }
        },
    };
    if let Some(rollout) = standing::rollout(&journal, &revision.id) {
        let message =
            format!("revision {} has been started, it is {}", revision.id, rollout.state.name());
        return Err(Error::new(Kind::Drift, message)
            .detail("A plan leads from a database without the revision to one with it.")
            .hint("Finish it (`airlock upgrade`, `airlock contract`), or take it back (`airlock rollback`) and make the plan then. With --replay its plan is made all the same."));
    }
    let missing: Vec<&str> = graph
        .ancestors(&revision.id)
        .into_iter()
        .filter(|earlier| !standing::is_done(&journal, &earlier.id))
        .map(|earlier| earlier.id.as_str())
        .collect();
    if !missing.is_empty() {
        let message = format!("revision {} comes after others that are not done", revision.id);
        return Err(Error::new(Kind::Drift, message)
            .detail(format!("Not done: {}.", missing.join(", ")))
            .hint("Run `airlock upgrade` first, or plan against a replay with --replay."));
    }
    let (plan, catalog) = planning::against(&connection, revision, settings).await?;
    Ok(Some((revision, plan, catalog)))
}

fn check(settings: &Settings, revision: &Revision, now: &Plan) -> Result<Done, Error> {
    let path = project::plan_path(settings, revision).display().to_string();
    let hint = format!("Make it and review it: `airlock plan {}`.", revision.id);
    let Some(written) = project::read_plan(settings, revision)? else {
        let message = format!("plan file {path} is missing");
        return Err(Error::new(Kind::Drift, message).hint(hint));
    };
    let differences = planning::differences(&written, now);
    if !differences.is_empty() {
        return Err(Error::new(Kind::Drift, format!("plan file {path} is stale"))
            .detail(differences.join("\n"))
            .hint(hint));
    }
    let json = json!({ "revision": revision.id.as_str(), "plan_file": path, "current": true });
    Ok(Done::new(format!("{path} is current"), json))
}

fn text(plan: &Plan, catalog: &Catalog, path: &str, written: bool, settings: &Settings) -> String {
    let mut text =
        format!("{}: {}\n\n", plan.revision.id, report::printable(&plan.revision.message));
    if !plan.statements.is_empty() {
        text.push_str(&report::impact::text(plan, Some(catalog), settings.speed));
        text.push('\n');
    }
    text.push_str(&report::plan::text(plan));
    let how = if written { "written" } else { "unchanged" };
    text.push_str(&format!("\n{path} {how}\n"));
    text
}

fn result(plan: &Plan, catalog: &Catalog, path: &str, written: bool, settings: &Settings) -> Value {
    json!({
        "revision": plan.revision.id,
        "message": plan.revision.message,
        "plan_file": path,
        "written": written,
        "digest": plan.digest,
        "server": plan.server,
        "sizes_known": catalog.sizes_known,
        "impact": report::impact::json(plan, Some(catalog), settings.speed),
        "gates": plan.gates,
        "notes": plan.notes,
    })
}
