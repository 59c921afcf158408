//! Rows into what belongs to a relation: constraints, indexes, triggers, policies, publications,
//! statistics objects, dependants. Knows the queries' column names, sends nothing.

use super::relations::{Loaded, bytes, letter, qualified};
use crate::catalog::{
    Constraint, ConstraintKind, Dependant, DependantKind, Index, Policy, Published, Relation,
    ReplicaIdentity, Sequence, StatisticsObject, Trigger,
};
use tokio_postgres::Row;

/// Prefix of the names of airlock's own triggers; a tilde sorts behind application triggers, so
/// that ours fire last.
const OUR_TRIGGERS: &str = "~airlock";

/// Bits of `pg_trigger.tgtype`.
const TRIGGER_ROW: i32 = 1;
const TRIGGER_BEFORE: i32 = 2;
const TRIGGER_INSERT: i32 = 4;
const TRIGGER_DELETE: i32 = 8;
const TRIGGER_UPDATE: i32 = 16;

/// Names of the columns at `positions`, in that order; 0 (an expression) and what is unknown give
/// nothing.
fn column_names(relation: &Relation, positions: &[i16]) -> Vec<String> {
    positions.iter().filter_map(|position| column_name(relation, *position)).collect()
}

fn column_name(relation: &Relation, position: i16) -> Option<String> {
    relation
        .columns
        .binary_search_by_key(&position, |column| column.position)
        .ok()
        .map(|at| relation.columns[at].name.clone())
}

/// Names of a set of positions that may hold one twice, in the order of the table.
fn column_set(relation: &Relation, mut positions: Vec<i16>) -> Vec<String> {
    positions.sort_unstable();
    positions.dedup();
    column_names(relation, &positions)
}

fn positions(row: &Row, column: &str) -> Vec<i16> {
    row.get::<_, Option<Vec<i16>>>(column).unwrap_or_default()
}

pub(super) fn constraints(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        let Some(relation) = loaded.of(row, "relation") else { continue };
        let validated: bool = row.get("validated");
        let definition: &str = row.get("definition");
        let definition = definition.strip_suffix(" NOT VALID").unwrap_or(definition);
        let constraint = Constraint {
            name: row.get("name"),
            kind: match row.get::<_, &str>("kind") {
                "c" => ConstraintKind::Check,
                "n" => ConstraintKind::NotNull,
                "f" => ConstraintKind::ForeignKey,
                "p" => ConstraintKind::PrimaryKey,
                "u" => ConstraintKind::Unique,
                "x" => ConstraintKind::Exclude,
                _ => ConstraintKind::Trigger,
            },
            columns: column_names(relation, &positions(row, "columns")),
            definition: definition.to_owned(),
            expression: row.get("expression"),
            validated,
            deferrable: row.get("is_deferrable"),
            initially_deferred: row.get("initially_deferred"),
            no_inherit: row.get("no_inherit"),
            references: qualified(row, "references_schema", "references_name"),
            referenced_columns: row.get::<_, Option<_>>("referenced_columns").unwrap_or_default(),
            index: row.get("index"),
            comment: row.get("comment"),
            inherited: row.get("inherited"),
            own_too: row.get("own_too"),
        };
        if constraint.kind == ConstraintKind::NotNull && !constraint.validated {
            // The server marks the column at once; rows that are there may still hold NULL.
            for column in &mut relation.columns {
                column.not_null &= !constraint.columns.contains(&column.name);
            }
        }
        relation.constraints.push(constraint);
    }
}

pub(super) fn indexes(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        let Some(relation) = loaded.of(row, "relation") else { continue };
        let all = positions(row, "keys");
        let key_count = usize::try_from(row.get::<_, i32>("key_count")).unwrap_or(0);
        let (keys, include) = all.split_at(key_count.min(all.len()));
        let mut read = positions(row, "columns");
        read.extend(all.iter().filter(|position| **position > 0));
        let index = Index {
            name: row.get("name"),
            definition: row.get("definition"),
            method: row.get("method"),
            keys: keys.iter().map(|position| column_name(relation, *position)).collect(),
            include: column_names(relation, include),
            columns: column_set(relation, read),
            predicate: row.get("predicate"),
            has_expressions: row.get("has_expressions"),
            unique: row.get("is_unique"),
            primary: row.get("is_primary"),
            valid: row.get("valid"),
            ready: row.get("ready"),
            is_replica_identity: row.get("is_replica_identity"),
            is_clustered: row.get("is_clustered"),
            constraint: row.get("constraint"),
            parent: qualified(row, "parent_schema", "parent_name"),
            bytes: bytes(row.get("bytes")),
            comment: row.get("comment"),
            statistics_targets: statistics_targets(row),
        };
        if index.is_replica_identity
            && matches!(relation.replica_identity, ReplicaIdentity::Index(_))
        {
            relation.replica_identity = ReplicaIdentity::Index(index.name.clone());
        }
        relation.indexes.push(index);
    }
}

fn statistics_targets(row: &Row) -> Vec<(i16, i32)> {
    row.get::<_, Option<&str>>("statistics_targets")
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|pair| {
            let (position, target) = pair.split_once(':')?;
            Some((position.parse().ok()?, target.parse().ok()?))
        })
        .collect()
}

pub(super) fn triggers(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        let Some(relation) = loaded.of(row, "relation") else { continue };
        let Some(function) = qualified(row, "function_schema", "function_name") else { continue };
        let kind: i32 = row.get("type");
        let name: String = row.get("name");
        let trigger = Trigger {
            definition: row.get("definition"),
            comment: row.get("comment"),
            enabled: letter(row, "enabled").unwrap_or('O'),
            function,
            on_insert: kind & TRIGGER_INSERT != 0,
            on_update: kind & TRIGGER_UPDATE != 0,
            on_delete: kind & TRIGGER_DELETE != 0,
            row: kind & TRIGGER_ROW != 0,
            before: kind & TRIGGER_BEFORE != 0,
            update_of: column_names(relation, &positions(row, "update_of")),
            columns: column_set(relation, positions(row, "columns")),
            ours: name.starts_with(OUR_TRIGGERS),
            name,
        };
        relation.triggers.push(trigger);
    }
}

pub(super) fn rules(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        if let Some(relation) = loaded.of(row, "relation") {
            relation.rules.push(row.get("name"));
        }
    }
}

pub(super) fn policies(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        let Some(relation) = loaded.of(row, "relation") else { continue };
        let policy = Policy {
            name: row.get("name"),
            definition: row.get("definition"),
            comment: row.get("comment"),
            columns: column_set(relation, positions(row, "columns")),
        };
        relation.policies.push(policy);
    }
}

pub(super) fn publications(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        if let Some(relation) = loaded.of(row, "relation") {
            relation.publications.push(row.get("name"));
            relation.publishes_updates |= row.get::<_, bool>("updates");
            relation.publishes_deletes |= row.get::<_, bool>("deletes");
        }
    }
}

pub(super) fn published(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        let entry = Published {
            publication: row.get("name"),
            columns: row.get("columns"),
            condition: row.get("condition"),
            updates: row.get("updates"),
            deletes: row.get("deletes"),
            via_root: row.get("via_root"),
        };
        if let Some(relation) = loaded.of(row, "relation")
            && (!entry.columns.is_empty() || entry.condition.is_some())
        {
            relation.published.push(entry);
        }
    }
}

pub(super) fn statistics(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        let Some(relation) = loaded.of(row, "relation") else { continue };
        let Some(name) = qualified(row, "schema", "name") else { continue };
        let object = StatisticsObject {
            name,
            definition: row.get("definition"),
            columns: column_set(relation, positions(row, "columns")),
            target: row.get("target"),
            comment: row.get("comment"),
        };
        relation.statistics.push(object);
    }
}

pub(super) fn sequence_owners(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        let Some(owner) = qualified(row, "schema", "name") else { continue };
        if let Some(sequence) = loaded.of(row, "sequence") {
            sequence.owned_by = Some((owner, row.get("column")));
            sequence.of_identity = row.get("of_identity");
        }
    }
}

pub(super) fn sequences(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        if let Some(relation) = loaded.of(row, "sequence") {
            relation.sequence = Some(Sequence {
                last_value: row.get("last_value"),
                max_value: row.get("max_value"),
                increment: row.get("increment"),
                min_value: row.get("min_value"),
                start: row.get("start"),
                cache: row.get("cache"),
                cycle: row.get("cycle"),
                width: row.get("width"),
            });
        }
    }
}

pub(super) fn dependants(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        let Some(relation) = loaded.of(row, "relation") else { continue };
        let mut columns: Vec<String> = row.get::<_, Option<_>>("columns").unwrap_or_default();
        columns.sort();
        relation.dependants.push(Dependant {
            kind: match row.get::<_, &str>("kind") {
                "view" => DependantKind::View,
                "materialized view" => DependantKind::MaterializedView,
                "function" => DependantKind::Function,
                "policy" => DependantKind::Policy,
                "generated column" => DependantKind::GeneratedColumn,
                "default" => DependantKind::ColumnDefault,
                "trigger" => DependantKind::Trigger,
                "rule" => DependantKind::Rule,
                "foreign key" => DependantKind::ForeignKey,
                "publication" => DependantKind::Publication,
                "sequence" => DependantKind::Sequence,
                "partition key" => DependantKind::PartitionKey,
                _ => DependantKind::Other,
            },
            name: row.get("name"),
            relation: qualified(row, "other_schema", "other_name"),
            columns,
        });
    }
}

pub(super) fn views(loaded: &mut Loaded, rows: &[Row]) {
    for row in rows {
        if let Some(relation) = loaded.of(row, "relation") {
            relation.view_definition = row.get("definition");
        }
    }
}
