//! `DROP DEFAULT` of a column that is NOT NULL.

use super::{Context, Found, Hazard, Warning};
use crate::sql::quote_ident;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL068",
    name: "drop-default-of-required-column",
    severity: Warning,
    summary: "dropping the default of a NOT NULL column breaks INSERTs that leave the column out",
    effect: "An application that does not know the column yet, or relies on the default, gets an error for \
             each new row.",
    remedy: "Drop the default once every running application gives the column a value.",
    bad: "ALTER TABLE orders ALTER COLUMN status DROP DEFAULT;",
    good: "ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'open';",
    source: "PostgreSQL documentation, ALTER TABLE, SET/DROP DEFAULT.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| cx.in_use(&sub.table)) {
        let drops = match sub.kind() {
            AlterTableType::AtColumnDefault => sub.command.def.is_none(),
            AlterTableType::AtDropIdentity => true,
            _ => false,
        };
        let name = &sub.command.name;
        let required = sub.column(name).is_some_and(|column| {
            column.not_null && (column.default.is_some() || column.identity.is_some())
        });
        if drops && required {
            let message = format!(
                "INSERTs into {} that leave {} out fail from here on",
                sub.table,
                quote_ident(name)
            );
            cx.report(found, &HAZARD, sub.span(), message, None);
        }
    }
}

#[cfg(test)]
#[test]
fn fires_for_required_columns_with_a_default() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE users ADD a int NOT NULL DEFAULT 0; ALTER TABLE users ALTER a DROP DEFAULT",
            "ALTER TABLE users ALTER id DROP IDENTITY",
        ],
        &[
            "ALTER TABLE users ALTER nick DROP DEFAULT",
            "ALTER TABLE users ALTER login DROP DEFAULT",
            "CREATE TABLE n (a int NOT NULL DEFAULT 0); ALTER TABLE n ALTER a DROP DEFAULT",
        ],
    );
}
