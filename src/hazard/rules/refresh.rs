//! `REFRESH MATERIALIZED VIEW` without `CONCURRENTLY`.

use super::{Context, Error, Found, Hazard};
use crate::analyze::Verdict;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL019",
    name: "refresh-blocks-reads",
    severity: Error,
    summary: "REFRESH MATERIALIZED VIEW without CONCURRENTLY stops every reader of the view",
    effect: "The view is held in ACCESS EXCLUSIVE mode while its query runs and its indexes are built.",
    remedy: "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index over plain columns of \
             the view. Readers go on; the refresh takes longer.",
    bad: "REFRESH MATERIALIZED VIEW totals;",
    good: "REFRESH MATERIALIZED VIEW CONCURRENTLY totals;",
    source: "PostgreSQL documentation, REFRESH MATERIALIZED VIEW, CONCURRENTLY.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::RefreshMatViewStmt(refresh) = cx.node() else { return };
    let Some(name) = &refresh.relation else { return };
    let view = cx.name(name);
    let blocks = cx.impact.verdict == Verdict::Blocking
        && cx.lock_on(&view).is_some_and(|mode| mode.blocks_reads());
    if !blocks {
        return;
    }
    let ready = cx.relation(&view).is_some_and(|view| {
        view.indexes.iter().any(|index| {
            index.unique && index.valid && index.predicate.is_none() && !index.has_expressions
        })
    });
    let remedy = if ready {
        format!("REFRESH MATERIALIZED VIEW CONCURRENTLY {view};")
    } else {
        format!("Create a unique index on {view}, then refresh it CONCURRENTLY.")
    };
    let message = format!("readers of {view} wait until it is filled anew");
    cx.report(found, &HAZARD, cx.span_of(name), message, Some(remedy));
}

#[cfg(test)]
#[test]
fn fires_unless_concurrently() {
    crate::hazard::testing::check(
        &HAZARD,
        &["REFRESH MATERIALIZED VIEW public.totals"],
        &[
            "REFRESH MATERIALIZED VIEW CONCURRENTLY totals",
            "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; REFRESH MATERIALIZED VIEW m",
        ],
    );
}
