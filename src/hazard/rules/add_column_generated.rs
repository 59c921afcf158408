//! `ADD COLUMN … GENERATED ALWAYS AS (…) STORED`.

use super::{Context, Error, Found, Hazard, adds_column_that_rewrites};
use crate::hazard::alter::has_inline;
use crate::sql::quote_ident;
use pg_query::protobuf::ConstrType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL008",
    name: "add-column-stored-generated",
    severity: Error,
    summary: "adding a stored generated column writes the whole table anew",
    effect: "The value is computed for every row into a new copy of the table, under ACCESS EXCLUSIVE.",
    remedy: "Add a plain column, keep it filled by a trigger, and fill old rows in batches. On 18, a \
             VIRTUAL generated column costs nothing to add.",
    bad: "ALTER TABLE users ADD COLUMN key text GENERATED ALWAYS AS (lower(login)) STORED;",
    good: "ALTER TABLE users ADD COLUMN key text;\n\
           -- then a trigger for new rows, and old rows in batches",
    source: "PostgreSQL documentation, ALTER TABLE, Notes (stored generated column).",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for (sub, column) in adds_column_that_rewrites(cx) {
        if !has_inline(column, ConstrType::ConstrGenerated) {
            continue;
        }
        let message = format!(
            "{} is generated and stored: {} is written anew under ACCESS EXCLUSIVE{}",
            quote_ident(&column.colname),
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_for_stored_columns_only() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE orders ADD a int GENERATED ALWAYS AS (1) STORED"],
        &[
            "ALTER TABLE orders ADD a int GENERATED ALWAYS AS (id + 1) VIRTUAL",
            "ALTER TABLE archive ADD a int GENERATED ALWAYS AS (id + 1) STORED",
            "CREATE TABLE n (b int); ALTER TABLE n ADD a int GENERATED ALWAYS AS (b) STORED",
        ],
    );
}
