//! Functions whose body names something that goes.

use super::failed;
use super::path::Paths;
use crate::error::Error;
use crate::sql::QualifiedName;
use crate::usage::body::{self, Body};
use crate::usage::judge::Seen;
use crate::usage::text::Finder;
use crate::usage::{Object, Source, Use};
use tokio_postgres::Client;

/// Functions with one of the words anywhere in their text. A body that the server keeps parsed has
/// no text; its dependencies are known.
const BODIES: &str = "
SELECT n.nspname::text AS schema, p.proname::text AS function,
       pg_catalog.format('%I.%I(%s)', n.nspname, p.proname,
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

pub(super) async fn read(
    client: &Client,
    objects: &[Object],
    finder: &Finder<'_>,
    paths: &Paths,
    seen: &mut Seen,
) -> Result<(), Error> {
    let words: Vec<String> = objects.iter().map(|object| object.word().to_owned()).collect();
    for row in client.query(BODIES, &[&words]).await.map_err(failed)? {
        let function =
            QualifiedName::new(row.get::<_, String>("schema"), row.get::<_, String>("function"));
        // It goes itself.
        if objects.contains(&Object::Function(function)) {
            continue;
        }
        let owner: String = row.get("owner");
        let schemas: Vec<String> = row.get("table_schemas");
        let tables: Vec<String> = row.get("table_names");
        let body = Body {
            name: row.get("name"),
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
