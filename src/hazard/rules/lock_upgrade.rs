//! A transaction that goes from a weaker lock to a stronger one on the same table.

use super::{Context, Found, Hazard, Warning};
use crate::lock::LockMode;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL056",
    name: "lock-upgrade",
    severity: Warning,
    summary: "a transaction that has written to a table, or stopped its writers, asks for a stronger lock on it",
    effect: "An application transaction that has read the table may be waiting for the first lock, or for a \
             row that was changed, while this one waits for it: a deadlock, in which one of the two fails. \
             With deferred foreign keys ALTER TABLE may also fail because of pending trigger events.",
    remedy: "COMMIT between the two, or take the strongest lock first.",
    bad: "BEGIN;\nUPDATE users SET score = 1 WHERE id = 1;\nALTER TABLE users ADD COLUMN note text;\nCOMMIT;",
    good: "UPDATE users SET score = 1 WHERE id = 1;\nALTER TABLE users ADD COLUMN note text;",
    source: "PostgreSQL documentation, Explicit Locking, Deadlocks.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for (table, mode) in cx.strong_locks() {
        let Some(held) = cx.file.held_on(table) else { continue };
        // Nobody waits for SHARE UPDATE EXCLUSIVE or less and goes on holding something of ours.
        let felt = held.mode == LockMode::RowExclusive || held.mode >= LockMode::Share;
        if !felt || held.mode >= mode {
            continue;
        }
        let message = format!(
            "{mode} on {table}, which the transaction holds {} since statement {}: it may deadlock \
             with the application",
            held.mode, held.statement
        );
        cx.report(found, &HAZARD, cx.statement.span, message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_when_a_felt_lock_grows() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "BEGIN; DELETE FROM users; ALTER TABLE users DROP COLUMN nick; COMMIT",
            "BEGIN; CREATE INDEX ON users (nick); ALTER TABLE users ADD a int; COMMIT",
        ],
        &[
            "BEGIN; ALTER TABLE users ADD a int; UPDATE users SET a = 1 WHERE id = 1; COMMIT",
            "BEGIN; ANALYZE users; ALTER TABLE users ADD a int; COMMIT",
            "BEGIN; SELECT id FROM users; ALTER TABLE users ADD a int; COMMIT",
            "BEGIN; UPDATE archive SET total = 1; ALTER TABLE archive ADD a int; COMMIT",
            "BEGIN; CREATE TABLE n (a int); INSERT INTO n VALUES (1); ALTER TABLE n ADD b int; COMMIT",
        ],
    );
}
