//! `DETACH PARTITION` without `CONCURRENTLY`.

use super::{Context, Found, Hazard, Warning};
use crate::lock::LockMode;
use crate::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL031",
    name: "detach-partition-blocks",
    severity: Warning,
    summary: "DETACH PARTITION without CONCURRENTLY takes ACCESS EXCLUSIVE on the whole partitioned table",
    effect: "Every query on any of its partitions queues behind it. It is quick once it has the lock, \
             which it gets only when no query on the table runs.",
    remedy: "DETACH PARTITION … CONCURRENTLY, outside a transaction (not when there is a default partition).",
    bad: "ALTER TABLE events DETACH PARTITION events_2024;",
    good: "ALTER TABLE events DETACH PARTITION events_2024 CONCURRENTLY;",
    source: "PostgreSQL documentation, ALTER TABLE, DETACH PARTITION.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands {
        let (AlterTableType::AtDetachPartition, Some(NodeEnum::PartitionCmd(detach))) =
            (sub.kind(), sub.definition())
        else {
            continue;
        };
        if detach.concurrent || !cx.is_live(&sub.table) {
            continue;
        }
        let others: Vec<&QualifiedName> = sub
            .impact
            .locks
            .iter()
            .filter(|lock| lock.mode == LockMode::AccessExclusive && cx.is_live(&lock.relation))
            .map(|lock| &lock.relation)
            .collect();
        let message = format!("takes ACCESS EXCLUSIVE on {}", super::listed(&others));
        let default = sub.relation.is_some_and(|parent| {
            parent
                .children
                .iter()
                .filter_map(|child| cx.relation(child))
                .any(|child| child.partition_bound.as_deref() == Some("DEFAULT"))
        });
        let remedy = (!default).then(|| "DETACH PARTITION … CONCURRENTLY.".to_owned());
        cx.report(found, &HAZARD, sub.span(), message, remedy);
    }
}

#[cfg(test)]
#[test]
fn fires_unless_concurrently() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE metrics DETACH PARTITION metrics_2024"],
        &["CREATE TABLE n (a int) PARTITION BY LIST (a);
           CREATE TABLE n1 PARTITION OF n FOR VALUES IN (1);
           ALTER TABLE n DETACH PARTITION n1"],
    );
}
