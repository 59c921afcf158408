//! A change of type that costs nothing, of a column that views, policies, triggers or publications name: the
//! server refuses it as long as they do.
//!
//! *In words*: one short transaction takes them off, changes the type and puts them back as they were.

use super::hangs::{copies_as_they_were, put_back, take_off};
use super::hindrance::unhindered;
use super::views::{self, View};
use crate::analyze::Impact;
use crate::catalog::{Catalog, Relation};
use crate::lock::LockMode;
use crate::plan::{Action, Phase, RelationLock};
use crate::rewrite::draft::Draft;
use crate::rewrite::substitute::Columns;
use crate::rewrite::{as_is, inverse, strangers};
use crate::sql::{QualifiedName, Statement};
use std::borrow::Cow;

/// Whether something has to be taken off for the change of type in `part`.
pub(in crate::rewrite) fn is_needed(catalog: &Catalog, part: &Statement) -> bool {
    matches!(unhindered(catalog, part), Cow::Owned(_))
}

pub(super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    relation: &QualifiedName,
    column: &str,
    impact: &Impact,
) {
    if draft.floors.is_moved(relation) {
        // The view under the old name of the table reads the column, and goes in contract.
        draft.raise(Phase::Contract);
        draft.floors.relation(relation, Phase::Contract);
    }
    let found = draft.catalog.relation(relation).cloned();
    let Some(found) = found.filter(|_| impact.work.is_empty() && is_needed(&draft.catalog, part))
    else {
        return as_is::steps(draft, part, impact);
    };
    let columns = Columns::new([(column, column)]);
    let members: Vec<Relation> = family(draft, &found);
    let read = members.iter().map(|member| (member, column));
    let views: Vec<View> = views::over(&draft.catalog, read)
        .unwrap_or_default()
        .into_iter()
        .map(|found| View { found, exchanged: Vec::new() })
        .collect();
    let mut sql: Vec<String> =
        strangers::on_views(draft, views.iter().map(|view| &view.found)).into_iter().collect();
    sql.extend(views.iter().rev().map(View::drop));
    sql.extend(members.iter().flat_map(|member| take_off(member, &columns)));
    sql.push(part.sql.clone());
    sql.extend(members.iter().flat_map(|member| put_back(member, &columns)));
    sql.extend(copies_as_they_were(&found, draft.catalog.family(&found), &columns));
    sql.extend(views.iter().flat_map(|view| view.back(draft)));
    let mode = LockMode::AccessExclusive;
    let of_views =
        views.iter().rev().map(|v| RelationLock { relation: v.found.name.clone(), mode });
    let rest = draft.locks(&found, mode).into_iter().chain(impact.locks.iter().cloned());
    let mut locks: Vec<RelationLock> = of_views.collect();
    for lock in crate::rewrite::draft::lock_set(rest.map(|lock| (lock.relation, lock.mode))) {
        if locks.iter().all(|known| known.relation != lock.relation) {
            locks.push(lock);
        }
    }
    for view in &views {
        draft.rely(&view.found.name);
        draft.floors.word(&view.found.name.name, Phase::Expand);
    }
    let undo = inverse::of(draft, part);
    draft
        .step(
            Phase::Expand,
            format!(
                "{column} of {relation} changes in place; what names it is taken off and put back"
            ),
            Action::Transaction { sql },
        )
        .locks(locks)
        .undo(undo);
}

/// `found` and what is below it. A partition's copy of a trigger comes and goes with that of its parent.
fn family(draft: &Draft<'_>, found: &Relation) -> Vec<Relation> {
    let mut members: Vec<Relation> = draft.catalog.family(found).into_iter().cloned().collect();
    for member in members.iter_mut().filter(|member| member.partition_bound.is_some()) {
        member.triggers.retain(|t| found.triggers.iter().all(|above| above.name != t.name));
    }
    members
}
