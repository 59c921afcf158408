//! `REFRESH MATERIALIZED VIEW`.
//!
//! *In words*: as written nobody reads the view while its query runs and its indexes are built.
//! `CONCURRENTLY` (EXCLUSIVE on the view, which readers do not mind) compares the new rows with the old ones;
//! it needs a unique index over plain columns, and a view that was filled before. One
//! that was never filled nobody can read, and it is filled as written. Without such an index the statement is
//! refused, with what to create.

use super::as_is;
use super::dispatch::target;
use super::draft::Draft;
use crate::analyze::{self, Impact};
use crate::plan::NoteKind;
use crate::sql::{Statement, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::RefreshMatViewStmt;

pub(super) fn steps(
    draft: &mut Draft<'_>,
    statement: &Statement,
    refresh: &RefreshMatViewStmt,
    impact: &Impact,
) {
    let Some(name) = target(draft, refresh.relation.as_ref()) else {
        return as_is::steps(draft, statement, impact);
    };
    if draft.catalog.relation(&name).is_some_and(|view| view.unpopulated) && !refresh.concurrent {
        // Nobody can read it before it is filled, so nobody waits.
        return as_is::long(draft, statement, impact);
    }
    let fits = draft.catalog.relation(&name).is_some_and(|view| {
        view.indexes.iter().any(|index| {
            index.unique && index.valid && index.predicate.is_none() && !index.has_expressions
        })
    });
    if refresh.skip_data || !fits || draft.is_new(&name) {
        return as_is::steps(draft, statement, impact);
    }
    if refresh.concurrent {
        // EXCLUSIVE on what nobody writes to: another refresh waits, and nobody else.
        return as_is::long(draft, statement, impact);
    }
    let mut concurrent = refresh.clone();
    concurrent.concurrent = true;
    let node = NodeEnum::RefreshMatViewStmt(concurrent);
    let online = Statement { sql: deparse::statement(&node), node, ..statement.clone() };
    match analyze::analyze(&online, &draft.catalog) {
        Ok(impact) => {
            draft.note(
                NoteKind::Information,
                format!("{name} is refreshed CONCURRENTLY: readers go on, and it takes longer"),
            );
            as_is::long(draft, &online, &impact);
        }
        Err(error) => draft.reject(error.diagnostic().clone()),
    }
}
