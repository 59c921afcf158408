//! How long work would take, roughly: enough to tell milliseconds from minutes from hours.

use crate::catalog::{Catalog, Relation};
use crate::plan::{Work, WorkKind};
use std::time::Duration;

/// Bytes a second. Orders of magnitude of an ordinary server with its data on disk; a table that
/// is cached is faster, a busy server slower.
const SCAN_BYTES_PER_SECOND: u64 = 400 << 20;
/// A scan with a look-up in another table for each row.
const VALIDATE_BYTES_PER_SECOND: u64 = 100 << 20;
const INDEX_BUILD_BYTES_PER_SECOND: u64 = 60 << 20;
const REWRITE_BYTES_PER_SECOND: u64 = 50 << 20;
const ROW_CHANGES_BYTES_PER_SECOND: u64 = 20 << 20;

/// The bytes that `work` goes through; `None` when nobody knows.
pub fn bytes(work: &Work, catalog: &Catalog) -> Option<u64> {
    let relation = catalog.relation(&work.relation)?;
    if !catalog.sizes_known {
        return None;
    }
    let table: u64 = catalog.leaves(relation).iter().map(|leaf| leaf.table_bytes).sum();
    let indexes = |relation: &Relation| relation.index_bytes;
    let indexes: u64 = catalog.leaves(relation).into_iter().map(indexes).sum();
    Some(match work.kind {
        WorkKind::Scan | WorkKind::Validate | WorkKind::IndexBuild => table,
        WorkKind::Rewrite | WorkKind::RowChanges => table + indexes,
    })
}

/// Roughly how long `work` takes.
pub fn duration(work: &Work, catalog: &Catalog) -> Option<Duration> {
    let rate = match work.kind {
        WorkKind::Scan => SCAN_BYTES_PER_SECOND,
        WorkKind::Validate => VALIDATE_BYTES_PER_SECOND,
        WorkKind::IndexBuild => INDEX_BUILD_BYTES_PER_SECOND,
        WorkKind::Rewrite => REWRITE_BYTES_PER_SECOND,
        WorkKind::RowChanges => ROW_CHANGES_BYTES_PER_SECOND,
    };
    let bytes = bytes(work, catalog)?;
    Some(Duration::from_millis(bytes.saturating_mul(1_000) / rate))
}

/// All of `works` one after the other; `None` when one of them is not known.
pub fn total(works: &[Work], catalog: Option<&Catalog>) -> Option<Duration> {
    works.iter().map(|work| duration(work, catalog?)).sum()
}

/// `~4 min`: one unit, two digits at most, as good as the estimate is.
pub fn words(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        "< 1 s".to_owned()
    } else if seconds < 90.0 {
        format!("~{seconds:.0} s")
    } else if seconds < 90.0 * 60.0 {
        format!("~{:.0} min", seconds / 60.0)
    } else if seconds < 36.0 * 3_600.0 {
        format!("~{:.0} h", seconds / 3_600.0)
    } else {
        format!("~{:.0} days", seconds / 86_400.0)
    }
}

/// `12 GB`, in PostgreSQL's units (powers of 1024).
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    if unit == 0 || value >= 10.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}
