//! Statements that take the rows of a table as a whole, while it has other columns than as written.
//!
//! *In words*: a column that is dropped is there until contract; one that is renamed or gets another
//! type is there twice, and stands behind the others in the end. `SELECT *`, an INSERT without a list of
//! columns or `LIKE t` would take over what only airlock needs, or put values into other columns. So what can be
//! written out is: `*` becomes the columns, an INSERT gets its list, as the migration as written has
//! them at that place. What cannot waits until the table has its columns; and where their order counts,
//! and is another one for good, it is refused.

mod query;
#[cfg(test)]
mod tests;

use super::draft::Draft;
use super::floors::Shape;
use super::text;
use crate::catalog::Catalog;
use crate::plan::{NoteKind, Phase};
use crate::sql::{Diagnostic, QualifiedName, Statement, grammar};
use pg_query::NodeEnum;
use pg_query::protobuf::{CopyStmt, CreateStmt, Node, RangeVar};
use query::Reading;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A use of a row that cannot be written out.
struct Whole {
    relation: QualifiedName,
    shape: Shape,
    /// The order of its columns does not count.
    by_name: bool,
}

/// `statement` with the columns written out, and the phase before which it cannot come.
pub(super) fn written_out<'s>(
    draft: &mut Draft<'_>,
    statement: &'s Statement,
) -> (Cow<'s, Statement>, Phase) {
    let unchanged = (Cow::Borrowed(statement), Phase::Expand);
    let mut words = text::words(&statement.sql);
    words.extend(functions_named(&draft.catalog, &words));
    if !draft.floors.shaped().any(|name| words.contains(&name.name)) {
        return unchanged;
    }
    if let NodeEnum::CreateStmt(create) = &statement.node {
        return (Cow::Borrowed(statement), like(draft, create));
    }
    let floors = draft.floors.clone();
    let shape = |name: &QualifiedName| floors.shape_of(name);
    let mut reading = Reading::new(&draft.catalog, &shape, &statement.sql);
    reading.queries(&queries(&statement.node));
    if let NodeEnum::CopyStmt(copy) = &statement.node {
        copied(&mut reading, &draft.catalog, &shape, copy);
    }
    let changed = reading.text().and_then(|sql| with_text(statement, sql));
    let wholes = reading.wholes;
    if let Some(whole) = wholes.iter().find(|whole| whole.shape.reordered && !whole.by_name) {
        refuse(draft, statement, &whole.relation);
    }
    let floor = wholes.iter().map(|whole| whole.shape.until).max().unwrap_or(Phase::Expand);
    (changed.map_or(Cow::Borrowed(statement), Cow::Owned), floor)
}

/// `statement`, which makes a view, with the columns of all tables written out; `None` when it takes
/// a row in a way that cannot be.
pub(super) fn of_view(catalog: &Catalog, statement: &Statement) -> Option<String> {
    let every = |_: &QualifiedName| Some(Shape { until: Phase::Contract, reordered: true });
    let mut reading = Reading::new(catalog, &every, &statement.sql);
    reading.queries(&queries(&statement.node));
    let clear = reading.wholes.iter().all(|whole| whole.by_name);
    clear.then(|| reading.text().unwrap_or_else(|| statement.sql.clone()))
}

/// Words of what the functions among `words` give.
fn functions_named(catalog: &Catalog, words: &BTreeSet<String>) -> Vec<String> {
    let called = words.iter().filter_map(|word| catalog.functions.get(word)).flatten();
    called
        .filter_map(|function| function.routine.as_ref()?.result.as_deref())
        .flat_map(text::words)
        .collect()
}

fn refuse(draft: &mut Draft<'_>, statement: &Statement, relation: &QualifiedName) {
    draft.refuse(
        Diagnostic::new(
            format!("this takes the rows of {relation} as a whole, and their columns stand in another order than as written"),
            statement.span,
        )
        .detail("An earlier statement renames a column or gives it another type: that is a second column, which stands behind the others.")
        .hint("Name the columns in this statement."),
    );
}

/// An INSERT without a list of columns into a table in which one was dropped, or made anew by an earlier
/// migration: another database may have them in another order.
pub(super) fn note_order(draft: &mut Draft<'_>, statement: &Statement) {
    let range = match &statement.node {
        NodeEnum::InsertStmt(insert) if insert.cols.is_empty() && insert.select_stmt.is_some() => {
            insert.relation.as_ref()
        }
        NodeEnum::CopyStmt(copy) if copy.is_from && copy.attlist.is_empty() => {
            copy.relation.as_ref()
        }
        _ => None,
    };
    let Some(table) = range.and_then(|range| resolve(draft.start, range)) else { return };
    let last = table.columns.iter().map(|column| column.position).max().unwrap_or(0);
    if usize::try_from(last).is_ok_and(|last| last > table.columns.len()) {
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let text = format!(
            "statement {} gives no list of columns: here {} has {}, in this order; a column of it was dropped or made anew once, so that another database may have another order",
            draft.number(),
            table.name,
            text::listed(&names)
        );
        draft.note(NoteKind::Information, text);
    }
}

fn with_text(statement: &Statement, sql: String) -> Option<Statement> {
    let parsed = grammar::parse(&sql).ok()?;
    let node = parsed.stmts.into_iter().next()?.stmt?.node?;
    Some(Statement { sql, node, ..statement.clone() })
}

/// The queries and changes of rows in a statement.
fn queries(node: &NodeEnum) -> Vec<&NodeEnum> {
    match node {
        NodeEnum::ViewStmt(view) => inner(view.query.as_deref()),
        NodeEnum::CreateTableAsStmt(create) => inner(create.query.as_deref()),
        NodeEnum::CopyStmt(copy) => inner(copy.query.as_deref()),
        NodeEnum::ExplainStmt(explain) => inner(explain.query.as_deref()),
        NodeEnum::PrepareStmt(prepare) => inner(prepare.query.as_deref()),
        NodeEnum::RuleStmt(rule) => {
            rule.actions.iter().filter_map(|action| action.node.as_ref()).collect()
        }
        NodeEnum::CreateFunctionStmt(function) => {
            function.sql_body.as_deref().map(body).unwrap_or_default()
        }
        NodeEnum::SelectStmt(_)
        | NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_) => vec![node],
        _ => Vec::new(),
    }
}

fn inner(query: Option<&Node>) -> Vec<&NodeEnum> {
    query.and_then(|query| query.node.as_ref()).into_iter().collect()
}

/// The statements of `BEGIN ATOMIC`, or the query of `RETURN`.
fn body(node: &Node) -> Vec<&NodeEnum> {
    match &node.node {
        Some(NodeEnum::List(list)) => list.items.iter().flat_map(body).collect(),
        Some(NodeEnum::ReturnStmt(value)) => inner(value.returnval.as_deref()),
        Some(other) => vec![other],
        None => Vec::new(),
    }
}

/// `COPY t` without a list of columns. The server leaves generated ones out.
fn copied(
    reading: &mut Reading<'_>,
    catalog: &Catalog,
    shape: &dyn Fn(&QualifiedName) -> Option<Shape>,
    copy: &CopyStmt,
) {
    let Some(range) = copy.relation.as_ref().filter(|_| copy.attlist.is_empty()) else { return };
    let Some(table) = resolve(catalog, range) else { return };
    let Some(shape) = shape(&table.name) else { return };
    let columns = table.columns.iter().filter(|c| c.generated.is_none()).map(|c| c.name.clone());
    if !reading.list(range, &columns.collect::<Vec<_>>()) {
        reading.wholes.push(Whole { relation: table.name.clone(), shape, by_name: false });
    }
}

fn resolve<'c>(catalog: &'c Catalog, range: &RangeVar) -> Option<&'c crate::catalog::Relation> {
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    catalog.resolve(schema, &range.relname)
}

/// `LIKE t` and `INHERITS (t)`. A partition gets and loses columns with its table.
fn like(draft: &mut Draft<'_>, create: &CreateStmt) -> Phase {
    if create.partbound.is_some() {
        return Phase::Expand;
    }
    let elements = create.table_elts.iter().filter_map(|element| match &element.node {
        Some(NodeEnum::TableLikeClause(like)) => like.relation.as_ref(),
        _ => None,
    });
    let parents = create.inh_relations.iter().filter_map(|parent| match &parent.node {
        Some(NodeEnum::RangeVar(range)) => Some(range),
        _ => None,
    });
    let found: Vec<(QualifiedName, Shape)> = elements
        .chain(parents)
        .filter_map(|range| resolve(&draft.catalog, range))
        .filter_map(|table| Some((table.name.clone(), draft.floors.shape_of(&table.name)?)))
        .collect();
    if let (Some((of, _)), Some(range)) =
        (found.iter().find(|(_, shape)| shape.reordered), create.relation.as_ref())
    {
        let schema = match range.schemaname.as_str() {
            "" => draft.catalog.creation_schema().unwrap_or_default().to_owned(),
            schema => schema.to_owned(),
        };
        let new = QualifiedName::new(schema, range.relname.clone());
        draft.note(
            NoteKind::ColumnOrder,
            format!("the columns of {new} stand in the order that those of {of} have in the end, not in the one as written"),
        );
        draft.floors.shape(&new, Phase::Expand, true);
    }
    found.iter().map(|(_, shape)| shape.until).max().unwrap_or(Phase::Expand)
}
