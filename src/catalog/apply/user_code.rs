//! Casts and operators: which functions stand behind them.

use super::Catalog;
use crate::catalog::overload::without_modifiers;
use crate::catalog::type_name::{strings, type_name};
use crate::sql::QualifiedName;
use pg_query::protobuf::{CreateCastStmt, DefineStmt, Node, ObjectType, node};

pub(super) fn create_cast(catalog: &mut Catalog, create: &CreateCastStmt) {
    catalog.user_casts = true;
    let Some(target) = &create.targettype else { return };
    let target = without_modifiers(&type_name(target, catalog));
    let function = create.func.as_ref().and_then(|f| function_named(catalog, &strings(&f.objname)));
    catalog.user_code.add_cast(target, function);
}

pub(super) fn define(catalog: &mut Catalog, define: &DefineStmt) {
    if define.kind() != ObjectType::ObjectOperator {
        return;
    }
    let Some(operator) = catalog.created_from_list(&strings(&define.defnames)) else { return };
    let function = define.definition.iter().find_map(|item| match &item.node {
        Some(node::Node::DefElem(element))
            if matches!(&*element.defname, "function" | "procedure") =>
        {
            element.arg.as_deref().map(names)
        }
        _ => None,
    });
    if let Some(function) = function.and_then(|names| function_named(catalog, &names)) {
        catalog.user_code.add_operator(operator, function);
    }
}

/// The grammar takes the name of a function for that of a type.
fn names(node: &Node) -> Vec<String> {
    match &node.node {
        Some(node::Node::TypeName(name)) => strings(&name.names),
        Some(node::Node::String(name)) => vec![name.sval.clone()],
        _ => Vec::new(),
    }
}

fn function_named(catalog: &Catalog, names: &[String]) -> Option<QualifiedName> {
    match names {
        [.., schema, name] => Some(QualifiedName::new(schema, name)),
        [name] => {
            let known = catalog.functions.get(name).map(Vec::as_slice).unwrap_or_default();
            let schemas = std::iter::once("pg_catalog")
                .chain(catalog.server.search_path.iter().map(String::as_str));
            let has = |schema: &&str| known.iter().any(|function| function.schema == **schema);
            // One that is not known stays so when it is looked up.
            let schema = schemas.clone().find(has).or_else(|| catalog.creation_schema());
            Some(QualifiedName::new(schema.unwrap_or("public"), name))
        }
        [] => None,
    }
}
