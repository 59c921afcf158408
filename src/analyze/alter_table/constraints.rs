//! CHECK and NOT NULL constraints; `VALIDATE`, `ALTER` and `DROP CONSTRAINT`.
//!
//! Adding a valid one reads the table under ACCESS EXCLUSIVE; `NOT VALID` changes the catalog only,
//! and `VALIDATE CONSTRAINT` then reads under SHARE UPDATE EXCLUSIVE.

use super::{Alter, RowsOf, rows};
use crate::analyze::AnalyzeError;
use crate::analyze::drop::Dropping;
use crate::analyze::volatility::name_parts;
use crate::catalog::{self, ConstraintKind, Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::Diagnostic;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AtAlterConstraint, ConstrType, Constraint, DropBehavior, Node,
};

impl<'s, 'c> Alter<'s, 'c, '_> {
    pub(super) fn add_constraint(
        &mut self,
        command: &'s AlterTableCmd,
    ) -> Result<(), AnalyzeError> {
        let Some(NodeEnum::Constraint(constraint)) =
            command.def.as_ref().and_then(|def| def.node.as_ref())
        else {
            return Ok(());
        };
        match self.relation.kind {
            RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable => {}
            RelationKind::View
            | RelationKind::MaterializedView
            | RelationKind::Sequence
            | RelationKind::CompositeType => return Err(self.unsupported("ADD CONSTRAINT")),
        }
        self.constraint_is_new(&constraint.conname)?;
        match constraint.contype() {
            ConstrType::ConstrCheck => self.add_check(constraint),
            ConstrType::ConstrNotnull => self.add_not_null(constraint),
            ConstrType::ConstrForeign => {
                let columns = strings(&constraint.fk_attrs);
                for column in &columns {
                    self.known(column)?;
                }
                let rows = self.rows_of(&columns);
                self.add_foreign_key(constraint, &columns, rows, !constraint.is_enforced)
            }
            ConstrType::ConstrPrimary | ConstrType::ConstrUnique | ConstrType::ConstrExclusion => {
                let columns = strings(&constraint.keys);
                for column in columns.iter().chain(&strings(&constraint.including)) {
                    self.known(column)?;
                }
                self.add_index_constraint(constraint, &columns)
            }
            _ => {
                self.fx.unknown();
                Ok(())
            }
        }
    }

    /// What the rows hold in `columns`: nothing when one of them is added without a value.
    fn rows_of(&self, columns: &[String]) -> RowsOf {
        let empty = self
            .added
            .iter()
            .any(|added| columns.contains(&added.colname) && !super::columns::has_value(added));
        if empty { RowsOf::Nulls } else { RowsOf::Values }
    }

    fn constraint_is_new(&self, name: &str) -> Result<(), AnalyzeError> {
        let taken =
            !name.is_empty() && self.relation.constraint(name).is_some() && !self.is_freed(name);
        // A NOT NULL constraint of the same name on the same column is merged with the old one.
        if !taken || Self::is_constraint(self.relation, name, ConstraintKind::NotNull) {
            return Ok(());
        }
        let table = &self.relation.name.name;
        let message = format!("constraint \"{name}\" for relation \"{table}\" already exists");
        let span = self.cx.span_of(name, self.after_name());
        Err(AnalyzeError::Exists(Diagnostic::new(message, span).label("already there")))
    }

    fn add_check(&mut self, constraint: &'s Constraint) -> Result<(), AnalyzeError> {
        self.check_expression(constraint.raw_expr.as_deref())?;
        if !constraint.is_enforced {
            self.needs(18, "NOT ENFORCED", "enforced")?;
        }
        let own = self.only || constraint.is_no_inherit;
        if self.only && !constraint.is_no_inherit && self.family.len() > 1 {
            let name = &self.relation.name.name;
            return Err(self.cx.invalid("constraint must be added to child tables too", name));
        }
        // From 18 on the descendants are locked even when nothing is done to them.
        if !own || (!self.only && self.cx.catalog.server.major() >= 18) {
            self.lock_family();
        }
        let reached = if own { vec![self.relation] } else { self.family.clone() };
        for relation in reached {
            let same = relation.constraint(&constraint.conname).filter(|same| {
                same.kind == ConstraintKind::Check
                    && !self.dropped_constraints.contains(&same.name.as_str())
            });
            match same {
                // A child that has it already is not read again.
                Some(same) if same.validated || constraint.skip_validation => {}
                Some(_) => {
                    let message = format!(
                        "constraint \"{}\" conflicts with NOT VALID constraint on relation \"{}\"",
                        constraint.conname, relation.name.name
                    );
                    return Err(self.cx.invalid(message, &constraint.conname));
                }
                None if constraint.skip_validation || !constraint.is_enforced => {}
                None => self.check(relation),
            }
        }
        Ok(())
    }

    fn add_not_null(&mut self, constraint: &'s Constraint) -> Result<(), AnalyzeError> {
        self.needs(18, "NOT NULL as a table constraint", "not")?;
        let columns = strings(&constraint.keys);
        let Some(column) = columns.first() else { return Ok(()) };
        self.known(column)?;
        let named_otherwise = self.relation.constraints.iter().find(|old| {
            old.kind == ConstraintKind::NotNull
                && old.columns == columns
                && !constraint.conname.is_empty()
                && old.name != constraint.conname
        });
        if let Some(old) = named_otherwise {
            let message = format!(
                "cannot create not-null constraint \"{}\" on column \"{column}\" of table \"{}\"",
                constraint.conname, self.relation.name.name
            );
            let span = self.cx.span_of(&constraint.conname, 0);
            let detail = format!("The column has a not-null constraint \"{}\" already.", old.name);
            return Err(AnalyzeError::Exists(Diagnostic::new(message, span).detail(detail)));
        }
        if self.only && !constraint.is_no_inherit && self.family.len() > 1 {
            return Err(self.cx.invalid("constraint must be added to child tables too", column));
        }
        if !self.only {
            self.lock_family();
        }
        if constraint.skip_validation {
            return Ok(());
        }
        let own = self.only || constraint.is_no_inherit;
        let reached = if own { vec![self.relation] } else { self.family.clone() };
        for relation in reached {
            self.check_not_null(relation, column, false);
        }
        Ok(())
    }

    pub(super) fn validate_constraint(&mut self, name: &'s str) -> Result<(), AnalyzeError> {
        // One that the same statement adds, NOT VALID: read after all.
        if let Some(added) = self.added_constraints.iter().find(|added| added.conname == name) {
            match added.contype() {
                ConstrType::ConstrForeign => self.fx.validate(self.relation),
                _ => self.check_reached(),
            }
            return Ok(());
        }
        let constraint = self.cx.constraint(self.relation, name, self.after_name())?;
        let table = &self.relation.name.name;
        match constraint.kind {
            ConstraintKind::Check | ConstraintKind::NotNull | ConstraintKind::ForeignKey => {}
            ConstraintKind::PrimaryKey
            | ConstraintKind::Unique
            | ConstraintKind::Exclude
            | ConstraintKind::Trigger => {
                let message = format!(
                    "constraint \"{name}\" of relation \"{table}\" is not a foreign key or check \
                     constraint"
                );
                return Err(self.cx.invalid(message, name));
            }
        }
        if is_not_enforced(constraint) {
            return Err(self.cx.invalid("cannot validate NOT ENFORCED constraint", name));
        }
        if constraint.validated {
            return Ok(());
        }
        if constraint.kind == ConstraintKind::ForeignKey {
            self.validate_foreign_key(constraint);
            return Ok(());
        }
        if self.only && self.family.len() > 1 && !constraint.no_inherit {
            return Err(self.cx.invalid("constraint must be validated on child tables too", name));
        }
        if constraint.no_inherit {
            self.check(self.relation);
            return Ok(());
        }
        self.lock_family();
        for relation in self.family.clone() {
            let done = relation
                .constraints
                .iter()
                .any(|c| c.kind == constraint.kind && same_check(c, constraint) && c.validated);
            if !done {
                self.check(relation);
            }
        }
        Ok(())
    }

    pub(super) fn alter_constraint(
        &mut self,
        command: &'s AlterTableCmd,
    ) -> Result<(), AnalyzeError> {
        let Some(NodeEnum::AtalterConstraint(change)) =
            command.def.as_ref().and_then(|def| def.node.as_ref())
        else {
            self.fx.unknown();
            return Ok(());
        };
        let constraint = self.cx.constraint(self.relation, &change.conname, self.after_name())?;
        if change.alter_inheritability {
            self.needs(18, "ALTER CONSTRAINT … INHERIT", "inherit")?;
            if change.noinherit {
                self.lock_children();
            }
            return Ok(());
        }
        if constraint.kind != ConstraintKind::ForeignKey {
            let message = if change.alter_enforceability {
                format!(
                    "cannot alter enforceability of constraint \"{}\" of relation \"{}\"",
                    change.conname, self.relation.name.name
                )
            } else {
                format!(
                    "constraint \"{}\" of relation \"{}\" is not a foreign key constraint",
                    change.conname, self.relation.name.name
                )
            };
            return Err(self.cx.invalid(message, &change.conname));
        }
        self.lock_family();
        if change.alter_enforceability {
            self.needs(18, "ALTER CONSTRAINT … ENFORCED", "enforced")?;
            self.enforce(constraint, change);
        }
        Ok(())
    }

    /// The triggers of the key are made, and the rows checked, or the triggers are dropped.
    fn enforce(&mut self, constraint: &'c catalog::Constraint, change: &AtAlterConstraint) {
        let Some(other) = constraint.references.as_ref() else { return };
        let Some(referenced) = self.cx.catalog.relation(other) else { return };
        match (change.is_enforced, is_not_enforced(constraint)) {
            (true, true) => {
                self.fx.lock_all(self.cx.catalog.family(referenced), LockMode::ShareRowExclusive);
                self.check_rows(
                    referenced,
                    RowsOf::Values,
                    super::foreign_key::has_period(constraint),
                );
            }
            (false, false) => {
                self.fx.lock_all(self.cx.catalog.family(referenced), LockMode::AccessExclusive);
            }
            (true, false) | (false, true) => {}
        }
    }

    pub(super) fn drop_constraint(
        &mut self,
        command: &'s AlterTableCmd,
    ) -> Result<(), AnalyzeError> {
        let name = command.name.as_str();
        // Descendants are locked before the constraint is even looked up.
        if self.only && self.relation.kind != RelationKind::PartitionedTable {
            self.lock_children();
        } else {
            self.lock_family();
        }
        let Some(constraint) = self.relation.constraint(name) else {
            if command.missing_ok {
                return Ok(());
            }
            return self.cx.constraint(self.relation, name, self.after_name()).map(|_| ());
        };
        if constraint.inherited {
            let message = format!(
                "cannot drop inherited constraint \"{name}\" of relation \"{}\"",
                self.relation.name.name
            );
            return Err(self.cx.invalid(message, name));
        }
        let cascade = command.behavior() == DropBehavior::DropCascade;
        let mut dropping = Dropping::new(self.cx, cascade);
        dropping.constraint(self.relation, constraint);
        dropping.report(name, self.fx)
    }

    pub(super) fn holders(&self) -> Vec<&'c Relation> {
        let partitioned = self.relation.kind == RelationKind::PartitionedTable;
        if self.only && partitioned {
            Vec::new()
        } else {
            rows::row_holders(self.cx.catalog, self.relation)
        }
    }
}

/// Whether two tables of a family have the constraint in common: by name for a check, by column
/// for NOT NULL, which may be named otherwise in each.
fn same_check(a: &catalog::Constraint, b: &catalog::Constraint) -> bool {
    match a.kind {
        ConstraintKind::NotNull => a.columns == b.columns,
        ConstraintKind::Check
        | ConstraintKind::ForeignKey
        | ConstraintKind::PrimaryKey
        | ConstraintKind::Unique
        | ConstraintKind::Exclude
        | ConstraintKind::Trigger => a.name == b.name,
    }
}

pub(in crate::analyze) fn is_not_enforced(constraint: &catalog::Constraint) -> bool {
    !constraint.is_enforced()
}

pub(super) fn strings(nodes: &[Node]) -> Vec<String> {
    name_parts(nodes).into_iter().map(str::to_owned).collect()
}
