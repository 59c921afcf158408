//! A foreign key without an index on its own columns.

use super::{Context, Found, Hazard, Warning};
use crate::catalog::{Catalog, Index};
use crate::hazard::history::History;
use crate::sql::quote_ident;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL083",
    name: "foreign-key-without-index",
    severity: Warning,
    summary: "a foreign key has no index on its own columns",
    effect: "Every DELETE of a referenced row, and every UPDATE of its key, reads the whole referencing \
             table while the row stays locked. PostgreSQL makes an index for the referenced side only.",
    remedy: "CREATE INDEX CONCURRENTLY on the referencing columns, in the same migration.",
    bad: "CREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id));",
    good: "CREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id));\n\
           CREATE INDEX ON carts (user_id);",
    source: "PostgreSQL documentation, Constraints, Foreign Keys.",
};

pub(in crate::hazard) fn check(_: &Context<'_>, _: &mut Found) {}

pub(in crate::hazard) fn end(file: &History, catalog: &Catalog, found: &mut Found) {
    for key in &file.keys {
        let Some(table) = catalog.relation(&key.table).filter(|table| super::known(table)) else {
            continue;
        };
        let gone = key.columns.iter().any(|column| table.column(column).is_none());
        if gone || key.columns.is_empty() || table.indexes.iter().any(|i| serves(i, &key.columns)) {
            continue;
        }
        let columns: Vec<String> = key.columns.iter().map(|name| quote_ident(name)).collect();
        let columns = columns.join(", ");
        let message = format!(
            "no index of {} begins with {columns}: each DELETE in {} reads all of it",
            key.table, key.references
        );
        let how = if table.created_here { "CREATE INDEX" } else { "CREATE INDEX CONCURRENTLY" };
        let remedy = format!("{how} ON {} ({columns});", key.table);
        found.add(&HAZARD, key.statement, key.span, message, Some(remedy));
    }
}

/// Whether the rows with given values of `columns` are found by the index: one of them leads it, and
/// it has all rows in which they are not NULL.
fn serves(index: &Index, columns: &[String]) -> bool {
    let leads =
        index.keys.first().and_then(Option::as_ref).is_some_and(|key| columns.contains(key));
    let whole = index.predicate.as_ref().is_none_or(|predicate| {
        let predicate = predicate.trim_matches(['(', ')']).to_ascii_lowercase();
        predicate.ends_with("is not null") && !predicate.contains(" and ")
    });
    leads && whole && matches!(&*index.method, "btree" | "hash" | "")
}

#[cfg(test)]
#[test]
fn fires_at_the_end_of_the_file() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE shipments ADD FOREIGN KEY (order_id) REFERENCES orders NOT VALID",
            "CREATE TABLE n (a int, b int, FOREIGN KEY (b) REFERENCES orders, PRIMARY KEY (a, b))",
            "ALTER TABLE orders ADD s bigint REFERENCES shipments; CREATE INDEX ON orders (s) WHERE id > 5",
        ],
        &[
            "CREATE TABLE n (user_id bigint PRIMARY KEY REFERENCES users)",
            "CREATE TABLE n (a int, b int, FOREIGN KEY (a) REFERENCES orders, PRIMARY KEY (a, b))",
            "ALTER TABLE orders ADD s bigint REFERENCES shipments;
             CREATE INDEX ON orders (s) WHERE s IS NOT NULL",
            "CREATE TABLE n (a int REFERENCES orders); DROP TABLE n",
            "ALTER TABLE shipments DROP CONSTRAINT shipments_user_fk;
             ALTER TABLE shipments ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ],
    );
}
