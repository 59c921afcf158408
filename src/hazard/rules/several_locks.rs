//! Strong locks on several tables in one transaction.

use super::{Context, Found, Hazard, Warning};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL050",
    name: "several-strong-locks",
    severity: Warning,
    summary: "one transaction takes strong locks on several tables, one after the other",
    effect: "The first table stays locked while the transaction waits for the next, so the stall lasts for \
             the sum of the waits. An application transaction that takes the tables in another order \
             deadlocks with it, and one of the two fails.",
    remedy: "Give each table a transaction of its own.",
    bad: "BEGIN;\nALTER TABLE orders ADD COLUMN note text;\nALTER TABLE users ADD COLUMN note text;\nCOMMIT;",
    good: "ALTER TABLE orders ADD COLUMN note text;\nALTER TABLE users ADD COLUMN note text;",
    source: "PostgreSQL documentation, Explicit Locking, Deadlocks.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let mut new = cx.strong_locks().filter(|(name, _)| cx.file.held_on(name).is_none());
    let Some((table, mode)) = new.next() else { return };
    let earlier = cx.file.held_strongly().find(|held| cx.is_live(&held.relation));
    let Some(held) = earlier else { return };
    let transaction = cx.file.opened.map_or(0, |(number, _)| number);
    if !found.first(&HAZARD, &transaction.to_string()) {
        return;
    }
    let message = format!(
        "{mode} on {table} is waited for while {} has been locked {} since statement {}",
        held.relation, held.mode, held.statement
    );
    cx.report(found, &HAZARD, cx.statement.span, message, None);
}

#[cfg(test)]
#[test]
fn fires_across_statements_of_a_transaction() {
    use crate::hazard::testing::{check, run_in, shop};
    check(
        &HAZARD,
        &["BEGIN; DROP TABLE shipments; SELECT 1; TRUNCATE events; COMMIT"],
        &[
            "BEGIN; ALTER TABLE orders ADD a int; COMMIT; ALTER TABLE users ADD a int",
            "BEGIN; ALTER TABLE orders ADD a int; ALTER TABLE orders ADD b int; COMMIT",
            "BEGIN; CREATE TABLE n (a int); ALTER TABLE n ADD b int; ALTER TABLE users ADD a int; COMMIT",
            "BEGIN; ALTER TABLE archive ADD a int; ALTER TABLE users ADD a int; COMMIT",
            "BEGIN; UPDATE users SET score = 1 WHERE id = 1; ALTER TABLE orders ADD a int; COMMIT",
        ],
    );
    let options = crate::hazard::Options { in_transaction: true, ..Default::default() };
    let sql = "ALTER TABLE orders ADD a int; ALTER TABLE users ADD a int";
    assert!(run_in(shop(), options, sql).iter().any(|found| found.hazard == &HAZARD));
}
