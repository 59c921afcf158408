//! Functions and procedures: of the server's own, what an expression has to know of them; of others, all that
//! another one which calls them needs.

use crate::catalog::{Function, Routine, RoutineKind, Volatility};
use std::collections::BTreeMap;
use tokio_postgres::Row;

/// A function in SQL can have polymorphic types, and no other pseudo-types but these.
pub(super) const QUERY: &str = "
SELECT n.nspname::text AS schema,
       p.proname::text AS name,
       pg_get_function_identity_arguments(p.oid) AS arguments,
       p.provolatile::text AS volatility,
       l.lanname::text AS language,
       n.nspname <> 'pg_catalog' AS foreign,
       CASE WHEN n.nspname <> 'pg_catalog' THEN pg_get_function_arguments(p.oid) END AS declared,
       CASE WHEN n.nspname <> 'pg_catalog' THEN
         (SELECT coalesce(array_agg(format_type(a.type, NULL) ORDER BY a.place), '{}')
            FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, place)) END AS inputs,
       CASE WHEN n.nspname <> 'pg_catalog' THEN pg_get_function_result(p.oid) END AS result,
       CASE WHEN n.nspname <> 'pg_catalog' THEN
         (SELECT format_type(t.oid, NULL) FROM pg_type t
           WHERE t.oid = ANY (p.proargtypes::oid[] || p.prorettype) AND t.typtype = 'p'
             AND (t.typname !~ '^any' OR t.typname = 'any')
             AND NOT (t.oid = p.prorettype
                      AND (t.typname IN ('void', 'trigger', 'event_trigger')
                           OR t.typname = 'record' AND p.proallargtypes IS NOT NULL))
           ORDER BY t.oid LIMIT 1) END AS pseudo_type,
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
       CASE WHEN n.nspname <> 'pg_catalog' THEN
         md5(concat_ws(E'\\n', p.prosrc, p.probin, {function_body}, p.proconfig::text, p.prosecdef::text)) END AS body,
       CASE WHEN n.nspname <> 'pg_catalog' THEN
         coalesce(p.proacl, acldefault('f', p.proowner))::text[] END AS privileges
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname = 'pg_catalog' OR {schema}";

pub(super) fn by_name(rows: &[Row]) -> BTreeMap<String, Vec<Function>> {
    let mut functions: BTreeMap<String, Vec<Function>> = BTreeMap::new();
    for row in rows {
        functions.entry(row.get("name")).or_default().push(Function {
            schema: row.get("schema"),
            arguments: row.get("arguments"),
            volatility: match row.get::<_, &str>("volatility") {
                "i" => Volatility::Immutable,
                "s" => Volatility::Stable,
                _ => Volatility::Volatile,
            },
            language: row.get("language"),
            routine: row.get::<_, bool>("foreign").then(|| Box::new(routine(row))),
        });
    }
    for overloads in functions.values_mut() {
        overloads.sort_by(|a, b| (&a.schema, &a.arguments).cmp(&(&b.schema, &b.arguments)));
    }
    functions
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
