//! Statements on rows: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `COPY`, `TRUNCATE`.

mod changes;
mod conditions;
mod fired;
mod hidden;
mod keys;
mod pruning;
mod query;
mod sequence;
mod truncate;

pub use fired::fired_triggers;
pub(super) use hidden::expression_hides;
pub(super) use query::{How, parsed_view, read, sequences_in};
pub(super) use truncate::truncate;

use super::AnalyzeError;
use super::effects::Effects;
use super::resolve::Context;
use crate::catalog::RelationKind;
use crate::lock::LockMode;
use pg_query::NodeEnum;
use pg_query::protobuf::{CopyStmt, ExplainStmt, Node};

/// The impact of `SELECT`, `INSERT`, `UPDATE`, `DELETE` or `MERGE`, executed.
pub(super) fn execute<'c>(
    cx: Context<'_, 'c>,
    statement: &NodeEnum,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    read(cx, statement, How::Executed, fx)
}

/// `EXPLAIN` plans, `EXPLAIN ANALYZE` executes.
pub(super) fn explain<'c>(
    cx: Context<'_, 'c>,
    statement: &ExplainStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let analyze = statement.options.iter().any(|option| {
        matches!(&option.node, Some(NodeEnum::DefElem(option))
            if option.defname == "analyze" && !super::misc::is_false(option))
    });
    match statement.query.as_deref().and_then(|query| query.node.as_ref()) {
        Some(NodeEnum::CreateTableAsStmt(create)) if analyze => {
            super::create::create_table_as(cx, create, fx)
        }
        Some(NodeEnum::CreateTableAsStmt(create)) => {
            query_of(create.query.as_deref(), cx, How::Planned, fx)
        }
        Some(NodeEnum::DeclareCursorStmt(cursor)) => {
            query_of(cursor.query.as_deref(), cx, How::Planned, fx)
        }
        Some(query) => read(cx, query, if analyze { How::Executed } else { How::Planned }, fx),
        None => Ok(()),
    }
}

/// A query that is part of another statement.
pub(super) fn query_of<'c>(
    query: Option<&Node>,
    cx: Context<'_, 'c>,
    how: How,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    match query.and_then(|query| query.node.as_ref()) {
        Some(query) => read(cx, query, how, fx),
        None => Ok(()),
    }
}

/// `COPY … TO` reads a table, `COPY … FROM` inserts into it.
pub(super) fn copy<'c>(
    cx: Context<'_, 'c>,
    statement: &CopyStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    if statement.query.is_some() {
        return query_of(statement.query.as_deref(), cx, How::Executed, fx);
    }
    let Some(name) = &statement.relation else { return Ok(()) };
    let relation = cx.relation(name)?;
    for column in super::volatility::name_parts(&statement.attlist) {
        cx.column(relation, column, name.location.max(0))?;
    }
    if statement.is_from {
        fx.lock(relation, LockMode::RowExclusive);
        for partition in cx.catalog.leaves(relation) {
            fx.lock(partition, LockMode::RowExclusive);
        }
        fx.look_at_bound(relation);
        keys::look_up(cx, relation, |_| true, fx);
        return Ok(());
    }
    if relation.kind == RelationKind::PartitionedTable && cx.catalog.server.major() < 19 {
        let message = format!("cannot copy from partitioned table \"{}\"", name.relname);
        return Err(cx.invalid(message, &name.relname));
    }
    fx.lock(relation, LockMode::AccessShare);
    fx.scan(relation);
    Ok(())
}
