//! `ALTER TABLE … RENAME TO`.
//!
//! *In words*: as written it is brief but breaks every running application. Expand, one
//! transaction: the table gets its new name and an updatable view takes the old one, with the same
//! owner and grants. Contract drops the view. `-- airlock: rename in-place` keeps the plain rename,
//! for teams that can stop the application.

use super::as_is;
use super::draft::Draft;
use super::shadow_view::{self, ShownColumn};
use crate::analyze::Impact;
use crate::catalog::{Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, RelationLock, Undo};
use crate::sql::directive::RenameStrategy;
use crate::sql::{Diagnostic, DirectiveKind, QualifiedName, Statement, quote_ident};
use pg_query::protobuf::RenameStmt;

/// The strategy that a directive asks for.
pub(super) fn strategy(draft: &mut Draft<'_>, statement: &Statement) -> RenameStrategy {
    draft
        .directive(statement, |kind| match kind {
            DirectiveKind::Rename(strategy) => Some(*strategy),
            DirectiveKind::Backfill { .. }
            | DirectiveKind::Reverse { .. }
            | DirectiveKind::Batch
            | DirectiveKind::Marker
            | DirectiveKind::StoredTrigger
            | DirectiveKind::AllowHazard { .. }
            | DirectiveKind::AllowFile { .. }
            | DirectiveKind::Allow { .. } => None,
        })
        .unwrap_or(RenameStrategy::Auto)
}

pub(super) fn steps(
    draft: &mut Draft<'_>,
    statement: &Statement,
    rename: &RenameStmt,
    impact: &Impact,
) {
    let Some(old) = super::dispatch::target(draft, rename.relation.as_ref()) else {
        return as_is::steps(draft, statement, impact);
    };
    let Some(found) = draft.catalog.relation(&old).cloned() else { return };
    let strategy = strategy(draft, statement);
    if draft.is_new(&old) {
        return as_is::steps(draft, statement, impact);
    }
    if strategy == RenameStrategy::InPlace {
        return in_place(draft, statement, impact, &old);
    }
    let mut obstacles = shadow_view::obstacles(draft, &found);
    if !matches!(
        found.kind,
        RelationKind::Table
            | RelationKind::PartitionedTable
            | RelationKind::View
            | RelationKind::MaterializedView
            | RelationKind::ForeignTable
    ) {
        obstacles.push("no view can stand in for it".to_owned());
    }
    if strategy == RenameStrategy::DualColumn {
        obstacles.push("a table has no dual-column form".to_owned());
    }
    if !obstacles.is_empty() {
        draft.refuse(
            Diagnostic::new(format!("{old} cannot keep its old name as a view"), statement.span)
                .detail(format!("The reason: {}.", obstacles.join("; ")))
                .hint("Write `-- airlock: rename in-place` above the statement if every application can be stopped for it."),
        );
        return;
    }
    with_view(draft, &found, &old.sibling(&rename.newname));
}

fn with_view(draft: &mut Draft<'_>, found: &Relation, new: &QualifiedName) {
    let old = &found.name;
    // Earlier statements of the migration speak of the old name in their steps; those that come
    // after this one meet the new name.
    draft.rename_after(draft.floor(), old, new);
    let mut columns: Vec<ShownColumn> =
        found.columns.iter().map(|c| ShownColumn::unchanged(&c.name)).collect();
    // A column that is being renamed still has its old name too.
    let doubled: Vec<ShownColumn> = found
        .columns
        .iter()
        .filter_map(|column| {
            let other = draft.floors.other_name(old, &column.name)?.to_owned();
            Some(ShownColumn { real: other.clone(), shown: other, was: column.name.clone() })
        })
        .collect();
    let hides_doubled = !doubled.is_empty();
    columns.extend(doubled);
    let rename = format!("ALTER TABLE {old} RENAME TO {}", quote_ident(&new.name));
    let mut sql = vec![rename];
    sql.extend(shadow_view::create(draft, found, old, new, &columns));
    let exclusive = |name: &QualifiedName| RelationLock {
        relation: name.clone(),
        mode: LockMode::AccessExclusive,
    };
    draft
        .step(
            Phase::Expand,
            format!("{} has both names: the old one is a view that can be written", new.name),
            Action::Transaction { sql },
        )
        .locks(vec![exclusive(old)])
        .undo(Undo::Transaction {
            sql: vec![
                format!("DROP VIEW {old}"),
                format!("ALTER TABLE {new} RENAME TO {}", quote_ident(&old.name)),
            ],
            locks: super::draft::lock_set([
                (old.clone(), LockMode::AccessExclusive),
                (new.clone(), LockMode::AccessExclusive),
            ]),
        });
    let drop = draft
        .step(
            Phase::Contract,
            format!("no application uses the name {old} any more"),
            Action::Transaction { sql: vec![format!("DROP VIEW {old}")] },
        )
        .locks(vec![exclusive(old)]);
    if hides_doubled {
        // Before the columns that it shows.
        drop.first();
    }
    draft.gate(Phase::Contract, format!("every running application uses {new} instead of {old}"));
    draft.note(
        NoteKind::Application,
        format!("until contract {old} is a view of {new}: {}", shadow_view::LIMITS),
    );
    draft.floors.relation(old, Phase::Contract);
    draft.floors.relation(new, draft.floor());
    draft.floors.moved(old, new);
}

/// The plain rename, which the user asked for.
pub(super) fn in_place(
    draft: &mut Draft<'_>,
    statement: &Statement,
    impact: &Impact,
    name: &QualifiedName,
) {
    draft.note(
        NoteKind::Application,
        format!("the rename in {name} happens at once: applications that use the old name fail from then on"),
    );
    if let Some(phase) = draft.latest_phase(name) {
        draft.raise(phase);
        draft.floors.relation(name, phase);
    }
    as_is::steps(draft, statement, impact);
}
