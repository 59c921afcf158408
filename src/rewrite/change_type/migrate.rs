//! Migrate: backfill, compare, and build what hangs on the old columns for the new ones.

use super::keys::Key;
use super::tree::Tree;
use super::{Change, Table, listed};
use crate::plan::{Action, Backfill, Change as RowChange, Check, Phase, WorkKind};
use crate::rewrite::draft::Draft;
use crate::rewrite::rebuild::{self, Names};
use crate::rewrite::sync::differ;
use crate::sql::{QualifiedName, quote_ident};

pub(super) fn steps(
    draft: &mut Draft<'_>,
    tables: &[Table],
    trees: &[(QualifiedName, Vec<Tree>)],
    keys: &[Key],
    names: &mut Names,
) {
    for table in tables.iter().filter(|table| table.has_rows()) {
        backfill(draft, table);
        compare(draft, table);
    }
    // Foreign keys need the unique indexes of the tables that they point to.
    for table in tables {
        rebuild::indexes(draft, &table.found, &table.news(), names);
        for tree in super::trees_of(trees, table) {
            tree.build(draft, &table.news());
            tree.take(&mut names.sql);
        }
    }
    for table in tables {
        rebuild::checks(draft, &table.found, &table.news(), names);
        rebuild::statistics(draft, &table.found, &table.news(), names);
        for change in table.changes.iter().filter(|c| c.proves_not_null && !c.forward.is_called()) {
            let new = &change.new;
            rebuild::not_null(draft, Phase::Migrate, &table.found, &change.before, new, names);
        }
    }
    for key in keys {
        key.build(draft, tables, names);
    }
}

fn backfill(draft: &mut Draft<'_>, table: &Table) {
    let name = &table.found.name;
    let set: Vec<String> = table
        .changes
        .iter()
        .map(|change| {
            format!("{} = {}", quote_ident(&change.new), change.forward.value("", change.name()))
        })
        .collect();
    draft
        .step(
            Phase::Migrate,
            format!("rows from before the trigger get {} in the new type", listed(table)),
            Action::Backfill(Backfill {
                relation: name.clone(),
                alias: name.name.clone(),
                change: RowChange::Update { set: set.join(", "), from: None },
                predicate: any(table.changes.iter().map(|change| not_converted(change, ""))),
                fires_triggers: false,
                repeat: false,
            }),
        )
        .locks(crate::rewrite::data::row_locks(name))
        .work(WorkKind::RowChanges, name);
}

/// The new column does not hold what the old one converts to.
fn not_converted(change: &Change, row: &str) -> String {
    differ(
        &format!("{row}{}", quote_ident(&change.new)),
        &change.forward.typed(row, change.name(), &change.after.type_name),
    )
}

fn compare(draft: &mut Draft<'_>, table: &Table) {
    let name = &table.found.name;
    let conditions = table
        .changes
        .iter()
        .flat_map(|change| std::iter::once(not_converted(change, "t.")).chain(lost(change)));
    let condition = any(conditions);
    draft
        .step(
            Phase::Migrate,
            format!("nothing is taken for done before {} is compared in every row", listed(table)),
            Action::Verify {
                relation: name.clone(),
                check: Check::Rows { alias: "t".to_owned(), condition },
                meaning: format!(
                    "rows of {name} in which {} is not converted, or cannot be",
                    listed(table)
                ),
            },
        )
        .work(WorkKind::Scan, name);
}

/// The conversion failed, for a value that came after the first look.
pub(super) fn lost(change: &Change) -> Option<String> {
    let fails = change.forward.fails("t.", change.name())?;
    Some(format!("t.{} IS NULL AND {fails}", quote_ident(&change.new)))
}

/// `conditions` joined by OR.
fn any(conditions: impl IntoIterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.into_iter().collect();
    match conditions.as_slice() {
        [only] => only.clone(),
        several => several.iter().map(|c| format!("({c})")).collect::<Vec<_>>().join(" OR "),
    }
}
