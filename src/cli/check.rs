//! `airlock check`: whether files, database and desired schema are of one mind.

use super::args::Global;
use super::diff::{Decided, difference};
use super::output::{Done, Output};
use super::schemas::Source;
use super::{project, repeatables, seed, standing, sum};
use crate::config::Settings;
use crate::connect::{Connection, database_error};
use crate::diff::Difference;
use crate::error::{Error, Kind};
use crate::journal::{Journal, RolloutState};
use crate::report::status::State;
use crate::report::{printable, styled};
use crate::revision::{Graph, Revision};
use serde_json::{Value, json};

/// Most changes that are listed of a difference.
const MAX_LISTED: usize = 20;

/// Check that files, database and desired schema are of one mind
///
/// The files: every section parses, and there is one head. The database, when one is configured:
/// revisions that ran have not been changed since (comments and layout aside), its schema is what
/// the revisions that ran make of an empty database, and nothing is left over: no invalid index, no
/// trigger of airlock's without a rollout, no rollout half done. The desired schema, when airlock.toml names
/// one: no revision is missing.
///
/// Exit code 3 when something is not so. Nothing is changed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave out what needs a throwaway server: the comparisons of schemas
    #[arg(long)]
    pub quick: bool,
    #[command(flatten)]
    pub decided: Decided,
}

/// What was looked at and found.
struct Finding {
    what: String,
    /// Empty when all is well.
    wrong: Vec<String>,
}

impl Finding {
    fn new(what: &str, wrong: Vec<String>) -> Self {
        Self { what: what.to_owned(), wrong }
    }
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    for revision in graph.revisions() {
        parses(revision)?;
    }
    let count = graph.revisions().len();
    let again = repeatables::read(&settings)?;
    for revision in again.revisions() {
        parses(revision)?;
    }
    for seed in seed::read(&settings)? {
        parses(&seed.revision)?;
    }
    let objects = match again.revisions().len() {
        0 => String::new(),
        many => format!(" and {many} repeatable files"),
    };
    let mut found = vec![
        Finding::new(&format!("{count} revisions{objects} parse"), Vec::new()),
        Finding::new("they have one head", one_head(&graph)),
    ];
    found.push(Finding::new("airlock.sum fits them", sum::differences(&settings, &graph)?));
    let one_head = found.iter().take(2).all(|finding| finding.wrong.is_empty());
    let mut behind = None;
    if settings.database_url.is_some() {
        let connection = settings.target()?.connect("airlock check").await?;
        let journal = standing::journal(&connection).await?;
        found.push(Finding::new("revisions that ran are as they were", changed(&graph, &journal)));
        let open = half_done(&journal);
        let settled = open.is_empty();
        found.push(Finding::new("no rollout is half done", open));
        let left = if settled { left_over(&connection).await? } else { Vec::new() };
        found.push(Finding::new("nothing is left over", left));
        connection.close().await;
        let stale = repeatables::pending(&again, &journal).len();
        behind = Some(pending(&graph, &journal) + stale);
        // What is not applied yet cannot be as in its file.
        if !args.quick && settled && one_head && stale == 0 {
            found.push(live(&graph, &journal, &args.decided, &settings, output).await?);
        }
    }
    let desired = settings.schema.path.is_some() || settings.schema.command.is_some();
    if desired && !args.quick && one_head {
        let (from, to) = (Source::Revisions(None), Source::desired(&settings)?);
        let what = "no revision is missing for the desired schema";
        found.push(compared(what, &from, &to, &args.decided, &settings, output).await?);
    }
    Ok(done(&found, behind))
}

pub(super) fn parses(revision: &Revision) -> Result<(), Error> {
    let in_file = |error| project::sql_error(revision, error);
    revision.upgrade_script().map_err(in_file)?;
    revision.downgrade_script().map_err(in_file)?;
    revision.verify_queries().map_err(in_file)?;
    Ok(())
}

fn one_head(graph: &Graph) -> Vec<String> {
    match graph.heads()[..] {
        [] | [_] => Vec::new(),
        ref heads => heads.iter().map(|head| format!("{} ({})", head.id, head.path)).collect(),
    }
}

fn changed(graph: &Graph, journal: &Journal) -> Vec<String> {
    let mut wrong = Vec::new();
    for standing in standing::list(graph, Some(journal)) {
        let started = matches!(
            standing.state,
            Some(State::Started(state)) if state != RolloutState::RolledBack
        );
        match &standing.path {
            None if started => wrong.push(no_file(graph, &standing.revision)),
            Some(path) if standing.changed => {
                wrong.push(format!("{path} has changed since it ran"));
            }
            Some(_) | None => {}
        }
    }
    wrong
}

fn no_file(graph: &Graph, id: &str) -> String {
    let into = graph.revisions().iter().find(|of| of.replaced().iter().any(|of| of.as_str() == id));
    match into {
        Some(into) => format!("{id} ran, and {}, into which it was squashed, has not", into.id),
        None => format!("{id} ran and has no file"),
    }
}

fn half_done(journal: &Journal) -> Vec<String> {
    // A repeatable object that did not work out is as it was before.
    let open = |state: RolloutState| match state {
        RolloutState::Running | RolloutState::AtGate | RolloutState::RollingBack => true,
        RolloutState::Done | RolloutState::RolledBack => false,
    };
    let rollouts = journal.rollouts.iter().filter(|of| open(of.state) && of.repeats().is_none());
    rollouts.map(|rollout| format!("{} is {}", rollout.revision, rollout.state.name())).collect()
}

fn pending(graph: &Graph, journal: &Journal) -> usize {
    standing::unfinished(graph.revisions(), journal).len()
}

/// Builds that failed, and triggers that outlived their rollout.
async fn left_over(connection: &Connection) -> Result<Vec<String>, Error> {
    const QUERY: &str = "
SELECT format('index %s is invalid: a build of it failed or was interrupted', x.indexrelid::regclass)
  FROM pg_catalog.pg_index x
  JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
 WHERE NOT x.indisvalid AND i.relkind = 'i' AND n.nspname !~ '^pg_'
 UNION ALL
SELECT format('trigger %I on %s is airlock''s, and no rollout is under way', t.tgname, t.tgrelid::regclass)
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE NOT t.tgisinternal AND n.nspname = 'airlock'
 ORDER BY 1";
    let rows = connection.query(QUERY, &[]).await;
    let rows = rows.map_err(|error| database_error(&error, "look for what is left over"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The live schema beside what the revisions that ran make.
async fn live(
    graph: &Graph,
    journal: &Journal,
    decided: &Decided,
    settings: &Settings,
    output: &Output,
) -> Result<Finding, Error> {
    let what = "the database's schema is what the revisions that ran make";
    let ran: Vec<&Revision> =
        graph.revisions().iter().filter(|r| standing::is_done(journal, &r.id)).collect();
    let tips = graph.tips(ran.iter().map(|revision| &revision.id));
    let needed = graph.closure(tips.iter().map(|tip| &tip.id));
    if let Some(missing) = needed.iter().find(|revision| !ran.contains(revision)) {
        let wrong = format!("{} has not run, and one that comes after it has", missing.id);
        return Ok(Finding::new(what, vec![wrong]));
    }
    let ids: Vec<&str> = tips.iter().map(|tip| tip.id.as_str()).collect();
    let from = if ids.is_empty() { Source::Empty } else { Source::Revisions(Some(ids.join(" "))) };
    compared(what, &from, &Source::Database(String::new()), decided, settings, output).await
}

async fn compared(
    what: &str,
    from: &Source,
    to: &Source,
    decided: &Decided,
    settings: &Settings,
    output: &Output,
) -> Result<Finding, Error> {
    match difference(from, to, decided, settings, None, output).await {
        Ok(found) => Ok(Finding::new(what, listed(&found))),
        // What cannot be written is a difference all the same.
        Err(error) if error.kind == Kind::Refused => {
            let detail = error.detail.unwrap_or_default();
            let lines = std::iter::once(error.message).chain(detail.lines().map(str::to_owned));
            Ok(Finding::new(what, lines.collect()))
        }
        Err(error) => Err(error),
    }
}

fn listed(found: &Difference) -> Vec<String> {
    use crate::diff::order::Act;
    let line = |step: &crate::diff::write::Step| {
        let sign = match step.act {
            Act::Make => "+",
            Act::Unmake => "-",
            Act::Alter => "~",
        };
        let what = if step.what.is_empty() { String::new() } else { step.what.join("; ") };
        format!("{sign} {} {what}", step.key).trim_end().to_owned()
    };
    let mut lines: Vec<String> = found.upgrade.iter().take(MAX_LISTED).map(line).collect();
    if found.upgrade.len() > MAX_LISTED {
        lines.push(format!("and {} more", found.upgrade.len() - MAX_LISTED));
    }
    lines
}

fn done(found: &[Finding], behind: Option<usize>) -> Done {
    let mut text = String::new();
    for finding in found {
        let mark = if finding.wrong.is_empty() {
            styled("ok", crate::report::GOOD)
        } else {
            styled("no", crate::report::BAD)
        };
        text.push_str(&format!("{mark}  {}\n", finding.what));
        for line in &finding.wrong {
            text.push_str(&format!("      {}\n", printable(line)));
        }
    }
    if let Some(count) = behind.filter(|count| *count > 0) {
        text.push_str(&format!("{count} pending; `airlock upgrade` runs what is.\n"));
    }
    let well = found.iter().all(|finding| finding.wrong.is_empty());
    let checks: Vec<Value> = found
        .iter()
        .map(|finding| json!({ "check": finding.what, "wrong": finding.wrong }))
        .collect();
    let mut done = Done::new(text, json!({ "ok": well, "checks": checks, "pending": behind }));
    done.exit = (!well).then_some(Kind::Drift);
    done
}
