//! A statement that airlock does not know.

use super::{Context, Found, Hazard, Warning};
use crate::analyze::Verdict;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL091",
    name: "unknown-statement",
    severity: Warning,
    summary: "airlock does not know what the statement locks",
    effect: "It is valid SQL, but not in the lock model; it is never taken for safe.",
    remedy: "Run airlock trace, which shows what it really locks, and report it.",
    bad: "REINDEX SYSTEM shop;",
    good: "REINDEX TABLE CONCURRENTLY users;",
    source: "ARCHITECTURE.md: unknown is refused.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if cx.impact.verdict == Verdict::Unknown {
        let message = "airlock does not know what this locks, reads or writes";
        cx.report(found, &HAZARD, cx.statement.span, message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_for_what_is_not_in_the_model() {
    crate::hazard::testing::check(
        &HAZARD,
        &["REINDEX SYSTEM a"],
        &["SELECT 1", "SET work_mem = '1MB'", "DO $$ BEGIN NULL; END $$"],
    );
}
