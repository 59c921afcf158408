//! What goes with an object when it is dropped, and what stands in the way without CASCADE.
//!
//! Everything that is dropped is locked ACCESS EXCLUSIVE, and so is every table that loses something
//! by it: a constraint, a trigger, a default, a policy (`findDependentObjects`).

use crate::analyze::AnalyzeError;
use crate::analyze::alter_table::{is_not_enforced, owned_sequences};
use crate::analyze::columns::read_by;
use crate::analyze::effects::Effects;
use crate::analyze::resolve::Context;
use crate::catalog::{Constraint, Dependant, DependantKind, Index, Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::{Diagnostic, QualifiedName, parse_expression};
use std::collections::BTreeSet;

/// Most names that a message lists.
const MAX_LISTED: usize = 5;

/// The objects that one statement drops.
#[derive(Debug)]
pub(in crate::analyze) struct Dropping<'s, 'c> {
    cx: Context<'s, 'c>,
    cascade: bool,
    /// Relations that the statement names.
    asked: BTreeSet<QualifiedName>,
    /// Relations that go as a whole.
    gone: BTreeSet<QualifiedName>,
    columns_gone: BTreeSet<(QualifiedName, String)>,
    /// Relations that are locked.
    touched: BTreeSet<QualifiedName>,
    indexes: Vec<(&'c Relation, &'c Index)>,
    /// What needs CASCADE: the relation that it belongs to, and its name for the message.
    blockers: Vec<(Option<QualifiedName>, String)>,
}

impl<'s, 'c> Dropping<'s, 'c> {
    pub(in crate::analyze) fn new(cx: Context<'s, 'c>, cascade: bool) -> Self {
        Self {
            cx,
            cascade,
            asked: BTreeSet::new(),
            gone: BTreeSet::new(),
            columns_gone: BTreeSet::new(),
            touched: BTreeSet::new(),
            indexes: Vec::new(),
            blockers: Vec::new(),
        }
    }

    /// Locks `relation` because it loses something.
    pub(in crate::analyze) fn touch(&mut self, relation: &Relation) {
        self.touched.insert(relation.name.clone());
    }

    pub(in crate::analyze) fn blocker(&mut self, relation: Option<&QualifiedName>, name: String) {
        self.blockers.push((relation.cloned(), name));
    }

    /// The statement drops `relation`.
    pub(in crate::analyze) fn ask_for(&mut self, relation: &'c Relation) {
        self.asked.insert(relation.name.clone());
        self.relation(relation);
    }

    /// The relation goes, with all that is its own.
    pub(in crate::analyze) fn relation(&mut self, relation: &'c Relation) {
        if !self.gone.insert(relation.name.clone()) {
            return;
        }
        let catalog = self.cx.catalog;
        self.touch(relation);
        self.indexes.extend(relation.indexes.iter().map(|index| (relation, index)));
        if relation.partition_bound.is_some() {
            for parent in relation.parents.iter().filter_map(|parent| catalog.relation(parent)) {
                self.touch(parent);
                let default = parent.children.iter().filter_map(|child| catalog.relation(child));
                let default =
                    default.filter(|child| child.partition_bound.as_deref() == Some("DEFAULT"));
                default.for_each(|default| self.touch(default));
            }
        }
        for constraint in &relation.constraints {
            self.outgoing_key(relation, constraint, true);
        }
        for child in relation.children.iter().filter_map(|child| catalog.relation(child)) {
            if relation.kind != RelationKind::PartitionedTable && !self.cascade {
                self.blocker(Some(&child.name), format!("table {}", child.name));
            }
            // Partitions go with their table without being asked for.
            if relation.kind == RelationKind::PartitionedTable && self.asked_for(&relation.name) {
                self.asked.insert(child.name.clone());
            }
            self.relation(child);
        }
        for sequence in owned_sequences(catalog, relation, None) {
            self.owned_sequence(relation, sequence);
        }
        self.incoming_keys(relation, |_| true);
        for dependant in &relation.dependants {
            self.dependant(relation, dependant);
        }
    }

    /// One column goes.
    pub(in crate::analyze) fn column(&mut self, relation: &'c Relation, name: &str) {
        if !self.columns_gone.insert((relation.name.clone(), name.to_owned())) {
            return;
        }
        let has = |columns: &[String]| columns.iter().any(|column| column == name);
        self.touch(relation);
        let on_it = relation.indexes.iter().filter(|index| has(&index.columns));
        self.indexes.extend(on_it.map(|index| (relation, index)));
        for constraint in relation.constraints.iter().filter(|c| has(&c.columns)) {
            self.outgoing_key(relation, constraint, true);
        }
        self.incoming_keys(relation, |constraint| has(&constraint.referenced_columns));
        for policy in relation.policies.iter().filter(|policy| has(&policy.columns)) {
            self.blocker(None, format!("policy {} on table {}", policy.name, relation.name));
        }
        for trigger in relation.triggers.iter().filter(|trigger| has(&trigger.columns)) {
            self.blocker(None, format!("trigger {} on table {}", trigger.name, relation.name));
        }
        for sequence in owned_sequences(self.cx.catalog, relation, Some(name)) {
            self.owned_sequence(relation, sequence);
        }
        for dependant in relation.dependants.iter().filter(|d| has(&d.columns)) {
            self.dependant(relation, dependant);
        }
        self.generated_from(relation, name);
    }

    /// The sequence of a column goes with it; defaults of other tables that use it are in the way.
    fn owned_sequence(&mut self, owner: &Relation, sequence: &'c Relation) {
        self.gone.insert(sequence.name.clone());
        self.touch(sequence);
        let elsewhere = sequence.dependants.iter();
        for dependant in elsewhere.filter(|d| d.relation.as_ref() != Some(&owner.name)) {
            self.dependant(sequence, dependant);
        }
    }

    /// Generated columns of the same table that are computed from `name` go with it.
    fn generated_from(&mut self, relation: &'c Relation, name: &str) {
        for column in &relation.columns {
            let reads = column
                .generated
                .as_ref()
                .and_then(|generated| parse_expression(&generated.expression).ok())
                .is_some_and(|expression| {
                    read_by(&expression).iter().any(|r| r.column.as_deref() == Some(name))
                });
            if reads && column.name != name {
                self.column(relation, &column.name);
            }
        }
    }

    /// One constraint goes, with its index or with its triggers on the other table.
    pub(in crate::analyze) fn constraint(
        &mut self,
        relation: &'c Relation,
        constraint: &'c Constraint,
    ) {
        self.touch(relation);
        self.outgoing_key(relation, constraint, false);
        let owned = relation
            .indexes
            .iter()
            .find(|index| index.constraint.as_deref() == Some(constraint.name.as_str()));
        if let Some(index) = owned {
            self.index(relation, index);
        }
    }

    /// One index goes: those of the partitions below it, and the foreign keys that rely on it.
    pub(in crate::analyze) fn index(&mut self, relation: &'c Relation, index: &'c Index) {
        self.touch(relation);
        self.indexes.push((relation, index));
        let name = relation.name.sibling(&*index.name);
        for child in relation.children.iter().filter_map(|c| self.cx.catalog.relation(c)) {
            for part in child.indexes.iter().filter(|part| part.parent.as_ref() == Some(&name)) {
                self.index(child, part);
            }
        }
        self.incoming_keys(relation, |constraint| {
            constraint.index.as_deref() == Some(index.name.as_str())
        });
    }

    /// A foreign key of `relation`: its triggers on the other table go. The key of a partition that
    /// follows from its parent's has none there. Before 15, those that stood on a partitioned table
    /// itself were not dropped one by one when the whole table or column went.
    fn outgoing_key(&mut self, relation: &Relation, constraint: &Constraint, by_owner: bool) {
        let no_triggers = by_owner && is_not_enforced(constraint);
        if constraint.inherited || no_triggers {
            return;
        }
        let referenced = constraint.references.as_ref().filter(|other| **other != relation.name);
        let Some(referenced) = referenced.and_then(|name| self.cx.catalog.relation(name)) else {
            return;
        };
        let old = self.cx.catalog.server.major() < 15;
        for part in self.pointed_to(referenced) {
            if !(old && by_owner && part.kind == RelationKind::PartitionedTable) {
                self.touch(part);
            }
        }
    }

    /// Where a key that points to `referenced` has triggers: there, and on each partition. Before 15 not
    /// on those that have partitions themselves.
    fn pointed_to(&self, referenced: &'c Relation) -> Vec<&'c Relation> {
        let mut parts = self.cx.catalog.family(referenced);
        if self.cx.catalog.server.major() < 15 {
            parts.retain(|part| {
                part.kind != RelationKind::PartitionedTable || part.name == referenced.name
            });
        }
        parts
    }

    fn incoming_keys(&mut self, relation: &'c Relation, falls: impl Fn(&Constraint) -> bool) {
        let mut stack = vec![relation];
        while let Some(referenced) = stack.pop() {
            for (other, constraint) in self.cx.catalog.incoming_foreign_keys(&referenced.name) {
                if other.name == relation.name || !falls(constraint) {
                    continue;
                }
                if !constraint.inherited {
                    self.blocker(
                        Some(&other.name),
                        format!("constraint {} on table {}", constraint.name, other.name),
                    );
                }
                for part in self.cx.catalog.family(other) {
                    self.touch(part);
                }
                // The key goes as a whole, and with it what it has on each other partition.
                if !constraint.inherited {
                    for part in self.pointed_to(referenced) {
                        self.touch(part);
                    }
                }
            }
            // A key that points to a partitioned table also points to each of its partitions.
            if referenced.partition_bound.is_some() {
                let parents = referenced.parents.iter();
                stack.extend(parents.filter_map(|parent| self.cx.catalog.relation(parent)));
            }
        }
    }

    fn dependant(&mut self, relation: &'c Relation, dependant: &Dependant) {
        let other = dependant.relation.as_ref().and_then(|name| self.cx.catalog.relation(name));
        let automatic = match dependant.kind {
            // Dealt with by `incoming_keys`, `owned_sequences` and the partition key's own check.
            DependantKind::ForeignKey | DependantKind::Sequence | DependantKind::PartitionKey => {
                return;
            }
            // Publications let go of a table, but not of a column in their lists.
            DependantKind::Publication => false,
            // Before 15 a generated column went with what it is computed from.
            DependantKind::GeneratedColumn => self.cx.catalog.server.major() < 15,
            DependantKind::View
            | DependantKind::MaterializedView
            | DependantKind::Function
            | DependantKind::Policy
            | DependantKind::ColumnDefault
            | DependantKind::Trigger
            | DependantKind::Rule
            | DependantKind::Other => false,
        };
        if !automatic {
            self.blocker(dependant.relation.as_ref(), dependant.name.clone());
        }
        match (dependant.kind, other) {
            (DependantKind::View | DependantKind::MaterializedView, Some(view)) => {
                self.relation(view);
            }
            (_, Some(other)) if other.name != relation.name => self.touch(other),
            (_, Some(_) | None) => {}
        }
    }

    /// Puts the locks into `fx`.
    ///
    /// # Errors
    /// When something else depends on what is dropped, and the statement does not say CASCADE.
    pub(in crate::analyze) fn report(
        self,
        name: &str,
        fx: &mut Effects<'c>,
    ) -> Result<(), AnalyzeError> {
        let in_the_way: BTreeSet<&str> = self
            .blockers
            .iter()
            .filter(|(owner, _)| !owner.as_ref().is_some_and(|owner| self.asked_for(owner)))
            .map(|(_, name)| name.as_str())
            .collect();
        if !self.cascade && !in_the_way.is_empty() {
            let mut listed: Vec<&str> = in_the_way.iter().copied().take(MAX_LISTED).collect();
            let more = in_the_way.len() - listed.len();
            let rest = format!("{more} more");
            if more > 0 {
                listed.push(&rest);
            }
            let message = format!("cannot drop {name} because other objects depend on it");
            let diagnostic = Diagnostic::new(message, self.cx.span_of(name, 0))
                .detail(format!("They are: {}.", listed.join(", ")))
                .hint("Drop them first, or say CASCADE to drop them too.");
            return Err(AnalyzeError::Invalid(diagnostic));
        }
        let catalog = self.cx.catalog;
        for relation in self.touched.iter().filter_map(|name| catalog.relation(name)) {
            fx.lock(relation, LockMode::AccessExclusive);
        }
        for (relation, index) in &self.indexes {
            fx.lock_index(relation, index, LockMode::AccessExclusive);
        }
        Ok(())
    }

    /// Whether the statement itself names `relation`, so that nothing of it is in the way.
    fn asked_for(&self, relation: &QualifiedName) -> bool {
        self.asked.contains(relation)
    }
}
