//! The types of what an expression of the server's own functions gives, as far as they choose between functions: date
//! and time, of which `timezone` and `date_trunc` take several.

use super::overload::{Argument, of_argument};
use super::volatility::name_parts;
use super::{Catalog, Column};
use pg_query::protobuf::{AExpr, FuncCall, Node, SqlValueFunctionOp, node};

const WITH_ZONE: &str = "timestamp with time zone";
const WITHOUT_ZONE: &str = "timestamp without time zone";
const TIME_WITH_ZONE: &str = "time with time zone";

/// The type that `node` is of. `None` when nothing is known of it.
pub(super) fn of(node: &node::Node, catalog: &Catalog, columns: &[Column]) -> Option<String> {
    match node {
        node::Node::SqlvalueFunction(function) => of_value(function.op()).map(str::to_owned),
        node::Node::FuncCall(call) => of_call(call, catalog, columns),
        node::Node::AExpr(expression) => shifted(expression, catalog, columns),
        _ => None,
    }
}

fn of_value(op: SqlValueFunctionOp) -> Option<&'static str> {
    use SqlValueFunctionOp as Op;
    Some(match op {
        Op::SvfopCurrentDate => "date",
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => TIME_WITH_ZONE,
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => WITH_ZONE,
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => "time without time zone",
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => WITHOUT_ZONE,
        Op::SvfopCurrentRole
        | Op::SvfopCurrentUser
        | Op::SvfopUser
        | Op::SvfopSessionUser
        | Op::SvfopCurrentCatalog
        | Op::SvfopCurrentSchema => "name",
        Op::SqlvalueFunctionOpUndefined => return None,
    })
}

fn of_call(call: &FuncCall, catalog: &Catalog, columns: &[Column]) -> Option<String> {
    let (schema, name) = match name_parts(&call.funcname)[..] {
        [name] => (None, name),
        [schema, name] => (Some(schema), name),
        _ => return None,
    };
    // A function of the same name that somebody made may give anything.
    let made = catalog.functions.get(name).into_iter().flatten().any(|function| {
        function.schema != "pg_catalog" && catalog.server.search_path.contains(&function.schema)
    });
    if schema.is_some_and(|schema| schema != "pg_catalog") || (schema.is_none() && made) {
        return None;
    }
    let last = || known(call.args.last()?, catalog, columns);
    let given = match (name, call.args.len()) {
        ("now" | "clock_timestamp" | "transaction_timestamp" | "statement_timestamp", 0) => {
            WITH_ZONE
        }
        ("timezone", 2) => match &*last()? {
            WITH_ZONE => WITHOUT_ZONE,
            WITHOUT_ZONE => WITH_ZONE,
            TIME_WITH_ZONE => TIME_WITH_ZONE,
            _ => return None,
        },
        ("date_trunc", 2) => match &*last()? {
            WITH_ZONE => WITH_ZONE,
            WITHOUT_ZONE => WITHOUT_ZONE,
            _ => return None,
        },
        _ => return None,
    };
    Some(given.to_owned())
}

/// A point in time, more or less an interval, stays one.
fn shifted(expression: &AExpr, catalog: &Catalog, columns: &[Column]) -> Option<String> {
    let parts = name_parts(&expression.name);
    if !matches!(parts[..], ["+" | "-"]) || !catalog.operator_functions(&parts).is_empty() {
        return None;
    }
    let left = known(expression.lexpr.as_deref()?, catalog, columns)?;
    let right = known(expression.rexpr.as_deref()?, catalog, columns)?;
    (matches!(&*left, WITH_ZONE | WITHOUT_ZONE) && right == "interval").then_some(left)
}

fn known(node: &Node, catalog: &Catalog, columns: &[Column]) -> Option<String> {
    match of_argument(node, catalog, columns)? {
        Argument::Type(found) => Some(found),
        Argument::Any => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::catalog::Volatility::{Immutable, Stable, Volatile};
    use crate::catalog::volatility::of_expression;

    #[test]
    fn the_time_now_is_known_to_be_a_timestamp() {
        // `timezone(text, time with time zone)` is volatile on 14.
        let mut catalog = Catalog::assumed(14);
        let of = |catalog: &Catalog, text: &str| {
            of_expression(&crate::sql::parse_expression(text).unwrap(), catalog)
        };
        for stable in [
            "now() AT TIME ZONE 'utc'",
            "timezone('utc', now())",
            "timezone('utc'::text, CURRENT_TIMESTAMP)",
            "(CURRENT_TIMESTAMP(3) AT TIME ZONE 'utc')::date",
            "transaction_timestamp() AT TIME ZONE 'utc'",
            "date_trunc('day', now() AT TIME ZONE 'utc') AT TIME ZONE 'utc'",
            "(now() + '1 day'::interval) AT TIME ZONE 'utc'",
            "LOCALTIMESTAMP AT TIME ZONE 'utc'",
        ] {
            assert_eq!(of(&catalog, stable), Stable, "{stable}");
        }
        for volatile in [
            "CURRENT_TIME AT TIME ZONE 'utc'",
            "clock_timestamp() AT TIME ZONE 'utc'",
            "when_() AT TIME ZONE 'utc'",
        ] {
            assert_eq!(of(&catalog, volatile), Volatile, "{volatile}");
        }
        assert_eq!(of(&catalog, "date_trunc('day', CURRENT_DATE::timestamp)"), Stable);
        assert_eq!(of(&catalog, "'2024-01-01'::timestamptz AT TIME ZONE 'utc'"), Immutable);

        let own = "CREATE FUNCTION now(a int DEFAULT 1) RETURNS timetz LANGUAGE sql STABLE AS 'SELECT $1'";
        catalog.apply(&crate::sql::parse(own, 0..own.len()).unwrap().statements[0]);
        assert_eq!(of(&catalog, "now() AT TIME ZONE 'utc'"), Volatile);
    }
}
