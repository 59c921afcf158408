//! Enums, domains, composite types and ranges.

use super::{create_table, rename_text};
use crate::catalog::type_name::strings;
use crate::catalog::{Catalog, Function, RelationKind, TypeDef, Volatility, names, type_name};
use crate::sql::{QualifiedName, deparse};
use pg_query::protobuf::{
    AlterDomainStmt, AlterEnumStmt, CompositeTypeStmt, ConstrType, CreateDomainStmt,
    CreateEnumStmt, CreateRangeStmt, Node, node,
};

/// The type that a name means.
pub(super) fn resolve(catalog: &Catalog, names: &[String]) -> Option<QualifiedName> {
    match names {
        [.., schema, name] => Some(QualifiedName::new(schema, name)),
        [name] => catalog
            .server
            .search_path
            .iter()
            .map(|schema| QualifiedName::new(schema, name))
            .find(|name| catalog.types.contains_key(name)),
        [] => None,
    }
    .filter(|name| catalog.types.contains_key(name))
}

pub(super) fn create_enum(catalog: &mut Catalog, create: &CreateEnumStmt) {
    if let Some(name) = catalog.created_from_list(&strings(&create.type_name)) {
        catalog.types.insert(name, TypeDef::Enum { labels: strings(&create.vals) });
    }
}

pub(super) fn alter_enum(catalog: &mut Catalog, alter: &AlterEnumStmt) {
    let Some(name) = resolve(catalog, &strings(&alter.type_name)) else { return };
    let Some(TypeDef::Enum { labels }) = catalog.types.get_mut(&name) else { return };
    if !alter.old_val.is_empty() {
        for label in labels.iter_mut().filter(|label| **label == alter.old_val) {
            label.clone_from(&alter.new_val);
        }
        return rename_label(catalog, &name, &alter.old_val, &alter.new_val);
    }
    if labels.contains(&alter.new_val) {
        return;
    }
    let neighbor = labels.iter().position(|label| *label == alter.new_val_neighbor);
    let at = match neighbor {
        Some(at) if alter.new_val_is_after => at + 1,
        Some(at) => at,
        None => labels.len(),
    };
    labels.insert(at, alter.new_val.clone());
}

/// What is kept as text says the new label, as the server prints it from then on.
fn rename_label(catalog: &mut Catalog, of: &QualifiedName, from: &str, to: &str) {
    let put = |text: &mut String| *text = rename_text::label(text, of, from, to);
    for relation in catalog.relations.values_mut() {
        for column in &mut relation.columns {
            column.default.iter_mut().for_each(put);
        }
        for constraint in &mut relation.constraints {
            put(&mut constraint.definition);
            constraint.expression.iter_mut().for_each(put);
        }
        for index in &mut relation.indexes {
            put(&mut index.definition);
            index.predicate.iter_mut().for_each(put);
        }
        for policy in &mut relation.policies {
            put(&mut policy.definition);
        }
        for trigger in &mut relation.triggers {
            put(&mut trigger.definition);
        }
        for object in &mut relation.statistics {
            put(&mut object.definition);
        }
        relation.view_definition.iter_mut().for_each(put);
    }
}

pub(super) fn create_domain(catalog: &mut Catalog, create: &CreateDomainStmt) {
    let Some(name) = catalog.created_from_list(&strings(&create.domainname)) else { return };
    let base = create.type_name.as_ref().map(|base| type_name(base, catalog));
    // The default of a domain below is copied.
    let inherited = create.type_name.as_ref().and_then(|base| catalog.domain_default(base));
    let domain = TypeDef::Domain {
        base: base.unwrap_or_default(),
        not_null: false,
        default: inherited.map(str::to_owned),
        checks: Vec::new(),
    };
    catalog.types.insert(name.clone(), domain);
    for item in &create.constraints {
        add_constraint(catalog, &name, item);
    }
}

/// Puts a constraint or default into a domain.
fn add_constraint(catalog: &mut Catalog, domain: &QualifiedName, item: &Node) {
    let Some(node::Node::Constraint(clause)) = &item.node else { return };
    let expression = clause.raw_expr.as_deref().map(deparse::expression);
    let name = if clause.conname.is_empty() {
        names::domain_check_name(catalog, domain)
    } else {
        names::truncated(&clause.conname)
    };
    let Some(TypeDef::Domain { not_null, default, checks, .. }) = catalog.types.get_mut(domain)
    else {
        return;
    };
    match clause.contype() {
        ConstrType::ConstrNotnull => *not_null = true,
        ConstrType::ConstrNull => *not_null = false,
        ConstrType::ConstrDefault => *default = expression,
        ConstrType::ConstrCheck => {
            let valid = if clause.skip_validation { " NOT VALID" } else { "" };
            checks.push(format!("{name} CHECK (({})){valid}", expression.unwrap_or_default()));
            checks.sort();
        }
        _ => {}
    }
}

pub(super) fn alter_domain(catalog: &mut Catalog, alter: &AlterDomainStmt) {
    let Some(name) = resolve(catalog, &strings(&alter.type_name)) else { return };
    if alter.subtype == "C" {
        if let Some(item) = alter.def.as_deref() {
            add_constraint(catalog, &name, item);
        }
        return;
    }
    let Some(TypeDef::Domain { not_null, default, checks, .. }) = catalog.types.get_mut(&name)
    else {
        return;
    };
    match alter.subtype.as_str() {
        "T" => *default = alter.def.as_deref().map(deparse::expression),
        "N" => *not_null = false,
        "O" => *not_null = true,
        "X" => checks.retain(|check| !names::has_name(check, &alter.name)),
        "V" => {
            for check in checks.iter_mut().filter(|check| names::has_name(check, &alter.name)) {
                if let Some(valid) = check.strip_suffix(" NOT VALID") {
                    *check = valid.to_owned();
                }
            }
        }
        _ => {}
    }
}

pub(super) fn rename_check(catalog: &mut Catalog, domain: &QualifiedName, from: &str, to: &str) {
    let Some(TypeDef::Domain { checks, .. }) = catalog.types.get_mut(domain) else { return };
    for check in checks.iter_mut().filter(|check| names::has_name(check, from)) {
        *check = format!("{to}{}", &check[from.len()..]);
    }
    checks.sort();
}

pub(super) fn create_composite(catalog: &mut Catalog, create: &CompositeTypeStmt) {
    let Some(range) = &create.typevar else { return };
    let name = catalog.created_name(range);
    let mut relation = catalog.new_relation(&name, RelationKind::CompositeType);
    relation.columns = create_table::composite_columns(catalog, &create.coldeflist);
    catalog.relations.insert(name.clone(), relation);
    catalog.types.insert(name, TypeDef::Composite);
}

pub(super) fn create_range(catalog: &mut Catalog, create: &CreateRangeStmt) {
    let Some(name) = catalog.created_from_list(&strings(&create.type_name)) else { return };
    let given = create.params.iter().find_map(|item| match &item.node {
        Some(node::Node::DefElem(element)) if element.defname == "multirange_type_name" => {
            match element.arg.as_ref()?.node.as_ref()? {
                node::Node::TypeName(given) => catalog.created_from_list(&strings(&given.names)),
                _ => None,
            }
        }
        _ => None,
    });
    // The server puts "multi" before the word "range", or a word behind the name.
    let multirange = given.unwrap_or_else(|| match name.name.rfind("range") {
        Some(at) => name.sibling(format!("{}multi{}", &name.name[..at], &name.name[at..])),
        None => name.sibling(names::object_name(&name.name, None, "multirange")),
    });
    let subtype = create.params.iter().find_map(|item| match &item.node {
        Some(node::Node::DefElem(element)) if element.defname == "subtype" => {
            match element.arg.as_ref()?.node.as_ref()? {
                node::Node::TypeName(subtype) => Some(type_name(subtype, catalog)),
                _ => None,
            }
        }
        _ => None,
    });
    let bound = subtype.unwrap_or_default();
    // Functions that make values of the new types.
    for (of, arguments) in [
        (&name, format!("{bound}, {bound}")),
        (&name, format!("{bound}, {bound}, text")),
        (&multirange, String::new()),
        (&multirange, format!("VARIADIC {name}[]")),
        (&multirange, name.to_string()),
    ] {
        catalog.functions.entry(of.name.clone()).or_default().push(Function {
            schema: of.schema.clone(),
            arguments,
            volatility: Volatility::Immutable,
            language: "internal".to_owned(),
            defaults: None,
            routine: None,
        });
    }
    catalog.types.insert(name, TypeDef::Range);
    catalog.types.insert(multirange, TypeDef::Other);
}
