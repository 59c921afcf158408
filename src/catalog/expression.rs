//! What an expression mentions: functions and their volatility, columns, relations.
//!
//! Pure.

use super::{Catalog, Volatility};
use crate::sql::walk::walk;
use pg_query::NodeRef;
use pg_query::protobuf::{Node, node};
use serde_json::Value;

/// The server's own volatile functions that stand in defaults in practice. Only for a catalog that
/// lists no functions at all, because it was made by hand.
const VOLATILE: [&str; 12] = [
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "lastval",
    "nextval",
    "random",
    "random_normal",
    "setval",
    "timeofday",
    "uuid_generate_v1",
    "uuid_generate_v4",
    "uuidv7",
];

/// Whether `node` calls a volatile function, or one that the catalog does not know, or uses an
/// operator from outside `pg_catalog`.
pub fn is_volatile(node: &Node, catalog: &Catalog) -> bool {
    let mut found = false;
    if let Some(root) = &node.node {
        walk(root, |node| found |= makes_volatile(node, catalog));
    }
    found
}

/// The same for an expression as the server prints it.
pub fn text_is_volatile(text: &str, catalog: &Catalog) -> bool {
    // Most defaults of a large schema are one of these two, and parsing each would cost.
    if text.starts_with("nextval(") {
        return true;
    }
    if !text.contains('(') {
        return false;
    }
    match crate::sql::grammar::parse(&format!("SELECT {text}")) {
        Ok(parsed) => parsed
            .stmts
            .iter()
            .filter_map(|raw| raw.stmt.as_deref())
            .any(|n| is_volatile(n, catalog)),
        Err(_) => true,
    }
}

/// Whether a node makes the expression that it stands in volatile, by itself.
fn makes_volatile(node: NodeRef<'_>, catalog: &Catalog) -> bool {
    match node {
        NodeRef::FuncCall(call) => match words(&call.funcname)[..] {
            [name] => function_is_volatile(None, name, catalog),
            [.., schema, name] => function_is_volatile(Some(schema), name, catalog),
            [] => false,
        },
        NodeRef::AExpr(expression) => {
            matches!(words(&expression.name)[..], [schema, _] if schema != "pg_catalog")
        }
        _ => false,
    }
}

/// The strings of a list of `String` nodes.
fn words(list: &[Node]) -> Vec<&str> {
    list.iter()
        .filter_map(|item| match &item.node {
            Some(node::Node::String(word)) => Some(word.sval.as_str()),
            _ => None,
        })
        .collect()
}

fn function_is_volatile(schema: Option<&str>, name: &str, catalog: &Catalog) -> bool {
    if catalog.functions.is_empty() {
        return VOLATILE.contains(&name);
    }
    let visible = |candidate: &str| match schema {
        Some(schema) => candidate == schema,
        None => {
            candidate == "pg_catalog" || catalog.server.search_path.iter().any(|s| s == candidate)
        }
    };
    let mut known = catalog
        .functions
        .get(name)
        .into_iter()
        .flatten()
        .filter(|function| visible(&function.schema))
        .peekable();
    known.peek().is_none() || known.any(|function| function.volatility == Volatility::Volatile)
}

/// Names of the columns that `node` mentions, the last part of each reference, each once, in the
/// order in which they first come; `*` is left out.
pub fn column_names(node: &Node) -> Vec<String> {
    let mut found: Vec<(i32, &str)> = Vec::new();
    if let Some(root) = &node.node {
        walk(root, |node| {
            if let NodeRef::ColumnRef(reference) = node
                && let Some(Node { node: Some(node::Node::String(name)) }) = reference.fields.last()
            {
                found.push((reference.location, &name.sval));
            }
        });
    }
    found.sort_by_key(|(location, _)| *location);
    let mut names: Vec<String> = Vec::new();
    for (_, name) in found {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Visits every node below `tree`, a serialized parse tree, with its kind, parents first.
pub(crate) fn walk_json<'a>(tree: &'a Value, visit: &mut impl FnMut(&'a str, &'a Value)) {
    match tree {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name.starts_with(|c: char| c.is_ascii_uppercase()) {
                    visit(name, value);
                }
                walk_json(value, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk_json(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The strings of a serialized list of `String` nodes.
pub(crate) fn strings(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["node"]["String"]["sval"].as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Function;

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        catalog.server.search_path = vec!["public".into()];
        for (schema, name, volatility) in [
            ("pg_catalog", "now", Volatility::Stable),
            ("pg_catalog", "lower", Volatility::Immutable),
            ("pg_catalog", "random", Volatility::Volatile),
            ("app", "lower", Volatility::Volatile),
        ] {
            catalog.functions.entry(name.into()).or_default().push(Function {
                schema: schema.into(),
                arguments: String::new(),
                volatility,
                language: "internal".into(),
                routine: None,
            });
        }
        catalog
    }

    #[test]
    fn volatility_is_that_of_the_functions_called_at_any_depth() {
        let catalog = catalog();
        for stable in [
            "0",
            "now()",
            "(now() + '1 day'::interval)",
            "CURRENT_TIMESTAMP",
            "lower('A'::text)",
            "COALESCE(lower('random()'::text), ''::text)",
            "ARRAY[]::integer[]",
        ] {
            assert!(!text_is_volatile(stable, &catalog), "{stable}");
        }
        for volatile in [
            "nextval('public.s'::regclass)",
            "random()",
            "CASE WHEN (1 > 0) THEN ARRAY[(random())::text] ELSE NULL::text[] END",
            "app.lower('A'::text)",
            "not_known()",
            "(1 OPERATOR(app.+) (2))",
        ] {
            assert!(text_is_volatile(volatile, &catalog), "{volatile}");
        }
    }

    #[test]
    fn a_catalog_without_functions_knows_the_usual_volatile_ones() {
        let catalog = Catalog::default();
        assert!(!text_is_volatile("now()", &catalog));
        assert!(text_is_volatile("(gen_random_uuid())::text", &catalog));
    }

    #[test]
    fn columns_are_found_in_any_place() {
        let parsed =
            crate::sql::grammar::parse("SELECT CASE WHEN t.\"A b\" > c THEN f(d) || (e).g END")
                .unwrap();
        let target = parsed.stmts[0].stmt.as_deref().unwrap();
        assert_eq!(column_names(target), ["A b", "c", "d", "e"]);
    }
}
