//! What the earlier statements of a file have done, as far as later ones make it worse: transactions,
//! the locks that they hold, what they have added.

use super::Options;
use super::alter::inline;
use super::context::{full_name, in_use, is_empty};
use crate::analyze::Impact;
use crate::catalog::Catalog;
use crate::lock::LockMode;
use crate::sql::{QualifiedName, Span, Statement};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableType, ConstrType, Constraint, Node, TransactionStmtKind, VariableSetKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// A lock that a transaction holds.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) relation: QualifiedName,
    pub(super) mode: LockMode,
    /// The statement that took it.
    pub(super) statement: usize,
}

/// A foreign key that the file adds.
#[derive(Debug, Clone)]
pub(super) struct AddedKey {
    pub(super) table: QualifiedName,
    pub(super) columns: Vec<String>,
    pub(super) references: QualifiedName,
    pub(super) statement: usize,
    pub(super) span: Span,
}

/// A table that the file creates.
#[derive(Debug, Clone)]
pub(super) struct Created {
    pub(super) table: QualifiedName,
    pub(super) statement: usize,
    pub(super) span: Span,
}

/// A value that an enum has got in the open transaction.
#[derive(Debug, Clone)]
pub(super) struct AddedValue {
    /// The name of the enum, without its schema.
    pub(super) of: String,
    pub(super) statement: usize,
}

/// See the module.
#[derive(Debug)]
pub(super) struct History {
    /// Of the statement that is looked at, from 1; of the last one at the end.
    pub(super) number: usize,
    options: Options,
    /// The statement that opened the transaction which is open.
    pub(super) opened: Option<(usize, Span)>,
    /// The tool's own transaction is open.
    wrapped: bool,
    /// The file has bounded the wait for locks.
    pub(super) lock_timeout: bool,
    /// The first statement that waits for a strong lock without bound, and what it locks.
    pub(super) unbounded: Option<(usize, Span, QualifiedName, LockMode)>,
    /// Locks of the open transaction on relations that others use, each relation at its strongest.
    held: BTreeMap<QualifiedName, Held>,
    /// Values that enums have got in the open transaction, by label.
    pub(super) values: BTreeMap<String, Vec<AddedValue>>,
    /// Enums that the open transaction has created.
    pub(super) enums: Vec<String>,
    /// Constraints that the open transaction has added `NOT VALID`, and the statement that did.
    not_valid: BTreeMap<QualifiedName, BTreeMap<String, usize>>,
    pub(super) keys: Vec<AddedKey>,
    pub(super) tables: Vec<Created>,
    /// Columns that the file adds to tables, by table.
    columns: BTreeMap<QualifiedName, BTreeSet<String>>,
    /// Schemas that the file creates.
    pub(super) schemas: BTreeSet<String>,
}

impl History {
    pub(super) fn new(options: Options) -> Self {
        Self {
            number: 0,
            options,
            opened: None,
            wrapped: options.in_transaction,
            lock_timeout: options.lock_timeout,
            unbounded: None,
            held: BTreeMap::new(),
            values: BTreeMap::new(),
            enums: Vec::new(),
            not_valid: BTreeMap::new(),
            keys: Vec::new(),
            tables: Vec::new(),
            columns: BTreeMap::new(),
            schemas: BTreeSet::new(),
        }
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.opened.is_some() || self.wrapped
    }

    /// Whether the tool has a transaction of its own open, which it also ends.
    pub(super) fn wraps(&self) -> bool {
        self.wrapped
    }

    /// Whether this file has added the column, so that no application knows it yet.
    pub(super) fn has_added_column(&self, table: &QualifiedName, column: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// The statement that has added the constraint `NOT VALID` in the open transaction.
    pub(super) fn added_not_valid(&self, table: &QualifiedName, constraint: &str) -> Option<usize> {
        self.not_valid.get(table)?.get(constraint).copied()
    }

    /// The strongest lock that earlier statements of the transaction hold on `relation`.
    pub(super) fn held_on(&self, relation: &QualifiedName) -> Option<&Held> {
        self.held.get(relation)
    }

    /// Locks of earlier statements of the transaction that writers wait for.
    pub(super) fn held_strongly(&self) -> impl Iterator<Item = &Held> {
        self.held.values().filter(|held| held.mode.blocks_writes())
    }

    pub(super) fn begin(&mut self) {
        self.number += 1;
    }

    /// After the checks of a statement.
    pub(super) fn end(&mut self, statement: &Statement, catalog: &Catalog, impact: &Impact) {
        self.transaction(statement);
        self.timeout(statement);
        if self.in_transaction() {
            self.hold(catalog, impact);
            self.add_values(statement, catalog);
        }
        self.constraints(statement, catalog);
        if self.unbounded.is_none() && !self.lock_timeout {
            let strong = impact.locks.iter().find(|lock| {
                lock.mode.blocks_writes()
                    && catalog
                        .relation(&lock.relation)
                        .is_none_or(|relation| in_use(relation) && !is_empty(relation, catalog))
            });
            self.unbounded =
                strong.map(|lock| (self.number, statement.span, lock.relation.clone(), lock.mode));
        }
    }

    /// The same for a statement that has no impact.
    pub(super) fn refused(&mut self, statement: &Statement) {
        self.transaction(statement);
        self.timeout(statement);
    }

    fn transaction(&mut self, statement: &Statement) {
        let NodeEnum::TransactionStmt(control) = &statement.node else { return };
        use TransactionStmtKind as Kind;
        match control.kind() {
            Kind::TransStmtBegin | Kind::TransStmtStart => {
                self.opened.get_or_insert((self.number, statement.span));
            }
            Kind::TransStmtCommit | Kind::TransStmtRollback | Kind::TransStmtPrepare => {
                self.held.clear();
                self.values.clear();
                self.enums.clear();
                self.not_valid.clear();
                self.wrapped = false;
                self.opened = control.chain.then_some((self.number, statement.span));
            }
            _ => {}
        }
    }

    fn timeout(&mut self, statement: &Statement) {
        let set = match &statement.node {
            NodeEnum::VariableSetStmt(set) => set,
            NodeEnum::SelectStmt(_) if statement.sql.contains("lock_timeout") => {
                self.lock_timeout |= statement.sql.contains("set_config");
                return;
            }
            _ => return,
        };
        let all = set.kind() == VariableSetKind::VarResetAll;
        let name = set.name.to_ascii_lowercase();
        if !all && !matches!(&*name, "lock_timeout" | "statement_timeout") {
            return;
        }
        let zero = set.args.first().is_some_and(|arg| {
            matches!(&arg.node,
            Some(NodeEnum::AConst(constant)) if is_zero(constant))
        });
        self.lock_timeout = match set.kind() {
            VariableSetKind::VarSetValue => !zero,
            _ => self.options.lock_timeout,
        };
    }

    fn hold(&mut self, catalog: &Catalog, impact: &Impact) {
        for lock in &impact.locks {
            if !catalog.relation(&lock.relation).is_none_or(in_use) {
                continue;
            }
            if self.held.get(&lock.relation).is_none_or(|held| held.mode < lock.mode) {
                let relation = lock.relation.clone();
                let held =
                    Held { relation: relation.clone(), mode: lock.mode, statement: self.number };
                self.held.insert(relation, held);
            }
        }
    }

    fn add_values(&mut self, statement: &Statement, catalog: &Catalog) {
        // Since 17 the values of an enum that is as new as they are can be used at once.
        let new_is_free = catalog.server.major() >= 17;
        let last = |name: &[Node]| match name.last().and_then(|part| part.node.as_ref()) {
            Some(NodeEnum::String(part)) => part.sval.clone(),
            _ => String::new(),
        };
        match &statement.node {
            NodeEnum::CreateEnumStmt(create) => self.enums.push(last(&create.type_name)),
            NodeEnum::AlterEnumStmt(alter)
                if alter.old_val.is_empty()
                    && !(new_is_free && self.enums.contains(&last(&alter.type_name))) =>
            {
                let added = AddedValue { of: last(&alter.type_name), statement: self.number };
                self.values.entry(alter.new_val.clone()).or_default().push(added);
            }
            _ => {}
        }
    }

    fn constraints(&mut self, statement: &Statement, catalog: &Catalog) {
        match &statement.node {
            NodeEnum::CreateSchemaStmt(create) => {
                self.schemas.insert(create.schemaname.clone());
            }
            NodeEnum::CreateStmt(create) => {
                let Some(name) = &create.relation else { return };
                let table = full_name(catalog, name);
                if catalog.relation(&table).is_some() {
                    return;
                }
                let span = super::place::name_at(statement, name.location);
                self.tables.push(Created { table: table.clone(), statement: self.number, span });
                for element in create.table_elts.iter().chain(&create.constraints) {
                    match &element.node {
                        Some(NodeEnum::ColumnDef(column)) => {
                            for constraint in inline(column) {
                                let columns = vec![column.colname.clone()];
                                self.foreign_key(statement, catalog, &table, constraint, columns);
                            }
                        }
                        Some(NodeEnum::Constraint(constraint)) => {
                            let columns = strings(&constraint.fk_attrs);
                            self.foreign_key(statement, catalog, &table, constraint, columns);
                        }
                        _ => {}
                    }
                }
            }
            NodeEnum::AlterTableStmt(alter) => {
                let Some(name) = &alter.relation else { return };
                let table = full_name(catalog, name);
                for node in &alter.cmds {
                    let Some(NodeEnum::AlterTableCmd(command)) = &node.node else { continue };
                    let def = command.def.as_ref().and_then(|def| def.node.as_ref());
                    match (command.subtype(), def) {
                        (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
                            let old = catalog.relation(&table);
                            if old.is_some_and(|old| old.column(&column.colname).is_some()) {
                                continue;
                            }
                            self.columns
                                .entry(table.clone())
                                .or_default()
                                .insert(column.colname.clone());
                            for constraint in inline(column) {
                                let columns = vec![column.colname.clone()];
                                self.foreign_key(statement, catalog, &table, constraint, columns);
                            }
                        }
                        (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(added))) => {
                            if added.skip_validation && self.in_transaction() {
                                let of = self.not_valid.entry(table.clone()).or_default();
                                of.insert(added.conname.clone(), self.number);
                            }
                            let columns = strings(&added.fk_attrs);
                            self.foreign_key(statement, catalog, &table, added, columns);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn foreign_key(
        &mut self,
        statement: &Statement,
        catalog: &Catalog,
        table: &QualifiedName,
        constraint: &Constraint,
        columns: Vec<String>,
    ) {
        let (ConstrType::ConstrForeign, Some(other)) = (constraint.contype(), &constraint.pktable)
        else {
            return;
        };
        self.keys.push(AddedKey {
            table: table.clone(),
            columns,
            references: full_name(catalog, other),
            statement: self.number,
            span: super::place::name_at(statement, constraint.location),
        });
    }
}

fn is_zero(constant: &pg_query::protobuf::AConst) -> bool {
    use pg_query::protobuf::a_const::Val;
    match &constant.val {
        Some(Val::Ival(number)) => number.ival == 0,
        Some(Val::Sval(text)) => {
            text.sval.trim().trim_end_matches(|c: char| !c.is_ascii_digit()).trim() == "0"
        }
        _ => false,
    }
}

pub(super) fn strings(nodes: &[Node]) -> Vec<String> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::String(text)) => Some(text.sval.clone()),
            _ => None,
        })
        .collect()
}
