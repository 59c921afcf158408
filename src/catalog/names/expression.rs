//! What the server calls an index column that is an expression: the name that the expression would
//! have as a column of a query (`FigureIndexColname`).

use pg_query::protobuf::{
    AExprKind, JsonExprOp, MinMaxOp, Node, SqlValueFunctionOp, SubLinkType, XmlExprOp, node,
};

/// How good a name is: a type name or `case` gives way to a name found further in.
#[derive(PartialEq)]
enum Strength {
    Weak,
    Strong,
}

/// The name that the server derives from `expression`; `None` where it finds none.
pub fn expression_name(expression: &Node) -> Option<String> {
    figured(expression.node.as_ref()?).map(|(name, _)| name)
}

fn figured(node: &node::Node) -> Option<(String, Strength)> {
    let strong = |name: &str| Some((name.to_owned(), Strength::Strong));
    match node {
        node::Node::ColumnRef(reference) => last_string(&reference.fields).and_then(strong),
        node::Node::AIndirection(indirection) => match last_string(&indirection.indirection) {
            Some(field) => strong(field),
            None => below(indirection.arg.as_deref()),
        },
        node::Node::FuncCall(call) => last_string(&call.funcname).and_then(strong),
        node::Node::AExpr(operation) if operation.kind() == AExprKind::AexprNullif => {
            strong("nullif")
        }
        node::Node::TypeCast(cast) => below(cast.arg.as_deref())
            .filter(|(_, strength)| *strength == Strength::Strong)
            .or_else(|| {
                let name = last_string(&cast.type_name.as_ref()?.names)?;
                Some((name.to_owned(), Strength::Weak))
            }),
        node::Node::CollateClause(clause) => below(clause.arg.as_deref()),
        node::Node::CaseExpr(case) => below(case.defresult.as_deref())
            .filter(|(_, strength)| *strength == Strength::Strong)
            .or_else(|| Some(("case".to_owned(), Strength::Weak))),
        node::Node::GroupingFunc(_) => strong("grouping"),
        node::Node::SubLink(link) => match link.sub_link_type() {
            SubLinkType::ExistsSublink => strong("exists"),
            SubLinkType::ArraySublink => strong("array"),
            _ => None,
        },
        node::Node::AArrayExpr(_) => strong("array"),
        node::Node::RowExpr(_) => strong("row"),
        node::Node::CoalesceExpr(_) => strong("coalesce"),
        node::Node::MinMaxExpr(of) => match of.op() {
            MinMaxOp::IsGreatest => strong("greatest"),
            MinMaxOp::IsLeast => strong("least"),
            MinMaxOp::Undefined => None,
        },
        node::Node::SqlvalueFunction(function) => value_function(function.op()).and_then(strong),
        node::Node::XmlExpr(xml) => match xml.op() {
            XmlExprOp::IsXmlconcat => strong("xmlconcat"),
            XmlExprOp::IsXmlelement => strong("xmlelement"),
            XmlExprOp::IsXmlforest => strong("xmlforest"),
            XmlExprOp::IsXmlparse => strong("xmlparse"),
            XmlExprOp::IsXmlpi => strong("xmlpi"),
            XmlExprOp::IsXmlroot => strong("xmlroot"),
            XmlExprOp::Undefined | XmlExprOp::IsXmlserialize | XmlExprOp::IsDocument => None,
        },
        node::Node::XmlSerialize(_) => strong("xmlserialize"),
        node::Node::JsonObjectConstructor(_) => strong("json_object"),
        node::Node::JsonArrayConstructor(_) | node::Node::JsonArrayQueryConstructor(_) => {
            strong("json_array")
        }
        node::Node::JsonParseExpr(_) => strong("json"),
        node::Node::JsonScalarExpr(_) => strong("json_scalar"),
        node::Node::JsonSerializeExpr(_) => strong("json_serialize"),
        node::Node::JsonFuncExpr(function) => match function.op() {
            JsonExprOp::JsonExistsOp => strong("json_exists"),
            JsonExprOp::JsonQueryOp => strong("json_query"),
            JsonExprOp::JsonValueOp => strong("json_value"),
            JsonExprOp::Undefined | JsonExprOp::JsonTableOp => None,
        },
        _ => None,
    }
}

fn below(node: Option<&Node>) -> Option<(String, Strength)> {
    figured(node?.node.as_ref()?)
}

/// The last string of a list of names and subscripts.
fn last_string(list: &[Node]) -> Option<&str> {
    list.iter().rev().find_map(|item| match &item.node {
        Some(node::Node::String(name)) => Some(name.sval.as_str()),
        _ => None,
    })
}

fn value_function(op: SqlValueFunctionOp) -> Option<&'static str> {
    match op {
        SqlValueFunctionOp::SqlvalueFunctionOpUndefined => None,
        SqlValueFunctionOp::SvfopCurrentDate => Some("current_date"),
        SqlValueFunctionOp::SvfopCurrentTime | SqlValueFunctionOp::SvfopCurrentTimeN => {
            Some("current_time")
        }
        SqlValueFunctionOp::SvfopCurrentTimestamp | SqlValueFunctionOp::SvfopCurrentTimestampN => {
            Some("current_timestamp")
        }
        SqlValueFunctionOp::SvfopLocaltime | SqlValueFunctionOp::SvfopLocaltimeN => {
            Some("localtime")
        }
        SqlValueFunctionOp::SvfopLocaltimestamp | SqlValueFunctionOp::SvfopLocaltimestampN => {
            Some("localtimestamp")
        }
        SqlValueFunctionOp::SvfopCurrentRole => Some("current_role"),
        SqlValueFunctionOp::SvfopCurrentUser => Some("current_user"),
        SqlValueFunctionOp::SvfopUser => Some("user"),
        SqlValueFunctionOp::SvfopSessionUser => Some("session_user"),
        SqlValueFunctionOp::SvfopCurrentCatalog => Some("current_catalog"),
        SqlValueFunctionOp::SvfopCurrentSchema => Some("current_schema"),
    }
}
