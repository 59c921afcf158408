//! Becoming the one runner: the advisory lock, the tables of the journal, the runner's row; and
//! being nobody again.

use super::error::RunError;
use super::runner::Runner;
use super::session::{Fault, Session};
use crate::journal::runner as statements;
use crate::journal::{Runner as OtherRunner, schema};
use std::time::{Duration, Instant};

/// First and longest time between two attempts at the runner lock.
const POLL_MIN: Duration = Duration::from_millis(5);
const POLL_MAX: Duration = Duration::from_millis(200);

/// How long a lock whose holder shows no sign of life is waited for: a runner that was killed
/// leaves its backend behind for a moment, or for as long as its statement takes.
const BUSY_AFTER: Duration = Duration::from_secs(5);

/// How long a backend of our own that we lost the connection to may go on idling before it is ended.
const ORPHAN_GRACE: Duration = Duration::from_secs(2);

/// Takes the runner lock, or tells who has it.
pub(super) async fn take_lock(runner: &Runner<'_>) -> Result<(), RunError> {
    let started = Instant::now();
    let mut first_beat = None;
    let mut pause = POLL_MIN;
    loop {
        runner.heed_stop("run")?;
        if locked(&runner.work).await.map_err(|fault| fault.doing("take the runner lock"))? {
            return Ok(());
        }
        let holder = holder(&runner.work).await.map_err(|fault| fault.doing("see who runs"))?;
        let is_us = holder.as_ref().is_some_and(|h| h.identity.runner == runner.identity.runner);
        let waited = started.elapsed();
        if is_us {
            if waited > runner.limits().patience {
                return Err(busy(&runner.work, holder).await);
            }
            if waited > ORPHAN_GRACE {
                end_idle_orphan(&runner.work).await?;
            }
        } else {
            let beat = holder.as_ref().map(|h| (h.identity.runner.clone(), h.heartbeat_at));
            let alive = beat.is_some() && first_beat.is_some() && beat != first_beat;
            if alive || waited > BUSY_AFTER {
                return Err(busy(&runner.work, holder).await);
            }
            first_beat = first_beat.or(beat);
        }
        runner.hooks.stop.sleep(pause).await;
        pause = (pause * 2).min(POLL_MAX);
    }
}

pub(super) async fn locked(work: &Session) -> Result<bool, Fault> {
    let rows = work.ask(&statements::try_lock()).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

async fn boolean(work: &Session, label: &'static str, sql: &str) -> Result<bool, Fault> {
    work.row(label, sql, &[]).await.map(|row| row.get(0))
}

pub(super) async fn holder(work: &Session) -> Result<Option<OtherRunner>, Fault> {
    if !boolean(work, "is there a journal", schema::EXISTS).await? {
        return Ok(None);
    }
    let rows = work.ask(&statements::read()).await?;
    Ok(rows.first().map(statements::runner))
}

pub(super) async fn busy(work: &Session, holder: Option<OtherRunner>) -> RunError {
    let backend = match work.ask(&statements::lock_holder()).await {
        Ok(rows) => rows.first().map(|row| {
            let text = |column| row.get::<_, Option<String>>(column).unwrap_or_default();
            format!(
                "Its backend is pid {}, user {}, {}: {}",
                row.get::<_, i32>("pid"),
                text("usename"),
                text("state"),
                text("query")
            )
        }),
        Err(Fault::Server(_)) => None,
        Err(fault) => return fault.doing("see who runs"),
    };
    RunError::Busy { holder: holder.map(Box::new), backend }
}

/// Ends the backend that we lost the connection to, when it does nothing: it cannot get on without
/// us. One that still executes a statement is left to finish it.
async fn end_idle_orphan(work: &Session) -> Result<(), RunError> {
    let holder = statements::lock_holder();
    let sql = format!(
        "SELECT pg_catalog.pg_terminate_backend(h.pid) FROM ({}) AS h \
         WHERE h.state LIKE 'idle%' AND h.application_name LIKE 'airlock%'",
        holder.sql
    );
    match work.rows("end orphan", &sql, &holder.params).await {
        Ok(_) | Err(Fault::Server(_)) => Ok(()),
        Err(fault) => Err(fault.doing("end our lost backend")),
    }
}

/// Makes the journal's tables when they are missing, and adds to those of an older airlock. Only the holder of the runner lock gets here.
pub(super) async fn make_journal(work: &Session) -> Result<(), RunError> {
    let doing = "create the journal in schema airlock";
    let exists = boolean(work, "is there a journal", schema::EXISTS).await;
    let statements = if exists.map_err(|f| f.doing(doing))? {
        let version = work.row("version of the journal", schema::READ_VERSION, &[]).await;
        if version.map_err(|f| f.doing(doing))?.get::<_, i64>(0) >= schema::VERSION {
            return Ok(());
        }
        &schema::UPGRADE[..]
    } else {
        &schema::CREATE[..]
    };
    let result = async {
        work.control("BEGIN").await?;
        if !boolean(work, "is there a schema", schema::SCHEMA_EXISTS).await? {
            work.execute("create schema airlock", schema::CREATE_SCHEMA, &[]).await?;
        }
        for sql in statements {
            work.execute("create journal", sql, &[]).await?;
        }
        work.control("COMMIT").await
    }
    .await;
    match result {
        Ok(()) => Ok(()),
        Err(fault @ (Fault::Lost(_) | Fault::Cut)) => Err(fault.doing(doing)),
        Err(fault) => {
            work.tidy("ROLLBACK").await.map_err(|fault| fault.doing(doing))?;
            Err(fault.doing(doing))
        }
    }
}

/// Writes the runner's row and starts the heartbeat. Waits for transactions of the runner before
/// us that are still on their way.
pub(super) async fn take_over(runner: &Runner<'_>) -> Result<(), RunError> {
    let started = Instant::now();
    loop {
        match runner.work.write(&statements::take_over(runner.identity)).await {
            Ok(_) => break,
            Err(fault) if fault.sqlstate() == Some("55P03") => {
                if started.elapsed() > runner.limits().patience {
                    return Err(fault.doing("take over from the runner before"));
                }
                runner.heed_stop("run")?;
                runner.hooks.stop.sleep(POLL_MAX).await;
            }
            Err(fault) => return Err(fault.doing("take over from the runner before")),
        }
    }
    runner.guard.beat();
    Ok(())
}

/// Removes the runner's row, unless it is gone already, and gives the lock back. Best effort: a
/// connection that is gone has given the lock back by itself, and a row without a heartbeat
/// misleads nobody.
pub(super) async fn leave(runner: &Runner<'_>) -> Result<(), RunError> {
    runner.guard.rest();
    for command in [statements::leave(&runner.identity.runner), statements::unlock()] {
        match runner.work.write_last(&command).await {
            Ok(()) | Err(Fault::Lost(_) | Fault::Server(_)) => {}
            Err(fault) => return Err(fault.doing("leave")),
        }
    }
    Ok(())
}
