//! `ATTACH PARTITION` that reads the new partition.

use super::{Context, Error, Found, Hazard};
use crate::hazard::context::full_name;
use crate::plan::WorkKind;
use pg_query::NodeEnum;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL020",
    name: "attach-partition-scans",
    severity: Error,
    summary: "ATTACH PARTITION reads the new partition under ACCESS EXCLUSIVE unless a CHECK proves its bound",
    effect: "Every row is tested against the bound while the partition cannot be read or written. Missing \
             indexes of the parent are built and its foreign keys validated in the same moment.",
    remedy: "Before attaching, add a CHECK that says the same as the bound (with IS NOT NULL on the key) \
             as NOT VALID and validate it, and build the parent's indexes concurrently. Then ATTACH takes \
             a moment; drop the CHECK afterwards.",
    bad: "ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
    good: "ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
    source: "PostgreSQL documentation, ALTER TABLE, ATTACH PARTITION.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands {
        let (AlterTableType::AtAttachPartition, Some(NodeEnum::PartitionCmd(attach))) =
            (sub.kind(), sub.definition())
        else {
            continue;
        };
        let Some(name) = &attach.name else { continue };
        let partition = full_name(cx.catalog, name);
        let leaves: Vec<_> = match cx.relation(&partition) {
            Some(partition) => cx.catalog.leaves(partition),
            None => Vec::new(),
        };
        let on_it = |kind: WorkKind| {
            sub.impact.work.iter().any(|work| {
                work.kind == kind && leaves.iter().any(|leaf| leaf.name == work.relation)
            })
        };
        // A table that this file has made and filled is nobody else's yet.
        if !sub.blocks() || !cx.in_use(&partition) {
            continue;
        }
        let mut why = Vec::new();
        if on_it(WorkKind::Scan) {
            why.push("no CHECK proves that its rows fit the bound, so it is read");
        }
        if on_it(WorkKind::IndexBuild) {
            why.push("an index of the parent is missing, so it is built");
        }
        if on_it(WorkKind::Validate) {
            why.push("a foreign key of the parent is missing, so its rows are looked up");
        }
        if why.is_empty() {
            continue;
        }
        let message = format!(
            "{} is held ACCESS EXCLUSIVE{}: {}",
            cx.sized(&partition),
            cx.for_about(&sub.impact.work),
            why.join("; ")
        );
        cx.report(found, &HAZARD, cx.span_of(name), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_unless_a_check_proves_the_bound() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-02-01') TO ('2025-09-01')",
            "ALTER TABLE events ATTACH PARTITION events_2026 DEFAULT",
            "CREATE INDEX ON ONLY events (kind);
             ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        ],
        &[
            "CREATE TABLE events_2027 (LIKE events);
             ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')",
        ],
    );
}
