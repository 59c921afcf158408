//! Finding the revision that an untracked database is at: the one whose replay gives its schema.

use super::output::Output;
use super::schemas::{self, Source};
use super::{project, replay};
use crate::catalog::fingerprint;
use crate::config::Settings;
use crate::connect::{Connection, database_error};
use crate::diff::settle::{Options, comparable};
use crate::error::{Error, Kind};
use crate::journal::stamp::{self, Stamped};
use crate::journal::{Journal, audit};
use crate::report::printable;
use crate::revision::{Graph, Revision, RevisionId};
use crate::run::{self, Hooks};
use std::collections::BTreeSet;

/// Tables in which other tools keep what has run: no part of the schema. `to_regclass` reads them
/// with the role's search path.
const TRACKING: [&str; 13] = [
    "alembic_version",
    "ar_internal_metadata",
    "databasechangelog",
    "databasechangeloglock",
    "flyway_schema_history",
    "goose_db_version",
    "_prisma_migrations",
    "schema_migrations",
    "_sqlx_migrations",
    "django_migrations",
    "knex_migrations",
    "knex_migrations_lock",
    "schema_version",
];
/// Most lines that are shown of a difference.
const MAX_LINES: usize = 20;

/// What an untracked database is.
#[derive(Debug)]
pub enum Found<'a> {
    /// It has nothing yet.
    Fresh,
    /// Its schema is what these revisions make.
    At(Vec<&'a Revision>),
}

/// Looks at the database and replays the revisions one after the other until they make its schema.
///
/// # Errors
/// `Kind::Drift`: no revision makes it, or several do that differ in rows alone.
pub async fn find<'a>(
    graph: &'a Graph,
    settings: &Settings,
    output: &Output,
) -> Result<Found<'a>, Error> {
    let live = Source::Database(String::new());
    let cluster = schemas::server(&[&live], settings, None, output).await?;
    let mut options = Options::default();
    schemas::fill(&cluster, "live", &live, settings, false, &mut options).await?;
    let connection = cluster.connect("live").await?;
    let dropped = without_tracking(&connection, graph).await?;
    let wanted = lines(&connection).await?;
    connection.close().await;
    for table in &dropped {
        output.say(&format!("{table} is another tool's record of what has run; it is left aside"));
    }
    cluster.create_database("replay", None).await?;
    let mut connection = cluster.connect("replay").await?;
    if lines(&connection).await? == wanted {
        return Ok(Found::Fresh);
    }
    let revisions = graph.revisions();
    let mut matching: Vec<usize> = Vec::new();
    let mut nearest: Option<(usize, Vec<String>)> = None;
    for (index, revision) in revisions.iter().enumerate() {
        replay::revision(&connection, revision).await?;
        connection.close().await;
        schemas::disown(&cluster, "replay").await?;
        connection = cluster.connect("replay").await?;
        let now = lines(&connection).await?;
        if now == wanted {
            matching.push(index);
            continue;
        }
        let different = difference(&now, &wanted);
        if nearest.as_ref().is_none_or(|(_, known)| different.len() <= known.len()) {
            nearest = Some((index, different));
        }
    }
    connection.close().await;
    match matching[..] {
        [only] => Ok(Found::At(revisions[..=only].iter().collect())),
        [] => Err(nowhere(revisions, nearest)),
        [first, .., last] => Err(several(&revisions[first..=last])),
    }
}

/// Several in a row make the same schema, so only rows could tell which of them have run.
fn several(same: &[Revision]) -> Error {
    let ids: Vec<&str> = same.iter().map(|revision| revision.id.as_str()).collect();
    Error::new(Kind::Drift, "several revisions make the schema of the database")
        .detail(format!(
            "After each of these it is the same, so they differ in rows alone: {}.",
            ids.join(", ")
        ))
        .hint(format!("Say which is the last one that has run: `airlock stamp {}`.", ids[0]))
}

fn nowhere(revisions: &[Revision], nearest: Option<(usize, Vec<String>)>) -> Error {
    let error = Error::new(Kind::Drift, "no revision makes the schema of the database");
    let Some((index, mut lines)) = nearest else {
        return error
            .detail("The folder has no revisions.")
            .hint("Make the first one from the database: `airlock baseline`.");
    };
    let more = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let id = &revisions[index].id;
    error
        .detail(format!(
            "The nearest is {id}. Against it the database has (+) and lacks (-):\n{}",
            lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
        ))
        .hint(format!(
            "Bring the database there (`airlock diff database revisions:{id} --sql`), or the difference into a \
             revision, or say that it does not matter: `airlock stamp {id}`."
        ))
}

fn difference(now: &[String], wanted: &[String]) -> Vec<String> {
    let (now, wanted): (BTreeSet<_>, BTreeSet<_>) = (now.iter().collect(), wanted.iter().collect());
    let more = wanted.difference(&now).map(|line| format!("+ {line}"));
    let less = now.difference(&wanted).map(|line| format!("- {line}"));
    more.chain(less).collect()
}

async fn lines(connection: &Connection) -> Result<Vec<String>, Error> {
    Ok(comparable(fingerprint(connection).await?))
}

/// Drops the tables of other tools from the copy, but for those that a revision speaks of; which there
/// were.
async fn without_tracking(copy: &Connection, graph: &Graph) -> Result<Vec<String>, Error> {
    let doing =
        |error: tokio_postgres::Error| database_error(&error, "leave tracking tables aside");
    let ours = |name: &str| graph.revisions().iter().any(|of| of.text.contains(name));
    let names: Vec<&str> = TRACKING.into_iter().filter(|name| !ours(name)).collect();
    let sql = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relname = ANY ($1) AND c.relkind IN ('r', 'p') ORDER BY 1";
    let mut dropped = Vec::new();
    for row in copy.query(sql, &[&names]).await.map_err(doing)? {
        let name: String = row.get(0);
        copy.batch_execute(&format!("DROP TABLE {name}")).await.map_err(doing)?;
        dropped.push(name);
    }
    Ok(dropped)
}

/// Writes down that the database has `revisions` and nothing else. Nothing is written when it has any
/// by now: another one was faster.
///
/// # Errors
/// Another runner at work; trouble with the database.
pub async fn stamp(
    revisions: &[&Revision],
    act: &str,
    settings: &Settings,
    hooks: &Hooks,
) -> Result<(), Error> {
    let target = settings.target()?;
    run::edit(&target, &settings.limits, hooks, act, |journal: &Journal, by| {
        if !journal.rollouts.is_empty() {
            return Ok((Vec::new(), ()));
        }
        let mut commands = Vec::new();
        for revision in revisions {
            let digest = revision.digest().map_err(|error| project::sql_error(revision, error))?;
            let stamped = Stamped {
                id: revision.id.to_string(),
                parents: revision.parents.iter().map(RevisionId::to_string).collect(),
                message: revision.message.clone(),
                digest,
            };
            commands.extend(stamp::stamp(&stamped, by));
            commands.push(audit::enter(act, Some(revision.id.as_str()), "", by));
        }
        Ok((commands, ()))
    })
    .await
}
