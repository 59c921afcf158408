//! Looks from within the transaction that runs the statement: complete, since PostgreSQL keeps table
//! locks to the end of a transaction ("Explicit Locking" in the manual).

use super::{Effects, Relations, telling};
use crate::connect::Connection;
use crate::lock::LockMode;
use std::collections::BTreeMap;
use tokio_postgres::Error;

const LOCKS: &str = "
SELECT relation, mode FROM pg_locks
 WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Rows read in full scans that are not in the shared statistics yet: of this transaction, and of
/// earlier ones of the session.
const ROWS_READ: &str = "
SELECT relid, seq_tup_read FROM pg_stat_xact_all_tables
 WHERE seq_tup_read > 0 AND relid = ANY ($1)";

/// Runs `statement` in the transaction that is open on `connection`, and looks at what it did to the
/// relations `known`. The transaction stays open. What its earlier statements hold is in the locks
/// too.
///
/// The server's messages are there when `client_min_messages` lets them through (`debug1`).
///
/// # Errors
/// The server's: the statement failed, and with it the transaction.
pub async fn observe(
    connection: &Connection,
    statement: &str,
    known: &Relations,
) -> Result<Effects, Error> {
    let before = rows_read(connection, known).await?;
    connection.take_notices();
    connection.batch_execute(statement).await?;
    let mut effects =
        Effects { messages: telling(&connection.take_notices()), ..Effects::default() };
    for row in connection.query(LOCKS, &[]).await? {
        let mode = LockMode::from_pg_locks_name(row.get(1));
        if let (Some(relation), Some(mode)) = (known.get(row.get(0)), mode) {
            effects.hold(&relation.name, mode);
            if relation.is_index() {
                effects.indexes.insert(relation.name.clone());
            }
        }
    }
    known.new_files(connection, &mut effects).await?;
    for (oid, rows) in rows_read(connection, known).await? {
        if before.get(&oid) != Some(&rows)
            && let Some(relation) = known.get(oid)
        {
            effects.scanned.insert(relation.name.clone());
        }
    }
    Ok(effects)
}

async fn rows_read(
    connection: &Connection,
    known: &Relations,
) -> Result<BTreeMap<u32, i64>, Error> {
    let rows = connection.query(ROWS_READ, &[&known.oids()]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
