//! `pause`, `resume`, `tune` and `cancel`: real binary in two processes, and how soon it obeys.

use crate::site::{Site, TIMEOUT};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// What is asked for has to be in force so soon after the command was typed. The machine's noise,
/// and the start of two processes, are in it.
const EFFECTIVE: Duration = Duration::from_secs(1);

/// How long a run is watched doing nothing.
const STILL: Duration = Duration::from_millis(600);

const MIGRATION: &str = "ALTER TABLE users ADD COLUMN status text;\n\
    UPDATE users SET status = upper(name);\n\
    ALTER TABLE users ALTER COLUMN status SET NOT NULL;";

/// A table whose backfill takes a while, and a project with that revision.
async fn site(name: &str) -> Site {
    let site = Site::new(name).await;
    site.client
        .batch_execute(
            "TRUNCATE users; ALTER TABLE users ADD COLUMN pad text;
             INSERT INTO users SELECT g, 'n' || g, repeat('x', 500) FROM generate_series(1, 60000) g;
             ANALYZE users",
        )
        .await
        .unwrap();
    site.project.revision("aaaa", "none", MIGRATION);
    // Slow enough to be caught in its middle, fast enough to be over soon.
    site.project.write("airlock.toml", "[throttle]\nratio = '90%'\n");
    site
}

fn spawn(site: &Site, arguments: &[&str]) -> Child {
    site.project.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

async fn until(site: &Site, what: &str, sql: &str) {
    let deadline = Instant::now() + TIMEOUT;
    while site.value(sql).await != "true" {
        assert!(Instant::now() < deadline, "still waiting: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

const WALKS: &str = "CASE WHEN to_regclass('airlock.walk') IS NULL THEN false ELSE \
    query_to_xml('SELECT 1 FROM airlock.walk WHERE batches > 3 AND NOT done', true, true, '') \
    ::text LIKE '%1%' END";

/// Waits until the backfill is in its middle.
async fn walking(site: &Site) {
    until(site, "the backfill", WALKS).await;
}

async fn batches(site: &Site) -> String {
    site.value("SELECT sum(batches) FROM airlock.walk").await
}

#[track_caller]
fn ended(child: Child, code: i32) -> String {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_holds_through_death_and_ends_with_resume() {
    let site = site("steer_pause").await;
    let mut child = spawn(&site, &["upgrade"]);
    walking(&site).await;

    let asked = Instant::now();
    let said = site.run(&["pause", "deploy of the shop", "--format", "json"]).expect(0);
    let took = asked.elapsed();
    assert_eq!(said.json()["effective"], true, "{said:?}");
    assert_eq!(said.json()["runner"], "paused");
    assert!(took < EFFECTIVE, "{took:?}");
    let before = batches(&site).await;
    tokio::time::sleep(STILL).await;
    assert_eq!(batches(&site).await, before, "it worked on");
    let status = site.run(&["status"]).expect(0).stdout;
    assert!(status.contains("runner paused:") && status.contains("deploy of the shop"), "{status}");
    assert!(status.contains("back: airlock resume"), "{status}");

    // Killed and started again it is paused as before.
    let first = site.value("SELECT runner FROM airlock.runner").await;
    child.kill().unwrap();
    child.wait().unwrap();
    let child = spawn(&site, &["upgrade"]);
    let paused = format!(
        "EXISTS (SELECT FROM airlock.runner WHERE state = 'paused' AND runner <> '{first}')"
    );
    until(&site, "the second run", &paused).await;
    assert_eq!(batches(&site).await, before, "it worked on");

    let asked = Instant::now();
    let said = site.run(&["resume"]).expect(0).stdout;
    assert!(said.starts_with("resumed: revision aaaa"), "{said}");
    until(&site, "work", &format!("SELECT sum(batches) > {before} FROM airlock.walk")).await;
    let took = asked.elapsed();
    assert!(took < EFFECTIVE, "{took:?}");
    site.run(&["tune", "throttle_ratio", "0"]).expect(0);
    let said = ended(child, 0);
    assert!(said.contains("paused for") && said.contains("goes on"), "{said}");
    let wrong = site.value("SELECT count(*) FROM users WHERE status <> upper(name)").await;
    assert_eq!(wrong, "0");
    assert!(site.run(&["resume"]).expect(0).stdout.contains("nothing was paused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_that_expires_ends_by_itself_and_a_paused_run_can_be_interrupted() {
    let site = site("steer_expiry").await;
    let child = spawn(&site, &["upgrade"]);
    walking(&site).await;
    let said = site.run(&["pause", "--for", "1500ms"]).expect(0).stdout;
    assert!(said.contains("paused: revision aaaa"), "{said}");
    let before = batches(&site).await;
    let began = Instant::now();
    until(&site, "work", &format!("SELECT sum(batches) > {before} FROM airlock.walk")).await;
    assert!(began.elapsed() > Duration::from_millis(700), "{:?}", began.elapsed());

    site.run(&["pause"]).expect(0);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let asked = Instant::now();
    let said = ended(child, 130);
    assert!(asked.elapsed() < EFFECTIVE, "{:?}", asked.elapsed());
    assert!(said.contains("stopped on request"), "{said}");
    let said = site.run(&["pause"]).expect(0).stdout;
    assert!(said.contains("nobody is at work"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_tuned_while_it_runs() {
    let site = site("steer_tune").await;
    site.project.write("airlock.toml", "[throttle]\nratio = '95%'\n");
    let child = spawn(&site, &["upgrade", "--format", "json"]);
    walking(&site).await;

    let asked = Instant::now();
    site.run(&["tune", "jobs", "3"]).expect(0);
    until(&site, "three lanes", "SELECT count(*) = 3 FROM airlock.walk").await;
    let took = asked.elapsed();
    assert!(took < EFFECTIVE, "{took:?}");

    for (arguments, word) in [
        (&["tune", "jobs", "many"][..], "not a whole number"),
        (&["tune", "jobs", "0"], "jobs is 0"),
        (&["tune", "colour", "red"], "cannot be tuned"),
        (&["tune", "jobs"], "needs a value"),
        (&["tune", "throttle_ratio", "100%"], "airlock pause"),
    ] {
        let said = site.run(arguments).expect(2).stderr;
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    let list = site.run(&["tune"]).expect(0).stdout;
    assert!(list.contains("jobs = 3 (by ") && list.contains("airlock tune jobs --reset"), "{list}");
    assert!(site.run(&["tune", "jobs", "--reset"]).expect(0).stdout.contains("jobs reset"));
    site.run(&["tune", "throttle-ratio", "0"]).expect(0);
    let said = ended(child, 0);
    let slowed: Vec<f64> = said
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|event| event["slowed"].as_f64())
        .collect();
    assert_eq!(slowed.first(), Some(&0.95), "{said}");
    let wrong = site.value("SELECT count(*) FROM users WHERE status <> upper(name)").await;
    assert_eq!(wrong, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_runner_answers_by_its_own_limits_and_one_order_does_not_undo_another() {
    let site = site("steer_answers").await;
    let child = spawn(&site, &["upgrade", "--max-stall", "30ms", "--batch-target", "10ms"]);
    walking(&site).await;
    site.run(&["tune", "throttle_ratio", "97%"]).expect(0);
    site.run(&["tune", "batch_target", "20ms"]).expect(0);
    // The settings file would allow it: there the budget is 50 ms.
    let said = site.run(&["tune", "batch_target", "40ms"]).expect(2).stderr;
    assert!(said.contains("the runner cannot follow batch_target = 40ms"), "{said}");
    assert!(said.contains("max_stall, which is 30ms"), "{said}");
    let list = site.run(&["tune"]).expect(0).stdout;
    assert!(
        list.contains("throttle_ratio = 97%") && list.contains("batch_target = 20ms"),
        "{list}"
    );
    // What goes with a larger budget only goes with it.
    site.run(&["tune", "max_stall", "200ms"]).expect(0);
    site.run(&["tune", "batch_target", "90ms"]).expect(0);
    let said = site.run(&["tune", "max_stall", "--reset"]).expect(0).stdout;
    assert!(said.contains("Taken back, as it does not go with it: batch_target = 90ms"), "{said}");
    let list = site.run(&["tune"]).expect(0).stdout;
    assert!(list.contains("throttle_ratio = 97%") && !list.contains("batch_target = "), "{list}");
    for (arguments, word) in [
        (&["tune", "jobs", "2", "--for", "0s"][..], "too short"),
        (&["pause", "--for", "1000000000h"], "longer than a year"),
    ] {
        let said = site.run(arguments).expect(2).stderr;
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    // Orders of another revision, and times that no clock reaches, are in nobody's way.
    let orders = "INSERT INTO airlock.control (key, value, set_by, revision, expires_at) VALUES
        ('batch_target', '49s', 'somebody', 'zzzz', NULL), ('jobs', '2', 'sql', NULL, 'infinity')";
    site.client.batch_execute(orders).await.unwrap();
    let status = site.run(&["status"]).expect(0).stdout;
    assert!(status.contains("jobs = 2 (by sql") && !status.contains("49s"), "{status}");
    site.run(&["tune", "throttle_ratio", "0"]).expect(0);
    let said = ended(child, 0);
    assert!(said.contains("is taken back: batch_target = 40ms"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ratio_that_expires_gives_way_to_the_one_before() {
    let site = site("steer_ratio_expiry").await;
    let child = spawn(&site, &["upgrade", "--format", "json"]);
    walking(&site).await;
    let began = Instant::now();
    let said = site.run(&["tune", "throttle_ratio", "97%", "--for", "4s"]).expect(0).stdout;
    assert!(said.contains("throttle_ratio"), "{said}");
    let list = site.run(&["tune"]).expect(0).stdout;
    assert!(list.contains("throttle_ratio = 97%") && list.contains("until"), "{list}");
    let ours = "throttle_ratio = 97%";
    while site.run(&["tune"]).expect(0).stdout.contains(ours) {
        assert!(began.elapsed() < TIMEOUT, "it does not expire");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() > Duration::from_millis(3_500), "{:?}", began.elapsed());
    // The run has noticed: its next batches tell.
    for _ in 0..4 {
        let before = batches(&site).await;
        let moved = format!("SELECT sum(batches) > {before} FROM airlock.walk");
        until(&site, "a batch", &moved).await;
    }
    // An event a second at the most.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    site.run(&["tune", "throttle_ratio", "0"]).expect(0);
    let said = ended(child, 0);
    let mut slowed: Vec<f64> = said
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|event| event["slowed"].as_f64())
        .collect();
    slowed.dedup();
    assert!(slowed.starts_with(&[0.9, 0.97, 0.9]), "{slowed:?}");
    let wrong = site.value("SELECT count(*) FROM users WHERE status <> upper(name)").await;
    assert_eq!(wrong, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_stops_a_backfill_at_once_and_the_next_run_goes_on() {
    let site = site("steer_cancel").await;
    let child = spawn(&site, &["upgrade"]);
    walking(&site).await;
    let asked = Instant::now();
    let said = site.run(&["cancel"]).expect(0).stdout;
    let took = asked.elapsed();
    assert!(said.contains("revision aaaa has stopped"), "{said}");
    assert!(took < EFFECTIVE, "{took:?}");
    let said = ended(child, 130);
    assert!(said.contains("cancelled by ") && said.contains("in step migrate-1"), "{said}");
    assert_eq!(site.states(), ["running"]);
    assert_eq!(site.run(&["cancel"]).expect(0).stdout.trim(), "Nobody is at work.");
    site.project.write("airlock.toml", "");
    site.run(&["upgrade"]).expect(0);
    let wrong = site.value("SELECT count(*) FROM users WHERE status <> upper(name)").await;
    assert_eq!(wrong, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_cannot_be_paused_and_is_cleared_away_when_cancelled() {
    let site = site("steer_build").await;
    site.project.revision("aaaa", "none", "CREATE INDEX users_name ON users (name);");
    // An old transaction keeps the build waiting in its middle.
    let old = crate::site::cluster().target("steer_build").connect("old").await.unwrap();
    old.batch_execute("BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE").await.unwrap();
    let child = spawn(&site, &["upgrade"]);
    let invalid = "EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('users_name') \
                   AND NOT indisvalid)";
    until(&site, "the build", invalid).await;

    let said = site.run(&["pause"]).expect(0).stdout;
    assert!(said.contains("cannot be paused: CREATE INDEX CONCURRENTLY"), "{said}");
    assert!(said.contains("airlock cancel"), "{said}");
    assert_eq!(site.value(invalid).await, "true");

    // The clearing away waits for the old transaction as well, so that has to end.
    let ends = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        old.batch_execute("ROLLBACK").await.unwrap();
    });
    let said = site.run(&["cancel"]).expect(0).stdout;
    assert!(said.contains("has stopped"), "{said}");
    ends.await.unwrap();
    let said = ended(child, 130);
    assert!(said.contains("invalid index) was removed"), "{said}");
    assert_eq!(site.value("to_regclass('users_name') IS NULL").await, "true");

    site.run(&["resume"]).expect(0);
    site.run(&["upgrade"]).expect(0);
    let valid = "EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('users_name') \
                 AND indisvalid)";
    assert_eq!(site.value(valid).await, "true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_validation_cannot_be_paused_and_is_cancelled_at_once() {
    let site = site("steer_validate").await;
    let slow = "CREATE OR REPLACE FUNCTION slow(text) RETURNS bool LANGUAGE sql \
                AS 'SELECT pg_sleep(0.005) IS NOT NULL'";
    let fast = slow.replace("pg_sleep(0.005) IS NOT NULL", "true");
    // The constraint is there already: adding one would count the rows first.
    let add = "ALTER TABLE users ADD CONSTRAINT slow CHECK (slow(name)) NOT VALID";
    site.client.batch_execute(&format!("{fast}; {add}; {slow}")).await.unwrap();
    site.project.revision("aaaa", "none", "ALTER TABLE users VALIDATE CONSTRAINT slow;");
    let child = spawn(&site, &["upgrade"]);
    let validates = "EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' \
                     AND query LIKE 'ALTER TABLE%VALIDATE CONSTRAINT%' \
                     AND datname = current_database())";
    until(&site, "the validation", validates).await;

    let said = site.run(&["pause"]).expect(0).stdout;
    assert!(said.contains("cannot be paused: ALTER TABLE"), "{said}");
    assert_eq!(site.value(validates).await, "true");

    let asked = Instant::now();
    let said = site.run(&["cancel"]).expect(0).stdout;
    let took = asked.elapsed();
    assert!(said.contains("has stopped"), "{said}");
    assert!(took < EFFECTIVE, "{took:?}");
    ended(child, 130);
    let validated = "(SELECT convalidated FROM pg_constraint WHERE conname = 'slow')";
    assert_eq!(site.value(validated).await, "false");

    site.client.batch_execute(&fast).await.unwrap();
    site.run(&["resume"]).expect(0);
    site.run(&["upgrade"]).expect(0);
    assert_eq!(site.value(validated).await, "true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_journal_there_is_nothing_to_steer() {
    let site = Site::new("steer_nothing").await;
    for arguments in [&["pause"][..], &["resume"], &["cancel"], &["tune", "jobs", "2"]] {
        let said = site.run(arguments).expect(3).stderr;
        assert!(said.contains("no journal that takes orders"), "{said}");
    }
    let list = site.run(&["tune"]).expect(0).stdout;
    assert!(list.contains("throttle_ratio"), "{list}");
    site.project.revision("aaaa", "none", "CREATE TABLE x (id int);");
    site.run(&["upgrade"]).expect(0);
    let said = site.run(&["tune", "jobs", "2"]).expect(3).stderr;
    assert!(said.contains("nothing is under way"), "{said}");
}
