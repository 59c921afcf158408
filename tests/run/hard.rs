//! The stall budget where it is hard to keep: blockers that do not end, tables that are never free,
//! vacuums that do not give way, applications that lock in another order.

use crate::support::{Cutter, Db, SOON, exclusive, lock, plan, recorded, start, transaction};
use airlock::error::{Error, Kind};
use airlock::lock::LockMode;
use airlock::plan::{Phase, Plan};
use airlock::run::{Event, Limits, OnBlocker, RunError};
use airlock::sandbox::{Cluster, ClusterOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Noise of a shared machine, on top of what is promised.
const NOISE: Duration = Duration::from_millis(300);

fn newest() -> (u32, Cluster) {
    let major = airlock::sandbox::test_versions().unwrap().into_iter().max().unwrap();
    (major, start(major))
}

fn add_column(major: u32) -> Plan {
    plan(major, vec![exclusive("expand-1", "t", &["ALTER TABLE public.t ADD COLUMN a int"])])
}

fn patient(seconds: u64) -> Limits {
    Limits { patience: Duration::from_secs(seconds), ..Limits::default() }
}

/// An application that reads the table all the time: the longest that a statement took, until told
/// to stop.
fn reads(db: &Db, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Duration> {
    let (target, stop) = (db.target.clone(), stop.clone());
    tokio::spawn(async move {
        let connection = target.connect("test application").await.unwrap();
        let mut longest = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            connection.query("SELECT 1 FROM t LIMIT 1", &[]).await.unwrap();
            longest = longest.max(began.elapsed());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        longest
    })
}

fn waits_for(event: &Event, word: &str) -> bool {
    matches!(event, Event::Waiting { blockers, .. }
        if blockers.iter().any(|blocker| blocker.to_string().contains(word)))
}

/// Runs a plan with `word` in the way; when that was said, nobody may have waited; `end` ends what is
/// in the way, and half a second later it is done.
async fn blocked(db: &Db, limits: &Limits, word: &str, end: impl AsyncFnOnce()) {
    let stop = Arc::new(AtomicBool::new(false));
    let reader = reads(db, &stop);
    let (recorder, hooks) = recorded();
    let plan = add_column(db.major);
    let watch = async {
        recorder.until(word, |event| waits_for(event, word)).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        end().await;
        Instant::now()
    };
    let (outcome, ended) = tokio::join!(db.execute_with(&plan, limits, hooks), watch);
    let after = ended.elapsed();
    stop.store(true, Ordering::Relaxed);
    let longest = reader.await.unwrap();
    let outcome = outcome.unwrap_or_else(|error| panic!("{word}: {error}"));
    assert!(after < Duration::from_millis(500) + NOISE, "{word}: {after:?} after it ended");
    assert!(longest < Duration::from_millis(50) + NOISE, "{word}: {longest:?}");
    assert!(outcome.steps[0].worst_stall_ms <= 50.0, "{word}: {:?}", outcome.steps[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_readers_idle_ones_and_prepared_transactions_keep_nobody_waiting() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, "CREATE TABLE t (id int)").await;
    let idle = db.connect().await;
    idle.batch_execute("BEGIN; SELECT FROM t").await.unwrap();
    blocked(&db, &patient(30), "idle in transaction", async || {
        idle.batch_execute("COMMIT").await.unwrap();
    })
    .await;

    let db = Db::on(&cluster, major, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
    let reader = db.connect().await;
    let canceller = reader.canceller();
    let reading = tokio::spawn(async move {
        let ended = reader.batch_execute("SELECT pg_sleep(60) FROM t").await;
        assert!(ended.is_err());
    });
    blocked(&db, &patient(30), "active for", async || canceller.cancel().await.unwrap()).await;
    reading.await.unwrap();

    let db = Db::on(&cluster, major, "CREATE TABLE t (id int)").await;
    db.run("BEGIN").await;
    let prepares = db.connect().await;
    for sql in ["BEGIN", "LOCK TABLE t IN ROW EXCLUSIVE MODE", "PREPARE TRANSACTION 'transfer 17'"]
    {
        prepares.batch_execute(sql).await.unwrap();
    }
    blocked(&db, &patient(30), "prepared transaction", async || {
        prepares.batch_execute("COMMIT PREPARED 'transfer 17'").await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vacuum_against_wraparound_is_waited_for_outside_the_queue() {
    let major = airlock::sandbox::test_versions().unwrap().into_iter().max().unwrap();
    let options = ClusterOptions {
        major: Some(major),
        settings: vec![
            ("autovacuum_naptime".into(), "1".into()),
            ("autovacuum_freeze_max_age".into(), "100000".into()),
            ("autovacuum_vacuum_cost_delay".into(), "100".into()),
            ("autovacuum_vacuum_cost_limit".into(), "1".into()),
            ("vacuum_freeze_min_age".into(), "0".into()),
        ],
        ..ClusterOptions::default()
    };
    let cluster = Cluster::start(&options).unwrap();
    let setup = "CREATE TABLE t (id int, pad text) WITH (autovacuum_vacuum_cost_delay = 100);
        INSERT INTO t SELECT g, repeat('x', 400) FROM generate_series(1, 20000) AS g;
        CREATE TABLE burn (id int);
        DO $$BEGIN FOR i IN 1..110000 LOOP
            BEGIN INSERT INTO burn VALUES (1); EXCEPTION WHEN others THEN NULL; END;
        END LOOP; END$$";
    let db = Db::on(&cluster, major, setup).await;
    let vacuums = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE \
                   'autovacuum: VACUUM%public.t (to prevent wraparound)'";
    let deadline = Instant::now() + 2 * SOON;
    while db.number(vacuums).await == 0 {
        assert!(Instant::now() < deadline, "autovacuum does not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    blocked(&db, &patient(60), "autovacuum to prevent wraparound", async || {
        db.run("ALTER SYSTEM SET autovacuum = off").await;
        db.run("ALTER SYSTEM SET autovacuum_freeze_max_age = 2000000000").await;
        db.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE backend_type IN ('autovacuum worker', 'autovacuum launcher')",
        )
        .await;
    })
    .await;
}

/// So many readers that overlap evenly, each in transactions of so many seconds: the table is never without one.
fn readers(
    db: &Db,
    count: u32,
    busy: u32,
    seconds: f64,
    stop: &Arc<AtomicBool>,
) -> Vec<tokio::task::JoinHandle<()>> {
    (0..count)
        .map(|number| {
            let (target, stop) = (db.target.clone(), stop.clone());
            tokio::spawn(async move {
                let connection = target.connect("report").await.unwrap();
                let apart = seconds / f64::from(count);
                tokio::time::sleep(Duration::from_secs_f64(apart * f64::from(number))).await;
                while !stop.load(Ordering::Relaxed) {
                    if number >= busy {
                        connection.batch_execute("BEGIN; SELECT count(*) FROM t").await.unwrap();
                        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
                        connection.batch_execute("COMMIT").await.unwrap();
                        continue;
                    }
                    let sql = format!("SELECT pg_sleep({seconds}) FROM t");
                    connection.batch_execute(&sql).await.unwrap();
                }
            })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_always_has_a_reader_is_foretold_and_had_by_escalation_only() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
    let stop = Arc::new(AtomicBool::new(false));
    let readers = readers(&db, 3, 3, 0.3, &stop);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let error = db.execute(&add_column(major), &patient(3)).await.unwrap_err();
    let RunError::LockNotHad { suggestion: Some(suggestion), attempts, .. } = &error else {
        panic!("{error}");
    };
    // Twice what a reader takes, as half of the budget is for waiting, and a margin; three readers
    // one after the other leave moments at which two thirds of that are over.
    assert!((600..1500).contains(&suggestion.budget.as_millis()), "{suggestion:?}");
    assert!((150..700).contains(&suggestion.ceiling.as_millis()), "{suggestion:?}");
    assert_eq!(*attempts, 0, "it queued in front of the application in vain");
    let shown = Error::from(error);
    assert_eq!(shown.kind, Kind::Retry);
    assert!(shown.hint.as_ref().unwrap().contains("--escalate-to"), "{shown:?}");

    let client = Arc::new(AtomicBool::new(false));
    let longest = reads(&db, &client);
    let ceiling = Duration::from_millis(1200);
    let limits = Limits { escalate_to: Some(ceiling), ..patient(15) };
    let (recorder, hooks) = recorded();
    let outcome = db.execute_with(&add_column(major), &limits, hooks).await.unwrap();
    client.store(true, Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    let longest = longest.await.unwrap();
    assert!(longest < ceiling + NOISE, "{longest:?}");
    assert!(outcome.steps[0].worst_stall_ms < 1200.0, "{:?}", outcome.steps[0]);
    let grown = recorder.events().iter().any(|e| matches!(e, Event::BudgetGrown { .. }));
    assert!(grown, "it was had without growing: the readers do not overlap");
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_outlast_the_deadlock_check_are_waited_for_at_the_best_moment() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
    assert_eq!(
        db.number("SELECT setting::bigint FROM pg_settings WHERE name = 'deadlock_timeout'").await,
        1000
    );
    let stop = Arc::new(AtomicBool::new(false));
    // One of them always has 1.2 s to go at least. The other one sits idle meanwhile.
    let readers = readers(&db, 2, 1, 2.4, &stop);
    let client = Arc::new(AtomicBool::new(false));
    let longest = reads(&db, &client);
    let ceiling = Duration::from_millis(2_000);
    let limits = Limits { escalate_to: Some(ceiling), ..patient(80) };
    let begun = Instant::now();
    let (recorder, hooks) = recorded();
    let outcome = db.execute_with(&add_column(major), &limits, hooks).await.unwrap();
    // Growing evenly it would have got so far after two thirds of the way, 53 s.
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    client.store(true, Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    let longest = longest.await.unwrap();
    assert!(longest > Duration::from_millis(900), "the readers were not in the way: {longest:?}");
    assert!(longest < ceiling + NOISE, "{longest:?}");
    let failed = |e: &Event| matches!(e, Event::AttemptFailed { .. });
    let failed: Vec<_> = recorder.events().into_iter().filter(failed).collect();
    assert!(outcome.steps[0].attempts <= 3, "{:?}: {failed:?}", outcome.steps[0]);
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Both tables, in the order of their names.
fn both(major: u32, number: usize) -> Plan {
    let locks = [lock("a", LockMode::AccessExclusive), lock("b", LockMode::AccessExclusive)];
    let sql = [
        format!("ALTER TABLE public.a ADD COLUMN c{number} int"),
        format!("ALTER TABLE public.b ADD COLUMN c{number} int"),
    ];
    let sql: Vec<&str> = sql.iter().map(String::as_str).collect();
    let mut plan = plan(major, vec![transaction("expand-1", Phase::Expand, &locks, &sql)]);
    plan.revision.id = format!("r{number}");
    plan.digest = airlock::plan::file::digest(&plan);
    plan
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_locks_in_another_order_is_never_the_victim() {
    let (major, cluster) = newest();
    let setup =
        "CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (id int PRIMARY KEY, n int);
        INSERT INTO a SELECT g, 0 FROM generate_series(1, 100) g;
        INSERT INTO b SELECT g, 0 FROM generate_series(1, 100) g";
    let db = Db::on(&cluster, major, setup).await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..3)
        .map(|number| {
            let (target, stop) = (db.target.clone(), stop.clone());
            tokio::spawn(async move {
                let client = target.connect("test application").await.unwrap();
                let (mut done, mut longest) = (0, Duration::ZERO);
                while !stop.load(Ordering::Relaxed) {
                    // First b, then a: the other way round than we.
                    let began = Instant::now();
                    let sql = format!(
                        "BEGIN; UPDATE b SET n = n + 1 WHERE id = {number}; SELECT pg_sleep(0.002); \
                         UPDATE a SET n = n + 1 WHERE id = {number}; COMMIT"
                    );
                    client.batch_execute(&sql).await.unwrap_or_else(|e| panic!("victim: {e:?}"));
                    longest = longest.max(began.elapsed());
                    done += 1;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                (done, longest)
            })
        })
        .collect();
    for number in 1..=8 {
        let limits = Limits { max_stall: Duration::from_millis(200), ..patient(60) };
        db.execute(&both(major, number), &limits).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        let (done, longest) = client.await.unwrap();
        assert!(done > 5, "the application hardly worked: {done}");
        assert!(longest < Duration::from_millis(200) + NOISE, "{longest:?}");
    }
    let added = "SELECT count(*) FROM pg_attribute WHERE attrelid IN ('a'::regclass, 'b'::regclass) \
                 AND attname LIKE 'c_'";
    assert_eq!(db.number(added).await, 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocker_is_only_touched_when_that_was_asked_for() {
    let (major, cluster) = newest();
    let setup = "CREATE TABLE t (id int); INSERT INTO t VALUES (1);
        DO $$BEGIN IF to_regrole('plain') IS NULL THEN CREATE ROLE plain LOGIN; END IF; END$$;
        GRANT ALL ON t TO plain";
    for (action, role, word) in [
        (OnBlocker::Wait, "plain", None),
        (OnBlocker::Cancel, "plain", Some("57014")),
        (OnBlocker::Terminate, "plain", Some("57P01")),
        // Never a superuser.
        (OnBlocker::Terminate, "postgres", None),
    ] {
        let db = Db::on(&cluster, major, setup).await;
        let target = db.target.with_user(role, None);
        let blocker = target.connect("report").await.unwrap();
        let reading =
            tokio::spawn(async move { blocker.batch_execute("SELECT pg_sleep(3) FROM t").await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        let limits =
            Limits { on_blocker: action, blocker_age: Duration::from_millis(300), ..patient(20) };
        let (recorder, hooks) = recorded();
        db.execute_with(&add_column(major), &limits, hooks).await.unwrap();
        let ended = reading.await.unwrap();
        let code = ended.err().and_then(|e| e.code().map(|code| code.code().to_owned()));
        assert_eq!(code.as_deref(), word, "{action:?} {role}");
        let spared =
            |e: &Event| matches!(e, Event::Notice { text } if text.contains("it is a superuser's"));
        let told = recorder.events().iter().filter(|event| spared(event)).count();
        assert_eq!(told, usize::from(role == "postgres"), "{action:?} {role}");
    }
}

/// An application's statement locks what it names before what that is made of; by name each of these
/// would come the other way round.
#[tokio::test]
async fn locks_are_asked_for_in_the_order_in_which_an_application_comes_upon_them() {
    let setup = "CREATE TABLE m (k int, v int) PARTITION BY RANGE (k); \
                 CREATE TABLE d PARTITION OF m FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (k); \
                 CREATE TABLE a PARTITION OF d FOR VALUES FROM (0) TO (5); \
                 CREATE TABLE c PARTITION OF m FOR VALUES FROM (9) TO (20); \
                 CREATE TABLE b (k int); \
                 CREATE VIEW n AS SELECT b.k FROM b JOIN m ON m.k = b.k; \
                 CREATE VIEW o AS SELECT k FROM n";
    for db in Db::everywhere(setup).await {
        let locks = ["a", "b", "c", "d", "m", "o"].map(|t| lock(t, LockMode::AccessExclusive));
        let sql = &["COMMENT ON TABLE public.m IS 'seen'"];
        let plan = plan(db.major, vec![transaction("expand-1", Phase::Expand, &locks, sql)]);
        let cutter = Cutter::new(None);
        db.execute_with(&plan, &patient(15), cutter.hooks()).await.unwrap();
        let seen = cutter.seen.lock().unwrap();
        let taken: Vec<&str> =
            seen.iter().filter_map(|l| Some(l.split_once(" lock public.")?.1)).collect();
        // Each is seen before it is sent and after.
        let order: Vec<&str> = taken.iter().step_by(2).copied().collect();
        assert_eq!(order, ["o", "b", "m", "c", "d", "a"], "PostgreSQL {}: {seen:?}", db.major);
    }
}
