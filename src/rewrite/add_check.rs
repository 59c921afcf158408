//! `ADD CONSTRAINT … CHECK`.
//!
//! *In words*: as written it reads the table under ACCESS EXCLUSIVE. Added `NOT VALID` (brief) it
//! holds for every row written from then on; `VALIDATE` in a transaction of its own reads the old
//! rows under SHARE UPDATE EXCLUSIVE.

use super::as_is;
use super::dispatch::is_brief;
use super::draft::Draft;
use super::text::alter;
use crate::analyze::Impact;
use crate::catalog::names;
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
    emit(draft, constraint, relation);
}

pub(super) fn emit(draft: &mut Draft<'_>, constraint: &Constraint, relation: &QualifiedName) {
    let Some(expression) = constraint.raw_expr.as_deref() else { return };
    let expression = deparse::expression(expression);
    let name = names::constraint_name(&draft.catalog, relation, constraint);
    let inherit = if constraint.is_no_inherit { " NO INHERIT" } else { "" };
    let definition = format!("CHECK ({expression}){inherit}");
    draft
        .step(
            Phase::Migrate,
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
    not_valid_then_validate(draft, relation, &name, &definition);
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
    let weak = draft.locks(found, LockMode::ShareUpdateExclusive);
    let quoted = quote_ident(name);
    draft
        .step(
            Phase::Migrate,
            format!("{name} holds for rows written from here on; existing ones are not read yet"),
            Action::Transaction {
                sql: vec![alter(
                    relation,
                    &format!("ADD CONSTRAINT {quoted} {definition} NOT VALID"),
                )],
            },
        )
        .locks(exclusive.clone())
        .undo(Undo::Transaction {
            sql: vec![alter(relation, &format!("DROP CONSTRAINT IF EXISTS {quoted}"))],
            locks: exclusive,
        });
    draft
        .step(
            Phase::Migrate,
            format!("existing rows are checked for {name} while the application goes on"),
            Action::Validate { sql: alter(relation, &format!("VALIDATE CONSTRAINT {quoted}")) },
        )
        .locks(weak)
        .work(WorkKind::Scan, relation);
}
