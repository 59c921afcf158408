//! Random schemas and random migrations: the plan, all phases, gives what the migration as written
//! gives, compared as the oracle compares.
//!
//! Each case comes from a number alone, and is a case file: what a failure prints can be put into
//! `tests/cases` as it stands. The usual run takes [`USUAL`] on the newest server there is.
//!
//! ```text
//! AIRLOCK_PROPERTY=30 cargo test --test property            half an hour, on every version in turn
//! AIRLOCK_PROPERTY_GO_ON=1 …                                list failures and go on, make none smaller
//! AIRLOCK_PROPERTY_SEED=4711 cargo test --test property     this one case
//! ```

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::map_entry, reason = "the value comes from an await, which an entry cannot hold")]
#![allow(dead_code, reason = "the oracle's modules are shared as they are")]

#[path = "../oracle/case.rs"]
mod case;
#[path = "../oracle/check_equivalence.rs"]
mod check_equivalence;
#[path = "../oracle/check_locks.rs"]
mod check_locks;
mod combined;
#[path = "../oracle/compare.rs"]
mod compare;
#[path = "../oracle/engine.rs"]
mod engine;
mod grammar;
mod model;
mod outcome;
mod schema;
#[path = "../oracle/server.rs"]
mod server;
mod shrink;

use outcome::{Ended, check};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The first seed of the usual run.
const USUAL_SEED: u64 = 85_779_948;

/// How long the usual run goes on drawing cases.
const USUAL: Duration = Duration::from_secs(60);

/// Largest share of the cases that may be refused or make no sense as written: above it the test
/// tests too little.
const UNTESTED_MAX: f64 = 0.5;

/// Cases from which on the share says something.
const ENOUGH: usize = 20;

/// A case is run by `check` in a task of its own, so that a panic is an outcome.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_gives_what_the_migration_gives() {
    let variable = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let versions = airlock::sandbox::test_versions().unwrap();
    let newest = *versions.iter().max().unwrap();
    let minutes = variable("AIRLOCK_PROPERTY");
    let one = variable("AIRLOCK_PROPERTY_SEED");
    let go_on = variable("AIRLOCK_PROPERTY_GO_ON").is_some();
    let majors = if minutes.is_some() { versions } else { vec![newest] };
    let deadline = Instant::now() + minutes.map_or(USUAL, |n| Duration::from_secs(60 * n));
    // The usual run can be repeated; the long one goes where nobody has been.
    let first = one.unwrap_or_else(|| match minutes {
        Some(_) => fastrand::u64(..1_000_000_000),
        None => USUAL_SEED,
    });
    println!("first seed {first}");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    for seed in first.. {
        if seed > first && (one.is_some() || Instant::now() > deadline) {
            break;
        }
        let major = majors[usize::try_from(seed).unwrap() % majors.len()];
        let text = grammar::case(seed, major);
        let ended = check(major, &text).await;
        *counts.entry(ended.name()).or_default() += 1;
        match ended {
            Ended::Same => {}
            Ended::Senseless(why) => {
                if one.is_some() {
                    println!("{text}\nas written: {why}");
                }
            }
            Ended::Refused(why) => {
                *refusals.entry(why.lines().next().unwrap_or_default().to_owned()).or_default() +=
                    1;
                if one.is_some() {
                    println!("{text}\nrefused: {why}");
                }
            }
            Ended::Failed(why) => {
                println!("seed {seed} on {major}: {why}\n{text}");
                if go_on {
                    continue;
                }
                let (small, why) = shrink::shrink(major, text, why).await;
                server::stop_all();
                panic!("AIRLOCK_PROPERTY_SEED={seed} on {major}: {why}\nmade smaller:\n{small}");
            }
        }
    }
    server::stop_all();
    println!("{counts:?}");
    for (why, count) in refusals {
        println!("  {count} refused: {why}");
    }
    assert_eq!(counts.get("failed"), None, "failures above");
    let all: usize = counts.values().sum();
    let tested = counts.get("same").copied().unwrap_or(0);
    let untested = 1.0 - tested as f64 / all as f64;
    assert!(all < ENOUGH || untested <= UNTESTED_MAX, "{untested:.2} of the cases test nothing");
}
