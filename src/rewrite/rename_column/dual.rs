//! The `dual-column` strategy: a second column under the new name, kept in step with the old one.
//!
//! *In words*: expand, one transaction: add `b` like `a`, a sync trigger both ways (an INSERT that
//! gives `b` wins, else `b := a`; an UPDATE that changes `b` wins, any other one sets `b := a`) and `a`'s privileges and
//! comment. The trigger comes before any constraint. Migrate: backfill `b` from `a`, compare, and
//! build again on `b` what `a` has ([`super::super::rebuild`]). Contract, one short transaction: trigger
//! and `a` go, and what was built again gets the names that a plain rename would have left. Nothing
//! in between is ever visible. On a partitioned table the trigger and the column come down from the table, and each
//! partition gets its indexes, checks and keys as in a change of type ([`super::super::change_type`]); not where the
//! partition key holds the column. On a table with inheritance children each child has a trigger, a backfill and indexes of its
//! own. Views read the new column once it holds everything ([`super::views`]). Foreign keys that point to the column
//! are built again for the new one, and exchanged in contract.

use super::super::change_type::Family;
use super::super::column;
use super::super::draft::{Draft, lock_set};
use super::super::partitioned;
use super::super::rebuild::Names;
use super::super::sync::{Fires, Runs, changed, differ, typed};
use super::super::text::alter;
use crate::catalog::{Column, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, Backfill, Change, Check, NoteKind, Phase, Undo, WorkKind};
use crate::sql::{QualifiedName, quote_ident};

pub(super) fn steps(draft: &mut Draft<'_>, found: &Relation, column: &Column, new: &str) {
    let family = Family::of(draft, found, column, new);
    expand(draft, found, column, new, &family);
    for (relation, own, _) in family.with_rows() {
        backfill(draft, relation, own, new);
    }
    let mut names = Names::default();
    family.build(draft, &mut names);
    let partitioned = found.kind == RelationKind::PartitionedTable;
    if partitioned {
        names.sql.push(partitioned::name_what_came_meanwhile(draft, &found.name));
        family.make_sure(draft);
    }
    let materialized = super::views::follow(draft, found, &column.name, new);
    materialized.iter().for_each(|view| view.contract(draft));
    finish(draft, found, column, new, &family, names);
    family.validate_late(draft);
    if draft.major() >= 18 && partitioned && column.not_null {
        draft.note(
            NoteKind::Inheritance,
            format!(
                "the partitions of {} keep NOT NULL on {new} when it is dropped from the parent later (ALTER … DROP NOT NULL on each of them takes it away)",
                found.name
            ),
        );
    }
    for member in family.members() {
        draft.floors.member(member, &column.name, Phase::Contract);
        draft.floors.relation(member, Phase::Migrate);
        draft.floors.half_done(member, new);
        draft.floors.doubled(member, &column.name, new);
        draft.floors.shape(member, Phase::Contract, true);
        draft.rely(member);
    }
    draft.note(
        NoteKind::ColumnOrder,
        format!(
            "{new} of {} stands behind the other columns; a plain rename would leave it where {} is",
            found.name, column.name
        ),
    );
    draft.gate(
        Phase::Contract,
        format!(
            "every running application uses {new} of {} instead of {}",
            found.name, column.name
        ),
    );
    draft.floors.member(&found.name, &column.name, Phase::Contract);
    draft.floors.relation(&found.name, Phase::Migrate);
    draft.floors.half_done(&found.name, new);
    draft.floors.doubled(&found.name, &column.name, new);
    draft.floors.shape(&found.name, Phase::Contract, true);
}

fn expand(draft: &mut Draft<'_>, found: &Relation, column: &Column, new: &str, family: &Family) {
    let name = &found.name;
    let quoted = quote_ident(new);
    let mut sql = column::add(name, column, new);
    if let Some(default) = column.default.as_ref().filter(|_| !column.default_is_volatile) {
        sql.push(alter(name, &format!("ALTER COLUMN {quoted} SET DEFAULT {default}")));
    }
    let mut undo = vec![family.strangers(draft, false)];
    for (_, own, trigger) in family.with_rows() {
        let body = body(own, new);
        sql.extend(trigger.create(Fires::InsertOrUpdate, "", Runs::AsWriter, &[], &body));
        undo.extend(trigger.remove_if_there());
    }
    sql.extend(column::grants_and_comment(found, column, new));
    sql.extend(family.differences());
    undo.push(alter(name, &format!("DROP COLUMN IF EXISTS {quoted}")));
    let locks = draft.locks(found, LockMode::AccessExclusive);
    draft
        .additive_step(
            format!("{} has both names: {} and {new} are kept in step", name, column.name),
            Action::Transaction { sql },
        )
        .locks(locks.clone())
        .undo(Undo::Transaction { sql: undo, locks });
}

/// Both ways. An UPDATE of other columns fills the new one too: the row version that it writes may
/// land where the backfill has been already. A default that is not volatile stands on both columns, so that a side which shows
/// anything else was given: an explicit NULL stays NULL.
fn body(column: &Column, new: &str) -> String {
    let (old, new_name) = (quote_ident(&column.name), quote_ident(new));
    let default = column.default.as_ref().filter(|_| !column.default_is_volatile);
    let insert = match default {
        Some(default) => format!(
            "IF {} THEN NEW.{old} := NEW.{new_name}; ELSE NEW.{new_name} := NEW.{old}; END IF;",
            differ(&format!("NEW.{new_name}"), &typed(default, column))
        ),
        None => format!(
            "IF NEW.{new_name} IS DISTINCT FROM NULL THEN NEW.{old} := NEW.{new_name}; ELSE NEW.{new_name} := NEW.{old}; END IF;"
        ),
    };
    format!(
        "  IF TG_OP = 'INSERT' THEN\n    {insert}\n  \
         ELSIF {} THEN\n    NEW.{old} := NEW.{new_name};\n  \
         ELSE\n    NEW.{new_name} := NEW.{old};\n  END IF;\n",
        changed(new)
    )
}

fn backfill(draft: &mut Draft<'_>, found: &Relation, column: &Column, new: &str) {
    let name = &found.name;
    let (old, quoted) = (quote_ident(&column.name), quote_ident(new));
    draft
        .step(
            Phase::Migrate,
            format!("rows from before the trigger get {new}"),
            Action::Backfill(Backfill {
                relation: name.clone(),
                alias: name.name.clone(),
                change: Change::Update { set: format!("{quoted} = {old}"), from: None },
                predicate: differ(&quoted, &old),
                fires_triggers: false,
                repeat: false,
            }),
        )
        .locks(super::super::data::row_locks(name))
        .work(WorkKind::RowChanges, name);
    draft
        .step(
            Phase::Migrate,
            format!("nothing is taken for done before {new} equals {} in every row", column.name),
            Action::Verify {
                relation: name.clone(),
                check: Check::Rows {
                    alias: "t".to_owned(),
                    condition: differ(&format!("t.{quoted}"), &format!("t.{old}")),
                },
                meaning: format!("rows of {name} in which {new} differs from {}", column.name),
            },
        )
        .work(WorkKind::Scan, name);
}

fn finish(
    draft: &mut Draft<'_>,
    found: &Relation,
    column: &Column,
    new: &str,
    family: &Family,
    names: Names,
) {
    let name = &found.name;
    let mut sql = vec![family.strangers(draft, true)];
    sql.extend(family.with_rows().flat_map(|(_, _, trigger)| trigger.remove()));
    // An owned sequence goes with its column: it changes hands first.
    let of_family = |table: &QualifiedName| table == name || family.members().any(|m| m == table);
    for sequence in draft.catalog.relations.values() {
        if let Some((table, _)) =
            sequence.owned_by.as_ref().filter(|(t, c)| *c == column.name && of_family(t))
        {
            sql.push(format!(
                "ALTER SEQUENCE {} OWNED BY {table}.{}",
                sequence.name,
                quote_ident(new)
            ));
        }
    }
    sql.extend(family.drop_keys());
    sql.push(alter(name, &format!("DROP COLUMN {}", quote_ident(&column.name))));
    sql.extend(names.sql);
    sql.extend(family.late_keys());
    sql.extend(family.late_defaults());
    let tables: Vec<&QualifiedName> =
        std::iter::once(name).chain(family.members()).chain(family.joined()).collect();
    let locks = lock_set(
        tables
            .into_iter()
            .filter_map(|name| draft.catalog.relation(name))
            .flat_map(|relation| draft.catalog.family(relation))
            .map(|relation| (relation.name.clone(), LockMode::AccessExclusive)),
    );
    draft
        .step(
            Phase::Contract,
            format!("no application uses {} any more: only {new} is left", column.name),
            Action::Transaction { sql },
        )
        .locks(locks);
}
