//! Foreign keys: `ADD FOREIGN KEY`, inline `REFERENCES`, `VALIDATE CONSTRAINT` of one.
//!
//! Both tables get SHARE ROW EXCLUSIVE, for the triggers that are created on them; then the rows of
//! the referencing table are looked up in the referenced one, unless `NOT VALID`.

use super::Alter;
use super::constraints::strings;
use crate::analyze::AnalyzeError;
use crate::analyze::effects::Effects;
use crate::catalog::{self, ConstraintKind, Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::Diagnostic;
use pg_query::protobuf::Constraint;

/// What the rows hold in the columns of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowsOf {
    Values,
    /// NULL in all of them: they are read, but nothing has to be looked up.
    Nulls,
    /// NULL, and the server knows it without reading.
    Nothing,
}

impl<'s, 'c> Alter<'s, 'c, '_> {
    pub(super) fn add_foreign_key(
        &mut self,
        constraint: &'s Constraint,
        columns: &[String],
        rows: RowsOf,
        not_enforced: bool,
    ) -> Result<(), AnalyzeError> {
        let Some(name) = &constraint.pktable else { return Ok(()) };
        let referenced = self.cx.relation(name)?;
        match referenced.kind {
            RelationKind::Table | RelationKind::PartitionedTable => {}
            RelationKind::View
            | RelationKind::MaterializedView
            | RelationKind::ForeignTable
            | RelationKind::Sequence
            | RelationKind::CompositeType => {
                let message = format!("referenced relation \"{}\" is not a table", name.relname);
                let span = self.cx.span_of_range(name);
                return Err(AnalyzeError::Invalid(Diagnostic::new(message, span)));
            }
        }
        let key = self.referenced_key(constraint, referenced)?;
        if not_enforced {
            self.needs(18, "NOT ENFORCED", "enforced")?;
        }
        let major = self.cx.catalog.server.major();
        let partitioned = self.relation.kind == RelationKind::PartitionedTable;
        if partitioned && constraint.skip_validation && !not_enforced && major < 18 {
            let message = format!(
                "cannot add NOT VALID foreign key on partitioned table \"{}\" referencing relation \
                 \"{}\"",
                self.relation.name.name, referenced.name.name
            );
            let diagnostic = Diagnostic::new(message, self.cx.statement.span)
                .hint("Add and validate it on each partition first, then on the parent.");
            return Err(AnalyzeError::Invalid(diagnostic));
        }
        self.fx.lock_all(self.cx.catalog.family(referenced), LockMode::ShareRowExclusive);
        refer_to_key(referenced, &key, self.fx);
        if partitioned || (major >= 18 && !self.only) {
            self.lock_family();
        }
        if self.adopts(constraint, columns, referenced, &key) {
            // Its partitions have the key already: their triggers on the other table are dropped.
            self.fx.lock_all(self.cx.catalog.family(referenced), LockMode::AccessExclusive);
            return Ok(());
        }
        if !constraint.skip_validation && !not_enforced && rows != RowsOf::Nothing {
            self.check_rows(referenced, rows, constraint.fk_with_period);
        }
        Ok(())
    }

    /// The columns that the key points to, which must be unique.
    fn referenced_key(
        &self,
        constraint: &'s Constraint,
        referenced: &'c Relation,
    ) -> Result<Vec<String>, AnalyzeError> {
        let named = strings(&constraint.pk_attrs);
        let location = constraint.pktable.as_ref().map_or(0, |name| name.location.max(0));
        for column in &named {
            self.cx.column(referenced, column, location)?;
        }
        let table = &referenced.name.name;
        let here = self.relation.name == referenced.name && !self.added_constraints.is_empty();
        let span = || {
            constraint.pktable.as_ref().map_or(self.cx.statement.span, |n| self.cx.span_of_range(n))
        };
        if named.is_empty() {
            return match referenced.primary_key() {
                Some(key) => Ok(key.columns.clone()),
                None if here || referenced.assumed => Ok(named),
                None => Err(AnalyzeError::Invalid(Diagnostic::new(
                    format!("there is no primary key for referenced table \"{table}\""),
                    span(),
                ))),
            };
        }
        let same_columns = |keys: &[Option<String>]| {
            keys.len() == named.len()
                && keys.iter().all(|key| key.as_ref().is_some_and(|key| named.contains(key)))
        };
        let unique = referenced.indexes.iter().any(|index| {
            index.unique && index.valid && index.predicate.is_none() && same_columns(&index.keys)
        });
        if unique || here || referenced.assumed {
            return Ok(named);
        }
        let message = format!(
            "there is no unique constraint matching given keys for referenced table \"{table}\""
        );
        Err(AnalyzeError::Invalid(Diagnostic::new(message, span())))
    }

    /// Whether every partition has the same key already, validated.
    fn adopts(
        &self,
        constraint: &Constraint,
        columns: &[String],
        referenced: &Relation,
        key: &[String],
    ) -> bool {
        self.relation.kind == RelationKind::PartitionedTable
            && !self.holders().is_empty()
            && self.holders().into_iter().all(|leaf| {
                leaf.constraints.iter().any(|old| {
                    old.kind == ConstraintKind::ForeignKey
                        && old.validated
                        && !old.inherited
                        && old.references.as_ref() == Some(&referenced.name)
                        && old.columns == columns
                        && old.referenced_columns == key
                        && old.deferrable == constraint.deferrable
                        && old.initially_deferred == constraint.initdeferred
                        && Actions::of(old) == Actions::written(constraint)
                })
            })
    }

    pub(super) fn validate_foreign_key(&mut self, constraint: &'c catalog::Constraint) {
        let referenced = constraint.references.as_ref();
        let Some(referenced) = referenced.and_then(|name| self.cx.catalog.relation(name)) else {
            return;
        };
        if self.relation.kind == RelationKind::PartitionedTable {
            self.lock_family();
        }
        self.fx.lock_all(self.cx.catalog.family(referenced), LockMode::RowShare);
        self.check_rows(referenced, RowsOf::Values, has_period(constraint));
    }

    /// By one query, or for a key with PERIOD, which no query can check as a whole, row by row.
    pub(super) fn check_rows(&mut self, referenced: &'c Relation, rows: RowsOf, period: bool) {
        if !period {
            return self.read_both(referenced, rows);
        }
        for leaf in self.holders() {
            self.fx.validate(leaf);
            if !self.fx.is_empty(leaf) {
                for other in self.cx.catalog.leaves(referenced) {
                    self.fx.plan_query_on(other, LockMode::RowShare);
                }
            }
        }
    }

    /// One query joins each table that holds rows with the referenced one.
    pub(super) fn read_both(&mut self, referenced: &'c Relation, rows: RowsOf) {
        let major = self.cx.catalog.server.major();
        for leaf in self.holders() {
            self.fx.plan_query_on(leaf, LockMode::AccessShare);
            self.fx.validate(leaf);
            let looked_up = rows == RowsOf::Values && !self.fx.is_empty(leaf);
            for other in self.cx.catalog.leaves(referenced) {
                self.fx.plan_query_on(other, LockMode::AccessShare);
                if looked_up && other.name != leaf.name {
                    self.fx.scan(other);
                }
            }
            // Those of the partitioned tables in between are looked at as well.
            let parted = self.cx.catalog.family(referenced).into_iter();
            for above in parted.filter(|r| r.kind == RelationKind::PartitionedTable && major >= 16)
            {
                self.fx.lock_indexes(above, LockMode::AccessShare);
            }
        }
    }
}

/// Whether the key is one of ranges of time (18).
pub(super) fn has_period(constraint: &catalog::Constraint) -> bool {
    constraint.definition.contains(", PERIOD ")
}

/// A new foreign key depends on the index behind the key that it points to.
pub(in crate::analyze) fn refer_to_key(
    referenced: &Relation,
    key: &[String],
    fx: &mut Effects<'_>,
) {
    let behind = referenced.indexes.iter().find(|index| {
        index.unique
            && index.keys.len() == key.len()
            && index.keys.iter().all(|part| part.as_ref().is_some_and(|part| key.contains(part)))
    });
    if let Some(index) = behind {
        fx.refer_to(referenced, Some(&index.name));
    }
}

/// `ON UPDATE` and `ON DELETE`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::analyze) struct Actions {
    pub(in crate::analyze) update: Action,
    pub(in crate::analyze) delete: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analyze) enum Action {
    /// `NO ACTION` and `RESTRICT`: the other table is only read.
    Check,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

impl Actions {
    /// Read from `pg_get_constraintdef`, which leaves `NO ACTION` out.
    pub(in crate::analyze) fn of(constraint: &catalog::Constraint) -> Self {
        let action = |event: &str| {
            let clause = constraint.definition.split_once(event).map_or("", |(_, rest)| rest);
            if clause.starts_with("CASCADE") {
                Action::Cascade
            } else if clause.starts_with("SET NULL") {
                Action::SetNull
            } else if clause.starts_with("SET DEFAULT") {
                Action::SetDefault
            } else if clause.starts_with("RESTRICT") {
                Action::Restrict
            } else {
                Action::Check
            }
        };
        Self { update: action(" ON UPDATE "), delete: action(" ON DELETE ") }
    }

    fn written(constraint: &Constraint) -> Self {
        let action = |letter: &str| match letter {
            "c" => Action::Cascade,
            "n" => Action::SetNull,
            "d" => Action::SetDefault,
            "r" => Action::Restrict,
            _ => Action::Check,
        };
        Self {
            update: action(&constraint.fk_upd_action),
            delete: action(&constraint.fk_del_action),
        }
    }
}
