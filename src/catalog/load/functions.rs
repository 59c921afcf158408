//! Functions and procedures: of the server's own, what an expression has to know of them; of others, all that
//! another one which calls them needs.

use crate::catalog::user_code::UserCode;
use crate::catalog::{Function, Routine, RoutineKind, Volatility};
use crate::sql::QualifiedName;
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::Row;

/// The server's own, three thousand: what costs a look into the server's cache for each, such as its
/// identity arguments as text, is left out where it can be.
pub(super) const OWN: &str = "
SELECT p.proname::text AS name,
       CASE WHEN p.prokind = 'a' THEN pg_get_function_identity_arguments(p.oid) END AS arguments,
       p.proargtypes::oid[] AS inputs,
       p.provariadic <> 0 AS variadic,
       p.provolatile::text AS volatility,
       l.lanname::text AS language
  FROM pg_proc p
  JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = 'pg_catalog'::regnamespace";

/// The types that they take.
pub(super) const OWN_INPUTS: &str = "
SELECT t.oid, format_type(t.oid, NULL) AS name
  FROM pg_type t
 WHERE t.oid IN (SELECT unnest(p.proargtypes::oid[]) FROM pg_proc p
                  WHERE p.pronamespace = 'pg_catalog'::regnamespace)";

/// A function in SQL can have polymorphic types, and no other pseudo-types but these. The server calls
/// every aggregate immutable, whatever the functions behind it are.
pub(super) const OTHERS: &str = "
SELECT n.nspname::text AS schema,
       p.proname::text AS name,
       pg_get_function_identity_arguments(p.oid) AS arguments,
       CASE WHEN EXISTS (SELECT FROM pg_aggregate a JOIN pg_proc f
                            ON f.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
                                         a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
                          WHERE a.aggfnoid = p.oid AND p.prokind = 'a' AND f.provolatile = 'v')
            THEN 'v' ELSE p.provolatile::text END AS volatility,
       l.lanname::text AS language,
       pg_get_expr(p.proargdefaults, 0) AS defaults,
       pg_get_function_arguments(p.oid) AS declared,
       (SELECT coalesce(array_agg(format_type(a.type, NULL) ORDER BY a.place), '{}')
          FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, place)) AS inputs,
       pg_get_function_result(p.oid) AS result,
       (SELECT format_type(t.oid, NULL) FROM pg_type t
         WHERE t.oid = ANY (p.proargtypes::oid[] || p.prorettype) AND t.typtype = 'p'
           AND (t.typname !~ '^any' OR t.typname = 'any')
           AND NOT (t.oid = p.prorettype
                    AND (t.typname IN ('void', 'trigger', 'event_trigger')
                         OR t.typname = 'record' AND p.proallargtypes IS NOT NULL))
         ORDER BY t.oid LIMIT 1) AS pseudo_type,
       p.prokind::text AS kind,
       p.provariadic <> 0 AS variadic,
       p.proretset AS returns_set,
       p.prorettype = 'record'::regtype AS returns_record,
       p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS is_trigger,
       p.proisstrict AS strict,
       p.proleakproof AS leakproof,
       p.proparallel::text AS parallel,
       p.procost::text AS cost,
       p.prorows::text AS rows,
       pg_get_userbyid(p.proowner)::text AS owner,
       md5(concat_ws(E'\\n', p.prosrc, p.probin, {function_body}, p.proconfig::text, p.prosecdef::text)) AS body,
       coalesce(p.proacl, acldefault('f', p.proowner))::text[] AS privileges
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE {schema}";

/// Casts beside those of the server (objects made after `initdb` have numbers from 16384,
/// `FirstNormalObjectId`), with the function behind each that has one.
pub(super) const CASTS: &str = "
SELECT format_type(c.casttarget, NULL) AS target, n.nspname::text AS schema, p.proname::text AS name
  FROM pg_cast c
  LEFT JOIN pg_proc p ON p.oid = c.castfunc
  LEFT JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE c.oid >= 16384";

/// Operators beside those of the server, with the functions behind them.
pub(super) const OPERATORS: &str = "
SELECT o.nspname::text AS operator_schema, operator.oprname::text AS operator,
       n.nspname::text AS schema, p.proname::text AS name
  FROM pg_operator operator
  JOIN pg_namespace o ON o.oid = operator.oprnamespace
  JOIN pg_proc p ON p.oid = operator.oprcode
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE operator.oid >= 16384";

/// `casts`, `operators`: the rows of [`CASTS`] and [`OPERATORS`].
pub(super) fn user_code(casts: &[Row], operators: &[Row]) -> UserCode {
    let function = |row: &Row| {
        let schema: Option<String> = row.get("schema");
        Some(QualifiedName::new(schema?, row.get::<_, String>("name")))
    };
    let mut code = UserCode::default();
    for row in casts {
        code.add_cast(row.get("target"), function(row));
    }
    for row in operators {
        let operator = QualifiedName::new(
            row.get::<_, String>("operator_schema"),
            row.get::<_, String>("operator"),
        );
        if let Some(function) = function(row) {
            code.add_operator(operator, function);
        }
    }
    code
}

/// `own` and `inputs`, `others`: the rows of [`OWN`], [`OWN_INPUTS`] and [`OTHERS`].
pub(super) fn by_name(
    own: &[Row],
    inputs: &[Row],
    others: &[Row],
) -> BTreeMap<String, Vec<Function>> {
    let inputs: HashMap<u32, &str> = inputs.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut functions: BTreeMap<String, Vec<Function>> = BTreeMap::new();
    let own = own.iter().map(|row| (row, own_function(row, &inputs)));
    let others = others.iter().map(|row| {
        let function = Function {
            schema: row.get("schema"),
            arguments: row.get("arguments"),
            volatility: volatility(row),
            language: row.get("language"),
            defaults: row.get("defaults"),
            routine: Some(Box::new(routine(row))),
        };
        (row, function)
    });
    for (row, function) in own.chain(others) {
        functions.entry(row.get("name")).or_default().push(function);
    }
    for overloads in functions.values_mut() {
        overloads.sort_by(|a, b| (&a.schema, &a.arguments).cmp(&(&b.schema, &b.arguments)));
    }
    functions
}

fn volatility(row: &Row) -> Volatility {
    match row.get::<_, &str>("volatility") {
        "i" => Volatility::Immutable,
        "s" => Volatility::Stable,
        _ => Volatility::Volatile,
    }
}

/// Its arguments are named by their types alone, and those that it gives back are left out.
fn own_function(row: &Row, types: &HashMap<u32, &str>) -> Function {
    let arguments = row.get::<_, Option<String>>("arguments").unwrap_or_else(|| {
        let inputs: Vec<u32> = row.get("inputs");
        let mut inputs: Vec<String> =
            inputs.iter().map(|oid| types.get(oid).copied().unwrap_or("?").to_owned()).collect();
        if let (true, Some(last)) = (row.get("variadic"), inputs.last_mut()) {
            last.insert_str(0, "VARIADIC ");
        }
        inputs.join(", ")
    });
    Function {
        schema: "pg_catalog".to_owned(),
        arguments,
        volatility: volatility(row),
        language: row.get("language"),
        defaults: None,
        routine: None,
    }
}

fn routine(row: &Row) -> Routine {
    Routine {
        kind: match row.get::<_, &str>("kind") {
            "p" => RoutineKind::Procedure,
            "a" => RoutineKind::Aggregate,
            "w" => RoutineKind::Window,
            _ => RoutineKind::Function,
        },
        declared: row.get("declared"),
        inputs: row.get("inputs"),
        variadic: row.get("variadic"),
        result: row.get("result"),
        returns_set: row.get("returns_set"),
        returns_record: row.get("returns_record"),
        is_trigger: row.get("is_trigger"),
        pseudo_type: row.get("pseudo_type"),
        strict: row.get("strict"),
        leakproof: row.get("leakproof"),
        parallel: row.get::<_, &str>("parallel").chars().next().unwrap_or('u'),
        cost: row.get("cost"),
        rows: row.get("rows"),
        owner: row.get("owner"),
        body: row.get("body"),
        privileges: row.get("privileges"),
    }
}
