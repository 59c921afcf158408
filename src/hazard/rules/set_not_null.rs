//! `SET NOT NULL` that reads the table under ACCESS EXCLUSIVE.

use super::{Context, Error, Found, Hazard};
use crate::sql::{QualifiedName, derived_name, quote_ident};
use pg_query::protobuf::{AlterTableType, ConstrType};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL010",
    name: "set-not-null-scans",
    severity: Error,
    summary: "SET NOT NULL reads the whole table under ACCESS EXCLUSIVE",
    effect: "PostgreSQL looks for a NULL in every row while reads and writes wait, unless a validated \
             CHECK constraint shows that there is none.",
    remedy: "Add CHECK (column IS NOT NULL) as NOT VALID, validate it in a transaction of its own (the \
             application goes on meanwhile), then SET NOT NULL and drop the check. On 18, ADD CONSTRAINT … \
             NOT NULL column NOT VALID and VALIDATE CONSTRAINT do the same.",
    bad: "ALTER TABLE users ALTER COLUMN nick SET NOT NULL;",
    good: "ALTER TABLE users ADD CONSTRAINT nick_is_known CHECK (nick IS NOT NULL) NOT VALID;\n\
           ALTER TABLE users VALIDATE CONSTRAINT nick_is_known;\n\
           ALTER TABLE users ALTER COLUMN nick SET NOT NULL;\n\
           ALTER TABLE users DROP CONSTRAINT nick_is_known;",
    source: "PostgreSQL documentation, ALTER TABLE, SET/DROP NOT NULL.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| sub.blocks()) {
        let column = match (sub.kind(), sub.added_constraint()) {
            (AlterTableType::AtSetNotNull, _) => sub.command.name.clone(),
            (_, Some(added)) if added.contype() == ConstrType::ConstrNotnull => {
                crate::hazard::history::strings(&added.keys).concat()
            }
            _ => continue,
        };
        let message = format!(
            "SET NOT NULL of {} reads all of {} under ACCESS EXCLUSIVE{}",
            quote_ident(&column),
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, Some(remedy(&sub.table, &column)));
    }
}

fn remedy(table: &QualifiedName, column: &str) -> String {
    let check = quote_ident(&derived_name(&[&table.name, column, "not_null"]));
    let column = quote_ident(column);
    format!(
        "ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID; then, each \
         in its own transaction, ALTER TABLE {table} VALIDATE CONSTRAINT {check}; and ALTER TABLE \
         {table} ALTER COLUMN {column} SET NOT NULL, DROP CONSTRAINT {check};"
    )
}

#[cfg(test)]
#[test]
fn fires_unless_the_catalog_proves_it() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE users ALTER nick SET NOT NULL",
            "ALTER TABLE users ADD CONSTRAINT n NOT NULL nick",
            "ALTER TABLE users ADD CONSTRAINT c CHECK (nick IS NOT NULL) NOT VALID;
             ALTER TABLE users ALTER nick SET NOT NULL",
        ],
        &[
            "ALTER TABLE users ALTER login SET NOT NULL",
            "ALTER TABLE users ALTER age SET NOT NULL",
            "ALTER TABLE archive ALTER status SET NOT NULL",
            "ALTER TABLE users ADD COLUMN z int DEFAULT 1, ALTER z SET NOT NULL",
            "CREATE TABLE n (a int); ALTER TABLE n ALTER a SET NOT NULL",
            "ALTER TABLE users ADD CONSTRAINT n NOT NULL nick NOT VALID",
        ],
    );
}
