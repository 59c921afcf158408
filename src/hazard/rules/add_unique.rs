//! UNIQUE and PRIMARY KEY that build their index under ACCESS EXCLUSIVE.

use super::{Context, Error, Found, Hazard, Subcommand};
use crate::hazard::alter::has_inline;
use crate::hazard::history::strings;
use crate::sql::{derived_name, quote_ident};
use pg_query::protobuf::ConstrType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL014",
    name: "add-unique-builds-index",
    severity: Error,
    summary: "adding UNIQUE or PRIMARY KEY builds an index while reads and writes wait",
    effect: "The index behind the constraint is built under ACCESS EXCLUSIVE; a primary key also reads \
             its columns for NULL.",
    remedy: "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX, which takes a moment. \
             For a primary key make the columns NOT NULL first, by a validated check.",
    bad: "ALTER TABLE users ADD CONSTRAINT users_nick_key UNIQUE (nick);",
    good: "CREATE UNIQUE INDEX CONCURRENTLY users_nick_key ON users (nick);\n\
           ALTER TABLE users ADD CONSTRAINT users_nick_key UNIQUE USING INDEX users_nick_key;",
    source: "PostgreSQL documentation, ALTER TABLE, ADD table_constraint_using_index.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| sub.blocks()) {
        let Some((what, columns, takes_over)) = added(sub) else { continue };
        let listed: Vec<String> = columns.iter().map(|column| quote_ident(column)).collect();
        let wait = cx.for_about(&sub.impact.work);
        let message = if takes_over {
            format!(
                "{what} USING INDEX reads all of {} under ACCESS EXCLUSIVE, because a column may \
                 hold NULL{wait}",
                cx.sized(&sub.table),
            )
        } else {
            format!(
                "reads and writes of {} wait while the index of {what} ({}) is built{wait}",
                cx.sized(&sub.table),
                listed.join(", "),
            )
        };
        let remedy = (!takes_over && !listed.is_empty()).then(|| {
            let mut parts = vec![sub.table.name.as_str()];
            parts.extend(columns.iter().map(String::as_str));
            parts.push("key");
            let index = quote_ident(&derived_name(&parts));
            let table = &sub.table;
            format!(
                "CREATE UNIQUE INDEX CONCURRENTLY {index} ON {table} ({}); then ALTER TABLE {table} \
                 ADD {what} USING INDEX {index};",
                listed.join(", ")
            )
        });
        cx.report(found, &HAZARD, sub.span(), message, remedy);
    }
}

/// Kind, columns, and whether an index is taken over.
fn added(sub: &Subcommand<'_>) -> Option<(&'static str, Vec<String>, bool)> {
    if let Some(constraint) = sub.added_constraint() {
        let what = match constraint.contype() {
            ConstrType::ConstrPrimary => "PRIMARY KEY",
            ConstrType::ConstrUnique => "UNIQUE",
            _ => return None,
        };
        return Some((what, strings(&constraint.keys), !constraint.indexname.is_empty()));
    }
    let column = sub.added_column()?;
    let what = if has_inline(column, ConstrType::ConstrPrimary) {
        "PRIMARY KEY"
    } else if has_inline(column, ConstrType::ConstrUnique) {
        "UNIQUE"
    } else {
        return None;
    };
    Some((what, vec![column.colname.clone()], false))
}

#[cfg(test)]
#[test]
fn fires_where_an_index_is_built() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE users ADD UNIQUE (nick)",
            "ALTER TABLE events_2026 ADD PRIMARY KEY (at)",
            "ALTER TABLE users ADD z int UNIQUE",
            "CREATE UNIQUE INDEX CONCURRENTLY k ON events_2026 (kind);
             ALTER TABLE events_2026 ADD PRIMARY KEY USING INDEX k",
        ],
        &[
            "CREATE UNIQUE INDEX CONCURRENTLY k ON users (nick);
             ALTER TABLE users ADD UNIQUE USING INDEX k",
            "ALTER TABLE archive ADD UNIQUE (user_id)",
            "CREATE TABLE n (a int); ALTER TABLE n ADD PRIMARY KEY (a)",
        ],
    );
}
