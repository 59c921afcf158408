//! What changes in the texts of queries between server versions, and the conditions that they share.

/// Restricts `c` (`pg_class`) to the relations that are wanted.
const WANTED: &str = "c.relnamespace IN (SELECT oid FROM pg_namespace WHERE {schema}) \
     AND ($1::oid[] IS NULL OR c.oid = ANY ($1))";

/// Schemas of applications: neither the server's own nor airlock's journal.
const APPLICATION_SCHEMA: &str = "nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', \
     'airlock') AND nspname !~ '^pg_(toast_)?temp_'";

/// `template` for a server of `version_num`: every word in braces is replaced.
pub(crate) fn for_version(template: &str, version_num: u32) -> String {
    let since = |version: u32, new: &'static str, old: &'static str| {
        if version_num >= version { new } else { old }
    };
    template
        .replace("{wanted}", WANTED)
        .replace("{schema}", APPLICATION_SCHEMA)
        .replace(
            "{compression}",
            since(
                140_000,
                "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END",
                "NULL::text",
            ),
        )
        .replace("{function_body}", since(140_000, "pg_get_function_sqlbody(p.oid)", "NULL"))
        .replace("{statistics_target}", since(130_000, "s.stxstattarget", "NULL::int"))
        .replace("{publish_via_root}", since(130_000, "p.pubviaroot", "false"))
        .replace(
            "{published_schemas}",
            since(
                150_000,
                "array(SELECT s.pnnspid::regnamespace::text FROM pg_publication_namespace s
                        WHERE s.pnpubid = p.oid ORDER BY 1)",
                "'{}'",
            ),
        )
        .replace("{published_generated}", since(180_000, "p.pubgencols", "NULL"))
        .replace(
            "{published_columns}",
            since(
                150_000,
                "array(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = m.prrelid
                          AND a.attnum = ANY (m.prattrs) ORDER BY 1)",
                "'{}'",
            ),
        )
        .replace("{published_rows}", since(150_000, "pg_get_expr(m.prqual, m.prrelid)", "NULL"))
        .replace("{never_analyzed}", since(140_000, "c.reltuples < 0", "c.relpages = 0"))
        .replace(
            "{set_replication_role}",
            since(150_000, "has_parameter_privilege('session_replication_role', 'SET')", "false"),
        )
        .replace(
            "{schema_publications}",
            since(
                150_000,
                "UNION SELECT p.pubname, c.oid
                   FROM pg_publication_namespace m
                   JOIN pg_publication p ON p.oid = m.pnpubid
                   JOIN pg_class c ON c.relnamespace = m.pnnspid
                  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'",
                "",
            ),
        )
        .replace(
            "{user_trigger}",
            match version_num {
                // A partition's copy of its parent's trigger counts as internal there.
                130_000..150_000 => "(NOT t.tgisinternal OR t.tgparentid <> 0)",
                _ => "NOT t.tgisinternal",
            },
        )
}
