//! Parse tree back to SQL text.
//!
//! Total for every tree that the parser gave: [`super::parse()`] refuses a statement that does not
//! deparse. A tree put together by hand that no text gives is a defect, and panics.

use super::grammar;
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ParseResult, RawStmt, ResTarget, SelectStmt, TypeCast, TypeName};

/// A statement as SQL, without a semicolon.
///
/// # Panics
/// On a tree that no text gives.
pub fn statement(node: &NodeEnum) -> String {
    try_statement(node).expect("a tree that came from the parser deparses")
}

/// An expression as SQL.
///
/// # Panics
/// On a tree that no text gives.
pub fn expression(node: &Node) -> String {
    let target = ResTarget { val: Some(Box::new(node.clone())), ..Default::default() };
    let select = SelectStmt {
        target_list: vec![Node { node: Some(NodeEnum::ResTarget(Box::new(target))) }],
        limit_option: pg_query::protobuf::LimitOption::Default as i32,
        op: pg_query::protobuf::SetOperation::SetopNone as i32,
        ..Default::default()
    };
    let text = statement(&NodeEnum::SelectStmt(Box::new(select)));
    text.strip_prefix("SELECT ").map_or(text.clone(), str::to_owned)
}

/// A type as SQL, for example `varchar(10)[]`.
///
/// # Panics
/// On a tree that no text gives.
pub fn type_name(name: &TypeName) -> String {
    let null = pg_query::protobuf::AConst { isnull: true, ..Default::default() };
    let cast = TypeCast {
        arg: Some(Box::new(Node { node: Some(NodeEnum::AConst(null)) })),
        type_name: Some(name.clone()),
        ..Default::default()
    };
    let text = expression(&Node { node: Some(NodeEnum::TypeCast(Box::new(cast))) });
    text.strip_prefix("NULL::").map_or(text.clone(), str::to_owned)
}

pub(super) fn try_statement(node: &NodeEnum) -> Result<String, String> {
    let stmt = Some(Box::new(Node { node: Some(node.clone()) }));
    let raw = RawStmt { stmt, stmt_location: 0, stmt_len: 0 };
    grammar::deparse(&ParseResult { version: 180_000, stmts: vec![raw] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{parse, parse::parse_expression};

    #[test]
    fn expressions_survive() {
        for text in [
            "a + 1",
            "lower(first || ' ' || last)",
            "CASE WHEN a THEN 1 ELSE 2 END",
            "(SELECT max(x) FROM t)",
            "now() - '1 day'::interval",
            "\"Odd \"\"name\"\"\".\"select\"",
            "a IS NOT DISTINCT FROM b",
            "(ARRAY[1, 2])[1]",
        ] {
            let node = parse_expression(text).unwrap();
            assert_eq!(expression(&node), text);
        }
    }

    #[test]
    fn types_are_written_as_one_writes_them() {
        let sql = "CREATE TABLE t (a varchar(10)[], b numeric(10,2), c \"My\".\"Type\", d timestamptz, e double precision, f int4)";
        let script = parse(sql, 0..sql.len()).unwrap();
        let NodeEnum::CreateStmt(create) = &script.statements[0].node else { panic!() };
        let types: Vec<String> = create
            .table_elts
            .iter()
            .map(|element| match element.node.as_ref().unwrap() {
                NodeEnum::ColumnDef(column) => type_name(column.type_name.as_ref().unwrap()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            types,
            [
                "varchar(10)[]",
                "numeric(10, 2)",
                "\"My\".\"Type\"",
                "timestamptz",
                "double precision",
                "int4"
            ]
        );
    }
}
