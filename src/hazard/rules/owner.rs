//! `OWNER TO` and `REASSIGN OWNED`.

use super::{Context, Found, Hazard, Warning, listed};
use crate::lock::LockMode;
use crate::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL035",
    name: "owner-change-locks",
    severity: Warning,
    summary: "changing the owner takes ACCESS EXCLUSIVE on the table, its indexes and sequences",
    effect: "It is quick, but queues behind every running query, and all others queue behind it. REASSIGN \
             OWNED does so for everything that the role owns, in one transaction.",
    remedy: "Set lock_timeout and try again until it succeeds; change one table at a time.",
    bad: "ALTER TABLE orders OWNER TO shopkeeper;",
    good: "GRANT ALL ON orders TO shopkeeper;",
    source: "PostgreSQL source, tablecmds.c, `ATExecChangeOwner` and `AlterTableGetLockLevel`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if let NodeEnum::ReassignOwnedStmt(_) = cx.node() {
        let tables: Vec<&QualifiedName> = cx.strong_locks().map(|(name, _)| name).collect();
        if !tables.is_empty() {
            let message = format!("takes ACCESS EXCLUSIVE on {}, all at once", listed(&tables));
            cx.report(found, &HAZARD, cx.statement.span, message, None);
        }
        return;
    }
    for sub in cx.subcommands {
        let locked = sub
            .impact
            .locks
            .iter()
            .any(|lock| lock.relation == sub.table && lock.mode == LockMode::AccessExclusive);
        if sub.kind() == AlterTableType::AtChangeOwner && locked && cx.is_live(&sub.table) {
            let message = format!("OWNER TO takes ACCESS EXCLUSIVE on {}", sub.table);
            cx.report(found, &HAZARD, sub.span(), message, None);
        }
    }
}

#[cfg(test)]
#[test]
fn fires_on_tables_in_use() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE users OWNER TO someone", "REASSIGN OWNED BY me TO other"],
        &[
            "ALTER TABLE archive OWNER TO someone",
            "CREATE TABLE n (a int); ALTER TABLE n OWNER TO someone",
            "ALTER FUNCTION unused() OWNER TO someone",
        ],
    );
}
