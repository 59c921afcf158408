//! Statements that PostgreSQL refuses in a transaction and of which no probe tells whether they ran:
//! `VACUUM`, `REINDEX CONCURRENTLY`.
//!
//! They cannot commit with their journal entry, and run again after a death in between: that costs time
//! and does no harm. What an interrupted `REINDEX CONCURRENTLY` of ours left behind is dropped first.

use super::concurrent::alone;
use super::error::RunError;
use super::progress::{Event, Failed};
use super::retry::Backoff;
use super::runner::{Runner, as_ms};
use super::step::complete;
use crate::journal::Value;
use crate::plan::Step;
use std::time::Instant;

/// Invalid indexes that an interrupted `REINDEX CONCURRENTLY` leaves: the new one, or the old one after
/// the exchange (manual, "REINDEX").
const LEFT_BEHIND: &str = "\
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name \
    FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS w (schema, name) \
    JOIN pg_catalog.pg_namespace AS s ON s.nspname = w.schema \
    JOIN pg_catalog.pg_class AS t ON t.relnamespace = s.oid AND t.relname = w.name \
    JOIN pg_catalog.pg_index AS i ON i.indrelid = t.oid AND NOT i.indisvalid \
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid \
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE c.relname ~ '_cc(new|old)[0-9]*$' ORDER BY 1";

pub(super) async fn run(
    runner: &mut Runner<'_>,
    step: &Step,
    sql: &str,
    resumed: bool,
) -> Result<(), RunError> {
    let started = Instant::now();
    let mut backoff = Backoff::new();
    let mut again = resumed;
    loop {
        if again && sql.starts_with("REINDEX") {
            clear_away(runner, step).await?;
        }
        match alone(runner, &step.id, &step.locks, sql).await {
            Ok(()) => break,
            Err(RunError::Server { error, .. })
                if error.sqlstate == "40P01" && started.elapsed() < runner.limits().patience =>
            {
                let pause = backoff.next();
                runner.event(Event::AttemptFailed {
                    step: step.id.clone(),
                    attempt: runner.figures.attempts,
                    reason: Failed::Deadlock,
                    pause_ms: as_ms(pause),
                    blockers: Vec::new(),
                });
                runner.hooks.stop.sleep(pause).await;
                again = true;
            }
            Err(error) => return Err(error),
        }
    }
    complete(runner, step).await
}

async fn clear_away(runner: &mut Runner<'_>, step: &Step) -> Result<(), RunError> {
    let column = |f: fn(&crate::plan::RelationLock) -> &str| {
        Value::Texts(step.locks.iter().map(|lock| f(lock).to_owned()).collect())
    };
    let parameters = [column(|lock| &lock.relation.schema), column(|lock| &lock.relation.name)];
    let rows = runner
        .work
        .rows("find what is left behind", LEFT_BEHIND, &parameters)
        .await
        .map_err(|fault| fault.doing("find what an interrupted REINDEX left behind"))?;
    for row in rows {
        let name: String = row.get("name");
        let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}");
        alone(runner, &step.id, &step.locks, &drop).await?;
    }
    Ok(())
}
