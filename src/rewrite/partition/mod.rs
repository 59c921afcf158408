//! Partitions that come and go: `PARTITION OF`, `ATTACH`, `DETACH`, and dropping one.
//!
//! What a partitioned table has (indexes, keys, foreign keys) is in [`super::partitioned`].

pub(super) mod attach;
mod bound;
pub(super) mod create;
pub(super) mod detach;

use super::add_check;
use super::draft::Draft;
use super::text::alter;
use crate::analyze::Impact;
use crate::catalog::{Catalog, Relation};
use crate::plan::{Action, Check, NoteKind, Phase, WorkKind};
use crate::sql::{QualifiedName, quote_ident};
use pg_query::protobuf::PartitionBoundSpec;

/// The default partition of `parent`.
pub(super) fn default_of<'c>(catalog: &'c Catalog, parent: &Relation) -> Option<&'c Relation> {
    parent
        .children
        .iter()
        .filter_map(|child| catalog.relation(child))
        .find(|child| child.partition_bound.as_deref() == Some("DEFAULT"))
}

/// Whether the statement as written reads rows of `table` or of what is below it.
fn is_read(draft: &Draft<'_>, table: &Relation, impact: &Impact) -> bool {
    draft
        .catalog
        .leaves(table)
        .iter()
        .any(|leaf| impact.work.iter().any(|w| w.kind == WorkKind::Scan && w.relation == leaf.name))
}

/// Makes it certain, before anything is attached, that no row of the default partition belongs in
/// the new one. Gives the statements that take the proof away again; `None` when the bound is not
/// understood.
fn guard_default(
    draft: &mut Draft<'_>,
    parent: &Relation,
    partition: &QualifiedName,
    bound: Option<&PartitionBoundSpec>,
    impact: &Impact,
) -> Option<Vec<String>> {
    let Some(default) = default_of(&draft.catalog, parent).cloned() else {
        return Some(Vec::new());
    };
    let reads = bound.is_some_and(|bound| !bound.is_default) && is_read(draft, &default, impact);
    if !reads {
        return Some(Vec::new());
    }
    let inside = bound::condition(&draft.catalog, parent, bound?)?;
    draft.note(
        NoteKind::Application,
        format!(
            "from the check of {} until {partition} is attached, a row that belongs in {partition} is refused: as written the statement fails when there is one",
            default.name
        ),
    );
    let meaning =
        format!("rows of the default partition {} that belong in {partition}", default.name);
    Some(prove(draft, &default, &format!("NOT ({inside})"), &meaning))
}

/// A check on `table` that is looked for, added NOT VALID and validated; gives what drops it.
fn prove(draft: &mut Draft<'_>, table: &Relation, condition: &str, meaning: &str) -> Vec<String> {
    let name = draft.temporary_name();
    draft
        .step(
            Phase::Migrate,
            "the proof can only hold when no row breaks it",
            Action::Verify {
                relation: table.name.clone(),
                check: Check::Rows {
                    alias: table.name.name.clone(),
                    condition: format!("({condition}) IS NOT TRUE"),
                },
                meaning: meaning.to_owned(),
            },
        )
        .work(WorkKind::Scan, &table.name);
    add_check::not_valid_then_validate(draft, &table.name, &name, &format!("CHECK ({condition})"));
    vec![alter(&table.name, &format!("DROP CONSTRAINT {}", quote_ident(&name)))]
}
