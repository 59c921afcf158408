//! The partitions and children of a table whose column changes.
//!
//! The column itself comes and goes with that of the table at the top: `ADD`, `RENAME` and `DROP COLUMN`
//! reach everything below, and so do constraints that are inherited. What is a member's own (a default, privileges,
//! an index that hangs on no other, a check, a policy, and for a child that is no partition also its rows, its keys and its
//! trigger) is seen to member by member.

use super::{Change, Table};
use crate::catalog::{ConstraintKind, Relation, RelationKind};
use crate::rewrite::draft::Draft;
use crate::rewrite::sync::SyncTrigger;
use crate::rewrite::{rebuild, text};
use crate::sql::quote_ident;

/// How a table stands to the one that the migration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is that table.
    Top,
    /// Its rows are rows of the top: backfill, checks and triggers there reach them.
    Partition,
    /// An inheritance child: its rows are its own.
    Child,
}

/// The tables below `top`, each once, parents first.
pub(super) fn below(draft: &mut Draft<'_>, top: &Table) -> Vec<Table> {
    let mut members: Vec<Relation> = Vec::new();
    for member in draft.catalog.family(&top.found).into_iter().skip(1) {
        if members.iter().all(|known| known.name != member.name) {
            members.push(member.clone());
        }
    }
    let place = match top.found.kind {
        RelationKind::PartitionedTable => Place::Partition,
        _ => Place::Child,
    };
    members.into_iter().map(|found| member(draft, top, found, place)).collect()
}

fn member(draft: &mut Draft<'_>, top: &Table, found: Relation, place: Place) -> Table {
    let start = draft.start.relation(&found.name).cloned();
    let changes = top
        .changes
        .iter()
        .filter_map(|change| {
            let mut before = found.column(change.name())?.clone();
            if let Some(own) = start.as_ref().and_then(|start| start.column(change.name())) {
                before.default.clone_from(&own.default);
                before.default_is_volatile = own.default_is_volatile;
            }
            let mut after = before.clone();
            after.type_name.clone_from(&change.after.type_name);
            after.user_type.clone_from(&change.after.user_type);
            after.collation.clone_from(&change.after.collation);
            after.storage = change.after.storage;
            if change.after.default != change.before.default {
                after.default.clone_from(&change.after.default);
                after.default_is_volatile = change.after.default_is_volatile;
            }
            let comes_down = found.parents.iter().filter_map(|name| draft.catalog.relation(name));
            let comes_down = comes_down.into_iter().any(|above| above.is_not_null(change.name()));
            Some(Change {
                proves_not_null: before.not_null && !comes_down,
                before,
                after,
                new: change.new.clone(),
                aside: change.aside.clone(),
                forward: change.forward.clone(),
                back: change.back.clone(),
            })
        })
        .collect();
    let trigger = match place {
        Place::Child => SyncTrigger::new(draft, &found.name),
        Place::Top | Place::Partition => top.trigger.clone(),
    };
    Table { found: own(found, top), changes, trigger, place, top: top.found.name.clone() }
}

/// `found` with what is its own alone: what hangs on the table above comes and goes with that.
fn own(mut found: Relation, top: &Table) -> Relation {
    found.indexes.retain(|index| index.parent.is_none());
    found.constraints.retain(|constraint| !constraint.inherited);
    if top.found.kind == RelationKind::PartitionedTable {
        // A partition's copy has the name of its parent's trigger.
        found.triggers.retain(|t| top.found.triggers.iter().all(|above| above.name != t.name));
    }
    found
}

/// The statement that gives `column` of a member below `top` the default that it has of its own, where that
/// of the top, which reaches down, is another one.
pub(super) fn own_default(
    table: &Table,
    column: &str,
    [own, above]: [&Option<String>; 2],
) -> Option<String> {
    if table.place == Place::Top || own == above {
        return None;
    }
    let quoted = quote_ident(column);
    let what = match own {
        Some(default) => format!("ALTER COLUMN {quoted} SET DEFAULT {default}"),
        None => format!("ALTER COLUMN {quoted} DROP DEFAULT"),
    };
    let there = rebuild::if_there(&table.found);
    Some(format!("ALTER TABLE {there}{} {what}", text::only(&table.found)))
}

/// The table at the top of `table`, and what becomes of its column there.
pub(super) fn at_top<'t>(
    tables: &'t [Table],
    table: &Table,
    column: &str,
) -> Option<(&'t Table, &'t Change)> {
    let top = tables.iter().find(|top| top.found.name == table.top)?;
    Some((top, top.changes.iter().find(|change| change.name() == column)?))
}

/// Why a member of the family makes the change impossible; `None` when it does not.
pub(super) fn obstacle(draft: &Draft<'_>, table: &Table) -> Option<String> {
    let found = &table.found;
    if table.place == Place::Top {
        let inherited = table.changes.iter().find(|change| change.before.inherited)?;
        return Some(format!(
            "{} comes from {}: the type is changed there",
            inherited.name(),
            found.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
        ));
    }
    if found.kind == RelationKind::ForeignTable {
        return Some(format!(
            "{} is a foreign table, whose rows are on another server: detach it, change the type there, and attach it again",
            found.name
        ));
    }
    if found.parents.len() > 1 {
        return Some(format!("{} has several parents", found.name));
    }
    if let Some(own) = table.changes.iter().find(|change| change.before.own_too) {
        return Some(format!(
            "{} of {} is a column of its own beside that of {}, which a new column would not be: ALTER TABLE {} NO INHERIT {} in a revision before, change both, and INHERIT again in one after it",
            own.name(),
            found.name,
            table.top,
            found.name,
            table.top
        ));
    }
    let inherited_too =
        draft.catalog.relation(&found.name).into_iter().flat_map(|r| &r.constraints);
    inherited_too
        .filter(|c| c.kind == ConstraintKind::Exclude && !c.inherited)
        .find(|c| table.news().touch(&c.columns))
        .map(|c| format!("constraint {} of {} cannot be built again online", c.name, found.name))
}
