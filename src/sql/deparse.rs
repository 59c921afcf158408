//! Parse tree back to SQL text.
//!
//! Total for every tree that the parser gave: [`super::parse()`] refuses a statement that does not
//! deparse. A tree put together by hand that no text gives is a defect, and panics.

use super::{gaps, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    CoercionForm, FuncCall, Node, ParseResult, RawStmt, ResTarget, SelectStmt, TypeCast, TypeName,
};

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
    if let Some(text) = plain(node) {
        return text;
    }
    written_out(node)
}

fn written_out(node: &Node) -> String {
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

/// A constant, a column, or a function called with such: what most defaults and keys are, written
/// without a round trip through the parser library.
fn plain(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) if constant.isnull => Some("NULL".to_owned()),
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Ival(number) => Some(number.ival.to_string()),
            Val::Boolval(value) => Some(value.boolval.to_string()),
            Val::Sval(text) if !text.sval.contains(['\'', '\\']) => {
                Some(format!("'{}'", text.sval))
            }
            _ => None,
        },
        NodeEnum::ColumnRef(column) => plain_name(&column.fields),
        NodeEnum::FuncCall(call) => {
            let FuncCall { funcname, args, location, funcformat, .. } = call.as_ref();
            let bare = FuncCall {
                funcname: funcname.clone(),
                args: args.clone(),
                location: *location,
                funcformat: *funcformat,
                ..Default::default()
            };
            let [_] = funcname.as_slice() else { return None };
            if **call != bare || call.funcformat() != CoercionForm::CoerceExplicitCall {
                return None;
            }
            let args: Option<Vec<String>> = args.iter().map(plain).collect();
            Some(format!("{}({})", plain_name(funcname)?, args?.join(", ")))
        }
        _ => None,
    }
}

/// Words joined by dots, when none of them needs quotes anywhere.
fn plain_name(words: &[Node]) -> Option<String> {
    let word = |node: &Node| match &node.node {
        Some(NodeEnum::String(word)) if quote_ident(&word.sval) == word.sval => {
            Some(word.sval.clone())
        }
        _ => None,
    };
    Some(words.iter().map(word).collect::<Option<Vec<_>>>()?.join("."))
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
    gaps::deparse(&ParseResult { version: 180_000, stmts: vec![raw] })
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
    fn the_short_way_writes_what_the_long_one_does() {
        for text in [
            "0",
            "-7",
            "2147483647",
            "'old'",
            "''",
            "'ü'",
            "true",
            "false",
            "NULL",
            "a",
            "t.a",
            "s.t.\"A\"",
            "now()",
            "lower(email)",
            "coalesce_all(a, 'x', lower(b), 1)",
            "\"F\"(1)",
            "pg_catalog.now()",
            "E'a\\n'",
            "'it''s'",
            "count(*)",
            "f(DISTINCT a)",
            "f(VARIADIC a)",
            "f(x => 1)",
            "f() FILTER (WHERE a)",
            "f() OVER ()",
            "trim('a')",
            "1.5",
            "10000000000",
            "x'1F'",
            "f(a.*)",
            "overlay('a' placing 'b' from 1)",
            "left('a', 1)",
            "\"left\"",
            "f(-1)",
        ] {
            let node = parse_expression(text).unwrap();
            assert_eq!(expression(&node), written_out(&node), "{text}");
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
