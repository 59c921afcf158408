//! Objects known by name alone: just enough of each for a statement about it to be analyzed, and
//! nothing that would make its effect look smaller than it may be.

use crate::analyze::Absent;
use crate::catalog::{
    Catalog, Column, Constraint, ConstraintKind, Function, Index, Policy, Relation, RelationKind,
    Trigger, TypeDef, Volatility,
};
use crate::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableStmt, AlterTableType, Node, ObjectType, RangeVar};
use std::collections::BTreeSet;

/// The type of a column of which only the name is known: no change of it is free.
const UNKNOWN_TYPE: &str = "unknown";

/// Adds what `node` names and the catalog does not have; false when that cannot be done.
pub(super) fn make(
    catalog: &mut Catalog,
    absent: &Absent,
    node: &NodeEnum,
    assumed: &mut BTreeSet<QualifiedName>,
) -> bool {
    match absent {
        Absent::Schema(schema) => catalog.schemas.insert(schema.clone()),
        Absent::Relation { schema, name } => {
            let name = full_name(catalog, schema.as_deref(), name);
            let kind = kind_of(node, &name.name);
            assumed.insert(name.clone());
            add_relation(catalog, name, kind)
        }
        Absent::Index { schema, name } => {
            let name = full_name(catalog, schema.as_deref(), name);
            let table = name.sibling(format!("table of {}", name.name));
            add_relation(catalog, table.clone(), RelationKind::Table);
            assumed.insert(table.clone());
            add_index(catalog, &table, &name.name)
        }
        Absent::IndexOf { table, name } => add_index(catalog, table, name),
        Absent::Column { table, name } => change(catalog, table, |relation| {
            let position = i16::try_from(relation.columns.len() + 1).unwrap_or(i16::MAX);
            relation.columns.push(Column {
                name: name.clone(),
                position,
                type_name: UNKNOWN_TYPE.to_owned(),
                ..Column::default()
            });
        }),
        Absent::Constraint { table, name } => {
            change(catalog, table, |relation| relation.constraints.push(constraint(name)))
        }
        Absent::Type { schema, name } => {
            let name = full_name(catalog, schema.as_deref(), name);
            let definition = match node {
                NodeEnum::AlterEnumStmt(_) => TypeDef::Enum { labels: Vec::new() },
                NodeEnum::AlterDomainStmt(_) => TypeDef::Domain {
                    base: UNKNOWN_TYPE.to_owned(),
                    not_null: false,
                    default: None,
                    checks: Vec::new(),
                },
                _ => TypeDef::Other,
            };
            catalog.types.insert(name, definition).is_none()
        }
        Absent::EnumLabel { of, label } => match catalog.types.get_mut(of) {
            Some(TypeDef::Enum { labels }) => {
                labels.push(label.clone());
                true
            }
            _ => false,
        },
        Absent::Other { what, name } => member(catalog, what, name, node),
    }
}

/// Takes back columns that were only assumed and that the statement adds; false when there are none.
pub(super) fn forget(catalog: &mut Catalog, node: &NodeEnum) -> bool {
    let NodeEnum::AlterTableStmt(alter) = node else { return false };
    let added: Vec<&str> = alter
        .cmds
        .iter()
        .filter_map(|command| match &command.node {
            Some(NodeEnum::AlterTableCmd(command)) => command.def.as_deref()?.node.as_ref(),
            _ => None,
        })
        .filter_map(|definition| match definition {
            NodeEnum::ColumnDef(column) => Some(column.colname.as_str()),
            _ => None,
        })
        .collect();
    let Some(name) = target(catalog, alter.relation.as_ref()) else { return false };
    let Some(relation) = catalog.relations.get_mut(&name) else { return false };
    let before = relation.columns.len();
    let kept = |column: &Column| {
        column.type_name != UNKNOWN_TYPE || !added.contains(&column.name.as_str())
    };
    relation.columns.retain(kept);
    relation.columns.len() < before
}

fn full_name(catalog: &Catalog, schema: Option<&str>, name: &str) -> QualifiedName {
    let schema = schema.or_else(|| catalog.creation_schema()).unwrap_or("public");
    QualifiedName::new(schema, name)
}

fn target(catalog: &Catalog, name: Option<&RangeVar>) -> Option<QualifiedName> {
    let name = name?;
    let schema = (!name.schemaname.is_empty()).then_some(name.schemaname.as_str());
    catalog.resolve(schema, &name.relname).map(|relation| relation.name.clone())
}

fn change(catalog: &mut Catalog, name: &QualifiedName, change: impl FnOnce(&mut Relation)) -> bool {
    catalog.relations.get_mut(name).map(change).is_some()
}

fn add_relation(catalog: &mut Catalog, name: QualifiedName, kind: RelationKind) -> bool {
    catalog.schemas.insert(name.schema.clone());
    let mut relation = Relation::new(name.clone(), kind);
    relation.assumed = true;
    catalog.relations.insert(name, relation).is_none()
}

/// What the statement takes `name` for.
fn kind_of(node: &NodeEnum, name: &str) -> RelationKind {
    match node {
        NodeEnum::DropStmt(drop) => kind_of_object(drop.remove_type()),
        NodeEnum::RenameStmt(rename) => match rename.rename_type() {
            ObjectType::ObjectColumn | ObjectType::ObjectAttribute => {
                kind_of_object(rename.relation_type())
            }
            other => kind_of_object(other),
        },
        NodeEnum::AlterObjectSchemaStmt(alter) => kind_of_object(alter.object_type()),
        NodeEnum::CommentStmt(comment) => kind_of_object(comment.objtype()),
        NodeEnum::GrantStmt(grant) => kind_of_object(grant.objtype()),
        NodeEnum::RefreshMatViewStmt(_) => RelationKind::MaterializedView,
        NodeEnum::AlterSeqStmt(_) => RelationKind::Sequence,
        NodeEnum::AlterTableStmt(alter) if is_parent(alter, name) => RelationKind::PartitionedTable,
        NodeEnum::AlterTableStmt(alter) => kind_of_object(alter.objtype()),
        NodeEnum::CreateStmt(create) if create.partbound.is_some() => {
            RelationKind::PartitionedTable
        }
        _ => RelationKind::Table,
    }
}

fn kind_of_object(object: ObjectType) -> RelationKind {
    match object {
        ObjectType::ObjectView => RelationKind::View,
        ObjectType::ObjectMatview => RelationKind::MaterializedView,
        ObjectType::ObjectSequence => RelationKind::Sequence,
        ObjectType::ObjectForeignTable => RelationKind::ForeignTable,
        ObjectType::ObjectType => RelationKind::CompositeType,
        _ => RelationKind::Table,
    }
}

/// Whether the statement attaches partitions to, or detaches them from, the table `name`.
fn is_parent(alter: &AlterTableStmt, name: &str) -> bool {
    let is_itself = alter.relation.as_ref().is_some_and(|relation| relation.relname == name);
    is_itself
        && alter.cmds.iter().any(|command| match &command.node {
            Some(NodeEnum::AlterTableCmd(command)) => matches!(
                command.subtype(),
                AlterTableType::AtAttachPartition
                    | AlterTableType::AtDetachPartition
                    | AlterTableType::AtDetachPartitionFinalize
            ),
            _ => false,
        })
}

fn constraint(name: &str) -> Constraint {
    Constraint {
        name: name.to_owned(),
        kind: ConstraintKind::Check,
        columns: Vec::new(),
        definition: String::new(),
        expression: None,
        validated: false,
        deferrable: false,
        initially_deferred: false,
        no_inherit: false,
        references: None,
        referenced_columns: Vec::new(),
        index: None,
        comment: None,
        inherited: false,
        own_too: false,
    }
}

fn add_index(catalog: &mut Catalog, table: &QualifiedName, name: &str) -> bool {
    change(catalog, table, |relation| {
        relation.indexes.push(Index {
            name: name.to_owned(),
            definition: String::new(),
            method: "btree".to_owned(),
            keys: Vec::new(),
            include: Vec::new(),
            columns: Vec::new(),
            predicate: None,
            has_expressions: false,
            unique: true,
            primary: false,
            valid: true,
            ready: true,
            is_replica_identity: false,
            is_clustered: false,
            constraint: None,
            parent: None,
            bytes: 0,
            comment: None,
            statistics_targets: Vec::new(),
        });
    })
}

/// A trigger, policy or rule of a table, or a function.
fn member(catalog: &mut Catalog, what: &str, name: &str, node: &NodeEnum) -> bool {
    if what == "function" {
        let schema = catalog.creation_schema().unwrap_or("public").to_owned();
        let function = Function {
            schema,
            arguments: String::new(),
            volatility: Volatility::Volatile,
            language: "sql".to_owned(),
            defaults: None,
            routine: None,
        };
        catalog.functions.entry(name.to_owned()).or_default().push(function);
        return true;
    }
    let Some(table) = table_of(catalog, node) else { return false };
    change(catalog, &table, |relation| match what {
        "policy" => relation.policies.push(Policy {
            comment: None,
            name: name.to_owned(),
            definition: String::new(),
            columns: Vec::new(),
        }),
        "rule" => relation.rules.push(name.to_owned()),
        _ => relation.triggers.push(Trigger {
            comment: None,
            name: name.to_owned(),
            definition: String::new(),
            enabled: 'O',
            function: QualifiedName::new("public", name),
            on_insert: true,
            on_update: true,
            on_delete: true,
            row: true,
            before: false,
            update_of: Vec::new(),
            columns: Vec::new(),
            ours: false,
        }),
    })
}

fn table_of(catalog: &Catalog, node: &NodeEnum) -> Option<QualifiedName> {
    match node {
        NodeEnum::AlterTableStmt(alter) => target(catalog, alter.relation.as_ref()),
        NodeEnum::RenameStmt(rename) => target(catalog, rename.relation.as_ref()),
        NodeEnum::AlterPolicyStmt(policy) => target(catalog, policy.table.as_ref()),
        NodeEnum::DropStmt(drop) => {
            // `[schema, table, member]`
            let Some(NodeEnum::List(list)) = &drop.objects.first()?.node else { return None };
            let parts: Vec<&str> = list.items.iter().filter_map(string).collect();
            let (schema, table) = match parts[..] {
                [table, _] => (None, table),
                [.., schema, table, _] => (Some(schema), table),
                _ => return None,
            };
            catalog.resolve(schema, table).map(|relation| relation.name.clone())
        }
        _ => None,
    }
}

fn string(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::String(text)) => Some(&text.sval),
        _ => None,
    }
}
