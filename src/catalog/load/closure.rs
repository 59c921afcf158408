//! Which relations hang together with those that a migration names, by OID.
//!
//! Inheritance and partitions, views, and foreign keys that pass a change on are followed to their
//! end. What only takes part in a change (the other end of a foreign key, a sequence, what a view
//! reads) is loaded with its partitions and not followed further: in most schemas everything hangs
//! together with everything by foreign keys.

use super::session::failed;
use super::versions::for_version;
use crate::catalog::need::Need;
use crate::catalog::relations::OtherNames;
use crate::error::Error;
use std::collections::{HashMap, HashSet};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Relations that have a word of `$1` for a name, or an index or statistics object of that name, in a
/// schema of `$2` or one that is a word too; in any schema when `$2` is NULL.
const NAMED: &str = "
WITH schema AS MATERIALIZED (
     SELECT oid FROM pg_namespace
      WHERE {schema} AND ($2::text[] IS NULL OR nspname = ANY ($2::text[]::name[])
                          OR nspname = ANY ($1::text[]::name[])))
SELECT coalesce(x.indrelid, c.oid) AS relation
  FROM pg_class c
  LEFT JOIN pg_index x ON x.indexrelid = c.oid
 WHERE c.relname = ANY ($1::text[]::name[]) AND c.relnamespace IN (SELECT oid FROM schema)
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c', 'i', 'I')
 UNION
SELECT s.stxrelid FROM pg_statistic_ext s
 WHERE s.stxname = ANY ($1::text[]::name[]) AND s.stxnamespace IN (SELECT oid FROM schema)";

/// Parents and children of the relations in `$1`.
const FAMILY: &str = "
SELECT inhrelid AS relation FROM pg_inherits WHERE inhparent = ANY ($1)
 UNION
SELECT inhparent FROM pg_inherits WHERE inhrelid = ANY ($1)";

/// What hangs on the relations in `$1`, and what they stand on; `near` where it has to be followed in
/// turn. Objects below 16384 are the server's own (`FirstNormalObjectId`).
const NEIGHBOURS: &str = "
WITH mine AS MATERIALIZED (
     SELECT c.oid, t.oid AS type, t.typarray FROM pg_class c
       LEFT JOIN pg_type t ON t.oid = c.reltype
      WHERE c.oid = ANY ($1)
), hanging AS MATERIALIZED (
     SELECT r.classid, r.objid FROM pg_depend r
      WHERE r.refclassid = 'pg_class'::regclass AND r.refobjid = ANY ($1)
      UNION
     SELECT r.classid, r.objid FROM mine JOIN pg_depend r
            ON r.refclassid = 'pg_type'::regclass AND r.refobjid = mine.type
      UNION
     SELECT r.classid, r.objid FROM mine JOIN pg_depend r
            ON r.refclassid = 'pg_type'::regclass AND r.refobjid = mine.typarray
), found (relation, near) AS (
     SELECT w.ev_class, true FROM hanging h
       JOIN pg_rewrite w ON h.classid = 'pg_rewrite'::regclass AND w.oid = h.objid
      UNION
     SELECT k.conrelid, k.confdeltype NOT IN ('a', 'r') OR k.confupdtype NOT IN ('a', 'r')
       FROM hanging h
       JOIN pg_constraint k ON h.classid = 'pg_constraint'::regclass AND k.oid = h.objid
            AND k.contype = 'f'
      UNION
     SELECT p.polrelid, false FROM hanging h
       JOIN pg_policy p ON h.classid = 'pg_policy'::regclass AND p.oid = h.objid
      UNION
     SELECT d.adrelid, false FROM hanging h
       JOIN pg_attrdef d ON h.classid = 'pg_attrdef'::regclass AND d.oid = h.objid
      UNION
     SELECT t.tgrelid, false FROM hanging h
       JOIN pg_trigger t ON h.classid = 'pg_trigger'::regclass AND t.oid = h.objid
      UNION
     SELECT h.objid, false FROM hanging h WHERE h.classid = 'pg_class'::regclass
      UNION
     -- The table that owns a sequence; a sequence among them is what one of them owns.
     SELECT r.refobjid, true FROM pg_depend r
      WHERE r.classid = 'pg_class'::regclass AND r.objid = ANY ($1)
        AND r.refclassid = 'pg_class'::regclass
      UNION
     SELECT k.confrelid, false FROM pg_constraint k
      WHERE k.conrelid = ANY ($1) AND k.contype = 'f'
      UNION
     SELECT r.refobjid, false FROM pg_attrdef d
       JOIN pg_depend r ON r.classid = 'pg_attrdef'::regclass AND r.objid = d.oid
            AND r.refclassid = 'pg_class'::regclass
      WHERE d.adrelid = ANY ($1)
      UNION
     SELECT r.refobjid, false FROM pg_rewrite w
       JOIN pg_depend r ON r.classid = 'pg_rewrite'::regclass AND r.objid = w.oid
            AND r.refclassid = 'pg_class'::regclass
      WHERE w.ev_class = ANY ($1)
)
SELECT f.relation, bool_or(f.near) AS near
  FROM found f
  JOIN pg_class c ON c.oid = f.relation AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
 WHERE f.relation >= 16384
 GROUP BY f.relation";

/// Every name that a relation, index or constraint has, by schema: two rows for each at most. Copies
/// that a foreign key keeps are left out, as when constraints are loaded.
const NAMES: &str = "
SELECT n.nspname::text AS schema, false AS of_constraints, array_agg(c.relname::text) AS names
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {schema}
 GROUP BY n.nspname
 UNION ALL
SELECT n.nspname::text, true, array_agg(k.conname::text)
  FROM pg_constraint k
  JOIN pg_namespace n ON n.oid = k.connamespace
  LEFT JOIN pg_constraint parent ON parent.oid = k.conparentid
 WHERE {schema} AND k.conrelid <> 0 AND parent.conrelid IS DISTINCT FROM k.conrelid
 GROUP BY n.nspname";

/// How a relation is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Takes part, with its partitions.
    Beside,
    /// Is followed.
    Near,
}

/// The relations to load.
///
/// # Errors
/// As [`super::load`].
pub(super) async fn relations(
    client: &Client,
    need: &Need,
    path: &[String],
    version_num: u32,
) -> Result<Vec<u32>, Error> {
    let words: Vec<&str> = need.words.iter().map(String::as_str).collect();
    let path = (!need.any_schema).then_some(path);
    let named = for_version(NAMED, version_num);
    let rows = client
        .query_typed(&named, &[(&words, Type::TEXT_ARRAY), (&path, Type::TEXT_ARRAY)])
        .await
        .map_err(failed)?;
    let mut reached: HashMap<u32, Reach> = HashMap::new();
    let mut near: Vec<u32> = rows.iter().map(|row| row.get("relation")).collect();
    let mut beside: Vec<u32> = Vec::new();
    while !near.is_empty() || !beside.is_empty() {
        reached.extend(beside.iter().map(|oid| (*oid, Reach::Beside)));
        reached.extend(near.iter().map(|oid| (*oid, Reach::Near)));
        let of = async |query: &str, oids: &Vec<u32>| {
            client.query_typed(query, &[(oids, Type::OID_ARRAY)]).await
        };
        let (of_near, of_beside, neighbours) =
            tokio::try_join!(of(FAMILY, &near), of(FAMILY, &beside), of(NEIGHBOURS, &near),)
                .map_err(failed)?;
        let mut found: HashMap<u32, Reach> = HashMap::new();
        for row in of_beside.iter().chain(&neighbours) {
            found.entry(row.get("relation")).or_insert(Reach::Beside);
        }
        for row in neighbours.iter().filter(|row| row.get("near")).chain(&of_near) {
            found.insert(row.get("relation"), Reach::Near);
        }
        let is_new = |oid: &u32, reach: Reach| match reached.get(oid) {
            None => true,
            Some(Reach::Beside) => reach == Reach::Near,
            Some(Reach::Near) => false,
        };
        let new = |wanted: Reach| {
            let found =
                found.iter().filter(|(oid, reach)| **reach == wanted && is_new(oid, wanted));
            found.map(|(oid, _)| *oid).collect()
        };
        (near, beside) = (new(Reach::Near), new(Reach::Beside));
    }
    Ok(reached.into_keys().collect())
}

/// Every name that is taken in the application's schemas.
///
/// # Errors
/// As [`super::load`].
pub(super) async fn names(client: &Client, version_num: u32) -> Result<OtherNames, Error> {
    let rows = client.query_typed(&for_version(NAMES, version_num), &[]).await.map_err(failed)?;
    let mut names = OtherNames::default();
    for row in rows {
        let schema: String = row.get("schema");
        let all: HashSet<String> = row.get::<_, Vec<String>>("names").into_iter().collect();
        let of_schema =
            if row.get("of_constraints") { &mut names.constraints } else { &mut names.relations };
        of_schema.insert(schema, all);
    }
    Ok(names)
}
