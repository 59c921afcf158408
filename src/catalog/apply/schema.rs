//! Schemas, the search path, owners and sequences.

use super::column;
use super::rename::{move_relation, rename_type};
use crate::catalog::type_name::strings;
use crate::catalog::{Catalog, Function, RelationKind, ReplicaIdentity};
use crate::sql::QualifiedName;
use crate::sql::setting::{Setting, Value, setting};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterObjectSchemaStmt, AlterOwnerStmt, AlterSeqStmt, CreateSchemaStmt, CreateSeqStmt, Node,
    ObjectType, RoleSpec, RoleSpecType, VariableSetKind, VariableSetStmt, a_const, node,
};

/// The setting of `search_path` when nothing else is set.
const DEFAULT_SEARCH_PATH: &str = "\"$user\", public";

const SEARCH_PATH: &str = "search_path";
const TIME_ZONE: &str = "TimeZone";

pub(super) fn create(catalog: &mut Catalog, create: &CreateSchemaStmt) {
    let name = match &create.authrole {
        Some(role) if create.schemaname.is_empty() => role_name(catalog, role),
        _ => create.schemaname.clone(),
    };
    if name.is_empty() {
        return;
    }
    catalog.schemas.insert(name.clone());
    find_path(catalog);
    // Objects made in the same statement are made in the new schema.
    let path = catalog.server.search_path.clone();
    catalog.server.search_path.insert(0, name.clone());
    for element in &elements(create, &name) {
        catalog.apply_node(element);
    }
    catalog.server.search_path = path;
}

/// What `create` makes inside the schema `name`, in the server's order, which is not the written
/// one: sequences, tables, views, indexes, triggers, grants (`transformCreateSchemaStmtElements`).
pub fn elements(create: &CreateSchemaStmt, name: &str) -> Vec<node::Node> {
    let mut ranked: Vec<(u8, node::Node)> = Vec::new();
    for element in create.schema_elts.iter().filter_map(|element| element.node.clone()) {
        let mut element = element;
        let (rank, relation) = match &mut element {
            node::Node::CreateSeqStmt(sequence) => (0, sequence.sequence.as_mut()),
            node::Node::CreateStmt(table) => (1, table.relation.as_mut()),
            node::Node::ViewStmt(view) => (2, view.view.as_mut()),
            node::Node::IndexStmt(index) => (3, index.relation.as_mut()),
            node::Node::CreateTrigStmt(trigger) => (4, trigger.relation.as_mut()),
            _ => (5, None),
        };
        if let Some(relation) = relation.filter(|relation| relation.schemaname.is_empty()) {
            name.clone_into(&mut relation.schemaname);
        }
        ranked.push((rank, element));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, element)| element).collect()
}

pub(super) fn drop(catalog: &mut Catalog, schema: &str) {
    let relations: Vec<QualifiedName> =
        catalog.relations.keys().filter(|name| name.schema == schema).cloned().collect();
    for name in relations {
        super::drop::drop_relation(catalog, &name);
    }
    let types: Vec<QualifiedName> =
        catalog.types.keys().filter(|name| name.schema == schema).cloned().collect();
    for name in types {
        super::drop::drop_type(catalog, &name);
    }
    each_function(catalog, |functions| functions.retain(|known| known.schema != schema));
    catalog.schemas.remove(schema);
    find_path(catalog);
}

pub(super) fn rename(catalog: &mut Catalog, from: &str, to: &str) {
    if !catalog.schemas.remove(from) {
        return;
    }
    catalog.schemas.insert(to.to_owned());
    let relations: Vec<QualifiedName> =
        catalog.relations.keys().filter(|name| name.schema == from).cloned().collect();
    for name in relations {
        move_relation(catalog, &name, &QualifiedName::new(to, &name.name));
    }
    let types: Vec<QualifiedName> =
        catalog.types.keys().filter(|name| name.schema == from).cloned().collect();
    for name in types {
        rename_type(catalog, &name, &QualifiedName::new(to, &name.name));
    }
    each_function(catalog, |functions| {
        for known in functions.iter_mut().filter(|known| known.schema == from) {
            to.clone_into(&mut known.schema);
        }
    });
    for relation in catalog.relations.values_mut() {
        for object in relation.statistics.iter_mut().filter(|known| known.name.schema == from) {
            to.clone_into(&mut object.name.schema);
        }
        for trigger in relation.triggers.iter_mut().filter(|known| known.function.schema == from) {
            to.clone_into(&mut trigger.function.schema);
        }
    }
    find_path(catalog);
}

fn each_function(catalog: &mut Catalog, mut change: impl FnMut(&mut Vec<Function>)) {
    catalog.functions.values_mut().for_each(&mut change);
    catalog.functions.retain(|_, functions| !functions.is_empty());
}

/// Settings that are followed, in the server's own spelling.
const FOLLOWED: [&str; 4] = [TIME_ZONE, "DateStyle", "IntervalStyle", "check_function_bodies"];

/// `SET search_path`, `SET TIME ZONE` and their kin, for the session or the transaction: a migration is read to its end.
pub(super) fn set_variable(catalog: &mut Catalog, set: &VariableSetStmt) {
    let all = set.kind() == VariableSetKind::VarResetAll;
    for name in FOLLOWED {
        if !set.name.eq_ignore_ascii_case(name) && !all {
            continue;
        }
        let words: Vec<String> = set.args.iter().filter_map(word).collect();
        // What it was before, and what the role's own is, is not known: no zone is not UTC.
        if words.is_empty() || all {
            catalog.server.settings.remove(name);
        } else {
            catalog.server.settings.insert(name.to_owned(), shown(words.join(", ")));
        }
    }
    if set.name != SEARCH_PATH && !all {
        return;
    }
    let setting = match set.kind() {
        VariableSetKind::VarSetValue => {
            let names: Vec<String> = set.args.iter().filter_map(word).collect();
            // Written as the server's `SHOW` prints it.
            names.iter().map(|name| crate::sql::quote_ident(name)).collect::<Vec<_>>().join(", ")
        }
        VariableSetKind::VarSetDefault
        | VariableSetKind::VarReset
        | VariableSetKind::VarResetAll => DEFAULT_SEARCH_PATH.to_owned(),
        VariableSetKind::VarSetCurrent
        | VariableSetKind::VarSetMulti
        | VariableSetKind::Undefined => return,
    };
    catalog.server.settings.insert(SEARCH_PATH.to_owned(), setting);
    find_path(catalog);
}

/// `SELECT set_config(…)`, which is the same.
pub(super) fn set_config(catalog: &mut Catalog, node: &NodeEnum) {
    let Some(Setting { name, value: Value::To(value), .. }) = setting(node) else {
        return;
    };
    if name == SEARCH_PATH {
        catalog.server.settings.insert(SEARCH_PATH.to_owned(), value);
        find_path(catalog);
    } else if let Some(known) = FOLLOWED.iter().find(|one| one.eq_ignore_ascii_case(&name)) {
        catalog.server.settings.insert((*known).to_owned(), shown(value));
    }
}

/// A boolean as the server shows it.
fn shown(value: String) -> String {
    match value.to_ascii_lowercase().as_str() {
        "false" | "no" => "off".to_owned(),
        "true" | "yes" => "on".to_owned(),
        _ => value,
    }
}

fn word(argument: &Node) -> Option<String> {
    match argument.node.as_ref()? {
        node::Node::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Sval(text) => Some(text.sval.clone()),
            // `SET TIME ZONE 0`; of any other offset only that it is not zero is of interest.
            a_const::Val::Ival(number) => {
                Some(format!("<{:+03}>{:+03}", number.ival, -number.ival))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Works the effective search path out again: the schemas of the setting that exist.
fn find_path(catalog: &mut Catalog) {
    let Some(setting) = catalog.server.settings.get(SEARCH_PATH) else {
        let schemas = catalog.schemas.clone();
        catalog.server.search_path.retain(|schema| schemas.contains(schema));
        return;
    };
    let mut path = Vec::new();
    for name in split_path(setting) {
        let name = if name == "$user" { catalog.server.role.name.clone() } else { name };
        if catalog.schemas.contains(&name) && !path.contains(&name) {
            path.push(name);
        }
    }
    catalog.server.search_path = path;
}

/// The names in a value of `search_path`, which are separated by commas and may be quoted.
fn split_path(setting: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut quoted = false;
    let mut chars = setting.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(std::mem::take(&mut name)),
            c if c.is_whitespace() && !quoted => {}
            c if quoted => name.push(c),
            c => name.extend(c.to_lowercase()),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

/// The role that a statement names.
pub(super) fn role_name(catalog: &Catalog, role: &RoleSpec) -> String {
    match role.roletype() {
        RoleSpecType::RolespecCurrentRole
        | RoleSpecType::RolespecCurrentUser
        | RoleSpecType::RolespecSessionUser => catalog.server.role.name.clone(),
        RoleSpecType::RolespecCstring | RoleSpecType::RolespecPublic | RoleSpecType::Undefined => {
            role.rolename.clone()
        }
    }
}

pub(super) fn set_owner(catalog: &mut Catalog, alter: &AlterOwnerStmt) {
    let Some(role) = &alter.newowner else { return };
    let owner = role_name(catalog, role);
    if let Some(relation) = catalog.target(alter.relation.as_ref()) {
        give(catalog, &relation, &owner);
    }
}

/// Changes the owner of a relation and of the sequences that its columns own.
pub(super) fn give(catalog: &mut Catalog, name: &QualifiedName, owner: &str) {
    let role = &catalog.server.role;
    // A superuser owns everything, as far as permission goes. Whether we are a member of another
    // role is not in the catalog.
    let ours = role.superuser || role.name == owner;
    let owned =
        |of: &Option<(QualifiedName, String)>| of.as_ref().is_some_and(|(table, _)| table == name);
    for relation in catalog.relations.values_mut() {
        if relation.name == *name || owned(&relation.owned_by) {
            owner.clone_into(&mut relation.owner);
            relation.owned_by_us = ours;
        }
    }
}

pub(super) fn set_schema(catalog: &mut Catalog, alter: &AlterObjectSchemaStmt) {
    let schema = alter.newschema.as_str();
    if let Some(name) = catalog.target(alter.relation.as_ref()) {
        let owned: Vec<QualifiedName> = catalog
            .relations
            .values()
            .filter(|relation| relation.owned_by.as_ref().is_some_and(|(table, _)| *table == name))
            .map(|relation| relation.name.clone())
            .collect();
        for name in owned.into_iter().chain([name]) {
            move_relation(catalog, &name, &QualifiedName::new(schema, &name.name));
        }
        return;
    }
    let names = match alter.object.as_deref().and_then(|object| object.node.as_ref()) {
        Some(node::Node::List(list)) => strings(&list.items),
        Some(node::Node::TypeName(name)) => strings(&name.names),
        Some(node::Node::ObjectWithArgs(function)) => strings(&function.objname),
        _ => return,
    };
    match alter.object_type() {
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            if let Some(name) = super::types::resolve(catalog, &names) {
                rename_type(catalog, &name, &QualifiedName::new(schema, &name.name));
            }
        }
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
            if let Some(object) = alter.object.as_deref() {
                super::program::move_function(catalog, object, schema);
            }
        }
        _ => {}
    }
}

pub(super) fn create_sequence(catalog: &mut Catalog, create: &CreateSeqStmt) {
    let Some(range) = &create.sequence else { return };
    let name = catalog.created_name(range);
    if catalog.name_is_taken(&name) {
        return;
    }
    let mut sequence = catalog.new_relation(&name, RelationKind::Sequence);
    sequence.persistence = super::create_table::persistence(&range.relpersistence);
    sequence.replica_identity = ReplicaIdentity::Nothing;
    catalog.relations.insert(name.clone(), sequence);
    set_sequence_owner(catalog, &name, &create.options);
}

pub(super) fn alter_sequence(catalog: &mut Catalog, alter: &AlterSeqStmt) {
    if let Some(name) = catalog.target(alter.sequence.as_ref()) {
        set_sequence_owner(catalog, &name, &alter.options);
    }
}

/// `OWNED BY table.column` or `OWNED BY NONE`, where the options say it.
fn set_sequence_owner(catalog: &mut Catalog, sequence: &QualifiedName, options: &[Node]) {
    for option in options {
        let Some(node::Node::DefElem(element)) = &option.node else { continue };
        if element.defname != "owned_by" {
            continue;
        }
        let Some(node::Node::List(list)) = element.arg.as_ref().and_then(|arg| arg.node.as_ref())
        else {
            continue;
        };
        catalog.forget_dependants(|dependant| {
            dependant.kind == crate::catalog::DependantKind::Sequence
                && dependant.relation.as_ref() == Some(sequence)
        });
        let names = strings(&list.items);
        let owner = match names.as_slice() {
            [table, column] => Some((catalog.resolve(None, table), column)),
            [.., schema, table, column] => Some((catalog.resolve(Some(schema), table), column)),
            _ => None,
        };
        let owner =
            owner.and_then(|(table, column)| Some((table?.name.clone(), column.to_owned())));
        if let Some((table, column)) = &owner {
            column::own_sequence(catalog, sequence, table, column);
        }
        if let Some(relation) = catalog.relations.get_mut(sequence) {
            relation.owned_by = owner;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split_path;

    #[test]
    fn a_search_path_is_split_as_the_server_splits_it() {
        assert_eq!(split_path("\"$user\", public"), ["$user", "public"]);
        assert_eq!(split_path("App, \"My, \"\"Schema\",x"), ["app", "My, \"Schema", "x"]);
        assert!(split_path("").is_empty());
        assert!(split_path("\"\"").is_empty());
    }
}
