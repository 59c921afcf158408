//! Functions whose body names something that goes, and what the server knows to hang on a function that goes.

use super::failed;
use super::path::Paths;
use crate::error::Error;
use crate::sql::QualifiedName;
use crate::usage::body::{self, Body};
use crate::usage::judge::Seen;
use crate::usage::retired::RetiredFunction;
use crate::usage::text::Finder;
use crate::usage::{Certainty, Object, Source, Use};
use std::collections::BTreeSet;
use tokio_postgres::Client;

/// Functions with one of the words anywhere in their text. A body that the server keeps parsed has
/// no text; its dependencies are known ([`hanging`], and dependants of relations).
const BODIES: &str = "
SELECT pg_catalog.format('%I.%I(%s)', n.nspname, p.proname,
                         pg_catalog.pg_get_function_identity_arguments(p.oid)) AS name,
       l.lanname::text AS language, p.prosrc AS source,
       pg_catalog.pg_get_userbyid(p.proowner)::text AS owner,
       (SELECT o.option_value FROM pg_catalog.pg_options_to_table(p.proconfig) o
         WHERE o.option_name = 'search_path') AS path,
       ARRAY(SELECT tn.nspname::text FROM pg_catalog.pg_trigger t
               JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
               JOIN pg_catalog.pg_namespace tn ON tn.oid = c.relnamespace
              WHERE t.tgfoid = p.oid AND NOT t.tgisinternal ORDER BY t.oid) AS table_schemas,
       ARRAY(SELECT c.relname::text FROM pg_catalog.pg_trigger t
               JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
              WHERE t.tgfoid = p.oid AND NOT t.tgisinternal ORDER BY t.oid) AS table_names
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'airlock')
   AND n.nspname !~ '^pg_'
   AND l.lanname NOT IN ('internal', 'c')
   AND p.prokind IN ('f', 'p')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                      AND d.objid = p.oid AND d.deptype = 'e')
   AND EXISTS (SELECT FROM pg_catalog.unnest($1::text[]) AS w (word)
                WHERE pg_catalog.strpos(pg_catalog.lower(p.prosrc), pg_catalog.lower(w.word)) > 0)
 ORDER BY 3";

/// What hangs on a function: how it is called, the name under which a statement would drop it, and which
/// retired object it may be itself.
const HANGING: &str = "
SELECT CASE WHEN w.oid IS NOT NULL AND o.relkind = 'v' THEN pg_catalog.format('view %s', o.oid::pg_catalog.regclass)
            WHEN w.oid IS NOT NULL AND o.relkind = 'm' THEN pg_catalog.format('materialized view %s', o.oid::pg_catalog.regclass)
            ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END AS what,
       pg_catalog.array_remove(ARRAY[o.relname::text, k.conname::text, c.relname::text, t.tgname::text, y.polname::text,
                                     f.proname::text, a.attname::text], NULL) AS names
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid = p.oid AND d.deptype = 'n'
  LEFT JOIN pg_catalog.pg_rewrite w ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = d.objid
  LEFT JOIN pg_catalog.pg_class o ON o.oid = w.ev_class
  LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
  LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objid
  LEFT JOIN pg_catalog.pg_trigger t ON d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND t.oid = d.objid
  LEFT JOIN pg_catalog.pg_policy y ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND y.oid = d.objid
  LEFT JOIN pg_catalog.pg_proc f ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND f.oid = d.objid
  LEFT JOIN pg_catalog.pg_attrdef e ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND e.oid = d.objid
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
 WHERE n.nspname = $1 AND p.proname = $2 AND pg_catalog.pg_get_function_identity_arguments(p.oid) = $3
 ORDER BY 1";

/// What hangs on `functions`. What a statement of contract names itself, such as a view that goes first, is only possible.
pub(super) async fn hanging(
    client: &Client,
    functions: &[RetiredFunction],
    named: &BTreeSet<String>,
    seen: &mut Seen,
) -> Result<(), Error> {
    for function in functions {
        let RetiredFunction { name, arguments, certainty } = function;
        let rows = client.query(HANGING, &[&name.schema, &name.name, arguments]).await;
        let mut known = BTreeSet::new();
        for row in rows.map_err(failed)? {
            let what: String = row.get("what");
            let names: Vec<String> = row.get("names");
            if !known.insert(what.clone()) {
                continue;
            }
            let seen_to = names.iter().any(|name| named.contains(name));
            seen.uses.push(Use {
                object: Object::Function(name.clone()),
                source: Source::Dependant,
                certainty: if seen_to { Certainty::Possible } else { *certainty },
                who: None,
                what,
                count: None,
            });
        }
    }
    Ok(())
}

pub(super) async fn read(
    client: &Client,
    objects: &[Object],
    functions: &[RetiredFunction],
    finder: &Finder<'_>,
    paths: &Paths,
    seen: &mut Seen,
) -> Result<(), Error> {
    let words: Vec<String> = objects.iter().map(|object| object.word().to_owned()).collect();
    for row in client.query(BODIES, &[&words]).await.map_err(failed)? {
        // It goes itself; another one of its name does not.
        let name: String = row.get("name");
        if functions.iter().any(|gone| format!("{}({})", gone.name, gone.arguments) == name) {
            continue;
        }
        let owner: String = row.get("owner");
        let schemas: Vec<String> = row.get("table_schemas");
        let tables: Vec<String> = row.get("table_names");
        let body = Body {
            name,
            language: row.get("language"),
            source: row.get("source"),
            tables: schemas
                .into_iter()
                .zip(tables)
                .map(|(s, t)| QualifiedName::new(s, t))
                .collect(),
            path: match row.get::<_, Option<String>>("path") {
                Some(path) => paths.expand(&path, &owner),
                None => paths.of(&owner),
            },
        };
        for (object, certainty) in body::uses(&body, finder) {
            seen.uses.push(Use {
                object,
                source: Source::Function,
                certainty,
                who: None,
                what: format!("function {}", body.name),
                count: None,
            });
        }
    }
    Ok(())
}
