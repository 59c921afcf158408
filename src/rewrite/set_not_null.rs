//! `ALTER COLUMN … SET NOT NULL`.
//!
//! *In words*: as written it reads the whole table under ACCESS EXCLUSIVE. On 17 and before: a
//! `CHECK (c IS NOT NULL) NOT VALID` (brief), `VALIDATE` (SHARE UPDATE EXCLUSIVE), then `SET NOT
//! NULL`, which takes the check for its proof (brief), then the check goes in a statement of its
//! own: in the same `ALTER` the scan comes back. On 18: the NOT NULL constraint itself is added NOT
//! VALID and validated. NULLs are counted first, before anything could make a writer fail.

use super::as_is;
use super::dispatch::is_brief;
use super::draft::Draft;
use super::text::{alter, alter_if_there, alter_of};
use crate::analyze::Impact;
use crate::catalog::names;
use crate::lock::LockMode;
use crate::plan::{Action, Check, Phase, Undo, WorkKind};
use crate::sql::{QualifiedName, Statement, quote_ident};
use pg_query::protobuf::Constraint;

/// Steps for `ALTER TABLE relation ALTER COLUMN column SET NOT NULL`.
pub(super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    relation: &QualifiedName,
    column: &str,
    impact: &Impact,
) {
    let already = draft.catalog.relation(relation).is_some_and(|found| found.is_not_null(column));
    if already || is_brief(impact) || draft.is_unused(relation) {
        return as_is::steps(draft, part, impact);
    }
    emit(draft, relation, column, None);
}

/// Steps for `ADD CONSTRAINT name NOT NULL column` (18).
pub(super) fn constraint_steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
    impact: &Impact,
) {
    let columns = super::groups::strings(&constraint.keys);
    let already = columns
        .iter()
        .all(|c| draft.catalog.relation(relation).is_some_and(|found| found.is_not_null(c)));
    if constraint.skip_validation || already || is_brief(impact) || draft.is_unused(relation) {
        return as_is::steps(draft, part, impact);
    }
    let name = (!constraint.conname.is_empty()).then_some(constraint.conname.as_str());
    for column in columns {
        emit(draft, relation, &column, name);
    }
}

/// The recipe itself. `name` is the constraint's name on 18, when the migration gives one.
pub(super) fn emit(
    draft: &mut Draft<'_>,
    relation: &QualifiedName,
    column: &str,
    name: Option<&str>,
) {
    count_nulls(draft, relation, column);
    if draft.major() >= 18 {
        let name = name.map_or_else(
            || names::not_null_constraint(&draft.catalog, relation, column),
            str::to_owned,
        );
        named(draft, Phase::Migrate, relation, column, &name);
    } else {
        proven_by_check(draft, Phase::Migrate, relation, column);
    }
}

/// The same, and the catalog is told, so that a key over the column does not ask for it again.
pub(super) fn emit_and_mark(
    draft: &mut Draft<'_>,
    relation: &QualifiedName,
    column: &str,
    name: Option<&str>,
) {
    emit(draft, relation, column, name);
    if let Some(found) = draft.catalog.relations.get_mut(relation)
        && let Some(found) = found.columns.iter_mut().find(|known| known.name == column)
    {
        found.not_null = true;
    }
}

fn count_nulls(draft: &mut Draft<'_>, relation: &QualifiedName, column: &str) {
    let action = Action::Verify {
        relation: relation.clone(),
        check: Check::Rows {
            alias: "t".to_owned(),
            condition: format!("t.{} IS NULL", quote_ident(column)),
        },
        meaning: format!("rows of {relation} in which {column} is NULL"),
    };
    draft
        .step(
            Phase::Migrate,
            format!("{column} can only become NOT NULL when no row holds NULL"),
            action,
        )
        .work(WorkKind::Scan, relation);
}

/// 18 and later: the constraint is added NOT VALID and validated.
pub(super) fn named(
    draft: &mut Draft<'_>,
    phase: Phase,
    relation: &QualifiedName,
    column: &str,
    name: &str,
) {
    let Some(found) = draft.catalog.relation(relation).cloned() else { return };
    let exclusive = draft.locks(&found, LockMode::AccessExclusive);
    let weak = draft.locks(&found, LockMode::ShareUpdateExclusive);
    let (constraint, quoted) = (quote_ident(name), quote_ident(column));
    // A primary key that a partition gets makes the inherited constraint its own as well, so that it
    // outlives the parent's.
    let below =
        draft.catalog.family(&found).into_iter().filter(|member| !member.is_not_null(column));
    // A partition may be dropped before it comes to that.
    let back = std::iter::once(relation)
        .chain(below.map(|member| &member.name).filter(|name| *name != relation))
        .map(|name| {
            let own = name == relation && found.partition_bound.is_none();
            let alter = if own { alter } else { alter_if_there };
            alter(name, &format!("DROP CONSTRAINT IF EXISTS {constraint}"))
        })
        .collect();
    draft
        .step(
            phase,
            format!("new rows must have {column} from here on; existing ones are not read yet"),
            Action::Transaction {
                sql: vec![alter_of(
                    &found,
                    &format!("ADD CONSTRAINT {constraint} NOT NULL {quoted} NOT VALID"),
                )],
            },
        )
        .locks(exclusive.clone())
        .undo(Undo::Transaction { sql: back, locks: exclusive });
    draft
        .step(
            phase,
            format!("existing rows are read for {column} while the application goes on"),
            Action::Validate {
                sql: alter_of(&found, &format!("VALIDATE CONSTRAINT {constraint}")),
            },
        )
        .locks(weak)
        .work(WorkKind::Scan, relation);
}

/// 17 and before: a validated check is the proof that makes `SET NOT NULL` brief.
pub(super) fn proven_by_check(
    draft: &mut Draft<'_>,
    phase: Phase,
    relation: &QualifiedName,
    column: &str,
) {
    let proof = draft.temporary_name();
    let Some(found) = draft.catalog.relation(relation) else { return };
    let exclusive = draft.locks(found, LockMode::AccessExclusive);
    let weak = draft.locks(found, LockMode::ShareUpdateExclusive);
    let (check, quoted) = (quote_ident(&proof), quote_ident(column));
    let drop_check = alter(relation, &format!("DROP CONSTRAINT IF EXISTS {check}"));
    draft
        .step(
            phase,
            format!("new rows must have {column} from here on; existing ones are not read yet"),
            Action::Transaction {
                sql: vec![alter(
                    relation,
                    &format!("ADD CONSTRAINT {check} CHECK ({quoted} IS NOT NULL) NOT VALID"),
                )],
            },
        )
        .locks(exclusive.clone())
        .undo(Undo::Transaction { sql: vec![drop_check.clone()], locks: exclusive.clone() });
    draft
        .step(
            phase,
            format!("existing rows are read for {column} while the application goes on"),
            Action::Validate { sql: alter(relation, &format!("VALIDATE CONSTRAINT {check}")) },
        )
        .locks(weak)
        .work(WorkKind::Scan, relation);
    draft
        .step(
            phase,
            format!("the validated check proves {column} NOT NULL without another scan"),
            Action::Transaction {
                sql: vec![
                    alter(relation, &format!("ALTER COLUMN {quoted} SET NOT NULL")),
                    drop_check,
                ],
            },
        )
        .locks(exclusive.clone())
        .undo(Undo::Transaction {
            sql: vec![alter(relation, &format!("ALTER COLUMN {quoted} DROP NOT NULL"))],
            locks: exclusive,
        });
}

/// The statements that make a column NOT NULL again for rows from now on and then for all, for the
/// undoing of a `DROP NOT NULL`.
pub(super) fn restore(draft: &mut Draft<'_>, relation: &QualifiedName, column: &str) -> Undo {
    let proof = draft.temporary_name();
    let Some(found) = draft.catalog.relation(relation) else { return Undo::Nothing };
    let exclusive = draft.locks(found, LockMode::AccessExclusive);
    let name = found
        .constraints
        .iter()
        .find(|c| c.kind == crate::catalog::ConstraintKind::NotNull && c.columns == [column])
        .map(|c| c.name.clone());
    let (check, quoted) = (quote_ident(&proof), quote_ident(column));
    let drop_check = alter(relation, &format!("DROP CONSTRAINT IF EXISTS {check}"));
    let set = match name {
        Some(name) => format!("ADD CONSTRAINT {} NOT NULL {quoted}", quote_ident(&name)),
        None => format!("ALTER COLUMN {quoted} SET NOT NULL"),
    };
    Undo::Sequence {
        parts: vec![
            Undo::Transaction {
                sql: vec![
                    drop_check.clone(),
                    alter(
                        relation,
                        &format!("ADD CONSTRAINT {check} CHECK ({quoted} IS NOT NULL) NOT VALID"),
                    ),
                ],
                locks: exclusive.clone(),
            },
            Undo::Validate { sql: alter(relation, &format!("VALIDATE CONSTRAINT {check}")) },
            Undo::Transaction { sql: vec![alter(relation, &set), drop_check], locks: exclusive },
        ],
    }
}
