//! An updatable view that stands in for a table under its old name, or with an old column name.
//!
//! A view of one table whose columns are plain references can be written through (manual, "CREATE
//! VIEW", Updatable Views): inserts, updates, deletes, `ON CONFLICT`, `RETURNING` and row locks work,
//! and a column that is not written gets the table's default. With `security_invoker` (15 and
//! later) the reader's own privileges and policies count on the table behind it.

use super::acl;
use super::draft::Draft;
use crate::catalog::Relation;
use crate::sql::{QualifiedName, quote_ident};

/// What works through a view, in the sense of privileges.
const PRIVILEGES: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// What cannot be done through a view, for the plan's notes.
pub(super) const LIMITS: &str = "COPY … FROM, TRUNCATE, ON CONFLICT ON CONSTRAINT, system columns such as ctid and new foreign keys do not work through it";

/// A column of the view.
pub(super) struct ShownColumn {
    /// Its name in the table behind.
    pub real: String,
    /// Its name in the view.
    pub shown: String,
    /// Its name in the catalog before the rename: where its privileges stand.
    pub was: String,
}

impl ShownColumn {
    pub fn unchanged(name: &str) -> Self {
        Self { real: name.to_owned(), shown: name.to_owned(), was: name.to_owned() }
    }
}

/// Why `relation` cannot have a view stand in for it; empty when it can.
pub(super) fn obstacles(draft: &Draft<'_>, relation: &Relation) -> Vec<String> {
    let mut found = Vec::new();
    if !relation.publications.is_empty() {
        found.push(format!(
            "it is published for logical replication ({})",
            relation.publications.join(", ")
        ));
    }
    if relation.partition_bound.is_some() {
        found.push("it is a partition".to_owned());
    }
    if relation.row_security && draft.major() < 15 {
        found.push(
            "its row security would be checked as the view's owner before version 15".to_owned(),
        );
    }
    if !relation.rules.is_empty() {
        found.push("it has rules".to_owned());
    }
    found
}

/// The statements that create `view` over `table`, whose properties are those of `relation`;
/// `columns` are what the view shows, in order.
pub(super) fn create(
    draft: &Draft<'_>,
    relation: &Relation,
    view: &QualifiedName,
    table: &QualifiedName,
    columns: &[ShownColumn],
) -> Vec<String> {
    let list: Vec<String> = columns
        .iter()
        .map(|column| {
            if column.real == column.shown {
                quote_ident(&column.real)
            } else {
                format!("{} AS {}", quote_ident(&column.real), quote_ident(&column.shown))
            }
        })
        .collect();
    let invoker = if draft.major() >= 15 { " WITH (security_invoker = true)" } else { "" };
    let mut sql =
        vec![format!("CREATE VIEW {view}{invoker} AS SELECT {} FROM {table}", list.join(", "))];
    if relation.owner != draft.catalog.server.role.name {
        sql.push(format!("ALTER VIEW {view} OWNER TO {}", quote_ident(&relation.owner)));
    }
    if let Some(items) = &relation.privileges {
        sql.extend(acl::grants_to_others(
            items,
            &relation.owner,
            &view.to_string(),
            "",
            &PRIVILEGES,
        ));
    }
    for column in columns {
        let Some(found) = relation.column(&column.was) else { continue };
        let on = format!(" ({})", quote_ident(&column.shown));
        sql.extend(acl::grants_to_others(
            &found.privileges,
            &relation.owner,
            &view.to_string(),
            &on,
            &PRIVILEGES,
        ));
    }
    sql
}
