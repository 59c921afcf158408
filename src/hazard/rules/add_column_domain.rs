//! `ADD COLUMN` of a domain that has constraints.

use super::{Context, Error, Found, Hazard, adds_column_that_rewrites, last_name};
use crate::catalog::TypeDef;
use crate::sql::quote_ident;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL009",
    name: "add-column-constrained-domain",
    severity: Error,
    summary: "adding a column of a domain with a constraint writes the whole table anew",
    effect: "Even without a default, PostgreSQL evaluates the domain's CHECK or NOT NULL for every row, \
             and writes a new copy of the table while it does so, under ACCESS EXCLUSIVE.",
    remedy: "Add the column with the domain's base type and the same CHECK as NOT VALID, and validate it \
             in a transaction of its own.",
    bad: "ALTER TABLE users ADD COLUMN billing email;",
    good: "ALTER TABLE users ADD COLUMN billing text;\n\
           ALTER TABLE users ADD CONSTRAINT billing_is_email CHECK (billing LIKE '%@%') NOT VALID;\n\
           ALTER TABLE users VALIDATE CONSTRAINT billing_is_email;",
    source: "PostgreSQL source, tablecmds.c, `ATExecAddColumn` (`DomainHasConstraints`).",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for (sub, column) in adds_column_that_rewrites(cx) {
        let Some(type_name) = column.type_name.as_ref().map(last_name) else { continue };
        let domain = cx
            .catalog
            .types
            .iter()
            .find(|(name, of)| name.name == type_name && matches!(of, TypeDef::Domain { .. }));
        let Some((domain, _)) = domain else { continue };
        // A domain without constraints rewrites too, where its default is volatile: another hazard.
        if !column.type_name.as_ref().is_some_and(|of| cx.catalog.is_checked_by_domain(of)) {
            continue;
        }
        let message = format!(
            "domain {domain} has constraints: adding {} writes {} anew under ACCESS EXCLUSIVE{}",
            quote_ident(&column.colname),
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_for_domains_that_check_something() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE users ADD a public.email",
            "CREATE DOMAIN d AS int NOT NULL DEFAULT 1; ALTER TABLE users ADD a d",
        ],
        &[
            "ALTER TABLE users ADD a remark",
            "ALTER TABLE users ADD a mood",
            "ALTER TABLE archive ADD a email",
            "CREATE TABLE n (b int); ALTER TABLE n ADD a email",
        ],
    );
}
