//! The texts of the queries that read a catalog, one for each kind of object. Words in braces are
//! filled in by `versions`.
//!
//! Every query reads all of its objects at once, whatever their number, in no particular order
//! (sorting wide rows would spill to disk in a large schema). `$1` is an array of
//! relation OIDs to keep to, or NULL for all relations. Never runs anything.

/// The server and the role. Runs before the printing settings are made, so it shows the session's.
pub(crate) const SERVER: &str = "
SELECT current_setting('server_version_num')::int AS version_num,
       current_database()::text AS database,
       current_schemas(false)::text[] AS search_path,
       current_user::text AS role,
       r.rolsuper AS superuser,
       r.rolsuper OR {set_replication_role} AS may_set_replication_role,
       has_database_privilege(current_database(), 'CREATE') AS may_create_schema,
       pg_has_role('pg_read_all_stats', 'USAGE') AS may_read_all_stats,
       r.rolbypassrls AS bypasses_row_security
  FROM pg_roles r
 WHERE r.rolname = current_user";

/// Settings by name, as `SHOW` prints them; `$1` lists the names.
pub(crate) const SETTINGS: &str = "
SELECT name, current_setting(name, true) AS value
  FROM unnest($1::text[]) AS name
 WHERE current_setting(name, true) IS NOT NULL";

/// OIDs of relations by schema (`$1`) and name (`$2`).
pub(crate) const OIDS: &str = "
SELECT c.oid
  FROM unnest($1::text[], $2::text[]) AS wanted (schema, name)
  JOIN pg_namespace n ON n.nspname::text = wanted.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name::name";

pub(crate) const SCHEMAS: &str = "SELECT nspname::text AS name FROM pg_namespace WHERE {schema}";

/// Extensions and their members. What is part of a member (the rule of a view, an entry of an
/// operator class) is no outsider that needs it.
pub(crate) const EXTENSIONS: &str = "
WITH member AS (
    SELECT d.refobjid AS extension, d.classid, d.objid
      FROM pg_depend d
     WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
SELECT e.extname::text AS name,
       coalesce(r.schemas, '{}') AS relation_schemas, coalesce(r.names, '{}') AS relation_names,
       coalesce(t.schemas, '{}') AS type_schemas, coalesce(t.names, '{}') AS type_names,
       EXISTS (SELECT FROM member m
                 JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid
                WHERE m.extension = e.oid AND d.deptype = 'n'
                  AND NOT EXISTS (SELECT FROM member o
                                   WHERE o.extension = e.oid AND o.classid = d.classid
                                     AND o.objid = d.objid)
                  AND NOT EXISTS (SELECT FROM pg_depend i
                                    JOIN member o ON o.classid = i.refclassid
                                                 AND o.objid = i.refobjid
                                   WHERE i.classid = d.classid AND i.objid = d.objid
                                     AND i.deptype IN ('i', 'a')
                                     AND o.extension = e.oid)) AS needed
  FROM pg_extension e
  LEFT JOIN (SELECT m.extension, array_agg(n.nspname::text ORDER BY c.oid) AS schemas,
                    array_agg(c.relname::text ORDER BY c.oid) AS names
               FROM member m
               JOIN pg_class c ON c.oid = m.objid AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
               JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE m.classid = 'pg_class'::regclass GROUP BY m.extension) r ON r.extension = e.oid
  LEFT JOIN (SELECT m.extension, array_agg(n.nspname::text ORDER BY y.oid) AS schemas,
                    array_agg(y.typname::text ORDER BY y.oid) AS names
               FROM member m
               JOIN pg_type y ON y.oid = m.objid
               JOIN pg_namespace n ON n.oid = y.typnamespace
              WHERE m.classid = 'pg_type'::regclass GROUP BY m.extension) t ON t.extension = e.oid";

pub(crate) const RELATIONS: &str = "
SELECT c.oid,
       n.nspname::text AS schema,
       c.relname::text AS name,
       c.relkind::text AS kind,
       pg_get_userbyid(c.relowner)::text AS owner,
       pg_has_role(c.relowner, 'USAGE') AS owned_by_us,
       c.relpersistence::text AS persistence,
       CASE WHEN c.relkind IN ('r', 'p', 'm', 'f') AND NOT {never_analyzed}
            THEN c.reltuples::float8 END AS estimated_rows,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) END AS main_bytes,
       coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) AS toast_bytes,
       c.relrowsecurity AS row_security,
       c.relforcerowsecurity AS force_row_security,
       c.relreplident::text AS replica_identity,
       c.relacl::text[] AS privileges,
       c.reloptions AS options,
       (SELECT array_agg('toast.' || o) FROM pg_class t, unnest(t.reloptions) AS o
         WHERE t.oid = c.reltoastrelid) AS toast_options,
       d.description AS comment,
       am.amname::text AS access_method,
       ts.spcname::text AS tablespace,
       c.relispartition AS is_partition, NOT c.relispopulated AS unpopulated,
       pg_get_expr(c.relpartbound, c.oid) AS partition_bound,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
  LEFT JOIN pg_description d
         ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
 WHERE {wanted} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')";

pub(crate) const COLUMNS: &str = "
SELECT a.attrelid AS relation,
       a.attnum AS position,
       a.attname::text AS name,
       format_type(a.atttypid, a.atttypmod) AS type_name,
       un.nspname::text AS user_type_schema,
       u.typname::text AS user_type_name,
       a.attnotnull AS not_null,
       a.attgenerated::text AS generated,
       a.attidentity::text AS identity,
       pg_get_expr(ad.adbin, ad.adrelid) AS expression,
       cn.nspname::text AS collation_schema,
       co.collname::text AS collation_name,
       nullif(a.attstorage, t.typstorage)::text AS storage,
       {compression} AS compression,
       nullif(a.attstattarget, -1)::int AS statistics_target,
       CASE WHEN a.attoptions IS NOT NULL THEN
           array(SELECT o FROM unnest(a.attoptions) AS o
                  WHERE split_part(o, '=', 1) IN ('n_distinct', 'n_distinct_inherited')
                  ORDER BY o)
       END AS options,
       a.attacl::text[] AS privileges,
       d.description AS comment,
       a.attinhcount > 0 AS inherited,
       a.attinhcount > 0 AND a.attislocal AS own_too
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_type u ON u.oid = CASE WHEN t.typelem <> 0 AND t.typlen = -1 AND t.typtype = 'b'
                                      THEN t.typelem ELSE t.oid END
        AND u.typnamespace <> 'pg_catalog'::regnamespace
  LEFT JOIN pg_namespace un ON un.oid = u.typnamespace
  LEFT JOIN pg_collation co ON co.oid = a.attcollation AND a.attcollation <> t.typcollation
  LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
  LEFT JOIN pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
  LEFT JOIN pg_description d
         ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
 WHERE {wanted} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')";

/// Constraints, without the copies that a foreign key keeps for each partition it points to.
pub(crate) const CONSTRAINTS: &str = "
SELECT k.conrelid AS relation,
       k.conname::text AS name,
       k.contype::text AS kind,
       k.conkey AS columns,
       pg_get_constraintdef(k.oid) AS definition,
       CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END AS expression,
       k.convalidated AS validated,
       k.condeferrable AS is_deferrable,
       k.condeferred AS initially_deferred,
       k.connoinherit AND k.contype IN ('c', 'n') AS no_inherit,
       fn.nspname::text AS references_schema,
       f.relname::text AS references_name,
       CASE WHEN k.contype = 'f' THEN
           array(SELECT fa.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS key (attnum, place)
                   JOIN pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = key.attnum
                  ORDER BY key.place)
       END AS referenced_columns,
       i.relname::text AS index,
       d.description AS comment,
       k.coninhcount > 0 AS inherited,
       k.coninhcount > 0 AND k.conislocal AS own_too
  FROM pg_class c
  JOIN pg_constraint k ON k.conrelid = c.oid
  LEFT JOIN pg_class f ON f.oid = k.confrelid
  LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
  LEFT JOIN pg_class i ON i.oid = k.conindid
  LEFT JOIN pg_constraint parent ON parent.oid = k.conparentid
  LEFT JOIN pg_description d
         ON d.objoid = k.oid AND d.classoid = 'pg_constraint'::regclass AND d.objsubid = 0
 WHERE {wanted} AND parent.conrelid IS DISTINCT FROM k.conrelid";

pub(crate) const INDEXES: &str = "
SELECT x.indrelid AS relation,
       i.relname::text AS name,
       pg_get_indexdef(x.indexrelid) AS definition,
       am.amname::text AS method,
       x.indkey::int2[] AS keys,
       x.indnkeyatts::int AS key_count,
       read.columns,
       pg_get_expr(x.indpred, x.indrelid) AS predicate,
       x.indexprs IS NOT NULL AS has_expressions,
       x.indisunique AS is_unique,
       x.indisprimary AS is_primary,
       x.indisvalid AS valid,
       x.indisready AS ready,
       x.indisreplident AS is_replica_identity,
       x.indisclustered AS is_clustered,
       k.conname::text AS constraint,
       pn.nspname::text AS parent_schema,
       p.relname::text AS parent_name,
       coalesce(pg_relation_size(x.indexrelid), 0) AS bytes,
       d.description AS comment,
       targets.list AS statistics_targets
  FROM pg_class c
  JOIN pg_index x ON x.indrelid = c.oid
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_am am ON am.oid = i.relam
  LEFT JOIN LATERAL (
       SELECT array_agg(DISTINCT r.refobjsubid::int2) AS columns
         FROM pg_depend r
        WHERE (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL)
          AND r.classid = 'pg_class'::regclass AND r.objid = x.indexrelid AND r.objsubid = 0
          AND r.refclassid = 'pg_class'::regclass AND r.refobjid = x.indrelid
          AND r.refobjsubid > 0) AS read ON true
  LEFT JOIN LATERAL (
       SELECT string_agg(a.attnum || ':' || a.attstattarget, ' ' ORDER BY a.attnum) AS list
         FROM pg_attribute a
        WHERE x.indexprs IS NOT NULL AND a.attrelid = x.indexrelid AND a.attstattarget >= 0
       ) AS targets ON true
  LEFT JOIN pg_constraint k
         ON k.conindid = x.indexrelid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_inherits h ON h.inhrelid = x.indexrelid
  LEFT JOIN pg_class p ON p.oid = h.inhparent
  LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
  LEFT JOIN pg_description d
         ON d.objoid = x.indexrelid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
 WHERE {wanted}";

pub(crate) const TRIGGERS: &str = "
SELECT t.tgrelid AS relation,
       t.tgname::text AS name,
       pg_get_triggerdef(t.oid) AS definition,
       t.tgenabled::text AS enabled,
       fn.nspname::text AS function_schema,
       f.proname::text AS function_name,
       t.tgtype::int AS type,
       t.tgattr::int2[] AS update_of,
       obj_description(t.oid, 'pg_trigger') AS comment,
       (SELECT array_agg(DISTINCT r.refobjsubid::int2) FROM pg_depend r
         WHERE r.classid = 'pg_trigger'::regclass AND r.objid = t.oid
           AND r.refclassid = 'pg_class'::regclass AND r.refobjid = t.tgrelid
           AND r.refobjsubid > 0) AS columns
  FROM pg_class c
  JOIN pg_trigger t ON t.tgrelid = c.oid
  JOIN pg_proc f ON f.oid = t.tgfoid
  JOIN pg_namespace fn ON fn.oid = f.pronamespace
 WHERE {wanted} AND {user_trigger}";

/// Rules but the one that makes a view a view.
pub(crate) const RULES: &str = "
SELECT r.ev_class AS relation, r.rulename::text AS name
  FROM pg_class c
  JOIN pg_rewrite r ON r.ev_class = c.oid
 WHERE {wanted} AND r.rulename <> '_RETURN'";

pub(crate) const POLICIES: &str = "
SELECT p.polrelid AS relation,
       p.polname::text AS name,
       format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.polname, c.oid::regclass,
              CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
              CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
              (SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC'
                                      ELSE quote_ident(pg_get_userbyid(role)) END, ', '
                                 ORDER BY pg_get_userbyid(role))
                 FROM unnest(p.polroles) AS role))
         || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
         || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
         AS definition,
       obj_description(p.oid, 'pg_policy') AS comment,
       (SELECT array_agg(DISTINCT r.refobjsubid::int2) FROM pg_depend r
         WHERE r.classid = 'pg_policy'::regclass AND r.objid = p.oid
           AND r.refclassid = 'pg_class'::regclass AND r.refobjid = p.polrelid
           AND r.refobjsubid > 0) AS columns
  FROM pg_class c
  JOIN pg_policy p ON p.polrelid = c.oid
 WHERE {wanted}";

/// Publications of each table: named, by schema, for all tables, or through a partitioned table.
pub(crate) const PUBLICATIONS: &str = "
WITH RECURSIVE member (publication, relation) AS (
     SELECT seed.publication, seed.relation FROM (
         SELECT p.pubname, m.prrelid
           FROM pg_publication_rel m JOIN pg_publication p ON p.oid = m.prpubid
         UNION
         SELECT p.pubname, c.oid
           FROM pg_publication p CROSS JOIN pg_class c
          WHERE p.puballtables AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
         {schema_publications}) AS seed (publication, relation)
     UNION
     SELECT m.publication, h.inhrelid
       FROM member m
       JOIN pg_inherits h ON h.inhparent = m.relation
       JOIN pg_class child ON child.oid = h.inhrelid AND child.relispartition
)
SELECT m.relation, m.publication::text AS name, p.pubupdate AS updates, p.pubdelete AS deletes
  FROM member m JOIN pg_class c ON c.oid = m.relation
  JOIN pg_publication p ON p.pubname = m.publication
 WHERE {wanted}";

/// What publications say of a table alone.
pub(crate) const PUBLISHED: &str = "
SELECT m.prrelid AS relation, p.pubname::text AS name,
       {published_columns}::text[] AS columns, {published_rows}::text AS condition,
       p.pubupdate AS updates, p.pubdelete AS deletes, {publish_via_root} AS via_root
  FROM pg_class c JOIN pg_publication_rel m ON m.prrelid = c.oid
  JOIN pg_publication p ON p.oid = m.prpubid WHERE {wanted}";

pub(crate) const STATISTICS: &str = "
SELECT s.stxrelid AS relation,
       n.nspname::text AS schema,
       s.stxname::text AS name,
       pg_get_statisticsobjdef(s.oid) AS definition,
       s.stxkeys::int2[] || (
           SELECT array_agg(DISTINCT r.refobjsubid::int2) FROM pg_depend r
            WHERE r.classid = 'pg_statistic_ext'::regclass AND r.objid = s.oid
              AND r.refclassid = 'pg_class'::regclass AND r.refobjid = s.stxrelid
              AND r.refobjsubid > 0) AS columns,
       nullif({statistics_target}, -1)::int AS target,
       d.description AS comment
  FROM pg_class c
  JOIN pg_statistic_ext s ON s.stxrelid = c.oid
  JOIN pg_namespace n ON n.oid = s.stxnamespace
  LEFT JOIN pg_description d
         ON d.objoid = s.oid AND d.classoid = 'pg_statistic_ext'::regclass AND d.objsubid = 0
 WHERE {wanted}";

/// Both ends of every inheritance or partition link that a wanted relation has.
pub(crate) const INHERITANCE: &str = "
SELECT h.inhrelid AS child, cn.nspname::text AS child_schema, c.relname::text AS child_name,
       h.inhparent AS parent, pn.nspname::text AS parent_schema, p.relname::text AS parent_name
  FROM pg_inherits h
  JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind IN ('r', 'p', 'f')
  JOIN pg_namespace cn ON cn.oid = c.relnamespace
  JOIN pg_class p ON p.oid = h.inhparent
  JOIN pg_namespace pn ON pn.oid = p.relnamespace
 WHERE $1::oid[] IS NULL OR h.inhrelid = ANY ($1) OR h.inhparent = ANY ($1)
 ORDER BY h.inhrelid, h.inhseqno, cn.nspname, c.relname";

/// The column that owns a sequence (`serial`, identity, `OWNED BY`).
pub(crate) const SEQUENCE_OWNERS: &str = "
SELECT c.oid AS sequence, n.nspname::text AS schema, t.relname::text AS name,
       a.attname::text AS column, r.deptype = 'i' AS of_identity
  FROM pg_class c
  JOIN pg_depend r ON r.classid = 'pg_class'::regclass AND r.objid = c.oid AND r.objsubid = 0
       AND r.refclassid = 'pg_class'::regclass AND r.refobjsubid > 0 AND r.deptype IN ('a', 'i')
  JOIN pg_class t ON t.oid = r.refobjid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = r.refobjsubid
 WHERE {wanted} AND c.relkind = 'S'";

/// Where sequences stand. Asking for the position of one that belongs to another session, or that
/// the role must not see, would be an error.
pub(crate) const SEQUENCES: &str = "
SELECT c.oid AS sequence,
       s.seqmax AS max_value,
       s.seqincrement AS increment,
       s.seqmin AS min_value,
       s.seqstart AS start,
       s.seqcache AS cache,
       s.seqcycle AS cycle,
       CASE format_type(s.seqtypid, NULL) WHEN 'smallint' THEN 2 WHEN 'integer' THEN 4
            ELSE 8 END::int2 AS width,
       CASE WHEN has_sequence_privilege(c.oid, 'SELECT, USAGE') AND NOT pg_is_other_temp_schema(n.oid)
            THEN pg_sequence_last_value(c.oid) END AS last_value
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_sequence s ON s.seqrelid = c.oid
 WHERE {wanted} AND c.relkind = 'S'";

pub(crate) const TYPES: &str = "
SELECT n.nspname::text AS schema,
       t.typname::text AS name,
       t.typtype::text AS kind,
       CASE WHEN t.typtype = 'e' THEN
           array(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid
                  ORDER BY e.enumsortorder)
       END AS labels,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base,
       t.typnotnull AS not_null,
       t.typdefault AS expression,
       CASE WHEN t.typtype = 'd' THEN
           array(SELECT k.conname || ' ' || pg_get_constraintdef(k.oid) FROM pg_constraint k
                  WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname)
       END AS checks
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
 WHERE {schema}
   AND (c.oid IS NULL OR c.relkind = 'c')
   AND NOT (t.typcategory = 'A' AND t.typelem <> 0)";

/// Reads the rules of views, and so locks the tables beneath them (ACCESS SHARE) to the end of the
/// transaction: it comes last.
pub(crate) const VIEWS: &str = "
SELECT c.oid AS relation, pg_get_viewdef(c.oid) AS definition
  FROM pg_class c
 WHERE {wanted} AND c.relkind IN ('v', 'm')";

/// What hangs on a relation from outside, or on its row type, with the columns that it reads.
pub(crate) const DEPENDANTS: &str = "
WITH link AS MATERIALIZED (
     SELECT c.oid AS relation, c.relkind, r.refobjsubid AS attnum, r.classid, r.objid, r.objsubid,
            r.deptype
       FROM pg_class c
       JOIN pg_depend r ON r.refclassid = 'pg_class'::regclass AND r.refobjid = c.oid AND r.classid NOT IN ('pg_constraint'::regclass, 'pg_type'::regclass)
      WHERE {wanted} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
     UNION ALL
     SELECT c.oid, c.relkind, 0, r.classid, r.objid, r.objsubid, 't'
       FROM pg_class c
       JOIN pg_type t ON t.oid = c.reltype
       JOIN pg_depend r ON r.refclassid = 'pg_type'::regclass
            AND r.refobjid IN (t.oid, t.typarray) AND r.deptype = 'n'
      WHERE {wanted}
), dependant (relation, attnum, kind, name, other) AS (
     SELECT l.relation, l.attnum,
            CASE o.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'rule' END,
            CASE WHEN o.relkind IN ('v', 'm') THEN o.oid::regclass::text
                 ELSE format('rule %I on %s', w.rulename, o.oid::regclass) END,
            o.oid
       FROM link l
       JOIN pg_rewrite w ON l.classid = 'pg_rewrite'::regclass AND w.oid = l.objid
       JOIN pg_class o ON o.oid = w.ev_class AND o.oid <> l.relation
     UNION ALL
     SELECT l.relation, l.attnum, 'function', l.objid::regprocedure::text, 0::oid
       FROM link l WHERE l.classid = 'pg_proc'::regclass
     UNION ALL
     SELECT l.relation, l.attnum, 'policy',
            format('policy %I on %s', p.polname, p.polrelid::regclass), p.polrelid
       FROM link l
       JOIN pg_policy p ON l.classid = 'pg_policy'::regclass AND p.oid = l.objid
            AND p.polrelid <> l.relation
     UNION ALL
     SELECT l.relation, l.attnum,
            CASE WHEN a.attgenerated <> '' THEN 'generated column' ELSE 'default' END,
            format(CASE WHEN a.attgenerated <> '' THEN 'column %s.%I' ELSE 'default of %s.%I' END,
                   a.attrelid::regclass, a.attname),
            a.attrelid
       FROM link l
       JOIN pg_attrdef d ON l.classid = 'pg_attrdef'::regclass AND d.oid = l.objid
       JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
            AND (a.attrelid, a.attnum) IS DISTINCT FROM (l.relation, l.attnum)
     UNION ALL
     -- Before version 15 a generated column hangs on another one without its expression between.
     SELECT l.relation, l.attnum, 'generated column',
            format('column %s.%I', a.attrelid::regclass, a.attname), a.attrelid
       FROM link l
       JOIN pg_attribute a ON l.classid = 'pg_class'::regclass AND a.attrelid = l.objid
            AND a.attnum = l.objsubid AND a.attgenerated <> ''
      WHERE l.objid = l.relation AND l.attnum > 0 AND l.objsubid <> l.attnum
     UNION ALL
     SELECT l.relation, l.attnum, 'trigger',
            format('trigger %I on %s', t.tgname, t.tgrelid::regclass), t.tgrelid
       FROM link l
       JOIN pg_trigger t ON l.classid = 'pg_trigger'::regclass AND t.oid = l.objid
            AND NOT t.tgisinternal AND t.tgrelid <> l.relation
     UNION ALL
     SELECT l.relation, l.attnum, 'publication', format('publication %I', p.pubname), 0
       FROM link l
       JOIN pg_publication_rel m ON l.classid = 'pg_publication_rel'::regclass AND m.oid = l.objid
       JOIN pg_publication p ON p.oid = m.prpubid
      WHERE l.attnum > 0
     UNION ALL
     SELECT l.relation, l.attnum, 'sequence', s.oid::regclass::text, s.oid
       FROM link l
       JOIN pg_class s ON l.classid = 'pg_class'::regclass AND s.oid = l.objid AND s.relkind = 'S'
      WHERE l.attnum > 0 AND l.deptype IN ('a', 'i')
     UNION ALL
     -- It is the columns that hang on the table here, so that they cannot be dropped alone.
     SELECT l.relation, l.objsubid, 'partition key',
            format('partition key of %s', l.relation::regclass), l.relation
       FROM link l
      WHERE l.relkind = 'p' AND l.classid = 'pg_class'::regclass AND l.objid = l.relation
        AND l.attnum = 0 AND l.objsubid > 0 AND l.deptype = 'i'
     UNION ALL
     SELECT c.oid, key.attnum, 'foreign key',
            format('foreign key %I on %s', k.conname, k.conrelid::regclass), k.conrelid
       FROM pg_class c
       JOIN pg_constraint k ON k.contype = 'f' AND k.confrelid = c.oid AND k.conrelid <> c.oid
      CROSS JOIN unnest(k.confkey) AS key (attnum)
      WHERE {wanted}
     UNION ALL
     SELECT l.relation, 0, 'other', pg_describe_object(l.classid, l.objid, l.objsubid),
            CASE WHEN l.classid = 'pg_class'::regclass THEN l.objid ELSE 0 END
       FROM link l
      WHERE l.deptype = 't' AND l.classid IN ('pg_class'::regclass, 'pg_type'::regclass)
        AND l.objid <> l.relation
)
SELECT t.relation, t.kind, t.name, on_.nspname::text AS other_schema, o.relname::text AS other_name,
       array_agg(DISTINCT a.attname::text) FILTER (WHERE a.attname IS NOT NULL) AS columns
  FROM dependant t
  LEFT JOIN pg_attribute a ON a.attrelid = t.relation AND a.attnum = t.attnum AND t.attnum > 0
  LEFT JOIN pg_class o ON o.oid = t.other
  LEFT JOIN pg_namespace on_ ON on_.oid = o.relnamespace
 GROUP BY t.relation, t.kind, t.name, on_.nspname, o.relname";
