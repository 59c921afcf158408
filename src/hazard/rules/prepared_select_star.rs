//! A prepared `SELECT *` meets another set of columns.

use super::{Context, Found, Hazard, Info};
use crate::sql::quote_ident;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL060",
    name: "prepared-select-star",
    severity: Info,
    summary: "a prepared SELECT * fails once after the columns of its table have changed",
    effect: "PostgreSQL answers \"cached plan must not change result type\" (0A000) on every connection \
             that has the statement prepared, inside a transaction too. Many drivers and poolers prepare \
             statements behind the application's back.",
    remedy: "Let the application name its columns. Or make it prepare again and retry on this error, or \
             restart its connections right after the change.",
    bad: "ALTER TABLE orders ADD COLUMN note text;",
    good: "CREATE TABLE order_notes (order_id bigint PRIMARY KEY, note text);",
    source: "PostgreSQL source, plancache.c, `RevalidateCachedQuery`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| cx.is_live(&sub.table)) {
        let what = match sub.kind() {
            AlterTableType::AtAddColumn => match sub.added_column() {
                Some(column) => format!("gets {}", quote_ident(&column.colname)),
                None => continue,
            },
            AlterTableType::AtAlterColumnType => {
                format!("has another type of {}", quote_ident(&sub.command.name))
            }
            AlterTableType::AtDropColumn if super::has_column(sub) => {
                format!("loses {}", quote_ident(&sub.command.name))
            }
            _ => continue,
        };
        if found.first(&HAZARD, &sub.table.to_string()) {
            let message = format!(
                "{} {what}: a SELECT * that is prepared on a connection fails there once",
                sub.table
            );
            cx.report(found, &HAZARD, sub.span(), message, None);
        }
    }
}

#[cfg(test)]
#[test]
fn fires_once_for_a_table() {
    use crate::hazard::testing::{check, run};
    check(
        &HAZARD,
        &["ALTER TABLE users ALTER name TYPE text", "ALTER TABLE orders DROP COLUMN doc"],
        &[
            "ALTER TABLE users ALTER name SET NOT NULL",
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS age int",
            "ALTER TABLE users DROP COLUMN IF EXISTS nowhere",
            "CREATE TABLE n (a int); ALTER TABLE n ADD b int",
        ],
    );
    let sql = "ALTER TABLE users ADD a int, ADD b int; ALTER TABLE users ADD c int";
    assert_eq!(run(sql).iter().filter(|found| found.hazard == &HAZARD).count(), 1);
}
