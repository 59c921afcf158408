//! Expand: rows that cannot be converted are found before anything is changed; then the new column
//! and the trigger that fills it.

use super::family::{at_top, own_default};
use super::{Change, Table, listed};
use crate::lock::LockMode;
use crate::plan::{Action, Check, Phase, Undo, WorkKind};
use crate::rewrite::column;
use crate::rewrite::draft::Draft;
use crate::rewrite::sync::{Fires, changed};
use crate::rewrite::text::alter;
use crate::sql::{quote_ident, quote_literal};

pub(super) fn steps(draft: &mut Draft<'_>, tables: &[Table]) {
    for table in tables.iter().filter(|table| table.is_top()) {
        let family: Vec<&Table> =
            tables.iter().filter(|below| below.top == table.found.name).collect();
        convert(draft, table);
        for own in family.iter().filter(|own| own.has_rows()) {
            for change in &own.changes {
                look_for_misfits(draft, own, change);
            }
        }
        add(draft, table, &family, tables);
    }
}

fn convert(draft: &mut Draft<'_>, table: &Table) {
    let name = &table.found.name;
    let search_path = draft.catalog.server.search_path.clone();
    let functions: Vec<String> = table
        .changes
        .iter()
        .flat_map(|change| [change.forward.create(&search_path), change.back.create(&search_path)])
        .flatten()
        .collect();
    if !functions.is_empty() {
        let back = table
            .changes
            .iter()
            .flat_map(|c| [c.forward.remove_if_there(), c.back.remove_if_there()])
            .flatten()
            .collect();
        draft
            .step(
                Phase::Expand,
                format!("how {} of {name} is converted, with the settings of now", listed(table)),
                Action::Transaction { sql: functions },
            )
            .undo(Undo::Transaction { sql: back, locks: Vec::new() });
    }
}

fn add(draft: &mut Draft<'_>, table: &Table, family: &[&Table], tables: &[Table]) {
    let name = &table.found.name;
    let search_path = draft.catalog.server.search_path.clone();
    let mut sql = Vec::new();
    for change in &table.changes {
        sql.extend(column::add(name, &change.after, &change.new));
        if let Some(default) = change.after.default.as_ref().filter(|_| !is_late(change)) {
            let quoted = quote_ident(&change.new);
            sql.push(alter(name, &format!("ALTER COLUMN {quoted} SET DEFAULT {default}")));
        }
        sql.extend(column::grants_and_comment(&table.found, &change.before, &change.new));
    }
    for below in family.iter().filter(|below| !below.is_top()) {
        for change in &below.changes {
            let Some((_, above)) = at_top(tables, below, change.name()) else { continue };
            sql.extend(column::differences(&below.found, &change.after, &above.after, &change.new));
            let defaults = [&change.after.default, &above.after.default];
            sql.extend(own_default(below, &change.new, defaults).filter(|_| !is_late(change)));
            sql.extend(column::grants_and_comment(&below.found, &change.before, &change.new));
        }
    }
    let mut undo = Vec::new();
    for own in family.iter().filter(|own| own.has_rows()) {
        let body = forward(own, false);
        let trigger = &own.trigger;
        sql.extend(trigger.create(Fires::InsertOrUpdate, "", own.runs(), &search_path, &body));
        undo.extend(trigger.remove_if_there());
    }
    for change in &table.changes {
        undo.push(alter(name, &format!("DROP COLUMN IF EXISTS {}", quote_ident(&change.new))));
    }
    let locks = draft.locks(&table.found, LockMode::AccessExclusive);
    draft
        .step(
            Phase::Expand,
            format!(
                "rows that are written from now on have {} of {name} in the new type too",
                listed(table)
            ),
            Action::Transaction { sql },
        )
        .locks(locks.clone())
        .undo(Undo::Transaction { sql: undo, locks });
}

/// A volatile default (a sequence) is not to be asked twice for one row: it comes with the switch.
pub(super) fn is_late(change: &Change) -> bool {
    change.after.default_is_volatile
}

fn look_for_misfits(draft: &mut Draft<'_>, table: &Table, change: &Change) {
    let name = &table.found.name;
    let Some(condition) = change.forward.fails("t.", change.name()) else { return };
    draft
        .step(
            Phase::Expand,
            format!(
                "nothing is changed before every {} of {name} is known to become {}",
                change.name(),
                change.after.type_name
            ),
            Action::Verify {
                relation: name.clone(),
                check: Check::Rows { alias: "t".to_owned(), condition },
                meaning: misfits(table, change),
            },
        )
        .work(WorkKind::Scan, name);
}

pub(super) fn misfits(table: &Table, change: &Change) -> String {
    format!(
        "rows of {} in which {} cannot become {}",
        table.found.name,
        change.name(),
        change.after.type_name
    )
}

/// Before the switch: the new column follows the old one. With `strict`, a value that cannot be
/// converted is an error, as it will be after the switch.
pub(super) fn forward(table: &Table, strict: bool) -> String {
    let mut body = String::new();
    for change in &table.changes {
        let new = quote_ident(&change.new);
        let value = change.forward.value("NEW.", change.name());
        body.push_str(&format!("  NEW.{new} := {value};\n"));
        if let Some(fails) = change.forward.fails("NEW.", change.name()).filter(|_| strict) {
            let message = format!(
                "{} of {} cannot become {}",
                change.name(),
                table.found.name,
                change.after.type_name
            );
            body.push_str(&refuse_row(&new, &fails, &message));
        }
    }
    body
}

/// After the switch: the old column follows the new one, where that has changed, so that a value
/// which nobody has touched stays exactly what it was.
/// With `strict`, a value that cannot go back is an error: what rollback does before it looks for
/// such values.
pub(super) fn backward(table: &Table, strict: bool) -> String {
    let mut body = String::new();
    for change in &table.changes {
        let aside = quote_ident(&change.aside);
        let assign = format!("NEW.{aside} := {};", change.back.value("NEW.", change.name()));
        body.push_str(&format!(
            "  IF TG_OP = 'INSERT' THEN\n    {assign}\n  ELSIF {} THEN\n    {assign}\n  END IF;\n",
            changed(change.name())
        ));
        if let Some(fails) = change.back.fails("NEW.", change.name()).filter(|_| strict) {
            let message = format!(
                "{} of {} cannot become {} again",
                change.name(),
                table.found.name,
                change.before.type_name
            );
            body.push_str(&refuse_row(&aside, &fails, &message));
        }
    }
    body
}

fn refuse_row(column: &str, fails: &str, message: &str) -> String {
    format!(
        "  IF NEW.{column} IS NULL AND {fails} THEN\n    RAISE EXCEPTION USING MESSAGE = {}, \
         ERRCODE = 'invalid_text_representation';\n  END IF;\n",
        quote_literal(message)
    )
}
