//! What every connection of ours is set to before it does anything, and the check that it is.

use super::error::RunError;
use super::limits::Limits;
use super::session::{Fault, Session};
use crate::journal::Value;
use crate::plan::Plan;
use crate::sql::quote_ident;
use std::time::Duration;

/// Longest time that a statement of ours may take which is neither under a budget nor long by
/// nature: reading the catalog or the journal.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest time that a signal of the throttle may take to be read.
const SIGNAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Shortest limit on the time between two statements of a transaction of ours. While a runner is
/// suspended or unreachable its locks stay; this is how long at most, when `max_hold` is shorter.
const IDLE_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// How soon a backend notices in the middle of a statement that its runner is gone.
const CLIENT_CHECK: &str = "1s";

/// Part of the server's deadlock timeout that a lock of ours is waited for at most, so that we give
/// up first and the server never picks the application as the victim.
const DEADLOCK_SHARE: f64 = 0.9;

/// What the runner needs to know of the server and of its own role there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Server {
    pub major: u32,
    pub database: String,
    pub role: String,
    pub deadlock_timeout: Duration,
    pub block_size: i64,
    pub may_set_replication_role: bool,
    /// Then our own deadlock check can come early, which makes an autovacuum give way at once.
    pub may_set_deadlock_timeout: bool,
}

impl Server {
    /// `time` as a `lock_timeout` that ends before any deadlock check of the server.
    pub(super) fn lock_timeout(&self, time: Duration) -> Duration {
        time.min(self.deadlock_timeout.mul_f64(DEADLOCK_SHARE))
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Use<'a> {
    /// Statements of the plan, if there is one, under its search path and settings.
    Work { plan: Option<&'a Plan> },
    /// Heartbeat, samples, cancelling.
    Guard,
    /// Reading the signals of the throttle.
    Signals,
}

/// A time as a setting in milliseconds, rounded up; never 0, which would mean none.
pub(super) fn as_setting(time: Duration) -> String {
    time.as_nanos().div_ceil(1_000_000).clamp(1, i32::MAX as u128).to_string()
}

/// Sets the connection up, reads the settings back, and tells what the server is like.
pub(super) async fn prepare(
    session: &Session,
    limits: &Limits,
    purpose: Use<'_>,
) -> Result<Server, RunError> {
    let facts = facts(session).await.map_err(|fault| fault.doing("read the server's settings"))?;
    let search_path = match purpose {
        Use::Work { plan: Some(plan) } if !plan.search_path.is_empty() => {
            let path = plan.search_path.iter();
            path.map(|schema| quote_ident(schema)).collect::<Vec<_>>().join(", ")
        }
        Use::Work { .. } => "''".to_owned(),
        Use::Guard | Use::Signals => "pg_catalog".to_owned(),
    };
    let lock_timeout = as_setting(facts.lock_timeout(limits.max_stall / 2));
    let statement_timeout = as_setting(match purpose {
        Use::Work { .. } | Use::Guard => STATEMENT_TIMEOUT,
        Use::Signals => SIGNAL_TIMEOUT,
    });
    let read_only = if purpose == Use::Signals { "on" } else { "off" };
    let idle = as_setting(limits.max_hold.max(IDLE_TIMEOUT_MIN));
    let mut wanted: Vec<(&str, &str)> = vec![
        ("search_path", &search_path),
        ("lock_timeout", &lock_timeout),
        ("statement_timeout", &statement_timeout),
        ("idle_in_transaction_session_timeout", &idle),
        // The runner lock may be held for hours without a statement.
        ("idle_session_timeout", "0"),
        ("default_transaction_isolation", "read committed"),
        ("default_transaction_read_only", read_only),
        ("standard_conforming_strings", "on"),
        // A policy that hides rows from us makes a statement fail instead of skipping them.
        ("row_security", "off"),
        // Compiling costs more than a batch takes.
        ("jit", "off"),
    ];
    if facts.major >= 17 {
        wanted.push(("transaction_timeout", "0"));
    }
    if purpose == Use::Guard {
        // A lost heartbeat does no harm, and a standby that lags must not hold it up.
        wanted.push(("synchronous_commit", "off"));
    }
    let doing = "set up the connection";
    let ours = wanted.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    set(session, ours.unzip()).await.map_err(|fault| fault.doing(doing))?;
    if let Use::Work { plan: Some(plan) } = purpose
        && !plan.settings.is_empty()
    {
        // Not read back: the server shows many of them in another form.
        set(session, plan.settings.clone().into_iter().unzip())
            .await
            .map_err(|fault| fault.doing("make the settings of the migration"))?;
    }
    // Not on every platform; without it an orphaned backend just takes longer to notice.
    match session.control(&format!("SET client_connection_check_interval = '{CLIENT_CHECK}'")).await
    {
        Ok(()) | Err(Fault::Server(_)) => {}
        Err(fault) => return Err(fault.doing(doing)),
    }
    check(session, &wanted).await?;
    Ok(facts)
}

async fn set(session: &Session, (names, values): (Vec<String>, Vec<String>)) -> Result<(), Fault> {
    let sql = "SELECT pg_catalog.set_config(s.name, s.value, false) \
               FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) \
                    AS s (name, value)";
    session.rows("set up", sql, &[Value::Texts(names), Value::Texts(values)]).await.map(drop)
}

/// Reads the settings back: a pooler in front of the server may hand each statement to another
/// backend, and then none of our bounds would hold.
async fn check(session: &Session, wanted: &[(&str, &str)]) -> Result<(), RunError> {
    // Twice in a row, so that one that hands out two backends in turn cannot be right by chance.
    for _ in 0..2 {
        check_once(session, wanted).await?;
    }
    Ok(())
}

async fn check_once(session: &Session, wanted: &[(&str, &str)]) -> Result<(), RunError> {
    let names = wanted.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rows = session
        .rows(
            "check settings",
            "SELECT s.name, s.setting, pg_catalog.pg_backend_pid() AS pid \
             FROM pg_catalog.pg_settings AS s WHERE s.name = ANY ($1)",
            &[Value::Texts(names)],
        )
        .await
        .map_err(|fault| fault.doing("check the connection's settings"))?;
    for (name, value) in wanted {
        let found = rows.iter().find(|row| row.get::<_, &str>("name") == *name);
        let holds = found.is_some_and(|row| {
            row.get::<_, &str>("setting") == *value && row.get::<_, i32>("pid") == session.pid
        });
        if !holds {
            return Err(RunError::SettingLost { name: (*name).to_owned() });
        }
    }
    Ok(())
}

async fn facts(session: &Session) -> Result<Server, Fault> {
    let row = session
        .row(
            "server facts",
            "SELECT pg_catalog.current_setting('server_version_num')::int AS version, \
             pg_catalog.current_database()::text AS database, current_user::text AS role, \
             (SELECT s.setting::bigint FROM pg_catalog.pg_settings AS s \
              WHERE s.name = 'deadlock_timeout') AS deadlock_timeout, \
             pg_catalog.current_setting('block_size')::bigint AS block_size, \
             (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) \
                 AS superuser",
            &[],
        )
        .await?;
    let major = u32::try_from(row.get::<_, i32>("version") / 10_000).unwrap_or_default();
    let superuser: bool = row.get("superuser");
    let (replication_role, deadlock_timeout) = if superuser || major < 15 {
        (superuser, superuser)
    } else {
        let row = session
            .row(
                "role's privileges",
                "SELECT pg_catalog.has_parameter_privilege('session_replication_role', 'SET'), \
                 pg_catalog.has_parameter_privilege('deadlock_timeout', 'SET')",
                &[],
            )
            .await?;
        (row.get(0), row.get(1))
    };
    Ok(Server {
        major,
        database: row.get("database"),
        role: row.get("role"),
        deadlock_timeout: Duration::from_millis(
            u64::try_from(row.get::<_, i64>("deadlock_timeout")).unwrap_or(1000),
        ),
        block_size: row.get("block_size"),
        may_set_replication_role: replication_role,
        may_set_deadlock_timeout: deadlock_timeout,
    })
}
