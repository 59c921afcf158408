//! The switch taken back: what the old column needs is built again while the application goes on,
//! then the columns change places once more in one short transaction.
//!
//! What the application has written since is in the old column already, put there by the trigger. A
//! value that the old type cannot hold is looked for first, and stops the rollback before it has
//! changed anything; from then on such a value is refused, so that none can slip in.

use super::expand::{backward, forward, is_late};
use super::family::{at_top, own_default};
use super::hangs::{copies_as_they_were, put_back, take_off};
use super::keys::Key;
use super::switch::{
    Moves, drop_constraint, drop_index, name_columns, rename_column, rename_index, set_default,
    strangers,
};
use super::tree::Tree;
use super::views::View;
use super::{Table, identity, trees_of};
use crate::catalog::{Constraint, ConstraintKind};
use crate::lock::LockMode;
use crate::plan::{RelationLock, Undo};
use crate::rewrite::draft::Draft;
use crate::rewrite::not_null_names;
use crate::rewrite::substitute;
use crate::rewrite::text::{self, alter, alter_of};
use crate::rewrite::{create_index, rebuild};
use crate::sql::{QualifiedName, quote_ident, quote_literal};

pub(super) fn of(
    draft: &mut Draft<'_>,
    tables: &[Table],
    trees: &[(QualifiedName, Vec<Tree>)],
    keys: &[Key],
    views: &[View],
    moves: &[Moves],
    locks: &[RelationLock],
) -> Undo {
    let mut parts = Vec::new();
    let mut last = Last::default();
    let search_path = draft.catalog.server.search_path.clone();
    for table in tables {
        if table.has_rows() {
            nothing_lost(draft, table, &search_path, &mut parts);
        }
        prove_not_null(draft, table, &mut parts, &mut last);
    }
    for (table, moves) in tables.iter().zip(moves) {
        build_indexes(table, moves, &mut parts);
        for tree in trees_of(trees, table) {
            tree.build_again(draft, &table.asides(), &mut parts);
        }
        add_checks(draft, table, &mut parts, &mut last);
    }
    for key in keys {
        key.build_again(draft, tables, &mut parts, &mut last.names);
    }
    let mut sql = strangers(draft, tables, views);
    sql.extend(views.iter().rev().map(View::drop));
    sql.extend(
        tables
            .iter()
            .filter(|table| table.has_rows())
            .map(|table| table.trigger.replace(table.runs(), &search_path, &forward(table, false))),
    );
    sql.extend(tables.iter().flat_map(|table| take_off(&table.found, &table.news())));
    sql.extend(keys.iter().map(Key::drop));
    for tree in trees.iter().flat_map(|(_, trees)| trees) {
        sql.push(drop_index(&tree.relation, &tree.index));
    }
    for (table, moves) in tables.iter().zip(moves) {
        back(draft, table, moves, &last, &mut sql);
    }
    for table in tables {
        trees_of(trees, table).for_each(|tree| tree.back(&table.asides(), &mut sql));
    }
    sql.extend(last.names);
    for table in tables {
        settle(draft, table, tables, &mut sql);
    }
    sql.extend(views.iter().flat_map(|view| view.back(draft)));
    sql.extend(keys.iter().flat_map(Key::come_late));
    parts.push(Undo::Transaction { sql, locks: locks.to_vec() });
    Undo::Sequence { parts }
}

/// What the last transaction does with what the parts before it have prepared.
#[derive(Default)]
struct Last {
    /// Renames to the old names.
    names: Vec<String>,
    /// Checks that prove a column NOT NULL: table, column, check.
    proofs: Vec<(QualifiedName, String, String)>,
}

fn add_and_validate(
    table: &QualifiedName,
    name: &str,
    add: String,
    valid: bool,
    locks: Vec<RelationLock>,
    parts: &mut Vec<Undo>,
) {
    let quoted = quote_ident(name);
    let drop = alter(table, &format!("DROP CONSTRAINT IF EXISTS {quoted}"));
    parts.push(Undo::Transaction { sql: vec![drop, add], locks });
    if valid {
        parts.push(Undo::Validate { sql: alter(table, &format!("VALIDATE CONSTRAINT {quoted}")) });
    }
}

fn nothing_lost(draft: &Draft<'_>, table: &Table, search_path: &[String], parts: &mut Vec<Undo>) {
    let name = &table.found.name;
    let looks: Vec<String> = table
        .changes
        .iter()
        .filter_map(|change| {
            let fails = change.back.fails("t.", change.name())?;
            let message = format!(
                "rows of {name} hold a value of {} that {} cannot hold; rolling back would lose it",
                change.name(),
                change.before.type_name
            );
            Some(format!(
                "  SELECT count(*) INTO airlock_count FROM {name} AS t WHERE t.{} IS NULL AND {fails};\n  \
                 IF airlock_count > 0 THEN\n    RAISE EXCEPTION USING MESSAGE = airlock_count || {}, \
                 HINT = {};\n  END IF;\n",
                quote_ident(&change.aside),
                quote_literal(&format!(" {message}")),
                quote_literal("Change or delete these rows and roll back again, or go on to contract."),
            ))
        })
        .collect();
    if looks.is_empty() {
        return;
    }
    let code = format!("\nDECLARE\n  airlock_count bigint;\nBEGIN\n{}END\n", looks.concat());
    let look = || Undo::Validate { sql: format!("DO {}", text::dollar_quoted(&code)) };
    parts.push(look());
    parts.push(Undo::Transaction {
        sql: vec![table.trigger.replace(table.runs(), search_path, &backward(table, true))],
        locks: draft.locks(&table.found, LockMode::ShareRowExclusive),
    });
    parts.push(look());
}

fn prove_not_null(draft: &mut Draft<'_>, table: &Table, parts: &mut Vec<Undo>, last: &mut Last) {
    let name = &table.found.name;
    for change in table.changes.iter().filter(|change| change.proves_not_null) {
        let proof = draft.temporary_name();
        let locks = draft.locks(&table.found, LockMode::AccessExclusive);
        let add = format!(
            "ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID",
            quote_ident(&proof),
            quote_ident(&change.aside)
        );
        add_and_validate(name, &proof, alter(name, &add), true, locks, parts);
        last.proofs.push((name.clone(), change.name().to_owned(), proof));
    }
}

fn build_indexes(table: &Table, moves: &Moves, parts: &mut Vec<Undo>) {
    for moved in moves.indexes.iter().filter(|moved| !moved.kept) {
        let Some(node) = substitute::index(&moved.index.definition, &table.asides()) else {
            continue;
        };
        let qualified = table.found.name.sibling(&moved.aside);
        parts.push(Undo::Concurrent {
            sql: create_index::concurrently(node, &table.found.name, &moved.aside),
            probe: text::index_built_probe(&qualified),
            cleanup: format!("DROP INDEX CONCURRENTLY IF EXISTS {qualified}"),
        });
    }
}

fn add_checks(draft: &mut Draft<'_>, table: &Table, parts: &mut Vec<Undo>, last: &mut Last) {
    let name = &table.found.name;
    let columns = table.asides();
    for constraint in table.found.constraints.iter().filter(|c| columns.touch(&c.columns)) {
        if constraint.kind != ConstraintKind::Check {
            continue;
        }
        let Some(definition) = rebuild::check_definition(constraint, &columns) else { continue };
        let passing = draft.temporary_name();
        let add = alter(
            name,
            &format!(
                "ADD CONSTRAINT {} {definition}{}",
                quote_ident(&passing),
                rebuild::unproven(constraint)
            ),
        );
        let locks = draft.locks(&table.found, LockMode::AccessExclusive);
        add_and_validate(name, &passing, add, constraint.validated, locks, parts);
        last.takes_name(table, &passing, constraint);
    }
}

impl Last {
    fn takes_name(&mut self, table: &Table, passing: &str, constraint: &Constraint) {
        let name = &table.found.name;
        self.names.push(rebuild::rename_constraint(name, passing, &constraint.name));
        self.names.extend(rebuild::comment_on_constraint(&table.found, constraint));
    }
}

/// The columns of one table change places again.
fn back(draft: &Draft<'_>, table: &Table, moves: &Moves, last: &Last, sql: &mut Vec<String>) {
    let found = &table.found;
    let name = &found.name;
    let columns = table.news();
    for constraint in found.constraints.iter().filter(|c| columns.touch(&c.columns)) {
        if constraint.kind == ConstraintKind::Check {
            let quoted = quote_ident(&constraint.name);
            sql.push(alter_of(found, &format!("DROP CONSTRAINT {quoted}")));
        }
    }
    sql.extend(moves.indexes.iter().map(|moved| drop_index(found, &moved.index)));
    sql.extend(moves.statistics.iter().map(|(object, _)| format!("DROP STATISTICS {object}")));
    for change in &table.changes {
        if is_late(change) {
            let quoted = quote_ident(change.name());
            sql.push(alter_of(found, &format!("ALTER COLUMN {quoted} DROP DEFAULT")));
        }
        if !table.is_top() {
            continue;
        }
        sql.push(rename_column(name, change.name(), &change.new));
        sql.push(rename_column(name, &change.aside, change.name()));
    }
    for (change, passing) in table.changes.iter().zip(&moves.sequences) {
        not_null_again(draft, table, change, last, sql);
        let types = [change.after.type_name.as_str(), change.before.type_name.as_str()];
        if let Some(identity) = change.before.identity.filter(|_| table.is_top()) {
            for sequence in identity::owned(draft, table, change) {
                let columns = [change.new.as_str(), change.name()];
                sql.extend(identity::hand_over(
                    draft, table, sequence, identity, passing, columns, types,
                ));
            }
        }
        if change.before.not_null {
            let new = quote_ident(&change.new);
            sql.push(alter_of(found, &format!("ALTER COLUMN {new} DROP NOT NULL")));
        }
    }
    for moved in &moves.indexes {
        if moved.kept {
            sql.push(rename_index(found, &moved.index, &moved.aside, &moved.index.name));
            sql.extend(rebuild::take_roles(found, &moved.index));
        } else {
            sql.extend(rebuild::take_index(found, &moved.index, &moved.aside));
            sql.extend(name_columns(found, &moved.index, &table.asides()));
        }
    }
    for (object, aside) in &moves.statistics {
        let aside = object.sibling(aside);
        sql.push(format!("ALTER STATISTICS {aside} RENAME TO {}", quote_ident(&object.name)));
    }
}

/// NOT NULL of the old column, proven by a check; on 18 under its own name, which the new column's
/// constraint gives up.
fn not_null_again(
    draft: &Draft<'_>,
    table: &Table,
    change: &super::Change,
    last: &Last,
    sql: &mut Vec<String>,
) {
    let name = &table.found.name;
    let proof = last.proofs.iter().find(|(on, of, _)| on == name && of == change.name());
    let Some((_, _, proof)) = proof else { return };
    let quoted = quote_ident(change.name());
    let below = not_null_names::below(&draft.catalog, &table.found, change.name());
    match rebuild::not_null_constraint(&table.found, change.name()) {
        Some(constraint) if !below.is_empty() => {
            let columns = [change.new.as_str(), change.name()];
            sql.extend(not_null_names::back((&table.found, constraint), &below, columns));
        }
        Some(constraint) => {
            sql.push(rebuild::rename_constraint(name, &constraint.name, &change.aside));
            let own = quote_ident(&constraint.name);
            sql.push(alter(name, &format!("ADD CONSTRAINT {own} NOT NULL {quoted}")));
            sql.extend(rebuild::comment_on_constraint(&table.found, constraint));
        }
        None => sql.push(alter(name, &format!("ALTER COLUMN {quoted} SET NOT NULL"))),
    }
    sql.push(drop_constraint(name, proof));
}

fn settle(draft: &Draft<'_>, table: &Table, tables: &[Table], sql: &mut Vec<String>) {
    let name = &table.found.name;
    for change in &table.changes {
        if let Some(default) = change.before.default.as_ref().filter(|_| table.is_top()) {
            sql.push(set_default(name, change.name(), default));
        }
        if let Some((_, above)) = at_top(tables, table, change.name()) {
            let defaults = [&change.before.default, &above.before.default];
            sql.extend(own_default(table, change.name(), defaults));
        }
        if change.before.identity.is_none() {
            for sequence in identity::owned(draft, table, change) {
                sql.push(format!(
                    "ALTER SEQUENCE {} OWNED BY {name}.{}",
                    sequence.name,
                    quote_ident(change.name())
                ));
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
