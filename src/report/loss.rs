//! What data goes when statements run: tables, columns and rows, with about how many. Pure.

use super::{BAD, printable, styled};
use crate::catalog::{Catalog, Relation, RelationKind};
use crate::sql::{QualifiedName, Statement, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, Node, ObjectType, RangeVar};
use serde_json::{Value, json};

/// Something that cannot be had back afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Table or column.
    pub what: String,
    pub how: How,
    /// About so many rows are concerned; `None` when nobody has counted.
    pub rows: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The table with its rows.
    Table,
    /// The values of a column.
    Column,
    /// Rows are deleted.
    Rows,
    /// Values are overwritten.
    Values,
}

/// What the statements take away, one after the other from `catalog` on, which moves with them. Of
/// what is empty, or was made by the statements themselves, nothing goes.
pub fn of_statements(statements: &[Statement], catalog: &mut Catalog) -> Vec<Loss> {
    let mut found = Vec::new();
    for statement in statements {
        found.extend(of_statement(&statement.node, catalog));
        catalog.apply(statement);
    }
    found
}

fn of_statement(node: &NodeEnum, catalog: &Catalog) -> Vec<Loss> {
    match node {
        NodeEnum::DropStmt(drop) if drop.remove_type() == ObjectType::ObjectTable => {
            let named = drop.objects.iter().filter_map(|object| named(object, catalog));
            named.filter_map(|relation| loss(catalog, relation, None, How::Table)).collect()
        }
        NodeEnum::DropStmt(drop) if drop.remove_type() == ObjectType::ObjectSchema => drop
            .objects
            .iter()
            .filter_map(|object| strings(object).pop())
            .flat_map(|schema| tables_of(&schema, catalog))
            .filter_map(|relation| loss(catalog, relation, None, How::Table))
            .collect(),
        NodeEnum::TruncateStmt(truncate) => truncate
            .relations
            .iter()
            .filter_map(|node| match &node.node {
                Some(NodeEnum::RangeVar(range)) => ranged(range, catalog),
                _ => None,
            })
            .filter_map(|relation| loss(catalog, relation, None, How::Rows))
            .collect(),
        NodeEnum::DeleteStmt(delete) => {
            let relation = delete.relation.as_ref().and_then(|range| ranged(range, catalog));
            relation
                .and_then(|relation| loss(catalog, relation, None, How::Rows))
                .into_iter()
                .collect()
        }
        NodeEnum::UpdateStmt(update) => {
            let relation = update.relation.as_ref().and_then(|range| ranged(range, catalog));
            let Some(relation) = relation else { return Vec::new() };
            let targets = update.target_list.iter().filter_map(|target| match &target.node {
                Some(NodeEnum::ResTarget(target)) => Some(target.name.as_str()),
                _ => None,
            });
            targets
                .filter_map(|column| loss(catalog, relation, Some(column), How::Values))
                .collect()
        }
        NodeEnum::AlterTableStmt(alter) => {
            let relation = alter.relation.as_ref().and_then(|range| ranged(range, catalog));
            let Some(relation) = relation else { return Vec::new() };
            let dropped = alter.cmds.iter().filter_map(|command| match &command.node {
                Some(NodeEnum::AlterTableCmd(command))
                    if command.subtype() == AlterTableType::AtDropColumn =>
                {
                    Some(command.name.as_str())
                }
                _ => None,
            });
            dropped
                .filter_map(|column| loss(catalog, relation, Some(column), How::Column))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// What goes when `statements`, which have run, are taken back: what they have made. `catalog` is that
/// of now.
pub fn of_undoing(statements: &[Statement], catalog: &Catalog) -> Vec<Loss> {
    let mut found: Vec<Loss> = Vec::new();
    for statement in statements {
        match &statement.node {
            NodeEnum::CreateStmt(create) => {
                let relation = create.relation.as_ref().and_then(|range| ranged(range, catalog));
                found.extend(
                    relation.and_then(|relation| loss(catalog, relation, None, How::Table)),
                );
            }
            NodeEnum::CreateTableAsStmt(create) => {
                let range = create.into.as_ref().and_then(|into| into.rel.as_ref());
                let relation = range.and_then(|range| ranged(range, catalog));
                found.extend(
                    relation.and_then(|relation| loss(catalog, relation, None, How::Table)),
                );
            }
            NodeEnum::AlterTableStmt(alter) => {
                let relation = alter.relation.as_ref().and_then(|range| ranged(range, catalog));
                let Some(relation) = relation else { continue };
                // With its table gone nothing is left to say of a column.
                let whole = |loss: &Loss| loss.what == relation.name.to_string();
                if found.iter().any(whole) {
                    continue;
                }
                for command in &alter.cmds {
                    let Some(NodeEnum::AlterTableCmd(command)) = &command.node else { continue };
                    if let Some(Node { node: Some(NodeEnum::ColumnDef(column)) }) =
                        command.def.as_deref()
                        && command.subtype() == AlterTableType::AtAddColumn
                    {
                        found.extend(loss(catalog, relation, Some(&column.colname), How::Column));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn loss(catalog: &Catalog, relation: &Relation, column: Option<&str>, how: How) -> Option<Loss> {
    // Of revisions replayed in an empty database nobody knows what there is.
    if relation.created_here
        || relation.empty && catalog.sizes_known
        || column.is_some_and(|c| relation.column(c).is_none())
    {
        return None;
    }
    let what = match column {
        None => relation.name.to_string(),
        Some(column) => format!("{}.{}", relation.name, quote_ident(column)),
    };
    let rows = relation.estimated_rows.filter(|_| catalog.sizes_known);
    Some(Loss { what, how, rows })
}

fn tables_of<'c>(schema: &str, catalog: &'c Catalog) -> Vec<&'c Relation> {
    let inside = |relation: &&Relation| {
        let table = matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable);
        table && relation.name.schema == schema
    };
    catalog.relations.values().filter(inside).collect()
}

fn ranged<'c>(range: &RangeVar, catalog: &'c Catalog) -> Option<&'c Relation> {
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    catalog.resolve(schema, &range.relname)
}

fn named<'c>(object: &Node, catalog: &'c Catalog) -> Option<&'c Relation> {
    match &strings(object)[..] {
        [name] => catalog.resolve(None, name),
        [.., schema, name] => catalog.relation(&QualifiedName::new(schema, name)),
        [] => None,
    }
}

fn strings(node: &Node) -> Vec<String> {
    match &node.node {
        Some(NodeEnum::List(list)) => list.items.iter().flat_map(strings).collect(),
        Some(NodeEnum::String(text)) => vec![text.sval.clone()],
        _ => Vec::new(),
    }
}

/// A line for each.
pub fn text(losses: &[Loss]) -> String {
    let width = losses.iter().map(|loss| loss.what.chars().count()).max().unwrap_or(0);
    losses.iter().map(|loss| line(loss, width)).collect()
}

fn line(loss: &Loss, width: usize) -> String {
    let what = printable(&loss.what);
    format!("  {}  {}\n", styled(&format!("{what:<width$}"), BAD), words(loss))
}

/// The same without colours, for a file.
pub fn plain(losses: &[Loss]) -> Vec<String> {
    losses.iter().map(|loss| format!("{}: {}", printable(&loss.what), words(loss))).collect()
}

fn words(loss: &Loss) -> String {
    let rows = match loss.rows {
        Some(1) => "about 1 row".to_owned(),
        Some(count) => format!("about {} rows", grouped(count)),
        None => "an unknown number of rows".to_owned(),
    };
    match loss.how {
        How::Table => format!("the table with {rows}"),
        How::Column => format!("the values of {rows}"),
        How::Rows => format!("rows are deleted; there are {rows}"),
        How::Values => format!("values are overwritten, of up to {rows}"),
    }
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The same as JSON.
pub fn json(losses: &[Loss]) -> Value {
    let how = |how: How| match how {
        How::Table => "table",
        How::Column => "column",
        How::Rows => "rows",
        How::Values => "values",
    };
    let one = |loss: &Loss| json!({ "what": loss.what, "how": how(loss.how), "rows": loss.rows });
    losses.iter().map(one).collect()
}
