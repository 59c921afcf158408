//! The catalog without a database: earlier revisions run, as written, in a throwaway server.

use super::output::Output;
use super::project;
use crate::catalog::{Catalog, load};
use crate::connect::{Connection, database_error};
use crate::diff::settle::missing_role;
use crate::error::{Error, Kind};
use crate::revision::{Revision, RevisionId};
use crate::sandbox::{Cluster, ClusterOptions};
use crate::sql::{Diagnostic, Script, Statement, quote_ident};
use std::collections::{BTreeMap, BTreeSet};

/// Most roles that are made because a migration names them.
const MAX_ROLES: usize = 100;

/// The catalog after `earlier`, in which no size means anything.
///
/// # Errors
/// No server programs on this machine; a statement that the server refuses, with its place.
pub async fn catalog(earlier: &[&Revision], output: &Output) -> Result<Catalog, Error> {
    catalog_in(throwaway(None).await?, earlier, output).await
}

/// The same in a server that is there.
///
/// # Errors
/// As [`catalog`].
pub async fn catalog_in(
    cluster: Cluster,
    earlier: &[&Revision],
    output: &Output,
) -> Result<Catalog, Error> {
    output.say(&format!(
        "catalog: {} earlier revision{} replayed in a throwaway PostgreSQL {}; sizes are unknown",
        earlier.len(),
        if earlier.len() == 1 { "" } else { "s" },
        cluster.major(),
    ));
    let connection = cluster.create_database("replay", None).await?.connect("airlock plan").await?;
    for earlier in earlier {
        revision(&connection, earlier).await?;
    }
    let mut catalog = load::load(&connection).await?;
    catalog.sizes_known = false;
    Ok(catalog)
}

/// The catalogs before those of `order` that are `wanted`, by id. `order` is run as written, in one
/// throwaway server.
///
/// # Errors
/// As [`catalog`].
pub async fn catalogs_before(
    order: &[&Revision],
    wanted: &BTreeSet<RevisionId>,
    major: u32,
    output: &Output,
) -> Result<BTreeMap<RevisionId, Catalog>, Error> {
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let cluster = throwaway(Some(major)).await?;
    output.say(&format!(
        "{} revisions replayed in a throwaway PostgreSQL {} for their plans",
        order.len(),
        cluster.major(),
    ));
    let connection = cluster.create_database("replay", None).await?.connect("airlock plan").await?;
    for earlier in order {
        if wanted.contains(&earlier.id) {
            let mut catalog = load::load(&connection).await?;
            catalog.sizes_known = false;
            found.insert(earlier.id.clone(), catalog);
        }
        revision(&connection, earlier).await?;
    }
    Ok(found)
}

/// A server of this version, else of the newest that is there.
///
/// # Errors
/// No server programs of it on this machine.
pub async fn throwaway(major: Option<u32>) -> Result<Cluster, Error> {
    let options = ClusterOptions { major, ..ClusterOptions::default() };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options));
    cluster.await.map_err(|error| {
        Error::new(Kind::Failed, "the throwaway server failed").detail(format!("{error}."))
    })?
}

/// Runs the upgrade of `revision` as written; roles that it names and that are missing are made.
///
/// # Errors
/// A statement that the server refuses, with its place.
pub async fn revision(connection: &Connection, revision: &Revision) -> Result<(), Error> {
    let script = revision.upgrade_script().map_err(|error| project::sql_error(revision, error))?;
    run_script(connection, revision, &script).await
}

/// Runs a section of `revision` as written.
///
/// # Errors
/// As [`revision`].
pub async fn run_script(
    connection: &Connection,
    revision: &Revision,
    script: &Script,
) -> Result<(), Error> {
    for statement in &script.statements {
        run(connection, revision, statement).await?;
    }
    // One revision's settings are not the next one's.
    let reset = connection.batch_execute("RESET ALL").await;
    reset.map_err(|error| database_error(&error, "end the replay of a revision"))
}

async fn run(
    connection: &Connection,
    revision: &Revision,
    statement: &Statement,
) -> Result<(), Error> {
    for _ in 0..MAX_ROLES {
        let Err(error) = connection.batch_execute(&statement.sql).await else { return Ok(()) };
        // Roles belong to the whole server and are not made by migrations.
        let Some(role) = missing_role(&error) else {
            let shown = database_error(&error, "replay an earlier revision");
            let mut found = Diagnostic::new(shown.message, statement.span);
            found.detail = shown.detail;
            found.hint = shown.hint;
            let found = revision.in_file(found);
            return Err(Error::at(Kind::Failed, &revision.path, revision.written(), found));
        };
        let sql = format!("CREATE ROLE {}", quote_ident(&role));
        let made = connection.batch_execute(&sql).await;
        made.map_err(|error| database_error(&error, "make a role in the throwaway server"))?;
    }
    Err(Error::new(Kind::Failed, format!("{} names more than {MAX_ROLES} roles", revision.path)))
}
