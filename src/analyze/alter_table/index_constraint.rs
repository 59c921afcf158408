//! UNIQUE, PRIMARY KEY and EXCLUDE: an index is built under ACCESS EXCLUSIVE, or one that exists is
//! taken over (`USING INDEX`), which reads the table only for a key column that may hold NULL.

use super::{Alter, rows};
use crate::analyze::AnalyzeError;
use crate::analyze::index::can_adopt;
use crate::catalog::RelationKind;
use crate::lock::LockMode;
use pg_query::protobuf::{ConstrType, Constraint};

impl<'s> Alter<'s, '_, '_> {
    pub(super) fn add_index_constraint(
        &mut self,
        constraint: &'s Constraint,
        columns: &[String],
    ) -> Result<(), AnalyzeError> {
        let primary = constraint.contype() == ConstrType::ConstrPrimary;
        let table = &self.relation.name.name;
        if let Some(old) = self.relation.primary_key()
            && primary
            && !self.is_freed(&old.name)
        {
            let message = format!("multiple primary keys for table \"{table}\" are not allowed");
            return Err(self.cx.invalid(message, table));
        }
        if constraint.nulls_not_distinct {
            self.needs(15, "NULLS NOT DISTINCT", "distinct")?;
        }
        // From 18 on the subcommand descends the family whatever it finds there to do.
        if self.cx.catalog.server.major() >= 18 && !self.only {
            self.lock_family();
        }
        if !constraint.indexname.is_empty() {
            return self.take_over(constraint, primary);
        }
        self.index_name_is_free(constraint)?;
        if primary {
            // Before 18 the descendants are locked to make the columns NOT NULL, needed or not.
            if !self.only && self.relation.kind == RelationKind::Table {
                self.lock_family();
            }
            self.key_is_not_null(columns);
        }
        if self.relation.kind != RelationKind::PartitionedTable {
            self.fx.build_index(self.relation);
            return Ok(());
        }
        let key = rows::partition_columns(self.relation);
        if let Some(left_out) = key.iter().find(|part| !columns.contains(part))
            && constraint.contype() != ConstrType::ConstrExclusion
        {
            let message =
                "unique constraint on partitioned table must include all partitioning columns";
            let error = self.cx.invalid(message, table);
            let AnalyzeError::Invalid(diagnostic) = error else { return Err(error) };
            let detail = format!("Column \"{left_out}\" of the partition key is not in it.");
            return Err(AnalyzeError::Invalid(diagnostic.detail(detail)));
        }
        if self.only {
            return Ok(());
        }
        for partition in self.family.clone() {
            if partition.name == self.relation.name {
                continue;
            }
            // What can be deferred is checked by a trigger, also on each partition.
            let mode =
                if constraint.deferrable { LockMode::ShareRowExclusive } else { LockMode::Share };
            self.fx.lock(partition, mode);
            let adopted = partition.indexes.iter().find(|index| {
                can_adopt(index, columns, true)
                    && index
                        .constraint
                        .as_deref()
                        .and_then(|name| partition.constraint(name))
                        .is_some_and(|owner| {
                            (owner.kind == crate::catalog::ConstraintKind::PrimaryKey) == primary
                        })
            });
            match adopted {
                Some(index) => self.fx.lock_index(partition, index, LockMode::Share),
                None => self.fx.build_index(partition),
            }
        }
        Ok(())
    }

    fn index_name_is_free(&self, constraint: &Constraint) -> Result<(), AnalyzeError> {
        let name = constraint.conname.as_str();
        let place = self.relation.name.sibling(name);
        let freed = self.is_freed(name);
        if name.is_empty() || freed || !self.cx.catalog.name_is_taken(&place) {
            return Ok(());
        }
        let message = format!("relation \"{name}\" already exists");
        let span = self.cx.span_of(name, self.after_name());
        let diagnostic = crate::sql::Diagnostic::new(message, span);
        Err(AnalyzeError::Exists(diagnostic.label("an index gets the name of its constraint")))
    }

    /// Every column of a primary key becomes NOT NULL, in the descendants too.
    fn key_is_not_null(&mut self, columns: &[String]) {
        for column in columns {
            if self.relation.column(column).is_none()
                || rows::proven_not_null(self.relation, column)
            {
                continue;
            }
            self.fx.lock_all(self.reached(), self.mode);
            for relation in self.reached() {
                self.check_not_null(relation, column, false);
            }
        }
    }

    fn take_over(&mut self, constraint: &Constraint, primary: bool) -> Result<(), AnalyzeError> {
        let name = constraint.indexname.as_str();
        if self.relation.kind == RelationKind::PartitionedTable {
            let message = "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on \
                           partitioned tables";
            return Err(self.cx.invalid(message, &self.relation.name.name));
        }
        let index = self.cx.index_of(self.relation, name)?;
        let unfit = if index.constraint.is_some() {
            Some("is already associated with a constraint")
        } else if !index.unique {
            Some("is not a unique index")
        } else if !index.valid {
            Some("is not valid")
        } else if index.has_expressions {
            Some("contains expressions")
        } else if index.predicate.is_some() {
            Some("is a partial index")
        } else {
            None
        };
        if let Some(unfit) = unfit {
            return Err(self.cx.invalid(format!("index \"{name}\" {unfit}"), name));
        }
        // The index is renamed to the constraint, when that has another name.
        let renamed = !constraint.conname.is_empty() && constraint.conname != name;
        let mode = if renamed { LockMode::ShareUpdateExclusive } else { LockMode::AccessShare };
        self.fx.lock_index(self.relation, index, mode);
        if primary {
            let columns: Vec<String> = index.keys.iter().flatten().cloned().collect();
            self.key_is_not_null(&columns);
        }
        Ok(())
    }
}
