//! `CREATE INDEX` without `CONCURRENTLY`.

use super::{Context, Error, Found, Hazard};
use crate::analyze::Verdict;
use crate::plan::WorkKind;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL016",
    name: "create-index-blocks-writes",
    severity: Error,
    summary: "CREATE INDEX without CONCURRENTLY stops every write until the index is built",
    effect: "The table is held in SHARE mode while all of it is read and sorted. Reads go on, every \
             INSERT, UPDATE and DELETE waits.",
    remedy: "CREATE INDEX CONCURRENTLY, outside a transaction. If it fails, drop the invalid index that \
             it leaves and try again. For a partitioned table: CREATE INDEX ON ONLY the parent, then \
             concurrently on each partition, then ALTER INDEX … ATTACH PARTITION.",
    bad: "CREATE INDEX orders_user_idx ON orders (user_id);",
    good: "CREATE INDEX CONCURRENTLY orders_user_idx ON orders (user_id);",
    source: "PostgreSQL documentation, CREATE INDEX, Building Indexes Concurrently.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::IndexStmt(create) = cx.node() else { return };
    if cx.impact.verdict != Verdict::Blocking {
        return;
    }
    let built: Vec<String> = cx.work(WorkKind::IndexBuild).map(|name| cx.sized(name)).collect();
    let Some(name) = &create.relation else { return };
    let partitions = built.len() > 1;
    let what = match built.as_slice() {
        [one] => one.clone(),
        several => format!("{} partitions of {}", several.len(), cx.name(name)),
    };
    let message =
        format!("writes to {what} wait{} while the index is built", cx.for_about(&cx.impact.work));
    let remedy = if partitions {
        "Create it ON ONLY the parent, build it concurrently on each partition, and attach those."
    } else {
        "CREATE INDEX CONCURRENTLY, outside a transaction."
    };
    cx.report(found, &HAZARD, cx.span_of(name), message, Some(remedy.to_owned()));
}

#[cfg(test)]
#[test]
fn fires_where_writers_wait() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "CREATE INDEX ON orders (user_id)",
            "CREATE UNIQUE INDEX u ON public.users (login, id)",
            "CREATE INDEX ON events (kind)",
            "CREATE INDEX ON totals (total)",
        ],
        &[
            "CREATE INDEX CONCURRENTLY ON orders (user_id)",
            "CREATE INDEX ON archive (status)",
            "CREATE INDEX ON ONLY events (kind)",
            "CREATE TABLE n AS SELECT 1 AS a; CREATE INDEX ON n (a)",
            "CREATE INDEX IF NOT EXISTS users_login_key ON users (login)",
        ],
    );
}
