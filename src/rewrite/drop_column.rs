//! `DROP COLUMN`.
//!
//! *In words*: the old application still uses it, so it goes in contract. Expand: when it is NOT
//! NULL without a default, that is relaxed, so that the new application may stop writing it while
//! the old one still runs. Contract: its indexes are dropped concurrently first, then the column
//! (ACCESS EXCLUSIVE, brief). What hangs on it is listed before anything starts.

use super::draft::{Draft, lock_set};
use super::set_not_null;
use super::text::{self, alter};
use super::{again, as_is, drop_table, reached};
use crate::analyze::Impact;
use crate::catalog::{Column, ConstraintKind, Relation};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, RelationLock};
use crate::sql::{QualifiedName, Statement, quote_ident};
use pg_query::protobuf::{AlterTableCmd, DropBehavior};

pub(super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    relation: &QualifiedName,
    impact: &Impact,
) {
    let Some(found) = draft.catalog.relation(relation).cloned() else { return };
    let Some(column) = found.column(&command.name).cloned() else {
        draft.note(
            NoteKind::Information,
            format!("column {} of {relation} is not there: nothing to drop", command.name),
        );
        return;
    };
    if draft.is_new(relation) {
        return as_is::steps(draft, part, impact);
    }
    relax(draft, &found, &column);
    drop_indexes(draft, &found, &column);
    let cascade = command.behavior() == DropBehavior::DropCascade;
    drop_keys(draft, &found, &column, cascade);
    if cascade {
        let named = [relation.clone()];
        let of = Some((relation, column.name.as_str()));
        let reached = reached::beyond(&draft.catalog, part, &named, of);
        if !reached.is_empty() {
            draft.note(
                NoteKind::Irreversible,
                format!("CASCADE drops with {}: {}", column.name, text::listed(&reached)),
            );
        }
    }
    let clause = format!(
        "DROP COLUMN {}{}",
        quote_ident(&column.name),
        if cascade { " CASCADE" } else { "" }
    );
    let locks = locks(draft, &found, impact);
    if !join(draft, relation, &clause, &locks) {
        draft
            .step(
                Phase::Contract,
                format!("{} is used by no application any more", column.name),
                Action::Transaction { sql: vec![alter(relation, &clause)] },
            )
            .locks(locks);
    }
    remember_keys(draft, &found, &column, &clause);
    draft.gate(
        Phase::Contract,
        format!("no running application reads or writes {} of {relation}", column.name),
    );
    draft.floors.member(relation, &column.name, Phase::Contract);
    for member in draft.catalog.family(&found) {
        draft.floors.shape(&member.name, Phase::Contract, false);
    }
    for index in found.indexes.iter().filter(|index| index.columns.contains(&column.name)) {
        draft.floors.member(relation, &index.name, Phase::Contract);
    }
    for constraint in found.constraints.iter().filter(|c| c.columns.contains(&column.name)) {
        draft.floors.member(relation, &constraint.name, Phase::Contract);
    }
}

/// Keys that go with the column may be made again over others: the new one is finished before the column goes.
fn remember_keys(draft: &mut Draft<'_>, found: &Relation, column: &Column, clause: &str) {
    let alone = alter(&found.name, clause);
    let sql = match draft.last_of_phase(Phase::Contract).map(|step| &step.action) {
        Some(Action::Transaction { sql }) => sql.first().cloned().unwrap_or(alone),
        _ => alone,
    };
    for key in found.constraints.iter().filter(|key| key.columns.contains(&column.name)) {
        let kind = match key.kind {
            ConstraintKind::PrimaryKey => again::Kind::PrimaryKey,
            ConstraintKind::Unique => again::Kind::Unique,
            ConstraintKind::Check
            | ConstraintKind::NotNull
            | ConstraintKind::ForeignKey
            | ConstraintKind::Exclude
            | ConstraintKind::Trigger => continue,
        };
        draft.remember_dropped(&found.name, &key.name, kind, &sql);
    }
}

/// Joins the clause to a drop of another column of the same table that comes just before it: one
/// lock for both.
fn join(
    draft: &mut Draft<'_>,
    relation: &QualifiedName,
    clause: &str,
    locks: &[RelationLock],
) -> bool {
    let number = draft.number();
    let start = alter(relation, "DROP COLUMN ");
    let Some(step) = draft.last_of_phase(Phase::Contract) else { return false };
    let Action::Transaction { sql } = &mut step.action else { return false };
    let [only] = sql.as_mut_slice() else { return false };
    if !only.starts_with(&start) || step.locks != locks {
        return false;
    }
    let before = only.clone();
    only.push_str(", ");
    only.push_str(clause);
    let after = only.clone();
    "columns that no application uses any more".clone_into(&mut step.why);
    if !step.statements.contains(&number) {
        step.statements.push(number);
    }
    draft.drops_by(&before, &after);
    true
}

fn relax(draft: &mut Draft<'_>, found: &Relation, column: &Column) {
    let filled =
        column.default.is_some() || column.generated.is_some() || column.identity.is_some();
    if !column.not_null || filled {
        return;
    }
    let holds = |found: &Relation| {
        found.primary_key().is_some_and(|key| key.columns.contains(&column.name))
    };
    // A key that an earlier statement drops is there until contract, where the new one takes its place.
    if holds(found) || draft.start.relation(&found.name).is_some_and(holds) {
        draft.note(
            NoteKind::Application,
            format!(
                "{} of {} is in the primary key until contract: the new application writes it until then",
                column.name, found.name
            ),
        );
        return;
    }
    let locks = draft.locks(found, LockMode::AccessExclusive);
    let undo = set_not_null::restore(draft, &found.name, &column.name);
    draft
        .additive_step(
            format!(
                "the new application may stop writing {} while the old one still runs",
                column.name
            ),
            Action::Transaction {
                sql: vec![alter(
                    &found.name,
                    &format!("ALTER COLUMN {} DROP NOT NULL", quote_ident(&column.name)),
                )],
            },
        )
        .locks(locks)
        .undo(undo);
    draft.note(
        NoteKind::Application,
        format!(
            "{} of {} may be NULL from expand on; rollback makes it NOT NULL again and needs every row to have it",
            column.name, found.name
        ),
    );
}

fn drop_indexes(draft: &mut Draft<'_>, found: &Relation, column: &Column) {
    for index in &found.indexes {
        if !index.columns.contains(&column.name)
            || index.constraint.is_some()
            || index.parent.is_some()
            || found.partition_key.is_some()
        {
            continue;
        }
        let relied_on = draft
            .catalog
            .incoming_foreign_keys(&found.name)
            .any(|(_, key)| key.index.as_deref() == Some(index.name.as_str()));
        if relied_on || draft.floors.is_dropped(&found.name, &index.name) {
            continue;
        }
        let qualified = found.name.sibling(&index.name);
        let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {qualified}");
        draft
            .step(
                Phase::Contract,
                format!(
                    "{} goes before the column that it is built on, without a lock",
                    index.name
                ),
                Action::Concurrent {
                    sql: sql.clone(),
                    probe: text::index_dropped_probe(&qualified),
                    cleanup: sql,
                },
            )
            .locks(vec![RelationLock {
                relation: found.name.clone(),
                mode: LockMode::ShareUpdateExclusive,
            }]);
        draft.floors.dropped(&found.name, &index.name);
    }
}

/// Foreign keys on the column and, with CASCADE, to it, each in a transaction of its own: each locks another
/// table too.
fn drop_keys(draft: &mut Draft<'_>, found: &Relation, column: &Column, cascade: bool) {
    let outgoing = found
        .constraints
        .iter()
        .filter(|key| !key.inherited && key.columns.contains(&column.name))
        .filter_map(|key| {
            key.references.clone().map(|other| (found.name.clone(), key.name.clone(), other))
        });
    let incoming = draft
        .catalog
        .incoming_foreign_keys(&found.name)
        .filter(|(_, key)| cascade && !key.inherited)
        .filter(|(_, key)| key.referenced_columns.contains(&column.name))
        .map(|(other, key)| (other.name.clone(), key.name.clone(), found.name.clone()));
    let keys: Vec<_> = outgoing.chain(incoming).collect();
    for (table, name, other) in keys.into_iter().filter(|(table, _, other)| table != other) {
        drop_table::drop_key(draft, &table, &name, &other);
    }
}

/// The table and all below it, and views that CASCADE drops.
fn locks(draft: &Draft<'_>, found: &Relation, impact: &Impact) -> Vec<RelationLock> {
    let own = draft.catalog.family(found).into_iter().map(|r| r.name.clone());
    let views = impact.locks.iter().filter(|lock| lock.mode == LockMode::AccessExclusive);
    let views = views.map(|lock| lock.relation.clone()).filter(|name| {
        draft.catalog.relation(name).is_some_and(|found| found.view_definition.is_some())
    });
    lock_set(own.chain(views).map(|name| (name, LockMode::AccessExclusive)))
}
