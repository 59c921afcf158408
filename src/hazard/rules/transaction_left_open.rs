//! A `BEGIN` without its `COMMIT`.

use super::{Context, Error, Found, Hazard};
use crate::catalog::Catalog;
use crate::hazard::history::History;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL057",
    name: "transaction-left-open",
    severity: Error,
    summary: "the file ends inside a transaction that it has opened",
    effect: "Most runners disconnect or roll back: nothing of what follows BEGIN has happened, without an \
             error. One that keeps the connection keeps the locks.",
    remedy: "Write COMMIT.",
    bad: "BEGIN;\nALTER TABLE orders ADD COLUMN note text;",
    good: "BEGIN;\nALTER TABLE orders ADD COLUMN note text;\nCOMMIT;",
    source: "PostgreSQL documentation, BEGIN.",
};

pub(in crate::hazard) fn check(_: &Context<'_>, _: &mut Found) {}

pub(in crate::hazard) fn end(file: &History, _: &Catalog, found: &mut Found) {
    let Some((statement, span)) = file.opened.filter(|_| !file.wraps()) else { return };
    let message = "this transaction never ends".to_owned();
    found.add(&HAZARD, statement, span, message, Some("Write COMMIT.".to_owned()));
}

#[cfg(test)]
#[test]
fn fires_without_a_commit() {
    crate::hazard::testing::check(
        &HAZARD,
        &["START TRANSACTION; SELECT 1", "BEGIN; COMMIT AND CHAIN; SELECT 1"],
        &["BEGIN; SELECT 1; END", "BEGIN; ROLLBACK", "SELECT 1"],
    );
}
