//! `CREATE` of relations, types, functions and schemas, and `ALTER` of types and sequences.
//!
//! What is new is nobody's yet; locked is what it refers to.

mod function;
mod schema;
mod table;
mod types;

pub(super) use function::create_function;
pub(super) use schema::create_schema;
pub(super) use table::create_table;
pub(super) use types::{
    alter_domain, alter_enum, composite_type, existing_type, lock_typed_tables, new_type,
};

use super::AnalyzeError;
use super::data::{How, query_of};
use super::effects::Effects;
use super::resolve::{Context, range_from};
use crate::catalog::{Relation, RelationKind};
use crate::lock::LockMode;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterSeqStmt, CreateSeqStmt, CreateTableAsStmt, DefElem, Node, ViewStmt};

/// `CREATE TABLE … AS`, `CREATE MATERIALIZED VIEW`, `SELECT … INTO`.
pub(super) fn create_table_as<'c>(
    cx: Context<'_, 'c>,
    statement: &CreateTableAsStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(into) = &statement.into else { return Ok(()) };
    if let Some(name) = &into.rel {
        let temporary = name.relpersistence == "t";
        let exists =
            cx.place_for(&name.schemaname, &name.relname, name.location, statement.if_not_exists);
        match exists {
            // The query is parsed all the same.
            Ok(None) if statement.if_not_exists && !temporary => {
                return query_of(statement.query.as_deref(), cx, How::Parsed, fx);
            }
            Err(AnalyzeError::Exists(_)) if temporary => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    if let Some(NodeEnum::ExecuteStmt(_)) =
        statement.query.as_deref().and_then(|query| query.node.as_ref())
    {
        fx.opaque();
        return Ok(());
    }
    let how = if into.skip_data { How::Parsed } else { How::Executed };
    query_of(statement.query.as_deref(), cx, how, fx)
}

/// `CREATE [OR REPLACE] VIEW`.
pub(super) fn create_view<'c>(
    cx: Context<'_, 'c>,
    statement: &ViewStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.view else { return Ok(()) };
    query_of(statement.query.as_deref(), cx, How::Parsed, fx)?;
    if name.relpersistence == "t" {
        return Ok(());
    }
    if statement.replace
        && let super::resolve::Found::Relation(old) = cx.find(name)
    {
        if old.kind != RelationKind::View {
            return Err(cx.wrong_kind(old, "a view", name));
        }
        fx.lock(old, LockMode::AccessExclusive);
        return Ok(());
    }
    cx.place_for(&name.schemaname, &name.relname, name.location, false).map(|_| ())
}

fn options(nodes: &[Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::DefElem(option)) => Some(&**option),
        _ => None,
    })
}

/// The table of `OWNED BY table.column`; `None` for `OWNED BY NONE`.
fn owner_of<'c>(cx: Context<'_, 'c>, nodes: &[Node]) -> Result<Option<&'c Relation>, AnalyzeError> {
    let Some(option) = options(nodes).find(|option| option.defname == "owned_by") else {
        return Ok(None);
    };
    let Some(NodeEnum::List(list)) = option.arg.as_deref().and_then(|arg| arg.node.as_ref()) else {
        return Ok(None);
    };
    let Some((column, table)) = list.items.split_last().filter(|(_, table)| !table.is_empty())
    else {
        return Ok(None);
    };
    let table = cx.relation(&range_from(table))?;
    if let Some(column) = super::volatility::name_parts(std::slice::from_ref(column)).first() {
        cx.column(table, column, option.location.max(0))?;
    }
    Ok(Some(table))
}

pub(super) fn create_sequence<'c>(
    cx: Context<'_, 'c>,
    statement: &CreateSeqStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.sequence else { return Ok(()) };
    let temporary = name.relpersistence == "t";
    match cx.place_for(&name.schemaname, &name.relname, name.location, statement.if_not_exists) {
        Ok(None) if !temporary => return Ok(()),
        Err(AnalyzeError::Exists(_)) if temporary => {}
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    if let Some(table) = owner_of(cx, &statement.options)? {
        fx.lock(table, LockMode::AccessShare);
    }
    Ok(())
}

/// `ALTER SEQUENCE` stops `nextval` for a moment; all but `OWNED BY` give the sequence a new file.
pub(super) fn alter_sequence<'c>(
    cx: Context<'_, 'c>,
    statement: &AlterSeqStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.sequence else { return Ok(()) };
    let Some(sequence) = cx.relation_if(name, statement.missing_ok)? else { return Ok(()) };
    if sequence.kind != RelationKind::Sequence {
        return Err(cx.wrong_kind(sequence, "a sequence", name));
    }
    fx.lock(sequence, LockMode::ShareRowExclusive);
    if options(&statement.options).any(|option| option.defname != "owned_by") {
        fx.replace_file(sequence);
    }
    if let Some(table) = owner_of(cx, &statement.options)? {
        fx.lock(table, LockMode::AccessShare);
    }
    Ok(())
}
