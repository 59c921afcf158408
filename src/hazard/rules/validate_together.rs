//! `NOT VALID` and `VALIDATE CONSTRAINT` in one transaction.

use super::{Context, Error, Found, Hazard};
use crate::sql::quote_ident;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL052",
    name: "validate-in-same-transaction",
    severity: Error,
    summary: "VALIDATE CONSTRAINT in the transaction that has added the constraint blocks like adding it valid",
    effect: "NOT VALID takes a strong lock for a moment, VALIDATE a weak one for long. Together in one \
             transaction the strong lock is held for long: nothing is won.",
    remedy: "COMMIT between the two.",
    bad: "BEGIN;\nALTER TABLE orders ADD CONSTRAINT c CHECK (total >= 0) NOT VALID;\n\
          ALTER TABLE orders VALIDATE CONSTRAINT c;\nCOMMIT;",
    good: "ALTER TABLE orders ADD CONSTRAINT c CHECK (total >= 0) NOT VALID;\n\
           ALTER TABLE orders VALIDATE CONSTRAINT c;",
    source: "PostgreSQL documentation, ALTER TABLE, Notes (VALIDATE CONSTRAINT).",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands {
        if sub.kind() != AlterTableType::AtValidateConstraint || !cx.is_live(&sub.table) {
            continue;
        }
        let name = &sub.command.name;
        let here = cx.subcommands.iter().any(|other| {
            other.added_constraint().is_some_and(|c| c.skip_validation && c.conname == *name)
        });
        let earlier = cx.file.added_not_valid(&sub.table, name);
        let since = match (here, earlier) {
            (true, _) => "this very statement".to_owned(),
            (false, Some(statement)) => format!("statement {statement}"),
            (false, None) => continue,
        };
        let message = format!(
            "{} was added by {since} in the same transaction: its strong lock on {} is held while \
             all rows are read{}",
            quote_ident(name),
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        let remedy = "COMMIT before VALIDATE CONSTRAINT.".to_owned();
        cx.report(found, &HAZARD, sub.span(), message, Some(remedy));
    }
}

#[cfg(test)]
#[test]
fn fires_within_one_transaction() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE orders ADD CONSTRAINT c CHECK (total >= 0) NOT VALID, VALIDATE CONSTRAINT c",
            "BEGIN; ALTER TABLE shipments ADD CONSTRAINT f FOREIGN KEY (order_id) REFERENCES orders NOT VALID;
             ALTER TABLE shipments VALIDATE CONSTRAINT f; COMMIT",
        ],
        &[
            "BEGIN; ALTER TABLE orders ADD CONSTRAINT c CHECK (total >= 0) NOT VALID; COMMIT;
             BEGIN; ALTER TABLE orders VALIDATE CONSTRAINT c; COMMIT",
            "BEGIN; ALTER TABLE archive ADD CONSTRAINT c CHECK (total >= 0) NOT VALID;
             ALTER TABLE archive VALIDATE CONSTRAINT c; COMMIT",
            "BEGIN; ALTER TABLE shipments VALIDATE CONSTRAINT weight_positive; COMMIT",
        ],
    );
}
