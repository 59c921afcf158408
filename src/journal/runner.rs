//! One runner at a time: the advisory lock, the runner's row and its heartbeat, as statements.
//!
//! The lock is held by the connection that does the work, so that a backend which outlives its
//! runner (a concurrent build goes on when the client is gone) keeps others out until it is over.
//! The heartbeat comes from another connection, because the first is busy while it works.

use super::command::{Command, Hits, Value};
use serde::Serialize;

/// Key of the session advisory lock of the runner: the ASCII codes of `airlock`. `pg_locks` shows
/// it as `classid` 6383986, `objid` 1819239275, `objsubid` 1. Advisory locks are per database.
pub const LOCK_KEY: i64 = 0x0061_6972_6c6f_636b;

/// Who a runner is, as others are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// New for every run.
    pub runner: String,
    pub revision: String,
    /// Process id on `host`.
    pub pid: i64,
    pub host: String,
    pub os_user: String,
    pub db_user: String,
    /// Version of airlock.
    pub version: String,
}

/// What a runner does, as far as others have to know: column `airlock.runner.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pose {
    Working,
    /// At work on a statement that cannot be paused.
    Busy,
    /// Begins nothing new because of a signal.
    Throttled,
    /// Begins nothing new because somebody has asked for that.
    Paused,
}

impl Pose {
    pub const ALL: [Pose; 4] = [Pose::Working, Pose::Busy, Pose::Throttled, Pose::Paused];

    /// The word in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Pose::Working => "working",
            Pose::Busy => "busy",
            Pose::Throttled => "throttled",
            Pose::Paused => "paused",
        }
    }
}

/// A runner as its row tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Runner {
    #[serde(flatten)]
    pub identity: Identity,
    pub started_at: jiff::Timestamp,
    pub heartbeat_at: jiff::Timestamp,
    /// By the server's clock, when the row was read.
    pub heartbeat_age_ms: i64,
    pub activity: String,
    pub state: Pose,
    /// Why it is in that state.
    pub reason: Option<String>,
}

/// Tries to take the runner lock. One row, one boolean.
pub fn try_lock() -> Command {
    Command::new(
        "take the runner lock",
        "SELECT pg_catalog.pg_try_advisory_lock($1)",
        vec![Value::BigInt(LOCK_KEY)],
        Hits::Any,
    )
}

/// Gives the runner lock back.
pub fn unlock() -> Command {
    Command::new(
        "release the runner lock",
        "SELECT pg_catalog.pg_advisory_unlock($1)",
        vec![Value::BigInt(LOCK_KEY)],
        Hits::Any,
    )
}

/// The backend that holds the runner lock, if any: what there is to say of a runner that has not
/// written its row yet, or that is gone while its backend still works.
pub fn lock_holder() -> Command {
    Command::new(
        "who holds the runner lock",
        "SELECT l.pid, a.usename::text, a.application_name, a.state, a.query, \
         a.backend_start::text AS backend_start, pg_catalog.host(a.client_addr) AS client \
         FROM pg_catalog.pg_locks AS l \
         LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.classid = (($1 >> 32) & 4294967295)::oid AND l.objid = ($1 & 4294967295)::oid \
         AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d \
                           WHERE d.datname = pg_catalog.current_database())",
        vec![Value::BigInt(LOCK_KEY)],
        Hits::Any,
    )
}

/// Writes the runner's row, whoever was in it; to be sent by the holder of the lock. Waits for
/// transactions of the runner before, which hold the row by its key.
pub fn take_over(identity: &Identity) -> Command {
    Command::new(
        "journal runner",
        "INSERT INTO airlock.runner \
         (runner, revision, pid, host, os_user, db_user, version) \
         VALUES ($1::text::pg_catalog.uuid, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (only_row) DO UPDATE SET runner = excluded.runner, \
         revision = excluded.revision, pid = excluded.pid, host = excluded.host, \
         os_user = excluded.os_user, db_user = excluded.db_user, version = excluded.version, \
         started_at = excluded.started_at, heartbeat_at = excluded.heartbeat_at, \
         activity = excluded.activity, state = excluded.state, reason = excluded.reason",
        vec![
            Value::text(&identity.runner),
            Value::text(&identity.revision),
            Value::BigInt(identity.pid),
            Value::text(&identity.host),
            Value::text(&identity.os_user),
            Value::text(&identity.db_user),
            Value::text(&identity.version),
        ],
        Hits::Some,
    )
}

/// The runner is alive and says what it does.
pub fn beat(runner: &str, activity: &str, pose: Pose, reason: Option<&str>) -> Command {
    Command::new(
        "heartbeat",
        "UPDATE airlock.runner SET heartbeat_at = pg_catalog.clock_timestamp(), activity = $2, \
         state = $3, reason = $4 WHERE runner = $1::text::pg_catalog.uuid",
        vec![
            Value::text(runner),
            Value::text(activity),
            Value::text(pose.name()),
            Value::OptionalText(reason.map(str::to_owned)),
        ],
        Hits::Some,
    )
}

/// The runner stops; an order to it to do so is followed with that.
pub fn leave(runner: &str) -> Command {
    Command::new(
        "journal runner left",
        "WITH gone AS (DELETE FROM airlock.control WHERE key = $2 AND value = $1) \
         DELETE FROM airlock.runner WHERE runner = $1::text::pg_catalog.uuid",
        vec![Value::text(runner), Value::text(super::control::CANCEL)],
        Hits::Any,
    )
}

/// The runner's row, if there is one.
pub fn read() -> Command {
    Command::new("read runner", READ, Vec::new(), Hits::Any)
}

const READ: &str = "SELECT runner::text, revision, pid, host, os_user, db_user, version, \
    (pg_catalog.date_part('epoch', started_at) * 1000000)::bigint AS started_at, \
    (pg_catalog.date_part('epoch', heartbeat_at) * 1000000)::bigint AS heartbeat_at, \
    (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - heartbeat_at) * 1000)::bigint \
        AS heartbeat_age_ms, activity, pg_catalog.to_jsonb(r) ->> 'state' AS state, \
    pg_catalog.to_jsonb(r) ->> 'reason' AS reason FROM airlock.runner AS r";

/// A row of [`read`] as a value.
pub fn runner(row: &tokio_postgres::Row) -> Runner {
    Runner {
        identity: Identity {
            runner: row.get("runner"),
            revision: row.get("revision"),
            pid: row.get("pid"),
            host: row.get("host"),
            os_user: row.get("os_user"),
            db_user: row.get("db_user"),
            version: row.get("version"),
        },
        started_at: super::timestamp(row.get("started_at")),
        heartbeat_at: super::timestamp(row.get("heartbeat_at")),
        heartbeat_age_ms: row.get("heartbeat_age_ms"),
        activity: row.get("activity"),
        // A journal of an older airlock says neither.
        state: row
            .get::<_, Option<&str>>("state")
            .and_then(|name| Pose::ALL.into_iter().find(|pose| pose.name() == name))
            .unwrap_or(Pose::Working),
        reason: row.get("reason"),
    }
}

#[cfg(test)]
mod tests {
    use super::LOCK_KEY;

    #[test]
    fn the_key_spells_the_name() {
        assert_eq!(&LOCK_KEY.to_be_bytes()[1..], b"airlock");
        assert_eq!((LOCK_KEY >> 32, LOCK_KEY & 0xffff_ffff), (6_383_986, 1_819_239_275));
    }
}
