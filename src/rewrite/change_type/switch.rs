//! Switch: the new columns take the place of the old ones, in one short transaction.

use super::expand::{backward, forward, is_late, misfits};
use super::family::{at_top, own_default};
use super::hangs::{copies_as_they_were, put_back, take_off};
use super::keys::Key;
use super::migrate::lost;
use super::tree::Tree;
use super::views::View;
use super::{Change, Table, identity, is_kept, listed, trees_of, undo};
use crate::catalog::{ConstraintKind, Index, Relation, names};
use crate::lock::LockMode;
use crate::plan::{Action, Check, Phase, RelationLock, Undo, WorkKind};
use crate::rewrite::acl;
use crate::rewrite::draft::{Draft, lock_set};
use crate::rewrite::privileges;
use crate::rewrite::rebuild::{self, Names};
use crate::rewrite::strangers::{self, Going};
use crate::rewrite::substitute::{self, Columns};
use crate::rewrite::text::{alter, alter_of};
use crate::sql::{QualifiedName, quote_ident};

/// What of a table steps aside under another name, or is dropped.
pub(super) struct Moves {
    pub indexes: Vec<MovedIndex>,
    /// Statistics objects and the names that they step aside under.
    pub statistics: Vec<(QualifiedName, String)>,
    /// Passing names of identity sequences, by the place of the change.
    pub sequences: Vec<String>,
}

pub(super) struct MovedIndex {
    pub index: Index,
    pub aside: String,
    /// It stays on the old column; else rollback builds it again.
    pub kept: bool,
}

pub(super) fn steps(
    draft: &mut Draft<'_>,
    tables: &[Table],
    trees: &[(QualifiedName, Vec<Tree>)],
    keys: &[Key],
    views: &[View],
    mut names: Names,
) {
    for table in tables {
        make_sure(draft, table, &mut names);
    }
    for tree in trees.iter().flat_map(|(_, trees)| trees) {
        tree.make_sure(draft, Phase::Switch);
    }
    for key in keys {
        key.make_sure(draft);
    }
    let moves: Vec<Moves> = tables.iter().map(|table| moves(draft, table)).collect();
    let mut sql = strangers(draft, tables, views);
    sql.extend(views.iter().rev().map(View::drop));
    sql.extend(there(draft, tables, trees, keys, &moves, &names));
    sql.extend(views.iter().flat_map(|view| view.there(draft)));
    let locks = locks(draft, tables, keys, views);
    let undo = undo::of(draft, tables, trees, keys, views, &moves, &locks);
    for view in views {
        draft.rely(&view.found.name);
        acl::note_grantors(draft, &view.found, &[]);
        // What hangs on it from here on hangs on the new one.
        draft.floors.word(&view.found.name.name, Phase::Switch);
        privileges::made_again(draft, &view.found.name, Phase::Switch);
    }
    let which: Vec<String> = tables
        .iter()
        .filter(|t| t.is_top())
        .map(|t| format!("{} of {}", listed(t), t.found.name))
        .collect();
    draft
        .step(
            Phase::Switch,
            format!("{}: the new type takes over, and can be taken back", which.join(", ")),
            Action::Transaction { sql },
        )
        .locks(locks)
        .undo(undo);
    for key in keys {
        key.validate_late(draft, Phase::Switch);
    }
}

/// Stops where something hangs on a column or a view that would be lost.
pub(super) fn strangers(draft: &Draft<'_>, tables: &[Table], views: &[View]) -> Vec<String> {
    let going = tables.iter().flat_map(|table| {
        table.changes.iter().map(|change| Going {
            table: &table.found,
            like: &change.before,
            name: change.name(),
            loses: true,
        })
    });
    // What the migration itself drops, it drops with all that hangs on it.
    let kept = views.iter().filter(|view| view.exchanged.is_empty());
    let of_views = strangers::on_views(draft, kept.map(|view| &view.found));
    std::iter::once(strangers::on_columns(draft, going)).chain(of_views).collect()
}

/// Values that came in the meantime and cannot be converted: looked for, then refused at the door as
/// they will be after the switch, then looked for once more.
fn make_sure(draft: &mut Draft<'_>, table: &Table, names: &mut Names) {
    let name = &table.found.name;
    let uncertain: Vec<&Change> = table.changes.iter().filter(|c| lost(c).is_some()).collect();
    if uncertain.is_empty() {
        return;
    }
    if !table.has_rows() {
        return prove_uncertain(draft, table, names);
    }
    look(draft, table, &uncertain);
    let search_path = draft.catalog.server.search_path.clone();
    let replace =
        |strict| table.trigger.replace(table.runs(), &search_path, &forward(table, strict));
    let locks = draft.locks(&table.found, LockMode::ShareRowExclusive);
    draft
        .step(
            Phase::Switch,
            format!(
                "a value of {} that does not convert is refused from here on, as after the switch",
                listed(table)
            ),
            Action::Transaction { sql: vec![replace(true)] },
        )
        .locks(locks.clone())
        .undo(Undo::Transaction { sql: vec![replace(false)], locks });
    look(draft, table, &uncertain);
    prove_uncertain(draft, table, names);
    draft.rely(name);
}

/// A value that does not convert would have broken NOT NULL of the new column before.
fn prove_uncertain(draft: &mut Draft<'_>, table: &Table, names: &mut Names) {
    for change in table.changes.iter().filter(|c| c.proves_not_null && c.forward.is_called()) {
        rebuild::not_null(draft, Phase::Switch, &table.found, &change.before, &change.new, names);
    }
}

fn look(draft: &mut Draft<'_>, table: &Table, uncertain: &[&Change]) {
    let name = &table.found.name;
    for change in uncertain {
        let Some(condition) = lost(change) else { continue };
        draft
            .step(
                Phase::Switch,
                format!("no {} of {name} is lost", change.name()),
                Action::Verify {
                    relation: name.clone(),
                    check: Check::Rows { alias: "t".to_owned(), condition },
                    meaning: misfits(table, change),
                },
            )
            .work(WorkKind::Scan, name);
    }
}

fn moves(draft: &mut Draft<'_>, table: &Table) -> Moves {
    let columns = table.news();
    let indexes = table
        .found
        .indexes
        .iter()
        .filter(|index| columns.touch(&index.columns))
        .map(|index| MovedIndex {
            aside: draft.temporary_name(),
            kept: is_kept(table, index),
            index: index.clone(),
        })
        .collect();
    let statistics = table
        .found
        .statistics
        .iter()
        .filter(|object| columns.touch(&object.columns))
        .map(|object| (object.name.clone(), draft.temporary_name()))
        .collect();
    let sequences = table.changes.iter().map(|_| draft.temporary_name()).collect();
    Moves { indexes, statistics, sequences }
}

fn there(
    draft: &Draft<'_>,
    tables: &[Table],
    trees: &[(QualifiedName, Vec<Tree>)],
    keys: &[Key],
    moves: &[Moves],
    names: &Names,
) -> Vec<String> {
    let search_path = &draft.catalog.server.search_path;
    let mut sql: Vec<String> = tables
        .iter()
        .filter(|table| table.has_rows())
        .map(|table| table.trigger.replace(table.runs(), search_path, &backward(table, false)))
        .collect();
    sql.extend(tables.iter().flat_map(|table| take_off(&table.found, &table.news())));
    sql.extend(keys.iter().map(Key::drop));
    for (table, moves) in tables.iter().zip(moves) {
        leave(table, moves, &mut sql);
        trees_of(trees, table).for_each(|tree| tree.leave(&mut sql));
    }
    for (table, moves) in tables.iter().zip(moves) {
        rename(table, moves, &mut sql);
        trees_of(trees, table).for_each(|tree| tree.step_aside(&mut sql));
        for (change, passing) in table.changes.iter().zip(&moves.sequences) {
            let types = [change.before.type_name.as_str(), change.after.type_name.as_str()];
            if let Some(identity) = change.before.identity.filter(|_| table.is_top()) {
                for sequence in identity::owned(draft, table, change) {
                    let columns = [change.aside.as_str(), change.name()];
                    sql.extend(identity::hand_over(
                        draft, table, sequence, identity, passing, columns, types,
                    ));
                }
            }
            if change.before.not_null {
                let aside = quote_ident(&change.aside);
                sql.push(alter_of(&table.found, &format!("ALTER COLUMN {aside} DROP NOT NULL")));
            }
        }
    }
    sql.extend(names.sql.iter().cloned());
    for (table, moves) in tables.iter().zip(moves) {
        for moved in &moves.indexes {
            sql.extend(name_columns(&table.found, &moved.index, &table.news()));
        }
        trees_of(trees, table).for_each(|tree| tree.name_columns(&table.news(), &mut sql));
        for change in &table.changes {
            let on = format!("{}.{}", table.found.name, quote_ident(change.name()));
            if let Some(default) =
                change.after.default.as_ref().filter(|_| is_late(change) && table.is_top())
            {
                sql.push(set_default(&table.found.name, change.name(), default));
            }
            if let Some((_, above)) = at_top(tables, table, change.name()) {
                let defaults = [&change.after.default, &above.after.default];
                let late = is_late(change) || is_late(above);
                sql.extend(own_default(table, change.name(), defaults).filter(|_| late));
            }
            if change.before.identity.is_none() {
                for sequence in identity::owned(draft, table, change) {
                    sql.push(format!("ALTER SEQUENCE {} OWNED BY {on}", sequence.name));
                }
            }
        }
        sql.extend(put_back(&table.found, &table.news()));
        sql.extend(copies_as_they_were(
            &table.found,
            draft.catalog.family(&table.found),
            &table.news(),
        ));
    }
    sql.extend(keys.iter().flat_map(Key::come_late));
    sql
}

/// What goes with the old column's part as the column: checks, keys and its default.
fn leave(table: &Table, moves: &Moves, sql: &mut Vec<String>) {
    let columns = table.news();
    for constraint in table.found.constraints.iter().filter(|c| columns.touch(&c.columns)) {
        if constraint.kind == ConstraintKind::Check {
            sql.push(drop_constraint_of(&table.found, &constraint.name));
        }
    }
    for moved in moves.indexes.iter().filter(|moved| !moved.kept) {
        sql.push(drop_index(&table.found, &moved.index));
    }
    // The old columns may be NULL from here on; the new index becomes the identity below.
    if moves.indexes.iter().any(|moved| moved.kept && moved.index.is_replica_identity) {
        sql.push(alter_of(&table.found, "REPLICA IDENTITY NOTHING"));
    }
    for change in table.changes.iter().filter(|change| change.before.default.is_some()) {
        let quoted = quote_ident(change.name());
        sql.push(alter_of(&table.found, &format!("ALTER COLUMN {quoted} DROP DEFAULT")));
    }
}

fn rename(table: &Table, moves: &Moves, sql: &mut Vec<String>) {
    let name = &table.found.name;
    for change in table.changes.iter().filter(|_| table.is_top()) {
        sql.push(rename_column(name, change.name(), &change.aside));
        sql.push(rename_column(name, &change.new, change.name()));
    }
    for moved in moves.indexes.iter().filter(|moved| moved.kept) {
        sql.push(rename_index(&table.found, &moved.index, &moved.index.name, &moved.aside));
    }
    for (object, aside) in &moves.statistics {
        sql.push(format!("ALTER STATISTICS {object} RENAME TO {}", quote_ident(aside)));
    }
}

/// The strongest lock on every relation that the switch touches. Views come before the tables that
/// they read, as in every query of them: the other way round we would wait for a session that waits
/// for us.
fn locks(draft: &Draft<'_>, tables: &[Table], keys: &[Key], views: &[View]) -> Vec<RelationLock> {
    let own = tables.iter().map(|table| &table.found.name);
    let others = keys
        .iter()
        .flat_map(|key| std::iter::once(&key.table.name).chain(&key.constraint.references));
    let mode = LockMode::AccessExclusive;
    let first = views.iter().rev().map(|v| RelationLock { relation: v.found.name.clone(), mode });
    let then = lock_set(
        own.chain(others)
            .filter_map(|name| draft.catalog.relation(name))
            .flat_map(|relation| draft.catalog.family(relation))
            .map(|relation| (relation.name.clone(), mode)),
    );
    first.chain(then).collect()
}

fn drop_constraint_of(found: &Relation, name: &str) -> String {
    alter_of(found, &format!("DROP CONSTRAINT {}", quote_ident(name)))
}

pub(super) fn drop_constraint(table: &QualifiedName, name: &str) -> String {
    alter(table, &format!("DROP CONSTRAINT {}", quote_ident(name)))
}

/// Drops an index, with the constraint that it stands behind.
pub(super) fn drop_index(found: &Relation, index: &Index) -> String {
    match &index.constraint {
        Some(constraint) => drop_constraint_of(found, constraint),
        None => {
            format!("DROP INDEX {}{}", rebuild::if_there(found), found.name.sibling(&index.name))
        }
    }
}

pub(super) fn rename_index(found: &Relation, index: &Index, from: &str, to: &str) -> String {
    match &index.constraint {
        Some(_) => {
            let names = format!("{} TO {}", quote_ident(from), quote_ident(to));
            alter_of(found, &format!("RENAME CONSTRAINT {names}"))
        }
        None => {
            let (there, index) = (rebuild::if_there(found), found.name.sibling(from));
            format!("ALTER INDEX {there}{index} RENAME TO {}", quote_ident(to))
        }
    }
}

/// A column of an index keeps the name that the table's column had when the index was built: gives
/// those of an index that was built on `columns` the names that they have in `index`.
pub(super) fn name_columns(found: &Relation, index: &Index, columns: &Columns) -> Vec<String> {
    let none = Columns::default();
    let [built, wanted] = [columns, &none].map(|columns| {
        substitute::index(&index.definition, columns).map_or(Vec::new(), |node| {
            names::index_columns(&node.index_params, &node.index_including_params)
        })
    });
    let name = found.name.sibling(&index.name);
    built
        .iter()
        .zip(&wanted)
        .filter(|(built, wanted)| built != wanted)
        .map(|(built, wanted)| {
            let names = format!("{} TO {}", quote_ident(built), quote_ident(wanted));
            format!("ALTER TABLE {}{name} RENAME COLUMN {names}", rebuild::if_there(found))
        })
        .collect()
}

pub(super) fn rename_column(table: &QualifiedName, from: &str, to: &str) -> String {
    alter(table, &format!("RENAME COLUMN {} TO {}", quote_ident(from), quote_ident(to)))
}

pub(super) fn set_default(table: &QualifiedName, column: &str, default: &str) -> String {
    alter(table, &format!("ALTER COLUMN {} SET DEFAULT {default}", quote_ident(column)))
}
