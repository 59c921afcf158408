//! Autovacuum at work on a table of the step: it wants the same disk, and a lock of ours would send
//! it away unfinished.

use super::Measure;
use super::task::HIDDEN;
use crate::journal::Value;
use crate::run::session::{Fault, Session};

/// The table of another role's vacuum is hidden without `pg_read_all_stats`.
const QUERY: &str = "\
SELECT v.pid, v.relid::pg_catalog.regclass::text AS relation, v.relid IS NULL AS hidden, v.phase
FROM pg_catalog.pg_stat_progress_vacuum AS v
WHERE v.datname = pg_catalog.current_database()
  AND (v.relid IS NULL OR v.relid::bigint = ANY ($1))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
                  WHERE a.pid = v.pid AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
                    AND a.backend_type IS NOT NULL)
ORDER BY hidden LIMIT 1";

pub(super) async fn read(
    tables: &[u32],
    session: &Session,
) -> Result<Result<Measure, String>, Fault> {
    if tables.is_empty() {
        return Ok(Ok(Measure::calm()));
    }
    let tables = Value::BigInts(tables.iter().map(|oid| i64::from(*oid)).collect());
    let rows = session.rows("autovacuum", QUERY, &[tables]).await?;
    let Some(row) = rows.first() else { return Ok(Ok(Measure::calm())) };
    if row.get("hidden") {
        return Ok(Err(HIDDEN.to_owned()));
    }
    let (relation, phase): (String, Option<String>) = (row.get("relation"), row.get("phase"));
    let phase = phase.map(|phase| format!(": {phase}")).unwrap_or_default();
    let text = format!("at work on {relation}{phase}");
    Ok(Ok(Measure { pressure: 1.0, text }))
}
