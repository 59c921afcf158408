//! `CREATE TABLE`: locks what the new table refers to. A new partition takes ACCESS EXCLUSIVE on its
//! parent and on a default partition; foreign keys SHARE ROW EXCLUSIVE on the other table.

use crate::analyze::AnalyzeError;
use crate::analyze::alter_table::{new_partition, refer_to_key};
use crate::analyze::effects::Effects;
use crate::analyze::resolve::{Context, Found};
use crate::analyze::types::is_serial;
use crate::catalog::{Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::Diagnostic;
use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnDef, ConstrType, Constraint, CreateStmt, Node, RangeVar};

/// The impact of `CREATE TABLE`.
pub(in crate::analyze) fn create_table<'c>(
    cx: Context<'_, 'c>,
    statement: &CreateStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.relation else { return Ok(()) };
    let temporary = name.relpersistence == "t";
    match cx.place_for(&name.schemaname, &name.relname, name.location, statement.if_not_exists) {
        Ok(None) if !temporary => return Ok(()),
        Err(AnalyzeError::Exists(_)) if temporary => {}
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    if let Some(of) = &statement.of_typename {
        cx.column_type(of)?;
    }
    parents(cx, statement, fx)?;
    let mut seen: Vec<&str> = Vec::new();
    for element in statement.table_elts.iter().chain(&statement.constraints) {
        match &element.node {
            Some(NodeEnum::ColumnDef(column)) => {
                if seen.contains(&column.colname.as_str()) {
                    let message = format!("column \"{}\" specified more than once", column.colname);
                    return Err(cx.invalid(message, &column.colname));
                }
                seen.push(&column.colname);
                new_column(cx, name, column, fx)?;
            }
            Some(NodeEnum::Constraint(constraint)) => foreign_key(cx, name, constraint, fx)?,
            Some(NodeEnum::TableLikeClause(like)) => {
                if let Some(source) = &like.relation {
                    match cx.find(source) {
                        Found::Relation(source) => fx.lock(source, LockMode::AccessShare),
                        Found::System => {}
                        Found::Missing => {
                            cx.relation(source)?;
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `PARTITION OF` and `INHERITS`.
fn parents<'c>(
    cx: Context<'_, 'c>,
    statement: &CreateStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    for node in &statement.inh_relations {
        let Some(NodeEnum::RangeVar(name)) = &node.node else { continue };
        let parent = cx.relation(name)?;
        let Some(bound) = &statement.partbound else {
            match parent.kind {
                RelationKind::Table | RelationKind::ForeignTable => {}
                RelationKind::PartitionedTable => {
                    let message =
                        format!("cannot inherit from partitioned table \"{}\"", name.relname);
                    return Err(cx.invalid(message, &name.relname));
                }
                RelationKind::View
                | RelationKind::MaterializedView
                | RelationKind::Sequence
                | RelationKind::CompositeType => return Err(cx.wrong_kind(parent, "a table", name)),
            }
            fx.lock(parent, LockMode::ShareUpdateExclusive);
            continue;
        };
        if parent.kind != RelationKind::PartitionedTable {
            return Err(cx.wrong_kind(parent, "partitioned", name));
        }
        fx.lock(parent, LockMode::AccessExclusive);
        new_partition(cx, parent, Some(bound), fx);
    }
    Ok(())
}

fn new_column<'c>(
    cx: Context<'_, 'c>,
    table: &RangeVar,
    column: &ColumnDef,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    if let Some(written) = &column.type_name
        && !is_serial(written)
    {
        cx.column_type(written)?;
    }
    for constraint in constraints(&column.constraints) {
        if constraint.contype() == ConstrType::ConstrGenerated && constraint.generated_kind == "v" {
            cx.needs(18, "virtual generated columns", "virtual")?;
        }
        if let (ConstrType::ConstrDefault, Some(default)) =
            (constraint.contype(), constraint.raw_expr.as_deref())
        {
            for sequence in crate::analyze::data::sequences_in(cx, default) {
                fx.refer_to(sequence, None);
            }
        }
        foreign_key(cx, table, constraint, fx)?;
    }
    Ok(())
}

fn constraints(nodes: &[Node]) -> impl Iterator<Item = &Constraint> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) => Some(&**constraint),
        _ => None,
    })
}

fn foreign_key<'c>(
    cx: Context<'_, 'c>,
    table: &RangeVar,
    constraint: &Constraint,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &constraint.pktable else { return Ok(()) };
    let itself = name.relname == table.relname
        && (name.schemaname.is_empty() || name.schemaname == table.schemaname);
    let referenced: &Relation = match cx.relation(name) {
        Ok(referenced) => referenced,
        Err(AnalyzeError::Missing(..)) if itself => return Ok(()),
        Err(error) => return Err(error),
    };
    match referenced.kind {
        RelationKind::Table | RelationKind::PartitionedTable => {}
        RelationKind::View
        | RelationKind::MaterializedView
        | RelationKind::ForeignTable
        | RelationKind::Sequence
        | RelationKind::CompositeType => {
            let message = format!("referenced relation \"{}\" is not a table", name.relname);
            let span = cx.span_of_range(name);
            return Err(AnalyzeError::Invalid(Diagnostic::new(message, span)));
        }
    }
    let mut key = Vec::new();
    for column in crate::analyze::volatility::name_parts(&constraint.pk_attrs) {
        key.push(cx.column(referenced, column, name.location.max(0))?.name.clone());
    }
    if let (true, Some(primary)) = (key.is_empty(), referenced.primary_key()) {
        key.clone_from(&primary.columns);
    }
    refer_to_key(referenced, &key, fx);
    fx.lock_all(cx.catalog.family(referenced), LockMode::ShareRowExclusive);
    Ok(())
}
