//! `ALTER COLUMN … SET EXPRESSION` of a stored generated column.

use super::{Context, Error, Found, Hazard};
use crate::sql::quote_ident;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL011",
    name: "set-expression-rewrites",
    severity: Error,
    summary: "SET EXPRESSION of a stored generated column writes the whole table anew",
    effect: "Every stored value is computed again into a new copy of the table, and the indexes on the \
             column are built again, under ACCESS EXCLUSIVE.",
    remedy: "Add a second column with the new expression's value, kept by a trigger and filled in \
             batches, and move the application over. A VIRTUAL column (18) changes in a moment.",
    bad: "ALTER TABLE orders ALTER COLUMN cents SET EXPRESSION AS ((total * 1000)::bigint);",
    good: "ALTER TABLE orders ADD COLUMN mills bigint;\n\
           -- then a trigger for new rows, and old rows in batches",
    source: "PostgreSQL 17 documentation, ALTER TABLE, SET EXPRESSION AS.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands {
        if sub.kind() != AlterTableType::AtSetExpression || !sub.blocks() {
            continue;
        }
        let message = format!(
            "the new expression of {} writes {} anew under ACCESS EXCLUSIVE{}",
            quote_ident(&sub.command.name),
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_for_stored_columns_with_rows() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE orders ALTER cents SET EXPRESSION AS (id)"],
        &[
            "ALTER TABLE orders ALTER cents DROP EXPRESSION",
            "CREATE TABLE n (a int, b int GENERATED ALWAYS AS (a) STORED);
             ALTER TABLE n ALTER b SET EXPRESSION AS (a + 1)",
            "ALTER TABLE orders ADD v int GENERATED ALWAYS AS (id) VIRTUAL;
             ALTER TABLE orders ALTER v SET EXPRESSION AS (id + 1)",
        ],
    );
}
