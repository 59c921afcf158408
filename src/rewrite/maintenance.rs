//! `VACUUM`, `REINDEX`.
//!
//! *In words*: `REINDEX` holds SHARE on the table and ACCESS EXCLUSIVE on the index while it builds, which
//! stops writers and whoever plans a query on the table. `CONCURRENTLY` builds a second index under SHARE UPDATE EXCLUSIVE and
//! exchanges the two. An invalid index, which `REINDEX TABLE CONCURRENTLY` passes over, gets a statement
//! of its own; an index of an exclusion constraint has no concurrent form. `VACUUM` is in nobody's way but
//! for its end, where it takes ACCESS EXCLUSIVE to give empty blocks at the end of the table back, and standbys
//! cancel queries over it: it is told not to, unless the statement says what it wants.

use super::as_is;
use super::dispatch::target;
use super::draft::{Draft, lock_set};
use crate::analyze::{self, Impact};
use crate::catalog::{ConstraintKind, Relation};
use crate::plan::{Action, NoteKind, Phase};
use crate::sql::{Statement, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    DefElem, DefElemAction, Node, ReindexObjectType, ReindexStmt, VacuumStmt,
};

pub(super) fn vacuum(
    draft: &mut Draft<'_>,
    statement: &Statement,
    vacuum: &VacuumStmt,
    impact: &Impact,
) {
    if !vacuum.is_vacuumcmd || analyze::has_option(&vacuum.options, "full") {
        return as_is::steps(draft, statement, impact);
    }
    let mut gentle = vacuum.clone();
    if !gentle.options.iter().any(|option| is_named(option, "truncate")) {
        gentle.options.push(option("truncate", Some(false)));
        draft.note(
            NoteKind::Information,
            "VACUUM leaves empty blocks at the end of a table where they are (TRUNCATE false): giving them back takes ACCESS EXCLUSIVE; write TRUNCATE true to have it",
        );
    }
    let sql = deparse::statement(&NodeEnum::VacuumStmt(gentle));
    step(draft, "free space is collected while the application goes on", sql, impact);
}

pub(super) fn reindex(
    draft: &mut Draft<'_>,
    statement: &Statement,
    reindex: &ReindexStmt,
    impact: &Impact,
) {
    let found = target(draft, reindex.relation.as_ref())
        .and_then(|name| draft.catalog.relation(&name).cloned());
    let kind = reindex.kind();
    if kind == ReindexObjectType::ReindexObjectSystem
        || found.as_ref().is_some_and(|found| found.created_here)
        || excludes(draft, reindex)
    {
        return as_is::steps(draft, statement, impact);
    }
    let mut online = reindex.clone();
    // Also where it is switched off.
    online.params.retain(|option| !is_named(option, "concurrently"));
    online.params.push(option("concurrently", None));
    let invalid = found.iter().filter(|_| kind == ReindexObjectType::ReindexObjectTable);
    let invalid: Vec<String> = invalid.flat_map(invalid_indexes).collect();
    let node = NodeEnum::ReindexStmt(online);
    let sql = deparse::statement(&node);
    let written = Statement { sql: sql.clone(), node, ..statement.clone() };
    match analyze::analyze(&written, &draft.catalog) {
        Ok(impact) => {
            let why = "indexes are built again while the application goes on";
            for sql in std::iter::once(sql).chain(invalid) {
                step(draft, why, sql, &impact);
            }
        }
        Err(error) => draft.reject(error.diagnostic().clone()),
    }
}

/// `REINDEX TABLE CONCURRENTLY` passes them over, with a warning.
fn invalid_indexes(table: &Relation) -> Vec<String> {
    let statement = |name: &str| format!("REINDEX INDEX CONCURRENTLY {}", table.name.sibling(name));
    table.indexes.iter().filter(|index| !index.valid).map(|index| statement(&index.name)).collect()
}

/// Whether it is about the index of an exclusion constraint.
fn excludes(draft: &Draft<'_>, reindex: &ReindexStmt) -> bool {
    let Some(range) = reindex.relation.as_ref() else { return false };
    if reindex.kind() != ReindexObjectType::ReindexObjectIndex {
        return false;
    }
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    draft.catalog.resolve_index(schema, &range.relname).is_some_and(|(table, index)| {
        table.constraints.iter().any(|constraint| {
            constraint.kind == ConstraintKind::Exclude
                && constraint.index.as_deref() == Some(index.name.as_str())
        })
    })
}

fn step(draft: &mut Draft<'_>, why: &str, sql: String, impact: &Impact) {
    let locks = lock_set(impact.locks.iter().map(|lock| (lock.relation.clone(), lock.mode)));
    draft
        .step(Phase::Migrate, why, Action::Maintenance { sql })
        .locks(locks)
        .works(impact.work.clone());
}

fn is_named(option: &Node, name: &str) -> bool {
    matches!(&option.node, Some(NodeEnum::DefElem(option)) if option.defname == name)
}

fn option(name: &str, value: Option<bool>) -> Node {
    let word = |value: bool| pg_query::protobuf::String { sval: value.to_string() };
    let arg = value.map(|value| Box::new(Node { node: Some(NodeEnum::String(word(value))) }));
    let element = DefElem {
        defname: name.to_owned(),
        arg,
        defaction: DefElemAction::DefelemUnspec as i32,
        ..DefElem::default()
    };
    Node { node: Some(NodeEnum::DefElem(Box::new(element))) }
}
