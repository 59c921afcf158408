//! How fast a server reads and writes, from a small sample of each.
//!
//! For a database in use: reads a bounded part of one table under `ACCESS SHARE` for a moment, writes
//! a bounded temporary table that is rolled back, and waits for nothing.

use crate::sql::{QualifiedName, quote_ident};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Error};

/// Most that is read, and written, in one statement.
const MAX_BYTES: u64 = 32 << 20;
/// A part that takes this long says enough.
const ENOUGH: Duration = Duration::from_millis(40);
/// Least bytes that say anything: below, starting the statement is what takes the time.
const MIN_BYTES: u64 = 1 << 20;
/// No statement runs longer; `lock_timeout` is shorter, so that nobody waits behind us in a queue.
const TIMEOUTS: &str = "SET LOCAL statement_timeout = '250ms'; SET LOCAL lock_timeout = '20ms'; \
     SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off; \
     SET LOCAL search_path = pg_catalog, pg_temp;";
/// Bytes of a row of the temporary table.
const ROW_BYTES: u64 = 256;

/// So many bytes in so much time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub bytes: u64,
    pub took: Duration,
}

impl Sample {
    /// Bytes a second, at least one.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn speed(&self) -> u64 {
        ((self.bytes as f64 / self.took.as_secs_f64().max(1e-9)) as u64).max(1)
    }

    fn is_enough(&self) -> bool {
        self.took >= ENOUGH || self.bytes.saturating_mul(4) > MAX_BYTES
    }
}

/// Reads more and more blocks from the start of `table`, which has `bytes`; `None` when it is too
/// small to tell.
///
/// # Errors
/// The server's, a timeout or a missing privilege among them.
pub async fn scan(
    client: &mut Client,
    table: &QualifiedName,
    bytes: u64,
) -> Result<Option<Sample>, Error> {
    let row =
        client.query_one("SELECT pg_catalog.current_setting('block_size')::int4", &[]).await?;
    let block = u64::from(row.get::<_, i32>(0).unsigned_abs()).max(1);
    let (mut from, mut size) = (0, MIN_BYTES);
    let mut found: Option<Sample> = None;
    // Each part is read for the first time: what is in no cache is not made to be.
    while (from + size) <= bytes {
        let (first, behind) = (from / block, (from + size) / block);
        let sql = format!(
            "SELECT pg_catalog.count(*) FROM ONLY {}.{} \
             WHERE ctid >= '({first},0)'::pg_catalog.tid AND ctid < '({behind},0)'::pg_catalog.tid",
            quote_ident(&table.schema),
            quote_ident(&table.name)
        );
        // A transaction for each, so that the lock is held no longer than one takes.
        let transaction = client.build_transaction().read_only(true).start().await?;
        transaction.batch_execute(TIMEOUTS).await?;
        let start = Instant::now();
        let read = transaction.query(&sql, &[]).await;
        let took = start.elapsed();
        transaction.rollback().await?;
        match (read, found) {
            (Ok(_), _) => {}
            // What was read before says enough.
            (Err(_), Some(_)) => break,
            (Err(error), None) => return Err(error),
        }
        let sample = Sample { bytes: size, took };
        found = Some(sample);
        if sample.is_enough() {
            break;
        }
        from += size;
        size *= 4;
    }
    Ok(found)
}

/// Writes larger and larger temporary tables, each rolled back.
///
/// # Errors
/// The server's, a timeout, a missing privilege and a standby among them.
pub async fn write(client: &mut Client) -> Result<Sample, Error> {
    let mut size = MIN_BYTES;
    loop {
        let rows = size / ROW_BYTES;
        let sql = format!(
            "CREATE TEMPORARY TABLE airlock_measure AS SELECT g, pg_catalog.repeat('x', 220) \
             FROM pg_catalog.generate_series(1, {rows}) AS g"
        );
        let transaction = client.transaction().await?;
        transaction.batch_execute(TIMEOUTS).await?;
        let start = Instant::now();
        transaction.batch_execute(&sql).await?;
        let took = start.elapsed();
        let written = "SELECT pg_catalog.pg_relation_size('pg_temp.airlock_measure')";
        let written: i64 = transaction.query_one(written, &[]).await?.get(0);
        transaction.rollback().await?;
        let sample = Sample { bytes: written.unsigned_abs(), took };
        if sample.is_enough() {
            return Ok(sample);
        }
        size *= 4;
    }
}
