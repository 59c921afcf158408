//! The transaction in which a catalog is read: one snapshot, read only, with fixed output settings,
//! so that the same schema prints the same way whatever the session is set to.

use crate::connect::{database_error, sqlstate};
use crate::error::{Error, Kind};
use std::future::Future;
use tokio_postgres::Client;

/// SQLSTATE `lock_not_available`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Names are printed with their schema, constants in one notation. `lock_timeout` bounds the wait
/// for a relation that somebody else holds in ACCESS EXCLUSIVE mode (sizes and view definitions
/// need it); JIT compilation would cost more than these queries take.
pub(crate) const PRINTING: &str = "
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';
SET LOCAL quote_all_identifiers = off;
SET LOCAL standard_conforming_strings = on;
SET LOCAL lock_timeout = '30s';
SET LOCAL statement_timeout = '10min';
SET LOCAL work_mem = '64MB';
SET LOCAL jit = off";

/// Timeouts that the role or the database has, and that would end a transaction which is read slowly. Not of every
/// version (`transaction_timeout` came with 17); in one message with BEGIN, before either can strike.
const BEGIN: &str = "
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_catalog.set_config(name, '0', true) FROM pg_catalog.pg_settings
 WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')";

/// Runs `work` in a read-only transaction with one snapshot, which is ended in any case.
pub(crate) async fn in_snapshot<T>(
    client: &Client,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    client.batch_execute(BEGIN).await.map_err(failed)?;
    match work.await {
        Ok(value) => {
            client.batch_execute("COMMIT").await.map_err(failed)?;
            Ok(value)
        }
        Err(error) => {
            // The first error says what is wrong; when the connection is gone this fails too.
            let _ = client.batch_execute("ROLLBACK").await;
            Err(error)
        }
    }
}

/// The error for a person when reading the catalog fails.
pub(crate) fn failed(error: tokio_postgres::Error) -> Error {
    let mut shown = database_error(&error, "read the catalog");
    if sqlstate(&error) == Some(LOCK_NOT_AVAILABLE) {
        shown.kind = Kind::Retry;
        shown = shown.hint("Somebody holds a relation in ACCESS EXCLUSIVE mode. Try again later.");
    }
    shown
}
