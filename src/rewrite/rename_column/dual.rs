//! The `dual-column` strategy: a second column under the new name, kept in step with the old one.
//!
//! *In words*: expand, one transaction: add `b` like `a`, a sync trigger both ways (an INSERT that
//! gives `b` wins, else `b := a`; an UPDATE that changes `b` wins, any other one sets `b := a`) and `a`'s privileges and
//! comment. The trigger comes before any constraint. Migrate: backfill `b` from `a`, compare, and
//! build again on `b` what `a` has ([`super::super::rebuild`]). Contract, one short transaction: trigger
//! and `a` go, and what was built again gets the names that a plain rename would have left. Nothing
//! in between is ever visible. On a partitioned table the trigger and the column come down from the table, and each
//! partition gets its indexes, checks and keys as in a change of type ([`super::super::change_type`]); not where the
//! partition key holds the column.

use super::super::change_type::Family;
use super::super::column;
use super::super::draft::{Draft, lock_set};
use super::super::partitioned;
use super::super::rebuild::{self, Names};
use super::super::substitute::Columns;
use super::super::sync::{Fires, Runs, SyncTrigger, changed, differ};
use super::super::text::alter;
use super::super::witness::Witness;
use crate::catalog::{Column, ConstraintKind, DependantKind, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, Backfill, Change, Check, NoteKind, Phase, Undo, WorkKind};
use crate::sql::quote_ident;

/// Why the column cannot be copied; empty when it can.
pub(super) fn obstacles(draft: &Draft<'_>, found: &Relation, column: &Column) -> Vec<String> {
    let mut reasons = of_one(draft, found, column);
    if found.partition_bound.is_some() {
        reasons.push("the table is a partition".to_owned());
    }
    if column.inherited || (found.kind == RelationKind::Table && !found.children.is_empty()) {
        reasons.push("the table takes part in inheritance".to_owned());
    }
    if found.kind == RelationKind::PartitionedTable {
        for member in draft.catalog.family(found).into_iter().skip(1) {
            let Some(own) = member.column(&column.name) else { continue };
            reasons.extend(of_one(draft, member, own));
            // From 18 on it has a name, which comes from above where the constraint does.
            let names = [found, member].map(|relation| {
                rebuild::not_null_constraint(relation, &column.name).map(|c| &c.name)
            });
            if names[0].is_some() && names[0] != names[1] {
                reasons.push(format!(
                    "NOT NULL of partition {} has a name of its own, which would be lost",
                    member.name
                ));
            }
            // One trigger serves all: what it takes for given, it takes for given everywhere.
            if own.default != column.default {
                reasons.push(format!("partition {} has another default for it", member.name));
            }
        }
    }
    reasons.sort();
    reasons.dedup();
    reasons
}

/// The same for one table of a family.
fn of_one(draft: &Draft<'_>, found: &Relation, column: &Column) -> Vec<String> {
    let mut reasons = Vec::new();
    let name = &column.name;
    if !matches!(found.kind, RelationKind::Table | RelationKind::PartitionedTable) {
        reasons.push("it is not a column of a table".to_owned());
        return reasons;
    }
    if column.identity.is_some() {
        reasons.push("it is an identity column".to_owned());
    }
    if column.generated.is_some() {
        reasons.push("it is a generated column".to_owned());
    }
    for dependant in found.dependants.iter().filter(|d| d.columns.contains(name)) {
        let hinders = match dependant.kind {
            DependantKind::View
            | DependantKind::MaterializedView
            | DependantKind::Function
            | DependantKind::Policy
            | DependantKind::GeneratedColumn
            | DependantKind::Trigger
            | DependantKind::Rule
            | DependantKind::ForeignKey
            | DependantKind::Publication
            | DependantKind::PartitionKey
            | DependantKind::Other => true,
            // Defaults and owned sequences move with the column.
            DependantKind::ColumnDefault | DependantKind::Sequence => false,
        };
        if hinders {
            reasons.push(format!("{} depends on it", dependant.name));
        }
    }
    for policy in found.policies.iter().filter(|p| p.columns.contains(name)) {
        reasons.push(format!("policy {} reads it", policy.name));
    }
    for trigger in found.triggers.iter().filter(|t| !t.ours && t.columns.contains(name)) {
        reasons.push(format!("trigger {} names it", trigger.name));
    }
    for constraint in found.constraints.iter().filter(|c| c.columns.contains(name)) {
        if matches!(constraint.kind, ConstraintKind::Exclude | ConstraintKind::Trigger) {
            reasons.push(format!("constraint {} cannot be built again online", constraint.name));
        }
    }
    let referenced = draft
        .catalog
        .incoming_foreign_keys(&found.name)
        .find(|(_, key)| key.referenced_columns.contains(name));
    if let Some((other, key)) = referenced {
        reasons.push(format!("foreign key {} of {} points to it", key.name, other.name));
    }
    if column.default.is_some() && column.default_is_volatile && !column.not_null {
        reasons.push(
            "its default is volatile and it may be NULL: which of the two columns an INSERT meant could not be told"
                .to_owned(),
        );
    }
    reasons
}

pub(super) fn steps(draft: &mut Draft<'_>, found: &Relation, column: &Column, new: &str) {
    let witness = Witness::new(draft, &found.name, column, Some(new));
    let trigger = SyncTrigger::with_witness(draft, &found.name, witness);
    let family = (found.kind == RelationKind::PartitionedTable)
        .then(|| Family::of(draft, found, column, new, &trigger));
    let differences = family.as_ref().map(Family::differences).unwrap_or_default();
    expand(draft, found, column, new, differences, &trigger);
    backfill(draft, found, column, new);
    let names = match &family {
        Some(family) => {
            let mut names = Names::default();
            family.build(draft, &mut names);
            names.sql.push(partitioned::name_what_came_meanwhile(draft, &found.name));
            family.make_sure(draft);
            names
        }
        None => rebuild_all(draft, found, column, new),
    };
    finish(draft, found, column, new, &trigger, names);
    if draft.major() >= 18 && family.is_some() && column.not_null {
        draft.note(
            NoteKind::Inheritance,
            format!(
                "the partitions of {} keep NOT NULL on {new} when it is dropped from the parent later (ALTER … DROP NOT NULL on each of them takes it away)",
                found.name
            ),
        );
    }
    for member in family.iter().flat_map(Family::members) {
        draft.floors.member(member, &column.name, Phase::Contract);
        draft.floors.relation(member, Phase::Migrate);
        draft.floors.half_done(member, new);
        draft.floors.doubled(member, &column.name, new);
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
}

/// What hangs on `column` is built for `new`.
fn rebuild_all(draft: &mut Draft<'_>, found: &Relation, column: &Column, new: &str) -> Names {
    let columns = Columns::new([(&column.name, new)]);
    let mut names = Names::default();
    for constraint in found.constraints.iter().filter(|c| c.columns.contains(&column.name)) {
        match constraint.kind {
            ConstraintKind::Check => {
                rebuild::check(draft, found, &columns, constraint, &mut names);
            }
            ConstraintKind::ForeignKey => {
                let none = Columns::default();
                rebuild::foreign_key(draft, found, &columns, &none, constraint, &mut names);
            }
            ConstraintKind::PrimaryKey
            | ConstraintKind::Unique
            // Dealt with below, or excluded by `obstacles`.
            | ConstraintKind::NotNull
            | ConstraintKind::Exclude
            | ConstraintKind::Trigger => {}
        }
    }
    if column.not_null {
        rebuild::not_null(draft, Phase::Migrate, found, column, new, &mut names);
    }
    rebuild::indexes(draft, found, &columns, &mut names);
    rebuild::statistics(draft, found, &columns, &mut names);
    names
}

fn expand(
    draft: &mut Draft<'_>,
    found: &Relation,
    column: &Column,
    new: &str,
    differences: Vec<String>,
    trigger: &SyncTrigger,
) {
    let name = &found.name;
    let quoted = quote_ident(new);
    let mut sql = column::add(name, column, new);
    if let Some(default) = column.default.as_ref().filter(|_| !column.default_is_volatile) {
        sql.push(alter(name, &format!("ALTER COLUMN {quoted} SET DEFAULT {default}")));
    }
    sql.extend(trigger.create(Fires::InsertOrUpdate, "", Runs::AsWriter, &[], &body(column, new)));
    sql.extend(column::grants_and_comment(found, column, new));
    sql.extend(differences);
    let mut undo = trigger.remove_if_there();
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

/// The default as a value of the column's type, so that images can be compared.
fn typed(default: &str, column: &Column) -> String {
    format!("({default})::{}", column.type_name)
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
    trigger: &SyncTrigger,
    names: Names,
) {
    let name = &found.name;
    let mut sql = trigger.remove();
    // An owned sequence goes with its column: it changes hands first.
    for sequence in draft.catalog.relations.values() {
        if sequence.owned_by.as_ref().is_some_and(|(t, c)| t == name && *c == column.name) {
            sql.push(format!(
                "ALTER SEQUENCE {} OWNED BY {name}.{}",
                sequence.name,
                quote_ident(new)
            ));
        }
    }
    sql.push(alter(name, &format!("DROP COLUMN {}", quote_ident(&column.name))));
    sql.extend(names.sql);
    if let Some(default) = column.default.as_ref().filter(|_| column.default_is_volatile) {
        sql.push(alter(name, &format!("ALTER COLUMN {} SET DEFAULT {default}", quote_ident(new))));
    }
    let referenced = draft
        .catalog
        .family(found)
        .into_iter()
        .flat_map(|member| &member.constraints)
        .filter(|constraint| constraint.columns.contains(&column.name))
        .filter_map(|constraint| constraint.references.clone());
    let own = draft.catalog.family(found).into_iter().map(|r| r.name.clone());
    let locks =
        lock_set(own.chain(referenced).map(|relation| (relation, LockMode::AccessExclusive)));
    draft
        .step(
            Phase::Contract,
            format!("no application uses {} any more: only {new} is left", column.name),
            Action::Transaction { sql },
        )
        .locks(locks);
}
