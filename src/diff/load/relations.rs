//! The queries for relations and what is in them.

use super::{APPLICATION, acl, comment, common, query};

/// Each gives rows of one or several kinds, in the columns of [`query`].
pub(super) fn queries(version_num: u32) -> Vec<String> {
    vec![
        tables(),
        columns(version_num),
        defaults(),
        inheritance(),
        constraints(),
        constraint_partitions(),
        indexes(),
        index_partitions(),
        sequences(),
        sequence_owners(),
        views(),
        statistics(),
        triggers(),
        trigger_partitions(version_num),
        rules(),
        policies(),
    ]
}

const CLASS: &str = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace";

fn tables() -> String {
    query(
        ("pg_class", "c.oid", "0"),
        ("pg_class", "c.oid"),
        ["'table'", "n.nspname", "c.relname", "''"],
        &[
            common("r", "c.relacl", "c.relowner", "c.oid", "pg_class"),
            "'partition_key', pg_get_partkeydef(c.oid),
             'unlogged', CASE c.relpersistence WHEN 'u' THEN true END,
             'options', (SELECT jsonb_agg(o ORDER BY o) FROM unnest(c.reloptions) AS o),
             'toast_options', (SELECT jsonb_agg('toast.' || o ORDER BY o)
                                 FROM pg_class t, unnest(t.reloptions) AS o
                                WHERE t.oid = c.reltoastrelid),
             'access_method', (SELECT amname FROM pg_am
                                WHERE pg_am.oid = c.relam AND amname <> 'heap'),
             'tablespace', (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
             'row_security', CASE WHEN c.relrowsecurity THEN true END,
             'force_row_security', CASE WHEN c.relforcerowsecurity THEN true END,
             'replica_identity', nullif(c.relreplident, 'd')::text,
             'of_type', nullif(c.reloftype, 0)::regtype::text"
                .to_owned(),
        ],
        &format!("{CLASS} WHERE {APPLICATION} AND c.relkind IN ('r', 'p')"),
    )
}

fn columns(version_num: u32) -> String {
    // From 18 on a NOT NULL has a name.
    let not_null = if version_num >= 180_000 {
        // One that is inherited too cannot be renamed, so that its name is no difference.
        "'not_null', (SELECT CASE WHEN k.coninhcount = 0 THEN k.conname ELSE '' END
                        FROM pg_constraint k
                       WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum),
         '_not_null_name', (SELECT k.conname FROM pg_constraint k
                       WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum),
         'not_null_definition', (SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
                       WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum)"
    } else {
        "'not_null', CASE WHEN a.attnotnull THEN '' END"
    };
    // Since 17 it is the parent's, and cannot be changed on a partition; one below a partition that was attached
    // may lack the mark.
    let identity = if version_num >= 170_000 {
        "CASE WHEN NOT c.relispartition THEN nullif(a.attidentity, '')::text END"
    } else {
        "nullif(a.attidentity, '')::text"
    };
    query(
        ("pg_class", "c.oid", "a.attnum"),
        ("pg_class", "c.oid"),
        ["'column'", "n.nspname", "c.relname", "a.attname"],
        &[
            format!(
                "'type', format_type(a.atttypid, a.atttypmod),
                 '_type_name', a.atttypid::regtype::text,
                 'collation', (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
                                 FROM pg_collation co
                                 JOIN pg_namespace cn ON cn.oid = co.collnamespace
                                WHERE co.oid = a.attcollation
                                  AND co.oid <> t.typcollation),
                 {not_null},
                 'generated', nullif(a.attgenerated, '')::text,
                 'expression', CASE WHEN a.attgenerated <> ''
                                    THEN pg_get_expr(d.adbin, d.adrelid) END,
                 'identity', {identity},
                 'storage', CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END,
                 '_storage', t.typstorage::text,
                 'compression', nullif(a.attcompression, '')::text,
                 'statistics', nullif(a.attstattarget, -1),
                 'options', (SELECT jsonb_agg(o ORDER BY o) FROM unnest(a.attoptions) AS o),
                 'privileges', {},
                 'comment', col_description(c.oid, a.attnum),
                 '_position', a.attnum, '_local', a.attislocal, '_inherited', a.attinhcount",
                acl_of_column()
            ),
            "'identity_sequence', (
                 SELECT jsonb_build_object(
                            'name', format('%I.%I', sn.nspname, sc.relname),
                            '_default_name', format('%I.%I', n.nspname,
                                                    c.relname || '_' || a.attname || '_seq'),
                            'start', s.seqstart, 'increment', s.seqincrement, 'min', s.seqmin,
                            'max', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle)
                   FROM pg_depend o
                   JOIN pg_sequence s ON s.seqrelid = o.objid
                   JOIN pg_class sc ON sc.oid = s.seqrelid
                   JOIN pg_namespace sn ON sn.oid = sc.relnamespace
                  WHERE o.refclassid = 'pg_class'::regclass AND o.refobjid = c.oid
                    AND o.refobjsubid = a.attnum AND o.classid = 'pg_class'::regclass
                    AND o.deptype = 'i' AND a.attidentity <> '')"
                .to_owned(),
        ],
        &format!(
            "{CLASS}
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              JOIN pg_type t ON t.oid = a.atttypid
              LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
             WHERE {APPLICATION} AND c.relkind IN ('r', 'p')"
        ),
    )
}

/// A column has no privileges of its own until some are granted.
fn acl_of_column() -> String {
    format!("CASE WHEN a.attacl IS NOT NULL THEN {} END", acl("c", "a.attacl", "c.relowner"))
}

fn defaults() -> String {
    query(
        ("pg_attrdef", "d.oid", "0"),
        ("pg_class", "c.oid"),
        ["'default'", "n.nspname", "c.relname", "a.attname"],
        &["'expression', pg_get_expr(d.adbin, d.adrelid)".to_owned()],
        &format!(
            "pg_attrdef d
              JOIN pg_class c ON c.oid = d.adrelid
              JOIN pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum
             WHERE {APPLICATION} AND c.relkind IN ('r', 'p', 'v') AND a.attgenerated = ''"
        ),
    )
}

fn inheritance() -> String {
    query(
        ("pg_inherits", "h.inhrelid", "h.inhseqno"),
        ("pg_class", "c.oid"),
        ["'inheritance'", "n.nspname", "c.relname", "format('%I.%I', pn.nspname, p.relname)"],
        &["'bound', pg_get_expr(c.relpartbound, c.oid), '_number', h.inhseqno,
           '_other', jsonb_build_array(pn.nspname, p.relname, '')"
            .to_owned()],
        &format!(
            "pg_inherits h
              JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind IN ('r', 'p')
              JOIN pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_class p ON p.oid = h.inhparent
              JOIN pg_namespace pn ON pn.oid = p.relnamespace
             WHERE {APPLICATION}"
        ),
    )
}

fn constraints() -> String {
    query(
        ("pg_constraint", "k.oid", "0"),
        ("pg_class", "c.oid"),
        ["'constraint'", "n.nspname", "c.relname", "k.conname"],
        &[format!(
            "'definition', pg_get_constraintdef(k.oid), '_type', k.contype::text,
             '_references', k.confrelid <> 0,
             'comment', {},
             'clustered', CASE WHEN x.indisclustered THEN true END,
             'replica_identity', CASE WHEN x.indisreplident THEN true END",
            comment("k.oid", "pg_constraint")
        )],
        &format!(
            "pg_constraint k
              JOIN pg_class c ON c.oid = k.conrelid
              JOIN pg_namespace n ON n.oid = c.relnamespace
              LEFT JOIN pg_index x ON x.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
             WHERE {APPLICATION} AND c.relkind IN ('r', 'p') AND k.contype IN ('c', 'f', 'p', 'u', 'x')
               AND k.conparentid = 0 AND (k.conislocal OR k.contype <> 'c')"
        ),
    )
}

fn constraint_partitions() -> String {
    query(
        ("pg_constraint", "k.oid", "0"),
        ("pg_class", "c.oid"),
        [
            "'constraint-partition'",
            "n.nspname",
            "c.relname",
            "format('%I on %I.%I', p.conname, pn.nspname, pc.relname)",
        ],
        &[format!(
            "'name', k.conname, 'comment', {},
             'clustered', CASE WHEN x.indisclustered THEN true END,
             'replica_identity', CASE WHEN x.indisreplident THEN true END",
            comment("k.oid", "pg_constraint")
        )],
        &format!(
            "pg_constraint k
              JOIN pg_class c ON c.oid = k.conrelid
              JOIN pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_constraint p ON p.oid = k.conparentid AND p.conrelid <> k.conrelid
              JOIN pg_class pc ON pc.oid = p.conrelid
              JOIN pg_namespace pn ON pn.oid = pc.relnamespace
              LEFT JOIN pg_index x ON x.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
             WHERE {APPLICATION}"
        ),
    )
}

/// Indexes that no constraint stands for and that no parent's index made.
fn indexes() -> String {
    query(
        ("pg_class", "i.oid", "0"),
        ("pg_class", "c.oid"),
        ["'index'", "n.nspname", "i.relname", "''"],
        &[format!(
            "'definition', pg_get_indexdef(i.oid), '_table', format('%I.%I', n.nspname, c.relname),
             '_valid', x.indisvalid,
             'clustered', CASE WHEN x.indisclustered THEN true END,
             'replica_identity', CASE WHEN x.indisreplident THEN true END,
             'tablespace', (SELECT spcname FROM pg_tablespace s WHERE s.oid = i.reltablespace),
             'statistics', (SELECT jsonb_agg(jsonb_build_array(a.attnum, a.attstattarget)
                                             ORDER BY a.attnum)
                              FROM pg_attribute a
                             WHERE a.attrelid = i.oid AND a.attstattarget >= 0),
             'comment', {}",
            comment("i.oid", "pg_class")
        )],
        &format!(
            "pg_index x
              JOIN pg_class i ON i.oid = x.indexrelid
              JOIN pg_class c ON c.oid = x.indrelid AND c.relkind IN ('r', 'p', 'm')
              JOIN pg_namespace n ON n.oid = i.relnamespace
             WHERE {APPLICATION}
               AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.oid)
               AND NOT EXISTS (SELECT FROM pg_constraint k
                                WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))"
        ),
    )
}

fn index_partitions() -> String {
    query(
        ("pg_class", "i.oid", "0"),
        ("pg_class", "c.oid"),
        ["'index-partition'", "n.nspname", "c.relname", "format('%I.%I', pn.nspname, p.relname)"],
        &[format!(
            "'name', i.relname, 'comment', {},
             'clustered', CASE WHEN x.indisclustered THEN true END,
             'replica_identity', CASE WHEN x.indisreplident THEN true END",
            comment("i.oid", "pg_class")
        )],
        &format!(
            "pg_index x
              JOIN pg_class i ON i.oid = x.indexrelid
              JOIN pg_class c ON c.oid = x.indrelid
              JOIN pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_inherits h ON h.inhrelid = i.oid
              JOIN pg_class p ON p.oid = h.inhparent
              JOIN pg_namespace pn ON pn.oid = p.relnamespace
             WHERE {APPLICATION}
               AND NOT EXISTS (SELECT FROM pg_constraint k
                                WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))"
        ),
    )
}

/// All but those of identity columns.
fn sequences() -> String {
    query(
        ("pg_class", "c.oid", "0"),
        ("pg_class", "c.oid"),
        ["'sequence'", "n.nspname", "c.relname", "''"],
        &[
            common("s", "c.relacl", "c.relowner", "c.oid", "pg_class"),
            "'type', s.seqtypid::regtype::text, 'start', s.seqstart, 'increment', s.seqincrement,
             'min', s.seqmin, 'max', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle,
             'unlogged', CASE c.relpersistence WHEN 'u' THEN true END"
                .to_owned(),
        ],
        &format!(
            "{CLASS} JOIN pg_sequence s ON s.seqrelid = c.oid
              WHERE {APPLICATION}
                AND NOT EXISTS (SELECT FROM pg_depend o
                                 WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
                                   AND o.refclassid = 'pg_class'::regclass AND o.deptype = 'i')"
        ),
    )
}

fn sequence_owners() -> String {
    query(
        ("pg_sequence", "c.oid", "0"),
        ("pg_class", "c.oid"),
        ["'sequence-owner'", "n.nspname", "c.relname", "''"],
        &["'column', format('%I.%I.%I', tn.nspname, t.relname, a.attname),
           '_other', jsonb_build_array(tn.nspname, t.relname, a.attname)"
            .to_owned()],
        &format!(
            "{CLASS}
              JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid
                   AND o.refclassid = 'pg_class'::regclass AND o.deptype = 'a' AND o.refobjsubid > 0
              JOIN pg_class t ON t.oid = o.refobjid
              JOIN pg_namespace tn ON tn.oid = t.relnamespace
              JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = o.refobjsubid
             WHERE {APPLICATION} AND c.relkind = 'S'"
        ),
    )
}

fn views() -> String {
    query(
        ("pg_class", "c.oid", "0"),
        ("pg_class", "c.oid"),
        [
            "CASE c.relkind WHEN 'm' THEN 'materialized-view' ELSE 'view' END",
            "n.nspname",
            "c.relname",
            "''",
        ],
        &[
            common("r", "c.relacl", "c.relowner", "c.oid", "pg_class"),
            "'definition', pg_get_viewdef(c.oid),
             'options', (SELECT jsonb_agg(o ORDER BY o) FROM unnest(c.reloptions) AS o),
             'access_method', (SELECT amname FROM pg_am
                                WHERE pg_am.oid = c.relam AND amname <> 'heap'),
             'tablespace', (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
             'empty', CASE WHEN NOT c.relispopulated THEN true END,
             '_columns', (SELECT jsonb_agg(format('%I %s %s', a.attname,
                                     format_type(a.atttypid, a.atttypmod), a.attcollation)
                                     ORDER BY a.attnum)
                            FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                             AND NOT a.attisdropped),
             'column_comments', (SELECT jsonb_agg(jsonb_build_array(a.attname, d.description)
                                                  ORDER BY a.attnum)
                            FROM pg_attribute a
                            JOIN pg_description d ON d.classoid = 'pg_class'::regclass
                                 AND d.objoid = c.oid AND d.objsubid = a.attnum
                           WHERE a.attrelid = c.oid)"
                .to_owned(),
        ],
        &format!("{CLASS} WHERE {APPLICATION} AND c.relkind IN ('v', 'm')"),
    )
}

fn statistics() -> String {
    query(
        ("pg_statistic_ext", "s.oid", "0"),
        ("pg_class", "s.stxrelid"),
        ["'statistics'", "n.nspname", "s.stxname", "''"],
        // The server writes columns in the order of the table, which is not compared.
        &[format!(
            "'_definition', pg_get_statisticsobjdef(s.oid),
             'kinds', (SELECT jsonb_agg(kind ORDER BY kind) FROM unnest(s.stxkind) AS kind),
             'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attname) FROM pg_attribute a
                          WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys)),
             'expressions', to_jsonb(pg_get_statisticsobjdef_expressions(s.oid)),
             'target', nullif(s.stxstattarget, -1),
             'owner', pg_get_userbyid(s.stxowner), 'comment', {}",
            comment("s.oid", "pg_statistic_ext")
        )],
        &format!(
            "pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {APPLICATION}"
        ),
    )
}

fn triggers() -> String {
    query(
        ("pg_trigger", "t.oid", "0"),
        ("pg_class", "c.oid"),
        ["'trigger'", "n.nspname", "c.relname", "t.tgname"],
        &[format!(
            "'definition', pg_get_triggerdef(t.oid), 'enabled', nullif(t.tgenabled, 'O')::text,
             '_relation', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
             'comment', {}",
            comment("t.oid", "pg_trigger")
        )],
        &format!(
            "pg_trigger t
              JOIN pg_class c ON c.oid = t.tgrelid
              JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE {APPLICATION} AND NOT t.tgisinternal AND t.tgparentid = 0"
        ),
    )
}

/// The copies that partitions have of their parent's triggers.
fn trigger_partitions(version_num: u32) -> String {
    // Before 15 such a copy counts as internal, from then on only those of foreign keys do.
    let of_user = if version_num >= 150_000 { "NOT t.tgisinternal" } else { "true" };
    query(
        ("pg_trigger", "t.oid", "0"),
        ("pg_class", "c.oid"),
        ["'trigger-partition'", "n.nspname", "c.relname", "t.tgname"],
        &[format!(
            "'enabled', nullif(t.tgenabled, 'O')::text, 'comment', {}",
            comment("t.oid", "pg_trigger")
        )],
        &format!(
            "pg_trigger t
              JOIN pg_class c ON c.oid = t.tgrelid
              JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE {APPLICATION} AND t.tgparentid <> 0 AND {of_user}"
        ),
    )
}

fn rules() -> String {
    query(
        ("pg_rewrite", "r.oid", "0"),
        ("pg_class", "c.oid"),
        ["'rule'", "n.nspname", "c.relname", "r.rulename"],
        &[format!(
            "'definition', pg_get_ruledef(r.oid), 'enabled', nullif(r.ev_enabled, 'O')::text,
             'comment', {}",
            comment("r.oid", "pg_rewrite")
        )],
        &format!(
            "pg_rewrite r
              JOIN pg_class c ON c.oid = r.ev_class
              JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE {APPLICATION} AND r.rulename <> '_RETURN'"
        ),
    )
}

fn policies() -> String {
    query(
        ("pg_policy", "p.oid", "0"),
        ("pg_class", "c.oid"),
        ["'policy'", "n.nspname", "c.relname", "p.polname"],
        &[format!(
            "'permissive', p.polpermissive, 'command', p.polcmd::text,
             'roles', (SELECT jsonb_agg(CASE role WHEN 0 THEN NULL
                                                  ELSE pg_get_userbyid(role) END)
                         FROM (SELECT role FROM unnest(p.polroles) AS role ORDER BY role = 0,
                                 pg_get_userbyid(role)) AS roles),
             'using', pg_get_expr(p.polqual, p.polrelid),
             'check', pg_get_expr(p.polwithcheck, p.polrelid), 'comment', {}",
            comment("p.oid", "pg_policy")
        )],
        &format!(
            "pg_policy p
              JOIN pg_class c ON c.oid = p.polrelid
              JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE {APPLICATION}"
        ),
    )
}
