//! A type change that leaves the rows as they are, and still has every row checked.

use super::{Context, Error, Found, Hazard, column_type_changes, listed};
use crate::catalog::ConstraintKind;
use crate::plan::WorkKind;
use crate::sql::quote_ident;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL003",
    name: "type-change-checks-rows",
    severity: Error,
    summary: "a type change that looks free reads the table to verify its CHECK constraints again",
    effect: "Widening a varchar or going to text does not touch stored values, but PostgreSQL makes \
             every constraint on the column anew, and verifies it row by row under ACCESS EXCLUSIVE.",
    remedy: "Drop the CHECK, change the type, add the CHECK again as NOT VALID, and validate it in a \
             transaction of its own.",
    bad: "ALTER TABLE users ALTER COLUMN bio TYPE text;",
    good: "ALTER TABLE users DROP CONSTRAINT bio_is_short;\n\
           ALTER TABLE users ALTER COLUMN bio TYPE text;\n\
           ALTER TABLE users ADD CONSTRAINT bio_is_short CHECK (length(bio) < 40) NOT VALID;\n\
           ALTER TABLE users VALIDATE CONSTRAINT bio_is_short;",
    source: "PostgreSQL source, tablecmds.c, `ATPostAlterTypeCleanup` and `ATRewriteTable`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for (sub, column) in column_type_changes(cx) {
        let scans = sub.impact.work.iter().any(|work| work.kind == WorkKind::Scan);
        if !sub.blocks() || sub.rewrites() || !scans {
            continue;
        }
        let constraints = sub.relation.map(|relation| relation.constraints.as_slice());
        let checks: Vec<String> = constraints
            .unwrap_or_default()
            .iter()
            .filter(|check| check.kind == ConstraintKind::Check && check.validated)
            .filter(|check| check.columns.iter().any(|name| name == column))
            .map(|check| quote_ident(&check.name))
            .collect();
        let message = format!(
            "changing the type of {} rewrites nothing, but all of {} is read under ACCESS EXCLUSIVE \
             to verify {}{}",
            quote_ident(column),
            cx.sized(&sub.table),
            if checks.is_empty() { "its checks".to_owned() } else { listed(&checks) },
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_where_a_check_reads_the_column() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE users ALTER bio TYPE varchar(60)"],
        &[
            "ALTER TABLE orders ALTER code TYPE varchar(20)",
            "ALTER TABLE users ALTER age TYPE bigint",
            "ALTER TABLE users DROP CONSTRAINT bio_is_short, ALTER bio TYPE text",
            "CREATE TABLE n (a varchar(2) CHECK (a > '')); ALTER TABLE n ALTER a TYPE text",
        ],
    );
}
