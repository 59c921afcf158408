//! Which partitions a statement touches.
//!
//! The planner leaves out partitions whose bounds contradict the condition, and does not even lock
//! them; an inserted row locks the partition that it goes to.

use crate::analyze::alter_table::Bounds;
use crate::analyze::columns::read_by;
use crate::catalog::{Catalog, Relation, RelationKind};
use pg_query::protobuf::Node;

/// `relation` and what remains below it under `condition`.
pub(super) fn remaining<'c>(
    catalog: &'c Catalog,
    relation: &'c Relation,
    known_as: &str,
    condition: Option<&Node>,
) -> Vec<&'c Relation> {
    let mut found = vec![relation];
    let children = relation.children.iter().filter_map(|child| catalog.relation(child));
    let bounds = match (relation.kind, condition) {
        (RelationKind::PartitionedTable, Some(condition)) => Bounds::of(catalog, relation)
            .filter(|bounds| means_only(condition, known_as, bounds.key()))
            .map(|bounds| (bounds, condition)),
        _ => None,
    };
    for child in children {
        let out =
            bounds.as_ref().is_some_and(|(bounds, condition)| bounds.leave_out(child, condition));
        if !out {
            found.extend(remaining(catalog, child, known_as, condition));
        }
    }
    found
}

/// Whether every `key` in the condition is the column of this table, not of another in the query.
fn means_only(condition: &Node, known_as: &str, key: &str) -> bool {
    read_by(condition).iter().all(|reference| {
        reference.column.as_deref() != Some(key)
            || reference.table.as_deref().is_none_or(|table| table == known_as)
    })
}

/// The partitions that rows with these key values go to; all of them when that cannot be told.
pub(super) fn receiving<'c>(
    catalog: &'c Catalog,
    relation: &'c Relation,
    value_of: &dyn Fn(&str) -> Vec<Option<Node>>,
) -> Vec<&'c Relation> {
    if relation.kind != RelationKind::PartitionedTable {
        return vec![relation];
    }
    let chosen = Bounds::of(catalog, relation).and_then(|bounds| {
        let values: Option<Vec<Node>> = value_of(bounds.key()).into_iter().collect();
        let mut chosen: Vec<&'c Relation> = Vec::new();
        for value in values? {
            let partition = bounds.partition_of(&value)?;
            if !chosen.iter().any(|known| known.name == partition.name) {
                chosen.push(partition);
            }
        }
        Some(chosen)
    });
    match chosen {
        Some(chosen) => std::iter::once(relation)
            .chain(chosen.into_iter().flat_map(|child| receiving(catalog, child, value_of)))
            .collect(),
        None => catalog.family(relation),
    }
}
