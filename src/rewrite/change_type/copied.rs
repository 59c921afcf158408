//! A partitioned table whose column gets a second one with the same values, for the rename of a column.
//!
//! What hangs on the column of the table and of its partitions is built for the new column by the means of the
//! change of type; here nothing changes places, the old column just goes.

use super::conversion::Way;
use super::family::{at_top, below, own_default};
use super::keys::{self, Key};
use super::tree::{self, Tree};
use super::{Change, Place, Table, trees_of};
use crate::catalog::{Column, Relation};
use crate::plan::Phase;
use crate::rewrite::column;
use crate::rewrite::draft::Draft;
use crate::rewrite::rebuild::{self, Names};
use crate::rewrite::sync::SyncTrigger;
use crate::sql::QualifiedName;

pub(in crate::rewrite) struct Family {
    /// Parents first.
    tables: Vec<Table>,
    trees: Vec<(QualifiedName, Vec<Tree>)>,
    keys: Vec<Key>,
}

impl Family {
    pub fn of(
        draft: &mut Draft<'_>,
        found: &Relation,
        column: &Column,
        new: &str,
        trigger: &SyncTrigger,
    ) -> Self {
        let change = Change {
            before: column.clone(),
            after: column.clone(),
            new: new.to_owned(),
            aside: column.name.clone(),
            forward: Way::Plain,
            back: Way::Plain,
            proves_not_null: column.not_null,
        };
        let top = Table {
            found: found.clone(),
            changes: vec![change],
            trigger: trigger.clone(),
            place: Place::Top,
            top: found.name.clone(),
        };
        let mut tables = vec![top];
        tables.extend(below(draft, &tables[0]));
        let keys = keys::of(draft, &tables);
        let trees = tree::of(draft, &tables);
        // They are those of `trees`.
        tables[0].found.indexes.clear();
        Self { tables, trees, keys }
    }

    pub fn members(&self) -> impl Iterator<Item = &QualifiedName> {
        self.tables.iter().skip(1).map(|table| &table.found.name)
    }

    /// What the new column of each partition has otherwise than that of the table.
    pub fn differences(&self) -> Vec<String> {
        let mut sql = Vec::new();
        for table in self.tables.iter().skip(1) {
            for change in &table.changes {
                let Some((_, above)) = at_top(&self.tables, table, change.name()) else { continue };
                let (own, above) = (&change.before, &above.before);
                sql.extend(column::differences(&table.found, own, above, &change.new));
                sql.extend(own_default(table, &change.new, [&own.default, &above.default]));
                sql.extend(column::grants_and_comment(&table.found, own, &change.new));
            }
        }
        sql
    }

    /// Migrate: everything that hangs on the old columns, built for the new ones.
    pub fn build(&self, draft: &mut Draft<'_>, names: &mut Names) {
        for table in &self.tables {
            rebuild::indexes(draft, &table.found, &table.news(), names);
            for tree in trees_of(&self.trees, table) {
                tree.build(draft, &table.news());
                tree.take_for(&table.news(), &mut names.sql);
            }
        }
        for table in &self.tables {
            rebuild::checks(draft, &table.found, &table.news(), names);
            rebuild::statistics(draft, &table.found, &table.news(), names);
            for change in table.changes.iter().filter(|change| change.proves_not_null) {
                let (found, before) = (&table.found, &change.before);
                rebuild::not_null(draft, Phase::Migrate, found, before, &change.new, names);
            }
        }
        for key in &self.keys {
            key.build(draft, &self.tables, names);
        }
    }

    /// Before contract: a partition that came meanwhile with rows and without an index would be read there.
    pub fn make_sure(&self, draft: &mut Draft<'_>) {
        for tree in self.trees.iter().flat_map(|(_, trees)| trees) {
            tree.make_sure(draft, Phase::Contract);
        }
    }
}
