//! A second column that is like another one, or takes its place.

use super::acl;
use super::text::{self, alter};
use crate::catalog::{Column, Relation};
use crate::sql::{QualifiedName, quote_ident, quote_literal};

/// Adds column `new` to `table`, with the type, collation, storage, compression, statistics target
/// and options of `column`; without default or NOT NULL.
pub(super) fn add(table: &QualifiedName, column: &Column, new: &str) -> Vec<String> {
    let quoted = quote_ident(new);
    let collation = column.collation.as_ref().map(|c| format!(" COLLATE {c}")).unwrap_or_default();
    let mut sql =
        vec![alter(table, &format!("ADD COLUMN {quoted} {}{collation}", column.type_name))];
    sql.extend(properties(&table.to_string(), column, &quoted));
    sql
}

/// The same for the new column of a table below another one: what is otherwise than in `above`, from which it
/// came, or does not come down. It goes no further down, where each table has its own.
pub(super) fn differences(
    table: &Relation,
    column: &Column,
    above: &Column,
    new: &str,
) -> Vec<String> {
    let own = Column {
        storage: column.storage.filter(|_| column.storage != above.storage),
        statistics_target: column
            .statistics_target
            .filter(|_| column.statistics_target != above.statistics_target),
        ..column.clone()
    };
    let target = text::only(table);
    let mut sql = properties(&target, &own, &quote_ident(new));
    if column.statistics_target.is_none() && above.statistics_target.is_some() {
        let new = quote_ident(new);
        sql.push(format!("ALTER TABLE {target} ALTER COLUMN {new} SET STATISTICS -1"));
    }
    sql
}

/// Who may use it and what is said of it.
pub(super) fn grants_and_comment(table: &Relation, column: &Column, new: &str) -> Vec<String> {
    let (name, quoted) = (&table.name, quote_ident(new));
    let on = format!(" ({quoted})");
    let mut sql =
        acl::grants(&column.privileges, &table.owner, &name.to_string(), &on, &acl::OF_COLUMNS);
    if let Some(comment) = &column.comment {
        sql.push(format!("COMMENT ON COLUMN {name}.{quoted} IS {}", quote_literal(comment)));
    }
    sql
}

/// Storage, compression, statistics target and options.
fn properties(target: &str, column: &Column, quoted: &str) -> Vec<String> {
    let mut sql = Vec::new();
    let alter = |what: String| format!("ALTER TABLE {target} ALTER COLUMN {quoted} {what}");
    let storage = column.storage.and_then(|letter| match letter {
        'p' => Some("PLAIN"),
        'e' => Some("EXTERNAL"),
        'm' => Some("MAIN"),
        'x' => Some("EXTENDED"),
        _ => None,
    });
    if let Some(storage) = storage {
        sql.push(alter(format!("SET STORAGE {storage}")));
    }
    if let Some(method) = &column.compression {
        sql.push(alter(format!("SET COMPRESSION {}", quote_ident(method))));
    }
    if let Some(target) = column.statistics_target {
        sql.push(alter(format!("SET STATISTICS {target}")));
    }
    if !column.options.is_empty() {
        sql.push(alter(format!("SET ({})", column.options.join(", "))));
    }
    sql
}
