//! The texts of the queries behind a fingerprint. Each gives one column of text: a line for an
//! object. Words in braces are filled in by `versions`. Never runs anything.

/// Relations and everything in or on them, then what stands beside relations.
pub(super) const LINES: &[&str] = &[
    SCHEMAS,
    RELATIONS,
    VIEWS,
    COLUMNS,
    CONSTRAINTS,
    INDEXES,
    TRIGGERS,
    RULES,
    POLICIES,
    INHERITANCE,
    SEQUENCES,
    STATISTICS,
    TYPES,
    DOMAIN_CONSTRAINTS,
    FUNCTIONS,
    AGGREGATES,
    PUBLICATIONS,
    PUBLISHED,
    COMMENTS,
    DEFAULT_PRIVILEGES,
    EXTENSIONS,
    EVENT_TRIGGERS,
    OTHERS,
];

/// Columns of tables, in order.
pub(super) const COLUMN_ORDER: &str = "
SELECT format('columns of %s: %s', c.oid::regclass,
              string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum))
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE {schema} AND c.relkind IN ('r', 'p', 'f')
 GROUP BY c.oid";

const SCHEMAS: &str = "
SELECT format('schema %I: owner %I; privileges %s', nspname, pg_get_userbyid(nspowner),
              array(SELECT item::text
                      FROM unnest(coalesce(nspacl, acldefault('n', nspowner))) AS item ORDER BY 1))
  FROM pg_namespace
 WHERE {schema}";

const RELATIONS: &str = "
SELECT format('relation %s: kind %s %s; owner %I; privileges %s; options %s %s; access method %s; '
              'tablespace %s; row security %s %s; replica identity %s; of %s; key %s; bound %s; '
              'populated %s',
              c.oid::regclass, c.relkind, c.relpersistence, pg_get_userbyid(c.relowner),
              array(SELECT item::text
                      FROM unnest(coalesce(c.relacl, acldefault(
                               CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner)))
                           AS item ORDER BY 1),
              array(SELECT o FROM unnest(c.reloptions) AS o ORDER BY o),
              array(SELECT o FROM pg_class t, unnest(t.reloptions) AS o
                     WHERE t.oid = c.reltoastrelid ORDER BY o),
              am.amname, ts.spcname, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
              nullif(c.reloftype, 0)::regtype,
              CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
              pg_get_expr(c.relpartbound, c.oid), c.relispopulated)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
 WHERE {schema} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')";

const VIEWS: &str = "
SELECT format('definition of %s: %s', c.oid::regclass, pg_get_viewdef(c.oid))
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {schema} AND c.relkind IN ('v', 'm')";

/// Columns without their position. Of `attoptions` only those that the manual documents.
const COLUMNS: &str = "
SELECT format('column %s.%I: type %s; collation %s; not null %s; default %s; generated %s; '
              'identity %s; storage %s; compression %s; statistics %s; options %s; privileges %s; '
              'inherited %s; local %s; foreign %s',
              c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
              nullif(a.attcollation, 0)::regcollation, a.attnotnull,
              pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity, a.attstorage,
              {compression}, nullif(a.attstattarget, -1),
              array(SELECT o FROM unnest(a.attoptions) AS o
                     WHERE split_part(o, '=', 1) IN ('n_distinct', 'n_distinct_inherited')
                     ORDER BY o),
              array(SELECT item::text FROM unnest(a.attacl) AS item ORDER BY 1),
              a.attinhcount, a.attislocal, a.attfdwoptions)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE {schema} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

// `connoinherit` means something for checks and NOT NULL alone. On a key it only tells whether the
// server made it for a partition or took over one that was there.
const CONSTRAINTS: &str = "
SELECT format('constraint %I on %s: %s; valid %s; inherited %s; local %s; no inherit %s; index %s',
              k.conname, k.conrelid::regclass, pg_get_constraintdef(k.oid), k.convalidated,
              k.coninhcount, k.conislocal, k.connoinherit AND k.contype IN ('c', 'n'),
              nullif(k.conindid, 0)::regclass)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_constraint parent ON parent.oid = k.conparentid
 WHERE {schema} AND parent.conrelid IS DISTINCT FROM k.conrelid";

const INDEXES: &str = "
SELECT format('index %s on %s: %s; valid %s; ready %s; live %s; clustered %s; replica identity %s; '
              'statistics %s; parent %s; tablespace %s',
              x.indexrelid::regclass, x.indrelid::regclass, pg_get_indexdef(x.indexrelid),
              x.indisvalid, x.indisready, x.indislive, x.indisclustered, x.indisreplident,
              (SELECT string_agg(a.attnum || ':' || a.attstattarget, ' ' ORDER BY a.attnum)
                 FROM pg_attribute a WHERE a.attrelid = x.indexrelid AND a.attstattarget >= 0),
              (SELECT h.inhparent::regclass FROM pg_inherits h WHERE h.inhrelid = x.indexrelid),
              nullif(i.reltablespace, 0))
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class c ON c.oid = x.indrelid AND c.relkind IN ('r', 'p', 'm')
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {schema}";

const TRIGGERS: &str = "
SELECT format('trigger %I on %s: %s; enabled %s', t.tgname, t.tgrelid::regclass,
              pg_get_triggerdef(t.oid), t.tgenabled)
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {schema} AND {user_trigger}";

const RULES: &str = "
SELECT format('rule %I on %s: %s; enabled %s', r.rulename, r.ev_class::regclass,
              pg_get_ruledef(r.oid), r.ev_enabled)
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {schema} AND r.rulename <> '_RETURN'";

const POLICIES: &str = "
SELECT format('policy %I on %s: permissive %s; command %s; roles %s; using %s; check %s',
              p.polname, p.polrelid::regclass, p.polpermissive, p.polcmd,
              array(SELECT CASE WHEN role = 0 THEN 'public' ELSE pg_get_userbyid(role)::text END
                      FROM unnest(p.polroles) AS role ORDER BY 1),
              pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  FROM pg_policy p
  JOIN pg_class c ON c.oid = p.polrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {schema}";

const INHERITANCE: &str = "
SELECT format('child %s of %s: number %s', h.inhrelid::regclass, h.inhparent::regclass, h.inhseqno)
  FROM pg_inherits h
  JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind IN ('r', 'p', 'f')
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {schema}";

const SEQUENCES: &str = "
SELECT format('sequence %s: type %s; start %s; increment %s; from %s to %s; cache %s; cycle %s; '
              'owned by %s',
              c.oid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
              s.seqcache, s.seqcycle,
              (SELECT format('%s.%I (%s)', r.refobjid::regclass, a.attname, r.deptype)
                 FROM pg_depend r
                 JOIN pg_attribute a ON a.attrelid = r.refobjid AND a.attnum = r.refobjsubid
                WHERE r.classid = 'pg_class'::regclass AND r.objid = c.oid AND r.objsubid = 0
                  AND r.refclassid = 'pg_class'::regclass AND r.deptype IN ('a', 'i')))
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {schema}";

/// The server prints the columns in their order in the table, which says nothing.
const STATISTICS: &str = "
SELECT format('statistics %I.%I: %s%s%s; target %s; owner %I', n.nspname, s.stxname,
              substring(d.text from '^.* ON '),
              (SELECT string_agg(part, ', ' ORDER BY part)
                 FROM unnest(string_to_array(substring(d.text from ' ON (.*) FROM '), ', ')) part),
              substring(d.text from ' FROM .*$'),
              nullif({statistics_target}, -1), pg_get_userbyid(s.stxowner))
  FROM pg_statistic_ext s
  CROSS JOIN LATERAL pg_get_statisticsobjdef(s.oid) AS d (text)
  JOIN pg_namespace n ON n.oid = s.stxnamespace
 WHERE {schema}";

const TYPES: &str = "
SELECT format('type %s: kind %s; owner %I; privileges %s; labels %s; base %s; not null %s; '
              'default %s; collation %s; attributes %s; range of %s',
              t.oid::regtype, t.typtype, pg_get_userbyid(t.typowner),
              array(SELECT item::text FROM unnest(coalesce(t.typacl, acldefault('T', t.typowner)))
                           AS item ORDER BY 1),
              array(SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid
                     ORDER BY e.enumsortorder),
              CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
              t.typnotnull, t.typdefault, nullif(t.typcollation, 0)::regcollation,
              array(SELECT format('%I %s %s', a.attname, format_type(a.atttypid, a.atttypmod),
                                  nullif(a.attcollation, 0)::regcollation)
                      FROM pg_attribute a
                     WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
                     ORDER BY a.attnum),
              (SELECT format('%s %s %s', r.rngsubtype::regtype, r.rngcanonical, r.rngsubdiff)
                 FROM pg_range r WHERE r.rngtypid = t.oid))
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
 WHERE {schema}
   AND (c.oid IS NULL OR c.relkind = 'c')
   AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)";

const DOMAIN_CONSTRAINTS: &str = "
SELECT format('constraint %I on domain %s: %s; valid %s', k.conname, k.contypid::regtype,
              pg_get_constraintdef(k.oid), k.convalidated)
  FROM pg_constraint k
  JOIN pg_type t ON t.oid = k.contypid
  JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE {schema}";

const FUNCTIONS: &str = "
SELECT format('function %s: owner %I; privileges %s; %s', p.oid::regprocedure,
              pg_get_userbyid(p.proowner),
              array(SELECT item::text FROM unnest(coalesce(p.proacl, acldefault('f', p.proowner)))
                           AS item ORDER BY 1),
              pg_get_functiondef(p.oid))
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE {schema} AND p.prokind <> 'a'";

const AGGREGATES: &str = "
SELECT format('aggregate %s: owner %I; privileges %s; %s', p.oid::regprocedure,
              pg_get_userbyid(p.proowner),
              array(SELECT item::text FROM unnest(coalesce(p.proacl, acldefault('f', p.proowner)))
                           AS item ORDER BY 1),
              (to_jsonb(g) - ARRAY['aggfnoid', 'aggsortop', 'aggtranstype', 'aggmtranstype']
               || jsonb_build_object('sorted by', g.aggsortop::regoperator::text,
                                     'state', g.aggtranstype::regtype::text,
                                     'moving state', g.aggmtranstype::regtype::text))::text)
  FROM pg_aggregate g
  JOIN pg_proc p ON p.oid = g.aggfnoid
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE {schema}";

const PUBLICATIONS: &str = "
SELECT format('publication %I: owner %I; all tables %s; insert %s; update %s; delete %s; '
              'truncate %s; via root %s; schemas %s; generated columns %s',
              p.pubname, pg_get_userbyid(p.pubowner), p.puballtables, p.pubinsert, p.pubupdate,
              p.pubdelete, p.pubtruncate, {publish_via_root}, {published_schemas},
              {published_generated})
  FROM pg_publication p";

const PUBLISHED: &str = "
SELECT format('published %I %s: columns %s; where %s', p.pubname, m.prrelid::regclass,
              {published_columns}, {published_rows})
  FROM pg_publication_rel m
  JOIN pg_publication p ON p.oid = m.prpubid
  JOIN pg_class c ON c.oid = m.prrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {schema}";

/// Every comment on something that is not the server's own (those have OIDs below 16384).
const COMMENTS: &str = "
SELECT format('comment on %s: %s', pg_describe_object(d.classoid, d.objoid, d.objsubid),
              d.description)
  FROM pg_description d
 CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS o
 WHERE d.objoid >= 16384
   AND o.schema IS DISTINCT FROM 'airlock'
   AND o.identity !~ '(^| )airlock(\\.|$)'
   AND coalesce(o.schema, '') !~ '^pg_(toast_)?temp_'";

const DEFAULT_PRIVILEGES: &str = "
SELECT format('default privileges of %I in %s on %s: %s', pg_get_userbyid(d.defaclrole),
              nullif(d.defaclnamespace, 0)::regnamespace, d.defaclobjtype,
              array(SELECT item::text FROM unnest(d.defaclacl) AS item ORDER BY 1))
  FROM pg_default_acl d";

const EXTENSIONS: &str = "
SELECT format('extension %I: version %s; schema %s', extname, extversion, extnamespace::regnamespace)
  FROM pg_extension";

const EVENT_TRIGGERS: &str = "
SELECT format('event trigger %I: %s; function %s; enabled %s; tags %s', evtname, evtevent,
              evtfoid::regproc, evtenabled, evttags)
  FROM pg_event_trigger";

/// Kinds of objects that airlock never touches: that they are there.
const OTHERS: &str = "
SELECT pg_describe_object(o.class, o.oid, 0)
  FROM (SELECT 'pg_operator'::regclass, oid, oprnamespace FROM pg_operator
        UNION ALL SELECT 'pg_collation'::regclass, oid, collnamespace FROM pg_collation
        UNION ALL SELECT 'pg_conversion'::regclass, oid, connamespace FROM pg_conversion
        UNION ALL SELECT 'pg_opclass'::regclass, oid, opcnamespace FROM pg_opclass
        UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfnamespace FROM pg_opfamily
        UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgnamespace FROM pg_ts_config
        UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictnamespace FROM pg_ts_dict
       ) AS o (class, oid, namespace)
  JOIN pg_namespace n ON n.oid = o.namespace
 WHERE {schema}
 UNION ALL
SELECT pg_describe_object('pg_cast'::regclass, oid, 0) FROM pg_cast WHERE oid >= 16384";
