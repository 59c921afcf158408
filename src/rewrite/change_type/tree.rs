//! Indexes of a partitioned table, with those of its partitions that hang on them.
//!
//! *In words*: each leaf gets its index concurrently. An index without a constraint is adopted by the parent
//! at once; a key cannot be (`ADD … USING INDEX` is an error on a partitioned table), so its leaves
//! wait for the switch, where each takes its index for its key and the parent adopts the keys: nothing is built or
//! read there. A partition that has come meanwhile with rows in it and lacks such an index is looked for before.

use super::switch::{drop_index, name_columns, rename_index};
use super::{Table, is_kept};
use crate::catalog::{Catalog, Index, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, Phase, Undo};
use crate::rewrite::add_foreign_key::add_statement;
use crate::rewrite::add_unique::range_of;
use crate::rewrite::create_index::{self, Build};
use crate::rewrite::draft::Draft;
use crate::rewrite::substitute::{self, Columns};
use crate::rewrite::text::{self, alter, alter_of};
use crate::rewrite::{partitioned, rebuild};
use crate::sql::{QualifiedName, deparse, quote_ident};
use pg_query::NodeEnum;

/// An index of a table of the family.
pub(super) struct Tree {
    pub relation: Relation,
    pub index: Index,
    /// Name of the new one until the switch.
    pub passing: String,
    /// Name of the old one after it.
    pub aside: String,
    /// The old one stays on the old column; else rollback builds it again.
    pub kept: bool,
    pub below: Vec<Tree>,
}

/// The indexes on columns that change, of every partitioned table at the top of a family.
pub(super) fn of(draft: &mut Draft<'_>, tables: &[Table]) -> Vec<(QualifiedName, Vec<Tree>)> {
    tables
        .iter()
        .filter(|table| table.is_partitioned_top())
        .map(|table| {
            let Some(found) = draft.catalog.relation(&table.found.name).cloned() else {
                return (table.found.name.clone(), Vec::new());
            };
            let columns = table.news();
            let trees = found
                .indexes
                .iter()
                .filter(|index| columns.touch(&index.columns))
                .map(|index| grow(draft, &found, index, is_kept(table, index)))
                .collect();
            (found.name, trees)
        })
        .collect()
}

fn grow(draft: &mut Draft<'_>, relation: &Relation, index: &Index, kept: bool) -> Tree {
    let own = relation.name.sibling(&index.name);
    let (passing, aside) = (draft.temporary_name(), draft.temporary_name());
    let members: Vec<(Relation, Index)> = hanging(&draft.catalog, relation, &own);
    let below = members.iter().map(|(member, index)| grow(draft, member, index, kept)).collect();
    Tree { relation: relation.clone(), index: index.clone(), passing, aside, kept, below }
}

fn hanging(
    catalog: &Catalog,
    relation: &Relation,
    index: &QualifiedName,
) -> Vec<(Relation, Index)> {
    relation
        .children
        .iter()
        .filter_map(|child| catalog.relation(child))
        .filter_map(|child| {
            let found = child.indexes.iter().find(|i| i.parent.as_ref() == Some(index))?;
            Some((child.clone(), found.clone()))
        })
        .collect()
}

impl Tree {
    fn is_leaf(&self) -> bool {
        self.relation.kind != RelationKind::PartitionedTable
    }

    fn first_leaf(&self) -> Option<&Tree> {
        if self.is_leaf() { Some(self) } else { self.below.iter().find_map(Tree::first_leaf) }
    }

    /// This one and all below it, parents first.
    fn all(&self) -> Vec<&Tree> {
        std::iter::once(self).chain(self.below.iter().flat_map(Tree::all)).collect()
    }

    /// The index of the parent for other columns, as a statement that adopts those below.
    fn adopting(&self, columns: &Columns, name: &str) -> Option<String> {
        let mut node = substitute::index(&self.index.definition, columns)?;
        name.clone_into(&mut node.idxname);
        node.relation = Some(range_of(&self.relation.name));
        Some(deparse::statement(&NodeEnum::IndexStmt(Box::new(node))))
    }

    /// Migrate: built on the leaves, and adopted where there is no key.
    pub fn build(&self, draft: &mut Draft<'_>, columns: &Columns) {
        if self.is_leaf() {
            let Some(node) = substitute::index(&self.index.definition, columns) else { return };
            create_index::build(
                draft,
                Build {
                    index: node,
                    name: self.passing.clone(),
                    relation: self.relation.name.clone(),
                    why: format!(
                        "{} is built on {} while the application goes on",
                        self.index.name,
                        text::listed(&columns.names())
                    ),
                },
            );
            return;
        }
        for tree in &self.below {
            tree.build(draft, columns);
        }
        if self.index.constraint.is_some() {
            return;
        }
        let Some(sql) = self.adopting(columns, &self.passing) else { return };
        self.look_for_new_leaves(draft, Phase::Migrate);
        let locks = draft.locks(&self.relation, LockMode::Share);
        let undo_locks = draft.locks(&self.relation, LockMode::AccessExclusive);
        let drop = format!("DROP INDEX IF EXISTS {}", self.relation.name.sibling(&self.passing));
        draft
            .step(
                Phase::Migrate,
                format!(
                    "the indexes of the partitions become parts of one for {}",
                    self.index.name
                ),
                Action::Transaction { sql: vec![sql] },
            )
            .locks(locks)
            .undo(Undo::Transaction { sql: vec![drop], locks: undo_locks });
    }

    /// Before the switch: a partition with rows that lacks the index would be read under its lock.
    pub fn make_sure(&self, draft: &mut Draft<'_>, phase: Phase) {
        if self.index.constraint.is_some() {
            self.look_for_new_leaves(draft, phase);
        }
    }

    fn look_for_new_leaves(&self, draft: &mut Draft<'_>, phase: Phase) {
        let Some(leaf) = self.first_leaf() else { return };
        let pattern = leaf.relation.name.sibling(&leaf.passing);
        let what = &self.index.name;
        partitioned::no_new_leaf_without_index(draft, phase, &self.relation, &pattern, what);
    }

    /// The old indexes make room.
    pub fn leave(&self, sql: &mut Vec<String>) {
        if !self.kept {
            sql.push(drop_index(&self.relation, &self.index));
            return;
        }
        for tree in self.all() {
            if tree.index.is_replica_identity {
                sql.push(alter_of(&tree.relation, "REPLICA IDENTITY NOTHING"));
            }
        }
    }

    pub fn step_aside(&self, sql: &mut Vec<String>) {
        for tree in self.all().into_iter().filter(|tree| tree.kept) {
            sql.push(rename_index(&tree.relation, &tree.index, &tree.index.name, &tree.aside));
        }
    }

    /// The new indexes take over, those of the leaves first.
    pub fn take(&self, sql: &mut Vec<String>) {
        self.take_as(sql, &Columns::default(), |tree| &tree.passing);
    }

    /// The same where the columns keep their new names.
    pub fn take_for(&self, columns: &Columns, sql: &mut Vec<String>) {
        self.take_as(sql, columns, |tree| &tree.passing);
    }

    fn take_as(&self, sql: &mut Vec<String>, columns: &Columns, name: fn(&Tree) -> &String) {
        for tree in &self.below {
            tree.take_as(sql, columns, name);
        }
        let key = self.index.constraint.as_ref().and_then(|name| self.relation.constraint(name));
        let Some(key) = key.filter(|_| !self.is_leaf()) else {
            sql.extend(rebuild::take_index(&self.relation, &self.index, name(self)));
            return;
        };
        if columns.touch(&key.columns) {
            let node = substitute::constraint(&key.definition, columns);
            sql.extend(node.map(|mut node| {
                key.name.clone_into(&mut node.conname);
                add_statement(&self.relation.name, node)
            }));
        } else {
            let add = format!("ADD CONSTRAINT {} {}", quote_ident(&key.name), key.definition);
            sql.push(alter(&self.relation.name, &add));
        }
        sql.extend(rebuild::comment_on_constraint(&self.relation, key));
        sql.extend(rebuild::index_belongings(&self.relation, &self.index));
    }

    /// The columns of the new indexes get the names that those of the old ones have.
    pub fn name_columns(&self, built_on: &Columns, sql: &mut Vec<String>) {
        // A key of the parent is made in the switch, when the columns have their names; what the leaves
        // bring was built before. Without a key the renaming goes down by itself.
        let leaves = self.index.constraint.is_some();
        let of = self.all().into_iter().filter(|tree| !leaves || tree.is_leaf());
        for tree in of.take(if leaves { usize::MAX } else { 1 }) {
            sql.extend(name_columns(&tree.relation, &tree.index, built_on));
        }
    }

    /// Rollback: what was dropped is built again on the leaves before the columns change places.
    pub fn build_again(&self, draft: &Draft<'_>, columns: &Columns, parts: &mut Vec<Undo>) {
        if self.kept {
            return;
        }
        if self.is_leaf() {
            let Some(node) = substitute::index(&self.index.definition, columns) else { return };
            let relation = &self.relation.name;
            let qualified = relation.sibling(&self.aside);
            parts.push(Undo::Concurrent {
                sql: create_index::concurrently(node, relation, &self.aside),
                probe: text::done_without(relation, &text::index_built_probe(&qualified)),
                cleanup: format!("DROP INDEX CONCURRENTLY IF EXISTS {qualified}"),
            });
            return;
        }
        for tree in &self.below {
            tree.build_again(draft, columns, parts);
        }
        if self.index.constraint.is_none()
            && let Some(sql) = self.adopting(columns, &self.aside)
        {
            let drop = format!("DROP INDEX IF EXISTS {}", self.relation.name.sibling(&self.aside));
            let locks = draft.locks(&self.relation, LockMode::AccessExclusive);
            parts.push(Undo::Transaction { sql: vec![drop, sql], locks });
        }
    }

    /// Rollback: the old indexes have their places again.
    pub fn back(&self, columns: &Columns, sql: &mut Vec<String>) {
        if !self.kept {
            self.take_as(sql, &Columns::default(), |tree| &tree.aside);
            self.name_columns(columns, sql);
            return;
        }
        for tree in self.all() {
            sql.push(rename_index(&tree.relation, &tree.index, &tree.aside, &tree.index.name));
            sql.extend(rebuild::take_roles(&tree.relation, &tree.index));
        }
    }
}
