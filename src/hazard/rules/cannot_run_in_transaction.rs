//! What PostgreSQL refuses inside a transaction.

use super::{Context, Error, Found, Hazard};
use crate::analyze::has_option;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, ReindexObjectType};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL053",
    name: "cannot-run-in-transaction",
    severity: Error,
    summary: "the statement fails inside a transaction",
    effect: "CONCURRENTLY, VACUUM, ALTER SYSTEM, CREATE and DROP DATABASE and some others make several \
             transactions of their own: PostgreSQL refuses them after BEGIN, and so does a migration tool \
             that wraps each file in a transaction. The migration stops there.",
    remedy: "Put the statement outside BEGIN and COMMIT, in a file of its own for which the tool opens no \
             transaction.",
    bad: "BEGIN;\nCREATE INDEX CONCURRENTLY orders_user_idx ON orders (user_id);\nCOMMIT;",
    good: "CREATE INDEX CONCURRENTLY orders_user_idx ON orders (user_id);",
    source: "PostgreSQL source, `PreventInTransactionBlock`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if !cx.in_transaction() {
        return;
    }
    let what = match cx.node() {
        NodeEnum::IndexStmt(create) if create.concurrent => "CREATE INDEX CONCURRENTLY",
        NodeEnum::DropStmt(drop) if drop.concurrent => "DROP INDEX CONCURRENTLY",
        NodeEnum::ReindexStmt(reindex) => {
            let wide = matches!(
                reindex.kind(),
                ReindexObjectType::ReindexObjectDatabase
                    | ReindexObjectType::ReindexObjectSchema
                    | ReindexObjectType::ReindexObjectSystem
            );
            match (has_option(&reindex.params, "concurrently"), wide) {
                (true, _) => "REINDEX CONCURRENTLY",
                (false, true) => "REINDEX of a schema or database",
                (false, false) => return,
            }
        }
        NodeEnum::AlterTableStmt(_) => {
            let detaches = cx.subcommands.iter().any(|sub| {
                sub.kind() == AlterTableType::AtDetachPartition
                    && matches!(sub.definition(), Some(NodeEnum::PartitionCmd(c)) if c.concurrent)
            });
            if !detaches {
                return;
            }
            "DETACH PARTITION CONCURRENTLY"
        }
        NodeEnum::VacuumStmt(vacuum) if vacuum.is_vacuumcmd => "VACUUM",
        NodeEnum::ClusterStmt(cluster) if cluster.relation.is_none() => "CLUSTER of all tables",
        NodeEnum::AlterSystemStmt(_) => "ALTER SYSTEM",
        NodeEnum::CreatedbStmt(_) => "CREATE DATABASE",
        NodeEnum::DropdbStmt(_) => "DROP DATABASE",
        NodeEnum::CreateTableSpaceStmt(_) => "CREATE TABLESPACE",
        NodeEnum::DropTableSpaceStmt(_) => "DROP TABLESPACE",
        _ => return,
    };
    let since = match cx.file.opened {
        Some((number, _)) => format!("opened by statement {number}"),
        None => "that the migration tool opens".to_owned(),
    };
    let message = format!("{what} fails inside the transaction {since}");
    cx.report(found, &HAZARD, cx.statement.span, message, None);
}

#[cfg(test)]
#[test]
fn fires_inside_a_transaction() {
    use crate::hazard::testing::{check, run_in, shop};
    let all = [
        "DROP INDEX CONCURRENTLY users_login_key",
        "REINDEX TABLE CONCURRENTLY users",
        "VACUUM users",
        "ALTER TABLE events DETACH PARTITION events_2024 CONCURRENTLY",
        "CREATE DATABASE d",
    ];
    let inside = all.map(|sql| format!("BEGIN; {sql}; COMMIT"));
    check(&HAZARD, &inside.each_ref().map(String::as_str), &all);
    check(
        &HAZARD,
        &[],
        &[
            "BEGIN; COMMIT; VACUUM users",
            "BEGIN; REFRESH MATERIALIZED VIEW CONCURRENTLY totals; COMMIT",
            "BEGIN; REINDEX TABLE users; ANALYZE users; COMMIT",
        ],
    );
    let options = crate::hazard::Options { in_transaction: true, ..Default::default() };
    let found = |sql| run_in(shop(), options, sql).iter().any(|found| found.hazard == &HAZARD);
    assert!(found("VACUUM users"));
    assert!(!found("COMMIT; VACUUM users"));
}
