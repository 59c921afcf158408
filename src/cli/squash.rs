//! `airlock squash`: a line of revisions becomes one, after both have been tried beside each other.

use super::args::Global;
use super::diff::Decided;
use super::output::{Done, Output};
use super::rollout::Session;
use super::{planning, project, replay, squash_diff, standing, sum};
use crate::catalog::{Catalog, fingerprint, load};
use crate::config::Settings;
use crate::connect::{Connection, database_error};
use crate::error::{Error, Kind};
use crate::journal::stamp::{self, Stamped};
use crate::journal::{Journal, audit};
use crate::report::printable;
use crate::revision::{Graph, Revision, RevisionId, Targets, file, squash};
use crate::run;
use crate::sql::Script;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Most lines that are shown of what is different.
const MAX_LINES: usize = 20;

/// Make one revision out of a line of them
///
/// The one revision does what they did, one after the other, data included, and its downgrade takes it back in
/// reverse; verify sections are kept. It keeps the id of the last of them, so a database that has run
/// all of them has it, and what comes after it stays as it is. A database that has run a part of them is
/// refused by `upgrade`, with the way out.
///
/// Before a file is written both are run in a throwaway server and compared: schema, numbers of rows, and the
/// way back. Refused, with the place, is a range in which lines fork or meet, and one that as a whole
/// has no safe plan. After an interruption the same command goes on.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// First and last revision, both included
    #[arg(value_name = "A:B")]
    pub range: String,
    /// What the one revision is about, in a line; without it the message of the last one
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Write what leads from the schema before to the schema after instead of the statements in between;
    /// refused where one of them is about rows
    #[arg(long)]
    pub diff: bool,
    #[command(flatten)]
    pub decided: Decided,
    /// Leave the downgrade section empty
    #[arg(long)]
    pub no_downgrade: bool,
    /// Print the file that would be written, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let files = project::files(&settings)?;
    if let Some(done) = finish(&settings, files, &args, output)? {
        return Ok(done);
    }
    let graph = project::revisions(&settings)?;
    let decided = &args.decided;
    if !args.diff && (!decided.rename.is_empty() || !decided.drop.is_empty() || decided.owners) {
        return Err(Error::new(Kind::Input, "--rename, --drop and --owners are for --diff")
            .hint("Without --diff the statements stay as they are."));
    }
    if !args.range.contains(':') {
        return Err(Error::new(Kind::Input, format!("`{}` is no range", args.range))
            .hint("Name the first and the last revision: `airlock squash a1b2:c3d4`."));
    }
    let range = squash::line(&graph, &Targets::new(&graph).range(&args.range)?)?;
    squash::refuse_forks(&graph, &range)?;
    let Some(last) = range.last().copied() else { return Ok(Done::nothing()) };
    refuse_half_done(&settings, &range, output).await?;
    let (upgrade, downgrade) = match (args.diff, args.no_downgrade) {
        (true, without) => {
            let (up, down) =
                squash_diff::sections(&range, &args.decided, &settings, output).await?;
            (up, if without { String::new() } else { down })
        }
        (false, true) => (squash::upgrade(&range)?, String::new()),
        (false, false) => (squash::upgrade(&range)?, squash::downgrade(&range)?),
    };
    let write =
        |verify: &str| squash::write(&range, args.message.as_deref(), &upgrade, &downgrade, verify);
    let draft = file::read(&last.path, &write("")?)?;
    let changed = squash::dependants(&graph, &range);
    refuse_circles(&graph, &range, &draft, &changed)?;
    let tried = prove(&graph, &range, &draft, args.diff, output).await?;
    for (query, why) in &tried.not_to_be_asked {
        output.say(&format!(
            "left out of the verify section, it cannot be asked after the last one: {}\n  {}",
            printable(query),
            printable(why)
        ));
    }
    let shown = Revision { path: format!("{} as it would be", last.path), ..draft.clone() };
    if let Err(error) = planning::plan(&shown, &tried.before, &settings) {
        output.say(
            "as one revision the range has no safe plan, and nothing was written: squash less of it, or \
             let it be",
        );
        return Err(error);
    }
    let text = write(&tried.verify)?;
    // Read as it will be read.
    let one = file::read(&last.path, &text)?;
    one.verify_queries().map_err(|error| project::sql_error(&one, error))?;
    if downgrade.is_empty() {
        output.say("the one revision has no downgrade section");
    }
    let replaced: Vec<&str> = range.iter().map(|of| of.id.as_str()).collect();
    let mut gone: Vec<String> = Vec::new();
    if !args.dry_run {
        // Each of these is right before and after: what they wait for runs before the last one.
        for (revision, text) in &changed {
            project::write(Path::new(&revision.path), text, true)?;
        }
        // From here on the range is one revision; what is left to do is found by `finish`.
        project::write(Path::new(&last.path), &text, true)?;
        gone = clear_away(&settings, &one, &range)?;
    }
    let json = json!({
        "revision": last.id.as_str(),
        "path": last.path,
        "replaces": replaced,
        "removed": gone,
        "changed": changed.iter().map(|(of, _)| of.path.clone()).collect::<Vec<_>>(),
        "postgres": tried.major,
        "dry_run": args.dry_run,
        "source": text,
    });
    if args.dry_run {
        return Ok(Done::new(text, json));
    }
    let mut said = format!(
        "{} are one revision now: {} ({})\nTried beside each other in a throwaway PostgreSQL {}: the same schema, \
         as many rows{}.\n",
        replaced.join(", "),
        last.id,
        last.path,
        tried.major,
        if downgrade.is_empty() { "" } else { ", the same way back" }
    );
    gone.iter().for_each(|path| said.push_str(&format!("  removed  {path}\n")));
    changed.iter().for_each(|(of, _)| said.push_str(&format!("  changed  {}\n", of.path)));
    said.push_str(&format!(
        "A database that has {} has all of it. One that has less of it than that has to be upgraded \
         with the files of before.\n",
        last.id
    ));
    Ok(Done::new(said, json))
}

/// Finishes what an interrupted run has begun: the one revision is there, and so are files that it
/// has taken the place of.
fn finish(
    settings: &Settings,
    files: Vec<Revision>,
    args: &Args,
    output: &Output,
) -> Result<Option<Done>, Error> {
    let one = files.iter().find(|of| {
        let squashed = of.replaced();
        files.iter().any(|other| squashed.contains(&other.id))
    });
    let Some(one) = one.filter(|_| !args.dry_run) else { return Ok(None) };
    let squashed = one.replaced();
    let left: Vec<&Revision> = files.iter().filter(|of| squashed.contains(&of.id)).collect();
    let written = |of: &&&Revision| {
        let Ok(script) = of.upgrade_script() else { return false };
        let digest = crate::sql::canonical::digest(&script);
        one.replaces.iter().any(|known| {
            known.id == of.id
                && known.digest.as_ref().is_some_and(|known| digest.starts_with(known))
        })
    };
    // A file that has changed since is not ours to delete.
    if let Some(other) = left.iter().find(|of| !written(of)) {
        let message =
            format!("revision {} was squashed into {} and is still there", other.id, one.id);
        return Err(Error::new(Kind::Refused, message)
            .detail(format!("{} has changed since.", other.path))
            .hint("Move what is new in it into a revision of its own, and delete it."));
    }
    output.say(&format!("finishing the squash of {} that was interrupted", one.id));
    let gone = clear_away(settings, one, &left)?;
    let mut text = format!("{} stands for {} now\n", one.id, file::ids(&ids(&left)));
    gone.iter().for_each(|path| text.push_str(&format!("  removed  {path}\n")));
    let json = json!({
        "revision": one.id.as_str(),
        "path": one.path,
        "replaces": one.replaced().iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "removed": gone,
        "changed": Value::Array(Vec::new()),
        "dry_run": false,
    });
    Ok(Some(Done::new(text, json)))
}

fn ids(of: &[&Revision]) -> Vec<RevisionId> {
    of.iter().map(|revision| revision.id.clone()).collect()
}

/// Removes the files that `one` has taken the place of, and the plans that were made for them; writes
/// `airlock.sum`. Gives what is gone.
fn clear_away(
    settings: &Settings,
    one: &Revision,
    range: &[&Revision],
) -> Result<Vec<String>, Error> {
    let mut gone = Vec::new();
    let mut remove = |path: &Path| match std::fs::remove_file(path) {
        Ok(()) => {
            gone.push(path.display().to_string());
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::new(Kind::Failed, format!("cannot remove {}", path.display()))
            .detail(format!("{error}."))
            .hint("Run the same command again: it finishes.")),
    };
    let own = project::plan_path(settings, one);
    let stale = match project::read_plan(settings, one) {
        Ok(plan) => plan.is_some_and(|plan| planning::fits_migration(&plan, one).is_err()),
        Err(_) => own.exists(),
    };
    if stale {
        remove(&own)?;
    }
    // The last ones first: whatever is interrupted, what is left begins at the first.
    for revision in range.iter().rev().filter(|of| of.id != one.id) {
        remove(&project::plan_path(settings, revision))?;
        remove(Path::new(&revision.path))?;
    }
    sum::write(settings, &project::revisions(settings)?)?;
    Ok(gone)
}

/// The database that the settings name is not left with a part.
async fn refuse_half_done(
    settings: &Settings,
    range: &[&Revision],
    output: &Output,
) -> Result<(), Error> {
    if settings.database_url.is_none() {
        return Ok(());
    }
    let connection = match settings.target()?.connect("airlock squash").await {
        Ok(connection) => connection,
        // Files are squashed in many places from which no database can be reached.
        Err(error) => {
            output.say(&format!("warning: what has run could not be seen: {}", error.message));
            return Ok(());
        }
    };
    let journal = standing::journal(&connection).await?;
    connection.close().await;
    let has: Vec<&&Revision> =
        range.iter().filter(|of| standing::rollout(&journal, &of.id).is_some()).collect();
    let whole = range.iter().all(|of| standing::is_done(&journal, &of.id));
    let Some(one) = has.last().filter(|_| !whole) else { return Ok(()) };
    let last = range.last().map(|last| last.id.to_string()).unwrap_or_default();
    let message = format!("the database has a part of the range, up to {}", one.id);
    Err(Error::new(Kind::Refused, message)
        .detail("Neither the rest of it nor the whole could be run there afterwards.")
        .hint(format!(
            "Run the rest first (`airlock upgrade {last} --through contract`), or take it back."
        )))
}

/// What comes before the one revision may not come after it as well.
fn refuse_circles(
    graph: &Graph,
    range: &[&Revision],
    one: &Revision,
    changed: &[(&Revision, String)],
) -> Result<(), Error> {
    let inside: BTreeSet<&RevisionId> = range.iter().map(|of| &of.id).collect();
    let mut all = vec![one.clone()];
    for revision in graph.revisions().iter().filter(|of| !inside.contains(&of.id)) {
        match changed.iter().find(|(of, _)| of.id == revision.id) {
            Some((_, text)) => all.push(file::read(&revision.path, text)?),
            None => all.push(revision.clone()),
        }
    }
    match Graph::build(all) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new(Kind::Refused, "the range cannot stand as one revision")
            .detail(format!("Then {error}."))
            .hint("Another revision runs between those of the range: end the range before it.")),
    }
}

/// What was seen in the throwaway server.
struct Tried {
    major: u32,
    /// Before the first of the range.
    before: Catalog,
    /// The verify section.
    verify: String,
    /// Queries of it that fail after the last one, and why.
    not_to_be_asked: Vec<(String, String)>,
}

/// Runs both in a throwaway server and compares.
async fn prove(
    graph: &Graph,
    range: &[&Revision],
    one: &Revision,
    diff: bool,
    output: &Output,
) -> Result<Tried, Error> {
    let cluster = replay::throwaway(None).await?;
    let major = cluster.major();
    output.say(&format!("trying both in a throwaway PostgreSQL {major}"));
    let parts = cluster.create_database("parts", None).await?.connect("airlock squash").await?;
    let whole = cluster.create_database("whole", None).await?.connect("airlock squash").await?;
    for revision in graph.closure(one.requirements()) {
        replay::revision(&parts, revision).await?;
        replay::revision(&whole, revision).await?;
    }
    let mut before = load::load(&parts).await?;
    before.sizes_known = false;
    let clean = state(&parts).await?;
    for revision in range {
        replay::revision(&parts, revision).await?;
    }
    replay::revision(&whole, one).await?;
    let after = state(&parts).await?;
    same(&after, &state(&whole).await?, "after the upgrade")?;
    let (verify, not_to_be_asked) = verify(range, &whole).await?;

    let down = script(one, Revision::downgrade_script)?;
    if !down.statements.is_empty() {
        let back = if diff {
            clean.clone()
        } else {
            for revision in range.iter().rev() {
                let script = script(revision, Revision::downgrade_script)?;
                replay::run_script(&parts, revision, &script).await?;
            }
            state(&parts).await?
        };
        replay::run_script(&whole, one, &down).await?;
        same(&back, &state(&whole).await?, "after the downgrade")?;
        if back == clean {
            replay::revision(&whole, one).await?;
            same(&after, &state(&whole).await?, "after the second upgrade")?;
        } else {
            output.say(
                "warning: the downgrades of the range do not lead back to what was before it \
                 (`airlock test` shows where)",
            );
        }
    }
    Ok(Tried { major, before, verify, not_to_be_asked })
}

fn script(
    revision: &Revision,
    of: impl Fn(&Revision) -> Result<Script, crate::sql::SqlError>,
) -> Result<Script, Error> {
    of(revision).map_err(|error| project::sql_error(revision, error))
}

/// Schema and numbers of rows.
async fn state(connection: &Connection) -> Result<Vec<String>, Error> {
    const TABLES: &str = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
         ORDER BY 1";
    let failed = |error| database_error(&error, "compare the revisions");
    let mut lines = fingerprint(connection).await?;
    for row in connection.query(TABLES, &[]).await.map_err(failed)? {
        let table: String = row.get(0);
        let sql = format!("SELECT pg_catalog.count(*) FROM {table}");
        let rows: i64 = connection.query_one(&sql, &[]).await.map_err(failed)?.get(0);
        lines.push(format!("rows of {table}: {rows}"));
    }
    Ok(lines)
}

fn same(parts: &[String], whole: &[String], when: &str) -> Result<(), Error> {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(parts.iter().filter(|line| !whole.contains(line)).map(|l| format!("- {l}")));
    lines.extend(whole.iter().filter(|line| !parts.contains(line)).map(|l| format!("+ {l}")));
    if lines.is_empty() {
        return Ok(());
    }
    lines.truncate(MAX_LINES);
    let lines: Vec<String> = lines.iter().map(|line| printable(line)).collect();
    Err(Error::new(Kind::Refused, format!("as one revision the range does something else {when}"))
        .detail(format!(
            "- is what its revisions make, + what the one would:\n{}",
            lines.join("\n")
        ))
        .hint("Nothing was written. What depends on where one revision ends cannot be squashed."))
}

/// The verify sections, without the queries that cannot be asked any more after the last one.
async fn verify(
    range: &[&Revision],
    after: &Connection,
) -> Result<(String, Vec<(String, String)>), Error> {
    let (mut text, mut left_out) = (String::new(), Vec::new());
    for revision in range {
        let queries = revision.verify_queries().map_err(|e| project::sql_error(revision, e))?;
        for query in queries {
            match after.batch_execute(&query).await {
                Ok(()) => {
                    let query = query.trim_end().trim_end_matches(';');
                    let commented = query.lines().last().is_some_and(|line| line.contains("--"));
                    let end = if commented { "\n;" } else { ";" };
                    text.push_str(&format!("-- from {}\n{query}{end}\n", revision.id));
                }
                Err(error) => {
                    let why = database_error(&error, "ask").message;
                    left_out.push((format!("{} ({})", query.trim(), revision.path), why));
                }
            }
        }
    }
    Ok((text, left_out))
}

/// Before a squashed revision is taken back that the database has run in parts: they count as one.
///
/// # Errors
/// Another runner at work; trouble with the database.
pub async fn fold(session: &mut Session<'_>, graph: &Graph, gone: &[&str]) -> Result<(), Error> {
    let concerned = |journal: &Journal| -> Vec<(&Revision, Vec<String>)> {
        let found = gone.iter().filter_map(|id| graph.get(id));
        let parts = |revision: &Revision| -> Vec<String> {
            let squashed = revision.replaced().into_iter();
            let there = squashed.filter(|part| journal.rollout(part.as_str()).is_some());
            there.map(RevisionId::to_string).collect()
        };
        let found = found.filter(|revision| standing::is_done(journal, &revision.id));
        found.map(|of| (of, parts(of))).filter(|(_, parts)| !parts.is_empty()).collect()
    };
    if gone.iter().filter_map(|id| graph.get(id)).all(|of| of.replaces.is_empty()) {
        return Ok(());
    }
    session.confirm().await?;
    let (target, limits) = (&session.target, &session.settings.limits);
    run::edit(target, limits, &session.hooks(), "squash", |journal, by| {
        let mut commands = Vec::new();
        for (revision, parts) in concerned(journal) {
            let digest = revision.digest().map_err(|error| project::sql_error(revision, error))?;
            let stamped = Stamped {
                id: revision.id.to_string(),
                parents: revision.parents.iter().map(RevisionId::to_string).collect(),
                message: revision.message.clone(),
                digest,
            };
            commands.extend(stamp::fold(&stamped, &parts));
            commands.push(audit::enter("squash", Some(&stamped.id), &parts.join(" "), by));
        }
        Ok((commands, ()))
    })
    .await
}
