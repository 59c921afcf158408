//! What an expression mentions: columns, relations, functions.
//!
//! Pure.

use crate::sql::walk::walk;
use pg_query::NodeRef;
use pg_query::protobuf::{Node, node};
use serde_json::Value;

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

    #[test]
    fn columns_are_found_in_any_place() {
        let parsed =
            crate::sql::grammar::parse("SELECT CASE WHEN t.\"A b\" > c THEN f(d) || (e).g END")
                .unwrap();
        let target = parsed.stmts[0].stmt.as_deref().unwrap();
        assert_eq!(column_names(target), ["A b", "c", "d", "e"]);
    }
}
