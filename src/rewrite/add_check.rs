//! `ADD CONSTRAINT … CHECK`.
//!
//! *In words*: as written it reads the table under ACCESS EXCLUSIVE. Added `NOT VALID` (brief) it
//! holds for every row written from then on; `VALIDATE` in a transaction of its own reads the old
//! rows under SHARE UPDATE EXCLUSIVE.

use super::again;
use super::as_is;
use super::dispatch::is_brief;
use super::draft::Draft;
use super::text::alter;
use crate::analyze::Impact;
use crate::catalog::{Relation, names};
use crate::lock::LockMode;
use crate::plan::{Action, Check, Phase, Undo, WorkKind};
use crate::sql::{QualifiedName, Statement, deparse, quote_ident};
use pg_query::protobuf::Constraint;

pub(super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
    impact: &Impact,
) {
    if constraint.skip_validation || is_brief(impact) || draft.is_unused(relation) {
        return as_is::steps(draft, part, impact);
    }
    if exchange(draft, constraint, relation) {
        return;
    }
    emit(draft, constraint, relation);
}

/// In place of a check of the same name, in expand as that was dropped: no value that neither allows
/// comes in between.
fn exchange(draft: &mut Draft<'_>, constraint: &Constraint, relation: &QualifiedName) -> bool {
    let name = names::constraint_name(&draft.catalog, relation, constraint);
    let same = |d: &again::Dropped| d.kind == again::Kind::Check && d.name == name;
    let Some(dropped) = draft.dropped_before(relation, same) else { return false };
    if draft.touched_since(&dropped) || draft.floor() != Phase::Expand {
        return false;
    }
    let (Some(found), Some(expression)) =
        (draft.catalog.relation(relation).cloned(), constraint.raw_expr.as_deref())
    else {
        return false;
    };
    let Some(mut drop) = draft.take_step(&dropped.sql) else { return false };
    let expression = deparse::expression(expression);
    let definition = definition(constraint, &expression);
    none_breaks_it(draft, Phase::Expand, relation, &name, &expression);
    if let Action::Transaction { sql } = &mut drop.step.action {
        sql.push(add_not_valid(relation, &name, &definition));
    }
    drop.step.why = format!("{name} is exchanged for the new one; existing rows are not read yet");
    draft.push_back(drop);
    validate(draft, &found, &name);
    true
}

fn definition(constraint: &Constraint, expression: &str) -> String {
    let inherit = if constraint.is_no_inherit { " NO INHERIT" } else { "" };
    format!("CHECK ({expression}){inherit}")
}

fn none_breaks_it(
    draft: &mut Draft<'_>,
    phase: Phase,
    relation: &QualifiedName,
    name: &str,
    expression: &str,
) {
    draft
        .step(
            phase,
            format!("{name} can only hold when no row breaks it"),
            Action::Verify {
                relation: relation.clone(),
                check: Check::Rows {
                    alias: relation.name.clone(),
                    condition: format!("NOT ({expression})"),
                },
                meaning: format!("rows of {relation} that break CHECK ({expression})"),
            },
        )
        .work(WorkKind::Scan, relation);
}

fn add_not_valid(relation: &QualifiedName, name: &str, definition: &str) -> String {
    let quoted = quote_ident(name);
    alter(relation, &format!("ADD CONSTRAINT {quoted} {definition} NOT VALID"))
}

fn validate(draft: &mut Draft<'_>, found: &Relation, name: &str) {
    let weak = draft.locks(found, LockMode::ShareUpdateExclusive);
    let sql = alter(&found.name, &format!("VALIDATE CONSTRAINT {}", quote_ident(name)));
    draft
        .step(
            Phase::Migrate,
            format!("existing rows are checked for {name} while the application goes on"),
            Action::Validate { sql },
        )
        .locks(weak)
        .work(WorkKind::Scan, &found.name);
}

pub(super) fn emit(draft: &mut Draft<'_>, constraint: &Constraint, relation: &QualifiedName) {
    let Some(expression) = constraint.raw_expr.as_deref() else { return };
    let expression = deparse::expression(expression);
    let name = names::constraint_name(&draft.catalog, relation, constraint);
    let definition = definition(constraint, &expression);
    if !constraint.is_enforced {
        return not_enforced(draft, relation, &name, &definition);
    }
    none_breaks_it(draft, Phase::Migrate, relation, &name, &expression);
    not_valid_then_validate(draft, relation, &name, &definition);
}

/// No row is read for it, neither now nor later.
fn not_enforced(draft: &mut Draft<'_>, relation: &QualifiedName, name: &str, definition: &str) {
    let Some(found) = draft.catalog.relation(relation) else { return };
    let locks = draft.locks(found, LockMode::AccessExclusive);
    let quoted = quote_ident(name);
    draft
        .step(
            Phase::Migrate,
            format!("{name} is not enforced: no row has to keep to it"),
            Action::Transaction {
                sql: vec![alter(
                    relation,
                    &format!("ADD CONSTRAINT {quoted} {definition} NOT ENFORCED"),
                )],
            },
        )
        .locks(locks.clone())
        .undo(Undo::Transaction {
            sql: vec![alter(relation, &format!("DROP CONSTRAINT IF EXISTS {quoted}"))],
            locks,
        });
}

/// The two steps for a check whose `definition` says no `NOT VALID` yet.
pub(super) fn not_valid_then_validate(
    draft: &mut Draft<'_>,
    relation: &QualifiedName,
    name: &str,
    definition: &str,
) {
    let Some(found) = draft.catalog.relation(relation) else { return };
    let exclusive = draft.locks(found, LockMode::AccessExclusive);
    let found = found.clone();
    let quoted = quote_ident(name);
    draft
        .step(
            Phase::Migrate,
            format!("{name} holds for rows written from here on; existing ones are not read yet"),
            Action::Transaction { sql: vec![add_not_valid(relation, name, definition)] },
        )
        .locks(exclusive.clone())
        .undo(Undo::Transaction {
            sql: vec![alter(relation, &format!("DROP CONSTRAINT IF EXISTS {quoted}"))],
            locks: exclusive,
        });
    validate(draft, &found, name);
}
