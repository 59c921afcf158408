//! `UPDATE`, `DELETE` and `MERGE` of many rows in one go.

use super::{Context, Error, Found, Hazard, listed};
use crate::analyze::Verdict;
use crate::plan::WorkKind;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL024",
    name: "unbatched-change",
    severity: Error,
    summary: "UPDATE or DELETE of many rows in one transaction keeps every one of them locked to the end",
    effect: "Application statements on the same rows wait until all of it is done. The table grows by \
             the old versions, vacuum cannot clean up meanwhile, replicas lag, and a failure throws all \
             the work away.",
    remedy: "Go through the table by key in batches of some thousand rows, each in its own transaction, \
             with a pause when replicas lag. airlock plan does this by itself.",
    bad: "UPDATE orders SET status = 'old' WHERE total < 10;",
    good: "UPDATE orders SET status = 'old' WHERE id = 17;",
    source: "PostgreSQL documentation, Explicit Locking, Row-Level Locks; Routine Vacuuming.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let target = match cx.node() {
        NodeEnum::UpdateStmt(update) => update.relation.as_ref(),
        NodeEnum::DeleteStmt(delete) => delete.relation.as_ref(),
        NodeEnum::MergeStmt(merge) => merge.relation.as_ref(),
        NodeEnum::SelectStmt(_) | NodeEnum::InsertStmt(_) | NodeEnum::ExplainStmt(_) => None,
        _ => return,
    };
    let tables: Vec<String> = cx
        .work(WorkKind::RowChanges)
        .filter(|name| cx.in_use(name))
        .map(|name| cx.sized(name))
        .collect();
    // A function in the statement makes it opaque, and spares no row.
    let happens = matches!(cx.impact.verdict, Verdict::Blocking | Verdict::Opaque);
    if !happens || tables.is_empty() {
        return;
    }
    let span = target.map_or(cx.statement.span, |name| cx.span_of(name));
    let message = format!(
        "rows of {} stay locked until all of them are changed{}",
        listed(&tables),
        cx.for_about(&cx.impact.work)
    );
    cx.report(found, &HAZARD, span, message, None);
}

#[cfg(test)]
#[test]
fn fires_unless_few_rows_are_meant() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "UPDATE users SET score = 0",
            "DELETE FROM users WHERE score < 0",
            "WITH d AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM d",
            "UPDATE events SET kind = 'x'",
        ],
        &[
            "UPDATE users SET score = 0 WHERE id = 1",
            "DELETE FROM users WHERE login = 'a'",
            "UPDATE archive SET total = 0",
            "CREATE TABLE n AS SELECT 1 AS a; UPDATE n SET a = 2",
            "INSERT INTO archive (id) VALUES (1)",
        ],
    );
}
