//! What a drop takes along beyond what it names: everything that CASCADE reaches, at any depth.
//!
//! The statement is applied to the catalog, and what is missing afterwards is listed: the same
//! knowledge that foretells the end of the migration, so that the list and the effect agree.

use super::draft::Draft;
use super::drop_index::dropped_relation;
use super::groups::strings;
use super::text;
use crate::catalog::{Catalog, ConstraintKind, Relation, RelationKind};
use crate::plan::NoteKind;
use crate::sql::{QualifiedName, Statement, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, DropStmt};
use std::collections::BTreeSet;

/// Everything that `statement` takes away from `before`, apart from the relations and the column
/// that it names itself and from what belongs to those alone. Sorted, as a person would name it.
pub(super) fn beyond(
    before: &Catalog,
    statement: &Statement,
    named: &[QualifiedName],
    column: Option<(&QualifiedName, &str)>,
) -> Vec<String> {
    let mut after = before.clone();
    after.apply(statement);
    let mut found = BTreeSet::new();
    for (name, relation) in before.relations.iter() {
        match after.relation(name) {
            None if named.contains(name) || is_part(before, relation, named, column) => {}
            None => {
                found.insert(format!("{} {name}", kind(relation.kind)));
            }
            Some(left) => losses(relation, left, column, &mut found),
        }
    }
    for (name, functions) in &before.functions {
        let left = after.functions.get(name);
        for function in functions.iter().filter(|f| f.schema != "pg_catalog") {
            if !left.is_some_and(|left| left.contains(function)) {
                let name = QualifiedName::new(&*function.schema, &**name);
                found.insert(format!("function {name}({})", function.arguments));
            }
        }
    }
    for name in before.types.keys() {
        if !after.types.contains_key(name) && !before.relations.contains_key(name) {
            found.insert(format!("type {name}"));
        }
    }
    found.into_iter().collect()
}

/// Notes what `DROP VIEW`, `DROP TYPE` and so on reach with CASCADE.
pub(super) fn note(draft: &mut Draft<'_>, statement: &Statement, drop: &DropStmt) {
    if drop.behavior() != DropBehavior::DropCascade {
        return;
    }
    let named: Vec<QualifiedName> =
        drop.objects.iter().filter_map(|object| dropped_relation(draft, object)).collect();
    let asked: BTreeSet<String> = drop
        .objects
        .iter()
        .filter_map(|object| match &object.node {
            Some(NodeEnum::List(list)) => strings(&list.items).pop(),
            Some(NodeEnum::TypeName(name)) => strings(&name.names).pop(),
            Some(NodeEnum::ObjectWithArgs(function)) => strings(&function.objname).pop(),
            _ => None,
        })
        .collect();
    let reached: Vec<String> = beyond(&draft.catalog, statement, &named, None)
        .into_iter()
        .filter(|found| !found.split(['.', ' ', '(']).any(|word| asked.contains(word)))
        .collect();
    if !reached.is_empty() {
        let text =
            format!("CASCADE of statement {} drops: {}", draft.number(), text::listed(&reached));
        draft.note(NoteKind::Irreversible, text);
    }
}

/// A partition of what is named, or a sequence that a named column owns.
fn is_part(
    catalog: &Catalog,
    relation: &Relation,
    named: &[QualifiedName],
    column: Option<(&QualifiedName, &str)>,
) -> bool {
    let owned = relation.owned_by.as_ref().is_some_and(|(table, owner)| {
        named.contains(table) || column.is_some_and(|(t, c)| t == table && c == owner)
    });
    let partition =
        relation.partition_bound.is_some()
            && relation.parents.iter().filter_map(|parent| catalog.relation(parent)).any(
                |parent| named.contains(&parent.name) || is_part(catalog, parent, named, column),
            );
    owned || partition
}

/// What a relation loses that stays.
fn losses(
    before: &Relation,
    after: &Relation,
    column: Option<(&QualifiedName, &str)>,
    found: &mut BTreeSet<String>,
) {
    let table = &before.name;
    let own = column.filter(|(of, _)| *of == table).map(|(_, name)| name);
    for column in before.columns.iter().filter(|c| Some(c.name.as_str()) != own) {
        match after.column(&column.name) {
            None => {
                found.insert(format!("column {} of {table}", quote_ident(&column.name)));
            }
            Some(left) if column.default.is_some() && left.default.is_none() => {
                found.insert(format!("default of {} of {table}", quote_ident(&column.name)));
            }
            Some(_) => {}
        }
    }
    // Constraints of the table itself go with its column without CASCADE.
    if own.is_none() {
        for constraint in before.constraints.iter().filter(|c| !c.inherited) {
            if after.constraint(&constraint.name).is_none() {
                let kind = match constraint.kind {
                    ConstraintKind::ForeignKey => "foreign key",
                    _ => "constraint",
                };
                found.insert(format!("{kind} {} of {table}", quote_ident(&constraint.name)));
            }
        }
    }
    for policy in before.policies.iter().filter(|p| after.policies.iter().all(|a| a.name != p.name))
    {
        found.insert(format!("policy {} on {table}", quote_ident(&policy.name)));
    }
    for trigger in
        before.triggers.iter().filter(|t| after.triggers.iter().all(|a| a.name != t.name))
    {
        found.insert(format!("trigger {} on {table}", quote_ident(&trigger.name)));
    }
    for rule in before.rules.iter().filter(|rule| !after.rules.contains(rule)) {
        found.insert(format!("rule {} on {table}", quote_ident(rule)));
    }
}

fn kind(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table | RelationKind::PartitionedTable => "table",
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized view",
        RelationKind::ForeignTable => "foreign table",
        RelationKind::Sequence => "sequence",
        RelationKind::CompositeType => "type",
    }
}
