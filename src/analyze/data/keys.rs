//! Foreign keys when rows change: the referenced rows are looked up and locked, the referencing ones
//! looked for, changed or deleted.

use crate::analyze::alter_table::{Action, Actions};
use crate::analyze::effects::Effects;
use crate::analyze::resolve::Context;
use crate::catalog::{Constraint, ConstraintKind, Relation};
use crate::lock::LockMode;

/// New or changed rows of `relation` are checked against the tables that they reference, for every
/// key for which `written` holds.
pub(super) fn look_up<'c>(
    cx: Context<'_, 'c>,
    relation: &'c Relation,
    written: impl Fn(&Constraint) -> bool,
    fx: &mut Effects<'c>,
) {
    for constraint in &relation.constraints {
        if constraint.kind != ConstraintKind::ForeignKey
            || constraint.definition.ends_with("NOT ENFORCED")
            || !written(constraint)
        {
            continue;
        }
        let referenced = constraint.references.as_ref();
        let Some(referenced) = referenced.and_then(|name| cx.catalog.relation(name)) else {
            continue;
        };
        for part in cx.catalog.family(referenced) {
            fx.plan_query_on(part, LockMode::RowShare);
        }
    }
}

/// What an update of `columns`, or with `None` a deletion, does to tables that reference `relation`.
pub(super) fn follow<'c>(
    cx: Context<'_, 'c>,
    relation: &'c Relation,
    columns: Option<&[String]>,
    fx: &mut Effects<'c>,
) {
    let mut seen = vec![relation.name.clone()];
    let mut stack = vec![(relation, columns.map(<[String]>::to_vec))];
    while let Some((relation, columns)) = stack.pop() {
        for (other, constraint) in cx.catalog.incoming_foreign_keys(&relation.name) {
            let concerned = columns.as_ref().is_none_or(|columns| {
                constraint.referenced_columns.iter().any(|column| columns.contains(column))
            });
            if !concerned || constraint.definition.ends_with("NOT ENFORCED") {
                continue;
            }
            let actions = Actions::of(constraint);
            let action = if columns.is_some() { actions.update } else { actions.delete };
            let mode = match action {
                Action::Check | Action::Restrict => LockMode::RowShare,
                Action::Cascade | Action::SetNull | Action::SetDefault => LockMode::RowExclusive,
            };
            for part in cx.catalog.family(other) {
                fx.plan_query_on(part, mode);
                if !has_index_on(part, &constraint.columns) {
                    fx.scan(part);
                }
                if mode == LockMode::RowExclusive {
                    fx.change_rows(part);
                }
            }
            if mode == LockMode::RowExclusive && !seen.contains(&other.name) {
                seen.push(other.name.clone());
                let deleted = action == Action::Cascade && columns.is_none();
                stack.push((other, (!deleted).then(|| constraint.columns.clone())));
            }
        }
    }
}

/// Whether an index can find the rows of a key.
fn has_index_on(relation: &Relation, columns: &[String]) -> bool {
    relation.indexes.iter().any(|index| {
        index.valid
            && index.predicate.is_none()
            && index.keys.first().and_then(Option::as_ref).is_some_and(|key| columns.contains(key))
    })
}
