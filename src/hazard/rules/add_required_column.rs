//! `ADD COLUMN … NOT NULL` without a value for the rows that are there.

use super::{Context, Error, Found, Hazard, last_name};
use crate::catalog::TypeDef;
use crate::hazard::alter::has_inline;
use crate::sql::quote_ident;
use pg_query::protobuf::ConstrType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL067",
    name: "add-required-column",
    severity: Error,
    summary: "adding a NOT NULL column without a default fails on a table with rows",
    effect: "The rows that are there would hold NULL, so PostgreSQL refuses the statement. On an empty \
             table it passes, and then every INSERT of the old application fails.",
    remedy: "Give the column a default that is not volatile, which costs nothing. Or add it nullable, fill \
             it in batches, and SET NOT NULL by way of a validated check.",
    bad: "ALTER TABLE users ADD COLUMN country text NOT NULL;",
    good: "ALTER TABLE users ADD COLUMN country text NOT NULL DEFAULT 'NO';",
    source: "PostgreSQL documentation, ALTER TABLE, ADD COLUMN.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands {
        let Some(column) = sub.added_column() else { continue };
        let required = has_inline(column, ConstrType::ConstrNotnull)
            || has_inline(column, ConstrType::ConstrPrimary);
        let type_name = column.type_name.as_ref().map(last_name).unwrap_or_default();
        let has_value =
            [ConstrType::ConstrDefault, ConstrType::ConstrIdentity, ConstrType::ConstrGenerated]
                .into_iter()
                .any(|kind| has_inline(column, kind))
                || matches!(
                    &*type_name,
                    "serial" | "serial2" | "serial4" | "serial8" | "bigserial" | "smallserial"
                )
                || cx.catalog.types.iter().any(|(name, of)| {
                    name.name == type_name && matches!(of, TypeDef::Domain { default: Some(_), .. })
                });
        if !required || has_value || !cx.has_rows(&sub.table) {
            continue;
        }
        let message = format!(
            "{} is NOT NULL without a default: the rows of {} have no value for it",
            quote_ident(&column.colname),
            cx.sized(&sub.table)
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_where_rows_have_no_value() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE orders ADD a int NOT NULL", "ALTER TABLE events_2026 ADD a int PRIMARY KEY"],
        &[
            "ALTER TABLE orders ADD a int",
            "ALTER TABLE orders ADD a bigserial NOT NULL",
            "ALTER TABLE orders ADD a int NOT NULL GENERATED ALWAYS AS (1) STORED",
            "CREATE DOMAIN d AS int DEFAULT 1; ALTER TABLE orders ADD a d NOT NULL",
            "ALTER TABLE archive ADD a int NOT NULL",
            "CREATE TABLE n (a int); ALTER TABLE n ADD b int NOT NULL",
        ],
    );
}
