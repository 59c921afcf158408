//! Policies and row security.

use super::{Context, Found, Hazard, Warning};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, ObjectType};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL034",
    name: "row-security-locks",
    severity: Warning,
    summary: "policies and row security are changed under ACCESS EXCLUSIVE",
    effect: "CREATE, ALTER and DROP POLICY and ENABLE, DISABLE or FORCE ROW LEVEL SECURITY queue behind \
             every running query on the table, and all others queue behind them. Enabling row security on \
             a table without a policy hides every row from all but its owner.",
    remedy: "Set lock_timeout and try again until it succeeds. Create the policies before row security is \
             enabled.",
    bad: "CREATE POLICY own_orders ON orders USING (user_id = 1);",
    good: "SET lock_timeout = '100ms';\nGRANT SELECT ON orders TO PUBLIC;",
    source: "PostgreSQL source, policy.c (`AccessExclusiveLock`); ALTER TABLE, ROW LEVEL SECURITY.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    use AlterTableType as At;
    let what = match cx.node() {
        NodeEnum::CreatePolicyStmt(_) => "CREATE POLICY",
        NodeEnum::AlterPolicyStmt(_) => "ALTER POLICY",
        NodeEnum::DropStmt(drop) if drop.remove_type() == ObjectType::ObjectPolicy => "DROP POLICY",
        NodeEnum::RenameStmt(rename) if rename.rename_type() == ObjectType::ObjectPolicy => {
            "ALTER POLICY … RENAME"
        }
        NodeEnum::AlterTableStmt(_) => {
            for sub in cx.subcommands.iter().filter(|sub| cx.is_live(&sub.table)) {
                let what = match sub.kind() {
                    At::AtEnableRowSecurity => "ENABLE ROW LEVEL SECURITY",
                    At::AtDisableRowSecurity => "DISABLE ROW LEVEL SECURITY",
                    At::AtForceRowSecurity => "FORCE ROW LEVEL SECURITY",
                    At::AtNoForceRowSecurity => "NO FORCE ROW LEVEL SECURITY",
                    _ => continue,
                };
                let hides = sub.kind() == At::AtEnableRowSecurity
                    && sub.relation.is_some_and(|r| r.policies.is_empty() && super::known(r));
                let rest = if hides {
                    "; it has no policy, so all rows are hidden from everyone but its owner"
                } else {
                    ""
                };
                let message = format!("{what} takes ACCESS EXCLUSIVE on {}{rest}", sub.table);
                cx.report(found, &HAZARD, sub.span(), message, None);
            }
            return;
        }
        _ => return,
    };
    for (table, mode) in cx.strong_locks().filter(|(_, mode)| mode.blocks_reads()) {
        let message = format!("{what} takes {mode} on {table}");
        cx.report(found, &HAZARD, cx.statement.span, message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_on_tables_in_use() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER POLICY users_see_all ON users USING (false)",
            "DROP POLICY users_see_all ON users",
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
        ],
        &[
            "DROP POLICY IF EXISTS nowhere ON users",
            "CREATE TABLE n (a int); CREATE POLICY p ON n; ALTER TABLE n ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY p ON archive",
        ],
    );
}
