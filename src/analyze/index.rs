//! `CREATE INDEX`: SHARE on the table, which stops writers, for as long as the build takes;
//! `CONCURRENTLY` SHARE UPDATE EXCLUSIVE, which stops nobody.

use super::AnalyzeError;
use super::alter_table::partition_columns;
use super::columns::{has_subquery, read_by};
use super::effects::Effects;
use super::resolve::{Context, is_system_column};
use crate::catalog::{Index, Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::Diagnostic;
use pg_query::NodeEnum;
use pg_query::protobuf::{IndexElem, IndexStmt, Node};

/// The impact of `CREATE INDEX`.
pub(super) fn create<'c>(
    cx: Context<'_, 'c>,
    statement: &IndexStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.relation else { return Ok(()) };
    let relation = cx.relation(name)?;
    let partitioned = relation.kind == RelationKind::PartitionedTable;
    match relation.kind {
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::MaterializedView => {}
        RelationKind::View
        | RelationKind::ForeignTable
        | RelationKind::Sequence
        | RelationKind::CompositeType => {
            return Err(cx.wrong_kind(relation, "a table or materialized view", name));
        }
    }
    if partitioned && statement.concurrent {
        let message =
            format!("cannot create index on partitioned table \"{}\" concurrently", name.relname);
        let diagnostic = Diagnostic::new(message, cx.span_of_range(name)).hint(
            "Build it concurrently on each partition, then on the parent, which adopts them.",
        );
        return Err(AnalyzeError::Invalid(diagnostic));
    }
    if statement.nulls_not_distinct {
        cx.needs(15, "NULLS NOT DISTINCT", "distinct")?;
    }
    check_columns(cx, statement, relation)?;
    let mode = if statement.concurrent { LockMode::ShareUpdateExclusive } else { LockMode::Share };
    fx.lock(relation, mode);
    // The lock is taken before the server looks whether there is anything to do.
    if partitioned && name.inh {
        fx.lock_all(cx.catalog.family(relation), mode);
    }
    if name_is_taken(cx, statement, relation)? {
        return Ok(());
    }
    let keys = key_columns(statement);
    if partitioned && statement.unique {
        check_partition_key(cx, relation, &keys)?;
    }
    if !partitioned {
        fx.build_index(relation);
        return Ok(());
    }
    if !name.inh {
        return Ok(());
    }
    let plain = keys.len() == statement.index_params.len() && statement.where_clause.is_none();
    for partition in cx.catalog.family(relation) {
        if partition.name == relation.name {
            continue;
        }
        fx.lock(partition, LockMode::Share);
        let adopted = partition
            .indexes
            .iter()
            .find(|index| plain && can_adopt(index, &keys, statement.unique));
        match adopted {
            Some(index) => fx.lock_index(partition, index, LockMode::Share),
            None => fx.build_index(partition),
        }
    }
    Ok(())
}

/// Whether an index of a partition can become part of a new index of the parent over `keys`, so
/// that none has to be built.
pub(super) fn can_adopt(index: &Index, keys: &[String], unique: bool) -> bool {
    index.valid
        && index.parent.is_none()
        && index.unique == unique
        && index.predicate.is_none()
        && !index.has_expressions
        && index.keys.iter().map(Option::as_deref).eq(keys.iter().map(|key| Some(key.as_str())))
}

fn elements(statement: &IndexStmt) -> impl Iterator<Item = &IndexElem> {
    statement.index_params.iter().chain(&statement.index_including_params).filter_map(|node| {
        match &node.node {
            Some(NodeEnum::IndexElem(element)) => Some(&**element),
            _ => None,
        }
    })
}

fn key_columns(statement: &IndexStmt) -> Vec<String> {
    elements(statement)
        .take(statement.index_params.len())
        .filter(|element| !element.name.is_empty())
        .map(|element| element.name.clone())
        .collect()
}

fn name_is_taken(
    cx: Context<'_, '_>,
    statement: &IndexStmt,
    relation: &Relation,
) -> Result<bool, AnalyzeError> {
    let name = statement.idxname.as_str();
    if name.is_empty() || !cx.catalog.name_is_taken(&relation.name.sibling(name)) {
        return Ok(false);
    }
    if statement.if_not_exists {
        return Ok(true);
    }
    let message = format!("relation \"{name}\" already exists");
    Err(AnalyzeError::Exists(Diagnostic::new(message, cx.span_of(name, 0)).label("already there")))
}

fn check_columns(
    cx: Context<'_, '_>,
    statement: &IndexStmt,
    relation: &Relation,
) -> Result<(), AnalyzeError> {
    let from = statement
        .relation
        .as_ref()
        .map_or(0, |name| name.location.max(0) + i32::try_from(name.relname.len()).unwrap_or(0));
    for element in elements(statement) {
        if !element.name.is_empty() {
            let column = relation.column(&element.name);
            let Some(column) = column else {
                return Err(cx.no_column(relation, &element.name, from));
            };
            if column.generated.as_ref().is_some_and(|generated| !generated.stored) {
                let message = "indexes on virtual generated columns are not supported";
                return Err(cx.invalid(message, &element.name));
            }
        }
        check_expression(cx, element.expr.as_deref(), relation)?;
    }
    check_expression(cx, statement.where_clause.as_deref(), relation)
}

fn check_expression(
    cx: Context<'_, '_>,
    expression: Option<&Node>,
    relation: &Relation,
) -> Result<(), AnalyzeError> {
    let Some(expression) = expression else { return Ok(()) };
    if has_subquery(expression) {
        return Ok(());
    }
    for reference in read_by(expression) {
        let Some(column) = &reference.column else { continue };
        let whole_row = *column == relation.name.name;
        if relation.column(column).is_none() && !whole_row && !is_system_column(column) {
            return Err(cx.no_column(relation, column, reference.location));
        }
    }
    Ok(())
}

fn check_partition_key(
    cx: Context<'_, '_>,
    relation: &Relation,
    keys: &[String],
) -> Result<(), AnalyzeError> {
    let parts = partition_columns(relation);
    let Some(left_out) = parts.iter().find(|part| !keys.contains(part)) else { return Ok(()) };
    let message = "unique constraint on partitioned table must include all partitioning columns";
    let diagnostic = Diagnostic::new(message, cx.span_of(&relation.name.name, 0))
        .detail(format!("Column \"{left_out}\" of the partition key is not in it."));
    Err(AnalyzeError::Invalid(diagnostic))
}
