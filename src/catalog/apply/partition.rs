//! Partitions and inheritance children: made, attached, detached.

use super::constraint::{self, Origin};
use super::index;
use crate::catalog::{
    Catalog, Constraint, ConstraintKind, Dependant, DependantKind, Identity, Relation, Trigger,
    expression, type_name,
};
use crate::sql::{QualifiedName, deparse, quote_ident};
use pg_query::protobuf::{
    self, Node, PartitionBoundSpec, PartitionCmd, PartitionRangeDatumKind, PartitionSpec,
    PartitionStrategy, node,
};

/// The partition key as `pg_get_partkeydef` prints it.
pub(super) fn key(spec: &PartitionSpec) -> String {
    let strategy = match spec.strategy() {
        PartitionStrategy::List => "LIST",
        PartitionStrategy::Hash => "HASH",
        PartitionStrategy::Range | PartitionStrategy::Undefined => "RANGE",
    };
    let parts: Vec<String> = elements(spec)
        .map(|element| {
            let mut text = match element.expr.as_deref() {
                None => quote_ident(&element.name),
                Some(expression) if matches!(expression.node, Some(node::Node::FuncCall(_))) => {
                    deparse::expression(expression)
                }
                Some(expression) => format!("({})", deparse::expression(expression)),
            };
            for (word, name) in [(" COLLATE", &element.collation), ("", &element.opclass)] {
                let name: Vec<String> =
                    type_name::strings(name).iter().map(|part| quote_ident(part)).collect();
                if !name.is_empty() {
                    text.push_str(&format!("{word} {}", name.join(".")));
                }
            }
            text
        })
        .collect();
    format!("{strategy} ({})", parts.join(", "))
}

fn elements(spec: &PartitionSpec) -> impl Iterator<Item = &protobuf::PartitionElem> {
    spec.part_params.iter().filter_map(|item| match &item.node {
        Some(node::Node::PartitionElem(element)) => Some(element.as_ref()),
        _ => None,
    })
}

/// Says which columns the partition key of `table` reads.
pub(super) fn record_key(catalog: &mut Catalog, table: &QualifiedName, spec: &PartitionSpec) {
    let mut columns: Vec<String> = elements(spec)
        .flat_map(|element| match element.expr.as_deref() {
            None => vec![element.name.clone()],
            Some(expression) => expression::column_names(expression),
        })
        .collect();
    columns.sort();
    columns.dedup();
    let dependant = Dependant {
        kind: DependantKind::PartitionKey,
        name: format!("partition key of {table}"),
        relation: Some(table.clone()),
        columns,
    };
    catalog.add_dependant(table, dependant);
}

/// A partition bound as the server prints it.
pub(super) fn bound(spec: &PartitionBoundSpec) -> String {
    if spec.is_default {
        return "DEFAULT".to_owned();
    }
    match spec.strategy.as_str() {
        "l" => format!("FOR VALUES IN ({})", datums(&spec.listdatums)),
        "h" => format!("FOR VALUES WITH (modulus {}, remainder {})", spec.modulus, spec.remainder),
        _ => format!(
            "FOR VALUES FROM ({}) TO ({})",
            datums(&spec.lowerdatums),
            datums(&spec.upperdatums)
        ),
    }
}

fn datums(list: &[Node]) -> String {
    list.iter().map(datum).collect::<Vec<_>>().join(", ")
}

fn datum(item: &Node) -> String {
    match &item.node {
        Some(node::Node::PartitionRangeDatum(datum)) => match datum.kind() {
            PartitionRangeDatumKind::PartitionRangeDatumMinvalue => "MINVALUE".to_owned(),
            PartitionRangeDatumKind::PartitionRangeDatumMaxvalue => "MAXVALUE".to_owned(),
            PartitionRangeDatumKind::PartitionRangeDatumValue
            | PartitionRangeDatumKind::Undefined => {
                datum.value.as_deref().map(deparse::expression).unwrap_or_default()
            }
        },
        Some(node::Node::ColumnRef(word)) => {
            crate::catalog::type_name::strings(&word.fields).join(".").to_ascii_uppercase()
        }
        _ => deparse::expression(item),
    }
}

/// Makes `child` known to `parent`; a partition gets the parent's indexes, foreign keys and row
/// triggers, too.
pub(super) fn adopt(
    catalog: &mut Catalog,
    parent: &QualifiedName,
    child: &QualifiedName,
    as_partition: bool,
) {
    let Some(above) = catalog.relations.get_mut(parent) else { return };
    if !above.children.contains(child) {
        above.children.push(child.clone());
        above.children.sort();
    }
    if !as_partition {
        return;
    }
    let above = above.clone();
    for known in &above.indexes {
        if let Some(shape) = index::Shape::of_index(known) {
            let kind = above
                .constraints
                .iter()
                .find(|constraint| known.constraint.as_ref() == Some(&constraint.name))
                .map(|constraint| constraint.kind);
            index::build_on_partition(catalog, child, &parent.sibling(&known.name), &shape, kind);
        }
    }
    for constraint in &above.constraints {
        if constraint.kind == ConstraintKind::ForeignKey {
            inherit_foreign_key(catalog, child, constraint);
        }
    }
    let handed_down: Vec<Trigger> =
        above.triggers.iter().filter(|trigger| trigger.row).cloned().collect();
    for name in family(catalog, child) {
        let Some(relation) = catalog.relations.get_mut(&name) else { continue };
        relation.publishes_updates |= above.publishes_updates;
        relation.publishes_deletes |= above.publishes_deletes;
        for publication in &above.publications {
            if !relation.publications.contains(publication) {
                relation.publications.push(publication.clone());
                relation.publications.sort();
            }
        }
        for trigger in &handed_down {
            if !relation.triggers.iter().any(|known| known.name == trigger.name) {
                relation.triggers.push(trigger.clone());
            }
        }
    }
}

fn family(catalog: &Catalog, table: &QualifiedName) -> Vec<QualifiedName> {
    catalog
        .relation(table)
        .map(|relation| catalog.family(relation).into_iter().map(|r| r.name.clone()).collect())
        .unwrap_or_default()
}

fn inherit_foreign_key(catalog: &mut Catalog, child: &QualifiedName, above: &Constraint) {
    let Some(relation) = catalog.relations.get_mut(child) else { return };
    let below = relation.children.clone();
    let same = relation.constraints.iter_mut().find(|known| {
        known.kind == ConstraintKind::ForeignKey
            && known.columns == above.columns
            && known.references == above.references
            && known.referenced_columns == above.referenced_columns
    });
    match same {
        Some(known) => known.inherited = true,
        None => {
            let constraint = Constraint { inherited: true, comment: None, ..above.clone() };
            relation.constraints.push(constraint);
            relation.constraints.sort_by(|a, b| a.name.cmp(&b.name));
            if let Some(target) = &above.references {
                let columns = above.referenced_columns.clone();
                constraint::point_to(catalog, child, &above.name, target, columns);
            }
        }
    }
    for child in below {
        inherit_foreign_key(catalog, &child, above);
    }
}

/// `ATTACH PARTITION`.
pub(super) fn attach(catalog: &mut Catalog, parent: &QualifiedName, command: &PartitionCmd) {
    let Some(child) = catalog.target(command.name.as_ref()) else { return };
    let bound = command.bound.as_ref().map(bound);
    if let Some(relation) = catalog.relations.get_mut(&child) {
        relation.partition_bound = bound;
    }
    inherit_from(catalog, &child, parent);
    take_identity(catalog, &child, parent);
    adopt(catalog, parent, &child, true);
}

/// A partition shares the identity columns of its parent from version 17 on.
fn take_identity(catalog: &mut Catalog, child: &QualifiedName, parent: &QualifiedName) {
    if catalog.server.major() < 17 {
        return;
    }
    let identities: Vec<(String, Option<Identity>)> = catalog
        .relation(parent)
        .map(|above| above.columns.iter().map(|c| (c.name.clone(), c.identity)).collect())
        .unwrap_or_default();
    let Some(relation) = catalog.relations.get_mut(child) else { return };
    for column in &mut relation.columns {
        if let Some((_, identity)) = identities.iter().find(|(name, _)| *name == column.name) {
            column.identity = *identity;
        }
    }
}

/// `INHERIT`, and the same part of `ATTACH PARTITION`: columns and checks count as inherited.
pub(super) fn inherit_from(catalog: &mut Catalog, child: &QualifiedName, parent: &QualifiedName) {
    let Some(above) = catalog.relation(parent).cloned() else { return };
    let Some(relation) = catalog.relations.get_mut(child) else { return };
    if !relation.parents.contains(parent) {
        relation.parents.push(parent.clone());
    }
    for column in &mut relation.columns {
        column.inherited |= above.column(&column.name).is_some();
    }
    for constraint in &mut relation.constraints {
        constraint.inherited |= hands_down(&above, constraint);
    }
    adopt(catalog, parent, child, false);
}

/// Whether a child's constraint is one that `above` hands down to all its children.
fn hands_down(above: &Relation, constraint: &Constraint) -> bool {
    match constraint.kind {
        ConstraintKind::Check => {
            above.constraint(&constraint.name).is_some_and(|known| !known.no_inherit)
        }
        ConstraintKind::NotNull => constraint
            .columns
            .first()
            .is_some_and(|column| constraint::not_null_constraint(above, column).is_some()),
        ConstraintKind::ForeignKey
        | ConstraintKind::PrimaryKey
        | ConstraintKind::Unique
        | ConstraintKind::Exclude
        | ConstraintKind::Trigger => false,
    }
}

/// `DETACH PARTITION` and `NO INHERIT`: the child keeps everything as its own.
pub(super) fn part(catalog: &mut Catalog, parent: &QualifiedName, child: &QualifiedName) {
    if let Some(above) = catalog.relations.get_mut(parent) {
        above.children.retain(|known| known != child);
    }
    let Some(above) = catalog.relation(parent).cloned() else { return };
    let Some(known) = catalog.relation(child) else { return };
    let others: Vec<Relation> = known
        .parents
        .iter()
        .filter(|name| *name != parent)
        .filter_map(|name| catalog.relation(name).cloned())
        .collect();
    let Some(relation) = catalog.relations.get_mut(child) else { return };
    let was_partition = relation.partition_bound.take().is_some();
    relation.parents.retain(|known| known != parent);
    for column in &mut relation.columns {
        if above.column(&column.name).is_some() {
            column.inherited = others.iter().any(|other| other.column(&column.name).is_some());
        }
        if was_partition {
            column.identity = None;
        }
    }
    for constraint in &mut relation.constraints {
        if was_partition || hands_down(&above, constraint) {
            constraint.inherited = others.iter().any(|other| hands_down(other, constraint));
        }
    }
    if was_partition {
        relation.triggers.retain(|known| !above.triggers.iter().any(|t| t.name == known.name));
        for index in &mut relation.indexes {
            index.parent = None;
        }
    }
}

/// The origin with which a clause of `ALTER TABLE` reaches tables below.
pub(super) fn origin(recurses: bool) -> Origin {
    if recurses { Origin::Altered } else { Origin::AlteredOnly }
}
