//! The throwaway cluster: it starts on every version, and nothing of it is left whatever ends it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock::connect::{Target, is_connection_lost, sqlstate};
use airlock::error::Kind;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take to disappear.
const GONE_TIMEOUT: Duration = Duration::from_secs(30);

fn start(major: u32) -> Cluster {
    Cluster::start(&ClusterOptions { major: Some(major), ..ClusterOptions::default() }).unwrap()
}

fn runs(pid: u32) -> bool {
    kill(Pid::from_raw(pid.try_into().unwrap()), None).is_ok()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + GONE_TIMEOUT;
    while !condition() {
        assert!(Instant::now() < deadline, "still waiting: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn number(target: &Target, sql: &str) -> i64 {
    let connection = target.connect("test").await.unwrap();
    connection.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn starts_connects_and_leaves_nothing_on_every_version() {
    for major in test_versions().unwrap() {
        let cluster = start(major);
        let connection = cluster.connect("postgres").await.unwrap();
        assert_eq!(connection.server_version().unwrap().major, major);
        assert_eq!(cluster.major(), major);
        let listen = connection.query_one("SHOW listen_addresses", &[]).await.unwrap();
        assert_eq!(listen.get::<_, &str>(0), "", "no TCP");

        let (pid, folder) = (cluster.pid().unwrap(), cluster.socket_dir().to_owned());
        assert!(runs(pid) && folder.is_dir());
        drop(cluster);
        assert!(!runs(pid), "the server of version {major} still runs");
        assert!(!folder.exists(), "{} is still there", folder.display());
    }
}

#[tokio::test]
async fn databases_with_hostile_names_are_made_copied_and_dropped() {
    let major = test_versions().unwrap()[0];
    let cluster = start(major);
    let name = "we;rd \"name\" dbname=postgres";
    let original = cluster.create_database(name, None).await.unwrap();
    let connection = original.connect("test").await.unwrap();
    connection.batch_execute("CREATE TABLE t AS SELECT 42::bigint AS n").await.unwrap();
    connection.close().await;
    let mut copied = cluster.create_database("copy", Some(name)).await;
    // The session that just said goodbye may still count as connected for a moment.
    let deadline = Instant::now() + GONE_TIMEOUT;
    while copied.is_err() && Instant::now() < deadline {
        copied = cluster.create_database("copy", Some(name)).await;
    }
    assert_eq!(number(&copied.unwrap(), "SELECT n FROM t").await, 42);
    if let Some(dump) = cluster.pg_dump_schema(name, &["--no-owner"]).unwrap() {
        assert!(dump.contains("CREATE TABLE public.t"), "{dump}");
        assert_eq!(Some(dump), cluster.pg_dump_schema("copy", &["--no-owner"]).unwrap());
    }
    let _held = original.connect("test").await.unwrap();
    cluster.drop_database(name).await.unwrap();
    let error = original.connect("test").await.unwrap_err();
    assert!(error.message.contains("does not exist"), "{error}");
    assert!(error.detail.unwrap().contains("3D000"));
}

#[tokio::test]
async fn a_killed_or_stopped_server_comes_back_with_what_was_committed() {
    for major in test_versions().unwrap() {
        let cluster = start(major);
        let target = cluster.target("postgres");
        let connection = target.connect("test").await.unwrap();
        connection.batch_execute("CREATE TABLE t (n bigint)").await.unwrap();
        for (n, end) in [Cluster::kill, Cluster::stop_immediate].into_iter().enumerate() {
            let connection = target.connect("test").await.unwrap();
            connection.batch_execute("INSERT INTO t VALUES (1)").await.unwrap();
            end(&cluster);
            assert_eq!(cluster.pid(), None);
            // A session whose server was killed may answer once more before it notices.
            let deadline = Instant::now() + GONE_TIMEOUT;
            let error = loop {
                match connection.batch_execute("SELECT 1").await {
                    Ok(()) => assert!(Instant::now() < deadline, "the session outlives its server"),
                    Err(error) => break error,
                }
            };
            assert!(is_connection_lost(&error), "{error:?}");
            let refused = target.connect("test").await.unwrap_err();
            assert_eq!(refused.kind, Kind::Failed);
            assert!(refused.hint.unwrap().contains("Is the server running"));
            cluster.restart().unwrap();
            assert_eq!(number(&target, "SELECT count(*) FROM t").await, n as i64 + 1);
        }
    }
}

#[test]
fn a_panic_leaves_nothing() {
    let seen = std::sync::Mutex::new(None);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let cluster = start(test_versions().unwrap()[0]);
        *seen.lock().unwrap() = Some((cluster.pid().unwrap(), cluster.socket_dir().to_owned()));
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let (pid, folder) = seen.lock().unwrap().take().unwrap();
    assert!(!runs(pid) && !folder.exists());
}

/// Not a test of its own: the process that the next one kills.
#[test]
#[ignore = "started by another test"]
fn hold_a_cluster_until_killed() {
    let cluster = start(test_versions().unwrap()[0]);
    println!("holding {} {}", cluster.pid().unwrap(), cluster.socket_dir().display());
    std::thread::sleep(GONE_TIMEOUT);
}

#[test]
fn when_we_are_killed_the_server_and_its_folder_go_too() {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold_a_cluster_until_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(holder.stdout.take().unwrap());
    let line = output
        .lines()
        .map(Result::unwrap)
        .find_map(|line| line.split_once("holding ").map(|(_, rest)| rest.to_owned()))
        .expect("the process says what it holds");
    let (pid, folder) = line.split_once(' ').unwrap();
    let (pid, folder) = (pid.parse::<u32>().unwrap(), Path::new(folder));
    assert!(runs(pid) && folder.is_dir());

    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until("the server ends", || !runs(pid));
    wait_until("the folder is removed", || !folder.exists());
}

#[test]
fn a_version_that_is_not_there_is_named() {
    let options = ClusterOptions { major: Some(7), ..ClusterOptions::default() };
    let error = Cluster::start(&options).unwrap_err();
    assert!(error.message.contains("PostgreSQL 7"), "{error}");
    assert!(error.hint.unwrap().contains("AIRLOCK_PG_BIN"));
}

#[test]
fn a_server_that_cannot_start_shows_its_log_and_leaves_nothing() {
    let options = ClusterOptions {
        settings: vec![("shared_buffers".into(), "nonsense".into())],
        ..ClusterOptions::default()
    };
    let error = Cluster::start(&options).unwrap_err();
    assert!(error.detail.unwrap().contains("shared_buffers"), "{}", error.message);
}

#[tokio::test]
async fn server_errors_keep_everything_that_the_server_said() {
    let cluster = start(test_versions().unwrap()[0]);
    let connection = cluster.connect("postgres").await.unwrap();
    let driver = connection
        .batch_execute(
            "DO $$ BEGIN RAISE 'no' USING ERRCODE = '23505', DETAIL = 'd', HINT = 'h'; END $$",
        )
        .await
        .unwrap_err();
    assert_eq!(sqlstate(&driver), Some("23505"));
    assert!(!is_connection_lost(&driver));
    let error = airlock::connect::database_error(&driver, "run it");
    assert_eq!(error.message, "could not run it: no");
    let detail = error.detail.unwrap();
    assert!(detail.contains("SQLSTATE 23505") && detail.contains("\nd\n"), "{detail}");
    assert!(detail.contains("inline_code_block"), "{detail}");
    assert_eq!(error.hint.as_deref(), Some("h"));

    connection.batch_execute("DO $$ BEGIN RAISE NOTICE 'aside'; END $$").await.unwrap();
    let notices = connection.take_notices();
    assert_eq!(notices.iter().map(|n| n.message()).collect::<Vec<_>>(), ["aside"]);

    let canceller = connection.canceller();
    let (slept, cancelled) = tokio::join!(connection.batch_execute("SELECT pg_sleep(30)"), async {
        let other = cluster.connect("postgres").await.unwrap();
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        while other.query_one(busy, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
        canceller.cancel().await
    });
    cancelled.unwrap();
    assert_eq!(sqlstate(&slept.unwrap_err()), Some("57014"));

    let pid: i32 = connection.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let other = cluster.connect("postgres").await.unwrap();
    other.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
    let error = connection.batch_execute("SELECT 1").await.unwrap_err();
    assert!(is_connection_lost(&error), "{error:?}");
}
