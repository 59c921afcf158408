//! Asks the server who uses the old names. Reads only.

mod activity;
mod functions;
mod path;
mod statements;

use super::judge::{Seen, Written};
use super::retired::{Counter, contract_statements, counters, named, retired};
use super::text::Finder;
use crate::catalog::{Catalog, Need};
use crate::connect::database_error;
use crate::error::Error;
use crate::plan::Plan;
use path::Paths;
use tokio_postgres::Client;

/// What can be seen now of the use of names that the contract phase of `plan` takes away.
///
/// Without `pg_read_all_stats` statements of other roles are hidden; that, and whatever else cannot
/// be seen, is said in [`Seen::unseen`].
///
/// # Errors
/// Trouble with the database.
pub async fn look(client: &Client, plan: &Plan) -> Result<Seen, Error> {
    // Every name that contract takes away stands in one of its statements.
    let statements: Vec<&str> = contract_statements(plan).collect();
    let catalog = match Need::named_in(&statements.join("\n")) {
        Some(need) => crate::catalog::load_needed(client, &need).await?,
        None => crate::catalog::load(client).await?,
    };
    look_with(client, plan, &catalog).await
}

async fn look_with(client: &Client, plan: &Plan, catalog: &Catalog) -> Result<Seen, Error> {
    let found = retired(plan, catalog);
    let mut seen = Seen { objects: found.objects, uses: found.uses, ..Seen::default() };
    if seen.objects.is_empty() {
        return Ok(seen);
    }
    let objects = seen.objects.clone();
    let finder = Finder::new(catalog, &objects);
    let paths = Paths::read(client, catalog).await?;
    functions::hanging(client, &found.functions, &named(plan), &mut seen).await?;
    functions::read(client, &objects, &found.functions, &finder, &paths, &mut seen).await?;
    activity::read(client, &finder, &paths, &mut seen).await?;
    statements::read(client, &finder, &paths, &mut seen).await?;
    for Counter { sequence, object } in counters(plan, &objects) {
        let exists = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
        let there = client.query_one(exists, &[&sequence.to_string()]).await.map_err(failed)?;
        if there.get::<_, bool>(0) {
            let sql = format!(
                "SELECT CASE WHEN is_called THEN last_value ELSE 0 END::bigint FROM {sequence}"
            );
            let rows = client.query_one(&sql, &[]).await.map_err(failed)?.get(0);
            seen.written.push(Written { sequence: sequence.to_string(), object, rows });
        }
    }
    Ok(seen)
}

fn failed(error: tokio_postgres::Error) -> Error {
    database_error(&error, "see who uses the old names")
}
