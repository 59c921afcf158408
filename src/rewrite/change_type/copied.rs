//! A column that gets a second one with the same values, for the rename of a column.
//!
//! What hangs on the column of the table and of those below it, and the foreign keys that point to it, is built for
//! the new column by the means of the change of type; here nothing changes places, the old column just goes.

use super::conversion::Way;
use super::family::{at_top, below, own_default};
use super::keys::{self, Key};
use super::tree::{self, Tree};
use super::{Change, Place, Table, trees_of};
use crate::catalog::{Column, Relation};
use crate::plan::Phase;
use crate::rewrite::column;
use crate::rewrite::draft::Draft;
use crate::rewrite::not_null_names;
use crate::rewrite::rebuild::{self, Names};
use crate::rewrite::strangers::{self, Going};
use crate::rewrite::sync::SyncTrigger;
use crate::rewrite::text::alter;
use crate::rewrite::witness::Witness;
use crate::sql::{QualifiedName, quote_ident};

pub(in crate::rewrite) struct Family {
    /// Parents first.
    tables: Vec<Table>,
    trees: Vec<(QualifiedName, Vec<Tree>)>,
    keys: Vec<Key>,
}

impl Family {
    pub fn of(draft: &mut Draft<'_>, found: &Relation, column: &Column, new: &str) -> Self {
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
            trigger: witnessed(draft, &found.name, column, new),
            place: Place::Top,
            top: found.name.clone(),
        };
        let mut tables = vec![top];
        tables.extend(below(draft, &tables[0]));
        for table in tables.iter_mut().filter(|table| table.place == Place::Child) {
            let Some(own) = table.changes.first().map(|change| change.before.clone()) else {
                continue;
            };
            table.trigger = witnessed(draft, &table.found.name, &own, new);
        }
        let keys = keys::of(draft, &tables);
        let trees = tree::of(draft, &tables);
        if tables[0].is_partitioned_top() {
            // They are those of `trees`.
            tables[0].found.indexes.clear();
        }
        Self { tables, trees, keys }
    }

    /// Those below the table.
    pub fn members(&self) -> impl Iterator<Item = &QualifiedName> {
        self.tables.iter().skip(1).map(|table| &table.found.name)
    }

    /// The tables with rows of their own: the column there, and the trigger that keeps it in step.
    pub fn with_rows(&self) -> impl Iterator<Item = (&Relation, &Column, &SyncTrigger)> {
        let own = self.tables.iter().filter(|table| table.has_rows());
        own.flat_map(|table| {
            table.changes.iter().map(|change| (&table.found, &change.before, &table.trigger))
        })
    }

    /// What the new column of each table below has otherwise than that of the table above.
    pub fn differences(&self) -> Vec<String> {
        let mut sql = Vec::new();
        for table in self.tables.iter().skip(1) {
            for change in &table.changes {
                let Some((_, above)) = at_top(&self.tables, table, change.name()) else { continue };
                let (own, above) = (&change.before, &above.before);
                sql.extend(column::differences(&table.found, own, above, &change.new));
                let defaults = [&early_default(own), &early_default(above)];
                sql.extend(own_default(table, &change.new, defaults));
                sql.extend(column::grants_and_comment(&table.found, own, &change.new));
            }
        }
        sql
    }

    /// Stops where something hangs on one of the columns, the old ones or the new ones, that would go with it.
    pub fn strangers(&self, draft: &Draft<'_>, old: bool) -> String {
        let going = self.tables.iter().flat_map(|table| {
            table.changes.iter().map(move |change| Going {
                table: &table.found,
                like: &change.before,
                name: if old { change.name() } else { &change.new },
                loses: old,
            })
        });
        strangers::on_columns(draft, going)
    }

    /// Contract: defaults that would be asked twice for one row while there are two columns.
    pub fn late_defaults(&self) -> Vec<String> {
        let mut sql = Vec::new();
        for table in &self.tables {
            for change in &table.changes {
                let Some((_, above)) = at_top(&self.tables, table, change.name()) else { continue };
                let (own, above) = (&change.before, &above.before);
                if table.is_top() {
                    let late = own.default.as_ref().filter(|_| own.default_is_volatile);
                    sql.extend(late.map(|default| {
                        let new = quote_ident(&change.new);
                        let set = format!("ALTER COLUMN {new} SET DEFAULT {default}");
                        alter(&table.found.name, &set)
                    }));
                } else if own.default_is_volatile || above.default_is_volatile {
                    sql.extend(own_default(table, &change.new, [&own.default, &above.default]));
                }
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
                let below = not_null_names::below(&draft.catalog, found, change.name());
                match rebuild::not_null_constraint(found, change.name()) {
                    Some(own) if !below.is_empty() => {
                        not_null_names::build(draft, (found, own), &below, &change.new, names);
                    }
                    _ => {
                        let phase = Phase::Migrate;
                        rebuild::not_null(draft, phase, found, before, &change.new, names);
                    }
                }
            }
        }
        for key in &self.keys {
            key.build(draft, &self.tables, names);
            draft.rely(&key.table.name);
            if key.points_here {
                draft.floors.member(&key.table.name, &key.constraint.name, Phase::Contract);
            }
        }
    }

    /// Before contract: a partition that came meanwhile with rows and without an index would be read there.
    pub fn make_sure(&self, draft: &mut Draft<'_>) {
        for tree in self.trees.iter().flat_map(|(_, trees)| trees) {
            tree.make_sure(draft, Phase::Contract);
        }
    }

    /// Contract, before the old column goes: the foreign keys that point to it.
    pub fn drop_keys(&self) -> Vec<String> {
        self.keys.iter().filter(|key| key.points_here).map(Key::drop).collect()
    }

    /// Contract, once the keys of the table are there: the foreign keys that could not come before.
    pub fn late_keys(&self) -> Vec<String> {
        self.keys.iter().flat_map(|key| key.come_for(&self.tables)).collect()
    }

    /// After contract: the rows of before are looked up for them.
    pub fn validate_late(&self, draft: &mut Draft<'_>) {
        for key in &self.keys {
            key.validate_late(draft, Phase::Contract);
        }
    }

    /// The tables at both ends of the foreign keys from and to the column.
    pub fn joined(&self) -> impl Iterator<Item = &QualifiedName> {
        self.keys
            .iter()
            .flat_map(|key| std::iter::once(&key.table.name).chain(&key.constraint.references))
    }
}

/// The default that stands on both columns.
fn early_default(column: &Column) -> Option<String> {
    column.default.clone().filter(|_| !column.default_is_volatile)
}

fn witnessed(
    draft: &mut Draft<'_>,
    relation: &QualifiedName,
    column: &Column,
    new: &str,
) -> SyncTrigger {
    let witness = Witness::new(draft, relation, column, Some(new));
    SyncTrigger::with_witness(draft, relation, witness)
}
