//! What a migration drops and makes again: a key, a constraint, an index, a trigger.
//!
//! *In words*: as written nothing stands between the two when they run in one transaction, and a short time
//! at most otherwise. In phases days could: a table without its key, its audit trigger, its index. So the old
//! one stays until the new one is ready, and both change places in one short transaction:
//! - a primary key, or a unique constraint of the same name: the new index is built concurrently under a
//!   passing name; contract drops the old one and adds the new one `USING INDEX`;
//! - a foreign key of the same name: dropped, and added `NOT VALID`, in one transaction; then validated;
//! - a check of the same name, when no statement in between is about the table: the rows are looked at
//!   first; then as a foreign key, in expand;
//! - an index of the same name: built under a passing name; names are exchanged; the old one is dropped
//!   concurrently;
//! - a trigger of the same name, likewise: dropped and created in one transaction.

use super::as_is;
use super::dispatch::target;
use super::draft::{Draft, lock_set};
use super::drop_index;
use super::text;
use crate::analyze::Impact;
use crate::catalog::{Index, Relation};
use crate::lock::LockMode;
use crate::plan::{Action, Phase, RelationLock, Undo};
use crate::sql::{QualifiedName, Statement, quote_ident, quote_literal};
use pg_query::protobuf::{CreateTrigStmt, DropStmt};

/// What a statement of the migration drops, and might be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dropped {
    pub relation: QualifiedName,
    pub name: String,
    pub kind: Kind,
    /// Number of the statement, from 1.
    pub statement: usize,
    /// The statement in the step that drops it.
    pub sql: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    PrimaryKey,
    Unique,
    ForeignKey,
    Check,
    Index,
    Trigger,
}

/// Puts `sql` into the transaction that drops `dropped`; false when there is no such transaction.
pub(super) fn join(
    draft: &mut Draft<'_>,
    dropped: &Dropped,
    sql: String,
    locks: Vec<RelationLock>,
) -> bool {
    let number = draft.number();
    let Some(step) = draft.transaction_with(&dropped.sql) else { return false };
    if let Action::Transaction { sql: all } = &mut step.action {
        all.push(sql);
    }
    if !step.statements.contains(&number) {
        step.statements.push(number);
    }
    let both = step.locks.iter().cloned().chain(locks);
    step.locks = lock_set(both.map(|lock| (lock.relation, lock.mode)));
    step.why =
        format!("{} is exchanged for the new one: nobody sees the table without", dropped.name);
    let phase = step.phase;
    // What belongs to it comes after it.
    draft.raise(phase);
    true
}

/// The index `name` of `found` was dropped by an earlier statement and is built again: the new one
/// is finished before the old one goes. `build` adds the step that builds it, under the name it is given.
/// False when it cannot be built before the old one goes: a column that it is over comes later.
pub(super) fn index(
    draft: &mut Draft<'_>,
    found: &Relation,
    dropped: &Dropped,
    old: &Index,
    build: impl FnOnce(&mut Draft<'_>, String),
) -> bool {
    // It waits for what the old one's end waits for only because it has its name.
    let floor = draft.lower_floor_without(&dropped.relation, &dropped.name);
    let in_time = draft.phase_of(&dropped.sql).is_some_and(|phase| draft.floor() <= phase);
    let taken = if in_time { draft.take_step(&dropped.sql) } else { None };
    let Some(mut drop) = taken else {
        draft.restore_floor(floor);
        return false;
    };
    let (new, aside) = (draft.temporary_name(), draft.temporary_name());
    let qualified = |name: &str| found.name.sibling(name);
    let rename = |from: &str, to: &str| {
        format!("ALTER INDEX {} RENAME TO {}", qualified(from), quote_ident(to))
    };
    let name = dropped.name.as_str();
    build(draft, new.clone());
    draft.restore_floor(floor);
    let phase = drop.step.phase;
    draft
        .step(
            phase,
            format!("the new {name} takes the place of the old one"),
            Action::Transaction { sql: vec![rename(name, &aside), rename(&new, name)] },
        )
        .undo(Undo::Transaction {
            sql: vec![rename(name, &new), rename(&aside, name)],
            locks: Vec::new(),
        });
    let statement = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", qualified(&aside));
    drop.step.action = Action::Concurrent {
        sql: statement.clone(),
        probe: text::index_dropped_probe(&qualified(&aside)),
        cleanup: statement,
    };
    drop.step.why = format!("the old {name} is dropped while the application goes on");
    if phase != Phase::Contract {
        drop.step.undo = drop_index::put_back(found, &Index { name: aside, ..old.clone() });
    }
    draft.push_back(drop);
    true
}

/// `DROP TRIGGER`.
pub(super) fn drop_trigger(
    draft: &mut Draft<'_>,
    statement: &Statement,
    drop: &DropStmt,
    impact: &Impact,
) {
    as_is::steps(draft, statement, impact);
    if let Some((relation, name)) = dropped_trigger(draft, drop) {
        draft.remember_dropped(&relation, &name, Kind::Trigger, &statement.sql);
    }
}

/// `CREATE TRIGGER`.
pub(super) fn create_trigger(
    draft: &mut Draft<'_>,
    statement: &Statement,
    create: &CreateTrigStmt,
    impact: &Impact,
) {
    let dropped = target(draft, create.relation.as_ref()).and_then(|relation| {
        let same = |d: &Dropped| d.kind == Kind::Trigger && d.name == create.trigname;
        draft.dropped_before(&relation, same)
    });
    let dropped = dropped.filter(|dropped| !draft.touched_since(dropped));
    let before = dropped.and_then(|dropped| draft.take_step(&dropped.sql));
    as_is::steps(draft, statement, impact);
    let Some(before) = before else { return };
    match draft.transaction_with(&statement.sql) {
        Some(step) if step.phase == before.step.phase => {
            if let (Action::Transaction { sql }, Action::Transaction { sql: first }) =
                (&mut step.action, &before.step.action)
            {
                sql.splice(0..0, first.iter().cloned());
            }
            step.why =
                format!("{} is exchanged for the new one: no row goes by without", create.trigname);
            step.statements.splice(0..0, before.step.statements);
            let both = before.step.locks.into_iter().chain(step.locks.clone());
            step.locks = lock_set(both.map(|lock| (lock.relation, lock.mode)));
            // It begins with dropping whatever has the name by then.
            step.undo = before.step.undo;
        }
        _ => draft.push_front(before),
    }
}

/// Table and name of the trigger that `drop` is about, when it is there.
fn dropped_trigger(draft: &Draft<'_>, drop: &DropStmt) -> Option<(QualifiedName, String)> {
    let path = drop.objects.first().and_then(drop_index::path)?;
    let (name, table) = path.split_last()?;
    let found = match table {
        [table] => draft.catalog.resolve(None, table),
        [schema, table] => draft.catalog.resolve(Some(schema), table),
        _ => None,
    }?;
    found
        .triggers
        .iter()
        .any(|trigger| trigger.name == *name)
        .then(|| (found.name.clone(), name.clone()))
}

/// Makes the trigger again that `drop` drops, as it was.
pub(super) fn trigger_back(draft: &Draft<'_>, drop: &DropStmt) -> Option<Undo> {
    let Some((relation, name)) = dropped_trigger(draft, drop) else { return Some(Undo::Nothing) };
    let found = draft.catalog.relation(&relation)?;
    let trigger = found.triggers.iter().find(|trigger| trigger.name == name)?;
    if trigger.definition.is_empty() {
        return None;
    }
    let quoted = quote_ident(&name);
    let mut sql =
        vec![format!("DROP TRIGGER IF EXISTS {quoted} ON {relation}"), trigger.definition.clone()];
    let enabled = match trigger.enabled {
        'D' => Some("DISABLE"),
        'R' => Some("ENABLE REPLICA"),
        'A' => Some("ENABLE ALWAYS"),
        _ => None,
    };
    sql.extend(enabled.map(|word| text::alter(&relation, &format!("{word} TRIGGER {quoted}"))));
    if let Some(comment) = &trigger.comment {
        let comment = quote_literal(comment);
        sql.push(format!("COMMENT ON TRIGGER {quoted} ON {relation} IS {comment}"));
    }
    Some(Undo::Transaction { sql, locks: draft.locks(found, LockMode::AccessExclusive) })
}
