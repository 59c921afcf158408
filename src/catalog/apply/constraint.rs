//! Adds constraints to a table and to the tables below it.

use super::index;
use crate::catalog::{
    Catalog, Constraint, ConstraintKind, Dependant, DependantKind, Relation, names,
};
use crate::sql::{QualifiedName, deparse, quote_ident};
use pg_query::protobuf::{self, node};

/// Where a clause comes from.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Origin {
    /// `CREATE TABLE`, where everything is valid at once: there are no rows yet.
    Created,
    /// `ALTER TABLE`.
    Altered,
    /// `ALTER TABLE ONLY`: tables below it stay as they are.
    AlteredOnly,
    /// Handed down by a parent.
    Inherited,
}

/// Adds the constraint that a clause at table level makes on `table`.
pub(super) fn add(
    catalog: &mut Catalog,
    table: &QualifiedName,
    clause: &protobuf::Constraint,
    origin: Origin,
) {
    add_at(catalog, table, clause, None, origin);
}

/// The same for a clause that stands at `column`, if it stands at one.
pub(super) fn add_at(
    catalog: &mut Catalog,
    table: &QualifiedName,
    clause: &protobuf::Constraint,
    column: Option<&str>,
    origin: Origin,
) {
    let Some(kind) = names::constraint_kind(clause) else { return };
    let Some(relation) = catalog.relation(table) else { return };
    if kind == ConstraintKind::NotNull {
        let columns = names::key_columns(&clause.keys, column);
        if let Some(column) = columns.first() {
            add_not_null(catalog, table, column, clause, origin);
        }
        return;
    }
    let Some(name) = names::clause_name(catalog, relation, clause, column, &[]) else { return };
    if relation.constraint(&name).is_some() {
        return;
    }
    match kind {
        ConstraintKind::Check => add_check(catalog, table, name, clause, origin),
        ConstraintKind::ForeignKey => add_foreign_key(catalog, table, name, clause, column, origin),
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclude => {
            add_key(catalog, table, kind, name, clause, column, origin);
        }
        ConstraintKind::NotNull | ConstraintKind::Trigger => {}
    }
}

fn blank(kind: ConstraintKind, name: String, clause: &protobuf::Constraint) -> Constraint {
    Constraint {
        name,
        kind,
        columns: Vec::new(),
        definition: String::new(),
        expression: None,
        validated: true,
        deferrable: clause.deferrable,
        initially_deferred: clause.initdeferred,
        no_inherit: false,
        references: None,
        referenced_columns: Vec::new(),
        index: None,
        comment: None,
        inherited: false,
        own_too: false,
    }
}

fn is_validated(clause: &protobuf::Constraint, origin: Origin) -> bool {
    is_enforced(clause) && (origin == Origin::Created || !clause.skip_validation)
}

/// The grammar sets the flag only where a clause may say `NOT ENFORCED`.
fn is_enforced(clause: &protobuf::Constraint) -> bool {
    let may_be_off = [protobuf::ConstrType::ConstrCheck, protobuf::ConstrType::ConstrForeign];
    clause.is_enforced || !may_be_off.contains(&clause.contype())
}

fn push(catalog: &mut Catalog, table: &QualifiedName, constraint: Constraint) {
    if let Some(relation) = catalog.relations.get_mut(table) {
        relation.constraints.push(constraint);
        relation.constraints.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// Tables that take over what is added to `table`.
fn heirs(catalog: &Catalog, table: &QualifiedName, origin: Origin) -> Vec<QualifiedName> {
    match origin {
        Origin::AlteredOnly => Vec::new(),
        Origin::Created | Origin::Altered | Origin::Inherited => {
            catalog.relation(table).map(|relation| relation.children.clone()).unwrap_or_default()
        }
    }
}

fn add_check(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: String,
    clause: &protobuf::Constraint,
    origin: Origin,
) {
    let Some(relation) = catalog.relation(table) else { return };
    let expression = clause.raw_expr.as_deref();
    let text = expression.map(deparse::expression).unwrap_or_default();
    let mut definition = format!("CHECK (({text}))");
    if clause.is_no_inherit {
        definition.push_str(" NO INHERIT");
    }
    if !is_enforced(clause) {
        definition.push_str(" NOT ENFORCED");
    }
    let constraint = Constraint {
        columns: names::check_columns(relation, expression),
        definition,
        expression: Some(text),
        validated: is_validated(clause, origin),
        no_inherit: clause.is_no_inherit,
        inherited: origin == Origin::Inherited,
        ..blank(ConstraintKind::Check, name.clone(), clause)
    };
    push(catalog, table, constraint);
    if !clause.is_no_inherit {
        let named = protobuf::Constraint { conname: name, ..clause.clone() };
        for heir in heirs(catalog, table, origin) {
            inherit_or(catalog, &heir, &named.conname, |catalog| {
                add(catalog, &heir, &named, Origin::Inherited);
            });
        }
    }
}

/// A constraint of that name that a child has already becomes inherited, else `make` makes one.
fn inherit_or(
    catalog: &mut Catalog,
    heir: &QualifiedName,
    name: &str,
    make: impl FnOnce(&mut Catalog),
) {
    let known = catalog
        .relations
        .get_mut(heir)
        .and_then(|relation| relation.constraints.iter_mut().find(|known| known.name == name));
    match known {
        Some(known) => known.inherited = true,
        None => make(catalog),
    }
}

/// Marks the column, and on 18 adds the constraint, unless the column has one.
fn add_not_null(
    catalog: &mut Catalog,
    table: &QualifiedName,
    column: &str,
    clause: &protobuf::Constraint,
    origin: Origin,
) {
    let has_constraints = catalog.server.major() >= 18;
    let Some(relation) = catalog.relation(table) else { return };
    let known = not_null_constraint(relation, column).map(|known| known.name.clone());
    let name = match &known {
        Some(known) => known.clone(),
        None if !clause.conname.is_empty() => clause.conname.clone(),
        None => names::not_null_name(catalog, table, column, &[]),
    };
    let validated = is_validated(clause, origin);
    if has_constraints && known.is_none() {
        let constraint = Constraint {
            columns: vec![column.to_owned()],
            definition: format!("NOT NULL {}", quote_ident(column)),
            validated,
            no_inherit: clause.is_no_inherit,
            inherited: origin == Origin::Inherited,
            ..blank(ConstraintKind::NotNull, name.clone(), clause)
        };
        push(catalog, table, constraint);
    }
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    for known in &mut relation.constraints {
        if known.name == name && known.kind == ConstraintKind::NotNull {
            known.validated |= validated;
            known.inherited |= origin == Origin::Inherited;
        }
    }
    if validated
        && let Some(column) = relation.columns.iter_mut().find(|known| known.name == column)
    {
        column.not_null = true;
    }
    if !clause.is_no_inherit {
        let named = protobuf::Constraint { conname: name, ..clause.clone() };
        for heir in heirs(catalog, table, origin) {
            add_not_null(catalog, &heir, column, &named, Origin::Inherited);
        }
    }
}

pub(super) fn not_null_constraint<'a>(
    relation: &'a Relation,
    column: &str,
) -> Option<&'a Constraint> {
    relation.constraints.iter().find(|constraint| {
        constraint.kind == ConstraintKind::NotNull
            && constraint.columns.first().is_some_and(|first| first == column)
    })
}

/// Primary key, unique or exclusion constraint: the constraint and its index.
fn add_key(
    catalog: &mut Catalog,
    table: &QualifiedName,
    kind: ConstraintKind,
    name: String,
    clause: &protobuf::Constraint,
    column: Option<&str>,
    origin: Origin,
) {
    let mut columns = names::key_columns(&clause.keys, column);
    if !clause.indexname.is_empty() {
        columns = index::adopt(catalog, table, &clause.indexname, &name, kind);
    } else if kind == ConstraintKind::Exclude {
        columns = names::exclusion_elements(clause)
            .iter()
            .filter(|element| !element.name.is_empty())
            .map(|element| element.name.clone())
            .collect();
    }
    if kind == ConstraintKind::PrimaryKey {
        for column in &columns {
            let not_null = super::column::not_null_clause(column);
            let origin = if origin == Origin::AlteredOnly { Origin::Altered } else { origin };
            add_not_null(catalog, table, column, &not_null, origin);
        }
    }
    let constraint = Constraint {
        definition: key_definition(kind, clause, &columns),
        columns: columns.clone(),
        index: Some(name.clone()),
        inherited: origin == Origin::Inherited,
        ..blank(kind, name.clone(), clause)
    };
    push(catalog, table, constraint);
    if clause.indexname.is_empty() {
        let shape = index::Shape::of_clause(kind, clause, &columns);
        let below = origin != Origin::AlteredOnly;
        index::build(catalog, table, name, &shape, Some(kind), None, below);
    }
}

fn key_definition(
    kind: ConstraintKind,
    clause: &protobuf::Constraint,
    columns: &[String],
) -> String {
    let word = match kind {
        ConstraintKind::PrimaryKey => "PRIMARY KEY",
        ConstraintKind::Unique if clause.nulls_not_distinct => "UNIQUE NULLS NOT DISTINCT",
        ConstraintKind::Unique => "UNIQUE",
        ConstraintKind::Exclude => {
            let node = node::Node::Constraint(Box::new(clause.clone()));
            return exclusion_definition(&node);
        }
        ConstraintKind::Check
        | ConstraintKind::NotNull
        | ConstraintKind::ForeignKey
        | ConstraintKind::Trigger => "",
    };
    let mut text = format!("{word} ({})", quoted_list(columns));
    let included = names::key_columns(&clause.including, None);
    if !included.is_empty() {
        text.push_str(&format!(" INCLUDE ({})", quoted_list(&included)));
    }
    text.push_str(deferral(clause.deferrable, clause.initdeferred));
    text
}

/// An `EXCLUDE` clause as written: it deparses only as part of a statement.
fn exclusion_definition(clause: &node::Node) -> String {
    let add = protobuf::AlterTableCmd {
        subtype: protobuf::AlterTableType::AtAddConstraint as i32,
        def: Some(Box::new(protobuf::Node { node: Some(clause.clone()) })),
        behavior: protobuf::DropBehavior::DropRestrict as i32,
        ..Default::default()
    };
    let alter = protobuf::AlterTableStmt {
        relation: Some(protobuf::RangeVar { relname: "t".into(), inh: true, ..Default::default() }),
        cmds: vec![protobuf::Node { node: Some(node::Node::AlterTableCmd(Box::new(add))) }],
        objtype: protobuf::ObjectType::ObjectTable as i32,
        ..Default::default()
    };
    let text = deparse::statement(&node::Node::AlterTableStmt(alter));
    text.find("EXCLUDE").map_or(text.clone(), |start| text[start..].to_owned())
}

/// How a definition ends that says when the constraint is checked.
pub(super) fn deferral(deferrable: bool, initially_deferred: bool) -> &'static str {
    match (deferrable, initially_deferred) {
        (_, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        (false, false) => "",
    }
}

pub(super) fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ")
}

fn add_foreign_key(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: String,
    clause: &protobuf::Constraint,
    column: Option<&str>,
    origin: Origin,
) {
    let Some(target) = catalog.target(clause.pktable.as_ref()) else { return };
    let Some(referenced) = catalog.relation(&target) else { return };
    let mut referenced_columns = names::key_columns(&clause.pk_attrs, None);
    if referenced_columns.is_empty() {
        referenced_columns =
            referenced.primary_key().map(|key| key.columns.clone()).unwrap_or_default();
    }
    let columns = names::key_columns(&clause.fk_attrs, column);
    let constraint = Constraint {
        definition: foreign_key_definition(clause, &columns, &target, &referenced_columns),
        columns,
        validated: is_validated(clause, origin),
        index: referenced_index(referenced, &referenced_columns),
        references: Some(target.clone()),
        referenced_columns: referenced_columns.clone(),
        inherited: origin == Origin::Inherited,
        ..blank(ConstraintKind::ForeignKey, name.clone(), clause)
    };
    push(catalog, table, constraint);
    point_to(catalog, table, &name, &target, referenced_columns);
    let named = protobuf::Constraint { conname: name, ..clause.clone() };
    if origin != Origin::AlteredOnly && is_partitioned(catalog, table) {
        for heir in heirs(catalog, table, origin) {
            add_at(catalog, &heir, &named, column, Origin::Inherited);
        }
    }
}

/// Says on the table that a foreign key points to that it does.
pub(super) fn point_to(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: &str,
    target: &QualifiedName,
    mut columns: Vec<String>,
) {
    if table == target {
        return;
    }
    columns.sort();
    let dependant = Dependant {
        kind: DependantKind::ForeignKey,
        name: format!("foreign key {} on {table}", quote_ident(name)),
        relation: Some(table.clone()),
        columns,
    };
    catalog.add_dependant(target, dependant);
}

fn is_partitioned(catalog: &Catalog, table: &QualifiedName) -> bool {
    catalog
        .relation(table)
        .is_some_and(|relation| relation.kind == crate::catalog::RelationKind::PartitionedTable)
}

/// The unique index that a foreign key leans on: one over exactly its columns, the primary key
/// first.
fn referenced_index(referenced: &Relation, columns: &[String]) -> Option<String> {
    let mut wanted: Vec<&String> = columns.iter().collect();
    wanted.sort();
    let fits = |index: &&crate::catalog::Index| {
        let mut keys: Vec<&String> = index.keys.iter().flatten().collect();
        keys.sort();
        index.unique && index.predicate.is_none() && !index.has_expressions && keys == wanted
    };
    let mut found: Vec<_> = referenced.indexes.iter().filter(fits).collect();
    found.sort_by_key(|index| !index.primary);
    found.first().map(|index| index.name.clone())
}

fn foreign_key_definition(
    clause: &protobuf::Constraint,
    columns: &[String],
    target: &QualifiedName,
    referenced: &[String],
) -> String {
    let mut text = format!(
        "FOREIGN KEY ({}) REFERENCES {target}({})",
        quoted_list(columns),
        quoted_list(referenced)
    );
    if clause.fk_matchtype == "f" {
        text.push_str(" MATCH FULL");
    }
    for (event, letter) in [("UPDATE", &clause.fk_upd_action), ("DELETE", &clause.fk_del_action)] {
        let action = match letter.as_str() {
            "r" => "RESTRICT",
            "c" => "CASCADE",
            "n" => "SET NULL",
            "d" => "SET DEFAULT",
            _ => continue,
        };
        text.push_str(&format!(" ON {event} {action}"));
        if event == "DELETE" && !clause.fk_del_set_cols.is_empty() {
            let only = names::key_columns(&clause.fk_del_set_cols, None);
            text.push_str(&format!(" ({})", quoted_list(&only)));
        }
    }
    text.push_str(deferral(clause.deferrable, clause.initdeferred));
    if !is_enforced(clause) {
        text.push_str(" NOT ENFORCED");
    }
    text
}
