//! `DROP COLUMN`.

use super::{Context, Error, Found, Hazard};
use crate::sql::quote_ident;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL061",
    name: "drop-column",
    severity: Error,
    summary: "dropping a column breaks the running application that still names it, and loses its data",
    effect: "Every statement that names the column fails from that moment on. Object-relational mappers \
             name all columns that they have seen at start. Indexes and constraints on the column go too.",
    remedy: "Release an application that does not use the column first, and drop it in a later migration; \
             until then make it nullable. airlock plan puts the drop behind a gate.",
    bad: "ALTER TABLE users DROP COLUMN nick;",
    good: "ALTER TABLE users ALTER COLUMN score DROP NOT NULL;",
    source: "PostgreSQL documentation, ALTER TABLE, DROP COLUMN.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| cx.in_use(&sub.table)) {
        let name = &sub.command.name;
        if sub.kind() != AlterTableType::AtDropColumn || !super::has_column(sub) {
            continue;
        }
        // One that this file has added is not known to any application.
        if cx.file.has_added_column(&sub.table, name) {
            continue;
        }
        let goes: Vec<String> = sub
            .relation
            .map(|relation| {
                relation
                    .indexes
                    .iter()
                    .filter(|index| index.columns.iter().any(|column| column == name))
                    .map(|index| quote_ident(&index.name))
                    .collect()
            })
            .unwrap_or_default();
        let rest = if goes.is_empty() {
            String::new()
        } else {
            format!("; with it goes {}", super::listed(&goes))
        };
        let message = format!(
            "statements that name {} of {} fail from here on{rest}",
            quote_ident(name),
            sub.table
        );
        cx.report(found, &HAZARD, sub.span(), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_for_columns_that_were_there() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE orders DROP doc, DROP COLUMN IF EXISTS user_id CASCADE"],
        &[
            "ALTER TABLE users DROP COLUMN IF EXISTS nowhere",
            "ALTER TABLE users ADD a int; ALTER TABLE users DROP a",
            "CREATE TABLE n (a int, b int); ALTER TABLE n DROP b",
        ],
    );
}
