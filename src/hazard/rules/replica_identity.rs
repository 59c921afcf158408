//! `REPLICA IDENTITY`.

use super::{Context, Found, Hazard, Warning};
use pg_query::NodeEnum;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL036",
    name: "replica-identity-locks",
    severity: Warning,
    summary: "REPLICA IDENTITY is changed under ACCESS EXCLUSIVE",
    effect: "A setting of logical replication, but the statement queues behind every running query, and \
             all others queue behind it. With FULL every change writes the whole old row to the WAL.",
    remedy: "Set lock_timeout and try again until it succeeds. Prefer USING INDEX to FULL.",
    bad: "ALTER TABLE orders REPLICA IDENTITY FULL;",
    good: "ALTER TABLE orders SET (autovacuum_vacuum_scale_factor = 0.01);",
    source: "PostgreSQL documentation, ALTER TABLE, REPLICA IDENTITY; `AlterTableGetLockLevel`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| cx.is_live(&sub.table)) {
        if sub.kind() != AlterTableType::AtReplicaIdentity {
            continue;
        }
        let full = matches!(sub.definition(), Some(NodeEnum::ReplicaIdentityStmt(identity))
            if identity.identity_type == "f");
        let rest = if full { "; every UPDATE and DELETE then logs the whole old row" } else { "" };
        let message = format!("REPLICA IDENTITY takes ACCESS EXCLUSIVE on {}{rest}", sub.table);
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_on_tables_in_use() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE users REPLICA IDENTITY USING INDEX users_login_key"],
        &[
            "ALTER TABLE archive REPLICA IDENTITY FULL",
            "CREATE TABLE n (a int); ALTER TABLE n REPLICA IDENTITY NOTHING",
        ],
    );
}
