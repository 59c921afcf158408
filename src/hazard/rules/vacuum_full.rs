//! `VACUUM FULL` and `CLUSTER`.

use super::{Context, Error, Found, Hazard, listed};
use crate::analyze::Verdict;
use crate::plan::WorkKind;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL018",
    name: "vacuum-full-or-cluster",
    severity: Error,
    summary: "VACUUM FULL and CLUSTER write the whole table anew while reads and writes wait",
    effect: "A new copy of the table and of all its indexes is written under ACCESS EXCLUSIVE.",
    remedy: "Plain VACUUM makes the space usable again without blocking anybody. To give it back to the \
             system online, use pg_repack or pg_squeeze.",
    bad: "VACUUM FULL orders;",
    good: "VACUUM orders;",
    source: "PostgreSQL documentation, VACUUM, FULL; CLUSTER.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let what = match cx.node() {
        NodeEnum::VacuumStmt(_) => "VACUUM FULL",
        NodeEnum::ClusterStmt(_) => "CLUSTER",
        _ => return,
    };
    if cx.impact.verdict != Verdict::Blocking {
        return;
    }
    let tables: Vec<String> = cx.work(WorkKind::Rewrite).map(|name| cx.sized(name)).collect();
    let message = format!(
        "{what} writes {} anew under ACCESS EXCLUSIVE{}",
        listed(&tables),
        cx.for_about(&cx.impact.work)
    );
    cx.report(found, &HAZARD, cx.statement.span, message, None);
}

#[cfg(test)]
#[test]
fn fires_where_a_table_is_written_anew() {
    crate::hazard::testing::check(
        &HAZARD,
        &["VACUUM (FULL, ANALYZE) users", "CLUSTER users USING users_login_key", "VACUUM FULL"],
        &["VACUUM ANALYZE users", "VACUUM (FULL false) users", "VACUUM FULL archive"],
    );
}
