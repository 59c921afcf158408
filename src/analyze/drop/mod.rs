//! `DROP …`: relations, indexes, what hangs on a table, types, schemas and the rest.

mod closure;
mod extension;
mod foreign;
mod objects;

pub(super) use closure::Dropping;
pub(super) use objects::drop_owned;

use super::AnalyzeError;
use super::effects::Effects;
use super::resolve::{Context, range_from};
use crate::catalog::{Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::Diagnostic;
use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, DropStmt, Node, ObjectType};

/// The impact of a `DROP`.
pub(super) fn drop<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let cascade = statement.behavior() == DropBehavior::DropCascade;
    match statement.remove_type() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable => relations(cx, statement, cascade, fx),
        ObjectType::ObjectIndex => indexes(cx, statement, cascade, fx),
        ObjectType::ObjectTrigger | ObjectType::ObjectPolicy | ObjectType::ObjectRule => {
            on_table(cx, statement, fx)
        }
        _ => objects::drop_object(cx, statement, cascade, fx),
    }
}

/// The strings of a name given as a list.
fn parts(object: &Node) -> &[Node] {
    match &object.node {
        Some(NodeEnum::List(list)) => &list.items,
        _ => &[],
    }
}

fn wanted(kind: ObjectType) -> (&'static str, &'static [RelationKind]) {
    match kind {
        ObjectType::ObjectView => ("a view", &[RelationKind::View]),
        ObjectType::ObjectMatview => ("a materialized view", &[RelationKind::MaterializedView]),
        ObjectType::ObjectSequence => ("a sequence", &[RelationKind::Sequence]),
        ObjectType::ObjectForeignTable => ("a foreign table", &[RelationKind::ForeignTable]),
        _ => ("a table", &[RelationKind::Table, RelationKind::PartitionedTable]),
    }
}

fn relations<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    cascade: bool,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let (what, kinds) = wanted(statement.remove_type());
    let mut dropping = Dropping::new(cx, cascade);
    let mut first = None;
    for object in &statement.objects {
        let name = range_from(parts(object));
        let Some(relation) = cx.relation_if(&name, statement.missing_ok)? else { continue };
        if !kinds.contains(&relation.kind) {
            return Err(cx.wrong_kind(relation, what, &name));
        }
        if relation.kind == RelationKind::Sequence {
            check_identity(cx, relation)?;
        }
        first.get_or_insert(relation);
        dropping.ask_for(relation);
    }
    match first {
        Some(relation) => dropping.report(&relation.name.name, fx),
        None => Ok(()),
    }
}

/// The sequence of an identity column is part of the column.
fn check_identity(cx: Context<'_, '_>, sequence: &Relation) -> Result<(), AnalyzeError> {
    let Some((table, column)) = &sequence.owned_by else { return Ok(()) };
    let owner = cx.catalog.relation(table).and_then(|table| table.column(column));
    if owner.is_none_or(|column| column.identity.is_none()) {
        return Ok(());
    }
    // A column that was `serial` before keeps that sequence as well.
    let own = cx.catalog.identity_sequence(table, column);
    if own.is_some_and(|own| own.name != sequence.name) {
        return Ok(());
    }
    let name = &sequence.name.name;
    let message = format!(
        "cannot drop sequence {name} because column {column} of table {} requires it",
        table.name
    );
    Err(cx.invalid(message, name))
}

fn indexes<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    cascade: bool,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    if statement.concurrent && statement.objects.len() > 1 {
        let message = "DROP INDEX CONCURRENTLY does not support dropping multiple objects";
        return Err(AnalyzeError::Invalid(Diagnostic::new(message, cx.statement.span)));
    }
    if statement.concurrent && cascade {
        let message = "DROP INDEX CONCURRENTLY does not support CASCADE";
        return Err(AnalyzeError::Invalid(Diagnostic::new(message, cx.statement.span)));
    }
    for object in &statement.objects {
        let name = range_from(parts(object));
        let (table, index) = match cx.index(&name) {
            Ok(found) => found,
            Err(AnalyzeError::Missing(..)) if statement.missing_ok => continue,
            Err(error) => return Err(error),
        };
        let partitioned = table.kind == RelationKind::PartitionedTable;
        let needed_by = match (&index.constraint, &index.parent) {
            (Some(constraint), _) => {
                Some(format!("constraint {constraint} on table {}", table.name))
            }
            (None, Some(parent)) => Some(format!("index {parent}")),
            (None, None) => None,
        };
        if let Some(needed_by) = needed_by {
            let message =
                format!("cannot drop index {} because {needed_by} requires it", index.name);
            return Err(cx.invalid(message, &index.name));
        }
        if statement.concurrent {
            if partitioned {
                let message =
                    format!("cannot drop partitioned index \"{}\" concurrently", index.name);
                return Err(cx.invalid(message, &index.name));
            }
            fx.lock(table, LockMode::ShareUpdateExclusive);
            fx.lock_index(table, index, LockMode::ShareUpdateExclusive);
            continue;
        }
        let mut dropping = Dropping::new(cx, cascade);
        // Every partition, also one that has no index below this one.
        if partitioned {
            cx.catalog.family(table).into_iter().for_each(|part| dropping.touch(part));
        }
        dropping.index(table, index);
        dropping.report(&index.name, fx)?;
    }
    Ok(())
}

/// Triggers, policies and rules are named by their table and their own name.
fn on_table<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    for object in &statement.objects {
        let Some((table, name)) = member(cx, parts(object), statement.missing_ok)? else {
            continue;
        };
        match statement.remove_type() {
            ObjectType::ObjectTrigger => {
                let found = table.triggers.iter().find(|trigger| trigger.name == name);
                let close = || table.triggers.iter().map(|t| t.name.as_str()).collect::<Vec<_>>();
                match found {
                    // Its copies on partitions go with it.
                    Some(trigger) if trigger.row => {
                        fx.lock_all(cx.catalog.family(table), LockMode::AccessExclusive);
                    }
                    Some(_) => fx.lock(table, LockMode::AccessExclusive),
                    None if statement.missing_ok => {}
                    None => return Err(cx.no_such("trigger", &name, &close())),
                }
            }
            ObjectType::ObjectPolicy => {
                let close: Vec<&str> = table.policies.iter().map(|p| p.name.as_str()).collect();
                drop_member(cx, table, "policy", &name, &close, statement.missing_ok, fx)?;
            }
            _ => {
                let close: Vec<&str> = table.rules.iter().map(String::as_str).collect();
                drop_member(cx, table, "rule", &name, &close, statement.missing_ok, fx)?;
            }
        }
    }
    Ok(())
}

fn drop_member<'c>(
    cx: Context<'_, 'c>,
    table: &'c Relation,
    what: &str,
    name: &str,
    known: &[&str],
    missing_ok: bool,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    if known.contains(&name) {
        fx.lock(table, LockMode::AccessExclusive);
        return Ok(());
    }
    if missing_ok { Ok(()) } else { Err(cx.no_such(what, name, known)) }
}

/// `[schema, table, name]` of something that belongs to a table.
pub(super) fn member<'c>(
    cx: Context<'_, 'c>,
    parts: &[Node],
    missing_ok: bool,
) -> Result<Option<(&'c Relation, String)>, AnalyzeError> {
    let Some((last, table)) = parts.split_last() else { return Ok(None) };
    let name = super::volatility::name_parts(std::slice::from_ref(last));
    let Some(name) = name.first() else { return Ok(None) };
    let table = cx.relation_if(&range_from(table), missing_ok)?;
    Ok(table.map(|table| (table, (*name).to_owned())))
}
