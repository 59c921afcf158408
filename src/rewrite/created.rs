//! The names that a statement brings into the world, so that no later statement that speaks of them
//! comes before it.

use super::groups::strings;
use crate::sql::Statement;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableStmt, Node, RangeVar};

/// Bare names of what `statement` creates or renames to: relations, columns, constraints, indexes,
/// types, functions, schemas.
pub(super) fn names(statement: &Statement) -> Vec<String> {
    let range = |range: Option<&RangeVar>| range.map(|r| r.relname.clone());
    let last = |names: &[Node]| strings(names).pop();
    let one = match &statement.node {
        NodeEnum::AlterTableStmt(alter) => return of_subcommands(alter),
        NodeEnum::CreateStmt(create) => range(create.relation.as_ref()),
        NodeEnum::CreateTableAsStmt(create) => {
            range(create.into.as_ref().and_then(|into| into.rel.as_ref()))
        }
        NodeEnum::ViewStmt(view) => range(view.view.as_ref()),
        NodeEnum::CreateSeqStmt(create) => range(create.sequence.as_ref()),
        NodeEnum::CompositeTypeStmt(create) => range(create.typevar.as_ref()),
        NodeEnum::IndexStmt(index) => Some(index.idxname.clone()),
        NodeEnum::CreateEnumStmt(create) => last(&create.type_name),
        NodeEnum::CreateRangeStmt(create) => last(&create.type_name),
        NodeEnum::CreateDomainStmt(create) => last(&create.domainname),
        NodeEnum::CreateFunctionStmt(function) => last(&function.funcname),
        NodeEnum::CreateSchemaStmt(create) => Some(create.schemaname.clone()),
        NodeEnum::CreateStatsStmt(create) => last(&create.defnames),
        NodeEnum::CreateTrigStmt(trigger) => Some(trigger.trigname.clone()),
        NodeEnum::CreatePolicyStmt(policy) => Some(policy.policy_name.clone()),
        NodeEnum::RenameStmt(rename) => Some(rename.newname.clone()),
        _ => None,
    };
    one.into_iter().filter(|name| !name.is_empty()).collect()
}

fn of_subcommands(alter: &AlterTableStmt) -> Vec<String> {
    let mut found = Vec::new();
    for node in &alter.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = &node.node else { continue };
        match command.def.as_ref().and_then(|def| def.node.as_ref()) {
            Some(NodeEnum::Constraint(constraint)) => found.push(constraint.conname.clone()),
            Some(NodeEnum::ColumnDef(column)) => {
                found.push(column.colname.clone());
                for part in &column.constraints {
                    if let Some(NodeEnum::Constraint(constraint)) = &part.node {
                        found.push(constraint.conname.clone());
                    }
                }
            }
            _ => {}
        }
    }
    found.retain(|name| !name.is_empty());
    found
}
