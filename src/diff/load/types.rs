//! The queries for schemas, extensions and types.

use super::{APPLICATION, acl, comment, common, query};

/// Each gives rows in the columns of [`query`].
pub(super) fn queries() -> Vec<String> {
    vec![
        schemas(),
        default_privileges(),
        extensions(),
        collations(),
        enums(),
        composites(),
        domains(),
        domain_constraints(),
        ranges(),
    ]
}

const TYPE: &str = "pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace";

fn common_of_type() -> String {
    common("T", "t.typacl", "t.typowner", "t.oid", "pg_type")
}

fn schemas() -> String {
    query(
        ("pg_namespace", "n.oid", "0"),
        ("pg_namespace", "n.oid"),
        ["'schema'", "''", "n.nspname", "''"],
        &[common("n", "n.nspacl", "n.nspowner", "n.oid", "pg_namespace")],
        &format!("pg_namespace n WHERE {APPLICATION}"),
    )
}

fn default_privileges() -> String {
    query(
        ("pg_default_acl", "d.oid", "0"),
        ("pg_default_acl", "d.oid"),
        [
            "'default-privileges'",
            "coalesce((SELECT nspname FROM pg_namespace n WHERE n.oid = d.defaclnamespace), '')",
            "pg_get_userbyid(d.defaclrole)",
            "CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                  WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS'
                  ELSE 'LARGE OBJECTS' END",
        ],
        // In a schema they add to the general ones; without one they take the built-in ones' place.
        &[format!(
            "'privileges', {}, '_privileges', CASE WHEN d.defaclnamespace = 0 THEN {} END",
            acl("r", "d.defaclacl", "d.defaclrole"),
            "(SELECT jsonb_agg(entry ORDER BY entry) FROM (
                SELECT jsonb_build_array(CASE x.grantee WHEN 0 THEN NULL WHEN d.defaclrole THEN ''
                                              ELSE pg_get_userbyid(x.grantee) END,
                                         x.privilege_type, x.is_grantable) AS entry
                  FROM aclexplode(acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's'
                                             ELSE d.defaclobjtype END, d.defaclrole)) AS x) AS e)"
        )],
        "pg_default_acl d",
    )
}

/// An extension brings a comment along: only another one is a part of the schema.
fn extensions() -> String {
    query(
        ("pg_extension", "e.oid", "0"),
        ("pg_extension", "e.oid"),
        ["'extension'", "''", "e.extname", "''"],
        &["'schema', (SELECT nspname FROM pg_namespace n WHERE n.oid = e.extnamespace),
           'version', e.extversion, '_relocatable', e.extrelocatable, '_usual_comment', a.comment,
           'comment', CASE WHEN obj_description(e.oid, 'pg_extension') IS DISTINCT FROM a.comment
                           THEN coalesce(obj_description(e.oid, 'pg_extension'), '') END"
            .to_owned()],
        "pg_extension e LEFT JOIN pg_available_extensions a ON a.name = e.extname
          WHERE e.oid >= 16384",
    )
}

fn collations() -> String {
    query(
        ("pg_collation", "co.oid", "0"),
        ("pg_collation", "co.oid"),
        ["'collation'", "n.nspname", "co.collname", "''"],
        &[format!(
            "'provider', co.collprovider::text, 'deterministic', co.collisdeterministic,
             'collate', co.collcollate, 'ctype', co.collctype,
             'locale', to_jsonb(co) ->> CASE WHEN to_jsonb(co) ? 'colllocale' THEN 'colllocale'
                                              ELSE 'colliculocale' END,
             'rules', to_jsonb(co) ->> 'collicurules',
             'owner', pg_get_userbyid(co.collowner), 'comment', {}",
            comment("co.oid", "pg_collation")
        )],
        &format!(
            "pg_collation co JOIN pg_namespace n ON n.oid = co.collnamespace WHERE {APPLICATION}"
        ),
    )
}

fn enums() -> String {
    query(
        ("pg_type", "t.oid", "0"),
        ("pg_type", "t.oid"),
        ["'enum'", "n.nspname", "t.typname", "''"],
        &[
            common_of_type(),
            "'labels', (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e
                         WHERE e.enumtypid = t.oid)"
                .to_owned(),
        ],
        &format!("{TYPE} WHERE {APPLICATION} AND t.typtype = 'e'"),
    )
}

fn composites() -> String {
    query(
        ("pg_type", "t.oid", "0"),
        ("pg_type", "t.oid"),
        ["'composite'", "n.nspname", "t.typname", "''"],
        &[
            common_of_type(),
            "'attributes', (SELECT jsonb_agg(jsonb_build_array(a.attname,
                                format_type(a.atttypid, a.atttypmod),
                                CASE WHEN a.attcollation <> b.typcollation
                                     THEN (SELECT format('%I.%I', cn.nspname, co.collname)
                                             FROM pg_collation co
                                             JOIN pg_namespace cn ON cn.oid = co.collnamespace
                                            WHERE co.oid = a.attcollation) END)
                                ORDER BY a.attnum)
                              FROM pg_attribute a JOIN pg_type b ON b.oid = a.atttypid
                             WHERE a.attrelid = t.typrelid AND a.attnum > 0
                               AND NOT a.attisdropped),
             'column_comments', (SELECT jsonb_agg(jsonb_build_array(a.attname, d.description)
                                                  ORDER BY a.attnum)
                            FROM pg_attribute a
                            JOIN pg_description d ON d.classoid = 'pg_class'::regclass
                                 AND d.objoid = a.attrelid AND d.objsubid = a.attnum
                           WHERE a.attrelid = t.typrelid)"
                .to_owned(),
        ],
        &format!(
            "{TYPE} JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c' WHERE {APPLICATION}"
        ),
    )
}

fn domains() -> String {
    query(
        ("pg_type", "t.oid", "0"),
        ("pg_type", "t.oid"),
        ["'domain'", "n.nspname", "t.typname", "''"],
        &[
            common_of_type(),
            "'base', format_type(t.typbasetype, t.typtypmod), 'default', t.typdefault,
             'not_null', CASE WHEN t.typnotnull THEN coalesce(
                 (SELECT k.conname FROM pg_constraint k
                   WHERE k.contypid = t.oid AND k.contype = 'n'), '') END,
             'collation', (SELECT format('%I.%I', cn.nspname, co.collname)
                             FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
                             JOIN pg_type b ON b.oid = t.typbasetype
                            WHERE co.oid = t.typcollation AND co.oid <> b.typcollation)"
                .to_owned(),
        ],
        &format!("{TYPE} WHERE {APPLICATION} AND t.typtype = 'd'"),
    )
}

fn domain_constraints() -> String {
    query(
        ("pg_constraint", "k.oid", "0"),
        ("pg_type", "t.oid"),
        ["'domain-constraint'", "n.nspname", "t.typname", "k.conname"],
        &[format!(
            "'definition', pg_get_constraintdef(k.oid), 'comment', {}",
            comment("k.oid", "pg_constraint")
        )],
        &format!(
            "pg_constraint k JOIN pg_type t ON t.oid = k.contypid
               JOIN pg_namespace n ON n.oid = t.typnamespace
              WHERE {APPLICATION} AND k.contype = 'c'"
        ),
    )
}

fn ranges() -> String {
    query(
        ("pg_type", "t.oid", "0"),
        ("pg_type", "t.oid"),
        ["'range'", "n.nspname", "t.typname", "''"],
        &[
            common_of_type(),
            "'subtype', format_type(r.rngsubtype, NULL),
             'subtype_opclass', (SELECT format('%I.%I', on_.nspname, oc.opcname)
                                   FROM pg_opclass oc
                                   JOIN pg_namespace on_ ON on_.oid = oc.opcnamespace
                                  WHERE oc.oid = r.rngsubopc AND NOT oc.opcdefault),
             'collation', (SELECT format('%I.%I', cn.nspname, co.collname)
                             FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
                             JOIN pg_type b ON b.oid = r.rngsubtype
                            WHERE co.oid = r.rngcollation AND co.oid <> b.typcollation),
             'canonical', nullif(r.rngcanonical, 0)::regproc::text,
             'subtype_diff', nullif(r.rngsubdiff, 0)::regproc::text,
             'multirange', (SELECT format('%I.%I', mn.nspname, m.typname)
                              FROM pg_type m JOIN pg_namespace mn ON mn.oid = m.typnamespace
                             WHERE m.oid = r.rngmultitypid)"
                .to_owned(),
        ],
        &format!("{TYPE} JOIN pg_range r ON r.rngtypid = t.oid WHERE {APPLICATION}"),
    )
}
