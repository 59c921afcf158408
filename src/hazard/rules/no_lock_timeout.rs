//! A strong lock is waited for without bound.

use super::{Context, Found, Hazard, Warning};
use crate::catalog::Catalog;
use crate::hazard::history::History;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL042",
    name: "no-lock-timeout",
    severity: Warning,
    summary: "a strong lock is waited for without lock_timeout",
    effect: "The statement queues behind every transaction that uses the table, a forgotten one included, \
             and every later statement of the application queues behind it. Even a change that takes a \
             millisecond can stop the table for hours.",
    remedy: "SET lock_timeout to what the application can bear, and try again when it strikes. airlock \
             upgrade does both, and looks first who holds the lock.",
    bad: "ALTER TABLE orders ADD COLUMN note text;",
    good: "SET lock_timeout = '200ms';\nALTER TABLE orders ADD COLUMN note text;",
    source: "PostgreSQL documentation, Client Connection Defaults, lock_timeout.",
};

pub(in crate::hazard) fn check(_: &Context<'_>, _: &mut Found) {}

pub(in crate::hazard) fn end(file: &History, _: &Catalog, found: &mut Found) {
    let Some((statement, span, relation, mode)) = &file.unbounded else { return };
    let message = format!(
        "{mode} on {relation} is waited for without bound; everybody else queues behind it"
    );
    let remedy = "SET lock_timeout = '200ms'; at the beginning of the file.".to_owned();
    found.add(&HAZARD, *statement, *span, message, Some(remedy));
}

#[cfg(test)]
#[test]
fn fires_once_for_a_file() {
    use crate::hazard::testing::{check, run, run_in, shop};
    check(
        &HAZARD,
        &[
            "ALTER TABLE orders ADD a int; SET lock_timeout = '1s'",
            "SET lock_timeout = 0; DROP TABLE shipments",
            "SET lock_timeout = '1s'; RESET lock_timeout; DROP TABLE shipments",
            "SET lock_timeout = '1s'; RESET ALL; DROP TABLE shipments",
        ],
        &[
            "SET LOCAL lock_timeout = '1s'; ALTER TABLE orders ADD a int",
            "SELECT set_config('lock_timeout', '1s', false); ALTER TABLE orders ADD a int",
            "ALTER TABLE archive ADD a int",
            "CREATE TABLE n (a int); ALTER TABLE n ADD b int",
            "CREATE INDEX CONCURRENTLY ON orders (user_id)",
            "UPDATE users SET score = 1 WHERE id = 1",
        ],
    );
    let twice = "ALTER TABLE orders ADD a int; ALTER TABLE users ADD b int";
    assert_eq!(run(twice).iter().filter(|found| found.hazard == &HAZARD).count(), 1);
    let options = crate::hazard::Options { lock_timeout: true, ..Default::default() };
    assert!(run_in(shop(), options, twice).iter().all(|found| found.hazard != &HAZARD));
}
