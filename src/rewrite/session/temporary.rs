//! What a statement makes that ends with its connection.

use crate::rewrite::groups::strings;
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RangeVar};

const SCHEMA: &str = "pg_temp";

/// The temporary object that the statement makes, in words.
pub(super) fn object(node: &NodeEnum) -> Option<&'static str> {
    let range = |range: Option<&RangeVar>| range.is_some_and(is_temporary);
    let named = |names: &[Node]| strings(names).first().is_some_and(|first| is_schema(first));
    let (temporary, what) = match node {
        NodeEnum::CreateStmt(create) => (range(create.relation.as_ref()), "a temporary table"),
        NodeEnum::CreateTableAsStmt(create) => {
            let into = create.into.as_ref().and_then(|into| into.rel.as_ref());
            (range(into), "a temporary table")
        }
        NodeEnum::SelectStmt(select) => {
            let into = select.into_clause.as_ref().and_then(|into| into.rel.as_ref());
            (range(into), "a temporary table")
        }
        NodeEnum::ViewStmt(view) => (range(view.view.as_ref()), "a temporary view"),
        NodeEnum::CreateSeqStmt(create) => {
            (range(create.sequence.as_ref()), "a temporary sequence")
        }
        NodeEnum::CompositeTypeStmt(create) => (range(create.typevar.as_ref()), "a temporary type"),
        NodeEnum::CreateEnumStmt(create) => (named(&create.type_name), "a temporary type"),
        NodeEnum::CreateRangeStmt(create) => (named(&create.type_name), "a temporary type"),
        NodeEnum::CreateDomainStmt(create) => (named(&create.domainname), "a temporary type"),
        NodeEnum::CreateFunctionStmt(create) => (named(&create.funcname), "a temporary function"),
        NodeEnum::DefineStmt(create) => (named(&create.defnames), "a temporary object"),
        _ => return None,
    };
    temporary.then_some(what)
}

fn is_temporary(range: &RangeVar) -> bool {
    range.relpersistence == "t" || is_schema(&range.schemaname)
}

/// `pg_temp`, or the schema of one session under its real name.
pub(super) fn is_schema(name: &str) -> bool {
    name == SCHEMA || name.starts_with("pg_temp_")
}
