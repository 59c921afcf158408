//! Which sequence a call of a function is about.

use crate::analyze::resolve::{Context, Found};
use crate::analyze::volatility::name_parts;
use crate::catalog::Relation;
use crate::sql::grammar;
use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node, a_const};

/// The sequence in `nextval('s')`, `currval('s')` or `setval('s', 1)`.
pub(super) fn sequence_of<'c>(cx: Context<'_, 'c>, call: &FuncCall) -> Option<&'c Relation> {
    let name = *name_parts(&call.funcname).last()?;
    if !matches!(name, "nextval" | "currval" | "setval" | "pg_sequence_last_value") {
        return None;
    }
    let mut argument = call.args.first()?;
    while let Some(NodeEnum::TypeCast(cast)) = &argument.node {
        argument = cast.arg.as_deref()?;
    }
    if let Some(NodeEnum::FuncCall(inner)) = &argument.node {
        return serial_sequence(cx, inner);
    }
    relation_in(cx, text_of(argument)?)
}

/// The sequence that `pg_get_serial_sequence('t', 'c')` names. The server takes the first that hangs on
/// the column: of several, one that is older than the identity.
fn serial_sequence<'c>(cx: Context<'_, 'c>, call: &FuncCall) -> Option<&'c Relation> {
    if *name_parts(&call.funcname).last()? != "pg_get_serial_sequence" {
        return None;
    }
    let [table, column] = call.args.as_slice() else { return None };
    let (table, column) = (relation_in(cx, text_of(table)?)?, text_of(column)?);
    let owned = cx.catalog.relations.values().filter(|sequence| {
        sequence.owned_by.as_ref().is_some_and(|(on, of)| *on == table.name && of == column)
    });
    owned.min_by_key(|sequence| sequence.of_identity)
}

fn text_of(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::TypeCast(cast)) => text_of(cast.arg.as_deref()?),
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Sval(text)) => Some(&text.sval),
            _ => None,
        },
        _ => None,
    }
}

/// The relation that a text names, as `regclass` reads it.
fn relation_in<'c>(cx: Context<'_, 'c>, text: &str) -> Option<&'c Relation> {
    let tree = grammar::parse(&format!("TABLE {text}")).ok()?;
    let Some(NodeEnum::SelectStmt(select)) = tree.stmts.into_iter().next()?.stmt?.node else {
        return None;
    };
    match select.from_clause.into_iter().next()?.node? {
        NodeEnum::RangeVar(name) => match cx.find(&name) {
            Found::Relation(relation) => Some(relation),
            Found::System | Found::Missing => None,
        },
        _ => None,
    }
}
