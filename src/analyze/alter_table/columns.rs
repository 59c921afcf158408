//! Columns: `ADD COLUMN`, `DROP COLUMN`, defaults, NOT NULL, generated and identity columns.
//!
//! `ADD COLUMN` rewrites the table when its value differs from row to row (a volatile default, its own
//! or that of its domain, `serial`, identity, a stored generated column) or has to be checked by a domain; else it is a
//! change of the catalog. The manual, "ALTER TABLE", Notes.

use super::{Alter, Known, RowsOf, has, inline_constraints, rows};
use crate::analyze::AnalyzeError;
use crate::analyze::columns::{has_subquery, read_by};
use crate::analyze::drop::Dropping;
use crate::analyze::resolve::is_system_column;
use crate::analyze::types::{is_constrained, is_serial};
use crate::analyze::volatility;
use crate::catalog::{ConstraintKind, Identity, Relation, RelationKind, Volatility};
use crate::lock::LockMode;
use crate::sql::Diagnostic;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, ColumnDef, ConstrType, Constraint, DropBehavior, Node};

impl<'s, 'c> Alter<'s, 'c, '_> {
    pub(super) fn add_column(&mut self, command: &'s AlterTableCmd) -> Result<(), AnalyzeError> {
        let Some(NodeEnum::ColumnDef(column)) = def(command) else { return Ok(()) };
        let name = column.colname.as_str();
        match self.relation.kind {
            RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable => {}
            RelationKind::View
            | RelationKind::MaterializedView
            | RelationKind::Sequence
            | RelationKind::CompositeType => {
                return Err(self.unsupported("ADD COLUMN"));
            }
        }
        let exists = self.relation.column(name).is_some() && !self.dropped_columns.contains(&name);
        if exists || is_system_column(name) {
            if command.missing_ok && exists {
                return Ok(());
            }
            return Err(self.column_exists(name));
        }
        if self.relation.partition_bound.is_some() {
            return Err(self.cx.invalid("cannot add column to a partition", name));
        }
        if self.only && self.family.len() > 1 {
            return Err(self.cx.invalid("column must be added to child tables too", name));
        }
        self.lock_family();
        if self.new_column_rewrites(column)? {
            self.rewrite_reached();
        }
        self.inline(column)
    }

    pub(super) fn column_exists(&self, name: &str) -> AnalyzeError {
        let message =
            format!("column \"{name}\" of relation \"{}\" already exists", self.relation.name.name);
        let span = self.cx.span_of(name, self.after_name());
        AnalyzeError::Exists(Diagnostic::new(message, span).label("already there"))
    }

    pub(super) fn unsupported(&self, what: &str) -> AnalyzeError {
        let kind = crate::analyze::resolve::kind_name(self.relation.kind);
        let name = &self.relation.name.name;
        let message = format!("{what} cannot be performed on relation \"{name}\"");
        let diagnostic = Diagnostic::new(message, self.cx.span_of(name, 0));
        AnalyzeError::Invalid(diagnostic.label(format!("this is {kind}")))
    }

    fn new_column_rewrites(&mut self, column: &'s ColumnDef) -> Result<bool, AnalyzeError> {
        let Some(written) = &column.type_name else { return Ok(false) };
        let mut rewrites = false;
        if is_serial(written) {
            rewrites = true;
        } else {
            let found = self.cx.column_type(written)?;
            rewrites |= is_constrained(&found, self.cx.catalog);
            if let Some(default) = self.default_of_domain(column) {
                self.lock_sequences_of(&default);
                let volatility = volatility::of_default(&default, written, self.cx.catalog);
                rewrites |= volatility == Volatility::Volatile;
            }
        }
        for constraint in inline_constraints(column) {
            match constraint.contype() {
                ConstrType::ConstrDefault => {
                    if let Some(default) = constraint.raw_expr.as_deref() {
                        self.check_default(default)?;
                        self.lock_sequences_of(default);
                        let volatility = volatility::of_default(default, written, self.cx.catalog);
                        rewrites |= volatility == Volatility::Volatile;
                    }
                }
                ConstrType::ConstrIdentity => rewrites = true,
                ConstrType::ConstrGenerated => {
                    self.check_expression(constraint.raw_expr.as_deref())?;
                    if is_virtual(constraint) {
                        self.needs(18, "virtual generated columns", "virtual")?;
                    } else {
                        rewrites = true;
                    }
                }
                _ => {}
            }
        }
        Ok(rewrites)
    }

    /// The default that the column takes from its domain, for want of its own.
    fn default_of_domain(&self, column: &ColumnDef) -> Option<Node> {
        let own = |c: &Constraint| {
            matches!(c.contype(), ConstrType::ConstrDefault | ConstrType::ConstrGenerated)
        };
        if inline_constraints(column).any(own) {
            return None;
        }
        self.cx.catalog.default_of_domain(column.type_name.as_ref()?)
    }

    /// An expression that calls `nextval` keeps the sequence locked while the table is rewritten.
    pub(super) fn lock_sequences_of(&mut self, default: &Node) {
        for sequence in crate::analyze::data::sequences_in(self.cx, default) {
            self.fx.lock(sequence, LockMode::RowExclusive);
        }
    }

    /// CHECK, NOT NULL, UNIQUE, PRIMARY KEY and REFERENCES behind the column.
    fn inline(&mut self, column: &'s ColumnDef) -> Result<(), AnalyzeError> {
        let is_virtual = inline_constraints(column)
            .any(|c| c.contype() == ConstrType::ConstrGenerated && is_virtual(c));
        let mut constraints = inline_constraints(column).peekable();
        while let Some(constraint) = constraints.next() {
            let not_enforced = constraints
                .peek()
                .is_some_and(|next| next.contype() == ConstrType::ConstrAttrNotEnforced);
            match constraint.contype() {
                ConstrType::ConstrCheck => {
                    self.check_expression(constraint.raw_expr.as_deref())?;
                    if !not_enforced {
                        self.check_reached();
                    }
                }
                // The stored value is there already or computed on the way: only a virtual column
                // has to be computed for each row to be checked.
                ConstrType::ConstrNotnull if is_virtual => self.check_reached(),
                ConstrType::ConstrPrimary | ConstrType::ConstrUnique => {
                    self.add_index_constraint(constraint, std::slice::from_ref(&column.colname))?;
                }
                ConstrType::ConstrForeign => {
                    let rows = if has_value(column) { RowsOf::Values } else { RowsOf::Nothing };
                    let columns = std::slice::from_ref(&column.colname);
                    self.add_foreign_key(constraint, columns, rows, not_enforced)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn drop_column(&mut self, command: &'s AlterTableCmd) -> Result<(), AnalyzeError> {
        let name = command.name.as_str();
        let Some(column) = self.relation.column(name) else {
            return if command.missing_ok {
                Ok(())
            } else {
                Err(self.cx.no_column(self.relation, name, self.after_name()))
            };
        };
        if column.inherited {
            return Err(self.cx.invalid(format!("cannot drop inherited column \"{name}\""), name));
        }
        if rows::partition_columns(self.relation).iter().any(|key| key == name) {
            let message =
                format!("cannot drop column \"{name}\" because it is in the partition key");
            return Err(self.cx.invalid(message, name));
        }
        let partitioned = self.relation.kind == RelationKind::PartitionedTable;
        if self.only && partitioned && self.family.len() > 1 {
            let message =
                "cannot drop column from only the partitioned table when partitions exist";
            return Err(self.cx.invalid(message, name));
        }
        let cascade = command.behavior() == DropBehavior::DropCascade;
        let mut dropping = Dropping::new(self.cx, cascade);
        if self.only {
            // Its children keep the column, as their own from now on.
            let children = self.relation.children.iter();
            let children = children.filter_map(|child| self.cx.catalog.relation(child));
            self.fx.lock_all(children, self.mode);
            dropping.column(self.relation, name);
        } else {
            self.lock_family();
            for relation in &self.family {
                dropping.column(relation, name);
            }
        }
        dropping.report(name, self.fx)
    }

    pub(super) fn column_default(
        &mut self,
        command: &'s AlterTableCmd,
    ) -> Result<(), AnalyzeError> {
        if let Known::Here(column) = self.known(&command.name)? {
            let name = &command.name;
            let table = &self.relation.name.name;
            if column.generated.is_some() {
                let message =
                    format!("column \"{name}\" of relation \"{table}\" is a generated column");
                return Err(self.cx.invalid(message, name));
            }
            if column.identity.is_some() && command.def.is_some() {
                let message =
                    format!("column \"{name}\" of relation \"{table}\" is an identity column");
                return Err(self.cx.invalid(message, name));
            }
        }
        // The server drops defaults before it adds columns (`AT_PASS_DROP`).
        if command.def.is_none() && matches!(self.known(&command.name)?, Known::Added) {
            return Err(self.cx.no_column(self.relation, &command.name, self.after_name()));
        }
        if let Some(default) = command.def.as_deref() {
            self.check_default(default)?;
            for sequence in crate::analyze::data::sequences_in(self.cx, default) {
                self.fx.refer_to(sequence, None);
            }
        }
        self.lock_reached();
        Ok(())
    }

    fn lock_reached(&mut self) {
        self.fx.lock_all(self.reached(), self.mode);
    }

    /// Subcommands that name a column and only change the catalog.
    pub(super) fn plain_column(
        &mut self,
        command: &'s AlterTableCmd,
        recurse: bool,
    ) -> Result<(), AnalyzeError> {
        if !command.name.is_empty() {
            self.known(&command.name)?;
        }
        if recurse {
            self.lock_family();
        }
        Ok(())
    }

    pub(super) fn set_not_null(&mut self, name: &str) -> Result<(), AnalyzeError> {
        let is_virtual = match self.known(name)? {
            Known::Added => return Ok(()),
            Known::Here(column) => column.generated.as_ref().is_some_and(|g| !g.stored),
        };
        if rows::proven_not_null(self.relation, name) {
            return Ok(());
        }
        let partitioned = self.relation.kind == RelationKind::PartitionedTable;
        if self.only && partitioned && self.family.len() > 1 {
            return Err(self.cx.invalid("constraint must be added to child tables too", name));
        }
        self.lock_reached();
        for relation in self.reached() {
            self.check_not_null(relation, name, is_virtual);
        }
        Ok(())
    }

    /// Reads `relation` unless the catalog shows that `column` holds no NULL there.
    pub(super) fn check_not_null(
        &mut self,
        relation: &'c Relation,
        column: &str,
        is_virtual: bool,
    ) {
        let proven = rows::proven_not_null(relation, column)
            || (!is_virtual
                && rows::check_proves_not_null(relation, column, &self.dropped_constraints));
        if !proven {
            self.check(relation);
        }
    }

    pub(super) fn drop_not_null(&mut self, name: &str) -> Result<(), AnalyzeError> {
        if let Known::Here(column) = self.known(name)? {
            let key = self.relation.primary_key();
            let in_key = key.is_some_and(|key| {
                key.columns.iter().any(|column| column == name)
                    && !self.dropped_constraints.contains(&key.name.as_str())
            });
            if in_key {
                return Err(self
                    .cx
                    .invalid(format!("column \"{name}\" is in a primary key"), name));
            }
            if column.identity.is_some() {
                let table = &self.relation.name.name;
                let message =
                    format!("column \"{name}\" of relation \"{table}\" is an identity column");
                return Err(self.cx.invalid(message, name));
            }
            // From 18 on there is a constraint to drop, or nothing to do.
            let marked = column.not_null
                || self.relation.constraints.iter().any(|constraint| {
                    constraint.kind == ConstraintKind::NotNull
                        && constraint.columns.iter().any(|column| column == name)
                });
            if !marked && self.cx.catalog.server.major() >= 18 {
                return Ok(());
            }
        }
        self.lock_reached();
        if self.only && self.cx.catalog.server.major() >= 18 {
            self.lock_children();
        }
        Ok(())
    }

    pub(super) fn set_expression(
        &mut self,
        command: &'s AlterTableCmd,
    ) -> Result<(), AnalyzeError> {
        self.needs(17, "ALTER COLUMN … SET EXPRESSION", "expression")?;
        let Known::Here(column) = self.known(&command.name)? else { return Ok(()) };
        let Some(generated) = &column.generated else {
            let message = format!("column \"{}\" is not a generated column", command.name);
            return Err(self.cx.invalid(message, &command.name));
        };
        self.check_expression(command.def.as_deref())?;
        let checks = self.relation.constraints.iter().any(|c| c.kind == ConstraintKind::Check);
        if !generated.stored && checks {
            let message = "ALTER TABLE / SET EXPRESSION is not supported for virtual generated \
                           columns in tables with check constraints";
            return Err(self.cx.invalid(message, &command.name));
        }
        self.lock_reached();
        if generated.stored {
            self.rewrite_reached();
        }
        self.retyped.push(super::Retyped {
            column: &command.name,
            types: None,
            collation_changes: false,
        });
        Ok(())
    }

    /// The sequence of an identity column hangs on the table: it is changed or dropped with it.
    pub(super) fn identity(&mut self, command: &'s AlterTableCmd) -> Result<(), AnalyzeError> {
        use pg_query::protobuf::AlterTableType as At;
        let Known::Here(column) = self.known(&command.name)? else { return Ok(()) };
        // Options of the sequence alone are no business of the partitions.
        let recurses = command.subtype() != At::AtSetIdentity || sets_when(command);
        if self.cx.catalog.server.major() >= 17 && !self.only && recurses {
            self.lock_family();
        }
        let is_identity: Option<Identity> = column.identity;
        match (command.subtype(), is_identity) {
            (At::AtAddIdentity, None) if !column.not_null => {
                let message = format!(
                    "column \"{}\" of relation \"{}\" must be declared NOT NULL before identity \
                     can be added",
                    command.name, self.relation.name.name
                );
                return Err(self.cx.invalid(message, &command.name));
            }
            (At::AtAddIdentity, None) => return Ok(()),
            (At::AtAddIdentity, Some(_)) => {
                let message = format!(
                    "column \"{}\" of relation \"{}\" is already an identity column",
                    command.name, self.relation.name.name
                );
                return Err(self.cx.invalid(message, &command.name));
            }
            (_, None) if command.missing_ok => return Ok(()),
            (_, None) => {
                let message = format!(
                    "column \"{}\" of relation \"{}\" is not an identity column",
                    command.name, self.relation.name.name
                );
                return Err(self.cx.invalid(message, &command.name));
            }
            (_, Some(_)) => {}
        }
        let drops = command.subtype() == At::AtDropIdentity;
        let mode = if drops { LockMode::AccessExclusive } else { LockMode::ShareRowExclusive };
        let moves = !drops && changes_sequence(command);
        for sequence in self.owned_sequences(&command.name) {
            self.fx.lock(sequence, mode);
            if moves {
                self.fx.replace_file(sequence);
            }
        }
        Ok(())
    }

    pub(super) fn owned_sequences(&self, column: &str) -> Vec<&'c Relation> {
        owned_sequences(self.cx.catalog, self.relation, Some(column))
    }

    /// The columns of an expression over the table's own row must exist.
    pub(super) fn check_expression(&self, expression: Option<&Node>) -> Result<(), AnalyzeError> {
        let Some(expression) = expression else { return Ok(()) };
        if has_subquery(expression) {
            return Ok(());
        }
        for reference in read_by(expression) {
            let Some(column) = &reference.column else { continue };
            let whole_row = *column == self.relation.name.name;
            if !whole_row && !is_system_column(column) && reference.schema.is_none() {
                self.known(column)?;
            }
        }
        Ok(())
    }

    fn check_default(&self, default: &Node) -> Result<(), AnalyzeError> {
        match read_by(default).first().and_then(|reference| reference.column.clone()) {
            Some(column) if !has_subquery(default) => {
                Err(self.cx.invalid("cannot use column reference in DEFAULT expression", &column))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether some constraint of `kind` has this name in `relation`.
    pub(super) fn is_constraint(relation: &Relation, name: &str, kind: ConstraintKind) -> bool {
        relation.constraint(name).is_some_and(|constraint| constraint.kind == kind)
    }
}

/// The sequences that `column` of `relation` owns, or any of its columns.
pub(in crate::analyze) fn owned_sequences<'c>(
    catalog: &'c crate::catalog::Catalog,
    relation: &Relation,
    column: Option<&str>,
) -> Vec<&'c Relation> {
    catalog
        .relations
        .values()
        .filter(|sequence| {
            sequence.owned_by.as_ref().is_some_and(|(table, owner)| {
                *table == relation.name && column.is_none_or(|column| owner == column)
            })
        })
        .collect()
}

fn def(command: &AlterTableCmd) -> Option<&NodeEnum> {
    command.def.as_ref().and_then(|def| def.node.as_ref())
}

fn is_virtual(constraint: &Constraint) -> bool {
    constraint.generated_kind == "v"
}

/// Whether old rows get anything but NULL in a new column.
pub(super) fn has_value(column: &ColumnDef) -> bool {
    has(column, ConstrType::ConstrDefault)
        || has(column, ConstrType::ConstrIdentity)
        || has(column, ConstrType::ConstrGenerated)
        || column.type_name.as_ref().is_some_and(is_serial)
}

/// Whether `SET GENERATED` is there.
fn sets_when(command: &AlterTableCmd) -> bool {
    match def(command) {
        Some(NodeEnum::List(options)) => options.items.iter().any(|option| {
            matches!(&option.node, Some(NodeEnum::DefElem(option)) if option.defname == "generated")
        }),
        _ => false,
    }
}

/// Any option of the sequence but the switch between ALWAYS and BY DEFAULT.
fn changes_sequence(command: &AlterTableCmd) -> bool {
    match def(command) {
        Some(NodeEnum::List(options)) => options.items.iter().any(|option| {
            matches!(&option.node, Some(NodeEnum::DefElem(option)) if option.defname != "generated")
        }),
        _ => false,
    }
}
