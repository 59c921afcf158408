//! `DROP …` and `DROP COLUMN`, `DROP CONSTRAINT`, with all that goes along.
//!
//! Everything that the server would drop with `CASCADE` goes: without that word it would have
//! refused, and then nothing of what is computed here is used.

use super::schema;
use crate::catalog::type_name::strings;
use crate::catalog::{
    Catalog, Constraint, ConstraintKind, Dependant, DependantKind, ReplicaIdentity,
};
use crate::sql::{QualifiedName, quote_ident};
use pg_query::protobuf::{DropStmt, Node, ObjectType, node};

pub(super) fn drop(catalog: &mut Catalog, drop: &DropStmt) {
    for object in &drop.objects {
        let names = listed(object);
        let schema = names.len().checked_sub(2).map(|at| names[at].as_str());
        let Some(name) = names.last() else { continue };
        match drop.remove_type() {
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectSequence
            | ObjectType::ObjectForeignTable => {
                if let Some(found) = catalog.resolve(schema, name).map(|r| r.name.clone()) {
                    drop_relation(catalog, &found);
                }
            }
            ObjectType::ObjectIndex => {
                let found = catalog
                    .resolve_index(schema, name)
                    .map(|(table, index)| (table.name.clone(), index.name.clone()));
                if let Some((table, index)) = found {
                    drop_index(catalog, &table, &index);
                }
            }
            ObjectType::ObjectType | ObjectType::ObjectDomain => {
                if let Some(found) = super::types::resolve(catalog, &names) {
                    drop_type(catalog, &found);
                }
            }
            ObjectType::ObjectSchema => schema::drop(catalog, name),
            ObjectType::ObjectExtension => {
                drop_extension(catalog, name);
            }
            ObjectType::ObjectForeignServer => {
                super::foreign::drop(catalog, |server, _| server == name);
            }
            ObjectType::ObjectFdw => super::foreign::drop(catalog, |_, of| of.wrapper == *name),
            ObjectType::ObjectFunction
            | ObjectType::ObjectProcedure
            | ObjectType::ObjectRoutine
            | ObjectType::ObjectAggregate => super::program::drop_function(catalog, object),
            ObjectType::ObjectTrigger | ObjectType::ObjectPolicy | ObjectType::ObjectRule => {
                drop_of_table(catalog, drop.remove_type(), &names);
            }
            ObjectType::ObjectStatisticExt => {
                for relation in catalog.relations.values_mut() {
                    relation.statistics.retain(|known| {
                        known.name.name != *name || schema.is_some_and(|s| known.name.schema != s)
                    });
                }
            }
            _ => {}
        }
    }
}

/// The parts of the name of what is dropped.
fn listed(object: &Node) -> Vec<String> {
    match &object.node {
        Some(node::Node::List(list)) => strings(&list.items),
        Some(node::Node::String(name)) => vec![name.sval.clone()],
        Some(node::Node::TypeName(name)) => strings(&name.names),
        Some(node::Node::ObjectWithArgs(function)) => strings(&function.objname),
        _ => Vec::new(),
    }
}

/// A trigger, policy or rule: the last name, on the table before it.
fn drop_of_table(catalog: &mut Catalog, kind: ObjectType, names: &[String]) {
    let [above @ .., name] = names else { return };
    let (schema, table) = match above {
        [table] => (None, table),
        [.., schema, table] => (Some(schema.as_str()), table),
        [] => return,
    };
    let Some(table) = catalog.resolve(schema, table).map(|relation| relation.name.clone()) else {
        return;
    };
    match kind {
        ObjectType::ObjectTrigger => {
            let family: Vec<QualifiedName> = catalog
                .relation(&table)
                .map(|r| catalog.family(r).into_iter().map(|r| r.name.clone()).collect())
                .unwrap_or_default();
            for table in family {
                if let Some(relation) = catalog.relations.get_mut(&table) {
                    relation.triggers.retain(|known| known.name != *name);
                    relation.constraints.retain(|known| {
                        known.kind != ConstraintKind::Trigger || known.name != *name
                    });
                }
            }
        }
        ObjectType::ObjectPolicy => {
            let called = format!("policy {} on {table}", quote_ident(name));
            catalog.forget_dependants(|dependant| dependant.name == called);
            if let Some(relation) = catalog.relations.get_mut(&table) {
                relation.policies.retain(|known| known.name != *name);
            }
        }
        _ => {
            let called = format!("rule {} on {table}", quote_ident(name));
            catalog.forget_dependants(|dependant| dependant.name == called);
            if let Some(relation) = catalog.relations.get_mut(&table) {
                relation.rules.retain(|known| known != name);
            }
        }
    }
}

pub(super) fn drop_relation(catalog: &mut Catalog, name: &QualifiedName) {
    let Some(gone) = catalog.relations.remove(name) else { return };
    catalog.types.remove(name);
    for child in &gone.children {
        drop_relation(catalog, child);
    }
    for parent in &gone.parents {
        if let Some(above) = catalog.relations.get_mut(parent) {
            above.children.retain(|child| child != name);
        }
    }
    catalog.forget_dependants(|dependant| dependant.relation.as_ref() == Some(name));
    for dependant in &gone.dependants {
        drop_dependant(catalog, dependant);
    }
    drop_type(catalog, name);
    for relation in catalog.relations.values_mut() {
        relation.constraints.retain(|known| known.references.as_ref() != Some(name));
    }
}

/// What hangs on something that is dropped.
fn drop_dependant(catalog: &mut Catalog, dependant: &Dependant) {
    if dependant.kind == DependantKind::Function {
        super::program::drop_named(catalog, &dependant.name);
    }
    let Some(relation) = &dependant.relation else { return };
    match dependant.kind {
        DependantKind::View | DependantKind::MaterializedView | DependantKind::Sequence => {
            drop_relation(catalog, relation);
        }
        DependantKind::GeneratedColumn => {
            if let Some(column) = column_called(catalog, relation, "column ", &dependant.name) {
                drop_column(catalog, relation, &column, true);
            }
        }
        DependantKind::ColumnDefault => {
            let column = column_called(catalog, relation, "default of ", &dependant.name);
            if let Some(column) = column
                && let Some(column) = super::column::column_mut(catalog, relation, &column)
            {
                column.default = None;
                column.default_is_volatile = false;
            }
        }
        DependantKind::Policy | DependantKind::Rule | DependantKind::Trigger => {
            let Some(known) = catalog.relations.get_mut(relation) else { return };
            let called = |kind: &str, name: &str| {
                dependant.name == format!("{kind} {} on {relation}", quote_ident(name))
            };
            known.policies.retain(|policy| !called("policy", &policy.name));
            known.rules.retain(|rule| !called("rule", rule));
            known.triggers.retain(|trigger| !called("trigger", &trigger.name));
        }
        DependantKind::ForeignKey => {
            let Some(known) = catalog.relations.get_mut(relation) else { return };
            known.constraints.retain(|constraint| {
                let name = quote_ident(&constraint.name);
                dependant.name != format!("foreign key {name} on {relation}")
            });
        }
        DependantKind::Function
        | DependantKind::Publication
        | DependantKind::PartitionKey
        | DependantKind::Other => {}
    }
}

/// The column that a dependant of this name is about.
fn column_called(
    catalog: &Catalog,
    relation: &QualifiedName,
    prefix: &str,
    name: &str,
) -> Option<String> {
    catalog
        .relation(relation)?
        .columns
        .iter()
        .map(|column| column.name.clone())
        .find(|column| name == format!("{prefix}{relation}.{}", quote_ident(column)))
}

pub(super) fn drop_column(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: &str,
    recurses: bool,
) {
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    if relation.column(name).is_none() {
        return;
    }
    let holds = |columns: &[String]| columns.iter().any(|column| column == name);
    relation.columns.retain(|column| column.name != name);
    let indexes: Vec<String> = relation
        .indexes
        .iter()
        .filter(|index| holds(&index.columns))
        .map(|index| index.name.clone())
        .collect();
    let constraints: Vec<String> = relation
        .constraints
        .iter()
        .filter(|constraint| {
            holds(&constraint.columns)
                || constraint.index.as_ref().is_some_and(|index| {
                    constraint.kind != ConstraintKind::ForeignKey && indexes.contains(index)
                })
        })
        .map(|constraint| constraint.name.clone())
        .collect();
    relation.triggers.retain(|trigger| !holds(&trigger.columns));
    relation.policies.retain(|policy| !holds(&policy.columns));
    relation.statistics.retain(|object| !holds(&object.columns));
    let children = relation.children.clone();
    let dependants: Vec<Dependant> =
        relation.dependants.iter().filter(|dependant| holds(&dependant.columns)).cloned().collect();
    relation.dependants.retain(|dependant| !holds(&dependant.columns));
    for constraint in constraints {
        // Children keep their copies, which stay marked as inherited unless the column goes there too.
        take_constraint(catalog, table, &constraint);
    }
    for index in indexes {
        drop_index(catalog, table, &index);
    }
    for dependant in &dependants {
        drop_dependant(catalog, dependant);
    }
    let prefixes = ["default of ", "column "];
    let called = prefixes.map(|prefix| format!("{prefix}{table}.{}", quote_ident(name)));
    catalog.forget_dependants(|dependant| called.contains(&dependant.name));
    for child in children {
        if recurses {
            drop_column(catalog, &child, name, true);
        } else {
            leave_column(catalog, &child, name);
        }
    }
}

/// The column of a child stays, inherited from another parent or its own.
fn leave_column(catalog: &mut Catalog, child: &QualifiedName, name: &str) {
    let Some(relation) = catalog.relation(child) else { return };
    let has = |parent: &QualifiedName| {
        catalog.relation(parent).is_some_and(|above| above.column(name).is_some())
    };
    let inherited = relation.parents.iter().any(has);
    if let Some(column) = super::column::column_mut(catalog, child, name) {
        column.inherited = inherited;
    }
}

pub(super) fn drop_owned_sequences(catalog: &mut Catalog, table: &QualifiedName, column: &str) {
    let owned: Vec<QualifiedName> = catalog
        .relations
        .values()
        .filter(|relation| {
            relation.owned_by.as_ref().is_some_and(|(owner, name)| owner == table && name == column)
        })
        .map(|relation| relation.name.clone())
        .collect();
    for sequence in owned {
        drop_relation(catalog, &sequence);
    }
}

/// `DROP IDENTITY`: another sequence that the column owns stays.
pub(super) fn drop_identity_sequence(catalog: &mut Catalog, table: &QualifiedName, column: &str) {
    match catalog.identity_sequence(table, column).map(|sequence| sequence.name.clone()) {
        Some(sequence) => drop_relation(catalog, &sequence),
        None => drop_owned_sequences(catalog, table, column),
    }
}

pub(super) fn drop_constraint(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: &str,
    recurses: bool,
) {
    let Some(gone) = take_constraint(catalog, table, name) else { return };
    let children = catalog.relation(table).map(|relation| relation.children.clone());
    for child in children.unwrap_or_default() {
        drop_inherited(catalog, &child, &gone, recurses);
    }
}

/// Removes a constraint and what stands behind it from one table.
fn take_constraint(catalog: &mut Catalog, table: &QualifiedName, name: &str) -> Option<Constraint> {
    let relation = catalog.relations.get_mut(table)?;
    let at = relation.constraints.iter().position(|known| known.name == name)?;
    let gone = relation.constraints.remove(at);
    match gone.kind {
        ConstraintKind::NotNull => {
            for column in &mut relation.columns {
                column.not_null &= !gone.columns.contains(&column.name);
            }
        }
        ConstraintKind::ForeignKey => {
            let called = format!("foreign key {} on {table}", quote_ident(name));
            catalog.forget_dependants(|dependant| dependant.name == called);
        }
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclude => {
            if let Some(index) = &gone.index {
                drop_index(catalog, table, index);
            }
        }
        ConstraintKind::Check | ConstraintKind::Trigger => {}
    }
    Some(gone)
}

/// The copy of a constraint that a child has goes along, or becomes the child's own.
fn drop_inherited(catalog: &mut Catalog, child: &QualifiedName, gone: &Constraint, recurses: bool) {
    let same = |known: &Constraint| {
        let named = gone.kind != ConstraintKind::NotNull;
        known.inherited
            && known.kind == gone.kind
            && known.columns == gone.columns
            && (!named || known.name == gone.name)
    };
    let Some(relation) = catalog.relations.get_mut(child) else { return };
    let Some(copy) = relation.constraints.iter_mut().find(|known| same(known)) else { return };
    if recurses {
        let name = copy.name.clone();
        drop_constraint(catalog, child, &name, true);
    } else {
        copy.inherited = false;
    }
}

/// An index with the indexes of partitions that belong to it, and the constraints behind which it
/// stands or on which a foreign key leans.
pub(super) fn drop_index(catalog: &mut Catalog, table: &QualifiedName, name: &str) {
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    relation.indexes.retain(|index| index.name != name);
    relation.constraints.retain(|constraint| {
        constraint.kind == ConstraintKind::ForeignKey || constraint.index.as_deref() != Some(name)
    });
    if relation.replica_identity == ReplicaIdentity::Index(name.to_owned()) {
        // As the server leaves it: set to an index that is gone.
        relation.replica_identity = ReplicaIdentity::Index(String::new());
    }
    let mut leaning = Vec::new();
    let mut below = Vec::new();
    let gone = table.sibling(name);
    for relation in catalog.relations.values() {
        for constraint in &relation.constraints {
            let leans = constraint.kind == ConstraintKind::ForeignKey
                && constraint.references.as_ref() == Some(table)
                && constraint.index.as_deref() == Some(name);
            if leans {
                leaning.push((relation.name.clone(), constraint.name.clone()));
            }
        }
        for index in relation.indexes.iter().filter(|index| index.parent.as_ref() == Some(&gone)) {
            below.push((relation.name.clone(), index.name.clone()));
        }
    }
    for (table, constraint) in leaning {
        drop_constraint(catalog, &table, &constraint, true);
    }
    for (table, index) in below {
        drop_index(catalog, &table, &index);
    }
}

/// A type and the columns that are of it.
pub(super) fn drop_type(catalog: &mut Catalog, name: &QualifiedName) {
    catalog.types.remove(name);
    catalog.relations.remove(name);
    let columns: Vec<(QualifiedName, String)> = catalog
        .relations
        .values()
        .flat_map(|relation| {
            relation
                .columns
                .iter()
                .filter(|column| column.user_type.as_ref() == Some(name))
                .map(|column| (relation.name.clone(), column.name.clone()))
        })
        .collect();
    for (table, column) in columns {
        drop_column(catalog, &table, &column, true);
    }
}

fn drop_extension(catalog: &mut Catalog, name: &str) {
    catalog.extensions.remove(name);
    let Some(members) = catalog.extension_members.remove(name) else { return };
    for relation in &members.relations {
        drop_relation(catalog, relation);
    }
    for kind in &members.types {
        drop_type(catalog, kind);
    }
}
