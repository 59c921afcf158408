//! What the guard asks the server.

use crate::journal::{Command, Hits, Value};
use crate::run::progress::Blocker;

/// A backend that waits for a lock.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiter {
    pub pid: i32,
    pub waited_ms: f64,
    /// Backends that it waits for, directly: holders and those before it in the queue. 0 stands
    /// for a prepared transaction.
    pub behind: Vec<i32>,
}

/// Which of `pids` wait, and who waits behind them.
pub(super) fn waiters(pids: &[i32]) -> Command {
    Command::new(
        "who waits",
        "WITH waiting AS MATERIALIZED (
    SELECT l.pid, min(l.waitstart) AS since FROM pg_locks AS l WHERE NOT l.granted GROUP BY l.pid
), behind AS MATERIALIZED (
    SELECT w.pid, w.since, pg_blocking_pids(w.pid) AS by FROM waiting AS w
)
SELECT b.pid, b.by,
       COALESCE(date_part('epoch', clock_timestamp() - b.since) * 1000, 0)::float8 AS waited_ms
FROM behind AS b
WHERE b.pid = ANY ($1::bigint[]::int[]) OR b.by && $1::bigint[]::int[]",
        vec![Value::BigInts(pids.iter().map(|pid| i64::from(*pid)).collect())],
        Hits::Any,
    )
}

pub(super) fn waiter(row: &tokio_postgres::Row) -> Waiter {
    Waiter { pid: row.get("pid"), waited_ms: row.get("waited_ms"), behind: row.get("by") }
}

/// What backends of ours do.
pub(super) fn vitals(pids: &[i32]) -> Command {
    Command::new(
        "vitals",
        "SELECT a.pid, a.state FROM pg_stat_activity AS a WHERE a.pid = ANY ($1::bigint[]::int[])",
        vec![Value::BigInts(pids.iter().map(|pid| i64::from(*pid)).collect())],
        Hits::Any,
    )
}

/// Cancels what a backend of ours is doing.
pub(super) fn cancel(pid: i32) -> Command {
    Command::new(
        "cancel ourselves",
        "SELECT pg_cancel_backend($1::bigint::int)",
        vec![Value::BigInt(i64::from(pid))],
        Hits::Any,
    )
}

/// How far a long statement of the backend is, and whom it waits for.
pub(super) fn progress(pid: i32) -> Command {
    Command::new(
        "progress of the statement",
        "SELECT p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total,
       p.lockers_done, p.lockers_total,
       array_remove(pg_blocking_pids(me.pid) || NULLIF(p.current_locker_pid, 0)::int, NULL)
           AS lockers
FROM (SELECT $1::bigint::int AS pid) AS me
LEFT JOIN (
    SELECT i.pid, i.phase, i.blocks_done, i.blocks_total, i.tuples_done, i.tuples_total,
           i.lockers_done, i.lockers_total, i.current_locker_pid
    FROM pg_stat_progress_create_index AS i
    UNION ALL
    SELECT v.pid, v.phase, v.heap_blks_scanned, v.heap_blks_total, 0, 0, 0, 0, NULL
    FROM pg_stat_progress_vacuum AS v
) AS p ON p.pid = me.pid",
        vec![Value::BigInt(i64::from(pid))],
        Hits::Any,
    )
}

/// What there is to say of backends that are in the way.
pub(in crate::run) fn backends(pids: &[i32]) -> Command {
    Command::new(
        "who is in the way",
        "SELECT a.pid, a.application_name, a.usename::text AS user_name, a.state, a.backend_type,
       pg_catalog.left(pg_catalog.btrim(a.query), 120) AS query,
       (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) * 1000)::float8
           AS age_ms
FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = ANY ($1::bigint[]::int[])",
        vec![Value::BigInts(pids.iter().map(|pid| i64::from(*pid)).collect())],
        Hits::Any,
    )
}

pub(in crate::run) fn backend(row: &tokio_postgres::Row) -> Blocker {
    let autovacuum = row.get::<_, Option<&str>>("backend_type") == Some("autovacuum worker");
    let state = row.get::<_, Option<String>>("state");
    Blocker {
        pid: row.get("pid"),
        application_name: row.get("application_name"),
        user: row.get("user_name"),
        age_ms: row.get::<_, Option<f64>>("age_ms").unwrap_or_default(),
        state: if autovacuum {
            "autovacuum".to_owned()
        } else {
            state.unwrap_or_else(|| "in a transaction".to_owned())
        },
        query: row.get("query"),
        relation: None,
    }
}
