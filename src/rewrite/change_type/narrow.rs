//! Columns that hold values of a key which gets wider, and do not follow it: said in the plan, since the first
//! value that does not fit there comes long after the migration.
//!
//! A foreign key tells for certain. Without one only the name does (`order_id` beside `orders.id`), and the
//! plan says that it is a guess.

use super::Table;
use crate::catalog::{ConstraintKind, RelationKind};
use crate::plan::NoteKind;
use crate::rewrite::draft::Draft;
use crate::sql::{QualifiedName, quote_ident};

/// Columns that are named at most; a schema may have very many.
const NAMED_MAX: usize = 12;

pub(super) fn note(draft: &mut Draft<'_>, table: &Table) {
    for change in &table.changes {
        let (column, from, to) = (change.name(), &change.before.type_name, &change.after.type_name);
        let Some(limit) = limit(from, to) else { continue };
        let name = &table.found.name;
        let bound = bound(draft, name, column, from);
        if !bound.is_empty() {
            draft.note(
                NoteKind::Information,
                format!(
                    "{column} of {name} can pass {limit} from the switch on; what refers to it and stays {from} cannot: {} (write the ALTER of it into the same migration, or make it before the key gets there)",
                    few(&bound)
                ),
            );
        }
        let guessed = by_name(draft, name, column, from);
        if !guessed.is_empty() {
            draft.note(
                NoteKind::Information,
                format!(
                    "by their names these hold values of {column} of {name}, although no foreign key says so, and stay {from}, which ends at {limit}: {}",
                    few(&guessed)
                ),
            );
        }
    }
}

/// The end of the old type, when the new one goes further.
fn limit(from: &str, to: &str) -> Option<i64> {
    match (from, to) {
        ("smallint", "integer" | "bigint" | "numeric") => Some(i16::MAX.into()),
        ("integer", "bigint" | "numeric") => Some(i32::MAX.into()),
        _ => None,
    }
}

fn few(columns: &[String]) -> String {
    match columns.get(NAMED_MAX..) {
        Some(rest @ [_, ..]) => {
            format!("{} and {} more", columns[..NAMED_MAX].join(", "), rest.len())
        }
        _ => columns.join(", "),
    }
}

fn changes(draft: &Draft<'_>, table: &QualifiedName, column: &str) -> bool {
    draft
        .retypes
        .rollouts
        .iter()
        .flat_map(|rollout| &rollout.requests)
        .any(|request| request.relation == *table && request.before.name == column)
}

fn bound(draft: &Draft<'_>, name: &QualifiedName, column: &str, from: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (relation, key) in draft.catalog.incoming_foreign_keys(name) {
        if key.inherited {
            continue;
        }
        for (own, other) in key.columns.iter().zip(&key.referenced_columns) {
            let same = relation.column(own).is_some_and(|own| own.type_name == from);
            if other == column && same && !changes(draft, &relation.name, own) {
                found.push(format!("{} of {}", quote_ident(own), relation.name));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn by_name(draft: &Draft<'_>, name: &QualifiedName, column: &str, from: &str) -> Vec<String> {
    let key = draft.catalog.relation(name).is_some_and(|found| {
        found.constraints.iter().any(|constraint| {
            matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
                && constraint.columns == [column]
        })
    });
    if !key {
        return Vec::new();
    }
    let wanted = names(&name.name, column);
    let mut found = Vec::new();
    for relation in draft.catalog.relations.values() {
        let table = matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable);
        if !table || relation.partition_bound.is_some() || relation.name == *name {
            continue;
        }
        for own in relation.columns.iter().filter(|c| c.type_name == from && !c.inherited) {
            let referring = relation.constraints.iter().any(|constraint| {
                constraint.kind == ConstraintKind::ForeignKey
                    && constraint.columns.contains(&own.name)
            });
            if wanted.contains(&own.name.to_lowercase())
                && !referring
                && !changes(draft, &relation.name, &own.name)
            {
                found.push(format!("{} of {}", quote_ident(&own.name), relation.name));
            }
        }
    }
    found
}

/// What a column that holds values of `table.column` would be called: `order_id`, `orders_id`, `orderid`.
fn names(table: &str, column: &str) -> Vec<String> {
    let (table, column) = (table.to_lowercase(), column.to_lowercase());
    let mut stems = vec![table.clone()];
    stems.extend(table.strip_suffix("ies").map(|stem| format!("{stem}y")));
    stems.extend(table.strip_suffix("es").map(str::to_owned));
    stems.extend(table.strip_suffix('s').map(str::to_owned));
    let mut all: Vec<String> = stems
        .iter()
        .flat_map(|stem| [format!("{stem}_{column}"), format!("{stem}{column}")])
        .collect();
    // `customer_id` beside `customers.customer_id`.
    if stems.iter().any(|stem| column.starts_with(stem.as_str())) {
        all.push(column);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_that_hold_a_key() {
        for (table, column, name) in [
            ("orders", "id", "order_id"),
            ("categories", "id", "category_id"),
            ("boxes", "nr", "box_nr"),
            ("Order", "Id", "orderid"),
            ("customers", "customer_id", "customer_id"),
        ] {
            assert!(names(table, column).contains(&name.to_owned()), "{table}.{column}: {name}");
        }
        assert!(!names("orders", "id").contains(&"id".to_owned()));
    }
}
