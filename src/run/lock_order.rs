//! The one global order in which a step requests its locks: that in which an application's own
//! statement comes upon the relations. A query locks what it names first, then what that is made of:
//! the tables that a view reads, the children of a parent (`parserOpenTable`, `AcquireRewriteLocks`
//! and `expand_inherited_rtentry` in the server's sources). Whoever asks in another order deadlocks
//! with it sooner or later.

use super::locks::Resolved;
use super::runner::Runner;
use super::session::Fault;
use crate::journal::Value;
use std::collections::{HashMap, HashSet};

/// What stands directly above each of the relations and above all that is found so: the parents of a
/// child, the views that read a relation.
const ABOVE: &str = "\
    WITH RECURSIVE found (oid, above) AS ( \
        SELECT o::oid, NULL::oid FROM pg_catalog.unnest($1::bigint[]) AS o \
        UNION \
        SELECT coalesce(f.above, f.oid), u.above FROM found AS f CROSS JOIN LATERAL ( \
            SELECT i.inhparent AS above FROM pg_catalog.pg_inherits AS i \
            WHERE i.inhrelid = coalesce(f.above, f.oid) \
            UNION ALL \
            SELECT r.ev_class FROM pg_catalog.pg_depend AS d \
            JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid AND r.ev_type = '1' \
            WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass \
              AND d.refclassid = 'pg_catalog.pg_class'::regclass \
              AND d.refobjid = coalesce(f.above, f.oid) AND r.ev_class <> d.refobjid \
        ) AS u \
    ) SELECT oid, above FROM found WHERE above IS NOT NULL";

/// Puts `resolved`, which is in the order of names, into the order of requests: what has nothing above
/// it first, then by the longest way down to it; by name where that is the same.
pub(super) async fn order(
    runner: &Runner<'_>,
    resolved: Vec<Resolved>,
) -> Result<Vec<Resolved>, Fault> {
    if resolved.len() < 2 {
        return Ok(resolved);
    }
    let oids = resolved.iter().map(|one| i64::from(one.wanted.oid)).collect();
    let rows = runner
        .work
        .rows("find what the relations are below", ABOVE, &[Value::BigInts(oids)])
        .await?;
    let mut above: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in &rows {
        above.entry(row.get("oid")).or_default().push(row.get("above"));
    }
    Ok(sorted(resolved, |one| one.wanted.oid, &above))
}

/// `items` by their depth; those of one depth stay as they are.
fn sorted<T>(mut items: Vec<T>, oid: impl Fn(&T) -> u32, above: &HashMap<u32, Vec<u32>>) -> Vec<T> {
    let mut known = HashMap::new();
    items.sort_by_key(|item| depth(oid(item), above, &mut known, &mut HashSet::new()));
    items
}

/// The number of relations on the longest way from the top to `oid`. A view can come to read itself
/// by a rule that was made later: what is `under_way` counts as a top.
fn depth(
    oid: u32,
    above: &HashMap<u32, Vec<u32>>,
    known: &mut HashMap<u32, usize>,
    under_way: &mut HashSet<u32>,
) -> usize {
    if let Some(&depth) = known.get(&oid) {
        return depth;
    }
    if !under_way.insert(oid) {
        return 0;
    }
    let mut deepest = 0;
    for &next in above.get(&oid).map_or(&[][..], Vec::as_slice) {
        deepest = deepest.max(depth(next, above, known, under_way) + 1);
    }
    under_way.remove(&oid);
    known.insert(oid, deepest);
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(items: &[u32], edges: &[(u32, u32)]) -> Vec<u32> {
        let mut above: HashMap<u32, Vec<u32>> = HashMap::new();
        for &(below, top) in edges {
            above.entry(below).or_default().push(top);
        }
        sorted(items.to_vec(), |&oid| oid, &above)
    }

    #[test]
    fn parents_come_before_children_and_views_before_tables() {
        assert_eq!(ordered(&[1, 2, 3], &[]), [1, 2, 3]);
        // Partitions 1 and 2 of 3.
        assert_eq!(ordered(&[1, 2, 3], &[(1, 3), (2, 3)]), [3, 1, 2]);
        // Table 2 under view 4, whose name comes last; 3 is a partition of 2.
        assert_eq!(ordered(&[1, 2, 3, 4], &[(2, 4), (3, 2)]), [1, 4, 2, 3]);
        // The longest way counts: 1 is read by view 2 and by view 3, which reads 2.
        assert_eq!(ordered(&[1, 2, 3], &[(1, 2), (1, 3), (2, 3)]), [3, 2, 1]);
    }

    #[test]
    fn a_view_in_the_middle_that_is_not_locked_counts() {
        assert_eq!(ordered(&[1, 2, 3], &[(1, 9), (9, 3), (2, 3)]), [3, 2, 1]);
    }

    #[test]
    fn relations_that_reach_each_other_end() {
        let mut both = ordered(&[1, 2], &[(1, 2), (2, 1)]);
        both.sort_unstable();
        assert_eq!(both, [1, 2]);
    }
}
