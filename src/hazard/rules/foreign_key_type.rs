//! A foreign key whose column is narrower than what it points to.

use super::{Context, Found, Hazard, Warning};
use crate::catalog::{Catalog, ConstraintKind};
use crate::hazard::history::History;
use crate::sql::quote_ident;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL082",
    name: "foreign-key-type",
    severity: Warning,
    summary: "a foreign key's column is of a smaller integer type than the key that it points to",
    effect: "Once the key passes what the column can hold, rows cannot refer to it: the INSERT fails with \
             \"integer out of range\".",
    remedy: "Give both columns the same type.",
    bad: "CREATE TABLE carts (id bigint PRIMARY KEY, user_id int REFERENCES users (id));",
    good: "CREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id));",
    source: "PostgreSQL documentation, Numeric Types; CREATE TABLE, REFERENCES.",
};

pub(in crate::hazard) fn check(_: &Context<'_>, _: &mut Found) {}

pub(in crate::hazard) fn end(file: &History, catalog: &Catalog, found: &mut Found) {
    for key in &file.keys {
        let (Some(table), Some(other)) =
            (catalog.relation(&key.table), catalog.relation(&key.references))
        else {
            continue;
        };
        let constraint = table.constraints.iter().find(|constraint| {
            constraint.kind == ConstraintKind::ForeignKey
                && constraint.columns == key.columns
                && constraint.references.as_ref() == Some(&key.references)
        });
        let Some(constraint) = constraint else { continue };
        for (column, referenced) in constraint.columns.iter().zip(&constraint.referenced_columns) {
            let (Some(from), Some(to)) = (table.column(column), other.column(referenced)) else {
                continue;
            };
            if let (Some(narrow), Some(wide)) = (width(&from.type_name), width(&to.type_name))
                && narrow < wide
            {
                let message = format!(
                    "{} of {} is {}, but {} of {} is {}",
                    quote_ident(column),
                    key.table,
                    from.type_name,
                    quote_ident(referenced),
                    key.references,
                    to.type_name
                );
                found.add(&HAZARD, key.statement, key.span, message, None);
            }
        }
    }
}

/// Bytes of an integer type.
fn width(type_name: &str) -> Option<u8> {
    match type_name {
        "smallint" => Some(2),
        "integer" => Some(4),
        "bigint" => Some(8),
        _ => None,
    }
}

#[cfg(test)]
#[test]
fn fires_for_narrower_columns() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "CREATE TABLE n (a smallint, FOREIGN KEY (a) REFERENCES orders)",
            "ALTER TABLE orders ADD shipment int REFERENCES shipments",
        ],
        &[
            "CREATE TABLE n (a bigint REFERENCES orders)",
            "CREATE TABLE n (a int REFERENCES orders)",
            "CREATE TABLE n (a int REFERENCES users); ALTER TABLE n ALTER a TYPE bigint",
        ],
    );
}
