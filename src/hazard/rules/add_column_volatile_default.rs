//! `ADD COLUMN` with a default that gives every row another value.

use super::{Context, Error, Found, Hazard, adds_column_that_rewrites};
use crate::analyze::volatility;
use crate::catalog::Volatility;
use crate::hazard::alter::{has_inline, inline};
use crate::sql::quote_ident;
use pg_query::protobuf::ConstrType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL006",
    name: "add-column-volatile-default",
    severity: Error,
    summary: "adding a column with a volatile default writes the whole table anew",
    effect: "A constant or stable default is kept in the catalog and costs nothing. A volatile one, such \
             as gen_random_uuid(), clock_timestamp() or random(), must be computed for each row: the \
             table and its indexes are written anew under ACCESS EXCLUSIVE.",
    remedy: "Add the column without a default, set the default in a second statement (it then holds for \
             new rows only), and fill the old rows in batches.",
    bad: "ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();",
    good: "ALTER TABLE orders ADD COLUMN token uuid;\n\
           ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid();\n\
           -- then fill old rows in batches",
    source: "PostgreSQL documentation, ALTER TABLE, Notes (ADD COLUMN with a volatile DEFAULT).",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for (sub, column) in adds_column_that_rewrites(cx) {
        let Some(written) = &column.type_name else { continue };
        let own = inline(column)
            .find(|constraint| constraint.contype() == ConstrType::ConstrDefault)
            .map(|constraint| constraint.raw_expr.as_deref().cloned());
        let default = own.unwrap_or_else(|| cx.catalog.default_of_domain(written));
        let volatile = default.is_some_and(|default| {
            volatility::of_default(&default, written, cx.catalog) == Volatility::Volatile
        });
        let generated = has_inline(column, ConstrType::ConstrGenerated);
        if !volatile || generated {
            continue;
        }
        let message = format!(
            "the default of {} is volatile: {} is written anew under ACCESS EXCLUSIVE{}",
            quote_ident(&column.colname),
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_for_volatile_defaults_only() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE users ADD a float DEFAULT random()",
            "ALTER TABLE users ADD a timestamptz NOT NULL DEFAULT clock_timestamp()",
            "ALTER TABLE users ADD b int, ADD a float DEFAULT random()",
            "ALTER TABLE events ADD a float DEFAULT random()",
            "CREATE DOMAIN r AS float DEFAULT random(); CREATE DOMAIN rr AS r; ALTER TABLE users ADD a rr",
        ],
        &[
            "ALTER TABLE users ADD a timestamptz NOT NULL DEFAULT now()",
            "ALTER TABLE users ADD a int DEFAULT 1",
            "CREATE DOMAIN r AS float DEFAULT random(); ALTER TABLE users ADD a r DEFAULT NULL, ADD b r[]",
            "ALTER TABLE users ADD a bigserial",
            "ALTER TABLE archive ADD a float DEFAULT random()",
            "CREATE TABLE n (b int); ALTER TABLE n ADD a float DEFAULT random()",
            "ALTER TABLE users ALTER nick SET DEFAULT random()::text",
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS age int DEFAULT random()",
        ],
    );
}
