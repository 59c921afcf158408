//! What was done to the journal, or to a revision, otherwise than by running it: one row each, never
//! changed. The table is made by the first one, so that a journal of before needs nothing done to it.

use super::command::{Command, Hits, Value};
use super::rollout::Applier;
use serde::Serialize;
use tokio_postgres::Client;

const EXISTS: &str = "SELECT pg_catalog.to_regclass('airlock.audit') IS NOT NULL";

/// Statements that make the table where it is missing.
pub const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS airlock.audit (
    entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    act text NOT NULL,
    revision text,
    detail text NOT NULL DEFAULT '',
    by_user text NOT NULL,
    by_host text NOT NULL,
    by_version text NOT NULL
)",
    "COMMENT ON TABLE airlock.audit IS
'What was done to this journal by hand: stamp, purge, downgrade, repair. Nothing reads it but people'",
];

/// A row of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    pub at: jiff::Timestamp,
    pub act: String,
    pub revision: Option<String>,
    pub detail: String,
    pub by_user: String,
    pub by_host: String,
    pub by_version: String,
}

/// Adds a row; to be sent in the transaction that does what it says.
pub fn enter(act: &str, revision: Option<&str>, detail: &str, by: &Applier) -> Command {
    Command::new(
        "journal audit",
        "INSERT INTO airlock.audit (act, revision, detail, by_user, by_host, by_version) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        vec![
            Value::text(act),
            Value::OptionalText(revision.map(str::to_owned)),
            Value::text(detail),
            Value::text(&by.user),
            Value::text(&by.host),
            Value::text(&by.version),
        ],
        Hits::Some,
    )
}

/// Every row, oldest first; none where there is no table.
///
/// # Errors
/// Trouble with the database.
pub async fn read(client: &Client) -> Result<Vec<Entry>, super::JournalError> {
    if !client.query_typed_one(EXISTS, &[]).await?.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let sql = "SELECT (pg_catalog.date_part('epoch', at) * 1000000)::bigint AS at_us, act, \
               revision, detail, by_user, by_host, by_version FROM airlock.audit ORDER BY entry";
    let rows = client.query_typed(sql, &[]).await?;
    let entry = |row: &tokio_postgres::Row| Entry {
        at: super::timestamp(row.get("at_us")),
        act: row.get("act"),
        revision: row.get("revision"),
        detail: row.get("detail"),
        by_user: row.get("by_user"),
        by_host: row.get("by_host"),
        by_version: row.get("by_version"),
    };
    Ok(rows.iter().map(entry).collect())
}
