//! How many transactions have begun since the oldest one whose row versions are still kept: until
//! it ends no vacuum frees what came after, and every update of ours adds to it.

use super::Measure;
use super::task::HIDDEN;
use crate::run::session::{Fault, Session};

/// Who keeps the oldest row versions: by a snapshot, or by having written, also while no snapshot is
/// held (procarray.c, `ComputeXidHorizons`, takes both). Our own connections are not in anybody's way for long.
const QUERY: &str = "\
SELECT h.who, pg_catalog.age(h.xmin)::bigint AS age, h.hidden
FROM (
    SELECT 'pid ' || a.pid || COALESCE(' (' || NULLIF(a.application_name, '') || ')', '') AS who,
           x.xmin, a.backend_type IS NULL AND a.usesysid IS NOT NULL AS hidden
    FROM pg_catalog.pg_stat_activity AS a,
         LATERAL (VALUES (a.backend_xmin), (a.backend_xid)) AS x (xmin)
    WHERE a.application_name IS NULL OR a.application_name NOT LIKE 'airlock%'
    UNION ALL
    SELECT 'prepared transaction ' || p.gid, p.transaction, false
    FROM pg_catalog.pg_prepared_xacts AS p
    UNION ALL
    SELECT 'replication slot ' || s.slot_name, x.xmin, false
    FROM pg_catalog.pg_replication_slots AS s,
         LATERAL (VALUES (s.xmin), (s.catalog_xmin)) AS x (xmin)
) AS h
WHERE h.xmin IS NOT NULL OR h.hidden
ORDER BY h.hidden DESC, pg_catalog.age(h.xmin) DESC LIMIT 1";

pub(super) async fn read(limit: u64, session: &Session) -> Result<Result<Measure, String>, Fault> {
    let rows = session.rows("oldest snapshot", QUERY, &[]).await?;
    let Some(row) = rows.first() else { return Ok(Ok(Measure::calm())) };
    if row.get("hidden") {
        return Ok(Err(HIDDEN.to_owned()));
    }
    let (who, age): (String, i64) = (row.get("who"), row.get("age"));
    let text = format!("{who} keeps row versions of the last {age} transactions (limit {limit})");
    Ok(Ok(Measure::of(age as f64, limit as f64, text)))
}
