//! A schema change and a change of many rows in one transaction.

use super::{Context, Error, Found, Hazard, listed};
use crate::plan::WorkKind;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL051",
    name: "ddl-and-backfill",
    severity: Error,
    summary: "rows are changed while the transaction still holds a strong lock from a schema change",
    effect: "The lock of ALTER TABLE lasts until COMMIT: reads and writes wait for the whole backfill, \
             although the schema change alone takes a moment.",
    remedy: "Commit the schema change first, then change the rows in batches of their own.",
    bad: "BEGIN;\nALTER TABLE users ADD COLUMN full_name text;\nUPDATE users SET full_name = name;\nCOMMIT;",
    good: "ALTER TABLE users ADD COLUMN full_name text;\n-- then fill it in batches",
    source: "PostgreSQL documentation, Explicit Locking (a lock is held until the end of the transaction).",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let changed: Vec<_> = cx.work(WorkKind::RowChanges).collect();
    if changed.is_empty() {
        return;
    }
    let held = cx.file.held_strongly().find(|held| cx.is_live(&held.relation));
    let Some(held) = held else { return };
    let who = if held.mode.blocks_reads() { "reads and writes" } else { "writes" };
    let message = format!(
        "{who} of {} (locked {} since statement {}) wait while rows of {} are changed{}",
        held.relation,
        held.mode,
        held.statement,
        listed(&changed),
        cx.for_about(&cx.impact.work)
    );
    let remedy = "Commit before this statement, and change the rows in batches.".to_owned();
    cx.report(found, &HAZARD, cx.statement.span, message, Some(remedy));
}

#[cfg(test)]
#[test]
fn fires_while_the_lock_is_held() {
    crate::hazard::testing::check(
        &HAZARD,
        &["BEGIN; ALTER TABLE users ADD a int; DELETE FROM orders; COMMIT"],
        &[
            "BEGIN; ALTER TABLE users ADD a int; COMMIT; UPDATE users SET score = 1",
            "BEGIN; ALTER TABLE users ADD a int; UPDATE users SET score = 1 WHERE id = 1; COMMIT",
            "BEGIN; CREATE TABLE n (a int); UPDATE users SET score = 1; COMMIT",
            "BEGIN; ALTER TABLE archive ADD a int; UPDATE archive SET a = 1; COMMIT",
        ],
    );
}
