//! `ALTER … RENAME` and `ALTER … SET SCHEMA`, `OWNER TO` of what is no table.
//!
//! A rename changes the catalog only, but takes ACCESS EXCLUSIVE on a relation; on an index SHARE
//! UPDATE EXCLUSIVE is enough.

use super::AnalyzeError;
use super::effects::Effects;
use super::resolve::{Context, Found};
use crate::catalog::{Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::Diagnostic;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterObjectSchemaStmt, Node, ObjectType, RangeVar, RenameStmt};

/// The impact of a rename.
pub(super) fn rename<'c>(
    cx: Context<'_, 'c>,
    statement: &RenameStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    match statement.rename_type() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectIndex => relation(cx, statement, fx),
        ObjectType::ObjectColumn | ObjectType::ObjectAttribute => column(cx, statement, fx),
        ObjectType::ObjectTabconstraint => constraint(cx, statement, fx),
        ObjectType::ObjectTrigger => trigger(cx, statement, fx),
        ObjectType::ObjectPolicy | ObjectType::ObjectRule => {
            if let Some(table) = target(cx, statement)? {
                fx.lock(table, LockMode::AccessExclusive);
            }
            Ok(())
        }
        ObjectType::ObjectSchema => {
            cx.schema(&statement.subname)?;
            free_schema(cx, &statement.newname)
        }
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            // A composite type has a relation of its own, which nothing in a query locks.
            known_type(cx, statement.object.as_deref())
        }
        ObjectType::ObjectDomconstraint => known_type(cx, statement.object.as_deref()),
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate
        | ObjectType::ObjectCollation
        | ObjectType::ObjectConversion
        | ObjectType::ObjectDatabase
        | ObjectType::ObjectEventTrigger
        | ObjectType::ObjectFdw
        | ObjectType::ObjectForeignServer
        | ObjectType::ObjectLanguage
        | ObjectType::ObjectOpclass
        | ObjectType::ObjectOpfamily
        | ObjectType::ObjectPublication
        | ObjectType::ObjectRole
        | ObjectType::ObjectStatisticExt
        | ObjectType::ObjectSubscription
        | ObjectType::ObjectTablespace
        | ObjectType::ObjectTsconfiguration
        | ObjectType::ObjectTsdictionary
        | ObjectType::ObjectTsparser
        | ObjectType::ObjectTstemplate => Ok(()),
        _ => {
            fx.unknown();
            Ok(())
        }
    }
}

fn free_schema(cx: Context<'_, '_>, name: &str) -> Result<(), AnalyzeError> {
    if !cx.catalog.schemas.contains(name) {
        return Ok(());
    }
    let message = format!("schema \"{name}\" already exists");
    Err(AnalyzeError::Exists(Diagnostic::new(message, cx.span_of(name, 0)).label("already there")))
}

/// The table that the statement names, `None` for a missing one under `IF EXISTS`.
fn target<'c>(
    cx: Context<'_, 'c>,
    statement: &RenameStmt,
) -> Result<Option<&'c Relation>, AnalyzeError> {
    match &statement.relation {
        Some(name) => cx.relation_if(name, statement.missing_ok),
        None => Ok(None),
    }
}

fn relation<'c>(
    cx: Context<'_, 'c>,
    statement: &RenameStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.relation else { return Ok(()) };
    let as_index = statement.rename_type() == ObjectType::ObjectIndex;
    let schema = (!name.schemaname.is_empty()).then_some(name.schemaname.as_str());
    if let (Found::Missing, Some((table, index))) =
        (cx.find(name), cx.catalog.resolve_index(schema, &name.relname))
    {
        // Said of an index as if it were a table, the stronger lock is taken.
        let mode =
            if as_index { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
        fx.lock_index(table, index, mode);
        return new_name_is_free(cx, table, &statement.newname);
    }
    let Some(relation) = cx.relation_if(name, statement.missing_ok)? else { return Ok(()) };
    let fits = match statement.rename_type() {
        ObjectType::ObjectView => relation.kind == RelationKind::View,
        ObjectType::ObjectMatview => relation.kind == RelationKind::MaterializedView,
        ObjectType::ObjectSequence => relation.kind == RelationKind::Sequence,
        ObjectType::ObjectForeignTable => relation.kind == RelationKind::ForeignTable,
        _ => true,
    };
    if !fits {
        return Err(cx.wrong_kind(relation, "of the kind that the statement says", name));
    }
    fx.lock(relation, LockMode::AccessExclusive);
    new_name_is_free(cx, relation, &statement.newname)
}

fn new_name_is_free(
    cx: Context<'_, '_>,
    relation: &Relation,
    new: &str,
) -> Result<(), AnalyzeError> {
    if !cx.catalog.name_is_taken(&relation.name.sibling(new)) {
        return Ok(());
    }
    let message = format!("relation \"{new}\" already exists");
    Err(AnalyzeError::Exists(Diagnostic::new(message, cx.span_of(new, 0)).label("already there")))
}

fn column<'c>(
    cx: Context<'_, 'c>,
    statement: &RenameStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(relation) = target(cx, statement)? else { return Ok(()) };
    let (old, new) = (statement.subname.as_str(), statement.newname.as_str());
    let after = statement.relation.as_ref().map_or(0, |name| name.location.max(0));
    let column = cx.column(relation, old, after)?;
    if relation.column(new).is_some() || super::resolve::is_system_column(new) {
        let message =
            format!("column \"{new}\" of relation \"{}\" already exists", relation.name.name);
        let diagnostic = Diagnostic::new(message, cx.span_of(new, after)).label("already there");
        return Err(AnalyzeError::Exists(diagnostic));
    }
    if column.inherited {
        return Err(cx.invalid(format!("cannot rename inherited column \"{old}\""), old));
    }
    let only = statement.relation.as_ref().is_some_and(|name| !name.inh);
    if only && !relation.children.is_empty() {
        let message = format!("inherited column \"{old}\" must be renamed in child tables too");
        return Err(cx.invalid(message, old));
    }
    let family = cx.catalog.family(relation);
    for member in family.iter().skip(1) {
        if member.column(new).is_some() {
            let message =
                format!("column \"{new}\" of relation \"{}\" already exists", member.name.name);
            let diagnostic =
                Diagnostic::new(message, cx.span_of(new, after)).label("already there, in a child");
            return Err(AnalyzeError::Exists(diagnostic));
        }
        let elsewhere = member.parents.iter().find(|parent| {
            family.iter().all(|known| known.name != **parent)
                && cx.catalog.relation(parent).is_some_and(|parent| parent.column(old).is_some())
        });
        if let Some(parent) = elsewhere {
            let message = format!(
                "cannot rename inherited column \"{old}\": {} has it from {parent} too",
                member.name
            );
            return Err(cx.invalid(message, old));
        }
    }
    fx.lock_all(family, LockMode::AccessExclusive);
    if relation.kind == RelationKind::CompositeType {
        super::create::lock_typed_tables(cx, relation, fx);
    }
    Ok(())
}

/// The index of a constraint is renamed with it.
fn constraint<'c>(
    cx: Context<'_, 'c>,
    statement: &RenameStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    use crate::catalog::ConstraintKind as Kind;
    let Some(relation) = target(cx, statement)? else { return Ok(()) };
    let after = statement.relation.as_ref().map_or(0, |name| name.location.max(0));
    let constraint = cx.constraint(relation, &statement.subname, after)?;
    if relation.constraint(&statement.newname).is_some() {
        let message = format!(
            "constraint \"{}\" for relation \"{}\" already exists",
            statement.newname, relation.name.name
        );
        let span = cx.span_of(&statement.newname, after);
        return Err(AnalyzeError::Exists(Diagnostic::new(message, span).label("already there")));
    }
    match constraint.kind {
        Kind::Check | Kind::NotNull if !constraint.no_inherit => {
            if constraint.inherited {
                let message = format!("cannot rename inherited constraint \"{}\"", constraint.name);
                return Err(cx.invalid(message, &constraint.name));
            }
            fx.lock_all(cx.catalog.family(relation), LockMode::AccessExclusive);
        }
        Kind::Check
        | Kind::NotNull
        | Kind::ForeignKey
        | Kind::PrimaryKey
        | Kind::Unique
        | Kind::Exclude
        | Kind::Trigger => fx.lock(relation, LockMode::AccessExclusive),
    }
    let own = constraint.kind != Kind::ForeignKey;
    if let Some(index) = constraint.index.as_deref().filter(|_| own)
        && let Some(index) = relation.index(index)
    {
        fx.lock_index(relation, index, LockMode::ShareUpdateExclusive);
    }
    Ok(())
}

/// Since 15 the copies of the trigger on partitions are renamed with it.
fn trigger<'c>(
    cx: Context<'_, 'c>,
    statement: &RenameStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(relation) = target(cx, statement)? else { return Ok(()) };
    let known = &relation.triggers;
    let Some(trigger) = known.iter().find(|trigger| trigger.name == statement.subname) else {
        let close: Vec<&str> = known.iter().map(|trigger| trigger.name.as_str()).collect();
        return Err(cx.no_such("trigger", &statement.subname, &close));
    };
    fx.lock(relation, LockMode::AccessExclusive);
    if trigger.row && cx.catalog.server.major() >= 15 {
        fx.lock_all(cx.catalog.family(relation), LockMode::AccessExclusive);
    }
    Ok(())
}

fn known_type(cx: Context<'_, '_>, object: Option<&Node>) -> Result<(), AnalyzeError> {
    let Some(NodeEnum::List(list)) = object.and_then(|object| object.node.as_ref()) else {
        return Ok(());
    };
    super::create::existing_type(cx, &list.items).map(|_| ())
}

/// The impact of `ALTER … SET SCHEMA`.
pub(super) fn set_schema<'c>(
    cx: Context<'_, 'c>,
    statement: &AlterObjectSchemaStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    cx.schema(&statement.newschema)?;
    match statement.object_type() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable => {
            let Some(name) = &statement.relation else { return Ok(()) };
            let Some(relation) = cx.relation_if(name, statement.missing_ok)? else {
                return Ok(());
            };
            moves(cx, relation, name, &statement.newschema)?;
            fx.lock(relation, LockMode::AccessExclusive);
            for sequence in super::alter_table::owned_sequences(cx.catalog, relation, None) {
                fx.lock(sequence, LockMode::AccessExclusive);
            }
            Ok(())
        }
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            known_type(cx, statement.object.as_deref())
        }
        ObjectType::ObjectExtension => {
            let name = match statement.object.as_deref().and_then(|object| object.node.as_ref()) {
                Some(NodeEnum::String(name)) => name.sval.as_str(),
                _ => "",
            };
            match cx.catalog.extension_members.get(name) {
                Some(members) => {
                    let moved = members.relations.iter();
                    let moved = moved.filter(|name| name.schema != statement.newschema);
                    let moved = moved.filter_map(|name| cx.catalog.relation(name));
                    fx.lock_all(moved, LockMode::AccessExclusive);
                }
                None => fx.unknown(),
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn moves(
    cx: Context<'_, '_>,
    relation: &Relation,
    name: &RangeVar,
    schema: &str,
) -> Result<(), AnalyzeError> {
    let place = crate::sql::QualifiedName::new(schema, relation.name.name.as_str());
    if schema == relation.name.schema || !cx.catalog.name_is_taken(&place) {
        return Ok(());
    }
    let message = format!("relation \"{}\" already exists in schema \"{schema}\"", place.name);
    let diagnostic = Diagnostic::new(message, cx.span_of_range(name)).label("already there");
    Err(AnalyzeError::Exists(diagnostic))
}

/// The relation or other object whose owner changes (`ALTER VIEW … OWNER TO` is an `ALTER TABLE`).
pub(super) fn owner(
    cx: Context<'_, '_>,
    statement: &pg_query::protobuf::AlterOwnerStmt,
) -> Result<(), AnalyzeError> {
    match statement.object_type() {
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            known_type(cx, statement.object.as_deref())
        }
        _ => Ok(()),
    }
}

/// `ALTER … DEPENDS ON EXTENSION`.
pub(super) fn depends<'c>(
    cx: Context<'_, 'c>,
    statement: &pg_query::protobuf::AlterObjectDependsStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.relation else { return Ok(()) };
    match statement.object_type() {
        ObjectType::ObjectIndex => {
            let (table, index) = cx.index(name)?;
            fx.lock_index(table, index, LockMode::AccessExclusive);
        }
        ObjectType::ObjectMatview => {
            fx.lock(cx.relation(name)?, LockMode::AccessExclusive);
        }
        ObjectType::ObjectTrigger => fx.lock(cx.relation(name)?, LockMode::AccessShare),
        _ => {}
    }
    Ok(())
}
