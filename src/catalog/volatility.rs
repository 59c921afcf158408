//! How volatile an expression is: whether two evaluations may give different values.
//!
//! Functions are looked up in the catalog, by name, number of arguments and, where all of them are known, by their types;
//! what cannot be found there is volatile, because a wrong "stable" would hide a table rewrite. See the manual, "Function
//! Volatility Categories" and "Function Type Resolution".

use super::overload;
use super::user_code::is_untyped;
use super::{Catalog, Column, Function, TypeDef, Volatility, type_name};
use crate::sql::QualifiedName;
use crate::sql::walk::walk;
use pg_query::NodeRef;
use pg_query::protobuf::{FuncCall, Node, TypeName, node};

/// The server's own volatile functions that stand in defaults in practice. Only for a catalog that
/// lists no functions at all, because it was made by hand.
const VOLATILE: [&str; 12] = [
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "lastval",
    "nextval",
    "random",
    "random_normal",
    "setval",
    "timeofday",
    "uuid_generate_v1",
    "uuid_generate_v4",
    "uuidv7",
];

/// The volatility of `expression`: that of the most volatile thing in it.
pub fn of_expression(expression: &Node, catalog: &Catalog) -> Volatility {
    of_expression_over(expression, catalog, &[])
}

/// The same where the names of columns mean `columns`.
pub fn of_expression_over(expression: &Node, catalog: &Catalog, columns: &[Column]) -> Volatility {
    at_depth(expression, catalog, columns, 0)
}

/// The volatility of `default` where it is stored in a column of type `written`: a cast that somebody
/// made may be called on the way.
pub fn of_default(default: &Node, written: &TypeName, catalog: &Catalog) -> Volatility {
    let own = of_expression(default, catalog);
    // What is of the type already is not converted again.
    let same = match &default.node {
        Some(node::Node::TypeCast(cast)) => {
            let name = |of: &TypeName| type_name(of, catalog);
            cast.type_name.as_ref().is_some_and(|target| name(target) == name(written))
        }
        _ => false,
    };
    if same || is_untyped(default) {
        return own;
    }
    let casts = catalog.functions_of_casts_to(written);
    casts.into_iter().map(|function| catalog.volatility_of(function)).fold(own, Volatility::max)
}

/// Functions within defaults of arguments of functions are followed so far.
const MAX_DEPTH: usize = 16;

/// `depth` counts the functions around, of whose arguments this is a default.
fn at_depth(expression: &Node, catalog: &Catalog, columns: &[Column], depth: usize) -> Volatility {
    let Some(root) = &expression.node else { return Volatility::Immutable };
    // In a subquery a name may mean another column.
    let mut subquery = false;
    walk(root, |node| subquery |= matches!(node, NodeRef::SelectStmt(_)));
    let columns = if subquery { &[] } else { columns };
    let mut worst = Volatility::Immutable;
    walk(root, |node| worst = worst.max(of_node(node, catalog, columns, depth)));
    worst
}

/// Whether `node` calls a volatile function, or one that the catalog does not know, by name or through
/// an operator or cast.
pub fn is_volatile(node: &Node, catalog: &Catalog) -> bool {
    let mut found = false;
    if let Some(root) = &node.node {
        walk(root, |node| found |= makes_volatile(node, catalog));
    }
    found
}

/// The same for an expression as the server prints it.
pub fn text_is_volatile(text: &str, catalog: &Catalog) -> bool {
    // Most defaults of a large schema are one of these two, and parsing each would cost.
    if text.starts_with("nextval(") {
        return true;
    }
    if !text.contains('(') {
        return false;
    }
    match crate::sql::grammar::parse(&format!("SELECT {text}")) {
        Ok(parsed) => parsed
            .stmts
            .iter()
            .filter_map(|raw| raw.stmt.as_deref())
            .any(|n| is_volatile(n, catalog)),
        Err(_) => true,
    }
}

/// Whether a node makes the expression that it stands in volatile, by itself.
fn makes_volatile(node: NodeRef<'_>, catalog: &Catalog) -> bool {
    match node {
        NodeRef::FuncCall(call) if catalog.functions.is_empty() => {
            name_parts(&call.funcname).last().is_some_and(|name| VOLATILE.contains(name))
        }
        NodeRef::FuncCall(call) => of_call(call, catalog, &[], 0) == Volatility::Volatile,
        NodeRef::AExpr(expression) => of_operator(expression, catalog) == Volatility::Volatile,
        NodeRef::TypeCast(cast) => catalog
            .cast_functions(cast)
            .into_iter()
            .any(|function| catalog.volatility_of(function) == Volatility::Volatile),
        _ => false,
    }
}

/// The volatility of a node alone, not of what stands below it.
fn of_node(node: NodeRef<'_>, catalog: &Catalog, columns: &[Column], depth: usize) -> Volatility {
    match node {
        NodeRef::FuncCall(call) => of_call(call, catalog, columns, depth),
        NodeRef::AExpr(expression) => of_operator(expression, catalog),
        NodeRef::TypeCast(cast) => {
            let literal = matches!(
                cast.arg.as_ref().and_then(|arg| arg.node.as_ref()),
                Some(node::Node::AConst(_))
            );
            let functions = catalog.cast_functions(cast).into_iter();
            functions
                .map(|function| catalog.volatility_of(function))
                .fold(of_cast(cast.type_name.as_ref(), literal, catalog), Volatility::max)
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
pub(crate) fn name_parts(name: &[Node]) -> Vec<&str> {
    name.iter()
        .filter_map(|part| match &part.node {
            Some(node::Node::String(part)) => Some(part.sval.as_str()),
            _ => None,
        })
        .collect()
}

fn of_call(call: &FuncCall, catalog: &Catalog, columns: &[Column], depth: usize) -> Volatility {
    let (schema, name) = match name_parts(&call.funcname)[..] {
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
    let given = call.args.len();
    let candidates: Vec<&Function> = catalog
        .functions
        .get(name)
        .into_iter()
        .flatten()
        .filter(reachable)
        .filter(|function| overload::takes(function, given))
        .collect();
    // The most volatile of those that could be meant.
    overload::meant(call, &candidates, catalog, columns)
        .into_iter()
        .map(|function| function.volatility.max(of_defaults(function, call, catalog, depth)))
        .max()
        .unwrap_or(Volatility::Volatile)
}

/// What the call leaves to the defaults of arguments is computed with it.
fn of_defaults(
    function: &Function,
    call: &FuncCall,
    catalog: &Catalog,
    depth: usize,
) -> Volatility {
    let Some(used) = function.defaults_used(call).filter(|_| depth < MAX_DEPTH) else {
        return Volatility::Volatile;
    };
    let volatility = |default| at_depth(default, catalog, &[], depth + 1);
    used.iter().map(volatility).max().unwrap_or(Volatility::Immutable)
}

/// Every operator name of `pg_catalog` (14 to 18). None of them stands for a volatile function; an
/// operator that somebody made may.
const BUILT_IN_OPERATORS: &str = " !! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= \
    *<> *= *> *>= + - -> ->> -|- / < <-> << <<= <<| <= <> <@ <^ = > >= >> >>= >^ ? ?# ?& ?- ?-| \
    ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~* != ";

/// Whether every operator that `parts` can name is the server's own, or a form that the grammar spells
/// in words.
pub(crate) fn is_built_in_operator(parts: &[&str]) -> bool {
    let (schema, operator) = match *parts {
        [operator] => (None, operator),
        [schema, operator] => (Some(schema), operator),
        _ => return true,
    };
    let words = operator.chars().any(char::is_alphabetic);
    schema.is_none_or(|schema| schema == "pg_catalog")
        && (words || BUILT_IN_OPERATORS.contains(&format!(" {operator} ")))
}

fn of_operator(expression: &pg_query::protobuf::AExpr, catalog: &Catalog) -> Volatility {
    let parts = name_parts(&expression.name);
    let functions = catalog.operator_functions(&parts);
    let made = functions.iter().map(|function| catalog.volatility_of(function)).max();
    if !is_built_in_operator(&parts) {
        return made.unwrap_or(Volatility::Volatile);
    }
    let operator = parts.last().copied().unwrap_or_default();
    // Arithmetic with an interval on a timestamp with time zone depends on the session time zone.
    let interval = [&expression.lexpr, &expression.rexpr].into_iter().flatten().any(|side| {
        matches!(&side.node, Some(node::Node::TypeCast(cast))
            if cast.type_name.as_ref().is_some_and(|t| name_parts(&t.names).last() == Some(&"interval")))
    });
    let own = if interval && matches!(operator, "+" | "-") {
        Volatility::Stable
    } else {
        Volatility::Immutable
    };
    made.map_or(own, |made| made.max(own))
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
            defaults: None,
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

    fn small() -> Catalog {
        let mut catalog = Catalog::default();
        catalog.server.search_path = vec!["public".into()];
        for (schema, name, arguments, volatility) in [
            ("pg_catalog", "now", "", Volatility::Stable),
            ("pg_catalog", "lower", "text", Volatility::Immutable),
            ("pg_catalog", "random", "", Volatility::Volatile),
            ("app", "lower", "text", Volatility::Volatile),
        ] {
            catalog.functions.entry(name.into()).or_default().push(Function {
                schema: schema.into(),
                arguments: arguments.into(),
                volatility,
                language: "internal".into(),
                defaults: None,
                routine: None,
            });
        }
        catalog
    }

    #[test]
    fn volatility_is_that_of_the_functions_called_at_any_depth() {
        let catalog = small();
        for stable in [
            "0",
            "now()",
            "(now() + '1 day'::interval)",
            "CURRENT_TIMESTAMP",
            "lower('A'::text)",
            "COALESCE(lower('random()'::text), ''::text)",
            "ARRAY[]::integer[]",
        ] {
            assert!(!text_is_volatile(stable, &catalog), "{stable}");
        }
        for volatile in [
            "nextval('public.s'::regclass)",
            "random()",
            "CASE WHEN (1 > 0) THEN ARRAY[(random())::text] ELSE NULL::text[] END",
            "app.lower('A'::text)",
            "not_known()",
            "(1 OPERATOR(app.+) (2))",
        ] {
            assert!(text_is_volatile(volatile, &catalog), "{volatile}");
        }
    }

    #[test]
    fn a_catalog_without_functions_knows_the_usual_volatile_ones() {
        let catalog = Catalog::default();
        assert!(!text_is_volatile("now()", &catalog));
        assert!(text_is_volatile("(gen_random_uuid())::text", &catalog));
    }
}
