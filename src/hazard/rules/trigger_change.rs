//! Triggers and rules.

use super::{Context, Found, Hazard, Warning};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, ObjectType};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL038",
    name: "trigger-change-locks",
    severity: Warning,
    summary: "creating, dropping or switching a trigger or rule stops writes, or reads too, for a moment",
    effect: "CREATE TRIGGER and ENABLE or DISABLE TRIGGER take SHARE ROW EXCLUSIVE, DROP TRIGGER and \
             everything about rules ACCESS EXCLUSIVE. They queue behind running statements, others queue \
             behind them. From then on the trigger runs inside every statement of the application: what it \
             raises, the application gets. While triggers are disabled, foreign keys may be too.",
    remedy: "Set lock_timeout and try again until it succeeds. To change what a trigger does, replace its \
             function: that locks no table.",
    bad: "CREATE TRIGGER orders_touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();",
    good: "CREATE TRIGGER archive_touch BEFORE UPDATE ON archive FOR EACH ROW EXECUTE FUNCTION touch();",
    source: "PostgreSQL documentation, Explicit Locking, table-level locks; `DROP TRIGGER`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    use AlterTableType as At;
    let what = match cx.node() {
        NodeEnum::CreateTrigStmt(_) => "CREATE TRIGGER",
        NodeEnum::RuleStmt(_) => "CREATE RULE",
        NodeEnum::DropStmt(drop) => match drop.remove_type() {
            ObjectType::ObjectTrigger => "DROP TRIGGER",
            ObjectType::ObjectRule => "DROP RULE",
            _ => return,
        },
        NodeEnum::AlterTableStmt(_) => {
            for sub in cx.subcommands.iter().filter(|sub| cx.is_live(&sub.table)) {
                let (what, all) = match sub.kind() {
                    At::AtEnableTrig | At::AtEnableAlwaysTrig | At::AtEnableReplicaTrig => {
                        ("ENABLE TRIGGER", false)
                    }
                    At::AtEnableTrigAll | At::AtEnableTrigUser => ("ENABLE TRIGGER", false),
                    At::AtDisableTrig | At::AtDisableTrigUser => ("DISABLE TRIGGER", false),
                    At::AtDisableTrigAll => ("DISABLE TRIGGER ALL", true),
                    At::AtEnableRule | At::AtEnableAlwaysRule | At::AtEnableReplicaRule => {
                        ("ENABLE RULE", false)
                    }
                    At::AtDisableRule => ("DISABLE RULE", false),
                    _ => continue,
                };
                let mode = crate::hazard::context::lock_on(&sub.impact, &sub.table);
                let Some(mode) = mode else { continue };
                let rest =
                    if all { ", and no foreign key is checked until they are enabled" } else { "" };
                let message = format!("{what} takes {mode} on {}{rest}", sub.table);
                cx.report(found, &HAZARD, sub.span(), message, None);
            }
            return;
        }
        _ => return,
    };
    for (table, mode) in cx.strong_locks() {
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
            "DROP TRIGGER users_touch ON users",
            "ALTER TABLE users DISABLE TRIGGER users_touch",
            "ALTER TABLE users DISABLE TRIGGER ALL",
            "CREATE RULE r AS ON DELETE TO orders DO INSTEAD NOTHING",
        ],
        &[
            "CREATE TABLE n (a int); CREATE TRIGGER t BEFORE INSERT ON n FOR EACH ROW EXECUTE FUNCTION touch()",
            "DROP TRIGGER IF EXISTS nowhere ON users",
            "CREATE OR REPLACE FUNCTION unused() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        ],
    );
}
