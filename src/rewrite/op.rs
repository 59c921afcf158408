//! An `ALTER TABLE` of several subcommands as several of one, in the order in which the server
//! runs them.
//!
//! The server does not run subcommands as written: it sorts them into passes (drops first, then
//! type changes, then new columns, then constraints; source: `AlterTablePass` in
//! `tablecmds.c`). Inside a pass the written order stays.

use crate::sql::{Statement, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType, ConstrType, Node};

/// The statement as one or more statements with a single subcommand each.
pub(super) fn split(statement: &Statement) -> Vec<Statement> {
    let NodeEnum::AlterTableStmt(alter) = &statement.node else { return vec![statement.clone()] };
    if alter.cmds.len() < 2 {
        return vec![statement.clone()];
    }
    let mut commands: Vec<&Node> = alter.cmds.iter().collect();
    commands.sort_by_key(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => pass(command),
        _ => Pass::Miscellaneous,
    });
    commands
        .into_iter()
        .map(|command| {
            let single = AlterTableStmt { cmds: vec![command.clone()], ..alter.clone() };
            let node = NodeEnum::AlterTableStmt(single);
            Statement { sql: deparse::statement(&node), node, ..statement.clone() }
        })
        .collect()
}

/// The one subcommand of a split `ALTER TABLE`.
pub(super) fn command(alter: &AlterTableStmt) -> Option<&AlterTableCmd> {
    match alter.cmds.first().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::AlterTableCmd(command)) => Some(command),
        _ => None,
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Pass {
    Drop,
    AlterType,
    AddColumn,
    ColumnAttributes,
    AddIndex,
    AddConstraint,
    Miscellaneous,
}

fn pass(command: &AlterTableCmd) -> Pass {
    match AlterTableType::try_from(command.subtype) {
        Ok(
            AlterTableType::AtDropColumn
            | AlterTableType::AtDropConstraint
            | AlterTableType::AtDropNotNull
            | AlterTableType::AtDropExpression
            | AlterTableType::AtDropIdentity,
        ) => Pass::Drop,
        Ok(AlterTableType::AtAlterColumnType) => Pass::AlterType,
        Ok(AlterTableType::AtAddColumn) => Pass::AddColumn,
        Ok(
            AlterTableType::AtSetNotNull
            | AlterTableType::AtColumnDefault
            | AlterTableType::AtAddIdentity,
        ) => Pass::ColumnAttributes,
        Ok(AlterTableType::AtAddConstraint) => match constraint_type(command) {
            Some(
                ConstrType::ConstrPrimary | ConstrType::ConstrUnique | ConstrType::ConstrExclusion,
            ) => Pass::AddIndex,
            _ => Pass::AddConstraint,
        },
        _ => Pass::Miscellaneous,
    }
}

/// What kind of constraint an `ADD CONSTRAINT` adds.
pub(super) fn constraint_type(command: &AlterTableCmd) -> Option<ConstrType> {
    match command.def.as_ref().and_then(|def| def.node.as_ref()) {
        Some(NodeEnum::Constraint(constraint)) => ConstrType::try_from(constraint.contype).ok(),
        _ => None,
    }
}
