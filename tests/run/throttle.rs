//! Signals on real servers: while one is high nothing new begins, and the reason is said; when it is
//! over the run goes on by itself.

use crate::support::{Db, Recorder, SOON, backfill, exclusive, plan, recorded, start};
use airlock::connect::Connection;
use airlock::plan::Plan;
use airlock::run::throttle::{Query, Settings, Unreadable, Window};
use airlock::run::{Event, HeldBy, Limits};
use airlock::sandbox::{Cluster, ClusterOptions};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SETUP: &str = "CREATE TABLE t (id int PRIMARY KEY, a text, b text);
    INSERT INTO t SELECT g, repeat('x', 200), NULL FROM generate_series(1, 20000) AS g;
    ANALYZE t";

/// How long a run that is held back is watched doing nothing.
const STILL: Duration = Duration::from_millis(700);

fn newest() -> (u32, Cluster) {
    let major = airlock::sandbox::test_versions().unwrap().into_iter().max().unwrap();
    (major, start(major))
}

fn limits(throttle: Settings) -> Limits {
    let throttle = Settings { interval: Duration::from_millis(100), ..throttle };
    Limits { throttle: Arc::new(throttle), ..Limits::default() }
}

fn fill(major: u32) -> Plan {
    plan(major, vec![backfill("migrate-1", "t", "b = a", "t.b IS NULL")])
}

async fn value(client: &Connection, sql: &str) -> String {
    let row = client.query_one(&format!("SELECT ({sql})::text"), &[]).await.unwrap();
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

fn held_by(event: &Event, word: &str) -> bool {
    matches!(event, Event::HeldBack { by: HeldBy::Throttle, reasons, .. }
        if reasons.iter().any(|reason| reason.contains(word)))
}

/// Runs a backfill under `throttle`; when it says that `word` holds it back, nothing may change for a
/// while; after `calm` it must come to its end.
async fn holds(db: &Db, throttle: Settings, word: &str, calm: impl AsyncFnOnce(&Connection)) {
    let (recorder, hooks) = recorded();
    let (plan, limits) = (fill(db.major), limits(throttle));
    let client = db.connect().await;
    let watch = async {
        recorder.until(word, |event| held_by(event, word)).await;
        // What was under way when the signal rose may still end.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let done = "SELECT count(*) FROM t WHERE b IS NOT NULL";
        let before = value(&client, done).await;
        tokio::time::sleep(STILL).await;
        let after = value(&client, done).await;
        assert_eq!(before, after, "{word}: it worked on");
        let said = value(&client, "SELECT state || ': ' || reason FROM airlock.runner").await;
        assert!(said.starts_with("throttled: ") && said.contains(word), "{said}");
        calm(&client).await;
    };
    let (outcome, ()) = tokio::join!(db.execute_with(&plan, &limits, hooks), watch);
    outcome.unwrap_or_else(|error| panic!("{word}: {error}"));
    assert_eq!(db.number("SELECT count(*) FROM t WHERE b IS DISTINCT FROM a").await, 0);
    let went_on = recorder.events().iter().any(|event| matches!(event, Event::GoesOn { .. }));
    assert!(went_on, "{word}: it did not say that it goes on");
}

/// A standby that streams, seen by its primary.
async fn standby(primary: &Cluster, client: &Connection) -> Cluster {
    let standby = primary.start_standby("stand-by", &[]).await.unwrap();
    let deadline = Instant::now() + SOON;
    while value(client, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").await
        != "1"
    {
        assert!(Instant::now() < deadline, "it does not stream");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    standby
}

#[tokio::test]
async fn a_standby_that_lags_holds_the_backfill_back() {
    let (major, primary) = newest();
    let db = Db::on(&primary, major, SETUP).await;
    let client = db.connect().await;
    let standby = standby(&primary, &client).await;
    let replay = standby.connect("postgres").await.unwrap();
    replay.batch_execute("SELECT pg_wal_replay_pause()").await.unwrap();
    let throttle = Settings {
        replica_lag: Some(Duration::from_millis(400)),
        ratio: 0.95,
        ..Settings::default()
    };
    // It may begin; what it writes makes the standby fall behind.
    holds(&db, throttle, "standby stand-by is", async |_| {
        replay.batch_execute("SELECT pg_wal_replay_resume()").await.unwrap();
    })
    .await;

    // One that goes away is no good news either, until somebody says that it does not count.
    db.run("UPDATE t SET b = NULL; DROP SCHEMA airlock CASCADE").await;
    let throttle = Settings {
        replica_lag: Some(Duration::from_secs(60)),
        replicas: vec!["stand-by".into()],
        ..Settings::default()
    };
    standby.stop_immediate();
    holds(&db, throttle, "stand-by is not connected", async |client| {
        client
            .batch_execute(
                "INSERT INTO airlock.control (key, value, set_by) \
                 VALUES ('replica_lag', 'off', 'the test')",
            )
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn every_signal_of_the_server_holds_back_and_lets_go() {
    let (major, cluster) = newest();
    let again = "UPDATE t SET b = NULL; DROP SCHEMA IF EXISTS airlock CASCADE";
    let db = Db::on(&cluster, major, SETUP).await;

    db.run("SELECT pg_create_physical_replication_slot('slow', true)").await;
    db.run("INSERT INTO t SELECT g, repeat('x', 200), NULL FROM generate_series(20001, 40000) g")
        .await;
    let throttle = Settings { slot_bytes: Some(1 << 20), ..Settings::default() };
    holds(&db, throttle, "replication slot slow keeps back", async |client| {
        client.batch_execute("SELECT pg_drop_replication_slot('slow')").await.unwrap();
    })
    .await;

    db.run(again).await;
    let old = db.connect().await;
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.unwrap();
    for _ in 0..30 {
        db.run("CREATE TABLE x (); DROP TABLE x").await;
    }
    let throttle = Settings { oldest_xmin: Some(20), ..Settings::default() };
    holds(&db, throttle, "(test application) keeps row versions", async |_| {
        old.batch_execute("ROLLBACK").await.unwrap();
    })
    .await;

    db.run(again).await;
    let busy = db.connect().await;
    let canceller = busy.canceller();
    let sleeper = tokio::spawn(async move { busy.batch_execute("SELECT pg_sleep(60)").await });
    let throttle =
        Settings { active_backends_per_core: Some(0.5), cores: Some(2), ..Settings::default() };
    // The test's own client is idle when the signal is read; the sleeper is not.
    holds(&db, throttle, "backends are at work", async |_| canceller.cancel().await.unwrap()).await;
    assert!(sleeper.await.unwrap().is_err());

    db.run(again).await;
    db.run("CREATE TABLE carts (open bool); INSERT INTO carts VALUES (true)").await;
    let query = |sql: &str| Settings {
        queries: vec![Query { name: "open carts".into(), sql: sql.into(), max: 1.0 }],
        ..Settings::default()
    };
    let sql = "SELECT count(*) FROM public.carts WHERE open -- those that count";
    holds(&db, query(sql), "open carts: 1 (limit 1)", async |client| {
        client.batch_execute("UPDATE carts SET open = false").await.unwrap();
    })
    .await;

    // A query that cannot be read, and one that writes, count as high.
    for (sql, word) in [
        ("SELECT missing FROM public.carts", "cannot be read, which counts as high: column"),
        ("SELECT count(*) FROM public.carts_later", "carts_later\" does not exist"),
        ("SELECT nextval('public.n')", "read-only"),
    ] {
        db.run(again).await;
        db.run("CREATE SEQUENCE IF NOT EXISTS n").await;
        holds(&db, query(sql), word, async |client| {
            client
                .batch_execute(
                    "INSERT INTO airlock.control (key, value, set_by) \
                     VALUES ('queries', 'off', 'the test'); NOTIFY airlock_control",
                )
                .await
                .unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn autovacuum_at_work_on_the_table_is_waited_for() {
    let major = airlock::sandbox::test_versions().unwrap().into_iter().max().unwrap();
    let options = airlock::sandbox::ClusterOptions {
        major: Some(major),
        settings: vec![
            ("autovacuum_naptime".into(), "1".into()),
            ("autovacuum_vacuum_cost_delay".into(), "100".into()),
            ("autovacuum_vacuum_cost_limit".into(), "2".into()),
        ],
        ..Default::default()
    };
    let cluster = Cluster::start(&options).unwrap();
    let db = Db::on(&cluster, major, SETUP).await;
    db.run("ALTER TABLE t SET (autovacuum_vacuum_threshold = 0); UPDATE t SET a = a || 'y'").await;
    let deadline = Instant::now() + SOON;
    while db.number("SELECT count(*) FROM pg_stat_progress_vacuum").await == 0 {
        assert!(Instant::now() < deadline, "autovacuum does not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let throttle = Settings { autovacuum: true, ..Settings::default() };
    holds(&db, throttle, "autovacuum: at work on public.t", async |client| {
        client
            .batch_execute(
                "ALTER TABLE t SET (autovacuum_enabled = off);
                 SELECT pg_cancel_backend(pid) FROM pg_stat_progress_vacuum",
            )
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_file_and_a_window_hold_back_steps_that_lock_too() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, "CREATE TABLE t (id int)").await;
    let plan = plan(major, vec![exclusive("expand-1", "t", &["ALTER TABLE t ADD c int"])]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stop");
    std::fs::write(&file, "incident 17").unwrap();
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let hour = (now.hour() + 12) % 24;
    let window = format!("{hour:02}:00-{:02}:00 UTC", (hour + 1) % 24);
    let throttle = Settings {
        file: Some(file.clone()),
        windows: vec![Window::parse(&window).unwrap()],
        ..Settings::default()
    };
    let (recorder, hooks) = recorded();
    let limits = limits(throttle);
    let watch = async {
        recorder.until("incident", |event| held_by(event, "incident 17")).await;
        recorder.until("window", |event| held_by(event, "outside of the window")).await;
        std::fs::remove_file(&file).unwrap();
        tokio::time::sleep(STILL).await;
        assert_eq!(columns(&db).await, 1, "it went on outside of the window");
        db.run("INSERT INTO airlock.control (key, value, set_by) VALUES ('windows', 'off', 'me')")
            .await;
    };
    let (outcome, ()) = tokio::join!(db.execute_with(&plan, &limits, hooks), watch);
    outcome.unwrap();
    assert_eq!(columns(&db).await, 2);
}

async fn columns(db: &Db) -> i64 {
    db.number("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0")
        .await
}

#[tokio::test]
async fn a_role_that_may_not_see_is_held_back_and_told_what_it_needs() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    db.run(
        "CREATE ROLE plain LOGIN; \
         DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO plain', current_database()); END$$; \
         GRANT ALL ON SCHEMA public TO plain; ALTER TABLE t OWNER TO plain",
    )
    .await;
    // Somebody else's session, of which `plain` sees nothing.
    let _other = db.connect().await;
    let url = format!(
        "postgresql://plain@/{}?host={}",
        value(&db.connect().await, "SELECT current_database()").await,
        cluster.socket_dir().display()
    );
    let target = airlock::connect::Target::parse(&url).unwrap();
    let settings =
        || Settings { active_backends_per_core: Some(9.0), cores: Some(9), ..Settings::default() };
    let plan = fill(major);
    let scope = airlock::run::Scope { through: airlock::plan::Phase::Contract };
    let (recorder, hooks) = recorded();
    let held = limits(settings());
    let run = airlock::run::execute(&target, &plan, scope, &held, hooks.clone());
    let watch = async {
        recorder.until("privilege", |event| held_by(event, "GRANT pg_monitor")).await;
        hooks.stop.request();
    };
    let (outcome, ()) = tokio::join!(run, watch);
    assert!(outcome.is_err());
    assert_eq!(db.number("SELECT count(*) FROM t WHERE b IS NOT NULL").await, 0);

    let ignored = limits(Settings { unreadable: Unreadable::Ignore, ..settings() });
    let hooks = airlock::run::Hooks::default();
    airlock::run::execute(&target, &plan, scope, &ignored, hooks).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM t WHERE b IS NULL").await, 0);
}

/// Time between the first and the last batch.
fn walk_time(recorder: &Recorder) -> (f64, usize) {
    let batches: Vec<f64> = recorder
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Batch { batch_ms, .. } => Some(*batch_ms),
            _ => None,
        })
        .collect();
    (batches.iter().sum::<f64>() / 1000.0, batches.len())
}

#[tokio::test]
async fn a_ratio_makes_the_walk_stand_still_for_that_share() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    let (recorder, hooks) = recorded();
    let began = Instant::now();
    let slow = limits(Settings { ratio: 0.8, ..Settings::default() });
    let outcome = db.execute_with(&fill(major), &slow, hooks).await.unwrap();
    let elapsed = outcome.steps[0].elapsed_ms / 1000.0;
    let (worked, batches) = walk_time(&recorder);
    assert!(batches >= 3, "{batches}");
    // Four times as long still as at work.
    assert!(elapsed > worked * 4.5, "{worked} s of work in {elapsed} s");
    assert!(began.elapsed() < SOON);
    let said = recorder.events().iter().any(|event| {
        matches!(event, Event::Batch { slowed, slowed_by: Some(why), .. }
            if *slowed == 0.8 && why.contains("ratio"))
    });
    assert!(said);
}

#[tokio::test]
async fn a_connection_for_signals_that_dies_is_made_again() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    let throttle = Settings {
        ratio: 0.9,
        queries: vec![Query { name: "calm".into(), sql: "SELECT 0".into(), max: 1.0 }],
        ..Settings::default()
    };
    let (recorder, hooks) = recorded();
    let (plan, limits) = (fill(major), limits(throttle));
    let watch = async {
        recorder.until("a batch", |event| matches!(event, Event::Batch { .. })).await;
        let ended = db
            .number(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE application_name LIKE 'airlock throttle%'",
            )
            .await;
        assert_eq!(ended, 1);
    };
    let (outcome, ()) = tokio::join!(db.execute_with(&plan, &limits, hooks), watch);
    outcome.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM t WHERE b IS NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_wal_holds_back_whoever_writes_it() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (writer, of_writer) = (db.connect().await, stop.clone());
    let writing = tokio::spawn(async move {
        // Little at a time: a rate is that of the last tenth of a second.
        let sql = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 200000))";
        while !of_writer.load(Ordering::SeqCst) {
            writer.batch_execute(sql).await.unwrap();
        }
    });
    let throttle = Settings { wal_rate: Some(4 << 20), ..Settings::default() };
    holds(&db, throttle, "of WAL a second", async |_| stop.store(true, Ordering::SeqCst)).await;
    writing.await.unwrap();
}

#[tokio::test]
async fn wal_that_is_not_archived_holds_back() {
    let major = airlock::sandbox::test_versions().unwrap().into_iter().max().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let ready = folder.path().join("ready");
    let command = format!("test -e {}", ready.display());
    let settings = [("archive_mode", "on"), ("archive_command", &command), ("autovacuum", "off")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = ClusterOptions { major: Some(major), settings, ..ClusterOptions::default() };
    let cluster = Cluster::start(&options).unwrap();
    let db = Db::on(&cluster, major, SETUP).await;
    for _ in 0..5 {
        db.run("SELECT pg_logical_emit_message(true, 'test', 'x'); SELECT pg_switch_wal()").await;
    }
    let throttle = Settings { archive_backlog: Some(3), ..Settings::default() };
    holds(&db, throttle, "files of WAL wait to be archived", async |client| {
        std::fs::write(&ready, "").unwrap();
        // The archiver, which has given up for a minute, looks again.
        let sql = "SELECT pg_logical_emit_message(true, 'test', 'x')";
        client.batch_execute(sql).await.unwrap();
        client.batch_execute("SELECT pg_switch_wal()").await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_waited_behind_a_batch_holds_the_next_ones_back() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..2 {
        let (client, stop) = (db.connect().await, stop.clone());
        readers.push(tokio::spawn(async move {
            // Conflicts with the row locks of a batch, and with nothing else.
            let sql = "SELECT count(*) FROM (SELECT FROM t WHERE id % 10 = 3 FOR SHARE) AS rows";
            while !stop.load(Ordering::SeqCst) {
                client.batch_execute(sql).await.unwrap();
            }
        }));
    }
    let throttle = Settings { stall: Some(Duration::from_millis(2)), ..Settings::default() };
    holds(&db, throttle, "behind us a moment ago", async |_| stop.store(true, Ordering::SeqCst))
        .await;
    for reader in readers {
        reader.await.unwrap();
    }
}
