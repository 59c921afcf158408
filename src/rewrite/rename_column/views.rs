//! Views and materialized views over a column that gets a second one.
//!
//! *In words*: a plain rename lets a view go on and keeps the names of what it shows. So once the new column holds
//! everything, each view that reads the old one is replaced by one that reads the new one and shows the same
//! (`CREATE OR REPLACE VIEW`: owner, privileges, what reads the view and what is said of it stay). A materialized view is
//! built anew beside the old one, which contract drops ([`super::super::change_type`]).

use crate::catalog::{Catalog, DependantKind, Relation};
use crate::lock::LockMode;
use crate::plan::{Action, Phase, RelationLock, Undo};
use crate::rewrite::change_type::{Materialized, known_materialized};
use crate::rewrite::draft::Draft;
use crate::rewrite::substitute::Columns;
use crate::rewrite::view_query;
use crate::sql::QualifiedName;

/// A view that reads the column, and its query for the new one.
struct Reader {
    view: Relation,
    query: String,
}

/// The views of `kind` that read `column` of `found` or of a table below it, with their queries for `new`.
///
/// # Errors
/// Why one of them cannot read another column.
fn readers(
    catalog: &Catalog,
    found: &Relation,
    column: &str,
    new: &str,
    kind: DependantKind,
) -> Result<Vec<Reader>, String> {
    let family = catalog.family(found);
    let columns = Columns::new([(column, new)]);
    let mut readers: Vec<Reader> = Vec::new();
    for dependant in family.iter().flat_map(|member| &member.dependants) {
        if dependant.kind != kind || !dependant.columns.iter().any(|read| read == column) {
            continue;
        }
        let Some(view) = dependant.relation.as_ref().and_then(|name| catalog.relation(name)) else {
            return Err(format!("{} reads it and is not known", dependant.name));
        };
        if readers.iter().any(|known| known.view.name == view.name) {
            continue;
        }
        let why = |why: String| format!("{} reads it and cannot read {new}: {why}", view.name);
        let definition = view.view_definition.as_deref();
        let definition = definition.ok_or_else(|| why("its query is not known".to_owned()))?;
        let query =
            view_query::with_columns(catalog, definition, &family, &columns).map_err(why)?;
        readers.push(Reader { view: view.clone(), query });
    }
    Ok(readers)
}

/// Why the views over the column cannot follow; empty when they can.
pub(super) fn obstacles(
    draft: &Draft<'_>,
    found: &Relation,
    column: &str,
    new: &str,
) -> Vec<String> {
    let catalog = &draft.catalog;
    let mut reasons = Vec::new();
    for kind in [DependantKind::View, DependantKind::MaterializedView] {
        match readers(catalog, found, column, new, kind) {
            Err(why) => reasons.push(why),
            Ok(readers) if kind == DependantKind::MaterializedView => {
                let views = readers.iter().map(|reader| &reader.view.name);
                reasons.extend(views.filter_map(|view| known_materialized(catalog, view).err()));
            }
            Ok(_) => {}
        }
    }
    reasons
}

/// Migrate: the views read the new column. What is left to drop in contract.
pub(super) fn follow(
    draft: &mut Draft<'_>,
    found: &Relation,
    column: &str,
    new: &str,
) -> Vec<Materialized> {
    for reader in
        readers(&draft.catalog, found, column, new, DependantKind::View).unwrap_or_default()
    {
        replace(draft, &reader, new);
    }
    let materialized = readers(&draft.catalog, found, column, new, DependantKind::MaterializedView);
    let family: Vec<QualifiedName> =
        draft.catalog.family(found).into_iter().map(|member| member.name.clone()).collect();
    let mut built = Vec::new();
    for Reader { view, query } in materialized.unwrap_or_default() {
        let reads = family.iter().filter(|name| {
            let member = draft.catalog.relation(name);
            member.is_some_and(|member| {
                member.dependants.iter().any(|d| d.relation.as_ref() == Some(&view.name))
            })
        });
        let reads = reads.cloned().collect();
        let anew = Materialized::new(draft, view.clone(), query.clone(), reads);
        anew.build(draft, Phase::Migrate);
        remember(draft, &view.name, query);
        built.push(anew);
    }
    built
}

fn replace(draft: &mut Draft<'_>, reader: &Reader, new: &str) {
    let Reader { view, query } = reader;
    let old = view.view_definition.clone().unwrap_or_default();
    let lock = RelationLock { relation: view.name.clone(), mode: LockMode::AccessExclusive };
    draft
        .step(
            Phase::Migrate,
            format!("{} shows what it showed, and reads {new}", view.name),
            Action::Transaction { sql: vec![view_query::replace(view, query)] },
        )
        .locks(vec![lock.clone()])
        .undo(Undo::Transaction { sql: vec![view_query::replace(view, &old)], locks: vec![lock] });
    remember(draft, &view.name, query.clone());
}

/// Later statements of the migration find the view as it is then.
fn remember(draft: &mut Draft<'_>, view: &QualifiedName, query: String) {
    draft.rely(view);
    draft.floors.word(&view.name, Phase::Migrate);
    if let Some(known) = draft.catalog.relations.get_mut(view) {
        known.view_definition = Some(query);
    }
}
