//! What the statements of an undo lock, so that a rollback looks before it queues.

use super::draft::{Draft, lock_set};
use crate::analyze::analyze;
use crate::catalog::{Catalog, RelationKind};
use crate::lock::LockMode;
use crate::plan::{RelationLock, Undo};
use crate::sql::{self, QualifiedName, Statement};

/// The locks of `undo`, run after `statement`, on relations that are there before it and that
/// application statements can wait for. `before` is the catalog before the statement.
pub(super) fn of(before: &Catalog, statement: &Statement, undo: &[String]) -> Vec<RelationLock> {
    // What nobody else uses is taken back without a lock that anybody feels.
    let touches = analyze(statement, before).is_ok_and(|impact| !impact.locks.is_empty());
    if !touches {
        return Vec::new();
    }
    let mut catalog = before.clone();
    catalog.apply(statement);
    let mut found = Vec::new();
    for text in undo {
        let Ok(script) = sql::parse(text, 0..text.len()) else { continue };
        for statement in &script.statements {
            if let Ok(impact) = analyze(statement, &catalog) {
                found.extend(impact.locks);
            }
            catalog.apply(statement);
        }
    }
    // `LOCK TABLE` takes these kinds and no others.
    let kinds = [RelationKind::Table, RelationKind::PartitionedTable, RelationKind::View];
    let felt = found.into_iter().filter(|lock| {
        lock.mode > LockMode::RowExclusive
            && before.relation(&lock.relation).is_some_and(|found| kinds.contains(&found.kind))
    });
    lock_set(felt.map(|lock| (lock.relation, lock.mode)))
}

/// `statement` gives the new table `name` a foreign key, perhaps: the undo that drops the table then
/// locks the table that the key refers to, too.
pub(super) fn with_new_table(draft: &mut Draft<'_>, statement: &Statement, name: &QualifiedName) {
    let Ok(impact) = analyze(statement, &draft.catalog) else { return };
    let referenced: Vec<_> = impact
        .locks
        .into_iter()
        .filter(|lock| lock.mode > LockMode::RowExclusive && !draft.is_new(&lock.relation))
        .map(|lock| (lock.relation, LockMode::AccessExclusive))
        .collect();
    if referenced.is_empty() {
        return;
    }
    if let Some(Undo::Transaction { locks, .. }) = draft.undo_that_drops(name) {
        let held = std::mem::take(locks).into_iter().map(|lock| (lock.relation, lock.mode));
        *locks = lock_set(held.chain(referenced));
    }
}
