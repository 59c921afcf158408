//! Long work while an earlier statement's strong lock is held.

use super::{Context, Error, Found, Hazard};
use crate::plan::WorkKind;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL055",
    name: "work-while-locked",
    severity: Error,
    summary: "a statement works through a table while the transaction holds a strong lock from an earlier one",
    effect: "A lock lasts until COMMIT. The table that was locked for a moment's change stays locked while \
             the later statement scans, builds or rewrites, be it another table.",
    remedy: "COMMIT before the long statement.",
    bad: "BEGIN;\nALTER TABLE users ADD COLUMN note text;\nSELECT count(*) FROM orders WHERE total > 0;\nCOMMIT;",
    good: "ALTER TABLE users ADD COLUMN note text;\nSELECT count(*) FROM orders WHERE total > 0;",
    source: "PostgreSQL documentation, Explicit Locking (a lock is held until the end of the transaction).",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let work = cx.impact.work.iter().find(|work| work.kind != WorkKind::RowChanges);
    let changes = cx.work(WorkKind::RowChanges).next().is_some();
    // These two have their own words.
    let validates = cx.subcommands.iter().any(|sub| {
        sub.kind() == AlterTableType::AtValidateConstraint
            && cx.file.added_not_valid(&sub.table, &sub.command.name).is_some()
    });
    let Some(work) = work.filter(|_| !changes && !validates) else { return };
    let held = cx.file.held_strongly().find(|held| {
        let own = cx.lock_on(&held.relation);
        cx.is_live(&held.relation) && own.is_none_or(|own| own < held.mode)
    });
    let Some(held) = held else { return };
    let what = match work.kind {
        WorkKind::Scan | WorkKind::Validate => "is read",
        WorkKind::IndexBuild => "gets an index",
        WorkKind::Rewrite | WorkKind::RowChanges => "is written",
    };
    let who = if held.mode.blocks_reads() { "reads and writes" } else { "writes" };
    let message = format!(
        "{who} of {} (locked {} since statement {}) wait while {} {what}{}",
        held.relation,
        held.mode,
        held.statement,
        cx.sized(&work.relation),
        cx.for_about(&cx.impact.work)
    );
    cx.report(found, &HAZARD, cx.statement.span, message, None);
}

#[cfg(test)]
#[test]
fn fires_while_a_stronger_lock_is_held() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "BEGIN; ALTER TABLE users ADD a int; CREATE INDEX ON users (nick); COMMIT",
            "BEGIN; ALTER TABLE users ADD a int; INSERT INTO archive (id) SELECT id FROM orders; COMMIT",
            "BEGIN; ALTER TABLE users ADD a int; ALTER TABLE shipments VALIDATE CONSTRAINT weight_positive; COMMIT",
        ],
        &[
            "BEGIN; ALTER TABLE users ADD a int; COMMIT; CREATE INDEX ON users (nick)",
            "BEGIN; CREATE INDEX ON users (nick); CREATE INDEX ON users (age); COMMIT",
            "BEGIN; ALTER TABLE users ADD a int; SELECT 1 FROM users WHERE id = 1; COMMIT",
            "BEGIN; ALTER TABLE archive ADD a int; CREATE INDEX ON users (nick); COMMIT",
        ],
    );
}
