//! A type change of a column in a foreign key reaches the table on the other side.

use super::{Context, Found, Hazard, Warning, column_type_changes, listed};
use crate::lock::LockMode;
use crate::sql::{QualifiedName, quote_ident};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL005",
    name: "type-change-locks-other-table",
    severity: Warning,
    summary: "changing the type of a column in a foreign key takes ACCESS EXCLUSIVE on the other table",
    effect: "The foreign key is made anew, so its triggers on the other table are dropped and created \
             again: reads and writes of that table wait too, for as long as the statement runs.",
    remedy: "Drop the foreign key, change the type, and add the key again as NOT VALID, to be validated \
             in a transaction of its own. Set lock_timeout.",
    bad: "ALTER TABLE shipments ALTER COLUMN order_code TYPE varchar(20);",
    good: "ALTER TABLE orders ALTER COLUMN placed_at TYPE timestamptz(6);",
    source: "PostgreSQL source, tablecmds.c, `RememberConstraintForRebuilding`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for (sub, column) in column_type_changes(cx) {
        let family: Vec<&QualifiedName> = sub
            .relation
            .map(|relation| cx.catalog.family(relation))
            .unwrap_or_default()
            .into_iter()
            .map(|relation| &relation.name)
            .collect();
        let others: Vec<&QualifiedName> = sub
            .impact
            .locks
            .iter()
            .filter(|lock| lock.mode == LockMode::AccessExclusive && cx.is_live(&lock.relation))
            .map(|lock| &lock.relation)
            .filter(|other| **other != sub.table && !family.contains(other))
            .filter(|other| cx.relation(other).is_some_and(super::holds_rows))
            .collect();
        if others.is_empty() {
            continue;
        }
        let message = format!(
            "a foreign key reads {}: changing its type takes ACCESS EXCLUSIVE on {} as well",
            quote_ident(column),
            listed(&others),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_on_either_side_of_a_foreign_key() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE orders ALTER code TYPE text",
            "ALTER TABLE shipments ALTER order_code TYPE text",
        ],
        &["ALTER TABLE users ALTER name TYPE text", "ALTER TABLE users ALTER nick TYPE varchar"],
    );
}
