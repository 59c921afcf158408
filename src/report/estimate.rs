//! How long work would take, roughly: enough to tell milliseconds from minutes from hours.

use crate::analyze::estimate as rates;
use crate::catalog::{Catalog, Relation};
use crate::plan::{Work, WorkKind};
use std::time::Duration;

/// How fast the server goes through data, in bytes a second. The speeds of other kinds of work keep
/// the proportions of `analyze::estimate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed {
    /// Reading a table from end to end.
    pub scan: u64,
    /// Writing a table anew, write-ahead log included.
    pub write: u64,
}

/// The rates that hazards are weighed with, so that no two places of a report disagree.
impl Default for Speed {
    fn default() -> Self {
        Self { scan: rates::SCAN_RATE as u64, write: rates::REWRITE_RATE as u64 }
    }
}

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
pub fn duration(work: &Work, catalog: &Catalog, speed: Speed) -> Option<Duration> {
    let usual = rates::estimate(std::slice::from_ref(work), catalog)?;
    let default = Speed::default();
    let (default, speed) = match work.kind {
        WorkKind::Scan | WorkKind::Validate => (default.scan, speed.scan),
        WorkKind::IndexBuild | WorkKind::Rewrite | WorkKind::RowChanges => {
            (default.write, speed.write)
        }
    };
    Some(usual.mul_f64(default as f64 / speed.max(1) as f64))
}

/// All of `works` one after the other; `None` when one of them is not known.
pub fn total(works: &[Work], catalog: Option<&Catalog>, speed: Speed) -> Option<Duration> {
    works.iter().map(|work| duration(work, catalog?, speed)).sum()
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

/// `3.2 million rows`.
pub fn rows(rows: u64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        0..10_000 => format!("{rows} rows"),
        10_000..1_000_000 => format!("{} thousand rows", rows / 1_000),
        1_000_000..10_000_000 => format!("{:.1} million rows", rows as f64 / 1e6),
        10_000_000..10_000_000_000 => format!("{} million rows", rows / 1_000_000),
        _ => format!("{} billion rows", rows / 1_000_000_000),
    }
}
