//! What an expression reads: columns, whole rows, subqueries.
//!
//! Works on the raw parse tree. Resolves no names: `a.b` is given as written, and an unqualified
//! name that is no column of the table may as well be the table itself (a whole-row reference).

use crate::sql::walk::{walk, walk_some};
use pg_query::NodeRef;
use pg_query::protobuf::{Node, node};

/// A name in an expression that may be a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnReference {
    /// Schema in `schema.table.column`.
    pub schema: Option<String>,
    /// Table or alias in `table.column`.
    pub table: Option<String>,
    /// `None` for `*` and `table.*`.
    pub column: Option<String>,
    /// Byte offset in the text that was parsed, -1 when not known.
    pub location: i32,
}

/// Every column reference in `expression`, subqueries included, in the order of the text.
pub fn read_by(expression: &Node) -> Vec<ColumnReference> {
    let mut found = Vec::new();
    if let Some(root) = &expression.node {
        walk(root, |node| {
            if let NodeRef::ColumnRef(reference) = node {
                found.extend(as_written(&reference.fields, reference.location));
            }
        });
    }
    found.sort_by_key(|reference| reference.location);
    found
}

fn as_written(fields: &[Node], location: i32) -> Option<ColumnReference> {
    let mut names: Vec<Option<String>> = fields
        .iter()
        .map(|field| match &field.node {
            Some(node::Node::String(name)) => Some(name.sval.clone()),
            _ => None,
        })
        .collect();
    let column = names.pop()?;
    let table = names.pop().flatten();
    let schema = names.pop().flatten();
    Some(ColumnReference { schema, table, column, location })
}

/// The names of all tables that subqueries of `expression` read, without their schemas.
pub fn tables_named(expression: &Node) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(root) = &expression.node {
        walk(root, |node| {
            if let NodeRef::RangeVar(range) = node {
                found.push(range.relname.clone());
            }
        });
    }
    found
}

/// Whether `expression` contains a subquery anywhere.
pub fn has_subquery(expression: &Node) -> bool {
    let mut found = false;
    if let Some(root) = &expression.node {
        walk_some(root.to_ref(), |node| {
            found |= matches!(
                node,
                NodeRef::SubLink(_)
                    | NodeRef::SelectStmt(_)
                    | NodeRef::JsonArrayQueryConstructor(_)
            );
            !found
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(sql: &str) -> Node {
        crate::sql::parse_expression(sql).unwrap()
    }

    fn names(sql: &str) -> Vec<String> {
        read_by(&expression(sql))
            .into_iter()
            .map(|c| {
                [c.schema, c.table, Some(c.column.unwrap_or("*".into()))]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(".")
            })
            .collect()
    }

    #[test]
    fn columns_are_found_wherever_they_stand() {
        assert_eq!(names("lower(a) || t.b || s.t.c"), ["a", "t.b", "s.t.c"]);
        assert_eq!(names("CASE WHEN a IS NULL THEN \"B\" ELSE c[d] END"), ["a", "B", "c", "d"]);
        assert_eq!(names("count(t.*)"), ["t.*"]);
        assert_eq!(names("(t).a"), ["t"]);
        assert_eq!(names("(SELECT x FROM o WHERE o.id = t.o_id)"), ["x", "o.id", "t.o_id"]);
        assert!(names("now() - interval '1 day'").is_empty());
    }

    #[test]
    fn subqueries_are_seen() {
        assert!(has_subquery(&expression("a + (SELECT 1)")));
        assert!(has_subquery(&expression("a IN (SELECT 1)")));
        assert!(has_subquery(&expression("coalesce(EXISTS (SELECT 1), true)")));
        assert!(!has_subquery(&expression("a IN (1, 2)")));
    }
}
