//! The queries for functions, aggregates, event triggers and publications.

use super::{APPLICATION, comment, common, query};

/// Each gives rows in the columns of [`query`].
pub(super) fn queries(version_num: u32) -> Vec<String> {
    vec![
        functions(),
        aggregates(),
        event_triggers(),
        publications(version_num),
        published(version_num),
    ]
}

const PROC: &str = "pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace";

/// The types that tell overloaded functions apart.
const SIGNATURE: &str = "'(' || (SELECT coalesce(string_agg(format_type(a.type, NULL), ', ' \
     ORDER BY a.at), '') FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, at)) || ')'";

/// Without those that a range type brings with it.
fn functions() -> String {
    query(
        ("pg_proc", "p.oid", "0"),
        ("pg_proc", "p.oid"),
        ["'function'", "n.nspname", "p.proname", SIGNATURE],
        &[
            common("f", "p.proacl", "p.proowner", "p.oid", "pg_proc"),
            "'definition', pg_get_functiondef(p.oid), '_result', pg_get_function_result(p.oid),
             '_arguments', pg_get_function_arguments(p.oid),
             '_kind', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END"
                .to_owned(),
        ],
        &format!(
            "{PROC} WHERE {APPLICATION} AND p.prokind <> 'a'
               AND NOT EXISTS (SELECT FROM pg_depend i
                                WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid
                                  AND i.deptype = 'i')"
        ),
    )
}

fn aggregates() -> String {
    let function = |column: &str| format!("nullif(g.{column}, 0)::regproc::text");
    query(
        ("pg_proc", "p.oid", "0"),
        ("pg_proc", "p.oid"),
        ["'aggregate'", "n.nspname", "p.proname", SIGNATURE],
        &[
            common("f", "p.proacl", "p.proowner", "p.oid", "pg_proc"),
            format!(
                "'arguments', pg_get_function_arguments(p.oid), 'parallel', p.proparallel::text,
                 'aggregate_kind', g.aggkind::text, 'sfunc', {}, 'stype', format_type(g.aggtranstype, NULL),
                 'sspace', nullif(g.aggtransspace, 0), 'finalfunc', {},
                 'finalfunc_extra', nullif(g.aggfinalextra, false),
                 'finalfunc_modify', g.aggfinalmodify::text, 'combinefunc', {}, 'serialfunc', {},
                 'deserialfunc', {}, 'initcond', g.agginitval, 'msfunc', {}, 'minvfunc', {},
                 'mstype', CASE WHEN g.aggmtranstype <> 0
                                THEN format_type(g.aggmtranstype, NULL) END,
                 'msspace', nullif(g.aggmtransspace, 0), 'mfinalfunc', {},
                 'mfinalfunc_extra', nullif(g.aggmfinalextra, false),
                 'mfinalfunc_modify', g.aggmfinalmodify::text, 'minitcond', g.aggminitval,
                 'sortop', (SELECT format('OPERATOR(%I.%s)', sn.nspname, o.oprname)
                              FROM pg_operator o JOIN pg_namespace sn ON sn.oid = o.oprnamespace
                             WHERE o.oid = g.aggsortop)",
                function("aggtransfn"),
                function("aggfinalfn"),
                function("aggcombinefn"),
                function("aggserialfn"),
                function("aggdeserialfn"),
                function("aggmtransfn"),
                function("aggminvtransfn"),
                function("aggmfinalfn"),
            ),
        ],
        &format!("{PROC} JOIN pg_aggregate g ON g.aggfnoid = p.oid WHERE {APPLICATION}"),
    )
}

fn event_triggers() -> String {
    query(
        ("pg_event_trigger", "e.oid", "0"),
        ("pg_event_trigger", "e.oid"),
        ["'event-trigger'", "''", "e.evtname", "''"],
        &[format!(
            "'event', e.evtevent, 'tags', (SELECT jsonb_agg(t) FROM unnest(e.evttags) AS t),
             'function', e.evtfoid::regproc::text, 'enabled', nullif(e.evtenabled, 'O')::text,
             'owner', pg_get_userbyid(e.evtowner), 'comment', {}",
            comment("e.oid", "pg_event_trigger")
        )],
        "pg_event_trigger e",
    )
}

fn publications(version_num: u32) -> String {
    let schemas = if version_num >= 150_000 {
        "'schemas', (SELECT jsonb_agg(sn.nspname ORDER BY sn.nspname)
                       FROM pg_publication_namespace s JOIN pg_namespace sn ON sn.oid = s.pnnspid
                      WHERE s.pnpubid = p.oid),"
    } else {
        ""
    };
    let generated = if version_num >= 180_000 {
        "'generated', CASE p.pubgencols WHEN 's' THEN 'stored' END,"
    } else {
        ""
    };
    query(
        ("pg_publication", "p.oid", "0"),
        ("pg_publication", "p.oid"),
        ["'publication'", "''", "p.pubname", "''"],
        &[format!(
            "'all_tables', p.puballtables, {schemas} {generated}
             'publish', concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END,
                                  CASE WHEN p.pubupdate THEN 'update' END,
                                  CASE WHEN p.pubdelete THEN 'delete' END,
                                  CASE WHEN p.pubtruncate THEN 'truncate' END),
             'via_root', p.pubviaroot, 'owner', pg_get_userbyid(p.pubowner), 'comment', {}",
            comment("p.oid", "pg_publication")
        )],
        "pg_publication p",
    )
}

fn published(version_num: u32) -> String {
    let which = if version_num >= 150_000 {
        "'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attname) FROM pg_attribute a
                      WHERE a.attrelid = m.prrelid AND a.attnum = ANY (m.prattrs)),
         'where', pg_get_expr(m.prqual, m.prrelid),"
    } else {
        ""
    };
    query(
        ("pg_publication_rel", "m.oid", "0"),
        ("pg_publication", "p.oid"),
        ["'publication-table'", "''", "p.pubname", "format('%I.%I', n.nspname, c.relname)"],
        &[format!("{which} '_other', jsonb_build_array(n.nspname, c.relname, '')")],
        &format!(
            "pg_publication_rel m
              JOIN pg_publication p ON p.oid = m.prpubid
              JOIN pg_class c ON c.oid = m.prrelid
              JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE {APPLICATION}"
        ),
    )
}
