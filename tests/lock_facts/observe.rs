//! Runs a statement in a transaction that is rolled back, and looks at what it did.

use crate::claim::Effects;
use airlock::connect::Connection;
use airlock::lock::LockMode;
use std::collections::{BTreeMap, BTreeSet};

/// Relations and indexes of schema `s`, with their kind and their file.
const RELATIONS: &str = "
SELECT c.oid, c.relname::text, c.relkind::text, coalesce(pg_relation_filenode(c.oid), 0)
  FROM pg_class c
 WHERE c.relnamespace = 's'::regnamespace AND c.relkind NOT IN ('t', 'c')";

const LOCKS: &str = "
SELECT relation, mode FROM pg_locks
 WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

const FILES: &str = "
SELECT oid, coalesce(pg_relation_filenode(oid), 0) FROM pg_class WHERE oid = ANY ($1)";

/// Rows read in full scans that are not in the shared statistics yet: of this transaction, and of
/// earlier ones of the session.
const ROWS_READ: &str = "
SELECT relid, seq_tup_read FROM pg_stat_xact_all_tables
 WHERE seq_tup_read > 0 AND relid = ANY ($1)";

struct Known {
    name: String,
    kind: String,
    file: u32,
}

/// What `statement` does; the server's error when it fails.
pub(crate) async fn observe(connection: &Connection, statement: &str) -> Result<Effects, String> {
    let known: BTreeMap<u32, Known> = connection
        .query(RELATIONS, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), Known { name: row.get(1), kind: row.get(2), file: row.get(3) }))
        .collect();
    connection.batch_execute("BEGIN").await.unwrap();
    let before = rows_read(connection, &known).await;
    let effects = match connection.batch_execute(statement).await {
        Ok(()) => Ok(effects(connection, &known, &before).await),
        Err(error) => {
            Err(error.as_db_error().map_or(error.to_string(), |e| e.message().to_owned()))
        }
    };
    connection.batch_execute("ROLLBACK").await.unwrap();
    effects
}

async fn rows_read(connection: &Connection, known: &BTreeMap<u32, Known>) -> BTreeMap<u32, i64> {
    let oids: Vec<u32> = known.keys().copied().collect();
    let rows = connection.query(ROWS_READ, &[&oids]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn effects(
    connection: &Connection,
    known: &BTreeMap<u32, Known>,
    before: &BTreeMap<u32, i64>,
) -> Effects {
    let mut effects = Effects::default();
    for row in connection.query(LOCKS, &[]).await.unwrap() {
        let mode = LockMode::from_pg_locks_name(row.get(1));
        if let (Some(relation), Some(mode)) = (known.get(&row.get::<_, u32>(0)), mode) {
            let held = effects.locks.entry(relation.name.clone()).or_insert(mode);
            *held = mode.max(*held);
        }
    }
    let oids: Vec<u32> = known.keys().copied().collect();
    for row in connection.query(FILES, &[&oids]).await.unwrap() {
        let relation = &known[&row.get::<_, u32>(0)];
        if row.get::<_, u32>(1) != relation.file {
            let set: &mut BTreeSet<String> = match relation.kind.as_str() {
                "r" | "m" => &mut effects.rewritten,
                _ => &mut effects.new_files,
            };
            set.insert(relation.name.clone());
        }
    }
    for (relation, rows) in rows_read(connection, known).await {
        if before.get(&relation) != Some(&rows) {
            effects.scanned.insert(known[&relation].name.clone());
        }
    }
    effects
}
