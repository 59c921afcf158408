//! `ALTER COLUMN … TYPE`.
//!
//! When the conversion does nothing to stored values, the table stays as it is: indexes on the
//! column are kept or built anew, checks that read it are verified, foreign keys over it are made
//! anew (their triggers on the other table are dropped: ACCESS EXCLUSIVE there). Else the table and
//! all its indexes are rewritten.

use super::foreign_key::has_period;
use super::{Alter, Known, Retyped, RowsOf};
use crate::analyze::AnalyzeError;
use crate::analyze::data::expression_hides;
use crate::analyze::types::{
    ColumnType, change_is_free, index_survives, is_assignable, never_converts, printed,
};
use crate::analyze::volatility::name_parts;
use crate::catalog::{Column, ConstraintKind, DependantKind, Index, Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::Diagnostic;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, ColumnDef, Node};

impl<'s, 'c> Alter<'s, 'c, '_> {
    pub(super) fn column_type(&mut self, command: &'s AlterTableCmd) -> Result<(), AnalyzeError> {
        let Some(NodeEnum::ColumnDef(definition)) =
            command.def.as_ref().and_then(|def| def.node.as_ref())
        else {
            return Ok(());
        };
        let Known::Here(column) = self.known(&command.name)? else { return Ok(()) };
        let Some(written) = &definition.type_name else { return Ok(()) };
        let new = self.cx.column_type(written)?;
        let using = definition.raw_default.as_deref();
        self.check_expression(using)?;
        self.may_change(column)?;
        self.fx.lock_all(self.reached(), self.mode);
        // A type that cannot be read is no reason to call the change free.
        let old = printed(&column.type_name, self.cx.catalog);
        if let (Some(old), None) = (&old, using)
            && never_converts(old, &new)
            && self.reached().iter().any(|relation| self.fx.has_rows(relation))
        {
            let message = format!("no value of column \"{}\" has the new length", column.name);
            let span = self.cx.span_at(written.location);
            let diagnostic = Diagnostic::new(message, span)
                .hint("Say how to convert: USING column::bit(n) cuts off or fills up with zeros.");
            return Err(AnalyzeError::Invalid(diagnostic));
        }
        let converted = match using {
            None => old.clone(),
            Some(using) => self.type_of(using),
        };
        if let Some(converted) = converted
            && self.relation.kind != RelationKind::ForeignTable
            && is_assignable(&converted, &new, self.cx.catalog) == Some(false)
        {
            let (what, detail, hint) = match using {
                None => (
                    "column",
                    format!("It is of type {}.", column.type_name),
                    "Say how to convert: USING with an expression, often column::type.",
                ),
                Some(_) => (
                    "result of USING clause for column",
                    "The expression gives a value of another type.".to_owned(),
                    "Cast the expression to the new type.",
                ),
            };
            let message =
                format!("{what} \"{}\" cannot be cast automatically to its new type", column.name);
            let span = self.cx.span_at(written.location);
            let diagnostic = Diagnostic::new(message, span).detail(detail).hint(hint);
            return Err(AnalyzeError::Invalid(diagnostic));
        }
        if let Some(using) = using {
            self.lock_sequences_of(using);
            if expression_hides(self.cx.catalog, using) {
                self.fx.computes_unseen();
            }
        }
        let free = old
            .as_ref()
            .is_some_and(|old| change_is_free(&column.name, old, &new, using, self.cx.catalog));
        // What is not stored is not written anew.
        if !free && column.generated.as_ref().is_none_or(|generated| generated.stored) {
            self.rewrite_reached();
        }
        if column.identity.is_some() {
            for sequence in self.owned_sequences(&column.name) {
                self.fx.lock(sequence, LockMode::ShareRowExclusive);
                self.fx.replace_file(sequence);
            }
        }
        self.retyped.push(Retyped {
            column: &command.name,
            collation_changes: collation_changes(column, definition),
            types: old.map(|old| (old, new)),
        });
        Ok(())
    }

    /// The type of an expression that is a column, perhaps under casts.
    fn type_of(&self, expression: &Node) -> Option<ColumnType> {
        match expression.node.as_ref()? {
            NodeEnum::ColumnRef(reference) => {
                let name = name_parts(&reference.fields).last().copied()?;
                printed(&self.relation.column(name)?.type_name, self.cx.catalog)
            }
            NodeEnum::CollateClause(clause) => self.type_of(clause.arg.as_deref()?),
            NodeEnum::TypeCast(cast) => self.cx.column_type(cast.type_name.as_ref()?).ok(),
            _ => None,
        }
    }

    /// What hangs on a column and cannot follow its type.
    fn may_change(&self, column: &Column) -> Result<(), AnalyzeError> {
        let name = column.name.as_str();
        if column.inherited {
            return Err(self.cx.invalid(format!("cannot alter inherited column \"{name}\""), name));
        }
        if self.only && self.family.len() > 1 {
            let message =
                format!("type of inherited column \"{name}\" must be changed in child tables too");
            return Err(self.cx.invalid(message, name));
        }
        for relation in &self.family {
            if super::rows::partition_columns(relation).iter().any(|key| key == name) {
                let message = format!(
                    "cannot alter column \"{name}\" because it is part of the partition key of \
                     relation \"{}\"",
                    relation.name.name
                );
                return Err(self.cx.invalid(message, name));
            }
            if let Some((what, who)) = self.held_by(relation, name) {
                let message = format!("cannot alter type of a column used {what}");
                let span = self.cx.span_of(name, self.after_name());
                let diagnostic = Diagnostic::new(message, span)
                    .detail(format!("It is used by {who}."))
                    .hint(match what {
                        "by a generated column" => "A generated column cannot be given another source without a rewrite. In a revision before this one make it a plain column that a trigger computes: CREATE TRIGGER, then ALTER COLUMN … DROP EXPRESSION, which is brief and keeps its values. A VIRTUAL one (18) can be dropped and added again at once.",
                        "by a function or procedure" => "Replace the function by one with its body as a string, not BEGIN ATOMIC: that hangs on no column.",
                        _ => "Drop that first and create it again afterwards.",
                    });
                return Err(AnalyzeError::Invalid(diagnostic));
            }
        }
        Ok(())
    }

    fn held_by(&self, relation: &Relation, name: &str) -> Option<(&'static str, String)> {
        let reads = |columns: &[String]| columns.iter().any(|column| column == name);
        let policy = relation.policies.iter().find(|policy| reads(&policy.columns));
        if let Some(policy) = policy {
            return Some(("in a policy definition", format!("policy \"{}\"", policy.name)));
        }
        let trigger = relation.triggers.iter().find(|trigger| reads(&trigger.columns));
        if let Some(trigger) = trigger {
            return Some(("in a trigger definition", format!("trigger \"{}\"", trigger.name)));
        }
        relation.dependants.iter().filter(|dependant| reads(&dependant.columns)).find_map(
            |dependant| {
                let what = match dependant.kind {
                    DependantKind::View | DependantKind::MaterializedView | DependantKind::Rule => {
                        "by a view or rule"
                    }
                    DependantKind::GeneratedColumn => "by a generated column",
                    DependantKind::Policy => "in a policy definition",
                    DependantKind::Trigger => "in a trigger definition",
                    DependantKind::Function => "by a function or procedure",
                    DependantKind::Publication => "by a publication's columns or WHERE clause",
                    DependantKind::ColumnDefault
                    | DependantKind::ForeignKey
                    | DependantKind::Sequence
                    | DependantKind::PartitionKey
                    | DependantKind::Other => return None,
                };
                Some((what, dependant.name.clone()))
            },
        )
    }

    /// What becomes of the indexes and constraints on columns whose type has changed.
    pub(super) fn finish_retyped(&mut self) {
        if self.retyped.is_empty() {
            return;
        }
        for relation in self.reached() {
            let rewritten = self.rewrites(relation);
            self.retyped_indexes(relation, rewritten);
            self.retyped_constraints(relation, rewritten);
        }
    }

    fn retyped_indexes(&mut self, relation: &'c Relation, rewritten: bool) {
        for index in &relation.indexes {
            let on: Vec<&Retyped<'_>> = self
                .retyped
                .iter()
                .filter(|retyped| index.columns.iter().any(|read| read == retyped.column))
                .collect();
            if on.is_empty() {
                continue;
            }
            self.fx.lock_index(relation, index, LockMode::AccessExclusive);
            let kept = on.iter().all(|retyped| self.keeps_index(index, retyped));
            if !kept && !rewritten && relation.kind != RelationKind::PartitionedTable {
                self.fx.build_index(relation);
            }
        }
    }

    /// `CheckIndexCompatible`: an index with an expression or predicate is always built anew.
    fn keeps_index(&self, index: &Index, retyped: &Retyped<'_>) -> bool {
        let Some((old, new)) = &retyped.types else { return false };
        let include_only = !index.keys.iter().flatten().any(|key| key == retyped.column);
        // The index of a partitioned table has no file that could be kept, so those below it are
        // built anew too.
        index.predicate.is_none()
            && index.parent.is_none()
            && !index.has_expressions
            && (include_only
                || (!retyped.collation_changes
                    && index_survives(old, new, &index.method, self.cx.catalog)))
    }

    fn retyped_constraints(&mut self, relation: &'c Relation, rewritten: bool) {
        let retyped: Vec<&str> = self.retyped.iter().map(|retyped| retyped.column).collect();
        let on = |columns: &[String]| columns.iter().any(|c| retyped.contains(&c.as_str()));
        for constraint in &relation.constraints {
            if !on(&constraint.columns) || self.dropped_constraints.contains(&&*constraint.name) {
                continue;
            }
            match constraint.kind {
                ConstraintKind::Check if constraint.validated && !rewritten => {
                    self.fx.scan(relation);
                }
                ConstraintKind::ForeignKey if !constraint.inherited => {
                    let other = constraint.references.as_ref();
                    let Some(other) = other.and_then(|name| self.cx.catalog.relation(name)) else {
                        continue;
                    };
                    // Made anew. One that is not enforced has no triggers to drop, and until 14 a
                    // partitioned table that is pointed to has none either.
                    let old = self.cx.catalog.server.major() < 15;
                    for of_other in self.cx.catalog.family(other) {
                        let parted = of_other.kind == RelationKind::PartitionedTable;
                        let mode = if super::is_not_enforced(constraint) || (old && parted) {
                            LockMode::ShareRowExclusive
                        } else {
                            LockMode::AccessExclusive
                        };
                        self.fx.lock(of_other, mode);
                    }
                    if rewritten && constraint.validated {
                        self.check_rows(other, RowsOf::Values, has_period(constraint));
                    }
                }
                ConstraintKind::Check
                | ConstraintKind::ForeignKey
                | ConstraintKind::NotNull
                | ConstraintKind::PrimaryKey
                | ConstraintKind::Unique
                | ConstraintKind::Exclude
                | ConstraintKind::Trigger => {}
            }
        }
        for (referencing, constraint) in self.cx.catalog.incoming_foreign_keys(&relation.name) {
            if !on(&constraint.referenced_columns) || referencing.name == relation.name {
                continue;
            }
            self.fx.lock_all(self.cx.catalog.family(referencing), LockMode::AccessExclusive);
            if rewritten && constraint.validated {
                for leaf in self.cx.catalog.leaves(referencing) {
                    if !has_period(constraint) {
                        self.fx.plan_query_on(leaf, LockMode::AccessShare);
                    }
                    self.fx.validate(leaf);
                }
                // Those of the partitioned tables that it points to are looked at as well.
                let parted = self.cx.catalog.family(relation).into_iter().filter(|r| {
                    r.kind == RelationKind::PartitionedTable && self.cx.catalog.server.major() >= 16
                });
                for above in parted {
                    self.fx.lock_indexes(above, LockMode::AccessShare);
                }
            }
        }
    }
}

/// Whether the column's collation becomes another one.
fn collation_changes(column: &Column, definition: &ColumnDef) -> bool {
    let new = definition.coll_clause.as_ref().map(|clause| name_parts(&clause.collname));
    match (&column.collation, new) {
        (None, None) => false,
        (None, Some(new)) => new.last() != Some(&"default"),
        (Some(_), None) => true,
        (Some(old), Some(new)) => new.last() != Some(&old.name.as_str()),
    }
}
