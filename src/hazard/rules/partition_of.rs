//! `CREATE TABLE … PARTITION OF`.

use super::{Context, Found, Hazard, Warning, partition_parents};
use crate::lock::LockMode;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL032",
    name: "partition-of-locks-parent",
    severity: Warning,
    summary: "CREATE TABLE … PARTITION OF takes ACCESS EXCLUSIVE on the partitioned table",
    effect: "A new, empty partition looks harmless, but every query on any partition waits behind the \
             statement, which itself waits for all that run. A table that the parent has a foreign key to \
             is locked too.",
    remedy: "CREATE TABLE … (LIKE parent INCLUDING ALL), then ALTER TABLE parent ATTACH PARTITION, which \
             needs no more than SHARE UPDATE EXCLUSIVE on the parent.",
    bad: "CREATE TABLE events_2030 PARTITION OF events FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');",
    good: "CREATE TABLE events_2030 (LIKE events INCLUDING ALL);\n\
           ALTER TABLE events ATTACH PARTITION events_2030 FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');",
    source: "PostgreSQL documentation, CREATE TABLE, PARTITION OF; `transformPartitionCmd`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if !matches!(cx.node(), NodeEnum::CreateStmt(_) | NodeEnum::CreateForeignTableStmt(_)) {
        return;
    }
    for (parent, name) in partition_parents(cx) {
        if !cx.in_use(&parent) || cx.lock_on(&parent) != Some(LockMode::AccessExclusive) {
            continue;
        }
        let message = format!("takes ACCESS EXCLUSIVE on {parent}, with all its partitions");
        let remedy =
            format!("CREATE TABLE … (LIKE {parent} INCLUDING ALL), then ATTACH PARTITION.");
        cx.report(found, &HAZARD, cx.span_of(name), message, Some(remedy));
    }
}

#[cfg(test)]
#[test]
fn fires_where_the_parent_is_in_use() {
    crate::hazard::testing::check(
        &HAZARD,
        &["CREATE TABLE e PARTITION OF events DEFAULT"],
        &[
            "CREATE TABLE n (a int) PARTITION BY LIST (a);
             CREATE TABLE n1 PARTITION OF n FOR VALUES IN (1)",
            "CREATE TABLE IF NOT EXISTS events_2024 PARTITION OF events
             FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
            "CREATE TABLE e (LIKE events)",
        ],
    );
}
