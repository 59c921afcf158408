//! Views, materialized views and tables made from a query.

use super::{alter_table, query};
use crate::catalog::type_name::strings;
use crate::catalog::{Catalog, Column, DependantKind, RelationKind};
use crate::sql::{QualifiedName, deparse};
use pg_query::protobuf::{
    CreateTableAsStmt, IntoClause, Node, ObjectType, SelectStmt, ViewCheckOption, ViewStmt, node,
};

pub(super) fn create(catalog: &mut Catalog, view: &ViewStmt) {
    let (Some(range), Some(definition)) = (&view.view, view.query.as_deref()) else { return };
    let name = catalog.created_name(range);
    let columns = named(query::columns(catalog, definition), &view.aliases);
    let known = catalog.relation(&name).cloned();
    if known.is_some() && !view.replace {
        return;
    }
    let mut relation = known.unwrap_or_else(|| catalog.new_relation(&name, RelationKind::View));
    relation.columns = columns;
    relation.options = alter_table::options(&view.options);
    match view.with_check_option() {
        ViewCheckOption::LocalCheckOption => relation.options.push("check_option=local".into()),
        ViewCheckOption::CascadedCheckOption => {
            relation.options.push("check_option=cascaded".into());
        }
        ViewCheckOption::NoCheckOption | ViewCheckOption::Undefined => {}
    }
    relation.view_definition = text(definition);
    catalog.relations.insert(name.clone(), relation);
    // `OR REPLACE` may read other columns than before.
    catalog.forget_dependants(|dependant| {
        dependant.kind == DependantKind::View && dependant.relation.as_ref() == Some(&name)
    });
    query::record(catalog, definition, DependantKind::View, &name);
}

fn text(query: &Node) -> Option<String> {
    query.node.as_ref().map(|query| format!(" {};", deparse::statement(query)))
}

fn named(mut columns: Vec<Column>, aliases: &[Node]) -> Vec<Column> {
    for (column, alias) in columns.iter_mut().zip(strings(aliases)) {
        column.name = alias;
    }
    columns
}

/// `CREATE TABLE … AS` and `CREATE MATERIALIZED VIEW`.
pub(super) fn create_as(catalog: &mut Catalog, create: &CreateTableAsStmt) {
    let (Some(into), Some(query)) = (&create.into, create.query.as_deref()) else { return };
    let kind = match create.objtype() {
        ObjectType::ObjectMatview => RelationKind::MaterializedView,
        _ => RelationKind::Table,
    };
    make(catalog, into, query, kind);
}

/// `SELECT … INTO`.
pub(super) fn select_into(catalog: &mut Catalog, select: &SelectStmt) {
    if let Some(into) = &select.into_clause {
        let query = SelectStmt { into_clause: None, ..select.clone() };
        let query = Node { node: Some(node::Node::SelectStmt(Box::new(query))) };
        make(catalog, into, &query, RelationKind::Table);
    }
}

fn make(catalog: &mut Catalog, into: &IntoClause, query: &Node, kind: RelationKind) {
    let Some(range) = &into.rel else { return };
    let name: QualifiedName = catalog.created_name(range);
    if catalog.name_is_taken(&name) {
        return;
    }
    let mut relation = catalog.new_relation(&name, kind);
    relation.columns = named(query::columns(catalog, query), &into.col_names);
    relation.persistence = super::create_table::persistence(&range.relpersistence);
    relation.options = alter_table::options(&into.options);
    // It is filled as it is made.
    relation.empty = into.skip_data;
    if !into.access_method.is_empty() {
        relation.access_method = Some(into.access_method.clone());
    }
    if kind == RelationKind::MaterializedView {
        relation.view_definition = text(query);
    }
    catalog.relations.insert(name.clone(), relation);
    if kind == RelationKind::MaterializedView {
        query::record(catalog, query, DependantKind::MaterializedView, &name);
    }
}
