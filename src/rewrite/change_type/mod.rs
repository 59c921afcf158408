//! `ALTER COLUMN … TYPE` that rewrites the table or builds its indexes again.
//!
//! *In words*: expand: rows that the new type cannot hold are looked for first; then, in one
//! transaction, a column of the new type and a sync trigger that fills it from the old one. Migrate:
//! backfill, compare, and build again on the new column what the old one has: indexes, checks, NOT
//! NULL, statistics, foreign keys from and to it ([`super::rebuild`]). Switch, one short transaction:
//! the new column takes the old one's name, default, sequence or identity, constraints, replica
//! identity, policies and triggers; the sync trigger turns round and keeps the old column as it was,
//! so that rollback finds what the application has written since. Contract drops the old column.
//!
//! Columns of several tables that foreign keys join change hands in one switch ([`recognise`]). A
//! value that does not convert never makes the application's statement fail before the switch: it
//! leaves the new column NULL, and a check before the switch finds it ([`conversion`]).

mod conversion;
mod copied;
mod expand;
mod family;
mod hangs;
mod hindrance;
mod identity;
mod in_place;
mod keys;
mod materialized;
mod migrate;
mod narrow;
mod obstacles;
mod recognise;
mod switch;
mod tree;
mod undo;
mod views;

pub(super) use copied::Family;
pub(super) use hindrance::{explained, unhindered};
pub(super) use in_place::is_needed as has_hindrance;
pub(super) use materialized::{Materialized, known as known_materialized};
pub(super) use recognise::{Retypes, recognise};

use super::acl;
use super::draft::Draft;
use super::not_null_names;
use super::partitioned;
use super::rebuild::{self, Names};
use super::substitute::Columns;
use super::sync::{Runs, SyncTrigger};
use super::text;
use crate::analyze::{self, Impact};
use crate::catalog::{Column, Index, Relation, RelationKind};
use crate::plan::{NoteKind, Phase};
use crate::sql::{QualifiedName, Statement};
use conversion::Way;
use family::Place;
use recognise::{Request, Rollout};

/// A column on its way to another type.
struct Change {
    pub before: Column,
    pub after: Column,
    /// Name of the new column until the switch.
    pub new: String,
    /// Name of the old one after it.
    pub aside: String,
    pub forward: Way,
    pub back: Way,
    /// Whether the column is NOT NULL here, and not because the table above has it so.
    pub proves_not_null: bool,
}

impl Change {
    pub fn name(&self) -> &str {
        &self.before.name
    }
}

/// The changes of one table.
struct Table {
    /// As it is before the rollout; of a table below another one, what is its own.
    pub found: Relation,
    pub changes: Vec<Change>,
    pub trigger: SyncTrigger,
    pub place: Place,
    /// The table that the migration names.
    pub top: QualifiedName,
}

impl Table {
    /// Columns by the name of the new one before the switch.
    pub fn news(&self) -> Columns {
        Columns::new(self.changes.iter().map(|c| (c.name(), c.new.as_str())))
    }

    /// Columns by the name of the old one after the switch.
    pub fn asides(&self) -> Columns {
        Columns::new(self.changes.iter().map(|c| (c.name(), c.aside.as_str())))
    }

    pub fn is_top(&self) -> bool {
        self.place == Place::Top
    }

    pub fn is_partitioned_top(&self) -> bool {
        self.is_top() && self.found.kind == RelationKind::PartitionedTable
    }

    /// Whether it has rows and a trigger of its own: those of a partition are those of the table above.
    pub fn has_rows(&self) -> bool {
        self.place != Place::Partition
    }

    pub fn runs(&self) -> Runs {
        if self.changes.iter().any(|c| c.forward.is_called() || c.back.is_called()) {
            Runs::AsOwner
        } else {
            Runs::AsWriter
        }
    }
}

/// Steps for the type change in `part`, with all that belong to the same rollout.
pub(super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    relation: &QualifiedName,
    column: &str,
    impact: &Impact,
) {
    let Some(rollout) = draft.retypes.of(draft.number() - 1, column).cloned() else {
        return in_place::steps(draft, part, relation, column, impact);
    };
    let first = rollout.requests.first();
    if first.is_some_and(|first| first.relation == *relation && first.before.name == column) {
        carry_out(draft, &rollout);
    }
}

fn carry_out(draft: &mut Draft<'_>, rollout: &Rollout) {
    for (directive, _) in rollout.requests.iter().filter_map(|r| r.reverse.as_ref()) {
        draft.use_directive(directive);
    }
    let Some(mut tables) = tables(draft, rollout) else { return };
    let keys = keys::of(draft, &tables);
    if obstacles::refuse(draft, rollout, &tables, &keys) {
        return;
    }
    draft.stand_for(rollout.statements.iter().map(|index| index + 1).collect());
    let trees = tree::of(draft, &tables);
    for table in tables.iter_mut().filter(|table| table.is_partitioned_top()) {
        table.found.indexes.clear();
    }
    draft.ledger.has_trigger = true;
    expand::steps(draft, &tables);
    let mut names = Names::default();
    migrate::steps(draft, &tables, &trees, &keys, &mut names);
    switch::steps(draft, &tables, &trees, &keys, &rollout.views, names);
    let materialized = materialized::over(draft, &tables);
    materialized.iter().for_each(|view| view.build(draft, Phase::Switch));
    materialized.iter().for_each(|view| view.contract(draft));
    contract(draft, &tables);
    for table in &tables {
        announce(draft, table);
    }
}

/// The tables of the rollout with their changes; `None` when one was refused.
fn tables(draft: &mut Draft<'_>, rollout: &Rollout) -> Option<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    let mut refused = false;
    for request in &rollout.requests {
        if tables.iter().any(|table| table.found.name == request.relation) {
            continue;
        }
        let mut found = draft.catalog.relation(&request.relation)?.clone();
        let of_table: Vec<&Request> =
            rollout.requests.iter().filter(|r| r.relation == request.relation).collect();
        let mut changed = found.columns.clone();
        for request in &of_table {
            for column in found.columns.iter_mut().filter(|c| c.name == request.before.name) {
                column.default.clone_from(&request.before.default);
                column.default_is_volatile = request.before.default_is_volatile;
            }
            for column in changed.iter_mut().filter(|c| c.name == request.before.name) {
                *column = request.after.clone();
            }
        }
        let trigger = SyncTrigger::new(draft, &found.name);
        let mut changes = Vec::new();
        for request in of_table {
            let (new, aside) = (draft.temporary_name(), draft.temporary_name());
            let ways = [draft.temporary_name(), draft.temporary_name()];
            let mut before = request.before.clone();
            // A NOT NULL of a statement in between comes with that statement, under the name that it gives.
            before.not_null &= found.is_not_null(&before.name);
            match conversion::ways(request, &draft.catalog, &found, &changed, ways) {
                Ok((forward, back)) => changes.push(Change {
                    proves_not_null: before.not_null,
                    before,
                    after: request.after.clone(),
                    new,
                    aside,
                    forward,
                    back,
                }),
                Err(obstacle) => {
                    obstacles::refuse_conversion(draft, request, obstacle);
                    refused = true;
                }
            }
        }
        let top = found.name.clone();
        let table = Table { found, changes, trigger, place: Place::Top, top };
        let below = family::below(draft, &table);
        tables.push(table);
        tables.extend(below);
    }
    (!refused).then_some(tables)
}

/// The partitioned indexes of `table`, when it is at the top of its family.
fn trees_of<'t>(
    trees: &'t [(QualifiedName, Vec<tree::Tree>)],
    table: &Table,
) -> impl Iterator<Item = &'t tree::Tree> {
    let name = table.is_top().then(|| table.found.name.clone());
    trees.iter().filter(move |(of, _)| Some(of) == name.as_ref()).flat_map(|(_, trees)| trees)
}

/// Whether `index` stays on the old column. A table has one primary key only; a unique index over values
/// of which several may have become one would make the application fail.
fn is_kept(table: &Table, index: &Index) -> bool {
    let apart = table
        .changes
        .iter()
        .filter(|change| index.columns.contains(&change.before.name))
        .all(|change| change.back.keeps_apart());
    !index.primary && (!index.unique || (apart && !index.definition.contains("NULLS NOT DISTINCT")))
}

/// The columns of `relation` that change, by their new ones as `pick` names them.
fn columns_of(tables: &[Table], relation: &QualifiedName, pick: fn(&Table) -> Columns) -> Columns {
    tables.iter().find(|table| table.found.name == *relation).map(pick).unwrap_or_default()
}

/// The last step: nobody wants to go back any more.
fn contract(draft: &mut Draft<'_>, tables: &[Table]) {
    use super::text::alter;
    use crate::lock::LockMode;
    use crate::plan::Action;
    use crate::sql::quote_ident;
    for table in tables.iter().filter(|table| table.is_top()) {
        let name = &table.found.name;
        let mut sql: Vec<String> = tables
            .iter()
            .filter(|below| below.has_rows() && below.top == *name)
            .flat_map(|below| below.trigger.remove())
            .collect();
        let drops: Vec<String> = table
            .changes
            .iter()
            .map(|change| format!("DROP COLUMN {}", quote_ident(&change.aside)))
            .collect();
        sql.push(alter(name, &drops.join(", ")));
        for change in &table.changes {
            sql.extend(change.forward.remove_if_there());
            sql.extend(change.back.remove_if_there());
        }
        if table.is_partitioned_top() {
            sql.push(partitioned::name_what_came_meanwhile(draft, name));
        }
        let locks = draft.locks(&table.found, LockMode::AccessExclusive);
        draft
            .step(
                Phase::Contract,
                format!("the old {} of {name} is kept for no rollback any more", listed(table)),
                Action::Transaction { sql },
            )
            .locks(locks);
        draft.gate(
            Phase::Contract,
            format!("the switch of {} of {name} need not be taken back any more", listed(table)),
        );
    }
}

/// What subscribers meet.
fn published(draft: &mut Draft<'_>, table: &Table) {
    let (name, found) = (&table.found.name, &table.found);
    let listing: Vec<String> = found
        .published
        .iter()
        .filter(|entry| !entry.columns.is_empty())
        .map(|entry| entry.publication.clone())
        .collect();
    let whole: Vec<String> =
        found.publications.iter().filter(|name| !listing.contains(name)).cloned().collect();
    if !whole.is_empty() {
        let advice = if draft.major() >= 15 {
            "give the publication a list of columns for that time, or the subscriber the column"
        } else {
            "give the subscriber the column before the plan starts (a publication can list its columns from version 15 on)"
        };
        draft.note(
            NoteKind::Application,
            format!(
                "{name} is published ({}): until contract its changes carry a second column, which a subscriber that has no such column refuses; {advice}",
                whole.join(", ")
            ),
        );
    }
    let named = hangs::publications(found, &table.news());
    if !named.is_empty() {
        draft.note(
            NoteKind::Application,
            format!(
                "{} of {name} is named in {} {}, which leaves the table out and takes it in again in the transaction of the switch (by its owner): no change is missed; the subscriber's column must hold the new type before that",
                listed(table),
                if named.len() == 1 { "publication" } else { "publications" },
                named.join(", ")
            ),
        );
    }
}

fn listed(table: &Table) -> String {
    let names: Vec<&str> = table.changes.iter().map(Change::name).collect();
    text::listed(&names)
}

/// What a reviewer must know, and where later statements have to stand.
fn announce(draft: &mut Draft<'_>, table: &Table) {
    let name = &table.found.name;
    draft.floors.shape(name, Phase::Contract, true);
    if !table.is_top() {
        for change in &table.changes {
            draft.floors.member(name, change.name(), Phase::Contract);
            draft.floors.half_done(name, change.name());
        }
        draft.floors.relation(name, Phase::Migrate);
        draft.floors.rekeyed(name);
        return draft.rely(name);
    }
    if draft.major() >= 18
        && table.is_partitioned_top()
        && table.changes.iter().any(|change| change.before.not_null)
    {
        draft.note(
            NoteKind::Inheritance,
            format!(
                "the partitions of {name} keep NOT NULL on {} when it is dropped from the parent later (ALTER … DROP NOT NULL on each of them takes it away)",
                listed(table)
            ),
        );
    }
    for change in &table.changes {
        for (below, constraint) in
            not_null_names::below(&draft.catalog, &table.found, change.name())
        {
            let own = rebuild::not_null_constraint(&table.found, change.name());
            if let Some(own) = own.filter(|own| own.name != constraint.name) {
                draft.note(
                    NoteKind::Inheritance,
                    format!(
                        "NOT NULL {} of {} is called {} from the switch on, as that of {name}",
                        constraint.name, below.name, own.name
                    ),
                );
            }
        }
        let (column, from, to) = (change.name(), &change.before.type_name, &change.after.type_name);
        draft.note(
            NoteKind::ColumnOrder,
            format!("{column} of {name} stands behind the other columns from the switch on: INSERT without a list of columns, COPY without one and SELECT * see another order"),
        );
        draft.note(
            NoteKind::Application,
            format!("from the switch on {column} of {name} is {to}: a prepared statement that returns it fails once (cached plan must not change result type), as after the change as written, until the driver prepares it again"),
        );
        if analyze::is_assigned(to, from, &draft.catalog) != Some(true)
            || analyze::is_assigned(from, to, &draft.catalog) != Some(true)
        {
            draft.gate(
                Phase::Switch,
                format!("every running application can read and write {column} of {name} as {to} where it was {from}"),
            );
        }
        let sequence = draft.catalog.relations.values().find(|sequence| {
            sequence.owned_by.as_ref().is_some_and(|(t, c)| t == name && c == column)
        });
        if let Some(sequence) = sequence.map(|sequence| sequence.name.clone())
            && !draft.changes_elsewhere(&sequence)
            && change.before.identity.is_none()
            && to == "bigint"
        {
            draft.note(
                NoteKind::Information,
                format!("sequence {sequence} keeps its own type and limit, as after the change as written: `ALTER SEQUENCE {sequence} AS bigint` lets it go on"),
            );
        }
        draft.floors.member(name, column, Phase::Contract);
        draft.floors.half_done(name, column);
    }
    published(draft, table);
    let names: Vec<&str> = table.changes.iter().map(Change::name).collect();
    acl::note_grantors(draft, &table.found, &names);
    narrow::note(draft, table);
    draft.floors.relation(name, Phase::Migrate);
    draft.floors.rekeyed(name);
    draft.rely(name);
}
