//! The complete schema of a database as sorted lines, and its rows as digests: two databases are
//! equal where these are.
//!
//! Leaves out schema `airlock`, which is our journal, and nothing else that a person could miss:
//! comments, grants, owners, statistics targets and names of constraints are in it.

use super::fingerprint_queries::{COLUMN_ORDER, LINES};
use super::session::{PRINTING, failed, in_snapshot};
use super::versions::for_version;
use crate::error::Error;
use crate::sql::{QualifiedName, quote_ident, quote_literal};
use futures_util::future::try_join_all;
use tokio_postgres::Client;

/// The rows of a relation, whatever their order and that of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDigest {
    pub rows: u64,
    /// Sums of the two halves of each row's hash.
    pub digest: String,
}

/// Everything that describes the schema, sorted. The order of the columns of tables is not in it:
/// see [`column_order`].
///
/// # Errors
/// As [`super::load`].
pub async fn fingerprint(client: &Client) -> Result<Vec<String>, Error> {
    lines(client, LINES).await
}

/// The columns of each table in their order, a line for each table, sorted.
///
/// # Errors
/// As [`super::load`].
pub async fn column_order(client: &Client) -> Result<Vec<String>, Error> {
    lines(client, &[COLUMN_ORDER]).await
}

async fn lines(client: &Client, queries: &[&str]) -> Result<Vec<String>, Error> {
    in_snapshot(client, async {
        let version = client
            .query_typed("SELECT current_setting('server_version_num')::int", &[])
            .await
            .map_err(failed)?;
        let version = version.first().map_or(0, |row| row.get::<_, i32>(0).unsigned_abs());
        client.batch_execute(PRINTING).await.map_err(failed)?;
        let texts: Vec<String> = queries.iter().map(|query| for_version(query, version)).collect();
        let answers = try_join_all(texts.iter().map(|text| client.query_typed(text, &[])))
            .await
            .map_err(failed)?;
        let mut lines: Vec<String> =
            answers.iter().flatten().filter_map(|row| row.get::<_, Option<String>>(0)).collect();
        lines.sort();
        Ok(lines)
    })
    .await
}

/// How many rows `relation` has, those of partitions and inheritance children included, and a digest
/// of all of them. For a sequence: where it stands.
///
/// # Errors
/// As [`super::load`]; when the relation is not there, or row security would hide rows.
pub async fn data_digest(client: &Client, relation: &QualifiedName) -> Result<DataDigest, Error> {
    in_snapshot(client, async {
        client.batch_execute(PRINTING).await.map_err(failed)?;
        client.batch_execute("SET LOCAL row_security = off").await.map_err(failed)?;
        let columns = format!(
            "SELECT attname::text FROM pg_attribute
              WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped
                AND attname <> CASE WHEN (SELECT relkind FROM pg_class WHERE oid = attrelid) = 'S'
                                    THEN 'log_cnt' ELSE '' END
              ORDER BY attname",
            quote_literal(&relation.to_string())
        );
        let columns = client.query_typed(&columns, &[]).await.map_err(failed)?;
        let columns: Vec<String> =
            columns.iter().map(|row| format!("t.{}", quote_ident(row.get(0)))).collect();
        let query = format!(
            "SELECT count(*), coalesce(sum(('x' || left(hash, 16))::bit(64)::bigint), 0)::text || ':'
                 || coalesce(sum(('x' || right(hash, 16))::bit(64)::bigint), 0)::text
               FROM (SELECT md5(ROW({})::text) AS hash FROM {relation} AS t) AS rows",
            columns.join(", ")
        );
        let rows = client.query_typed(&query, &[]).await.map_err(failed)?;
        let (count, digest) = rows
            .first()
            .map(|row| (row.get::<_, i64>(0), row.get::<_, String>(1)))
            .unwrap_or_default();
        Ok(DataDigest { rows: u64::try_from(count).unwrap_or(0), digest })
    })
    .await
}
