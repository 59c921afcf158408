//! Random deaths: the program itself, on the cases of the oracle, is killed, cut off from the server or
//! has its backends terminated at random instants, while an application writes. Run again until it
//! says that it is done, it has done what the migration as written does.
//!
//! The usual run takes a few deaths on the newest server.
//!
//! ```text
//! AIRLOCK_DEATHS=1000 cargo test --test deaths -- --nocapture     so many, on every version in turn
//! AIRLOCK_DEATHS_CASE=rename_column …                             cases with that in their name alone
//! AIRLOCK_DEATHS_PROGRAM=target/release/airlock …                 another build of the program
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
use server::{Database, Server};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use victim::{Ended, Run, Victim};

/// Deaths of the usual run, and how long it may go on beginning new cases.
const USUAL: usize = 12;
const USUAL_TIME: Duration = Duration::from_secs(25);

/// Most deaths of one rollout.
const OF_ONE: usize = 8;

/// Rollouts side by side where a number of deaths is asked for.
const SIDE_BY_SIDE: usize = 4;

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

/// Longest instant at which a run dies. It settles where four of five still are at work then, however
/// fast the build and the machine are.
struct Span(Mutex<f64>);

impl Span {
    fn instant(&self) -> Duration {
        let longest = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_secs_f64(longest * fastrand::f64())
    }

    fn learn(&self, was_at_work: bool) {
        let mut longest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *longest = (*longest * if was_at_work { 1.05 } else { 0.8 }).clamp(0.02, 10.0);
    }
}

/// What all rollouts have seen.
#[derive(Default)]
struct Counts {
    deaths: BTreeMap<Death, usize>,
    rollouts: usize,
    writes: usize,
}

impl Counts {
    fn total(&self) -> usize {
        self.deaths.values().sum()
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { deaths, rollouts, writes } = self;
        let total = self.total();
        write!(f, "{total} deaths in {rollouts} rollouts, {writes} writes meanwhile, {deaths:?}")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn whatever_dies_the_next_run_goes_on() {
    let wanted = std::env::var("AIRLOCK_DEATHS").ok().map(|n| n.parse::<usize>().unwrap());
    let word = std::env::var("AIRLOCK_DEATHS_CASE").unwrap_or_default();
    let versions = airlock::sandbox::test_versions().unwrap();
    let newest = *versions.iter().max().unwrap();
    let majors = if wanted.is_some() { versions } else { vec![newest] };
    let lanes = if wanted.is_some() { SIDE_BY_SIDE } else { 1 };
    let deadline = wanted.is_none().then(|| Instant::now() + USUAL_TIME);
    let wanted = wanted.unwrap_or(USUAL);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases = case::load_all(&folder).unwrap();
    cases.retain(|case| case.refusal.is_none() && case.name.contains(&word));
    let mut turns: Vec<(u32, Arc<Case>)> = cases
        .into_iter()
        .map(Arc::new)
        .flat_map(|case| majors.iter().map(move |major| (*major, case.clone())))
        .filter(|(major, case)| case.servers.include(*major))
        .collect();
    fastrand::shuffle(&mut turns);
    let mut turns = turns.iter().cycle().take(turns.len() * 20);
    let span = Arc::new(Span(Mutex::new(1.0)));
    let mut counts = Counts::default();
    let mut failures: Vec<String> = Vec::new();
    let mut running = JoinSet::new();
    loop {
        let more = counts.total() < wanted && deadline.is_none_or(|end| Instant::now() < end);
        while more && running.len() < lanes {
            let Some((major, case)) = turns.next().cloned() else { break };
            let span = span.clone();
            running.spawn(async move {
                let server = server::server(major).await;
                let (deaths, writes) = rollout(&server, major, &case, &span).await;
                (format!("{} on {major}", case.name), deaths, writes)
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((name, deaths, writes))) => {
                counts.rollouts += 1;
                counts.writes += writes;
                deaths.iter().for_each(|death| *counts.deaths.entry(*death).or_default() += 1);
                println!("{counts}: {name}");
            }
            // The others go on: one run shows all that is wrong.
            Some(Err(error)) => {
                let panic = error.into_panic();
                let said = panic.downcast_ref::<String>().cloned();
                failures.push(said.unwrap_or_else(|| "a check failed, see above".to_owned()));
            }
        }
    }
    server::stop_all();
    println!("{counts}");
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n\n"));
    assert!(counts.total() > 0, "nobody died");
}

/// Whether anything was there to die.
async fn die(way: Death, run: &mut Run, proxy: &Proxy, database: &Database<'_>) -> bool {
    match way {
        Death::Killed => {
            run.kill();
            true
        }
        Death::CutOff => proxy.cut() > 0,
        Death::Terminated => application::terminate(database, i64::MAX).await > 0,
        Death::OneTerminated => application::terminate(database, 1).await > 0,
    }
}

/// One rollout to its end, with a few deaths on the way; how they were, and the application's writes.
async fn rollout(server: &Server, major: u32, case: &Case, span: &Span) -> (Vec<Death>, usize) {
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
        let mut killed = false;
        if deaths.len() < quota {
            // Before it is connected nothing can go wrong.
            while proxy.open() == 0 && run.is_at_work() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            tokio::time::sleep(span.instant()).await;
            let at_work = run.is_at_work();
            span.learn(at_work);
            let way = WAYS[fastrand::usize(..WAYS.len())];
            if at_work && die(way, &mut run, &proxy, &database).await {
                deaths.push(way);
                killed = way == Death::Killed;
            }
        }
        match run.end(&victim, &what).await {
            Ended::Done => {
                // It had come to its end when the signal did.
                if killed {
                    deaths.pop();
                }
                break;
            }
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
