//! A repeatable file, or a seed, takes effect as a whole: its steps become one transaction, or it is refused.

use super::error::{Refusal, RewriteError};
use crate::catalog::{Catalog, Relation};
use crate::error::Kind;
use crate::plan::{self, Action, Phase, Plan, RelationLock, Step, Undo};
use crate::sql::{Diagnostic, Script, Span};

/// `plan` of `script` with all its steps in one transaction; `data`: statements that change rows too.
///
/// # Errors
/// A step that cannot be part of a transaction, or must not be done in one go on a busy database; a
/// relation or column that would be gone.
pub fn one_transaction(
    mut plan: Plan,
    script: &Script,
    catalog: &Catalog,
    data: bool,
) -> Result<Plan, RewriteError> {
    let whole = Span::new(0, 0);
    let place = |step: &Step| {
        let number = step.statements.first().copied().unwrap_or(1);
        script.statements.get(number - 1).map_or(whole, |statement| statement.span)
    };
    let refuse = |what: &str, span: Span, hint: &str| Refusal {
        kind: Kind::Refused,
        diagnostic: Diagnostic::new(what.to_owned(), span).hint(hint.to_owned()),
    };
    let mut refused = Vec::new();
    let (mut sql, mut locks, mut work) = (Vec::new(), Vec::new(), Vec::new());
    for step in &plan.steps {
        match &step.action {
            Action::Transaction { sql: own } => sql.extend(own.iter().cloned()),
            Action::Statement { sql: own } if data => sql.push(own.clone()),
            Action::Validate { .. }
            | Action::Concurrent { .. }
            | Action::Backfill(_)
            | Action::Verify { .. }
            | Action::Statement { .. }
            | Action::Maintenance { .. } => refused.push(refuse(
                "this takes more than one short transaction, and all of this file is one",
                place(step),
                "Put it into a revision: `airlock revision -m \"…\"`.",
            )),
        }
        step.locks.iter().for_each(|lock| add(&mut locks, lock));
        work.extend(step.work.iter().cloned());
    }
    if let Some(gone) = gone(script, catalog) {
        let last = script.statements.last().map_or(whole, |statement| statement.span);
        refused.push(refuse(
            &format!("{gone} would be gone, and an application may still use it"),
            last,
            "Put that into a revision, where it waits for `airlock contract`.",
        ));
    }
    if !refused.is_empty() {
        return Err(RewriteError::Refused(refused));
    }
    plan.gates.clear();
    if !sql.is_empty() {
        plan.steps = vec![Step {
            id: "expand-1".to_owned(),
            phase: Phase::Expand,
            statements: plan.statements.iter().map(|statement| statement.number).collect(),
            why: "The file takes effect as a whole.".to_owned(),
            action: Action::Transaction { sql },
            locks,
            work,
            undo: Undo::Irreversible { why: "What was there before is not kept.".to_owned() },
        }];
    }
    plan.digest = plan::file::digest(&plan);
    Ok(plan)
}

/// The strongest mode on each relation, in the order in which they were first named.
fn add(locks: &mut Vec<RelationLock>, lock: &RelationLock) {
    match locks.iter_mut().find(|known| known.relation == lock.relation) {
        Some(known) => known.mode = known.mode.max(lock.mode),
        None => locks.push(lock.clone()),
    }
}

/// What there is before `script` and not after it.
fn gone(script: &Script, catalog: &Catalog) -> Option<String> {
    let mut after = catalog.clone();
    script.statements.iter().for_each(|statement| after.apply(statement));
    catalog.relations.values().find_map(|before| lost(before, after.relation(&before.name)))
}

fn lost(before: &Relation, after: Option<&Relation>) -> Option<String> {
    let Some(after) = after else { return Some(format!("relation {}", before.name)) };
    // A view whose columns cannot be told has none in the catalog.
    if after.columns.is_empty() {
        return None;
    }
    let missing = before
        .columns
        .iter()
        .find(|column| after.columns.iter().all(|kept| kept.name != column.name));
    missing.map(|column| format!("column {} of {}", column.name, before.name))
}
