//! Foreign keys to a key that the same migration builds.
//!
//! *In words*: the key is finished in migrate, and a foreign key that is added to a table with rows comes there too, behind
//! it. But a table that is made, or one that holds nothing, would get its foreign key in expand, where
//! the server finds no key to point to. So that statement waits for the key, and what speaks of its table waits for
//! the statement. A unique index serves as well as a constraint.

use super::dispatch::target;
use super::draft::Draft;
use crate::catalog::{Index, Relation};
use crate::plan::Phase;
use crate::sql::{QualifiedName, Statement};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, ConstrType, Constraint, Node};
use std::collections::BTreeSet;

/// The phase before which what the foreign keys of `statement` point to is not there.
pub(super) fn floor(draft: &Draft<'_>, statement: &Statement) -> Phase {
    if !draft.floors.has_keys() {
        return Phase::Expand;
    }
    let mut keys = Vec::new();
    foreign_keys(&statement.node, &mut keys);
    let awaited = keys.into_iter().filter_map(|key| {
        let other = target(draft, key.pktable.as_ref())?;
        Some(finished(draft, &other, key))
    });
    let floor = awaited.max().unwrap_or(Phase::Expand);
    if floor == Phase::Migrate && is_split(draft, &statement.node) { Phase::Expand } else { floor }
}

/// The foreign keys that stand in `node`, of tables and of columns.
fn foreign_keys<'n>(node: &'n NodeEnum, found: &mut Vec<&'n Constraint>) {
    let mut below = |nodes: &'n [Node]| {
        nodes.iter().filter_map(|node| node.node.as_ref()).for_each(|n| foreign_keys(n, found));
    };
    match node {
        NodeEnum::CreateStmt(create) => {
            below(&create.table_elts);
            below(&create.constraints);
        }
        NodeEnum::CreateSchemaStmt(create) => below(&create.schema_elts),
        NodeEnum::AlterTableStmt(alter) => below(&alter.cmds),
        NodeEnum::AlterTableCmd(command) => {
            below(command.def.as_deref().map_or(&[], std::slice::from_ref))
        }
        NodeEnum::ColumnDef(column) => below(&column.constraints),
        NodeEnum::Constraint(constraint) if constraint.contype() == ConstrType::ConstrForeign => {
            found.push(constraint);
        }
        _ => {}
    }
}

/// When the first of the keys of `other` that `constraint` may point to is finished.
fn finished(draft: &Draft<'_>, other: &QualifiedName, constraint: &Constraint) -> Phase {
    let Some(found) = draft.catalog.relation(other) else { return Phase::Expand };
    let columns = super::groups::strings(&constraint.pk_attrs);
    let columns: BTreeSet<&str> = columns.iter().map(String::as_str).collect();
    let serves = |index: &&Index| {
        let keys: BTreeSet<&str> = index.keys.iter().flatten().map(String::as_str).collect();
        let same = if columns.is_empty() { index.primary } else { keys == columns };
        same && index.unique && index.predicate.is_none() && !index.has_expressions
    };
    let phase = |index: &Index| {
        let known = draft.floors.key(other, &index.name);
        known.unwrap_or_else(|| when_unknown(draft, other, &index.name))
    };
    found.indexes.iter().filter(serves).map(phase).min().unwrap_or(Phase::Expand)
}

/// A key that no statement so far has built: it was there before, or has got another name since.
fn when_unknown(draft: &Draft<'_>, table: &QualifiedName, index: &str) -> Phase {
    match draft.start.relation(table) {
        Some(start) if start.index(index).is_none() => draft.floors.latest_key(table),
        Some(_) | None => Phase::Expand,
    }
}

/// `ADD COLUMN` on a table with rows: its foreign key is a step of its own, in migrate.
fn is_split(draft: &Draft<'_>, node: &NodeEnum) -> bool {
    let NodeEnum::AlterTableStmt(alter) = node else { return false };
    let constrains = alter.cmds.iter().any(|command| match &command.node {
        Some(NodeEnum::AlterTableCmd(command)) => {
            command.subtype() == AlterTableType::AtAddConstraint
        }
        _ => false,
    });
    let table = target(draft, alter.relation.as_ref());
    !constrains && table.is_some_and(|table| !draft.seems_unused(&table))
}

/// The unique indexes of the table that `statement` is about, by name.
pub(super) fn unique_indexes(
    draft: &Draft<'_>,
    statement: &Statement,
) -> Option<(QualifiedName, BTreeSet<String>)> {
    let range = match &statement.node {
        NodeEnum::AlterTableStmt(alter) => alter.relation.as_ref(),
        NodeEnum::IndexStmt(index) => index.relation.as_ref(),
        _ => return None,
    };
    let found = target(draft, range)?;
    let names = draft.catalog.relation(&found).map(names_of).unwrap_or_default();
    Some((found, names))
}

fn names_of(table: &Relation) -> BTreeSet<String> {
    table.indexes.iter().filter(|index| index.unique).map(|index| index.name.clone()).collect()
}

/// Those of `table` that were not among `before` are finished in `phase`.
pub(super) fn remember(
    draft: &mut Draft<'_>,
    (table, before): &(QualifiedName, BTreeSet<String>),
    phase: Phase,
) {
    let now = draft.catalog.relation(table).map(names_of).unwrap_or_default();
    for name in now.difference(before) {
        draft.floors.key_comes(table, name, phase);
    }
}
