//! `ADD CONSTRAINT … FOREIGN KEY`.
//!
//! *In words*: as written it holds SHARE ROW EXCLUSIVE on both tables while every row is looked up.
//! Added `NOT VALID` (the same locks, briefly) it holds for rows written from then on; `VALIDATE`
//! reads the old ones under SHARE UPDATE EXCLUSIVE on the table and ROW SHARE on the referenced one.

use super::again;
use super::as_is;
use super::draft::{Draft, lock_set};
use super::groups::strings;
use super::partitioned;
use super::text::{self, alter};
use crate::analyze::Impact;
use crate::catalog::{Relation, RelationKind, names};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, Undo, WorkKind};
use crate::sql::{QualifiedName, Statement, deparse, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, Constraint, DropBehavior, Node,
};

pub(super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
    impact: &Impact,
) {
    // On an unused table there is nothing to look up, but the referenced table is another matter:
    // its lock is as brief as the whole statement then.
    if constraint.skip_validation || draft.is_unused(relation) {
        return as_is::steps(draft, part, impact);
    }
    emit(draft, part, constraint, relation);
}

pub(super) fn emit(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
) {
    let Some(found) = draft.catalog.relation(relation).cloned() else { return };
    let Some(other) = super::dispatch::target(draft, constraint.pktable.as_ref()) else { return };
    let Some(referenced) = draft.catalog.relation(&other).cloned() else { return };
    if found.kind == RelationKind::PartitionedTable && draft.major() < 18 {
        let name = names::constraint_name(&draft.catalog, relation, constraint);
        partitioned::foreign_key(draft, part, &found, &referenced, constraint, &name);
        return;
    }
    let name = names::constraint_name(&draft.catalog, relation, constraint);
    note_missing_index(draft, &found, constraint, &name);
    let mut explicit = constraint.clone();
    explicit.conname.clone_from(&name);
    explicit.skip_validation = true;
    explicit.initially_valid = false;
    if let Some(range) = explicit.pktable.as_mut() {
        range.schemaname.clone_from(&other.schema);
    }
    let both = both_locks(
        draft,
        &found,
        &referenced,
        LockMode::ShareRowExclusive,
        LockMode::ShareRowExclusive,
    );
    let undo_locks = both_locks(
        draft,
        &found,
        &referenced,
        LockMode::AccessExclusive,
        LockMode::AccessExclusive,
    );
    let validate_locks =
        both_locks(draft, &found, &referenced, LockMode::ShareUpdateExclusive, LockMode::RowShare);
    let is_partition = found.partition_bound.is_some();
    let same = |d: &again::Dropped| d.kind == again::Kind::ForeignKey && d.name == name;
    let dropped = draft.dropped_before(relation, same);
    let alter = if is_partition { text::alter_if_there } else { alter };
    let add = add_constraint(relation, explicit, is_partition);
    let joined =
        dropped.is_some_and(|dropped| again::join(draft, &dropped, add.clone(), both.clone()));
    if !joined {
        draft
            .step(
                Phase::Migrate,
                format!(
                    "{name} holds for rows written from here on; existing ones are not looked up yet"
                ),
                Action::Transaction { sql: vec![add] },
            )
            .locks(both)
            .undo(Undo::Transaction {
                sql: vec![alter(
                    relation,
                    &format!("DROP CONSTRAINT IF EXISTS {}", quote_ident(&name)),
                )],
                locks: undo_locks,
            });
    }
    draft.rely(&other);
    if !constraint.is_enforced {
        return;
    }
    draft
        .step(
            Phase::Migrate,
            format!("existing rows are looked up for {name} while the application goes on"),
            Action::Validate {
                sql: alter(relation, &format!("VALIDATE CONSTRAINT {}", quote_ident(&name))),
            },
        )
        .locks(validate_locks)
        .work(WorkKind::Validate, relation);
}

/// The first mode on the table and all below it, the second on the referenced one and all below it.
pub(super) fn both_locks(
    draft: &Draft<'_>,
    table: &Relation,
    referenced: &Relation,
    on_table: LockMode,
    on_referenced: LockMode,
) -> Vec<crate::plan::RelationLock> {
    let family = draft.catalog.family(table).into_iter().map(|r| (r.name.clone(), on_table));
    let others =
        draft.catalog.family(referenced).into_iter().map(|r| (r.name.clone(), on_referenced));
    lock_set(family.chain(others))
}

/// `ALTER TABLE relation ADD constraint`.
pub(super) fn add_statement(relation: &QualifiedName, constraint: Constraint) -> String {
    add_constraint(relation, constraint, false)
}

/// `ALTER TABLE [IF EXISTS] relation ADD constraint`.
pub(super) fn add_constraint(
    relation: &QualifiedName,
    constraint: Constraint,
    missing_ok: bool,
) -> String {
    let command = AlterTableCmd {
        subtype: AlterTableType::AtAddConstraint as i32,
        def: Some(Box::new(Node { node: Some(NodeEnum::Constraint(Box::new(constraint))) })),
        behavior: DropBehavior::DropRestrict as i32,
        ..AlterTableCmd::default()
    };
    let alter = AlterTableStmt {
        relation: Some(pg_query::protobuf::RangeVar {
            schemaname: relation.schema.clone(),
            relname: relation.name.clone(),
            inh: true,
            relpersistence: "p".to_owned(),
            ..pg_query::protobuf::RangeVar::default()
        }),
        cmds: vec![Node { node: Some(NodeEnum::AlterTableCmd(Box::new(command))) }],
        objtype: pg_query::protobuf::ObjectType::ObjectTable as i32,
        missing_ok,
    };
    deparse::statement(&NodeEnum::AlterTableStmt(alter))
}

fn note_missing_index(
    draft: &mut Draft<'_>,
    found: &Relation,
    constraint: &Constraint,
    name: &str,
) {
    let columns = strings(&constraint.fk_attrs);
    let covered = found.indexes.iter().any(|index| {
        index.valid
            && index.predicate.is_none()
            && index.keys.len() >= columns.len()
            && index.keys[..columns.len()]
                .iter()
                .all(|key| key.as_ref().is_some_and(|key| columns.contains(key)))
    });
    if !covered {
        draft.note(
            NoteKind::Information,
            format!(
                "no index begins with {} of {}: deleting a referenced row, or changing its key, reads the whole table because of {name}",
                text::listed(&columns),
                found.name
            ),
        );
    }
}
