//! The subcommands of `ALTER TABLE` that are about one column.

use super::alter_table::{definition, list, set_options};
use super::column::{self, column_mut};
use super::constraint::{self, Origin};
use super::drop;
use crate::catalog::{Catalog, Column, ConstraintKind};
use crate::sql::QualifiedName;
use pg_query::protobuf::{AlterTableCmd, AlterTableType, ColumnDef, ConstrType, Node, node};

pub(super) fn add_column(
    catalog: &mut Catalog,
    table: &QualifiedName,
    definition: &ColumnDef,
    inherited: bool,
) {
    let Some(relation) = catalog.relation(table) else { return };
    let children = relation.children.clone();
    if relation.column(&definition.colname).is_some() {
        // `IF NOT EXISTS`, or a child that has the column already.
        if let Some(column) = column_mut(catalog, table, &definition.colname) {
            column.inherited |= inherited;
        }
        return;
    }
    let position = relation.columns.iter().map(|column| column.position).max().unwrap_or(0) + 1;
    let mut defined = column::define(catalog, definition, position);
    defined.column.inherited = inherited;
    if let Some(relation) = catalog.relations.get_mut(table) {
        relation.columns.push(defined.column.clone());
    }
    column::finish(catalog, table, &defined);
    let handed_down = |kind: ConstrType| {
        matches!(
            kind,
            ConstrType::ConstrDefault | ConstrType::ConstrGenerated | ConstrType::ConstrIdentity
        )
    };
    let mut below = definition.clone();
    below.constraints.retain(
        |item| matches!(&item.node, Some(node::Node::Constraint(c)) if handed_down(c.contype())),
    );
    for child in children {
        add_column(catalog, &child, &below, true);
    }
    if !inherited {
        for clause in &defined.clauses {
            let name = Some(definition.colname.as_str());
            constraint::add_at(catalog, table, clause, name, Origin::Altered);
        }
    }
}

pub(super) fn set_type(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: &str,
    definition: &ColumnDef,
) {
    let Some(written) = &definition.type_name else { return };
    let mut changed = Column::default();
    column::set_type(catalog, &mut changed, written);
    let Some(column) = column_mut(catalog, table, name) else { return };
    column.type_name = changed.type_name;
    column.user_type = changed.user_type;
    column.storage = None;
    let collation = definition.coll_clause.as_ref();
    column.collation = collation.and_then(|clause| column::collation_name(&clause.collname));
}

pub(super) fn set_default(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: &str,
    expression: Option<&Node>,
) {
    let Some(mut changed) = catalog.relation(table).and_then(|r| r.column(name)).cloned() else {
        return;
    };
    column::set_default(catalog, &mut changed, expression);
    let called = column::default_name(table, name);
    catalog.forget_dependants(|dependant| dependant.name == called);
    if let Some(column) = column_mut(catalog, table, name) {
        *column = changed;
    }
    if let Some(expression) = expression {
        column::record_expression(catalog, table, name, expression);
    }
}

pub(super) fn drop_not_null(catalog: &mut Catalog, table: &QualifiedName, name: &str) {
    if let Some(column) = column_mut(catalog, table, name) {
        column.not_null = false;
    }
    if let Some(relation) = catalog.relations.get_mut(table) {
        relation.constraints.retain(|constraint| {
            constraint.kind != ConstraintKind::NotNull
                || constraint.columns.first().is_none_or(|column| column != name)
        });
    }
}

pub(super) fn add_identity(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: &str,
    command: &AlterTableCmd,
) {
    let Some(node::Node::Constraint(clause)) = definition(command) else { return };
    column::make_sequence(catalog, table, name, column::SequenceFor::Identity);
    if let Some(column) = column_mut(catalog, table, name) {
        column.identity = Some(column::identity(&clause.generated_when));
    }
}

pub(super) fn drop_identity(catalog: &mut Catalog, table: &QualifiedName, name: &str) {
    let Some(column) = column_mut(catalog, table, name) else { return };
    if column.identity.take().is_some() {
        drop::drop_identity_sequence(catalog, table, name);
    }
}

pub(super) fn is_column_setting(subtype: AlterTableType) -> bool {
    matches!(
        subtype,
        AlterTableType::AtSetStatistics
            | AlterTableType::AtSetStorage
            | AlterTableType::AtSetCompression
            | AlterTableType::AtSetOptions
            | AlterTableType::AtResetOptions
            | AlterTableType::AtSetIdentity
            | AlterTableType::AtDropExpression
            | AlterTableType::AtSetExpression
    )
}

pub(super) fn alter_column(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: &str,
    command: &AlterTableCmd,
) {
    let Some(mut column) = catalog.relation(table).and_then(|r| r.column(name)).cloned() else {
        return;
    };
    let word = match definition(command) {
        Some(node::Node::String(word)) => word.sval.clone(),
        _ => String::new(),
    };
    match command.subtype() {
        AlterTableType::AtSetStatistics => column.statistics_target = integer(definition(command)),
        AlterTableType::AtSetStorage => column::set_storage(catalog, &mut column, &word),
        AlterTableType::AtSetCompression => {
            column.compression = (word != "default").then_some(word);
        }
        AlterTableType::AtSetOptions | AlterTableType::AtResetOptions => {
            let reset = command.subtype() == AlterTableType::AtResetOptions;
            set_options(&mut column.options, &list(definition(command)), reset);
            column.options.retain(|option| option.starts_with("n_distinct"));
            column.options.sort();
        }
        AlterTableType::AtSetIdentity => {
            for item in list(definition(command)) {
                if let Some(node::Node::DefElem(element)) = &item.node
                    && element.defname == "generated"
                    && let Some(letter) =
                        integer(element.arg.as_ref().and_then(|a| a.node.as_ref()))
                {
                    let letter = if letter == i32::from(b'd') { "d" } else { "a" };
                    column.identity = Some(column::identity(letter));
                }
            }
        }
        AlterTableType::AtDropExpression => {
            column.generated = None;
            let called = format!("column {table}.{}", crate::sql::quote_ident(name));
            catalog.forget_dependants(|dependant| dependant.name == called);
        }
        AlterTableType::AtSetExpression => {
            if let (Some(generated), Some(expression)) =
                (column.generated.as_mut(), command.def.as_deref())
            {
                generated.expression = crate::sql::deparse::expression(expression);
            }
        }
        _ => {}
    }
    if let Some(known) = column_mut(catalog, table, name) {
        *known = column;
    }
}

/// `SET STATISTICS -1` and `DEFAULT` give `None`.
pub(super) fn integer(node: Option<&node::Node>) -> Option<i32> {
    match node {
        Some(node::Node::Integer(number)) if number.ival >= 0 => Some(number.ival),
        _ => None,
    }
}
