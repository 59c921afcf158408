//! What is in the way of a second column under the new name.

use crate::catalog::{Column, Constraint, ConstraintKind, DependantKind, Relation, RelationKind};
use crate::rewrite::draft::Draft;
use crate::rewrite::not_null_names;
use crate::sql::QualifiedName;

/// Why the column cannot be copied; empty when it can.
pub(super) fn of(draft: &Draft<'_>, found: &Relation, column: &Column) -> Vec<String> {
    let mut reasons = of_one(draft, found, column);
    if found.partition_bound.is_some() {
        reasons.push("the table is a partition".to_owned());
    }
    for member in draft.catalog.family(found).into_iter().skip(1) {
        let Some(own) = member.column(&column.name) else { continue };
        reasons.extend(of_one(draft, member, own));
        let partition = member.partition_bound.is_some();
        let named = not_null_names::named_otherwise(&draft.catalog, member, &column.name);
        if let Some(above) = named.filter(|_| !partition) {
            reasons.push(not_null_names::obstacle(&member.name, above));
        }
        // One trigger serves all partitions: what it takes for given, it takes for given everywhere.
        if partition && own.default != column.default {
            reasons.push(format!("partition {} has another default for it", member.name));
        }
        let constraints = member.constraints.iter();
        for own in constraints.filter(|c| c.own_too && c.columns.contains(&column.name)) {
            // From 18 on the plan says of NOT NULL of partitions that it is their own.
            if matches!(own.kind, ConstraintKind::Check | ConstraintKind::NotNull) && !partition {
                reasons.push(format!(
                    "constraint {} of {} is its own beside that of the table above, which one for the new column would not be",
                    own.name, member.name
                ));
            }
        }
        if own.own_too {
            let (child, top) = (&member.name, &found.name);
            reasons.push(format!(
                "{child} has it as a column of its own beside that of {top}, which a new column would not be: ALTER TABLE {child} NO INHERIT {top} in a revision before, rename both, and INHERIT again in one after it"
            ));
        }
    }
    reasons.sort();
    reasons.dedup();
    reasons
}

/// The same for one table of a family.
fn of_one(draft: &Draft<'_>, found: &Relation, column: &Column) -> Vec<String> {
    let mut reasons = Vec::new();
    let name = &column.name;
    if found.kind == RelationKind::ForeignTable {
        let table = &found.name;
        reasons.push(format!("the rows of foreign table {table} are on another server"));
        return reasons;
    }
    if !matches!(found.kind, RelationKind::Table | RelationKind::PartitionedTable) {
        reasons.push("it is not a column of a table".to_owned());
        return reasons;
    }
    if column.identity.is_some() {
        reasons.push("it is an identity column".to_owned());
    }
    if column.generated.is_some() {
        reasons.push("it is a generated column".to_owned());
    }
    for dependant in found.dependants.iter().filter(|d| d.columns.contains(name)) {
        let hinders = match dependant.kind {
            DependantKind::Function
            | DependantKind::Policy
            | DependantKind::GeneratedColumn
            | DependantKind::Trigger
            | DependantKind::Rule
            | DependantKind::Publication
            | DependantKind::PartitionKey
            | DependantKind::Other => true,
            // Defaults and owned sequences move with the column; keys are built again; views have their own
            // obstacles.
            DependantKind::ColumnDefault
            | DependantKind::Sequence
            | DependantKind::ForeignKey
            | DependantKind::View
            | DependantKind::MaterializedView => false,
        };
        if hinders {
            reasons.push(format!("{} depends on it", dependant.name));
        }
    }
    for policy in found.policies.iter().filter(|p| p.columns.contains(name)) {
        reasons.push(format!("policy {} reads it", policy.name));
    }
    for trigger in found.triggers.iter().filter(|t| !t.ours && t.columns.contains(name)) {
        reasons.push(format!("trigger {} names it", trigger.name));
    }
    for constraint in found.constraints.iter().filter(|c| c.columns.contains(name)) {
        if matches!(constraint.kind, ConstraintKind::Exclude | ConstraintKind::Trigger) {
            reasons.push(format!("constraint {} cannot be built again online", constraint.name));
        }
    }
    for (other, key) in pointing_here(draft, found, name) {
        let partitioned = |kind| kind == RelationKind::PartitionedTable;
        if partitioned(found.kind) && partitioned(other.kind) && draft.major() < 18 {
            reasons.push(format!(
                "foreign key {} of {} joins two partitioned tables, and before version 18 such a key cannot be added without looking every row up under its locks",
                key.name, other.name
            ));
        }
        if let Some(column) = changes_type(draft, &other.name, &key.columns) {
            reasons.push(format!(
                "foreign key {} points to it, and the migration gives {column} of {} another type: rename it in a revision of its own",
                key.name, other.name
            ));
        }
    }
    if draft.catalog.is_column_checked_by_domain(column) {
        reasons.push(format!(
            "its type {} is a domain with constraints: the server writes every row when a column of it is added",
            column.type_name
        ));
    }
    if let Some(default) = draft.catalog.default_by_domain(column) {
        reasons.push(format!(
            "its type {} is a domain with a default, {default}, which the server would write into a second column of it",
            column.type_name
        ));
    }
    if column.default.is_some() && column.default_is_volatile && !column.not_null {
        reasons.push(
            "its default is volatile and it may be NULL: which of the two columns an INSERT meant could not be told"
                .to_owned(),
        );
    }
    reasons
}

/// The foreign keys that point to column `name`, with the tables that have them.
fn pointing_here<'d>(
    draft: &'d Draft<'_>,
    found: &'d Relation,
    name: &'d str,
) -> impl Iterator<Item = (&'d Relation, &'d Constraint)> {
    draft
        .catalog
        .incoming_foreign_keys(&found.name)
        .filter(move |(_, key)| !key.inherited && key.referenced_columns.iter().any(|c| c == name))
}

/// The one of `columns` of `relation` whose type another statement changes.
fn changes_type<'c>(
    draft: &Draft<'_>,
    relation: &QualifiedName,
    columns: &'c [String],
) -> Option<&'c String> {
    let mut requests = draft.retypes.rollouts.iter().flat_map(|rollout| &rollout.requests);
    let request = requests
        .find(|request| request.relation == *relation && columns.contains(&request.before.name))?;
    columns.iter().find(|column| **column == request.before.name)
}

/// What hangs on the column from outside, and need not be touched when the table gets a view.
pub(super) fn outside(draft: &Draft<'_>, found: &Relation, column: &Column) -> Vec<String> {
    let mut reasons = Vec::new();
    for member in draft.catalog.family(found) {
        for (other, key) in pointing_here(draft, member, &column.name) {
            reasons.push(format!("foreign key {} of {} points to it", key.name, other.name));
        }
        for dependant in member.dependants.iter().filter(|d| d.columns.contains(&column.name)) {
            if matches!(dependant.kind, DependantKind::View | DependantKind::MaterializedView) {
                reasons.push(format!("{} depends on it", dependant.name));
            }
        }
    }
    reasons.sort();
    reasons.dedup();
    reasons
}
