//! A foreign key that is added valid.

use super::{Context, Error, Found, Hazard, added_keys};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL013",
    name: "add-foreign-key-validates",
    severity: Error,
    summary: "adding a foreign key looks up every row while writes to both tables wait",
    effect: "Both tables are held in SHARE ROW EXCLUSIVE mode until each row of the referencing table has \
             been found in the referenced one.",
    remedy: "ADD FOREIGN KEY … NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own: writes to \
             both tables go on meanwhile.",
    bad: "ALTER TABLE shipments ADD CONSTRAINT shipments_order_fk\n  \
          FOREIGN KEY (order_id) REFERENCES orders (id);",
    good: "ALTER TABLE shipments ADD CONSTRAINT shipments_order_fk\n  \
           FOREIGN KEY (order_id) REFERENCES orders (id) NOT VALID;\n\
           ALTER TABLE shipments VALIDATE CONSTRAINT shipments_order_fk;",
    source: "PostgreSQL documentation, ALTER TABLE, ADD table_constraint and VALIDATE CONSTRAINT.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for (sub, other) in added_keys(cx) {
        if !sub.blocks() {
            continue;
        }
        let message = if sub.rewrites() {
            format!("writes to {other} wait too while {} is written anew", cx.sized(&sub.table))
        } else {
            format!(
                "writes to {} and {other} wait while every row is looked up{}",
                cx.sized(&sub.table),
                cx.for_about(&sub.impact.work),
            )
        };
        let remedy = "Add it NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own.";
        cx.report(found, &HAZARD, sub.span(), message, Some(remedy.to_owned()));
    }
}

#[cfg(test)]
#[test]
fn fires_where_rows_are_looked_up() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE shipments ADD FOREIGN KEY (order_id) REFERENCES orders",
            "ALTER TABLE orders ADD u bigint DEFAULT 1 REFERENCES users (id)",
        ],
        &[
            "ALTER TABLE shipments ADD FOREIGN KEY (order_id) REFERENCES orders NOT VALID",
            "ALTER TABLE orders ADD u bigint REFERENCES users (id)",
            "ALTER TABLE archive ADD FOREIGN KEY (user_id) REFERENCES users",
            "CREATE TABLE n (u bigint); ALTER TABLE n ADD FOREIGN KEY (u) REFERENCES users",
            "ALTER TABLE shipments VALIDATE CONSTRAINT shipments_user_fk",
        ],
    );
}
