//! `ALTER TABLE`, subcommand by subcommand; also of views, indexes and composite types.

use super::alter_column;
use super::column;
use super::constraint;
use super::drop;
use super::partition;
use super::schema;
use crate::catalog::{
    Catalog, ConstraintKind, Persistence, Relation, RelationKind, ReplicaIdentity,
};
use crate::sql::QualifiedName;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType, Node, node};

pub(super) fn alter(catalog: &mut Catalog, alter: &AlterTableStmt) {
    let Some(range) = &alter.relation else { return };
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    let commands = alter.cmds.iter().filter_map(|item| match &item.node {
        Some(node::Node::AlterTableCmd(command)) => Some(command.as_ref()),
        _ => None,
    });
    let Some(table) = catalog.target(Some(range)) else {
        let index = catalog
            .resolve_index(schema, &range.relname)
            .map(|(table, index)| (table.name.clone(), index.name.clone()));
        if let Some((table, index)) = index {
            commands.for_each(|command| alter_index(catalog, &table, &index, command));
        }
        return;
    };
    // The server runs subcommands in passes; what they do to the catalog is the same in the order
    // in which they are written, but for dropped columns and constraints, which go first.
    let goes_first = |command: &&AlterTableCmd| {
        matches!(command.subtype(), AlterTableType::AtDropColumn | AlterTableType::AtDropConstraint)
    };
    let (first, rest): (Vec<_>, Vec<_>) = commands.partition(goes_first);
    for command in first.into_iter().chain(rest) {
        alter_one(catalog, &table, command, range.inh);
    }
}

fn alter_one(
    catalog: &mut Catalog,
    table: &QualifiedName,
    command: &AlterTableCmd,
    recurses: bool,
) {
    let name = command.name.as_str();
    match command.subtype() {
        AlterTableType::AtAddColumn => {
            if let Some(node::Node::ColumnDef(definition)) = definition(command) {
                alter_column::add_column(catalog, table, definition, false);
            }
        }
        AlterTableType::AtDropColumn => drop::drop_column(catalog, table, name, recurses),
        AlterTableType::AtAlterColumnType => {
            if let Some(node::Node::ColumnDef(definition)) = definition(command) {
                each(catalog, table, recurses, |catalog, table| {
                    alter_column::set_type(catalog, table, name, definition);
                });
            }
        }
        AlterTableType::AtColumnDefault => {
            each(catalog, table, recurses, |catalog, table| {
                alter_column::set_default(catalog, table, name, command.def.as_deref());
            });
        }
        AlterTableType::AtSetNotNull => {
            let clause = column::not_null_clause(name);
            constraint::add(catalog, table, &clause, partition::origin(recurses));
        }
        AlterTableType::AtDropNotNull => {
            each(catalog, table, recurses, |catalog, table| {
                alter_column::drop_not_null(catalog, table, name)
            });
        }
        AlterTableType::AtAddConstraint => {
            if let Some(node::Node::Constraint(clause)) = definition(command) {
                constraint::add(catalog, table, clause, partition::origin(recurses));
            }
        }
        AlterTableType::AtDropConstraint => drop::drop_constraint(catalog, table, name, recurses),
        AlterTableType::AtValidateConstraint => {
            each(catalog, table, recurses, |catalog, table| validate(catalog, table, name));
        }
        AlterTableType::AtAlterConstraint => alter_constraint(catalog, table, command),
        AlterTableType::AtAttachPartition => {
            if let Some(node::Node::PartitionCmd(attach)) = definition(command) {
                partition::attach(catalog, table, attach);
            }
        }
        AlterTableType::AtDetachPartition | AlterTableType::AtDetachPartitionFinalize => {
            if let Some(node::Node::PartitionCmd(detach)) = definition(command)
                && let Some(child) = catalog.target(detach.name.as_ref())
            {
                partition::part(catalog, table, &child);
            }
        }
        AlterTableType::AtAddInherit | AlterTableType::AtDropInherit => {
            if let Some(node::Node::RangeVar(parent)) = definition(command)
                && let Some(parent) = catalog.target(Some(parent))
            {
                if command.subtype() == AlterTableType::AtAddInherit {
                    partition::inherit_from(catalog, table, &parent);
                } else {
                    partition::part(catalog, &parent, table);
                }
            }
        }
        AlterTableType::AtAddIdentity => alter_column::add_identity(catalog, table, name, command),
        AlterTableType::AtDropIdentity => alter_column::drop_identity(catalog, table, name),
        _ => alter_column_or_table(catalog, table, command, recurses),
    }
}

/// What changes one field of a column or of the table.
fn alter_column_or_table(
    catalog: &mut Catalog,
    table: &QualifiedName,
    command: &AlterTableCmd,
    recurses: bool,
) {
    let name = command.name.as_str();
    let new_owner = command.newowner.as_ref().map(|role| schema::role_name(catalog, role));
    if alter_column::is_column_setting(command.subtype()) {
        each(catalog, table, recurses, |catalog, table| {
            alter_column::alter_column(catalog, table, name, command);
        });
        return;
    }
    if command.subtype() == AlterTableType::AtChangeOwner {
        if let Some(owner) = new_owner {
            schema::give(catalog, table, &owner);
        }
        return;
    }
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    match command.subtype() {
        AlterTableType::AtEnableRowSecurity => relation.row_security = true,
        AlterTableType::AtDisableRowSecurity => relation.row_security = false,
        AlterTableType::AtForceRowSecurity => relation.force_row_security = true,
        AlterTableType::AtNoForceRowSecurity => relation.force_row_security = false,
        AlterTableType::AtReplicaIdentity => set_replica_identity(relation, command),
        AlterTableType::AtClusterOn | AlterTableType::AtDropCluster => {
            for index in &mut relation.indexes {
                index.is_clustered = index.name == name;
            }
        }
        AlterTableType::AtSetRelOptions | AlterTableType::AtResetRelOptions => {
            let changes = list(definition(command));
            let reset = command.subtype() == AlterTableType::AtResetRelOptions;
            set_options(&mut relation.options, &changes, reset);
        }
        AlterTableType::AtSetLogged => relation.persistence = Persistence::Permanent,
        AlterTableType::AtSetUnLogged => relation.persistence = Persistence::Unlogged,
        AlterTableType::AtSetAccessMethod => {
            relation.access_method = (!name.is_empty()).then(|| name.to_owned());
        }
        AlterTableType::AtSetTableSpace => {
            relation.tablespace = (name != "pg_default").then(|| name.to_owned());
        }
        AlterTableType::AtEnableTrig => set_triggers(relation, Some(name), 'O'),
        AlterTableType::AtEnableAlwaysTrig => set_triggers(relation, Some(name), 'A'),
        AlterTableType::AtEnableReplicaTrig => set_triggers(relation, Some(name), 'R'),
        AlterTableType::AtDisableTrig => set_triggers(relation, Some(name), 'D'),
        AlterTableType::AtEnableTrigAll | AlterTableType::AtEnableTrigUser => {
            set_triggers(relation, None, 'O');
        }
        AlterTableType::AtDisableTrigAll | AlterTableType::AtDisableTrigUser => {
            set_triggers(relation, None, 'D');
        }
        _ => {}
    }
}

pub(super) fn definition(command: &AlterTableCmd) -> Option<&node::Node> {
    command.def.as_deref()?.node.as_ref()
}

pub(super) fn list(node: Option<&node::Node>) -> Vec<Node> {
    match node {
        Some(node::Node::List(list)) => list.items.clone(),
        _ => Vec::new(),
    }
}

/// Runs `change` on `table` and, if it `recurses`, on every table below it.
fn each(
    catalog: &mut Catalog,
    table: &QualifiedName,
    recurses: bool,
    mut change: impl FnMut(&mut Catalog, &QualifiedName),
) {
    let Some(relation) = catalog.relation(table) else { return };
    let tables: Vec<QualifiedName> = if recurses {
        catalog.family(relation).into_iter().map(|relation| relation.name.clone()).collect()
    } else {
        vec![table.clone()]
    };
    for table in tables {
        change(catalog, &table);
    }
}

fn validate(catalog: &mut Catalog, table: &QualifiedName, name: &str) {
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    let mut not_null = Vec::new();
    for constraint in relation.constraints.iter_mut().filter(|known| known.name == name) {
        constraint.validated = true;
        if constraint.kind == ConstraintKind::NotNull {
            not_null.extend(constraint.columns.iter().cloned());
        }
    }
    for column in &mut relation.columns {
        column.not_null |= not_null.contains(&column.name);
    }
}

fn alter_constraint(catalog: &mut Catalog, table: &QualifiedName, command: &AlterTableCmd) {
    let Some(node::Node::AtalterConstraint(change)) = definition(command) else { return };
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    for known in relation.constraints.iter_mut().filter(|known| known.name == change.conname) {
        if change.alter_deferrability {
            known.deferrable = change.deferrable;
            known.initially_deferred = change.initdeferred;
            let end = known.definition.find(" DEFERRABLE").unwrap_or(known.definition.len());
            known.definition.truncate(end);
            known.definition.push_str(constraint::deferral(change.deferrable, change.initdeferred));
        }
        if change.alter_inheritability {
            known.no_inherit = change.noinherit;
        }
    }
}

fn set_replica_identity(relation: &mut Relation, command: &AlterTableCmd) {
    let Some(node::Node::ReplicaIdentityStmt(identity)) = definition(command) else { return };
    relation.replica_identity = match identity.identity_type.as_str() {
        "n" => ReplicaIdentity::Nothing,
        "f" => ReplicaIdentity::Full,
        "i" => ReplicaIdentity::Index(identity.name.clone()),
        _ => ReplicaIdentity::Default,
    };
    for index in &mut relation.indexes {
        index.is_replica_identity =
            relation.replica_identity == ReplicaIdentity::Index(index.name.clone());
    }
}

fn set_triggers(relation: &mut Relation, name: Option<&str>, enabled: char) {
    for trigger in &mut relation.triggers {
        if name.is_none_or(|name| trigger.name == name) {
            trigger.enabled = enabled;
        }
    }
}

/// `name=value` for each element of a list of storage parameters.
pub(super) fn options(list: &[Node]) -> Vec<String> {
    list.iter()
        .filter_map(|item| match &item.node {
            Some(node::Node::DefElem(element)) => Some(element),
            _ => None,
        })
        .map(|element| {
            let space = &element.defnamespace;
            let dot = if space.is_empty() { "" } else { "." };
            let value = element.arg.as_deref().map_or_else(|| "true".to_owned(), value);
            format!("{space}{dot}{}={value}", element.defname)
        })
        .collect()
}

fn value(argument: &Node) -> String {
    match &argument.node {
        Some(node::Node::Integer(number)) => number.ival.to_string(),
        Some(node::Node::Float(number)) => number.fval.clone(),
        Some(node::Node::String(text)) => text.sval.clone(),
        Some(node::Node::Boolean(truth)) => truth.boolval.to_string(),
        Some(node::Node::TypeName(word)) => {
            crate::catalog::type_name::strings(&word.names).join(".")
        }
        _ => String::new(),
    }
}

pub(super) fn set_options(known: &mut Vec<String>, changes: &[Node], reset: bool) {
    for change in options(changes) {
        let name = change.split('=').next().unwrap_or_default().to_owned();
        known.retain(|option| option.split('=').next() != Some(name.as_str()));
        if !reset {
            known.push(change);
        }
    }
}

fn alter_index(catalog: &mut Catalog, table: &QualifiedName, index: &str, command: &AlterTableCmd) {
    if let Some(node::Node::PartitionCmd(attach)) = definition(command) {
        let parent = table.sibling(index);
        let below = attach.name.as_ref().and_then(|range| {
            let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
            let (table, index) = catalog.resolve_index(schema, &range.relname)?;
            Some((table.name.clone(), index.name.clone()))
        });
        if let Some((partition, name)) = below {
            attach_index(catalog, table, &parent, &partition, &name);
        }
        return;
    }
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    let Some(known) = relation.indexes.iter_mut().find(|known| known.name == index) else { return };
    if command.subtype() == AlterTableType::AtSetStatistics {
        let position = i16::try_from(command.num).unwrap_or(0);
        known.statistics_targets.retain(|(at, _)| *at != position);
        if let Some(target) = alter_column::integer(definition(command)) {
            known.statistics_targets.push((position, target));
            known.statistics_targets.sort_unstable();
        }
    }
}

/// `ALTER INDEX parent ATTACH PARTITION index`; the parent is valid once every partition has one.
fn attach_index(
    catalog: &mut Catalog,
    table: &QualifiedName,
    parent: &QualifiedName,
    partition: &QualifiedName,
    index: &str,
) {
    if let Some(relation) = catalog.relations.get_mut(partition)
        && let Some(known) = relation.indexes.iter_mut().find(|known| known.name == index)
    {
        known.parent = Some(parent.clone());
    }
    let Some(above) = catalog.relation(table) else { return };
    let complete = above.kind == RelationKind::PartitionedTable
        && above.children.iter().filter_map(|child| catalog.relation(child)).all(|child| {
            child.indexes.iter().any(|index| index.valid && index.parent.as_ref() == Some(parent))
        });
    if let Some(above) = catalog.relations.get_mut(table)
        && let Some(known) = above.indexes.iter_mut().find(|known| known.name == parent.name)
    {
        known.valid |= complete;
    }
}
