//! Files of WAL that wait to be archived: they stay on the server's disk until they are.

use super::Measure;
use crate::run::session::{Fault, Session};

/// `pg_ls_archive_statusdir` is for `pg_monitor`.
const QUERY: &str = "\
SELECT pg_catalog.count(*) FILTER (WHERE f.name LIKE '%.ready') AS ready
FROM pg_catalog.pg_ls_archive_statusdir() AS f";

pub(super) async fn read(limit: u64, session: &Session) -> Result<Measure, Fault> {
    let ready: i64 = session.row("archive backlog", QUERY, &[]).await?.get("ready");
    let text = format!("{ready} files of WAL wait to be archived (limit {limit})");
    Ok(Measure::of(ready as f64, limit as f64, text))
}
