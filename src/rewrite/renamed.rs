//! A drafted step that speaks of a table under its new name.

use super::text::renamed;
use crate::plan::{Action, Check, RelationLock, Step, Undo};
use crate::sql::QualifiedName;

/// Puts `to` in the place of `from` in everything that the step sends, locks or reads.
pub(super) fn step(step: &mut Step, from: &QualifiedName, to: &QualifiedName) {
    match &mut step.action {
        Action::Transaction { sql } => texts(sql, from, to),
        Action::Validate { sql } | Action::Statement { sql } | Action::Maintenance { sql } => {
            *sql = renamed(sql, from, to)
        }
        Action::Concurrent { sql, cleanup, .. } => {
            *sql = renamed(sql, from, to);
            *cleanup = renamed(cleanup, from, to);
        }
        Action::Backfill(backfill) => relation(&mut backfill.relation, from, to),
        Action::Verify { relation: on, check, .. } => {
            relation(on, from, to);
            if let Check::Query { sql } = check {
                *sql = renamed(sql, from, to);
            }
        }
    }
    locks(&mut step.locks, from, to);
    for work in &mut step.work {
        relation(&mut work.relation, from, to);
    }
    undo(&mut step.undo, from, to);
}

fn undo(of: &mut Undo, from: &QualifiedName, to: &QualifiedName) {
    match of {
        Undo::Transaction { sql, locks: held } => {
            texts(sql, from, to);
            locks(held, from, to);
        }
        Undo::Concurrent { sql, cleanup, .. } => {
            *sql = renamed(sql, from, to);
            *cleanup = renamed(cleanup, from, to);
        }
        Undo::Validate { sql } => *sql = renamed(sql, from, to),
        Undo::Sequence { parts } => parts.iter_mut().for_each(|part| undo(part, from, to)),
        Undo::Nothing | Undo::Irreversible { .. } => {}
    }
}

fn texts(sql: &mut [String], from: &QualifiedName, to: &QualifiedName) {
    for statement in sql {
        *statement = renamed(statement, from, to);
    }
}

fn locks(held: &mut [RelationLock], from: &QualifiedName, to: &QualifiedName) {
    for lock in held {
        relation(&mut lock.relation, from, to);
    }
}

fn relation(name: &mut QualifiedName, from: &QualifiedName, to: &QualifiedName) {
    if name == from {
        name.clone_from(to);
    }
}
