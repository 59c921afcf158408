//! How long work would take, roughly: sizes from the catalog divided by rates.
//!
//! An estimate, to be labelled as one wherever it is shown. The rates are those of a server with two
//! ordinary cores and a warm cache; a slow disk, a cold cache or a busy server takes a multiple.

use crate::catalog::{Catalog, Relation};
use crate::plan::{Work, WorkKind};
use std::time::Duration;

const MIB: f64 = 1024.0 * 1024.0;

/// Reading a table and testing each row, bytes of table per second.
pub const SCAN_RATE: f64 = 600.0 * MIB;
/// Reading a table and joining it with another (a foreign key check), bytes of table per second.
pub const VALIDATE_RATE: f64 = 200.0 * MIB;
/// Sorting a table and writing an index of it, bytes of table per second.
pub const INDEX_BUILD_RATE: f64 = 150.0 * MIB;
/// Writing a table anew, bytes of table per second; its indexes are built on top of that.
pub const REWRITE_RATE: f64 = 100.0 * MIB;
/// Writing the indexes of a table anew, bytes of index per second.
pub const REINDEX_RATE: f64 = 60.0 * MIB;
/// Changing every row in place, with WAL and index entries, bytes of table per second.
pub const ROW_CHANGE_RATE: f64 = 30.0 * MIB;

/// The time that `work` takes, one item after the other. `None` when the sizes say nothing about the
/// real tables, or a relation is not in the catalog.
pub fn estimate(work: &[Work], catalog: &Catalog) -> Option<Duration> {
    if !catalog.sizes_known {
        return None;
    }
    let seconds: Option<f64> =
        work.iter().map(|item| Some(seconds(item.kind, catalog.relation(&item.relation)?))).sum();
    seconds.map(Duration::from_secs_f64)
}

// Sizes far below 2^52 bytes are exact in a float; an estimate needs no more.
#[allow(clippy::cast_precision_loss)]
fn seconds(kind: WorkKind, relation: &Relation) -> f64 {
    let table = relation.table_bytes as f64;
    let indexes = relation.index_bytes as f64;
    match kind {
        WorkKind::Scan => table / SCAN_RATE,
        WorkKind::Validate => table / VALIDATE_RATE,
        WorkKind::IndexBuild => table / INDEX_BUILD_RATE,
        WorkKind::Rewrite => table / REWRITE_RATE + indexes / REINDEX_RATE,
        WorkKind::RowChanges => table / ROW_CHANGE_RATE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::RelationKind;
    use crate::sql::QualifiedName;

    fn catalog() -> Catalog {
        let name = QualifiedName::new("public", "t");
        let mut relation = Relation::new(name.clone(), RelationKind::Table);
        relation.table_bytes = 600 << 20;
        relation.index_bytes = 60 << 20;
        let mut catalog = Catalog { sizes_known: true, ..Catalog::default() };
        catalog.relations.insert(name, relation);
        catalog
    }

    fn work(kind: WorkKind, name: &str) -> Work {
        Work { kind, relation: QualifiedName::new("public", name) }
    }

    #[test]
    fn times_add_up_and_grow_with_the_work() {
        let catalog = catalog();
        let scan = estimate(&[work(WorkKind::Scan, "t")], &catalog).unwrap();
        assert_eq!(scan, Duration::from_secs(1));
        let rewrite = estimate(&[work(WorkKind::Rewrite, "t")], &catalog).unwrap();
        assert_eq!(rewrite, Duration::from_secs(7));
        let both = [work(WorkKind::Scan, "t"), work(WorkKind::Rewrite, "t")];
        assert_eq!(estimate(&both, &catalog), Some(scan + rewrite));
        assert_eq!(estimate(&[], &catalog), Some(Duration::ZERO));
    }

    #[test]
    fn no_estimate_without_sizes() {
        let mut catalog = catalog();
        assert_eq!(estimate(&[work(WorkKind::Scan, "unknown")], &catalog), None);
        catalog.sizes_known = false;
        assert_eq!(estimate(&[work(WorkKind::Scan, "t")], &catalog), None);
    }
}
