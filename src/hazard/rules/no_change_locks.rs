//! A statement that changes nothing and locks all the same.

use super::{Context, Found, Hazard, Subcommand, Warning};
use crate::catalog::ConstraintKind;
use pg_query::NodeEnum;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL037",
    name: "no-change-still-locks",
    severity: Warning,
    summary: "IF [NOT] EXISTS takes the lock first and looks afterwards whether there is anything to do",
    effect: "ADD COLUMN IF NOT EXISTS, DROP COLUMN IF EXISTS, CREATE INDEX IF NOT EXISTS, SET NOT NULL of \
             a column that is NOT NULL: nothing changes, and reads or writes still queue behind the \
             statement. A migration that is run again at each deployment does so each time.",
    remedy: "Take the statement out of the migration, or ask the catalog first.",
    bad: "ALTER TABLE users ADD COLUMN IF NOT EXISTS age int;",
    good: "ALTER TABLE archive ADD COLUMN IF NOT EXISTS user_id bigint;",
    source: "PostgreSQL source, tablecmds.c, `AlterTable`; indexcmds.c, `DefineIndex`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if let NodeEnum::IndexStmt(create) = cx.node() {
        let Some(name) = &create.relation else { return };
        let table = cx.name(name);
        let taken = !create.idxname.is_empty()
            && cx.catalog.name_is_taken(&table.sibling(&*create.idxname));
        let locked = cx.lock_on(&table).filter(|mode| mode.blocks_writes());
        if let (true, true, Some(mode)) =
            (create.if_not_exists && taken, cx.is_live(&table), locked)
        {
            let message = format!(
                "\"{}\" is there already; {table} is locked {mode} all the same",
                create.idxname
            );
            cx.report(found, &HAZARD, cx.statement.span, message, None);
        }
        return;
    }
    // One that does something would take the lock anyway.
    if cx.subcommands.is_empty() || !cx.subcommands.iter().all(does_nothing) {
        return;
    }
    for sub in cx.subcommands {
        let mode = crate::hazard::context::lock_on(&sub.impact, &sub.table);
        if let Some(mode) = mode.filter(|mode| mode.blocks_writes())
            && cx.is_live(&sub.table)
        {
            let message =
                format!("this changes nothing, and takes {mode} on {} all the same", sub.table);
            cx.report(found, &HAZARD, sub.span(), message, None);
        }
    }
}

fn does_nothing(sub: &Subcommand<'_>) -> bool {
    use AlterTableType as At;
    let Some(relation) = sub.relation.filter(|relation| super::known(relation)) else {
        return false;
    };
    let name = sub.command.name.as_str();
    match (sub.kind(), sub.definition()) {
        (At::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
            sub.command.missing_ok && relation.column(&column.colname).is_some()
        }
        (At::AtDropColumn, _) => sub.command.missing_ok && relation.column(name).is_none(),
        (At::AtDropConstraint, _) => sub.command.missing_ok && relation.constraint(name).is_none(),
        (At::AtSetNotNull, _) => {
            relation.is_not_null(name)
                && !relation.constraints.iter().any(|constraint| {
                    constraint.kind == ConstraintKind::NotNull
                        && !constraint.validated
                        && constraint.columns.iter().any(|column| column == name)
                })
        }
        (At::AtDropNotNull, _) => relation.column(name).is_some_and(|column| !column.not_null),
        (At::AtDropIdentity | At::AtDropExpression, _) => {
            let plain = |column: &crate::catalog::Column| {
                column.identity.is_none() && column.generated.is_none()
            };
            sub.command.missing_ok && relation.column(name).is_some_and(plain)
        }
        _ => false,
    }
}

#[cfg(test)]
#[test]
fn fires_only_when_nothing_changes() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE users DROP COLUMN IF EXISTS nowhere",
            "ALTER TABLE users DROP CONSTRAINT IF EXISTS nowhere",
            "ALTER TABLE users ALTER login SET NOT NULL",
            "CREATE INDEX IF NOT EXISTS users_login_key ON users (login)",
        ],
        &[
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS fresh int",
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS age int, ADD COLUMN fresh int",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_login_key ON users (login)",
            "CREATE TABLE IF NOT EXISTS users (id int)",
            "CREATE TABLE n (a int); ALTER TABLE n ADD COLUMN IF NOT EXISTS a int",
        ],
    );
}
