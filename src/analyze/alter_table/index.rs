//! `ALTER INDEX`, and `ALTER TABLE` said of an index.

use super::options::{moves_to, options_lock};
use crate::analyze::AnalyzeError;
use crate::analyze::effects::Effects;
use crate::analyze::resolve::Context;
use crate::catalog::{Index, Relation, RelationKind};
use crate::lock::LockMode;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType as At};

pub(super) fn alter<'c>(
    cx: Context<'_, 'c>,
    table: &'c Relation,
    index: &'c Index,
    commands: &[&AlterTableCmd],
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    for command in commands {
        match command.subtype() {
            At::AtSetRelOptions | At::AtResetRelOptions => {
                if table.kind == RelationKind::PartitionedTable {
                    let message = format!(
                        "ALTER action SET cannot be performed on relation \"{}\"",
                        index.name
                    );
                    return Err(cx.invalid(message, &index.name));
                }
                fx.lock_index(table, index, options_lock(command));
            }
            At::AtSetStatistics | At::AtClusterOn | At::AtDropCluster => {
                let place = usize::try_from(command.num).ok().and_then(|n| n.checked_sub(1));
                if let Some(Some(column)) = place.and_then(|place| index.keys.get(place)) {
                    let message = format!(
                        "cannot alter statistics on non-expression column \"{column}\" of index \
                         \"{}\"",
                        index.name
                    );
                    return Err(cx.invalid(message, &index.name));
                }
                fx.lock_index(table, index, LockMode::ShareUpdateExclusive);
            }
            At::AtSetTableSpace => {
                fx.lock_index(table, index, LockMode::AccessExclusive);
                let old = index.definition.split(" TABLESPACE ").nth(1);
                if moves_to(&command.name, old) && table.kind != RelationKind::PartitionedTable {
                    fx.copy_index_file(table, index);
                }
            }
            At::AtChangeOwner => fx.lock_index(table, index, LockMode::AccessExclusive),
            At::AtAttachPartition => attach(cx, table, index, command, fx)?,
            _ => {
                let message =
                    format!("ALTER action cannot be performed on index \"{}\"", index.name);
                return Err(cx.invalid(message, &index.name));
            }
        }
    }
    Ok(())
}

/// The index of a partition becomes part of the partitioned index.
fn attach<'c>(
    cx: Context<'_, 'c>,
    table: &'c Relation,
    index: &'c Index,
    command: &AlterTableCmd,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(NodeEnum::PartitionCmd(partition)) =
        command.def.as_ref().and_then(|def| def.node.as_ref())
    else {
        return Ok(());
    };
    let Some(name) = &partition.name else { return Ok(()) };
    let (child_table, child) = cx.index(name)?;
    if !child_table.parents.contains(&table.name) {
        let message = format!(
            "cannot attach index \"{}\" as a partition of index \"{}\"",
            child.name, index.name
        );
        return Err(cx.invalid(message, &child.name));
    }
    fx.lock_index(table, index, LockMode::ShareUpdateExclusive);
    fx.lock_index(child_table, child, LockMode::AccessExclusive);
    fx.lock(table, LockMode::AccessShare);
    fx.lock(child_table, LockMode::AccessShare);
    Ok(())
}
