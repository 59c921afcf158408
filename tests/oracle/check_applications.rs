//! Two applications: while the plan runs, the statements of the old and of the new application run
//! at random. None may fail, none may wait behind us for longer than the stall budget, nothing that
//! either has written may be lost.
//!
//! *How waiting is judged.* The longest stall that the runner's own guard observed must be within the
//! budget, give or take the interval at which it looks. What the clients see has more in it: their
//! statements and this test share two cores with the server. A control session does the same kind of
//! work in another database of the same server at the same time, where nothing locks anything: the
//! slowest statement of an application may take the budget, a fixed margin, and what the slowest
//! statement of the control took. A machine that is doing other things can still starve whoever
//! holds a lock, so a check that is over its time is done again, [`ATTEMPTS`] times in all: what
//! airlock makes others wait for, it makes them wait for every time. No statement is retried, and
//! one that fails, or a value that is lost, fails the check at once.

use crate::case::Case;
use crate::clients::{Application, Slowest};
use crate::engine;
use crate::server::{CONTROL_KEYS, Database, Server};
use airlock::plan::Phase;
use airlock::run::Outcome;
use std::time::Duration;

/// What a statement may take beside the budget on a machine that is doing other things.
const NOISE_MARGIN: Duration = Duration::from_millis(100);

/// How far apart the guard's looks may be on a busy machine.
const GUARD_MARGIN_MS: f64 = 25.0;

/// How often the whole check is done before its times count as those of airlock.
const ATTEMPTS: u32 = 6;

/// The control's work: rows like those of the cases, which nobody locks.
fn control_work() -> Vec<String> {
    ["UPDATE work SET n = :n WHERE id = :id", "SELECT n FROM work WHERE id = :id"]
        .map(str::to_owned)
        .into()
}

pub async fn check(server: &Server, case: &Case) {
    for attempt in 1..=ATTEMPTS {
        let Err(why) = once(server, case).await else { return };
        assert!(attempt < ATTEMPTS, "{why}, after {attempt} attempts");
        eprintln!("{}: {why}; once more", case.name);
    }
}

/// The whole check; too long a wait is the error.
async fn once(server: &Server, case: &Case) -> Result<(), String> {
    let database = server.database(case).await;
    let plan = engine::planned(&database, case).await;
    let control_database = server.control().await;
    let control =
        Application::start(&control_database, "control", &control_work(), CONTROL_KEYS).await;
    let start = |name: &'static str, statements: &[String]| {
        let statements = statements.to_vec();
        let database = &database;
        async move { Application::start(database, name, &statements, case.keys).await }
    };

    let old = start("old application", &case.old).await;
    old.exercise().await;
    let mut outcomes = vec![engine::run_through(&database, &plan, Phase::Expand).await];
    old.assert_well();
    let early: &[String] = if case.new_starts_at_gate { &[] } else { &case.new };
    let early = start("new application", early).await;
    outcomes.push(engine::run_through(&database, &plan, engine::BEFORE_GATE).await);
    // At the gate: a deploy that takes its time, both applications at work.
    let mut late = case.new_from_gate.clone();
    if case.new_starts_at_gate {
        late.extend_from_slice(&case.new);
    }
    let late = start("new application from the gate", &late).await;
    early.exercise().await;
    old.exercise().await;
    late.exercise().await;
    let mut slowest = old.stop().await.or(late.stop().await).or(early.stop().await);
    agree(&database, &case.agree_at_gate, "at the gate").await;
    agree(&database, &case.agree, "at the gate").await;

    let mut after = case.new.clone();
    after.extend_from_slice(&case.new_from_gate);
    let new = start("new application", &after).await;
    outcomes.push(engine::run_through(&database, &plan, Phase::Contract).await);
    new.exercise().await;
    slowest = slowest.or(new.stop().await);
    agree(&database, &case.agree, "at the end").await;
    let noise = control.stop().await;
    database.drop().await;
    judge(&outcomes, &slowest, &noise)
}

/// Each query of `agree` gives one boolean, and it is true.
async fn agree(database: &Database<'_>, queries: &[String], when: &str) {
    let connection = database.connect().await;
    for sql in queries {
        let row = connection.query_one(sql, &[]).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        assert_eq!(row.get::<_, Option<bool>>(0), Some(true), "{when}: {sql}");
    }
    connection.close().await;
}

fn judge(outcomes: &[Outcome], slowest: &Slowest, noise: &Slowest) -> Result<(), String> {
    let budget = engine::limits().max_stall;
    let stall = outcomes.iter().map(Outcome::worst_stall_ms).fold(0.0, f64::max);
    let noisy_guard = GUARD_MARGIN_MS + noise.took.as_secs_f64() * 1000.0;
    let most = budget.as_secs_f64() * 1000.0 + noisy_guard;
    if stall > most {
        return Err(format!(
            "the guard saw a stall of {stall:.1} ms; at most {most:.1} ms is allowed"
        ));
    }
    let most = budget + NOISE_MARGIN + noise.took;
    if slowest.took > most {
        return Err(format!(
            "{:?} for {}; at most {most:?} is allowed (of which {:?} noise)",
            slowest.took, slowest.sql, noise.took,
        ));
    }
    Ok(())
}
