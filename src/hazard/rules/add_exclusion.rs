//! `ADD … EXCLUDE`.

use super::{Context, Error, Found, Hazard};
use pg_query::protobuf::ConstrType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL015",
    name: "add-exclusion-builds-index",
    severity: Error,
    summary: "adding an EXCLUDE constraint builds an index while reads and writes wait",
    effect: "The index is built under ACCESS EXCLUSIVE and every row is compared with the others. There \
             is no concurrent way, and no NOT VALID.",
    remedy: "Create a new table with the constraint and move the rows over in batches, or do it in a \
             maintenance window. To guard new rows only, a trigger can do.",
    bad: "ALTER TABLE shipments ADD CONSTRAINT one_each EXCLUDE (order_id WITH =);",
    good: "CREATE UNIQUE INDEX CONCURRENTLY one_each ON shipments (order_id);",
    source: "PostgreSQL documentation, ALTER TABLE; CREATE INDEX, Building Indexes Concurrently.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| sub.blocks()) {
        let excludes = sub
            .added_constraint()
            .is_some_and(|added| added.contype() == ConstrType::ConstrExclusion);
        if !excludes {
            continue;
        }
        let message = format!(
            "reads and writes of {} wait while the index of the exclusion constraint is built{}",
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_on_tables_with_rows() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE orders ADD EXCLUDE (user_id WITH =)"],
        &[
            "ALTER TABLE archive ADD EXCLUDE (user_id WITH =)",
            "CREATE TABLE n (a int, EXCLUDE (a WITH =))",
        ],
    );
}
