//! Sample rows whose foreign keys hold: the rows that they point to are brought over as well. A key
//! that does not hold would fail as soon as the migration makes the server check it again.

use super::copy_rows;
use crate::connect::{Connection, database_error};
use crate::error::Error;
use crate::sql::quote_literal;

/// Longest chain of keys that is followed; then rows that still point nowhere are deleted.
const MAX_PASSES: usize = 16;
/// Most rows that are fetched for a key in a pass.
const MAX_MISSING: usize = 10_000;

struct Key {
    /// Quoted, with its schema.
    table: String,
    referenced: String,
    /// Quoted, in the order of the key.
    columns: Vec<String>,
    referenced_columns: Vec<String>,
    /// Those of the referenced table that can be written, quoted.
    all_columns: String,
}

impl Key {
    /// The rows of `c` that point to no row.
    fn orphans(&self) -> String {
        let Self { table, referenced, columns, referenced_columns, .. } = self;
        let given: Vec<String> = columns.iter().map(|c| format!("c.{c} IS NOT NULL")).collect();
        let pairs = columns.iter().zip(referenced_columns);
        let same: Vec<String> = pairs.map(|(c, r)| format!("p.{r} = c.{c}")).collect();
        format!(
            "FROM ONLY {table} AS c WHERE {} AND NOT EXISTS (SELECT FROM {referenced} AS p WHERE {})",
            given.join(" AND "),
            same.join(" AND ")
        )
    }
}

/// Brings over what rows point to; the number of rows.
///
/// # Errors
/// What either server says.
pub(super) async fn complete(live: &Connection, here: &Connection) -> Result<u64, Error> {
    let failed = |error: tokio_postgres::Error| database_error(&error, "follow the foreign keys");
    let keys = keys(here).await.map_err(failed)?;
    let mut brought = 0;
    for _ in 0..MAX_PASSES {
        let mut found = 0;
        for key in &keys {
            found += fetch(live, here, key).await.map_err(failed)?;
        }
        brought += found;
        if found == 0 {
            break;
        }
    }
    loop {
        let mut deleted = 0;
        for key in &keys {
            let sql = format!(
                "DELETE FROM ONLY {} WHERE ctid IN (SELECT c.ctid {})",
                key.table,
                key.orphans()
            );
            deleted += here.execute(&sql, &[]).await.map_err(failed)?;
        }
        if deleted == 0 {
            return Ok(brought);
        }
    }
}

async fn keys(here: &Connection) -> Result<Vec<Key>, tokio_postgres::Error> {
    let names = |relation: &str, positions: &str| {
        format!(
            "ARRAY(SELECT pg_catalog.quote_ident(a.attname) \
             FROM pg_catalog.unnest(k.{positions}) WITH ORDINALITY AS n (number, place) \
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.{relation} AND a.attnum = n.number \
             ORDER BY n.place)"
        )
    };
    let sql = format!(
        "SELECT k.conrelid::pg_catalog.regclass::text, k.confrelid::pg_catalog.regclass::text, \
             {}, {}, \
             (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ') \
              FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = k.confrelid AND a.attnum > 0 \
                  AND NOT a.attisdropped AND a.attgenerated = '') \
         FROM pg_catalog.pg_constraint AS k \
         JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid \
         WHERE k.contype = 'f' AND c.relkind = 'r' ORDER BY 1, k.conname",
        names("conrelid", "conkey"),
        names("confrelid", "confkey")
    );
    let key = |row: &tokio_postgres::Row| Key {
        table: row.get(0),
        referenced: row.get(1),
        columns: row.get(2),
        referenced_columns: row.get(3),
        all_columns: row.get(4),
    };
    // Names come qualified.
    here.batch_execute("SET search_path = pg_catalog").await?;
    Ok(here.query(&sql, &[]).await?.iter().map(key).collect())
}

async fn fetch(
    live: &Connection,
    here: &Connection,
    key: &Key,
) -> Result<u64, tokio_postgres::Error> {
    let values: Vec<String> = key.columns.iter().map(|c| format!("c.{c}::text")).collect();
    let sql =
        format!("SELECT DISTINCT {} {} LIMIT {MAX_MISSING}", values.join(", "), key.orphans());
    let missing = here.query(&sql, &[]).await?;
    if missing.is_empty() {
        return Ok(0);
    }
    // Literals without a type get that of the column, so that its index is used.
    let rows: Vec<String> = missing
        .iter()
        .map(|row| {
            let values = (0..row.len()).map(|at| quote_literal(row.get(at)));
            format!("({})", values.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let from = format!(
        "SELECT {} FROM {} WHERE ({}) IN ({})",
        key.all_columns,
        key.referenced,
        key.referenced_columns.join(", "),
        rows.join(", ")
    );
    copy_rows(live, here, &from, &key.referenced, &key.all_columns).await
}
