//! Which recipe a statement gets.

use super::draft::Draft;
use super::{
    add_check, add_column, add_foreign_key, add_unique, again, as_is, change_type, create_index,
    data, drop_column, drop_index, drop_table, half_done, identity, maintenance, op, partition,
    privileges, reached, refresh, rename_column, rename_other, rename_table, session, set_not_null,
};
use crate::analyze::{self, Impact, Verdict};
use crate::plan::NoteKind;
use crate::sql::{Diagnostic, QualifiedName, Statement};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ConstrType, ObjectType, RangeVar, RenameStmt,
};

/// Adds the steps of `statement`, of which `impact` says what it would do as written.
pub(super) fn statement(draft: &mut Draft<'_>, statement: &Statement, impact: &Impact) {
    if draft.retypes.absorbs(draft.number() - 1) {
        // Carried out by the switch of a change of type.
        return;
    }
    if session::leave_out(draft, statement) || half_done::refuse(draft, statement) {
        return;
    }
    match &statement.node {
        NodeEnum::AlterTableStmt(alter) if alter.objtype() == ObjectType::ObjectTable => {
            alter_table(draft, statement, impact);
        }
        NodeEnum::CreateStmt(create) if create.partbound.is_some() => {
            partition::create::steps(draft, statement, create, impact);
        }
        NodeEnum::IndexStmt(index) => create_index::steps(draft, statement, index, impact),
        NodeEnum::DropStmt(drop) => match drop.remove_type() {
            ObjectType::ObjectIndex => drop_index::steps(draft, statement, drop, impact),
            ObjectType::ObjectTable => drop_table::steps(draft, statement, drop, impact),
            ObjectType::ObjectTrigger => again::drop_trigger(draft, statement, drop, impact),
            _ => {
                reached::note(draft, statement, drop);
                as_is::steps(draft, statement, impact);
            }
        },
        NodeEnum::CreateTrigStmt(create) => {
            again::create_trigger(draft, statement, create, impact);
        }
        NodeEnum::GrantStmt(grant) => privileges::grant(draft, statement, grant, impact),
        NodeEnum::GrantRoleStmt(grant) => privileges::role(draft, statement, grant, impact),
        NodeEnum::AlterDefaultPrivilegesStmt(_) => privileges::default(draft, statement, impact),
        NodeEnum::VacuumStmt(vacuum) => maintenance::vacuum(draft, statement, vacuum, impact),
        NodeEnum::ReindexStmt(reindex) => {
            maintenance::reindex(draft, statement, reindex, impact);
        }
        NodeEnum::RefreshMatViewStmt(refresh) => refresh::steps(draft, statement, refresh, impact),
        NodeEnum::AlterEnumStmt(alter) => {
            rename_other::enum_value(draft, statement, alter, impact);
        }
        NodeEnum::RenameStmt(rename) => self::rename(draft, statement, rename, impact),
        NodeEnum::UpdateStmt(update) => data::update(draft, statement, update, impact),
        NodeEnum::DeleteStmt(delete) => data::delete(draft, statement, delete, impact),
        _ => as_is::steps(draft, statement, impact),
    }
}

/// One subcommand at a time when any of them needs a recipe, else the whole statement as it is.
fn alter_table(draft: &mut Draft<'_>, statement: &Statement, impact: &Impact) {
    let parts = op::split(statement);
    let NodeEnum::AlterTableStmt(whole) = &statement.node else { return };
    let Some(name) = target(draft, whole.relation.as_ref()) else {
        // ALTER TABLE IF EXISTS on what is not there: nothing to do.
        draft.note(
            NoteKind::Information,
            format!("statement {} finds nothing to alter", draft.number()),
        );
        return;
    };
    let plain = parts.iter().all(|part| !has_recipe(draft, part));
    if plain {
        return as_is::steps(draft, statement, impact);
    }
    if identity::is_conversion(&parts) {
        return identity::convert(draft, statement, &parts, impact);
    }
    let before = draft.catalog.clone();
    for part in &parts {
        let NodeEnum::AlterTableStmt(alter) = &part.node else { continue };
        draft.raise_for(part, &name);
        match analyze::analyze(part, &change_type::unhindered(&draft.catalog, part)) {
            Ok(impact) => subcommand(draft, part, alter, &name, &impact),
            Err(error) => draft.reject(error.diagnostic().clone()),
        }
        draft.catalog.apply(part);
    }
    // `Draft::end` applies the statement as a whole.
    draft.catalog = before;
}

fn has_recipe(draft: &Draft<'_>, part: &Statement) -> bool {
    let NodeEnum::AlterTableStmt(alter) = &part.node else { return false };
    let Some(command) = op::command(alter) else { return false };
    if command.subtype() == AlterTableType::AtAlterColumnType {
        let moved =
            target(draft, alter.relation.as_ref()).is_some_and(|name| draft.floors.is_moved(&name));
        return moved
            || draft.retypes.of(draft.number() - 1, &command.name).is_some()
            || change_type::has_hindrance(&draft.catalog, part);
    }
    matches!(
        command.subtype(),
        AlterTableType::AtAddColumn
            | AlterTableType::AtSetNotNull
            | AlterTableType::AtAddConstraint
            | AlterTableType::AtDropColumn
            | AlterTableType::AtColumnDefault
            | AlterTableType::AtDropConstraint
            | AlterTableType::AtDropNotNull
            | AlterTableType::AtValidateConstraint
            | AlterTableType::AtAddIdentity
            | AlterTableType::AtSetIdentity
            | AlterTableType::AtDropIdentity
            | AlterTableType::AtAttachPartition
            | AlterTableType::AtDetachPartition
    )
}

fn subcommand(
    draft: &mut Draft<'_>,
    part: &Statement,
    alter: &AlterTableStmt,
    name: &QualifiedName,
    impact: &Impact,
) {
    let Some(command) = op::command(alter) else { return };
    if half_done::refuse(draft, part) {
        return;
    }
    match command.subtype() {
        AlterTableType::AtAlterColumnType
            if draft.floors.is_moved(name)
                || draft.retypes.of(draft.number() - 1, &command.name).is_some()
                || change_type::has_hindrance(&draft.catalog, part) =>
        {
            return change_type::steps(draft, part, name, &command.name, impact);
        }
        // Part of a change of type.
        AlterTableType::AtColumnDefault
            if draft.retypes.has_default(draft.number() - 1, name, &command.name) =>
        {
            return;
        }
        _ => {}
    }
    if draft.floors.is_half_done(name, &command.name)
        && command.subtype() != AlterTableType::AtAddConstraint
    {
        return refuse_half_done(draft, part, name, &command.name);
    }
    match command.subtype() {
        AlterTableType::AtAddColumn => add_column::steps(draft, part, command, name, impact),
        AlterTableType::AtSetNotNull => {
            set_not_null::steps(draft, part, name, &command.name, impact);
        }
        AlterTableType::AtDropColumn => drop_column::steps(draft, part, command, name, impact),
        AlterTableType::AtAddConstraint => constraint(draft, part, command, name, impact),
        AlterTableType::AtValidateConstraint => {
            as_is::validate(draft, part, name, &command.name, impact);
        }
        AlterTableType::AtDropConstraint => {
            as_is::drop_constraint(draft, part, name, command, impact);
        }
        AlterTableType::AtAddIdentity
        | AlterTableType::AtSetIdentity
        | AlterTableType::AtDropIdentity => identity::steps(draft, part, command, name, impact),
        AlterTableType::AtAttachPartition => {
            partition::attach::steps(draft, part, command, name, impact);
        }
        AlterTableType::AtDetachPartition => {
            partition::detach::steps(draft, part, command, name, impact);
        }
        _ => as_is::steps(draft, part, impact),
    }
}

fn refuse_half_done(
    draft: &mut Draft<'_>,
    part: &Statement,
    relation: &QualifiedName,
    column: &str,
) {
    draft.refuse(
        Diagnostic::new(
            format!("{column} of {relation} is changed again while it is being renamed or given another type"),
            part.span,
        )
        .detail("The column has its final shape only after the contract phase.")
        .hint("Put this statement in a revision of its own, after this one."),
    );
}

fn constraint(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    name: &QualifiedName,
    impact: &Impact,
) {
    let Some(NodeEnum::Constraint(constraint)) =
        command.def.as_ref().and_then(|def| def.node.as_ref())
    else {
        return as_is::steps(draft, part, impact);
    };
    match constraint.contype() {
        ConstrType::ConstrCheck => add_check::steps(draft, part, constraint, name, impact),
        ConstrType::ConstrForeign => {
            add_foreign_key::steps(draft, part, constraint, name, impact);
        }
        ConstrType::ConstrUnique | ConstrType::ConstrPrimary => {
            add_unique::steps(draft, part, constraint, name, impact);
        }
        ConstrType::ConstrNotnull => {
            set_not_null::constraint_steps(draft, part, constraint, name, impact);
        }
        _ => as_is::steps(draft, part, impact),
    }
}

fn rename(draft: &mut Draft<'_>, statement: &Statement, rename: &RenameStmt, impact: &Impact) {
    match (rename.rename_type(), rename.relation_type()) {
        (ObjectType::ObjectColumn, ObjectType::ObjectTable) => {
            if let Some(name) = target(draft, rename.relation.as_ref())
                && draft.floors.is_half_done(&name, &rename.subname)
            {
                return refuse_half_done(draft, statement, &name, &rename.subname);
            }
            rename_column::steps(draft, statement, rename, impact);
        }
        (
            ObjectType::ObjectColumn,
            ObjectType::ObjectView | ObjectType::ObjectMatview | ObjectType::ObjectForeignTable,
        ) => rename_column::steps(draft, statement, rename, impact),
        (
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectForeignTable,
            _,
        ) => rename_table::steps(draft, statement, rename, impact),
        _ => rename_other::steps(draft, statement, rename, impact),
    }
}

/// The relation that a statement is about, when it exists.
pub(super) fn target(draft: &Draft<'_>, range: Option<&RangeVar>) -> Option<QualifiedName> {
    let range = range?;
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    draft.catalog.resolve(schema, &range.relname).map(|relation| relation.name.clone())
}

/// Whether the statement as written needs nothing from us: no lock that anyone could wait for, or
/// one for milliseconds.
pub(super) fn is_brief(impact: &Impact) -> bool {
    match impact.verdict {
        Verdict::Safe | Verdict::Brief => impact.work.is_empty(),
        Verdict::Blocking | Verdict::Opaque | Verdict::Unknown => false,
    }
}
