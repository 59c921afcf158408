//! `TRUNCATE`: ACCESS EXCLUSIVE on the tables, their descendants, and with CASCADE on every table
//! that references them. New empty files, no work that grows.

use crate::analyze::AnalyzeError;
use crate::analyze::alter_table::{is_not_enforced, owned_sequences};
use crate::analyze::effects::Effects;
use crate::analyze::resolve::Context;
use crate::catalog::{Constraint, ConstraintKind, Relation, RelationKind};
use crate::lock::LockMode;
use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, TruncateStmt};

/// The impact of `TRUNCATE`.
pub(in crate::analyze) fn truncate<'c>(
    cx: Context<'_, 'c>,
    statement: &TruncateStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let mut emptied: Vec<&'c Relation> = Vec::new();
    for node in &statement.relations {
        let Some(NodeEnum::RangeVar(name)) = &node.node else { continue };
        let relation = cx.relation(name)?;
        match relation.kind {
            RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable => {}
            RelationKind::View
            | RelationKind::MaterializedView
            | RelationKind::Sequence
            | RelationKind::CompositeType => return Err(cx.wrong_kind(relation, "a table", name)),
        }
        let parts = if name.inh { cx.catalog.family(relation) } else { vec![relation] };
        parts.into_iter().for_each(|part| add(&mut emptied, part));
    }
    let cascade = statement.behavior() == DropBehavior::DropCascade;
    let mut next = 0;
    while let Some(relation) = emptied.get(next).copied() {
        next += 1;
        for other in referencing(cx, relation) {
            if emptied.iter().any(|known| known.name == other.name) {
                continue;
            }
            if !cascade {
                // The server asks for keys only where there are triggers.
                if !has_triggers(cx, relation) {
                    continue;
                }
                let message = "cannot truncate a table referenced in a foreign key constraint";
                let error = cx.invalid(message, &relation.name.name);
                let AnalyzeError::Invalid(diagnostic) = error else { return Err(error) };
                let detail = format!("Table {} references {}.", other.name, relation.name);
                return Err(AnalyzeError::Invalid(
                    diagnostic.detail(detail).hint("Truncate it too, or say CASCADE."),
                ));
            }
            for part in cx.catalog.family(other) {
                add(&mut emptied, part);
            }
        }
    }
    for relation in emptied {
        fx.lock(relation, LockMode::AccessExclusive);
        fx.replace_file(relation);
        if relation.kind != RelationKind::PartitionedTable {
            fx.lock_indexes(relation, LockMode::AccessExclusive);
            relation.indexes.iter().for_each(|index| fx.replace_index_file(relation, index));
        }
        if statement.restart_seqs {
            for sequence in owned_sequences(cx.catalog, relation, None) {
                fx.lock(sequence, LockMode::AccessExclusive);
                fx.replace_file(sequence);
            }
        }
    }
    Ok(())
}

/// Those of keys included.
fn has_triggers(cx: Context<'_, '_>, relation: &Relation) -> bool {
    let enforced =
        |key: &Constraint| key.kind == ConstraintKind::ForeignKey && !is_not_enforced(key);
    !relation.triggers.is_empty()
        || relation.constraints.iter().any(enforced)
        || cx.catalog.incoming_foreign_keys(&relation.name).any(|(_, key)| enforced(key))
        || relation.partition_bound.is_some()
}

fn add<'c>(list: &mut Vec<&'c Relation>, relation: &'c Relation) {
    if !list.iter().any(|known| known.name == relation.name) {
        list.push(relation);
    }
}

/// Tables with a foreign key to `relation`, or to a partitioned table that it is part of.
fn referencing<'c>(cx: Context<'_, 'c>, relation: &'c Relation) -> Vec<&'c Relation> {
    let mut found = Vec::new();
    let mut stack = vec![relation];
    while let Some(referenced) = stack.pop() {
        found.extend(cx.catalog.incoming_foreign_keys(&referenced.name).map(|(other, _)| other));
        if referenced.partition_bound.is_some() {
            stack.extend(referenced.parents.iter().filter_map(|name| cx.catalog.relation(name)));
        }
    }
    found
}
