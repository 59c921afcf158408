//! `ATTACH PARTITION`, `DETACH PARTITION`, `INHERIT`.
//!
//! `ATTACH` takes SHARE UPDATE EXCLUSIVE on the parent, but ACCESS EXCLUSIVE on the new partition and
//! on a default partition, and reads each of them unless its constraints prove that the rows fit.

use super::{Alter, partition_bounds as bounds};
use crate::analyze::AnalyzeError;
use crate::analyze::effects::Effects;
use crate::analyze::index::can_adopt;
use crate::analyze::resolve::Context;
use crate::catalog::{Catalog, ConstraintKind, Relation, RelationKind};
use crate::lock::LockMode;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableType, PartitionBoundSpec, PartitionCmd, RangeVar,
};

impl<'s, 'c> Alter<'s, 'c, '_> {
    pub(super) fn attach_partition(
        &mut self,
        command: &'s AlterTableCmd,
    ) -> Result<(), AnalyzeError> {
        let Some((name, attach)) = partition(command) else { return Ok(()) };
        self.must_be_partitioned()?;
        let partition = self.cx.relation(name)?;
        match partition.kind {
            RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable => {}
            RelationKind::View
            | RelationKind::MaterializedView
            | RelationKind::Sequence
            | RelationKind::CompositeType => {
                return Err(self.cx.wrong_kind(partition, "a table", name));
            }
        }
        if !partition.parents.is_empty() {
            let what = if partition.partition_bound.is_some() {
                "is already a partition"
            } else {
                "is an inheritance child"
            };
            let message = format!("\"{}\" {what}", partition.name.name);
            return Err(self.cx.invalid(message, &partition.name.name));
        }
        for column in &self.relation.columns {
            if partition.column(&column.name).is_none() {
                let message = format!("child table is missing column \"{}\"", column.name);
                return Err(self.cx.invalid(message, &partition.name.name));
            }
        }
        self.fx.lock_all(self.cx.catalog.family(partition), LockMode::AccessExclusive);
        self.fx.look_at_bound(self.relation);
        let bound = attach.bound.as_ref();
        new_partition(self.cx, self.relation, bound, self.fx);
        for leaf in self.cx.catalog.leaves(partition) {
            if !bound
                .is_some_and(|bound| bounds::implied(self.cx.catalog, leaf, self.relation, bound))
            {
                self.fx.scan(leaf);
            }
        }
        for index in &self.relation.indexes {
            let keys: Vec<String> = index.keys.iter().flatten().cloned().collect();
            let adopted = !index.has_expressions
                && partition.indexes.iter().any(|own| can_adopt(own, &keys, index.unique));
            if !adopted {
                for leaf in self.cx.catalog.leaves(partition) {
                    self.fx.build_index(leaf);
                }
            }
        }
        self.attach_foreign_keys(partition);
        Ok(())
    }

    /// The parent's keys are made on the partition and checked there, unless it has them.
    fn attach_foreign_keys(&mut self, partition: &'c Relation) {
        for constraint in &self.relation.constraints {
            let Some(referenced) =
                constraint.references.as_ref().and_then(|name| self.cx.catalog.relation(name))
            else {
                continue;
            };
            let same = partition.constraints.iter().any(|own| {
                own.kind == ConstraintKind::ForeignKey
                    && own.validated
                    && own.references == constraint.references
                    && own.columns == constraint.columns
                    && own.referenced_columns == constraint.referenced_columns
            });
            if same {
                let family = self.cx.catalog.family(referenced);
                self.fx.lock_all(family, LockMode::AccessExclusive);
            } else if constraint.validated {
                let catalog = self.cx.catalog;
                for leaf in catalog.leaves(partition) {
                    self.fx.plan_query_on(leaf, LockMode::AccessShare);
                    self.fx.validate(leaf);
                    for other in catalog.leaves(referenced) {
                        self.fx.plan_query_on(other, LockMode::AccessShare);
                        if !self.fx.is_empty(leaf) {
                            self.fx.scan(other);
                        }
                    }
                }
            }
        }
    }

    pub(super) fn detach_partition(
        &mut self,
        command: &'s AlterTableCmd,
    ) -> Result<(), AnalyzeError> {
        let Some((name, detach)) = partition(command) else { return Ok(()) };
        let partition = self.partition_of_this(name)?;
        let default = bounds::default_partition(self.cx.catalog, self.relation);
        self.fx.lock_all(self.cx.catalog.family(partition), LockMode::AccessExclusive);
        match default {
            Some(_) if detach.concurrent => {
                let message =
                    "cannot detach partitions concurrently when a default partition exists";
                return Err(self.cx.invalid(message, &partition.name.name));
            }
            Some(default) => self.fx.lock(default, LockMode::AccessExclusive),
            None => {}
        }
        self.cut_off(partition);
        Ok(())
    }

    pub(super) fn finalize_detach(
        &mut self,
        command: &'s AlterTableCmd,
    ) -> Result<(), AnalyzeError> {
        let Some((name, _)) = partition(command) else { return Ok(()) };
        let partition = self.partition_of_this(name)?;
        self.fx.lock_all(self.cx.catalog.family(partition), LockMode::AccessExclusive);
        self.cut_off(partition);
        Ok(())
    }

    /// Indexes leave the partitioned ones, foreign keys become the partition's own. Nothing may point
    /// to its rows any more: the tables that could are searched for such rows, and lose their keys to it.
    fn cut_off(&mut self, partition: &'c Relation) {
        let catalog = self.cx.catalog;
        for other in keys_to(catalog, self.relation) {
            self.fx.lock(other, LockMode::AccessExclusive);
            for leaf in catalog.leaves(other) {
                self.fx.plan_query_on(leaf, LockMode::AccessShare);
                self.fx.validate(leaf);
            }
            for leaf in catalog.leaves(partition) {
                self.fx.plan_query_on(leaf, LockMode::AccessShare);
            }
            self.fx.look_at_bound(partition);
        }
        for index in partition.indexes.iter().filter(|index| index.parent.is_some()) {
            self.fx.lock_index(partition, index, LockMode::AccessExclusive);
        }
        for constraint in &partition.constraints {
            let referenced = constraint.references.as_ref().filter(|_| constraint.inherited);
            if let Some(referenced) = referenced.and_then(|name| self.cx.catalog.relation(name)) {
                self.fx.lock_all(self.cx.catalog.family(referenced), LockMode::ShareRowExclusive);
            }
        }
    }

    fn partition_of_this(&self, name: &RangeVar) -> Result<&'c Relation, AnalyzeError> {
        self.must_be_partitioned()?;
        let partition = self.cx.relation(name)?;
        if partition.parents.contains(&self.relation.name) {
            return Ok(partition);
        }
        let message = format!(
            "relation \"{}\" is not a partition of relation \"{}\"",
            partition.name.name, self.relation.name.name
        );
        Err(self.cx.invalid(message, &partition.name.name))
    }

    fn must_be_partitioned(&self) -> Result<(), AnalyzeError> {
        if self.relation.kind == RelationKind::PartitionedTable {
            return Ok(());
        }
        let message = format!("table \"{}\" is not partitioned", self.relation.name.name);
        Err(self.cx.invalid(message, &self.relation.name.name))
    }

    pub(super) fn inherit(&mut self, command: &'s AlterTableCmd) -> Result<(), AnalyzeError> {
        let Some(NodeEnum::RangeVar(name)) = command.def.as_ref().and_then(|def| def.node.as_ref())
        else {
            return Ok(());
        };
        let parent = self.cx.relation(name)?;
        if self.relation.partition_bound.is_some() {
            let message = "cannot change inheritance of a partition";
            return Err(self.cx.invalid(message, &self.relation.name.name));
        }
        if command.subtype() == AlterTableType::AtDropInherit {
            if !self.relation.parents.contains(&parent.name) {
                let message = format!(
                    "relation \"{}\" is not a parent of relation \"{}\"",
                    parent.name.name, self.relation.name.name
                );
                return Err(self.cx.invalid(message, &parent.name.name));
            }
            self.fx.lock(parent, LockMode::AccessShare);
            return Ok(());
        }
        for column in &parent.columns {
            if self.relation.column(&column.name).is_none() {
                let message = format!("child table is missing column \"{}\"", column.name);
                return Err(self.cx.invalid(message, &self.relation.name.name));
            }
        }
        self.fx.lock(parent, LockMode::ShareUpdateExclusive);
        // Looked through for a circle.
        let below = self.family.iter().copied().filter(|r| r.name != self.relation.name);
        self.fx.lock_all(below, LockMode::AccessShare);
        Ok(())
    }
}

fn partition(command: &AlterTableCmd) -> Option<(&RangeVar, &PartitionCmd)> {
    match command.def.as_ref().and_then(|def| def.node.as_ref()) {
        Some(NodeEnum::PartitionCmd(partition)) => Some((partition.name.as_ref()?, partition)),
        _ => None,
    }
}

/// What one more partition does to everything but itself: a default partition is searched for rows
/// that belong in the new one, indexes and foreign keys of the parent are made on it.
pub(in crate::analyze) fn new_partition<'c>(
    cx: Context<'_, 'c>,
    parent: &'c Relation,
    bound: Option<&PartitionBoundSpec>,
    fx: &mut Effects<'c>,
) {
    if let Some(default) = bounds::default_partition(cx.catalog, parent)
        && let Some(bound) = bound
        && !bound.is_default
    {
        fx.lock_all(cx.catalog.family(default), LockMode::AccessExclusive);
        for leaf in cx.catalog.leaves(default) {
            if !bounds::excluded(cx.catalog, leaf, parent, bound) {
                fx.scan(leaf);
            }
        }
    }
    fx.lock_indexes(parent, LockMode::ShareUpdateExclusive);
    for constraint in &parent.constraints {
        let referenced = constraint.references.as_ref();
        if let Some(referenced) = referenced.and_then(|name| cx.catalog.relation(name)) {
            fx.lock_all(cx.catalog.family(referenced), LockMode::ShareRowExclusive);
        }
    }
    let referencing = if cx.catalog.server.major() >= 15 {
        LockMode::ShareRowExclusive
    } else {
        LockMode::AccessShare
    };
    for other in keys_to(cx.catalog, parent) {
        fx.lock(other, referencing);
    }
}

/// The tables with a foreign key that points to `relation`, or to what it is a partition of.
fn keys_to<'c>(catalog: &'c Catalog, relation: &'c Relation) -> Vec<&'c Relation> {
    let mut found = Vec::new();
    let mut stack = vec![relation];
    while let Some(referenced) = stack.pop() {
        let keys = catalog.incoming_foreign_keys(&referenced.name);
        found.extend(keys.filter(|(_, key)| !key.inherited).map(|(other, _)| other));
        if referenced.partition_bound.is_some() {
            stack.extend(referenced.parents.iter().filter_map(|parent| catalog.relation(parent)));
        }
    }
    found
}
