//! A CHECK constraint that is added valid.

use super::{Context, Error, Found, Hazard};
use crate::hazard::alter::has_inline;
use crate::sql::quote_ident;
use pg_query::protobuf::ConstrType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL012",
    name: "add-check-scans",
    severity: Error,
    summary: "adding a CHECK constraint reads the whole table under ACCESS EXCLUSIVE",
    effect: "Every row is tested while reads and writes wait.",
    remedy: "ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own: it reads \
             the table under SHARE UPDATE EXCLUSIVE, and the application goes on.",
    bad: "ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total >= 0);",
    good: "ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total >= 0) NOT VALID;\n\
           ALTER TABLE orders VALIDATE CONSTRAINT total_positive;",
    source: "PostgreSQL documentation, ALTER TABLE, ADD table_constraint [NOT VALID].",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| sub.blocks()) {
        let named = match (sub.added_constraint(), sub.added_column()) {
            (Some(added), _) if added.contype() == ConstrType::ConstrCheck => {
                quote_ident(&added.conname)
            }
            // A rewrite tests the rows on its way, and has its own hazard.
            (_, Some(column)) if has_inline(column, ConstrType::ConstrCheck) && !sub.rewrites() => {
                format!("of {}", quote_ident(&column.colname))
            }
            _ => continue,
        };
        let message = format!(
            "all of {} is read under ACCESS EXCLUSIVE to verify check {named}{}",
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        let remedy = "Add it NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own.";
        cx.report(found, &HAZARD, sub.span(), message, Some(remedy.to_owned()));
    }
}

#[cfg(test)]
#[test]
fn fires_where_rows_are_tested() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE orders ADD CHECK (total > 0)",
            "ALTER TABLE orders ADD x int CHECK (x > 0)",
            "ALTER TABLE events ADD CONSTRAINT c CHECK (kind <> '')",
        ],
        &[
            "ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID",
            "ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT ENFORCED",
            "ALTER TABLE archive ADD CHECK (total > 0)",
            "CREATE TABLE n (a int CHECK (a > 0)); ALTER TABLE n ADD CHECK (a < 9)",
            "ALTER TABLE shipments VALIDATE CONSTRAINT weight_positive",
        ],
    );
}
