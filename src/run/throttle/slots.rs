//! WAL that replication slots keep back: a consumer that does not keep up fills the disk.

use super::{Measure, bytes};
use crate::run::session::{Fault, Session};

/// The slot that keeps back most. One that was lost keeps nothing back any more.
const QUERY: &str = "\
SELECT s.slot_name::text AS slot,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::float8 AS kept
FROM pg_catalog.pg_replication_slots AS s
WHERE s.restart_lsn IS NOT NULL AND s.wal_status IS DISTINCT FROM 'lost'
ORDER BY kept DESC LIMIT 1";

pub(super) async fn read(limit: u64, session: &Session) -> Result<Measure, Fault> {
    let rows = session.rows("replication slots", QUERY, &[]).await?;
    let Some(row) = rows.first() else { return Ok(Measure::calm()) };
    let (slot, kept): (String, f64) = (row.get("slot"), row.get("kept"));
    let limit = limit as f64;
    let (shown, most) = (bytes(kept), bytes(limit));
    let text = format!("replication slot {slot} keeps back {shown} of WAL (limit {most})");
    Ok(Measure::of(kept, limit, text))
}
