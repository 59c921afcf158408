//! `REINDEX` without `CONCURRENTLY`.

use super::{Context, Error, Found, Hazard, listed};
use crate::analyze::Verdict;
use crate::plan::WorkKind;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL017",
    name: "reindex-blocks",
    severity: Error,
    summary: "REINDEX without CONCURRENTLY stops writes, and reads that would use the index",
    effect: "The table is held in SHARE mode and each index in ACCESS EXCLUSIVE mode while it is built: \
             writes wait, and so does every query that the planner looks at the index for, which is \
             nearly every query on the table.",
    remedy: "REINDEX … CONCURRENTLY, outside a transaction.",
    bad: "REINDEX TABLE orders;",
    good: "REINDEX TABLE CONCURRENTLY orders;",
    source: "PostgreSQL documentation, REINDEX, Rebuilding Indexes Concurrently.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::ReindexStmt(_) = cx.node() else { return };
    if cx.impact.verdict != Verdict::Blocking {
        return;
    }
    let tables: Vec<String> = cx.work(WorkKind::IndexBuild).map(|name| cx.sized(name)).collect();
    let message = format!(
        "writes to {} wait{} while indexes are built, and so do reads that would use them",
        listed(&tables),
        cx.for_about(&cx.impact.work)
    );
    let remedy = "REINDEX … CONCURRENTLY, outside a transaction.".to_owned();
    cx.report(found, &HAZARD, cx.statement.span, message, Some(remedy));
}

#[cfg(test)]
#[test]
fn fires_unless_concurrently() {
    crate::hazard::testing::check(
        &HAZARD,
        &["REINDEX INDEX users_login_key", "REINDEX TABLE users", "REINDEX (VERBOSE) TABLE users"],
        &[
            "REINDEX INDEX CONCURRENTLY users_login_key",
            "REINDEX TABLE archive",
            "CREATE TABLE n (a int PRIMARY KEY); REINDEX TABLE n",
        ],
    );
}
