//! Foreign keys from and to columns that change.
//!
//! *In words*: a key is built NOT VALID on the new columns and validated, and takes the place of the old one in the
//! switch. Two cases differ. A partitioned table takes no NOT VALID key before 18: its leaves get theirs first, and the parent
//! adopts them. And a key *to* a partitioned table needs that table's own key, which is there only from
//! the switch on: such a foreign key changes hands in the switch, NOT VALID, so that every write
//! is checked without a gap, and is validated right after it.

use super::{Table, columns_of};
use crate::catalog::{Constraint, ConstraintKind, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, Phase, Undo, WorkKind};
use crate::rewrite::add_foreign_key::{add_constraint, add_statement, both_locks};
use crate::rewrite::draft::Draft;
use crate::rewrite::partitioned;
use crate::rewrite::rebuild::{self, Names};
use crate::rewrite::substitute::{self, Columns};
use crate::rewrite::text::{alter, alter_of};
use crate::sql::quote_ident;

/// A foreign key from or to a column that changes.
pub(super) struct Key {
    pub table: Relation,
    pub constraint: Constraint,
    /// The parts of it that partitions have.
    parts: Vec<(Relation, Constraint)>,
    /// It can only be there from the switch on.
    pub late: bool,
    /// It points to a column that changes.
    pub points_here: bool,
}

/// Every foreign key from or to a column that changes.
pub(super) fn of(draft: &Draft<'_>, tables: &[Table]) -> Vec<Key> {
    let mut keys = Vec::new();
    for relation in draft.catalog.relations.values() {
        for constraint in &relation.constraints {
            let Some(other) = constraint.references.as_ref() else { continue };
            if constraint.kind != ConstraintKind::ForeignKey || constraint.inherited {
                continue;
            }
            let own = columns_of(tables, &relation.name, Table::news);
            let referenced = columns_of(tables, other, Table::news);
            let touched = referenced.touch(&constraint.referenced_columns);
            if !own.touch(&constraint.columns) && !touched {
                continue;
            }
            let parts = draft
                .catalog
                .family(relation)
                .into_iter()
                .skip(1)
                .filter_map(|member| Some((member.clone(), part(member, constraint)?.clone())))
                .collect();
            let partitioned = draft
                .catalog
                .relation(other)
                .is_some_and(|other| other.kind == RelationKind::PartitionedTable);
            keys.push(Key {
                table: relation.clone(),
                constraint: constraint.clone(),
                parts,
                late: touched && partitioned,
                points_here: touched,
            });
        }
    }
    keys
}

fn part<'r>(member: &'r Relation, whole: &Constraint) -> Option<&'r Constraint> {
    member.constraints.iter().find(|own| {
        own.kind == ConstraintKind::ForeignKey
            && own.inherited
            && own.references == whole.references
            && own.columns == whole.columns
            && own.referenced_columns == whole.referenced_columns
    })
}

/// Why `key` cannot follow; `None` when it can.
pub(super) fn obstacle(draft: &Draft<'_>, key: &Key) -> Option<String> {
    let partitioned = key.table.kind == RelationKind::PartitionedTable;
    if key.late && partitioned && draft.major() < 18 {
        return Some(format!(
            "foreign key {} joins two partitioned tables, and before version 18 such a key cannot be added without looking every row up under its locks",
            key.constraint.name
        ));
    }
    None
}

impl Key {
    /// Before 18 a partitioned table takes no NOT VALID key: its leaves have to come first.
    fn by_leaf(&self, draft: &Draft<'_>) -> bool {
        self.table.kind == RelationKind::PartitionedTable && draft.major() < 18
    }

    fn leaves(&self, draft: &Draft<'_>) -> Vec<Relation> {
        draft.catalog.leaves(&self.table).into_iter().cloned().collect()
    }

    /// Built beside the old one.
    pub fn build(&self, draft: &mut Draft<'_>, tables: &[Table], names: &mut Names) {
        if self.late {
            return;
        }
        let (own, referenced) = self.columns(tables, Table::news);
        let passing = draft.temporary_name();
        if self.by_leaf(draft) {
            for leaf in self.leaves(draft) {
                rebuild::foreign_key_as(
                    draft,
                    &leaf,
                    &own,
                    &referenced,
                    &self.constraint,
                    &passing,
                );
            }
            partitioned::no_new_leaf_without_key(
                draft,
                &self.table,
                &passing,
                &self.constraint.name,
            );
            if let Some(node) = self.node(&own, &referenced, &passing, false) {
                let others: Vec<_> = self.constraint.references.iter().cloned().collect();
                partitioned::adopt(draft, &self.table, &others, &node, &passing);
            }
        } else {
            rebuild::foreign_key_as(
                draft,
                &self.table,
                &own,
                &referenced,
                &self.constraint,
                &passing,
            );
        }
        names.sql.extend(self.take(&passing));
    }

    fn columns(&self, tables: &[Table], pick: fn(&Table) -> Columns) -> (Columns, Columns) {
        let other = self.constraint.references.as_ref();
        (
            columns_of(tables, &self.table.name, pick),
            other.map(|other| columns_of(tables, other, pick)).unwrap_or_default(),
        )
    }

    fn node(
        &self,
        own: &Columns,
        referenced: &Columns,
        name: &str,
        not_valid: bool,
    ) -> Option<pg_query::protobuf::Constraint> {
        let mut node = substitute::constraint(&self.constraint.definition, own)?;
        substitute::referenced(&mut node, referenced);
        name.clone_into(&mut node.conname);
        node.skip_validation = not_valid;
        node.initially_valid = !not_valid;
        Some(node)
    }

    /// The new key and its parts get the names of the old ones.
    fn take(&self, passing: &str) -> Vec<String> {
        let mut sql = Vec::new();
        for (member, part) in &self.parts {
            let names = format!("{} TO {}", quote_ident(passing), quote_ident(&part.name));
            sql.push(alter_of(member, &format!("RENAME CONSTRAINT {names}")));
        }
        sql.push(rebuild::rename_constraint(&self.table.name, passing, &self.constraint.name));
        sql.extend(rebuild::comment_on_constraint(&self.table, &self.constraint));
        sql
    }

    pub fn drop(&self) -> String {
        super::switch::drop_constraint(&self.table.name, &self.constraint.name)
    }

    /// In the transaction of the switch, when the columns have their names: a late key comes back.
    pub fn come_late(&self) -> Vec<String> {
        self.come(&Columns::default(), &Columns::default())
    }

    /// The same where the new columns keep their names.
    pub fn come_for(&self, tables: &[Table]) -> Vec<String> {
        let (own, referenced) = self.columns(tables, Table::news);
        self.come(&own, &referenced)
    }

    fn come(&self, own: &Columns, referenced: &Columns) -> Vec<String> {
        let node = self.node(own, referenced, &self.constraint.name, true);
        let node = node.filter(|_| self.late);
        let Some(node) = node else { return Vec::new() };
        let mut sql = vec![add_statement(&self.table.name, node)];
        for (member, part) in self.parts.iter().filter(|(_, p)| p.name != self.constraint.name) {
            let names =
                format!("{} TO {}", quote_ident(&self.constraint.name), quote_ident(&part.name));
            sql.push(alter_of(member, &format!("RENAME CONSTRAINT {names}")));
        }
        sql.extend(rebuild::comment_on_constraint(&self.table, &self.constraint));
        sql
    }

    fn validate(&self) -> String {
        let quoted = quote_ident(&self.constraint.name);
        alter(&self.table.name, &format!("VALIDATE CONSTRAINT {quoted}"))
    }

    /// After the switch.
    pub fn validate_late(&self, draft: &mut Draft<'_>, phase: Phase) {
        if !self.late || !self.constraint.validated {
            return;
        }
        let other = self.constraint.references.as_ref();
        let Some(referenced) = other.and_then(|o| draft.catalog.relation(o)).cloned() else {
            return;
        };
        let (weak, row) = (LockMode::ShareUpdateExclusive, LockMode::RowShare);
        let locks = both_locks(draft, &self.table, &referenced, weak, row);
        draft
            .step(
                phase,
                format!("existing rows are looked up for {} again", self.constraint.name),
                Action::Validate { sql: self.validate() },
            )
            .locks(locks)
            .work(WorkKind::Validate, &self.table.name);
    }

    /// Rollback: built for the old columns beside the new one.
    pub fn build_again(
        &self,
        draft: &mut Draft<'_>,
        tables: &[Table],
        parts: &mut Vec<Undo>,
        names: &mut Vec<String>,
    ) {
        if self.late {
            return;
        }
        let (own, referenced) = self.columns(tables, Table::asides);
        let passing = draft.temporary_name();
        let Some(node) = self.node(&own, &referenced, &passing, true) else { return };
        let Some(other) = self.constraint.references.as_ref() else { return };
        let Some(target) = draft.catalog.relation(other).cloned() else { return };
        let mode = LockMode::AccessExclusive;
        let draft = &*draft;
        let quoted = quote_ident(&passing);
        let locks = |table: &Relation| both_locks(draft, table, &target, mode, mode);
        let add = |table: &Relation, add: String, valid: bool| -> Vec<Undo> {
            let drop = alter_of(table, &format!("DROP CONSTRAINT IF EXISTS {quoted}"));
            let sql = alter_of(table, &format!("VALIDATE CONSTRAINT {quoted}"));
            let validate = valid.then_some(Undo::Validate { sql });
            let first = Undo::Transaction { sql: vec![drop, add], locks: locks(table) };
            std::iter::once(first).chain(validate).collect()
        };
        let valid = self.constraint.validated;
        if self.by_leaf(draft) {
            // One that the parent has adopted goes only with that of the parent.
            let drop = alter(&self.table.name, &format!("DROP CONSTRAINT IF EXISTS {quoted}"));
            parts.push(Undo::Transaction { sql: vec![drop], locks: locks(&self.table) });
            for leaf in self.leaves(draft) {
                let there = leaf.partition_bound.is_some();
                parts.extend(add(&leaf, add_constraint(&leaf.name, node.clone(), there), valid));
            }
            if let Some(node) = self.node(&own, &referenced, &passing, false) {
                parts.extend(add(&self.table, add_statement(&self.table.name, node), false));
            }
        } else {
            parts.extend(add(&self.table, add_statement(&self.table.name, node), valid));
        }
        names.extend(self.take(&passing));
    }

    /// A step before the switch, for what its undo does after that of the switch.
    pub fn make_sure(&self, draft: &mut Draft<'_>) {
        let other = self.constraint.references.as_ref();
        let Some(referenced) = other.and_then(|o| draft.catalog.relation(o)).cloned() else {
            return;
        };
        if !self.late || !self.constraint.validated {
            return;
        }
        let (weak, row) = (LockMode::ShareUpdateExclusive, LockMode::RowShare);
        let locks = both_locks(draft, &self.table, &referenced, weak, row);
        let validate = self.validate();
        let same = Undo::Transaction { sql: vec![validate.clone()], locks: locks.clone() };
        draft
            .step(
                Phase::Switch,
                format!(
                    "{} is valid, so this reads nothing; its undo looks the rows up once the switch is taken back",
                    self.constraint.name
                ),
                Action::Transaction { sql: vec![validate.clone()] },
            )
            .locks(locks)
            .undo(Undo::Sequence { parts: vec![Undo::Validate { sql: validate }, same] });
    }
}
