//! The hazards, one file each: page and check together.

pub(super) mod add_check;
pub(super) mod add_column_domain;
pub(super) mod add_column_generated;
pub(super) mod add_column_sequence;
pub(super) mod add_column_volatile_default;
pub(super) mod add_exclusion;
pub(super) mod add_foreign_key;
pub(super) mod add_required_column;
pub(super) mod add_unique;
pub(super) mod attach_partition;
pub(super) mod blocking;
pub(super) mod cannot_run_in_transaction;
pub(super) mod change_fires_trigger;
pub(super) mod column_without_equality;
pub(super) mod create_index;
pub(super) mod ddl_and_backfill;
pub(super) mod default_partition;
pub(super) mod detach_partition;
pub(super) mod domain_constraint;
pub(super) mod drop_cascade;
pub(super) mod drop_column;
pub(super) mod drop_index;
pub(super) mod drop_relation;
pub(super) mod drop_required_default;
pub(super) mod drop_schema;
pub(super) mod drop_unique;
pub(super) mod enum_value_at_once;
pub(super) mod foreign_key_locks;
pub(super) mod foreign_key_type;
pub(super) mod foreign_key_without_index;
pub(super) mod insert_without_columns;
pub(super) mod int_key_near_end;
pub(super) mod invalid_index_kept;
pub(super) mod lock_table;
pub(super) mod lock_upgrade;
pub(super) mod new_int_key;
pub(super) mod no_change_locks;
pub(super) mod no_lock_timeout;
pub(super) mod opaque;
pub(super) mod owner;
pub(super) mod partition_of;
pub(super) mod prepared_select_star;
pub(super) mod refresh;
pub(super) mod reindex;
pub(super) mod rename_column;
pub(super) mod rename_relation;
pub(super) mod rename_type;
pub(super) mod replace_function;
pub(super) mod replica_identity;
pub(super) mod row_security;
pub(super) mod set_expression;
pub(super) mod set_not_null;
pub(super) mod several_locks;
pub(super) mod storage_rewrite;
pub(super) mod timestamp_zone;
pub(super) mod transaction_left_open;
pub(super) mod trigger_change;
pub(super) mod truncate;
pub(super) mod type_change;
pub(super) mod type_change_check;
pub(super) mod type_change_foreign_key;
pub(super) mod type_change_index;
pub(super) mod unbatched_change;
pub(super) mod unknown;
pub(super) mod vacuum_full;
pub(super) mod validate_together;
pub(super) mod work_while_locked;

use super::Severity::{Error, Info, Warning};
use super::alter::{Subcommand, inline};
use super::context::Context;
use super::find::Found;
use super::words::listed;
use super::{Hazard, Severity};
use crate::catalog::{Relation, RelationKind};
use crate::hazard::history::strings;
use crate::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableType, ColumnDef, ConstrType, Constraint, DropStmt, RangeVar, TypeName,
};

/// The last part of a type's name: `timestamptz` for `pg_catalog.timestamptz`.
fn last_name(name: &TypeName) -> String {
    strings(&name.names).pop().unwrap_or_default()
}

/// Whether the relation has rows of its own, or its partitions have.
fn holds_rows(relation: &Relation) -> bool {
    match relation.kind {
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::MaterializedView => {
            true
        }
        RelationKind::View
        | RelationKind::ForeignTable
        | RelationKind::Sequence
        | RelationKind::CompositeType => false,
    }
}

/// Whether what the catalog does not list of the relation is not there either.
fn known(relation: &Relation) -> bool {
    !relation.assumed
}

/// Whether the column that the subcommand names is there, as far as is known.
fn has_column(sub: &Subcommand<'_>) -> bool {
    sub.relation
        .is_none_or(|relation| relation.column(&sub.command.name).is_some() || !known(relation))
}

/// `ALTER COLUMN … TYPE` subcommands, with the column.
fn column_type_changes<'a>(
    cx: &Context<'a>,
) -> impl Iterator<Item = (&'a Subcommand<'a>, &'a str)> + use<'a> {
    cx.subcommands
        .iter()
        .filter(|sub| sub.kind() == AlterTableType::AtAlterColumnType)
        .map(|sub| (sub, sub.command.name.as_str()))
}

/// `ADD COLUMN` subcommands that write a table in use anew.
fn adds_column_that_rewrites<'a>(
    cx: &Context<'a>,
) -> impl Iterator<Item = (&'a Subcommand<'a>, &'a ColumnDef)> + use<'a> {
    cx.subcommands
        .iter()
        .filter(|sub| sub.blocks() && sub.rewrites())
        .filter_map(|sub| Some((sub, sub.added_column()?)))
}

/// Foreign keys that `ALTER TABLE` adds, behind a new column or by themselves.
fn key_constraints<'a>(
    cx: &Context<'a>,
) -> impl Iterator<Item = (&'a Subcommand<'a>, &'a Constraint)> + use<'a> {
    cx.subcommands.iter().flat_map(|sub| {
        let behind = sub.added_column().into_iter().flat_map(inline);
        sub.added_constraint()
            .into_iter()
            .chain(behind)
            .filter(|constraint| constraint.contype() == ConstrType::ConstrForeign)
            .map(move |constraint| (sub, constraint))
    })
}

/// The same with the table that each points to.
fn added_keys<'a>(
    cx: &Context<'a>,
) -> impl Iterator<Item = (&'a Subcommand<'a>, QualifiedName)> + use<'a> {
    let cx = *cx;
    key_constraints(&cx)
        .filter_map(move |(sub, constraint)| Some((sub, cx.name(constraint.pktable.as_ref()?))))
}

/// The partitioned table of a statement that makes a partition, and where it is named.
fn partition_parents<'a>(cx: &Context<'a>) -> Vec<(QualifiedName, &'a RangeVar)> {
    let create = match cx.node() {
        NodeEnum::CreateStmt(create) => create,
        NodeEnum::CreateForeignTableStmt(foreign) => match &foreign.base_stmt {
            Some(create) => create,
            None => return Vec::new(),
        },
        NodeEnum::AlterTableStmt(alter) => {
            let attaches =
                cx.subcommands.iter().any(|sub| sub.kind() == AlterTableType::AtAttachPartition);
            let name = alter.relation.as_ref().filter(|_| attaches);
            return name.map(|name| (cx.name(name), name)).into_iter().collect();
        }
        _ => return Vec::new(),
    };
    if create.partbound.is_none() {
        return Vec::new();
    }
    create
        .inh_relations
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::RangeVar(name)) => Some((cx.name(name), name)),
            _ => None,
        })
        .collect()
}

/// The relations or indexes that a `DROP` names.
fn dropped(drop: &DropStmt) -> Vec<RangeVar> {
    drop.objects
        .iter()
        .filter_map(|object| match &object.node {
            Some(NodeEnum::List(list)) => {
                let mut parts = strings(&list.items);
                let relname = parts.pop()?;
                let schemaname = parts.pop().unwrap_or_default();
                Some(RangeVar { relname, schemaname, location: -1, ..RangeVar::default() })
            }
            _ => None,
        })
        .collect()
}
