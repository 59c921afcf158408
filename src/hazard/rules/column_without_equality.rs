//! A new column of a type that cannot be compared.

use super::{Context, Found, Hazard, Info, last_name};
use crate::sql::quote_ident;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL071",
    name: "add-column-without-equality",
    severity: Info,
    summary: "a new json, xml or point column breaks SELECT DISTINCT * and UNION over the table",
    effect: "These types have no equality operator, so existing queries that compare whole rows fail as \
             soon as the column is there.",
    remedy: "Use jsonb for json. Otherwise look for SELECT DISTINCT, GROUP BY and UNION over the table.",
    bad: "ALTER TABLE orders ADD COLUMN extra json;",
    good: "ALTER TABLE orders ADD COLUMN extra jsonb;",
    source: "PostgreSQL documentation, JSON Types (json has no equality operator).",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| cx.is_live(&sub.table)) {
        let Some(column) = sub.added_column() else { continue };
        let type_name = column.type_name.as_ref().map(last_name).unwrap_or_default();
        let array = column.type_name.as_ref().is_some_and(|of| !of.array_bounds.is_empty());
        if array || !matches!(&*type_name, "json" | "xml" | "point") {
            continue;
        }
        let message = format!(
            "{} is {type_name}, which has no equality: SELECT DISTINCT * and UNION over {} fail",
            quote_ident(&column.colname),
            sub.table
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_on_tables_that_are_queried() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE users ADD a xml", "ALTER TABLE users ADD a point DEFAULT '(0,0)'"],
        &[
            "ALTER TABLE users ADD a text",
            "CREATE TABLE n (a json)",
            "ALTER TABLE archive ADD a json",
        ],
    );
}
