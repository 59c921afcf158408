//! `ATTACH PARTITION` of a table with rows.
//!
//! *In words*: as written it reads the whole table under ACCESS EXCLUSIVE to see that its rows fit,
//! reads a default partition for rows that belong in the new one, builds the indexes that are missing,
//! and looks up every row for the parent's foreign keys. All of that is done before, online: a CHECK
//! that implies the bound, NOT VALID and then validated; its inverse on a default partition; each
//! missing index concurrently; each key and foreign key by its own recipe. Then `ATTACH` finds
//! nothing to do (SHARE UPDATE EXCLUSIVE on the parent, ACCESS EXCLUSIVE on the two for a moment),
//! and the checks go in the same transaction.

use super::super::add_foreign_key;
use super::super::add_unique::{self, range_of};
use super::super::as_is;
use super::super::create_index::{self, Build};
use super::super::dispatch::target;
use super::super::draft::{Draft, lock_set};
use super::super::partitioned;
use super::super::text::alter;
use super::{bound, default_of, guard_default, is_read, prove};
use crate::analyze::Impact;
use crate::catalog::{ConstraintKind, Index, Relation, RelationKind, names};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, RelationLock, Undo};
use crate::sql::{QualifiedName, Statement, deparse, grammar};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, Constraint, IndexStmt, PartitionBoundSpec, PartitionCmd};

pub(in super::super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    parent: &QualifiedName,
    impact: &Impact,
) {
    let Some((partition, bound)) = read(draft, command) else {
        return as_is::steps(draft, part, impact);
    };
    let Some(above) = draft.catalog.relation(parent).cloned() else { return };
    let foreign = partition.kind == RelationKind::ForeignTable;
    if draft.is_new(parent) || foreign || impact.work.is_empty() {
        return as_is::steps(draft, part, impact);
    }
    let own_scan = is_read(draft, &partition, impact);
    let condition = bound::condition(&draft.catalog, &above, &bound);
    let default_read =
        default_of(&draft.catalog, &above).cloned().is_some_and(|d| is_read(draft, &d, impact));
    if (own_scan || default_read) && condition.is_none() {
        // The key is not understood: refused, with its true cost, unless it is allowed.
        return as_is::steps(draft, part, impact);
    }
    let before = draft.catalog.clone();
    indexes(draft, part, &above, &partition);
    foreign_keys(draft, part, &above, &partition);
    draft.catalog = before;
    let mut clear = Vec::new();
    if own_scan && let Some(condition) = condition {
        let name = &partition.name;
        draft.note(
            NoteKind::Application,
            format!(
                "from the check of {name} on, a row outside the bounds of the partition is refused there"
            ),
        );
        let meaning =
            format!("rows of {name} outside the bounds that it gets as a partition of {parent}");
        clear.extend(prove(draft, &partition, &condition, &meaning));
    }
    clear.extend(
        guard_default(draft, &above, &partition.name, Some(&bound), impact).unwrap_or_default(),
    );
    finish(draft, part, &above, &partition, impact, clear);
}

/// The clause that takes an attach back.
pub(in super::super) fn back(draft: &Draft<'_>, command: &AlterTableCmd) -> Option<String> {
    let Some(NodeEnum::PartitionCmd(attach)) = command.def.as_ref()?.node.as_ref() else {
        return None;
    };
    Some(format!("DETACH PARTITION {}", target(draft, attach.name.as_ref())?))
}

/// The table and its bound, when both are there.
fn read(draft: &Draft<'_>, command: &AlterTableCmd) -> Option<(Relation, PartitionBoundSpec)> {
    let Some(NodeEnum::PartitionCmd(attach)) = command.def.as_ref()?.node.as_ref() else {
        return None;
    };
    let attach: &PartitionCmd = attach;
    let name = target(draft, attach.name.as_ref())?;
    Some((draft.catalog.relation(&name)?.clone(), attach.bound.clone()?))
}

fn finish(
    draft: &mut Draft<'_>,
    part: &Statement,
    above: &Relation,
    partition: &Relation,
    impact: &Impact,
    clear: Vec<String>,
) {
    let (parent, name) = (&above.name, &partition.name);
    let mut sql = vec![part.sql.clone()];
    sql.extend(clear);
    // A foreign key that the partition has is taken over: its triggers on the other table change.
    let taken_over: Vec<_> = above
        .constraints
        .iter()
        .filter_map(|constraint| draft.catalog.relation(constraint.references.as_ref()?))
        .flat_map(|other| draft.locks(other, LockMode::AccessExclusive))
        .collect();
    let locks = as_is::requested(draft, impact).into_iter().chain(taken_over);
    let locks = lock_set(locks.map(|lock| (lock.relation, lock.mode)));
    let undo_locks = detach_locks(draft, above, partition);
    draft
        .step(
            Phase::Migrate,
            format!(
                "{name} has everything that {parent} asks of a partition: nothing is read or built"
            ),
            Action::Transaction { sql },
        )
        .locks(locks)
        .undo(Undo::Transaction {
            sql: vec![alter(parent, &format!("DETACH PARTITION {name}"))],
            locks: undo_locks,
        });
    draft.floors.relation(name, Phase::Migrate);
}

/// What a plain `DETACH PARTITION` locks.
pub(super) fn detach_locks(
    draft: &Draft<'_>,
    above: &Relation,
    partition: &Relation,
) -> Vec<RelationLock> {
    let default = default_of(&draft.catalog, above);
    let tables = std::iter::once(above)
        .chain(draft.catalog.family(partition))
        .chain(default)
        .map(|relation| (relation.name.clone(), LockMode::AccessExclusive));
    let referenced = above
        .constraints
        .iter()
        .filter_map(|constraint| constraint.references.clone())
        .map(|name| (name, LockMode::ShareRowExclusive));
    lock_set(tables.chain(referenced))
}

/// Indexes and keys of the parent that the new partition lacks.
fn indexes(draft: &mut Draft<'_>, part: &Statement, above: &Relation, partition: &Relation) {
    let mut taken: Vec<String> = Vec::new();
    for wanted in &above.indexes {
        let Some(statement) = parsed_index(&wanted.definition) else { continue };
        let same = partition.indexes.iter().find(|own| {
            own.valid
                && own.parent.is_none()
                && !taken.contains(&own.name)
                && parsed_index(&own.definition).is_some_and(|own| alike(&own, &statement))
                && constraint_kind(above, wanted)
                    .is_none_or(|kind| constraint_kind(partition, own) == Some(kind))
        });
        if let Some(own) = same {
            taken.push(own.name.clone());
            continue;
        }
        match wanted.constraint.as_ref().and_then(|name| above.constraint(name)) {
            Some(constraint) => {
                let Some(clause) = parsed_constraint(&constraint.definition) else { continue };
                add_unique::emit(draft, part, &clause, &partition.name);
                names::reserve(&mut draft.catalog, &partition.name, &clause);
            }
            None => build(draft, partition, statement),
        }
    }
}

fn build(draft: &mut Draft<'_>, partition: &Relation, mut index: IndexStmt) {
    index.idxname = String::new();
    index.relation = Some(range_of(&partition.name));
    index.table_space = String::new();
    index.idxname = names::index_name(&draft.catalog, &partition.name, &index);
    let name = index.idxname.clone();
    if partition.kind == RelationKind::PartitionedTable {
        partitioned::index(draft, partition, &index, &name);
    } else {
        let why = format!("{name} is built before the attach, which would build it under its lock");
        let relation = partition.name.clone();
        create_index::build(draft, Build { index: index.clone(), name, relation, why });
    }
    // The next index is named apart from this one.
    let node = NodeEnum::IndexStmt(Box::new(index));
    let sql = deparse::statement(&node);
    if let Ok(script) = crate::sql::parse(&sql, 0..sql.len()) {
        script.statements.iter().for_each(|statement| draft.catalog.apply(statement));
    }
}

fn constraint_kind(table: &Relation, index: &Index) -> Option<ConstraintKind> {
    index.constraint.as_ref().and_then(|name| table.constraint(name)).map(|found| found.kind)
}

fn parsed_index(definition: &str) -> Option<IndexStmt> {
    match grammar::parse(definition).ok()?.stmts.into_iter().next()?.stmt?.node? {
        NodeEnum::IndexStmt(index) => Some(*index),
        _ => None,
    }
}

/// Whether the server would take the one for the other (`CompareIndexInfo`): name, table, storage
/// parameters and tablespace do not matter.
fn alike(left: &IndexStmt, right: &IndexStmt) -> bool {
    let shape = |index: &IndexStmt| {
        let plain = IndexStmt {
            idxname: "i".to_owned(),
            relation: Some(range_of(&QualifiedName::new("s", "t"))),
            options: Vec::new(),
            table_space: String::new(),
            ..index.clone()
        };
        deparse::statement(&NodeEnum::IndexStmt(Box::new(plain)))
    };
    shape(left) == shape(right)
}

/// The clause that a definition of `pg_get_constraintdef` is, without a name.
fn parsed_constraint(definition: &str) -> Option<Constraint> {
    let text = format!("ALTER TABLE a ADD {definition}");
    let node = grammar::parse(&text).ok()?.stmts.into_iter().next()?.stmt?.node?;
    let NodeEnum::AlterTableStmt(alter) = node else { return None };
    let Some(NodeEnum::AlterTableCmd(command)) = alter.cmds.into_iter().next()?.node else {
        return None;
    };
    match command.def?.node? {
        NodeEnum::Constraint(constraint) => Some(*constraint),
        _ => None,
    }
}

/// Foreign keys of the parent that the new partition lacks: without them the attach looks up every
/// row under its lock.
fn foreign_keys(draft: &mut Draft<'_>, part: &Statement, above: &Relation, partition: &Relation) {
    for wanted in &above.constraints {
        let (ConstraintKind::ForeignKey, Some(other)) = (wanted.kind, &wanted.references) else {
            continue;
        };
        let there = partition.constraints.iter().any(|own| {
            own.kind == ConstraintKind::ForeignKey
                && own.validated
                && own.references == wanted.references
                && own.columns == wanted.columns
                && own.referenced_columns == wanted.referenced_columns
        });
        let Some(mut clause) = parsed_constraint(&wanted.definition) else { continue };
        if there || !wanted.validated {
            continue;
        }
        // The server gives it the parent's name, unless the partition has one of that name.
        if partition.constraint(&wanted.name).is_none() {
            clause.conname.clone_from(&wanted.name);
        }
        clause.pktable = Some(range_of(other));
        add_foreign_key::emit(draft, part, &clause, &partition.name);
        names::reserve(&mut draft.catalog, &partition.name, &clause);
    }
}
