//! Random deaths: the program itself, on the cases of the oracle, is killed, cut off from the server or
//! has its backends terminated at random instants, while an application writes. Run again until it
//! says that it is done, it has done what the migration as written does.
//!
//! The usual run takes a few deaths on the newest server.
//!
//! ```text
//! AIRLOCK_DEATHS=1000 cargo test --test deaths -- --nocapture     so many, on every version in turn
//! AIRLOCK_DEATHS_CASE=rename_column …                             cases with that in their name alone
//! ```

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the oracle's modules are shared as they are")]

mod application;
#[path = "../oracle/case.rs"]
mod case;
#[path = "../oracle/check_equivalence.rs"]
mod check_equivalence;
#[path = "../oracle/check_locks.rs"]
mod check_locks;
#[path = "../oracle/compare.rs"]
mod compare;
#[path = "../oracle/engine.rs"]
mod engine;
mod proxy;
#[path = "../oracle/server.rs"]
mod server;
mod victim;

use application::Application;
use case::Case;
use compare::{Allowed, State, assert_nothing_left};
use proxy::Proxy;
use server::Server;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use victim::{Ended, Victim};

/// Deaths of the usual run, and how long it may go on beginning new cases.
const USUAL: usize = 12;
const USUAL_TIME: Duration = Duration::from_secs(25);

/// Most deaths of one rollout.
const OF_ONE: usize = 8;

/// Longest instant at which a run dies: most are done by then in a debug build on a busy machine.
const SPAN: Duration = Duration::from_millis(2500);

/// How often a run that nobody disturbs may say that it has to be tried again.
const TRIES: u32 = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Death {
    /// `SIGKILL` to the program.
    Killed,
    /// Every connection is closed under it.
    CutOff,
    /// `pg_terminate_backend` on each of its connections.
    Terminated,
    /// `pg_terminate_backend` on one of them.
    OneTerminated,
}

const WAYS: [Death; 4] = [Death::Killed, Death::CutOff, Death::Terminated, Death::OneTerminated];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_the_next_run_goes_on() {
    let wanted = std::env::var("AIRLOCK_DEATHS").ok().map(|n| n.parse::<usize>().unwrap());
    let word = std::env::var("AIRLOCK_DEATHS_CASE").unwrap_or_default();
    let versions = airlock::sandbox::test_versions().unwrap();
    let newest = *versions.iter().max().unwrap();
    let majors = if wanted.is_some() { versions } else { vec![newest] };
    let deadline = wanted.is_none().then(|| Instant::now() + USUAL_TIME);
    let wanted = wanted.unwrap_or(USUAL);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases = case::load_all(&folder).unwrap();
    cases.retain(|case| case.refusal.is_none() && case.name.contains(&word));
    fastrand::shuffle(&mut cases);
    let mut counts: BTreeMap<Death, usize> = BTreeMap::new();
    let (mut total, mut rollouts, mut writes) = (0, 0, 0);
    for (number, case) in cases.iter().cycle().take(cases.len() * 20).enumerate() {
        if total >= wanted || deadline.is_some_and(|deadline| Instant::now() > deadline) {
            break;
        }
        let major = majors[number % majors.len()];
        if !case.servers.include(major) {
            continue;
        }
        let server = server::server(major).await;
        let (deaths, written) = rollout(&server, major, case).await;
        total += deaths.len();
        rollouts += 1;
        writes += written;
        for death in deaths {
            *counts.entry(death).or_default() += 1;
        }
        println!("{total} deaths, {rollouts} rollouts: {} on {major}", case.name);
    }
    server::stop_all();
    println!("{total} deaths in {rollouts} rollouts, {writes} writes meanwhile: {counts:?}");
    assert!(total > 0, "nobody died");
}

/// One rollout to its end, with a few deaths on the way; how they were, and the application's writes.
async fn rollout(server: &Server, major: u32, case: &Case) -> (Vec<Death>, usize) {
    let what = format!("{} on {major}", case.name);
    let expected = server.written(case).await;
    let database = server.database(case).await;
    let proxy = Proxy::start(&server.cluster).await;
    let victim = Victim::new(case, &proxy.url(database.target().database()));
    // A trigger that the migration makes would tell of our writes too, and a constraint that it leaves
    // unproven may forbid to write what is there.
    let migration = case.text[case.migration.clone()].to_uppercase();
    let silent = migration.contains(" TRIGGER ") || migration.contains("NOT VALID");
    let application = Application::start(&database, silent).await;
    let quota = fastrand::usize(1..=OF_ONE);
    let (mut deaths, mut tries) = (Vec::new(), 0);
    loop {
        let mut run = victim.run();
        if deaths.len() < quota {
            tokio::time::sleep(SPAN.mul_f64(fastrand::f64().powi(2))).await;
            if run.is_at_work() {
                let way = WAYS[fastrand::usize(..WAYS.len())];
                match way {
                    Death::Killed => run.kill(),
                    Death::CutOff => proxy.cut(),
                    Death::Terminated => application::terminate(&database, i64::MAX).await,
                    Death::OneTerminated => application::terminate(&database, 1).await,
                }
                deaths.push(way);
            }
        }
        match run.end(&victim, &what).await {
            Ended::Done => break,
            Ended::Killed => {}
            Ended::Again(why) => {
                tries += 1;
                assert!(tries < TRIES, "{what} gets nowhere after {deaths:?}: {why}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ended::Wrong(why) => panic!("{what} after {deaths:?}: {why}"),
        }
    }
    // The old application has stopped writing through names that are gone, and no statement failed.
    let writes = application.stop(&what).await;
    let plan = victim.plan();
    let found = State::read(&database, case).await;
    let allowed = Allowed { sequences: true, ..check_equivalence::allowed(&plan) };
    found.assert_is(&expected, allowed, &format!("{what} after {deaths:?}"));
    assert_nothing_left(&database, case).await;
    drop(proxy);
    database.drop().await;
    (deaths, writes)
}
