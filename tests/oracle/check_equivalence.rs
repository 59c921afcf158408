//! Equivalence: the plan, all phases, gives what the migration as written gives.

use crate::case::Case;
use crate::check_locks::{self, Watch};
use crate::compare::{Allowed, State, assert_nothing_left};
use crate::engine;
use crate::server::Server;
use airlock::plan::{NoteKind, Phase, Plan};
use airlock::run::{End, Hooks};

/// What the migration as written leaves behind.
pub async fn as_written(server: &Server, case: &Case) -> State {
    let database = server.database(case).await;
    // Beside the lock model, so that this is checked on the way.
    check_locks::as_written(&database, case).await.unwrap_or_else(|why| panic!("{why}"));
    let state = State::read(&database, case).await;
    database.drop().await;
    state
}

/// What may differ at the end of `plan`: what it has announced.
pub fn allowed(plan: &Plan) -> Allowed {
    Allowed {
        column_order: engine::has_note(plan, NoteKind::ColumnOrder),
        local_not_null: engine::has_note(plan, NoteKind::Inheritance),
        ..Allowed::default()
    }
}

pub async fn check(server: &Server, case: &Case) {
    let expected = server.written(case).await;
    let database = server.database(case).await;
    let plan = engine::planned(&database, case).await;
    let watch = Watch::new(&database, &plan).await;
    let hooks = Hooks { tap: Some(watch.clone()), ..Hooks::default() };
    let outcome = engine::execute(&database, &plan, Phase::Contract, &hooks).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{}", engine::explain(error)));
    drop(hooks);
    watch.assert_announced().await;
    assert_eq!(outcome.end, End::Finished);
    let found = State::read(&database, case).await;
    found.assert_is(&expected, allowed(&plan), "the plan gives something else than the migration");
    assert_nothing_left(&database, case).await;

    // Nothing is pending: nothing is done, and no lock is taken.
    let again = engine::run_through(&database, &plan, Phase::Contract).await;
    assert!(again.steps.is_empty(), "done a second time: {:#?}", again.steps);
    database.drop().await;
}
