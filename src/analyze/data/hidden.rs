//! Code of the application that a query runs and whose text is not here: volatile functions, called by
//! name, as the default of another one's argument, through an operator or a cast, or in the check of a
//! domain. Functions that are not volatile can only read.

use crate::analyze::volatility::{is_built_in_operator, name_parts};
use crate::catalog::{Catalog, Volatility};
use crate::sql::QualifiedName;
use crate::sql::walk::walk;
use pg_query::NodeRef;
use pg_query::protobuf::{AExpr, FuncCall, Node, TypeCast};

/// Functions of the server that run a text as SQL.
const RUN_SQL: [&str; 8] = [
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "database_to_xml",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "schema_to_xml",
    "table_to_xml",
];

/// Checks and defaults within the functions of others are followed so far.
const MAX_DEPTH: usize = 16;

/// Whether `node`, without what stands below it, may do what its text does not show: a volatile
/// function of the application, one that the catalog does not have, or one that runs a text as SQL.
pub(super) fn hides_something(catalog: &Catalog, node: NodeRef<'_>) -> bool {
    at_depth(catalog, node, 0)
}

/// The same for all of an expression.
pub(in crate::analyze) fn expression_hides(catalog: &Catalog, expression: &Node) -> bool {
    any_hides(catalog, std::slice::from_ref(expression), 0)
}

fn any_hides(catalog: &Catalog, expressions: &[Node], depth: usize) -> bool {
    let mut found = false;
    for root in expressions.iter().filter_map(|expression| expression.node.as_ref()) {
        walk(root, |node| found = found || at_depth(catalog, node, depth));
    }
    found
}

fn at_depth(catalog: &Catalog, node: NodeRef<'_>, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return true;
    }
    match node {
        NodeRef::FuncCall(call) => of_call(catalog, call, depth),
        NodeRef::AExpr(expression) => of_operator(catalog, expression),
        NodeRef::TypeCast(cast) => of_cast(catalog, cast, depth),
        _ => false,
    }
}

fn of_call(catalog: &Catalog, call: &FuncCall, depth: usize) -> bool {
    let (schema, name) = match name_parts(&call.funcname)[..] {
        [name] => (None, name),
        [.., schema, name] => (Some(schema), name),
        [] => return true,
    };
    let Some(functions) = catalog.functions.get(name) else {
        // A catalog without functions knows nothing of them; the server's own are qualified then.
        return schema != Some("pg_catalog");
    };
    let reachable = functions.iter().filter(|function| match schema {
        Some(schema) => function.schema == schema,
        None => {
            function.schema == "pg_catalog" || catalog.server.search_path.contains(&function.schema)
        }
    });
    let mut known = false;
    for function in reachable {
        known = true;
        let own = function.schema == "pg_catalog";
        if (own && RUN_SQL.contains(&name)) || (!own && function.volatility == Volatility::Volatile)
        {
            return true;
        }
        let defaults = function.defaults_used(call);
        if defaults.is_none_or(|defaults| any_hides(catalog, &defaults, depth + 1)) {
            return true;
        }
    }
    !known
}

/// Whether one of `functions` is of the application and may do anything.
fn may_do_anything(catalog: &Catalog, functions: &[&QualifiedName]) -> bool {
    functions.iter().any(|function| {
        function.schema != "pg_catalog" && catalog.volatility_of(function) == Volatility::Volatile
    })
}

/// An operator that nobody knows counts as a function that nobody knows.
fn of_operator(catalog: &Catalog, expression: &AExpr) -> bool {
    let parts = name_parts(&expression.name);
    let functions = catalog.operator_functions(&parts);
    if functions.is_empty() {
        return !is_built_in_operator(&parts);
    }
    may_do_anything(catalog, &functions)
}

fn of_cast(catalog: &Catalog, cast: &TypeCast, depth: usize) -> bool {
    if may_do_anything(catalog, &catalog.cast_functions(cast)) {
        return true;
    }
    let checks = cast.type_name.as_ref().map(|written| catalog.domain_checks(written));
    match checks {
        None => false,
        Some(None) => true,
        Some(Some(checks)) => any_hides(catalog, &checks, depth + 1),
    }
}
