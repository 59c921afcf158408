//! The `view` strategy: the table steps aside, and a view under its name shows both names.

use super::super::draft::{Draft, lock_set};
use super::super::shadow_view::{self, ShownColumn};
use crate::catalog::{Column, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, Undo};
use crate::sql::{QualifiedName, quote_ident};

/// Why it cannot be done; empty when it can.
pub(super) fn obstacles(draft: &Draft<'_>, found: &Relation) -> Vec<String> {
    let mut reasons = shadow_view::obstacles(draft, found);
    if found.kind == RelationKind::CompositeType {
        reasons.push("it is an attribute of a type".to_owned());
    }
    if draft.changes_elsewhere(&found.name) {
        reasons.push("other statements of this migration change the same table".to_owned());
    }
    reasons
}

pub(super) fn steps(draft: &mut Draft<'_>, found: &Relation, column: &Column, new: &str) {
    let name = &found.name;
    let aside: QualifiedName = name.sibling(draft.temporary_name());
    let renamed = |shown: &str| ShownColumn {
        real: new.to_owned(),
        shown: shown.to_owned(),
        was: column.name.clone(),
    };
    let mut columns: Vec<ShownColumn> =
        found
            .columns
            .iter()
            .map(|c| {
                if c.name == column.name {
                    renamed(&c.name)
                } else {
                    ShownColumn::unchanged(&c.name)
                }
            })
            .collect();
    columns.push(renamed(new));
    let (old_quoted, new_quoted) = (quote_ident(&column.name), quote_ident(new));
    let mut sql = vec![
        format!("ALTER TABLE {name} RENAME COLUMN {old_quoted} TO {new_quoted}"),
        format!("ALTER TABLE {name} RENAME TO {}", quote_ident(&aside.name)),
    ];
    sql.extend(shadow_view::create(draft, found, name, &aside, &columns));
    let mut locks = draft.locks(found, LockMode::AccessExclusive);
    locks.sort();
    let both =
        lock_set([name, &aside].into_iter().map(|name| (name.clone(), LockMode::AccessExclusive)));
    // The column is renamed back in every partition.
    let below = locks.iter().filter(|lock| lock.relation != *name).cloned();
    let undo_locks =
        lock_set(both.iter().cloned().chain(below).map(|lock| (lock.relation, lock.mode)));
    let back = vec![
        format!("DROP VIEW {name}"),
        format!("ALTER TABLE {aside} RENAME TO {}", quote_ident(&name.name)),
    ];
    let mut undo = back.clone();
    undo.push(format!("ALTER TABLE {name} RENAME COLUMN {new_quoted} TO {old_quoted}"));
    draft
        .step(
            Phase::Expand,
            format!(
                "the column has both names, {} and {new}, in a view that can be written",
                column.name
            ),
            Action::Transaction { sql },
        )
        .locks(locks)
        .undo(Undo::Transaction { sql: undo, locks: undo_locks });
    draft
        .step(
            Phase::Contract,
            format!("no application uses {} any more: the table comes back", column.name),
            Action::Transaction { sql: back },
        )
        .locks(both);
    draft.gate(
        Phase::Contract,
        format!("every running application uses {new} of {name} instead of {}", column.name),
    );
    draft.note(
        NoteKind::Application,
        format!("until contract {name} is a view of {aside}: {}", shadow_view::LIMITS),
    );
    if !found.children.is_empty() {
        draft.note(
            NoteKind::Application,
            format!(
                "only {name} shows both names: a statement that names one of the tables below it directly meets {new} from expand on"
            ),
        );
    }
    draft.rely(name);
    draft.floors.relation(name, Phase::Contract);
}
