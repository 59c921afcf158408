//! A new partition has the default partition searched.

use super::{Context, Error, Found, Hazard, partition_parents};
use crate::analyze::Verdict;
use crate::plan::WorkKind;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL021",
    name: "default-partition-scan",
    severity: Error,
    summary: "a new partition has the whole default partition read under ACCESS EXCLUSIVE",
    effect: "PostgreSQL looks in the default partition for rows that belong in the new one, while nobody \
             can read or write it.",
    remedy: "Add to the default partition a CHECK that rules the new bound out, as NOT VALID, and validate \
             it first; or keep no default partition.",
    bad: "CREATE TABLE metrics_2026 PARTITION OF metrics FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
    good: "ALTER TABLE metrics_other ADD CONSTRAINT not_2026\n  \
           CHECK (at < '2026-01-01' OR at >= '2027-01-01') NOT VALID;\n\
           ALTER TABLE metrics_other VALIDATE CONSTRAINT not_2026;\n\
           CREATE TABLE metrics_2026 PARTITION OF metrics FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
    source: "PostgreSQL documentation, ALTER TABLE, ATTACH PARTITION; CREATE TABLE, PARTITION OF.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if cx.impact.verdict != Verdict::Blocking {
        return;
    }
    for (parent, name) in partition_parents(cx) {
        let Some(parent) = cx.relation(&parent) else { continue };
        let default = parent.children.iter().filter_map(|child| cx.relation(child));
        let default = default
            .filter(|child| child.partition_bound.as_deref() == Some("DEFAULT"))
            .flat_map(|default| cx.catalog.leaves(default))
            .find(|leaf| cx.work(WorkKind::Scan).any(|scanned| *scanned == leaf.name));
        let Some(default) = default else { continue };
        let message = format!(
            "all of the default partition {} is read under ACCESS EXCLUSIVE{}",
            cx.sized(&default.name),
            cx.for_about(&cx.impact.work),
        );
        cx.report(found, &HAZARD, cx.span_of(name), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_unless_a_check_rules_the_rows_out() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE metrics ATTACH PARTITION metrics_2025
           FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')"],
        &["CREATE TABLE e PARTITION OF events FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')"],
    );
}
