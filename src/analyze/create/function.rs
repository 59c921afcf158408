//! `CREATE FUNCTION` and `CREATE PROCEDURE`: the body of an SQL function is parsed against the
//! catalog, which locks what it names as its statements would; other languages are not looked into.

use super::options;
use crate::analyze::AnalyzeError;
use crate::analyze::data::{How, read};
use crate::analyze::effects::Effects;
use crate::analyze::resolve::Context;
use crate::analyze::volatility::name_parts;
use crate::sql::grammar;
use pg_query::NodeEnum;
use pg_query::protobuf::{CreateFunctionStmt, Node};

/// The impact of `CREATE FUNCTION`.
pub(in crate::analyze) fn create_function<'c>(
    cx: Context<'_, 'c>,
    statement: &CreateFunctionStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    if let [schema, _] = name_parts(&statement.funcname)[..] {
        cx.schema(schema)?;
    }
    if let Some(body) = statement.sql_body.as_deref() {
        parsed_body(cx, body, fx)?;
        return Ok(());
    }
    let checked = cx.catalog.server.settings.get("check_function_bodies");
    let is_sql = options(&statement.options).any(|option| {
        option.defname == "language"
            && matches!(option.arg.as_deref().and_then(|arg| arg.node.as_ref()),
                Some(NodeEnum::String(name)) if name.sval.eq_ignore_ascii_case("sql"))
    });
    if !is_sql || checked.is_some_and(|setting| setting == "off") {
        return Ok(());
    }
    let text =
        options(&statement.options).find(|option| option.defname == "as").and_then(|option| {
            match option.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
                Some(NodeEnum::List(list)) => {
                    name_parts(&list.items).first().map(|s| (*s).to_owned())
                }
                _ => None,
            }
        });
    let Some(tree) = text.and_then(|text| grammar::parse(&text).ok()) else { return Ok(()) };
    for node in tree.stmts.into_iter().filter_map(|statement| statement.stmt) {
        // Spans inside the body say nothing about the file: an error there is the server's to tell.
        if let Some(node) = node.node
            && is_query(&node)
            && read(cx, &node, How::Parsed, fx).is_err()
        {
            fx.opaque();
        }
    }
    Ok(())
}

fn is_query(node: &NodeEnum) -> bool {
    matches!(
        node,
        NodeEnum::SelectStmt(_)
            | NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_)
    )
}

/// `BEGIN ATOMIC …` or `RETURN …`.
fn parsed_body<'c>(
    cx: Context<'_, 'c>,
    body: &Node,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    match &body.node {
        Some(NodeEnum::List(list)) => {
            list.items.iter().try_for_each(|item| parsed_body(cx, item, fx))
        }
        Some(NodeEnum::ReturnStmt(value)) => match value.returnval.as_deref() {
            Some(Node { node: Some(value) }) => read(cx, value, How::Parsed, fx),
            Some(_) | None => Ok(()),
        },
        Some(node) if is_query(node) => read(cx, node, How::Parsed, fx),
        Some(_) | None => Ok(()),
    }
}
