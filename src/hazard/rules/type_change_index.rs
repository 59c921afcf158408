//! A type change that leaves the rows as they are, and still builds indexes anew.

use super::{Context, Error, Found, Hazard, column_type_changes, listed};
use crate::plan::WorkKind;
use crate::sql::quote_ident;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL004",
    name: "type-change-builds-indexes",
    severity: Error,
    summary: "a type change that looks free builds indexes with an expression or predicate anew",
    effect: "An index on the column stays only if it is plain and its operator class is the same. One \
             with an expression or a WHERE clause, and every index when the operator class changes, is \
             built again under ACCESS EXCLUSIVE: reads and writes wait.",
    remedy: "Drop the index concurrently, change the type, create the index concurrently.",
    bad: "ALTER TABLE users ALTER COLUMN name TYPE text;",
    good: "DROP INDEX CONCURRENTLY users_name_idx;\n\
           ALTER TABLE users ALTER COLUMN name TYPE text;\n\
           CREATE INDEX CONCURRENTLY users_name_idx ON users (normalized(name));",
    source: "PostgreSQL source, indexcmds.c, `CheckIndexCompatible`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for (sub, column) in column_type_changes(cx) {
        let builds = sub.impact.work.iter().any(|work| work.kind == WorkKind::IndexBuild);
        if !sub.blocks() || sub.rewrites() || !builds {
            continue;
        }
        let indexes: Vec<String> = sub
            .relation
            .map(|relation| relation.indexes.as_slice())
            .unwrap_or_default()
            .iter()
            .filter(|index| index.columns.iter().any(|name| name == column))
            .filter(|index| index.has_expressions || index.predicate.is_some())
            .map(|index| quote_ident(&index.name))
            .collect();
        let message = format!(
            "changing the type of {} rewrites no row, but builds {} on {} anew under ACCESS \
             EXCLUSIVE{}",
            quote_ident(column),
            if indexes.is_empty() { "its indexes".to_owned() } else { listed(&indexes) },
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_where_an_index_does_not_survive() {
    use crate::hazard::testing::{check, check_in, shop};
    check(
        &HAZARD,
        &["ALTER TABLE orders ALTER status TYPE varchar(30)"],
        &["ALTER TABLE orders ALTER code TYPE text", "ALTER TABLE archive ALTER status TYPE text"],
    );
    let mut utc = shop();
    utc.server.settings.insert("TimeZone".into(), "UTC".into());
    let change = "ALTER TABLE users ALTER updated_at TYPE timestamp";
    check_in(&utc, &HAZARD, &[change], &["ALTER TABLE users ALTER created_at TYPE timestamptz"]);
}
