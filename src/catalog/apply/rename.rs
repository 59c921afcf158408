//! `RENAME` of everything, and the move of a relation to another name or schema.

use super::{index, rename_text, schema};
use crate::catalog::type_name::strings;
use crate::catalog::{Catalog, ConstraintKind, Dependant, DependantKind, Relation, TypeDef, names};
use crate::sql::{QualifiedName, quote_ident};
use pg_query::protobuf::{ObjectType, RenameStmt, node};

pub(super) fn rename(catalog: &mut Catalog, rename: &RenameStmt) {
    let (from, to) = (rename.subname.as_str(), names::truncated(&rename.newname));
    let table = catalog.target(rename.relation.as_ref());
    match rename.rename_type() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectIndex => match table {
            Some(table) => move_relation(catalog, &table, &table.sibling(to)),
            None => rename_index(catalog, rename, &to),
        },
        ObjectType::ObjectColumn | ObjectType::ObjectAttribute => {
            if let Some(table) = table {
                rename_column(catalog, &table, from, &to);
            }
        }
        ObjectType::ObjectTabconstraint => {
            if let Some(table) = table {
                rename_constraint(catalog, &table, from, &to);
            }
        }
        ObjectType::ObjectTrigger | ObjectType::ObjectPolicy | ObjectType::ObjectRule => {
            if let Some(table) = table {
                rename_of_table(catalog, &table, rename.rename_type(), from, &to);
            }
        }
        ObjectType::ObjectSchema => schema::rename(catalog, from, &to),
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            if let Some(name) = super::types::resolve(catalog, &object_names(rename)) {
                rename_type(catalog, &name, &name.sibling(to));
            }
        }
        ObjectType::ObjectDomconstraint => {
            if let Some(name) = super::types::resolve(catalog, &object_names(rename)) {
                super::types::rename_check(catalog, &name, from, &to);
            }
        }
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
            if let Some(object) = rename.object.as_deref() {
                super::program::rename_function(catalog, object, &to);
            }
        }
        ObjectType::ObjectStatisticExt => rename_statistics(catalog, &object_names(rename), &to),
        _ => {}
    }
}

fn object_names(rename: &RenameStmt) -> Vec<String> {
    match rename.object.as_deref().and_then(|object| object.node.as_ref()) {
        Some(node::Node::List(list)) => strings(&list.items),
        Some(node::Node::TypeName(name)) => strings(&name.names),
        _ => Vec::new(),
    }
}

fn rename_index(catalog: &mut Catalog, rename: &RenameStmt, to: &str) {
    let Some(range) = &rename.relation else { return };
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    let found = catalog
        .resolve_index(schema, &range.relname)
        .map(|(table, index)| (table.name.clone(), index.name.clone()));
    if let Some((table, name)) = found {
        index::rename(catalog, &table, &name, to);
    }
}

/// Gives a relation another name, schema or both, everywhere.
pub(super) fn move_relation(catalog: &mut Catalog, from: &QualifiedName, to: &QualifiedName) {
    let Some(mut moved) = catalog.relations.remove(from) else { return };
    moved.name = to.clone();
    let schema_changes = from.schema != to.schema;
    index::redefine(&mut moved);
    let indexes: Vec<String> = moved.indexes.iter().map(|index| index.name.clone()).collect();
    catalog.relations.insert(to.clone(), moved);
    rename_type(catalog, from, to);
    catalog.relations.references_moved(from, to);
    for relation in catalog.relations.values_mut() {
        follow(relation, from, to);
        for index in &mut relation.indexes {
            if schema_changes
                && let Some(parent) = &mut index.parent
                && parent.schema == from.schema
                && indexes.contains(&parent.name)
            {
                parent.schema.clone_from(&to.schema);
            }
        }
    }
}

/// Changes every mention of relation `from` in another relation, or in itself.
fn follow(relation: &mut Relation, from: &QualifiedName, to: &QualifiedName) {
    let own = relation.name == *to;
    for name in relation.parents.iter_mut().chain(&mut relation.children) {
        if name == from {
            name.clone_from(to);
        }
    }
    relation.children.sort();
    if let Some((owner, _)) = &mut relation.owned_by
        && owner == from
    {
        owner.clone_from(to);
    }
    for constraint in &mut relation.constraints {
        if constraint.references.as_ref() == Some(from) {
            constraint.references = Some(to.clone());
            constraint.definition = rename_text::relation(&constraint.definition, from, to);
        }
    }
    for column in &mut relation.columns {
        if let Some(default) = &mut column.default {
            *default = rename_text::relation(default, from, to);
        }
    }
    if let Some(definition) = &mut relation.view_definition {
        *definition = rename_text::relation(definition, from, to);
    }
    for policy in &mut relation.policies {
        policy.definition = rename_text::relation(&policy.definition, from, to);
    }
    if own {
        for trigger in &mut relation.triggers {
            trigger.definition = rename_text::relation(&trigger.definition, from, to);
        }
        for object in &mut relation.statistics {
            object.definition = rename_text::relation(&object.definition, from, to);
        }
    }
    for dependant in &mut relation.dependants {
        if dependant.relation.as_ref() == Some(from) {
            dependant.relation = Some(to.clone());
            dependant.name = dependant_name(dependant, from, to);
        }
    }
    relation.dependants.sort();
}

/// What a dependant is called after its relation was renamed.
fn dependant_name(dependant: &Dependant, from: &QualifiedName, to: &QualifiedName) -> String {
    let (old, new) = (from.to_string(), to.to_string());
    let name = &dependant.name;
    match dependant.kind {
        DependantKind::View | DependantKind::MaterializedView | DependantKind::Sequence => new,
        DependantKind::Policy
        | DependantKind::Rule
        | DependantKind::Trigger
        | DependantKind::ForeignKey
        | DependantKind::PartitionKey => {
            name.strip_suffix(&old).map_or(name.clone(), |rest| format!("{rest}{new}"))
        }
        DependantKind::GeneratedColumn | DependantKind::ColumnDefault => {
            name.replacen(&format!(" {old}."), &format!(" {new}."), 1)
        }
        DependantKind::Function | DependantKind::Publication | DependantKind::Other => name.clone(),
    }
}

/// Gives a type, or the row type of a relation, another name.
pub(super) fn rename_type(catalog: &mut Catalog, from: &QualifiedName, to: &QualifiedName) {
    if let Some(definition) = catalog.types.remove(from) {
        if definition == TypeDef::Composite
            && let Some(mut relation) = catalog.relations.remove(from)
        {
            relation.name = to.clone();
            catalog.relations.insert(to.clone(), relation);
        }
        catalog.types.insert(to.clone(), definition);
    }
    for relation in catalog.relations.values_mut() {
        for column in &mut relation.columns {
            if column.user_type.as_ref() == Some(from) {
                column.user_type = Some(to.clone());
                column.type_name = rename_text::relation(&column.type_name, from, to);
            }
        }
        for dependant in &mut relation.dependants {
            if dependant.kind == DependantKind::Function {
                dependant.name = rename_text::relation(&dependant.name, from, to);
            }
        }
    }
    for function in catalog.functions.values_mut().flatten() {
        if function.schema != "pg_catalog" {
            function.arguments = rename_text::relation(&function.arguments, from, to);
        }
    }
}

pub(super) fn rename_column(catalog: &mut Catalog, table: &QualifiedName, from: &str, to: &str) {
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    if relation.column(from).is_none() {
        return;
    }
    let children = relation.children.clone();
    rename_in_table(relation, from, to);
    let called = [("column ", from, to), ("default of ", from, to)].map(|(prefix, from, to)| {
        let name = |column: &str| format!("{prefix}{table}.{}", quote_ident(column));
        (name(from), name(to))
    });
    for relation in catalog.relations.values_mut() {
        for constraint in &mut relation.constraints {
            if constraint.references.as_ref() == Some(table) {
                replace(&mut constraint.referenced_columns, from, to);
                constraint.definition =
                    rename_referenced(&constraint.definition, &table.name, from, to);
            }
        }
        if let Some((owner, column)) = &mut relation.owned_by
            && owner == table
            && column == from
        {
            to.clone_into(column);
        }
        for dependant in &mut relation.dependants {
            for (old, new) in &called {
                if dependant.name == *old {
                    dependant.name.clone_from(new);
                }
            }
        }
        relation.dependants.sort();
    }
    for child in children {
        rename_column(catalog, &child, from, to);
    }
}

/// Renames in the part of a foreign key's definition that is about the other table.
fn rename_referenced(definition: &str, table: &str, from: &str, to: &str) -> String {
    let Some(at) = definition.find(" REFERENCES ") else { return definition.to_owned() };
    let (own, other) = definition.split_at(at);
    let Some(open) = other.find('(') else { return definition.to_owned() };
    let (head, columns) = other.split_at(open);
    let close = columns.find(')').unwrap_or(columns.len());
    let (columns, rest) = columns.split_at(close);
    format!("{own}{head}{}{rest}", rename_text::column(columns, table, from, to))
}

fn replace(names: &mut [String], from: &str, to: &str) {
    for name in names.iter_mut().filter(|name| *name == from) {
        to.clone_into(name);
    }
}

fn rename_in_table(relation: &mut Relation, from: &str, to: &str) {
    let table = relation.name.name.clone();
    let text = |text: &mut String| *text = rename_text::column(text, &table, from, to);
    for column in &mut relation.columns {
        if column.name == from {
            to.clone_into(&mut column.name);
        }
        if let Some(generated) = &mut column.generated {
            text(&mut generated.expression);
        }
    }
    for constraint in &mut relation.constraints {
        replace(&mut constraint.columns, from, to);
        constraint.expression.as_mut().map(&text);
        // The part about the other table has columns of its own.
        let end = constraint.definition.find(" REFERENCES ").unwrap_or(constraint.definition.len());
        let (own, other) = constraint.definition.split_at(end);
        let own = rename_text::column(own, &table, from, to);
        constraint.definition = format!("{own}{other}");
    }
    for index in &mut relation.indexes {
        for key in index.keys.iter_mut().flatten().filter(|key| *key == from) {
            to.clone_into(key);
        }
        replace(&mut index.include, from, to);
        replace(&mut index.columns, from, to);
        index.predicate.as_mut().map(&text);
        text(&mut index.definition);
    }
    for trigger in &mut relation.triggers {
        replace(&mut trigger.update_of, from, to);
        replace(&mut trigger.columns, from, to);
        text(&mut trigger.definition);
    }
    for policy in &mut relation.policies {
        replace(&mut policy.columns, from, to);
        text(&mut policy.definition);
    }
    for object in &mut relation.statistics {
        replace(&mut object.columns, from, to);
        text(&mut object.definition);
    }
    relation.partition_key.as_mut().map(&text);
    for dependant in &mut relation.dependants {
        replace(&mut dependant.columns, from, to);
        dependant.columns.sort();
    }
    relation.dependants.sort();
}

fn rename_constraint(catalog: &mut Catalog, table: &QualifiedName, from: &str, to: &str) {
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    let Some(known) = relation.constraints.iter_mut().find(|known| known.name == from) else {
        return;
    };
    let (kind, children) = (known.kind, relation.children.clone());
    match kind {
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclude => {
            index::rename(catalog, table, from, to);
        }
        ConstraintKind::Check
        | ConstraintKind::NotNull
        | ConstraintKind::ForeignKey
        | ConstraintKind::Trigger => {
            to.clone_into(&mut known.name);
            relation.constraints.sort_by(|a, b| a.name.cmp(&b.name));
            let name = |of: &str| format!("foreign key {} on {table}", quote_ident(of));
            rename_dependants(catalog, &name(from), &name(to));
        }
    }
    if matches!(kind, ConstraintKind::Check | ConstraintKind::NotNull) {
        for child in children {
            rename_constraint(catalog, &child, from, to);
        }
    }
}

fn rename_dependants(catalog: &mut Catalog, from: &str, to: &str) {
    for relation in catalog.relations.values_mut() {
        for dependant in relation.dependants.iter_mut().filter(|known| known.name == from) {
            to.clone_into(&mut dependant.name);
        }
        relation.dependants.sort();
    }
}

fn rename_of_table(
    catalog: &mut Catalog,
    table: &QualifiedName,
    kind: ObjectType,
    from: &str,
    to: &str,
) {
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    let word = match kind {
        ObjectType::ObjectTrigger => {
            for trigger in relation.triggers.iter_mut().filter(|known| known.name == from) {
                trigger.name = to.to_owned();
                trigger.definition = renamed_definition(&trigger.definition, "TRIGGER", from, to);
            }
            relation.triggers.sort_by(|a, b| a.name.cmp(&b.name));
            "trigger"
        }
        ObjectType::ObjectPolicy => {
            for policy in relation.policies.iter_mut().filter(|known| known.name == from) {
                policy.name = to.to_owned();
                policy.definition = renamed_definition(&policy.definition, "POLICY", from, to);
            }
            relation.policies.sort_by(|a, b| a.name.cmp(&b.name));
            "policy"
        }
        _ => {
            replace(&mut relation.rules, from, to);
            relation.rules.sort();
            "rule"
        }
    };
    let name = |of: &str| format!("{word} {} on {table}", quote_ident(of));
    rename_dependants(catalog, &name(from), &name(to));
}

/// The definition with the name behind its first word changed.
fn renamed_definition(definition: &str, word: &str, from: &str, to: &str) -> String {
    let old = format!("{word} {} ", quote_ident(from));
    definition.replacen(&old, &format!("{word} {} ", quote_ident(to)), 1)
}

fn rename_statistics(catalog: &mut Catalog, names: &[String], to: &str) {
    let Some(name) = names.last() else { return };
    let schema = names.len().checked_sub(2).map(|at| names[at].as_str());
    for relation in catalog.relations.values_mut() {
        for object in &mut relation.statistics {
            if object.name.name == *name && schema.is_none_or(|s| object.name.schema == s) {
                object.name = object.name.sibling(to);
            }
        }
    }
}
