//! How volatile an expression is: whether two evaluations may give different values.
//!
//! Functions are looked up by name in the catalog; what cannot be found there is volatile, because
//! a wrong "stable" would hide a table rewrite. See the manual, "Function Volatility Categories".

use crate::catalog::{Catalog, Function, TypeDef, Volatility};
use crate::sql::QualifiedName;
use crate::sql::walk::walk;
use pg_query::NodeRef;
use pg_query::protobuf::{Node, TypeName, node};

/// The volatility of `expression`: that of the most volatile thing in it.
pub fn of_expression(expression: &Node, catalog: &Catalog) -> Volatility {
    let mut worst = Volatility::Immutable;
    if let Some(root) = &expression.node {
        walk(root, |node| worst = worst.max(of_node(node, catalog)));
    }
    worst
}

/// The volatility of a node alone, not of what stands below it.
fn of_node(node: NodeRef<'_>, catalog: &Catalog) -> Volatility {
    match node {
        NodeRef::FuncCall(call) => of_call(&call.funcname, call.args.len(), catalog),
        NodeRef::AExpr(expression) => of_operator(expression),
        NodeRef::TypeCast(cast) => {
            let literal = matches!(
                cast.arg.as_ref().and_then(|arg| arg.node.as_ref()),
                Some(node::Node::AConst(_))
            );
            of_cast(cast.type_name.as_ref(), literal, catalog)
        }
        // CURRENT_DATE and its kin are fixed for the transaction or statement. A subquery sees the
        // tables as they are; XML and JSON conversions depend on settings.
        NodeRef::SqlvalueFunction(_)
        | NodeRef::SelectStmt(_)
        | NodeRef::XmlExpr(_)
        | NodeRef::XmlSerialize(_)
        | NodeRef::JsonFuncExpr(_)
        | NodeRef::JsonParseExpr(_)
        | NodeRef::JsonScalarExpr(_)
        | NodeRef::JsonSerializeExpr(_)
        | NodeRef::JsonObjectConstructor(_)
        | NodeRef::JsonArrayConstructor(_)
        | NodeRef::JsonObjectAgg(_)
        | NodeRef::JsonArrayAgg(_)
        | NodeRef::JsonTable(_) => Volatility::Stable,
        NodeRef::InsertStmt(_)
        | NodeRef::UpdateStmt(_)
        | NodeRef::DeleteStmt(_)
        | NodeRef::MergeStmt(_) => Volatility::Volatile,
        _ => Volatility::Immutable,
    }
}

/// The strings of a name such as `pg_catalog.now`.
pub(super) fn name_parts(name: &[Node]) -> Vec<&str> {
    name.iter()
        .filter_map(|part| match &part.node {
            Some(node::Node::String(part)) => Some(part.sval.as_str()),
            _ => None,
        })
        .collect()
}

fn of_call(name: &[Node], arguments: usize, catalog: &Catalog) -> Volatility {
    let (schema, name) = match name_parts(name)[..] {
        [name] => (None, name),
        [schema, name] | [_, schema, name] => (Some(schema), name),
        _ => return Volatility::Volatile,
    };
    let reachable = |function: &&Function| match schema {
        Some(schema) => function.schema == schema,
        None => {
            function.schema == "pg_catalog" || catalog.server.search_path.contains(&function.schema)
        }
    };
    // Argument types are not known here: the most volatile of the functions that could be meant.
    catalog
        .functions
        .get(name)
        .into_iter()
        .flatten()
        .filter(reachable)
        .filter(|function| takes(function, arguments))
        .map(|function| function.volatility)
        .max()
        .unwrap_or(Volatility::Volatile)
}

/// Whether `function` can be called with so many arguments. More declared than given is possible:
/// the rest may have defaults.
fn takes(function: &Function, given: usize) -> bool {
    let parts = || split_arguments(&function.arguments);
    let inputs = parts().filter(|part| !part.starts_with("OUT ")).count();
    let variadic = parts().any(|part| part.starts_with("VARIADIC "));
    inputs >= given || variadic
}

/// Splits `a integer, b numeric(10,2), "x,y" text` at the commas between arguments.
fn split_arguments(list: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut quoted) = (0_usize, false);
    list.split(move |c| {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            ',' => return !quoted && depth == 0,
            _ => {}
        }
        false
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

/// Every operator name of `pg_catalog` (14 to 18). None of them stands for a volatile function; an
/// operator that somebody made may.
const BUILT_IN_OPERATORS: &str = " !! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= \
    *<> *= *> *>= + - -> ->> -|- / < <-> << <<= <<| <= <> <@ <^ = > >= >> >>= >^ ? ?# ?& ?- ?-| \
    ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~* != ";

fn of_operator(expression: &pg_query::protobuf::AExpr) -> Volatility {
    let parts = name_parts(&expression.name);
    let (schema, operator) = match parts[..] {
        [operator] => (None, operator),
        [schema, operator] => (Some(schema), operator),
        // NULLIF, BETWEEN and other forms that the grammar spells in words.
        _ => return Volatility::Immutable,
    };
    let words = operator.chars().any(char::is_alphabetic);
    let built_in = schema.is_none_or(|schema| schema == "pg_catalog")
        && (words || BUILT_IN_OPERATORS.contains(&format!(" {operator} ")));
    if !built_in {
        return Volatility::Volatile;
    }
    // Arithmetic with an interval on a timestamp with time zone depends on the session time zone.
    let interval = [&expression.lexpr, &expression.rexpr].into_iter().flatten().any(|side| {
        matches!(&side.node, Some(node::Node::TypeCast(cast))
            if cast.type_name.as_ref().is_some_and(|t| name_parts(&t.names).last() == Some(&"interval")))
    });
    if interval && matches!(operator, "+" | "-") {
        Volatility::Stable
    } else {
        Volatility::Immutable
    }
}

/// A literal is converted once, when the expression is parsed. Other conversions go through the
/// types' own functions, which for date and time types depend on settings.
fn of_cast(target: Option<&TypeName>, literal: bool, catalog: &Catalog) -> Volatility {
    let parts = target.map(|target| name_parts(&target.names)).unwrap_or_default();
    let (schema, name) = match parts[..] {
        [name] => (None, name),
        [schema, name] | [_, schema, name] => (Some(schema), name),
        _ => return Volatility::Volatile,
    };
    let user = match schema {
        Some(schema) => catalog.types.get(&QualifiedName::new(schema, name)),
        None => catalog
            .server
            .search_path
            .iter()
            .find_map(|schema| catalog.types.get(&QualifiedName::new(schema.as_str(), name))),
    };
    match user {
        Some(TypeDef::Enum { .. } | TypeDef::Composite | TypeDef::Range) if literal => {
            Volatility::Immutable
        }
        Some(TypeDef::Enum { .. } | TypeDef::Composite | TypeDef::Range) => Volatility::Stable,
        // A check of a domain may call anything; a base type brings its own functions.
        Some(TypeDef::Domain { checks, .. }) if checks.is_empty() => Volatility::Stable,
        Some(TypeDef::Domain { .. } | TypeDef::Other) => Volatility::Volatile,
        None if literal => Volatility::Immutable,
        None => match name {
            "date" | "time" | "timetz" | "timestamp" | "timestamptz" | "interval" | "regclass"
            | "regtype" | "regproc" | "regprocedure" | "regrole" | "regnamespace" | "money"
            | "xml" | "text" | "varchar" | "bpchar" => Volatility::Stable,
            _ => Volatility::Immutable,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Volatility::{Immutable, Stable, Volatile};

    fn function(schema: &str, arguments: &str, volatility: Volatility) -> Function {
        Function {
            schema: schema.into(),
            arguments: arguments.into(),
            volatility,
            language: "internal".into(),
            routine: None,
        }
    }

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        catalog.server.search_path = vec!["public".into()];
        let mut add = |name: &str, f: Function| {
            catalog.functions.entry(name.to_owned()).or_default().push(f);
        };
        add("now", function("pg_catalog", "", Stable));
        add("random", function("pg_catalog", "", Volatile));
        add("lower", function("pg_catalog", "text", Immutable));
        add("mixed", function("public", "integer", Immutable));
        add("mixed", function("public", "integer, numeric(10,2)", Volatile));
        add("mixed", function("elsewhere", "", Volatile));
        add("many", function("public", "VARIADIC integer[]", Stable));
        catalog.types.insert(
            QualifiedName::new("public", "mood"),
            TypeDef::Enum { labels: vec!["ok".into()] },
        );
        catalog
    }

    fn of(sql: &str) -> Volatility {
        of_expression(&crate::sql::parse_expression(sql).unwrap(), &catalog())
    }

    #[test]
    fn the_most_volatile_part_decides() {
        assert_eq!(of("1 + 2 * a"), Immutable);
        assert_eq!(of("lower('X') || 'y'"), Immutable);
        assert_eq!(of("now()"), Stable);
        assert_eq!(of("CURRENT_DATE"), Stable);
        assert_eq!(of("lower(now()::text)"), Stable);
        assert_eq!(of("CASE WHEN a THEN 1 ELSE random() END"), Volatile);
        assert_eq!(of("ARRAY[1, (SELECT random())]"), Volatile);
        assert_eq!(of("(SELECT 1)"), Stable);
    }

    #[test]
    fn what_is_not_known_is_volatile() {
        assert_eq!(of("no_such_function()"), Volatile);
        assert_eq!(of("elsewhere.lower('x')"), Volatile);
        assert_eq!(of("a OPERATOR(public.+) b"), Volatile);
        assert_eq!(of("a <=~=> b"), Volatile);
    }

    #[test]
    fn overloads_are_told_apart_by_their_arguments() {
        assert_eq!(of("mixed(1, 2)"), Volatile);
        assert_eq!(of("elsewhere.mixed()"), Volatile);
        assert_eq!(of("many(1, 2, 3)"), Stable);
        assert_eq!(of("now(1)"), Volatile);
    }

    #[test]
    fn literals_are_converted_once() {
        assert_eq!(of("'2024-01-01'::timestamptz"), Immutable);
        assert_eq!(of("'ok'::mood"), Immutable);
        assert_eq!(of("a::mood"), Stable);
        assert_eq!(of("a::date"), Stable);
        assert_eq!(of("a::int"), Immutable);
        assert_eq!(of("a IS DISTINCT FROM b AND a IN (1,2) AND a BETWEEN 1 AND 2"), Immutable);
        assert_eq!(of("a LIKE 'x' AND a ~ 'y' AND a SIMILAR TO b"), Volatile);
    }
}
