//! `LOCK TABLE`.

use super::{Context, Found, Hazard, Warning};
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL040",
    name: "lock-table",
    severity: Warning,
    summary: "LOCK TABLE holds its lock until the transaction ends, whatever happens in between",
    effect: "Writes, or reads too, wait for all that the transaction still does. Without a mode it is \
             ACCESS EXCLUSIVE.",
    remedy: "Name the weakest mode that will do, set lock_timeout or say NOWAIT, and keep the transaction \
             short.",
    bad: "BEGIN;\nLOCK TABLE orders;\nCOMMIT;",
    good: "BEGIN;\nLOCK TABLE orders IN ROW EXCLUSIVE MODE;\nCOMMIT;",
    source: "PostgreSQL documentation, LOCK.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::LockStmt(_) = cx.node() else { return };
    for (table, mode) in cx.strong_locks() {
        let who = if mode.blocks_reads() { "reads and writes" } else { "writes" };
        let message = format!("{who} of {table} wait until the transaction ends ({mode})");
        cx.report(found, &HAZARD, cx.statement.span, message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_where_somebody_waits() {
    crate::hazard::testing::check(
        &HAZARD,
        &["LOCK TABLE users IN SHARE MODE", "LOCK users, orders"],
        &[
            "LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE",
            "CREATE TABLE n (a int); LOCK TABLE n",
        ],
    );
}
