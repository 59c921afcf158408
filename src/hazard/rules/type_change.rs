//! A type change that writes the table anew.

use super::{Context, Error, Found, Hazard};
use crate::sql::quote_ident;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL001",
    name: "type-change-rewrites",
    severity: Error,
    summary: "changing a column's type writes the whole table anew under ACCESS EXCLUSIVE",
    effect: "Unless every stored value stays as it is, PostgreSQL converts each row into a new copy of \
             the table and builds all its indexes again. Reads and writes wait until that is done, and \
             the copy needs as much disk space again.",
    remedy: "Add a new column of the new type, keep it filled by a trigger, fill old rows in batches, \
             and move the application over before the old column is dropped.",
    bad: "ALTER TABLE orders ALTER COLUMN id TYPE bigint;",
    good: "ALTER TABLE orders ADD COLUMN id_new bigint;\n\
           -- then fill it in batches, and switch over in a later release",
    source: "PostgreSQL documentation, ALTER TABLE, Notes; `ATColumnChangeRequiresRewrite`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands {
        if sub.kind() != AlterTableType::AtAlterColumnType
            || !sub.blocks()
            || !sub.rewrites()
            || super::timestamp_zone::applies(cx, sub)
        {
            continue;
        }
        let column = quote_ident(&sub.command.name);
        let wait = cx.for_about(&sub.impact.work);
        // Of a table that is known by name alone the old type is not known.
        let old = sub.relation.filter(|relation| super::known(relation));
        let old = old.and_then(|relation| relation.column(&sub.command.name));
        let from = old.map_or(String::new(), |old| format!(" from {}", old.type_name));
        let message = format!(
            "changing the type of {column}{from} writes {} anew under ACCESS EXCLUSIVE{wait}",
            cx.sized(&sub.table)
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_only_where_rows_are_rewritten() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE orders ALTER COLUMN id TYPE bigint",
            "ALTER TABLE orders ALTER COLUMN code TYPE varchar(5)",
            "ALTER TABLE shipments ADD COLUMN x int, ALTER COLUMN order_id TYPE bigint",
            "ALTER TABLE users ALTER COLUMN bio TYPE text USING lower(bio)",
        ],
        &[
            "ALTER TABLE orders ALTER COLUMN code TYPE varchar(50)",
            "ALTER TABLE orders ALTER COLUMN code TYPE text",
            "ALTER TABLE shipments ALTER COLUMN user_id TYPE bigint",
            "ALTER TABLE archive ALTER COLUMN id TYPE bigint",
            "CREATE TABLE n (a int); ALTER TABLE n ALTER COLUMN a TYPE bigint",
            "CREATE TEMP TABLE tt AS SELECT 1 AS a; ALTER TABLE tt ALTER COLUMN a TYPE bigint",
        ],
    );
}
