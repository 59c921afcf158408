//! Moving a table: `SET TABLESPACE`, `SET LOGGED`, `SET UNLOGGED`, `SET ACCESS METHOD`.

use super::{Context, Error, Found, Hazard};
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL023",
    name: "storage-rewrite",
    severity: Error,
    summary: "SET TABLESPACE, SET [UN]LOGGED and SET ACCESS METHOD copy the whole table",
    effect: "The table is copied or written anew under ACCESS EXCLUSIVE.",
    remedy: "Create a table with the wanted storage and move the rows over in batches, or use pg_repack, \
             which can move a table to another tablespace online.",
    bad: "ALTER TABLE events_2026 SET UNLOGGED;",
    good: "CREATE UNLOGGED TABLE events_2026_copy (LIKE events_2026 INCLUDING ALL);",
    source: "PostgreSQL documentation, ALTER TABLE, SET TABLESPACE and the following.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    use AlterTableType as At;
    for sub in cx.subcommands.iter().filter(|sub| sub.blocks()) {
        let what = match sub.kind() {
            At::AtSetLogged => "SET LOGGED",
            At::AtSetUnLogged => "SET UNLOGGED",
            At::AtSetAccessMethod => "SET ACCESS METHOD",
            At::AtSetTableSpace => "SET TABLESPACE",
            _ => continue,
        };
        let message = format!(
            "{what} copies {} under ACCESS EXCLUSIVE{}",
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_where_the_table_moves() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE events_2026 SET UNLOGGED",
            "ALTER TABLE events_2026 SET TABLESPACE fast",
            "ALTER TABLE events_2026 SET ACCESS METHOD other",
        ],
        &[
            "ALTER TABLE events_2026 SET LOGGED",
            "ALTER TABLE archive SET UNLOGGED",
            "ALTER TABLE events_2026 SET (fillfactor = 70)",
            "CREATE TABLE n (a int); ALTER TABLE n SET UNLOGGED",
        ],
    );
}
