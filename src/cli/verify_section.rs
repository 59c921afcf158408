//! The verify section of a revision: read-only queries that must give no rows, or true. (`airlock verify`,
//! which compares a plan with its migration, is `verify.rs`.)

use crate::connect::{Target, database_error};
use crate::error::{Error, Kind};
use crate::report::printable;
use crate::revision::Revision;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

/// Rows that are shown of a query that should have given none.
const MAX_ROWS_SHOWN: usize = 5;

/// Runs the queries of the verify section; how many there were.
///
/// # Errors
/// `Kind::Failed` when one of them gives a row that is not all true, or cannot run.
pub async fn run(revision: &Revision, target: &Target) -> Result<usize, Error> {
    let queries =
        revision.verify_queries().map_err(|error| super::project::sql_error(revision, error))?;
    if queries.is_empty() {
        return Ok(0);
    }
    let connection = target.connect("airlock verify").await?;
    for query in &queries {
        check(&connection, revision, query).await?;
    }
    Ok(queries.len())
}

async fn check(client: &Client, revision: &Revision, query: &str) -> Result<(), Error> {
    let doing = format!("verify revision {}", revision.id);
    let failed = |error: &tokio_postgres::Error| database_error(error, &doing);
    // Read-only, so that a function in a query cannot change what it looks at.
    client.batch_execute("BEGIN READ ONLY").await.map_err(|error| failed(&error))?;
    let answer = client.simple_query(query).await;
    client.batch_execute("ROLLBACK").await.map_err(|error| failed(&error))?;
    let answer = answer.map_err(|error| {
        let mut shown = failed(&error);
        let detail = shown.detail.take().unwrap_or_default();
        shown.detail(format!("{detail}\nQuery: {query}").trim().to_owned())
    })?;
    let rows: Vec<&SimpleQueryRow> = answer
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .collect();
    if rows.iter().all(|row| is_true(row)) {
        return Ok(());
    }
    let wrong: Vec<String> = rows
        .iter()
        .filter(|row| !is_true(row))
        .take(MAX_ROWS_SHOWN)
        .map(|row| format!("  {}", words(row)))
        .collect();
    Err(Error::new(Kind::Failed, format!("verification of revision {} failed", revision.id))
        .detail(format!("{}\ngave {} rows:\n{}", printable(query), rows.len(), wrong.join("\n")))
        .hint("A verify query must give no rows, or true. Up to contract, `airlock rollback` takes everything back."))
}

fn is_true(row: &SimpleQueryRow) -> bool {
    !row.is_empty() && (0..row.len()).all(|column| row.get(column) == Some("t"))
}

fn words(row: &SimpleQueryRow) -> String {
    let columns = row.columns().iter().enumerate();
    let values: Vec<String> = columns
        .map(|(index, column)| {
            let value = row.get(index).map_or("NULL".to_owned(), printable);
            format!("{} = {value}", printable(column.name()))
        })
        .collect();
    values.join(", ")
}
