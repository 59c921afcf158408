//! Crash sweep: the runner is cut off at the statements that it sends, before one is sent and after
//! the server has answered; run again it goes on, and the end is the same as that of an uncut run.
//!
//! *Chained*: one database, and each run is cut at the first place where none was cut before, so that
//! a resumed run gets a little further than the last. In the usual run a place is left out where it
//! can show nothing that another does not show: before a statement (the server is as it was after the
//! one before), and after a statement that changes nothing that outlives its session in any step but
//! the first. *Isolated*: a new database for each place. The same for a rollback.

use crate::case::{Case, Rollback};
use crate::check_equivalence::allowed;
use crate::compare::{Allowed, State, assert_nothing_left};
use crate::engine;
use crate::server::{Database, Server};
use airlock::plan::{Phase, Plan};
use airlock::run::{End, Hooks, Label, Outcome, RunError, Tap, Verdict};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// More runs than any case needs: a resumed run that gets nowhere is found.
const RUNS_MAX: usize = 3000;

/// A place at which a run can be cut. The number of the statement within its step is left out when
/// places are told apart, so that the hundredth batch is not cut after the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    step: String,
    what: String,
    answered: bool,
}

impl Place {
    fn new(label: Label<'_>, answered: bool) -> Self {
        Self { step: label.step.to_owned(), what: label.what.to_owned(), answered }
    }
}

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Every place.
    Every,
    /// Of the places that can show something of their own, one in [`SAMPLE`], drawn anew each time.
    Sample,
}

const SAMPLE: u32 = 3;

/// How statements are called that leave nothing behind when their session ends.
const QUIET: [&str; 12] = [
    "BEGIN",
    "SET ",
    "look",
    "find relations",
    "lock ",
    "read ",
    "count",
    "tables of",
    "triggers",
    "check ",
    "server facts",
    "backend pid",
];

/// Cuts each run at the first place where none was cut before.
struct Chained {
    sweep: Sweep,
    seen: Mutex<BTreeSet<Place>>,
    last: Mutex<Option<Place>>,
}

impl Chained {
    fn at(&self, label: Label<'_>, answered: bool) -> Verdict {
        let mut place = Place::new(label, answered);
        if self.sweep != Sweep::Every {
            if !answered {
                return Verdict::GoOn;
            }
            if let Some(quiet) = QUIET.iter().find(|quiet| label.what.starts_with(**quiet)) {
                place = Place { step: String::new(), what: (*quiet).to_owned(), answered };
            }
        }
        let is_new = self.seen.lock().unwrap().insert(place.clone());
        if is_new && (self.sweep != Sweep::Sample || fastrand::u32(..SAMPLE) == 0) {
            *self.last.lock().unwrap() = Some(place);
            return Verdict::Cut;
        }
        Verdict::GoOn
    }
}

impl Tap for Chained {
    fn before(&self, label: Label<'_>) -> Verdict {
        self.at(label, false)
    }

    fn after(&self, label: Label<'_>) -> Verdict {
        self.at(label, true)
    }
}

/// Notes every place, and cuts at one of them.
#[derive(Default)]
struct Single {
    seen: Mutex<Vec<Place>>,
    cut_at: Option<Place>,
}

impl Single {
    fn at(&self, label: Label<'_>, answered: bool) -> Verdict {
        let place = Place::new(label, answered);
        let verdict =
            if self.cut_at.as_ref() == Some(&place) { Verdict::Cut } else { Verdict::GoOn };
        self.seen.lock().unwrap().push(place);
        verdict
    }
}

impl Tap for Single {
    fn before(&self, label: Label<'_>) -> Verdict {
        self.at(label, false)
    }

    fn after(&self, label: Label<'_>) -> Verdict {
        self.at(label, true)
    }
}

fn hooks(tap: Arc<dyn Tap>) -> Hooks {
    Hooks { tap: Some(tap), ..Hooks::default() }
}

#[derive(Clone, Copy)]
enum Way {
    Forward,
    Back,
}

async fn go(
    database: &Database<'_>,
    plan: &Plan,
    way: Way,
    hooks: &Hooks,
) -> Result<Outcome, RunError> {
    match way {
        Way::Forward => engine::execute(database, plan, Phase::Contract, hooks).await,
        Way::Back => engine::rollback(database, plan, hooks).await,
    }
}

/// Runs until a run is not cut any more; the number of cuts.
async fn until_uncut(database: &Database<'_>, plan: &Plan, way: Way, sweep: Sweep) -> usize {
    let tap = Arc::new(Chained { sweep, seen: Mutex::default(), last: Mutex::default() });
    let hooks = hooks(tap.clone());
    for cuts in 0..RUNS_MAX {
        match go(database, plan, way, &hooks).await {
            Ok(outcome) => {
                let end = match way {
                    Way::Forward => End::Finished,
                    Way::Back => End::RolledBack,
                };
                assert_eq!(outcome.end, end);
                return cuts;
            }
            Err(RunError::Cut) => {}
            Err(error) => {
                let last = tap.last.lock().unwrap().take();
                panic!("after {cuts} cuts, the last at {last:?}: {}", engine::explain(error));
            }
        }
    }
    panic!("not done after {RUNS_MAX} runs");
}

/// What may differ at the end of a run that was cut: a transaction that was cut gave its numbers away.
fn after_cuts(plan: &Plan) -> Allowed {
    Allowed { sequences: true, ..allowed(plan) }
}

/// The chained sweep, forward and, in a database of its own, back.
pub async fn check(server: &Server, case: &Case, sweep: Sweep) {
    let expected = server.written(case).await;
    let database = server.database(case).await;
    let plan = engine::planned(&database, case).await;
    let before = State::read(&database, case).await;

    // Back first: what is left is a database with the setup again, to go forward in.
    engine::run_through(&database, &plan, engine::BEFORE_GATE).await;
    let cuts = until_uncut(&database, &plan, Way::Back, sweep).await;
    let taken_back = State::read(&database, case).await;
    let what = format!("rolled back with {cuts} cuts");
    taken_back.assert_is(&before, Allowed::after_rollback(case, &plan), &what);
    assert_nothing_left(&database, case).await;

    // A sequence that a backfill has moved stays where it is, an invalid index is gone.
    let database = if case.rollback != Rollback::Complete || taken_back != before {
        database.drop().await;
        server.database(case).await
    } else {
        database
    };
    let cuts = until_uncut(&database, &plan, Way::Forward, sweep).await;
    let found = State::read(&database, case).await;
    found.assert_is(&expected, after_cuts(&plan), &format!("run with {cuts} cuts"));
    assert_nothing_left(&database, case).await;
    database.drop().await;
}

/// The isolated sweep: every place of an uncut run, or `sample` of them.
pub async fn check_isolated(server: &Server, case: &Case, sample: Option<usize>) {
    let expected = server.written(case).await;
    let database = server.database(case).await;
    let plan = engine::planned(&database, case).await;
    let recorder = Arc::new(Single::default());
    go(&database, &plan, Way::Forward, &hooks(recorder.clone())).await.unwrap();
    database.drop().await;
    let mut places: Vec<Place> = recorder
        .seen
        .lock()
        .unwrap()
        .iter()
        .cloned()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if let Some(sample) = sample {
        fastrand::shuffle(&mut places);
        places.truncate(sample);
    }
    let (count, mut passed_by) = (places.len(), 0);
    for place in places {
        let database = server.database(case).await;
        let tap = Single { cut_at: Some(place.clone()), ..Single::default() };
        match go(&database, &plan, Way::Forward, &hooks(Arc::new(tap))).await {
            Err(RunError::Cut) => {}
            // Some statements depend on the clock: what is left of the budget, a batch more or less.
            Ok(_) => {
                passed_by += 1;
                assert!(passed_by * 2 <= count, "{place:?} and others were not reached");
                database.drop().await;
                continue;
            }
            Err(error) => panic!("cut at {place:?}: {}", engine::explain(error)),
        }
        engine::run_through(&database, &plan, Phase::Contract).await;
        let found = State::read(&database, case).await;
        found.assert_is(&expected, after_cuts(&plan), &format!("cut at {place:?}"));
        assert_nothing_left(&database, case).await;
        database.drop().await;
    }
}
