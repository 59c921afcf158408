//! A new key that is numbered with four bytes or two.

use super::{Context, Found, Hazard, Warning, last_name};
use crate::catalog::{Catalog, Column, Relation};
use crate::hazard::alter::has_inline;
use crate::hazard::history::History;
use crate::hazard::words::grouped;
use crate::sql::quote_ident;
use pg_query::protobuf::ConstrType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL080",
    name: "new-int-key",
    severity: Warning,
    summary: "a new primary key is numbered by a sequence in a type that runs out",
    effect: "integer ends at 2,147,483,647 and smallint at 32,767, gaps and rolled-back inserts included. \
             Then every INSERT fails, and going to bigint writes the table and all that refer to it anew.",
    remedy: "Use bigint from the start: the index is hardly larger, and alignment often makes it free.",
    bad: "CREATE TABLE carts (id serial PRIMARY KEY);",
    good: "CREATE TABLE carts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);",
    source: "PostgreSQL documentation, Numeric Types.",
};

/// The largest value of the integer types that run out.
pub(super) fn limit(type_name: &str) -> Option<i64> {
    match type_name {
        "integer" | "int4" | "int" | "serial" | "serial4" => Some(i64::from(i32::MAX)),
        "smallint" | "int2" | "smallserial" | "serial2" => Some(i64::from(i16::MAX)),
        _ => None,
    }
}

/// The column of a primary key of one column, when a sequence numbers it.
pub(super) fn numbered_key(relation: &Relation) -> Option<&Column> {
    let [key] = relation.primary_key()?.columns.as_slice() else { return None };
    let column = relation.column(key)?;
    let numbered = column.identity.is_some()
        || column.default.as_deref().is_some_and(|default| default.contains("nextval("));
    numbered.then_some(column)
}

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands {
        let Some(column) = sub.added_column() else { continue };
        let type_name = column.type_name.as_ref().map(last_name).unwrap_or_default();
        let numbered =
            type_name.contains("serial") || has_inline(column, ConstrType::ConstrIdentity);
        // What this file has created is looked at when it is complete.
        let new = sub.relation.is_some_and(|relation| relation.created_here);
        if new || !numbered || !has_inline(column, ConstrType::ConstrPrimary) {
            continue;
        }
        if let Some(limit) = limit(&type_name) {
            let name = quote_ident(&column.colname);
            let message = format!("the key {name} of {} runs out at {}", sub.table, grouped(limit));
            cx.report(found, &HAZARD, sub.span(), message, Some("Use bigint.".to_owned()));
        }
    }
}

pub(in crate::hazard) fn end(file: &History, catalog: &Catalog, found: &mut Found) {
    for created in &file.tables {
        let Some(relation) = catalog.relation(&created.table) else { continue };
        let Some(key) = numbered_key(relation).filter(|_| relation.parents.is_empty()) else {
            continue;
        };
        let Some(limit) = limit(&key.type_name) else { continue };
        let name = quote_ident(&key.name);
        let message = format!("the key {name} of {} runs out at {}", created.table, grouped(limit));
        let remedy = Some("Use bigint.".to_owned());
        found.add(&HAZARD, created.statement, created.span, message, remedy);
    }
}

#[cfg(test)]
#[test]
fn fires_for_numbered_keys_that_run_out() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "CREATE TABLE n (id smallint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (id))",
            "CREATE TABLE n (id int); CREATE SEQUENCE s; ALTER TABLE n ALTER id SET DEFAULT nextval('s');
             ALTER TABLE n ADD PRIMARY KEY (id)",
            "ALTER TABLE events_2026 ADD id serial PRIMARY KEY",
        ],
        &[
            "CREATE TABLE n (id bigserial PRIMARY KEY)",
            "CREATE TABLE n (code smallint PRIMARY KEY)",
            "CREATE TABLE n (id serial, a uuid PRIMARY KEY)",
            "CREATE TABLE n (id serial PRIMARY KEY); ALTER TABLE n ALTER id TYPE bigint",
            "CREATE TABLE n (id serial PRIMARY KEY); DROP TABLE n",
            "CREATE TEMP TABLE n (id serial PRIMARY KEY)",
        ],
    );
}
