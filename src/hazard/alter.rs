//! The subcommands of `ALTER TABLE` and its kin, each with what it would do alone.
//!
//! PostgreSQL reads or rewrites a table once for all subcommands of a statement; which of them is to
//! blame shows when each is analyzed by itself.

use super::context::{full_name, resolve};
use super::place;
use crate::analyze::{Impact, Verdict, analyze};
use crate::catalog::{Catalog, Column, Relation};
use crate::plan::WorkKind;
use crate::sql::{QualifiedName, Span, Statement};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint, ObjectType,
};
use std::borrow::Cow;

/// One subcommand.
#[derive(Debug, Clone)]
pub(super) struct Subcommand<'a> {
    pub(super) command: &'a AlterTableCmd,
    pub(super) alter: &'a AlterTableStmt,
    /// `None` when the catalog does not know the relation.
    pub(super) relation: Option<&'a Relation>,
    pub(super) table: QualifiedName,
    /// Of the subcommand alone, or of the whole statement where it cannot stand alone.
    pub(super) impact: Cow<'a, Impact>,
    statement: &'a Statement,
    index: usize,
}

/// More than this are not told apart, so that a long statement costs no quadratic time.
const MAX_APART: usize = 50;

/// The subcommands of `statement`; none when it is no `ALTER TABLE`.
pub(super) fn subcommands<'a>(
    statement: &'a Statement,
    catalog: &'a Catalog,
    impact: &'a Impact,
) -> Vec<Subcommand<'a>> {
    let NodeEnum::AlterTableStmt(alter) = &statement.node else { return Vec::new() };
    if alter.objtype() == ObjectType::ObjectType {
        return Vec::new();
    }
    let Some(name) = &alter.relation else { return Vec::new() };
    let relation = resolve(catalog, name);
    let table = relation.map_or_else(|| full_name(catalog, name), |known| known.name.clone());
    let commands = alter.cmds.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => Some(&**command),
        _ => None,
    });
    let apart = (2..=MAX_APART).contains(&alter.cmds.len());
    commands
        .enumerate()
        .map(|(index, command)| {
            let alone = apart.then(|| alone(statement, alter, index, catalog)).flatten();
            let impact = match alone {
                Some(alone) => Cow::Owned(within(alone, impact)),
                None => Cow::Borrowed(impact),
            };
            let table = table.clone();
            Subcommand { command, alter, relation, table, impact, statement, index }
        })
        .collect()
}

/// The impact of one subcommand, unless it needs the others.
fn alone(
    statement: &Statement,
    alter: &AlterTableStmt,
    index: usize,
    catalog: &Catalog,
) -> Option<Impact> {
    let one = AlterTableStmt { cmds: vec![alter.cmds.get(index)?.clone()], ..alter.clone() };
    let one = Statement {
        sql: statement.sql.clone(),
        node: NodeEnum::AlterTableStmt(one),
        directives: Vec::new(),
        ..*statement
    };
    analyze(&one, catalog).ok()
}

/// Leaves out what another subcommand saves: a check that is dropped in the same statement is not
/// verified, a table that is written anew is not read first.
fn within(mut alone: Impact, whole: &Impact) -> Impact {
    let worked = !alone.work.is_empty();
    alone.work.retain(|work| whole.work.contains(work));
    if worked && alone.work.is_empty() && alone.verdict == Verdict::Blocking {
        alone.verdict = Verdict::Brief;
    }
    alone
}

impl<'a> Subcommand<'a> {
    pub(super) fn kind(&self) -> AlterTableType {
        self.command.subtype()
    }

    /// Where it stands in the file.
    pub(super) fn span(&self) -> Span {
        place::subcommand(self.statement, self.index, self.alter)
    }

    pub(super) fn definition(&self) -> Option<&'a NodeEnum> {
        self.command.def.as_ref().and_then(|def| def.node.as_ref())
    }

    /// The column of `ADD COLUMN`, when there is none of this name yet.
    pub(super) fn added_column(&self) -> Option<&'a ColumnDef> {
        match (self.kind(), self.definition()) {
            (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column)))
                if self.column(&column.colname).is_none() =>
            {
                Some(column)
            }
            _ => None,
        }
    }

    /// The constraint of `ADD CONSTRAINT`.
    pub(super) fn added_constraint(&self) -> Option<&'a Constraint> {
        match (self.kind(), self.definition()) {
            (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => {
                Some(constraint)
            }
            _ => None,
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<&'a Column> {
        self.relation?.column(name)
    }

    /// Whether the application waits while it works through a table.
    pub(super) fn blocks(&self) -> bool {
        self.impact.verdict == Verdict::Blocking
    }

    /// Whether it writes its table, or one below it, anew.
    pub(super) fn rewrites(&self) -> bool {
        self.impact.work.iter().any(|work| work.kind == WorkKind::Rewrite)
    }
}

/// The constraints that stand behind a column.
pub(super) fn inline(column: &ColumnDef) -> impl Iterator<Item = &Constraint> {
    column.constraints.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) => Some(&**constraint),
        _ => None,
    })
}

pub(super) fn has_inline(column: &ColumnDef, kind: ConstrType) -> bool {
    inline(column).any(|constraint| constraint.contype() == kind)
}
