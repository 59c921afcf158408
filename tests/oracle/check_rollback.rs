//! Rollback: up to the gate, and from every phase before it, everything can be taken back. One
//! database goes forward and back again, so that a second attempt after a rollback is tried as well.

use crate::case::{Case, Rollback};
use crate::check_locks::Watch;
use crate::compare::{Allowed, State, assert_nothing_left};
use crate::engine;
use crate::server::Server;
use airlock::plan::Phase;
use airlock::run::{End, Hooks};

pub async fn check(server: &Server, case: &Case) {
    let mut database = server.database(case).await;
    let before = State::read(&database, case).await;
    let plan = engine::planned(&database, case).await;
    for through in [Phase::Expand, Phase::Migrate, Phase::Switch] {
        // The last one is the gate, whatever phases the plan has.
        let has_steps = plan.steps.iter().any(|step| step.phase == through);
        if !has_steps && through != engine::BEFORE_GATE {
            continue;
        }
        let watch = Watch::of_rollback(&database, &plan).await;
        engine::run_through(&database, &plan, through).await;
        let hooks = Hooks { tap: Some(watch.clone()), ..Hooks::default() };
        let outcome = engine::rollback(&database, &plan, &hooks)
            .await
            .unwrap_or_else(|e| panic!("rollback from {through}: {}", engine::explain(e)));
        drop(hooks);
        watch.assert_announced().await;
        assert_eq!(outcome.end, End::RolledBack);
        let what = format!("rolled back from {through}");
        let after = State::read(&database, case).await;
        after.assert_is(&before, Allowed::after_rollback(case, &plan), &what);
        assert_nothing_left(&database, case).await;
        if case.rollback != Rollback::Complete || after.invalid != before.invalid {
            // What stays, or is gone, may be in the way of a second attempt.
            database.drop().await;
            database = server.database(case).await;
        }
    }
    database.drop().await;
}
