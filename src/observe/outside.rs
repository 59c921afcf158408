//! Watches a statement that forbids a transaction (`CREATE INDEX CONCURRENTLY`, `VACUUM`) from other
//! sessions.
//!
//! Such a statement may be over in less time than a look takes. So it is held up: two *gates* take
//! SHARE on `pg_class` in turn, behind which every transaction of the statement waits as soon as it
//! writes to that catalog, with the locks that it has by then. While one gate is open the other is
//! queued already, so no transaction of the statement slips through. A lock that is taken after that
//! and given back at once can still be missed.

use super::run::{Refusal, refusal};
use super::{Effects, Relations, telling};
use crate::connect::{Connection, Target, database_error, sqlstate};
use crate::error::{Error, Kind};
use crate::lock::LockMode;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const CLOSE: &str = "BEGIN; LOCK TABLE pg_catalog.pg_class IN SHARE MODE";

/// SQLSTATE of a statement that was cancelled, by its timeout for instance.
const QUERY_CANCELED: &str = "57014";

const OPEN: &str = "COMMIT";

/// The locks of a session, and whether it waits for one of the gates.
const LOCKS: &str = "
SELECT relation, mode, granted, relation = 'pg_catalog.pg_class'::regclass
  FROM pg_locks
 WHERE pid = $1 AND locktype = 'relation'
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// A gate that nobody has come to is opened after this time: the statement waits for something else.
const GATE_PATIENCE: Duration = Duration::from_millis(200);

/// A look that takes longer waits for the statement itself, which holds one of the server's own
/// catalogs (`REINDEX SYSTEM`), while the statement waits for a gate: nobody would ever go on.
const LOOK_TIMEOUT: &str = "SET statement_timeout = '5s'";

/// Longest time that a statement is watched.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs `statement` on `connection`, outside any transaction, and says what was seen of it, or why
/// the server refused it.
///
/// # Errors
/// A watcher could not be connected to `target`, which must be where `connection` leads, or the
/// connection was lost.
pub async fn observe(
    connection: &Connection,
    target: &Target,
    statement: &str,
    known: &Relations,
) -> Result<Result<Effects, Refusal>, Error> {
    let failed = |error: &tokio_postgres::Error| database_error(error, "watch the statement");
    let watcher = target.connect("airlock trace watcher").await?;
    watcher.batch_execute(LOOK_TIMEOUT).await.map_err(|error| failed(&error))?;
    let gates =
        [target.connect("airlock trace gate").await?, target.connect("airlock trace gate").await?];
    let row = connection.query_one("SELECT pg_backend_pid()", &[]).await;
    let pid: i32 = row.map_err(|error| failed(&error))?.get(0);
    gates[0].batch_execute(CLOSE).await.map_err(|error| failed(&error))?;
    connection.take_notices();
    let mut effects = Effects::default();
    let watching = watch(&watcher, &gates, pid, known, &mut effects);
    let running = connection.batch_execute(statement);
    let result = tokio::select! {
        result = running => result,
        stopped = watching => {
            connection.canceller().cancel().await?;
            return Err(match stopped {
                Ok(never) => match never {},
                Err(error) if sqlstate(&error) == Some(QUERY_CANCELED) => Error::new(
                    Kind::Failed,
                    "the statement cannot be watched: it locks the server's own catalogs",
                )
                .detail("It has been cancelled."),
                Err(error) => failed(&error),
            });
        }
        () = sleep(PATIENCE) => {
            connection.canceller().cancel().await?;
            return Err(Error::new(Kind::Failed, "the statement takes too long to be watched"));
        }
    };
    for gate in gates {
        gate.canceller().cancel().await?;
        gate.close().await;
    }
    if let Err(error) = result {
        return refusal(&error).map(Err);
    }
    effects.messages = telling(&connection.take_notices());
    known.new_files(connection, &mut effects).await.map_err(|error| failed(&error))?;
    Ok(Ok(effects))
}

/// What never happens.
enum Never {}

/// Looks until it is dropped.
async fn watch(
    watcher: &Connection,
    gates: &[Connection; 2],
    pid: i32,
    known: &Relations,
    effects: &mut Effects,
) -> Result<Never, tokio_postgres::Error> {
    let mut closed = 0;
    loop {
        let since = Instant::now();
        while !look(watcher, pid, known, effects).await? && since.elapsed() < GATE_PATIENCE {
            sleep(LOOK_INTERVAL).await;
        }
        let (this, next) = (&gates[closed], &gates[1 - closed]);
        let change = async {
            // In this order on the wire: the next gate stands in the queue when this one opens.
            let queued = next.batch_execute(CLOSE);
            let opened = async {
                sleep(LOOK_INTERVAL).await;
                this.batch_execute(OPEN).await
            };
            tokio::try_join!(queued, opened)
        };
        tokio::pin!(change);
        loop {
            tokio::select! {
                changed = &mut change => { changed?; break }
                () = sleep(LOOK_INTERVAL) => { look(watcher, pid, known, effects).await?; }
            }
        }
        closed = 1 - closed;
    }
}

/// Adds what the session holds now; whether it waits for a gate.
async fn look(
    watcher: &Connection,
    pid: i32,
    known: &Relations,
    effects: &mut Effects,
) -> Result<bool, tokio_postgres::Error> {
    let mut waits = false;
    for row in watcher.query(LOCKS, &[&pid]).await? {
        let (granted, gate): (bool, bool) = (row.get(2), row.get(3));
        waits |= gate && !granted;
        let mode = LockMode::from_pg_locks_name(row.get(1));
        if let (Some(relation), Some(mode), true) = (known.get(row.get(0)), mode, granted) {
            effects.hold(&relation.name, mode);
            if relation.is_index() {
                effects.indexes.insert(relation.name.clone());
            }
        }
    }
    Ok(waits)
}
