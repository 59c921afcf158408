//! Client backends at work for each processor of the server.

use super::Measure;
use super::task::HIDDEN;
use crate::run::session::{Fault, Session};

/// What another role's session does, and of which kind it is, is hidden without
/// `pg_read_all_stats`.
const QUERY: &str = "\
SELECT pg_catalog.count(*) FILTER (WHERE a.state = 'active') AS active,
       pg_catalog.count(*) FILTER (WHERE a.backend_type IS NULL OR a.state = 'disabled') AS hidden
FROM pg_catalog.pg_stat_activity AS a
WHERE (a.backend_type = 'client backend' OR a.backend_type IS NULL AND a.usesysid IS NOT NULL)
  AND (a.application_name IS NULL OR a.application_name NOT LIKE 'airlock%')";

pub(super) async fn read(
    most: f64,
    cores: u32,
    session: &Session,
) -> Result<Result<Measure, String>, Fault> {
    let row = session.row("active backends", QUERY, &[]).await?;
    let (active, hidden): (i64, i64) = (row.get("active"), row.get("hidden"));
    if hidden > 0 {
        return Ok(Err(HIDDEN.to_owned()));
    }
    let limit = most * f64::from(cores);
    let text = format!("{active} backends are at work (limit {limit:.0} on {cores} cores)");
    Ok(Ok(Measure::of(active as f64, limit, text)))
}
