//! `ADD COLUMN` of a serial or identity column.

use super::{Context, Error, Found, Hazard, adds_column_that_rewrites, last_name};
use crate::hazard::alter::has_inline;
use crate::sql::quote_ident;
use pg_query::protobuf::ConstrType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL007",
    name: "add-column-sequence",
    severity: Error,
    summary: "adding a serial or identity column writes the whole table anew",
    effect: "Every old row gets a number of its own, so the table and its indexes are written anew under \
             ACCESS EXCLUSIVE.",
    remedy: "Add a plain bigint column and a sequence, set the default nextval(…) in a second statement, \
             and number the old rows in batches. Identity can be added once the column is NOT NULL.",
    bad: "ALTER TABLE shipments ADD COLUMN number bigserial;",
    good: "CREATE SEQUENCE shipment_number;\n\
           ALTER TABLE shipments ADD COLUMN number bigint;\n\
           ALTER TABLE shipments ALTER COLUMN number SET DEFAULT nextval('shipment_number');\n\
           -- then number old rows in batches",
    source: "PostgreSQL documentation, ALTER TABLE, Notes; Serial Types.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for (sub, column) in adds_column_that_rewrites(cx) {
        let type_name = column.type_name.as_ref().map(last_name).unwrap_or_default();
        let what = if type_name.contains("serial") {
            "a serial column"
        } else if has_inline(column, ConstrType::ConstrIdentity) {
            "an identity column"
        } else {
            continue;
        };
        let message = format!(
            "{} is {what}: {} is written anew under ACCESS EXCLUSIVE to number its rows{}",
            quote_ident(&column.colname),
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_for_columns_with_a_sequence_of_their_own() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE shipments ADD n serial",
            "ALTER TABLE shipments ADD n bigint GENERATED ALWAYS AS IDENTITY",
        ],
        &[
            "ALTER TABLE archive ADD n serial",
            "ALTER TABLE shipments ADD n bigint",
            "CREATE TABLE n (a bigserial PRIMARY KEY); ALTER TABLE n ADD b bigserial",
        ],
    );
}
