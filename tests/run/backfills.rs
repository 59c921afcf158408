//! Backfills: right under concurrent writers, gentle to them, and bounded in what they leave behind.

use crate::support::{
    Db, backfill, backfill_as, before, clusters, exclusive, plan, recorded, sync,
};
use airlock::error::{Error, Kind};
use airlock::plan::{Note, NoteKind, Plan, Step, file};
use airlock::run::{Event, Failed, Hooks, Limits, RunError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ROWS: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a int, pad text);
    INSERT INTO t SELECT g, CASE WHEN g % 7 > 0 THEN g END, repeat('x', 40)
    FROM generate_series(1, 20000) AS g";

/// Short batches, so that there are many.
fn limits() -> Limits {
    Limits {
        batch_target: Duration::from_millis(3),
        patience: Duration::from_secs(20),
        ..Limits::default()
    }
}

fn add_and_sync() -> Step {
    let [function, trigger] = sync("t", "b", "a");
    exclusive("expand-1", "t", &["ALTER TABLE public.t ADD COLUMN b int", &function, &trigger])
}

fn copy(major: u32) -> Plan {
    plan(major, vec![add_and_sync(), backfill("migrate-1", "t", "b = a", "b IS DISTINCT FROM a")])
}

async fn wrong(db: &Db) -> i64 {
    db.number("SELECT count(*) FROM t WHERE b IS DISTINCT FROM a").await
}

/// Changes rows in every way until told to stop; gives the longest that a statement took.
async fn write(db: &Db, seed: u64, stop: &AtomicBool) -> Duration {
    let connection = db.connect().await;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let id = random.i64(1..25_000);
        let sql = match random.u8(0..6) {
            0 => format!("UPDATE t SET a = NULL WHERE id = {id}"),
            1 => format!("UPDATE t SET a = {} WHERE id = {id}", random.i32(..)),
            2 => format!("DELETE FROM t WHERE id = {id}"),
            3 => format!("INSERT INTO t VALUES ({id}, {id}) ON CONFLICT (id) DO UPDATE SET a = 0"),
            4 => format!(
                "UPDATE t SET id = -id WHERE id = {id} AND NOT EXISTS (SELECT FROM t WHERE id = -{id})"
            ),
            _ => format!("UPDATE t SET pad = repeat('y', {}) WHERE id = {id}", random.u8(..)),
        };
        let began = Instant::now();
        connection.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?}: {sql}"));
        longest = longest.max(began.elapsed());
    }
    longest
}

#[tokio::test]
async fn every_row_is_right_under_concurrent_writers() {
    for db in Db::everywhere(ROWS).await {
        let stop = AtomicBool::new(false);
        let (plan, limits) = (copy(db.major), limits());
        let (outcome, a, b) = tokio::join!(
            async {
                let outcome = db.execute(&plan, &limits).await;
                stop.store(true, Ordering::Relaxed);
                outcome.unwrap()
            },
            write(&db, 1, &stop),
            write(&db, 2, &stop)
        );
        assert_eq!(wrong(&db).await, 0);
        let walked = &outcome.steps[1];
        assert!(walked.batches > 5 && walked.rows > 10_000, "{walked:?}");
        // Generous, as the machine is shared.
        assert!(a.max(b) < Duration::from_millis(500), "{a:?} {b:?}");
        assert!(walked.worst_stall_ms <= 60.0, "{walked:?}");
    }
}

#[tokio::test]
async fn a_table_that_is_rewritten_under_the_walk_is_walked_again() {
    for db in Db::everywhere(ROWS).await {
        // The last rows come first in the new file.
        db.run("CREATE INDEX backwards ON t (id DESC)").await;
        let target = db.target.clone();
        let (recorder, _) = recorded();
        let batches = std::sync::atomic::AtomicUsize::new(0);
        let hooks = Hooks {
            progress: recorder.clone(),
            ..before(
                move |_, what| {
                    what.contains("batch ") && batches.fetch_add(1, Ordering::Relaxed) == 2
                },
                async move || {
                    let connection = target.connect("test application").await.unwrap();
                    connection.batch_execute("CLUSTER t USING backwards").await.unwrap();
                },
            )
        };
        let outcome = db.execute_with(&copy(db.major), &limits(), hooks).await.unwrap();
        assert_eq!(wrong(&db).await, 0);
        let restarts =
            recorder.events().iter().filter(|e| matches!(e, Event::WalkRestarted { .. })).count();
        assert_eq!(restarts, 1, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_walk_that_was_stopped_goes_on_where_it_was() {
    // More than one stretch of blocks.
    for db in Db::everywhere(ROWS).await {
        db.run("UPDATE t SET pad = repeat('x', 1900)").await;
        db.run("VACUUM FULL t").await;
        let (recorder, hooks) = recorded();
        let stop = hooks.stop.clone();
        let (plan, limits) = (copy(db.major), limits());
        let (ended, ()) = tokio::join!(db.execute_with(&plan, &limits, hooks), async {
            let far = |e: &Event| matches!(e, Event::Batch { blocks_done: 4500.., .. });
            recorder.until("the second stretch", far).await;
            stop.request();
        });
        let error = Error::from(ended.unwrap_err());
        assert_eq!(error.kind, Kind::Interrupted, "{error:?}");
        let left = wrong(&db).await;
        assert!(left > 0);

        let (recorder, hooks) = recorded();
        let outcome = db.execute_with(&plan, &limits, hooks).await.unwrap();
        let first = recorder.events().into_iter().find_map(|event| match event {
            Event::Batch { blocks_done, .. } => Some(blocks_done),
            _ => None,
        });
        assert!(first.unwrap() >= 4096, "starts where the first run stopped: {first:?}");
        let all = outcome.steps[0].rows;
        assert_eq!(all, u64::try_from(left).unwrap(), "no row is changed twice");
        assert_eq!(wrong(&db).await, 0);
        let journaled = "SELECT rows FROM airlock.step WHERE step = 'migrate-1'";
        // 6/7 of the rows have a value; those without are right from the start.
        assert_eq!(db.number(journaled).await, 20_000 - 20_000 / 7);
    }
}

const AUDIT: &str = "CREATE TABLE audit (id bigint);
    CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql
    AS $$BEGIN INSERT INTO public.audit VALUES (NEW.id); RETURN NEW; END$$;
    CREATE TRIGGER audit AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION audit()";

#[tokio::test]
async fn triggers_of_the_application_do_not_fire_unless_that_is_accepted() {
    for db in Db::everywhere(&format!("{ROWS}; {AUDIT}")).await {
        db.execute(&copy(db.major), &limits()).await.unwrap();
        assert_eq!(db.number("SELECT count(*) FROM audit").await, 0);

        // One that fires whatever the role of the session.
        db.run("ALTER TABLE t ENABLE ALWAYS TRIGGER audit").await;
        let mut other = plan(
            db.major,
            vec![backfill("migrate-1", "t", "pad = 'z'", "pad IS DISTINCT FROM 'z'")],
        );
        other.revision.id = "r2".into();
        other.digest = file::digest(&other);
        let error = db.execute(&other, &limits()).await.unwrap_err();
        let RunError::TriggersWouldFire { triggers, .. } = &error else { panic!("{error}") };
        assert_eq!(triggers, &["audit on t"]);
        assert_eq!(Error::from(error).kind, Kind::Refused);

        other.revision.id = "r3".into();
        other.notes.push(Note { kind: NoteKind::Triggers, text: "accepted".into() });
        other.digest = file::digest(&other);
        db.execute(&other, &limits()).await.unwrap();
        assert_eq!(db.number("SELECT count(*) FROM audit").await, 20_000);
    }
}

#[tokio::test]
async fn a_change_of_the_user_fires_triggers_and_is_repeated_until_nothing_changes() {
    for db in Db::everywhere(&format!("{ROWS}; {AUDIT}")).await {
        let step = backfill_as("migrate-1", "t", "a = 0", "t.a IS NULL", |b| {
            airlock::plan::Backfill { fires_triggers: true, repeat: true, ..b }
        });
        // Behind the back of the walk: it must come again.
        let target = db.target.clone();
        let late = AtomicBool::new(false);
        let (recorder, _) = recorded();
        let hooks = Hooks {
            progress: recorder.clone(),
            ..before(
                move |_, what| {
                    what.contains("journal walk range done") && !late.swap(true, Ordering::Relaxed)
                },
                async move || {
                    let connection = target.connect("test application").await.unwrap();
                    let sql = "INSERT INTO t VALUES (-1, NULL)";
                    connection.batch_execute(sql).await.unwrap();
                },
            )
        };
        db.execute_with(&plan(db.major, vec![step]), &limits(), hooks).await.unwrap();
        assert_eq!(db.number("SELECT count(*) FROM t WHERE a IS NULL").await, 0);
        assert_eq!(db.number("SELECT count(*) FROM audit").await, 20_000 / 7 + 1);
        let passes: Vec<(u64, u64)> = recorder
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Pass { pass, rows, .. } => Some((pass, rows)),
                _ => None,
            })
            .collect();
        assert_eq!(passes, [(1, 20_000 / 7), (2, 1), (3, 0)]);
    }
}

const WIDE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, pad text, b int)
        WITH (autovacuum_enabled = off);
    INSERT INTO t SELECT g, g, repeat('x', 270) FROM generate_series(1, 100000) AS g";

/// Sets `b` in three lanes; the vacuums that it took, and by how much the table has grown.
async fn grown(db: &Db) -> (u64, f64) {
    let size = "SELECT pg_relation_size('t') / 8192";
    let blocks = db.number(size).await;
    assert!(blocks > 3000, "{blocks}");
    let limits = Limits { jobs: 3, ..Limits::default() };
    let plan = plan(db.major, vec![backfill("migrate-1", "t", "b = a", "b IS DISTINCT FROM a")]);
    let outcome = db.execute(&plan, &limits).await.unwrap();
    assert_eq!(wrong(db).await, 0);
    let walked = &outcome.steps[0];
    assert_eq!(walked.rows, 100_000);
    let ranges = "SELECT count(*) FROM airlock.walk WHERE done AND batches > 0";
    assert_eq!(db.number(ranges).await, 3);
    (walked.vacuums, db.number(size).await as f64 / blocks as f64)
}

#[tokio::test]
async fn row_versions_stay_in_their_blocks() {
    for db in Db::everywhere(WIDE).await {
        let (_, grown) = grown(&db).await;
        assert!(grown < 1.3, "{grown}");
        // The server adds its counts up when a session ends, or some time after.
        let changed = "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 't'";
        let began = Instant::now();
        while db.number(changed).await < 100_000 && began.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let kept = "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 't'";
        let kept = db.number(kept).await;
        assert!(kept > 70_000, "{kept}");
    }
}

#[tokio::test]
async fn where_they_cannot_stay_vacuum_keeps_the_table_from_doubling() {
    for db in Db::everywhere(WIDE).await {
        // An index on what changes.
        db.run("CREATE INDEX ON t (b)").await;
        let (vacuums, grown) = grown(&db).await;
        assert!(vacuums >= 2, "{vacuums}");
        assert!(grown < 1.7, "{grown}");
    }
}

#[tokio::test]
async fn every_leaf_is_walked_also_one_that_is_attached_meanwhile() {
    let setup = "CREATE TABLE t (id bigint, a int, b int) PARTITION BY RANGE (id);
        CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10000);
        CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10000) TO (20000) PARTITION BY RANGE (id);
        CREATE TABLE \"T 2a\" PARTITION OF t2 FOR VALUES FROM (10000) TO (20000);
        INSERT INTO t SELECT g, g FROM generate_series(0, 19999) AS g;
        CREATE TABLE late (id bigint, a int, b int);
        INSERT INTO late SELECT g, g FROM generate_series(20000, 29999) AS g";
    for db in Db::everywhere(setup).await {
        let target = db.target.clone();
        let hooks = before(
            |_, what| what.contains("journal walk range done"),
            async move || {
                let connection = target.connect("test application").await.unwrap();
                let sql = "ALTER TABLE t ATTACH PARTITION late FOR VALUES FROM (20000) TO (30000)";
                connection.batch_execute(sql).await.unwrap();
            },
        );
        let plan =
            plan(db.major, vec![backfill("migrate-1", "t", "b = a", "b IS DISTINCT FROM a")]);
        let outcome = db.execute_with(&plan, &limits(), hooks).await.unwrap();
        assert_eq!(wrong(&db).await, 0);
        assert_eq!(outcome.steps[0].rows, 30_000);
    }
}

/// One row in every other partition, so that empty ones are among them.
#[tokio::test]
async fn a_thousand_partitions_are_walked() {
    let setup = "CREATE TABLE t (id bigint, a int, b int) PARTITION BY RANGE (id);
        DO $$ BEGIN FOR i IN 0..999 LOOP
            EXECUTE format('CREATE TABLE t%s PARTITION OF t FOR VALUES FROM (%s) TO (%s)',
                           i, i * 10, i * 10 + 10);
        END LOOP; END $$;
        INSERT INTO t SELECT g * 20, g FROM generate_series(0, 499) AS g";
    let (major, cluster) = clusters().iter().next_back().unwrap();
    let db = Db::on(cluster, *major, setup).await;
    let plan = plan(db.major, vec![backfill("migrate-1", "t", "b = a", "b IS DISTINCT FROM a")]);
    let limits = Limits { jobs: 2, ..Limits::default() };
    let outcome = db.execute_with(&plan, &limits, Hooks::default()).await.unwrap();
    assert_eq!(wrong(&db).await, 0);
    assert_eq!(outcome.steps[0].rows, 500);
    let walked = "SELECT count(DISTINCT relation) FROM airlock.walk WHERE done";
    assert_eq!(db.number(walked).await, 1000);
}

#[tokio::test]
async fn a_row_that_is_locked_is_waited_for_and_its_owner_named() {
    for db in Db::everywhere(ROWS).await {
        let owner = db.connect().await;
        owner.batch_execute("BEGIN; SELECT FROM t WHERE id = 19000 FOR UPDATE").await.unwrap();
        let (recorder, hooks) = recorded();
        let step = backfill("migrate-1", "t", "pad = 'z'", "pad IS DISTINCT FROM 'z'");
        let (plan, limits) = (plan(db.major, vec![step]), limits());
        let (outcome, ()) = tokio::join!(db.execute_with(&plan, &limits, hooks), async {
            recorder
                .until("the owner is named", |event| {
                    matches!(event, Event::AttemptFailed { reason: Failed::Lock, blockers, .. }
                        if blockers.iter().any(|b| b.application_name.as_deref()
                            == Some("test application")))
                })
                .await;
            owner.batch_execute("COMMIT").await.unwrap();
        });
        outcome.unwrap();
        assert_eq!(db.number("SELECT count(*) FROM t WHERE pad <> 'z'").await, 0);
    }
}

#[tokio::test]
async fn a_batch_that_makes_others_wait_is_cancelled_and_made_smaller() {
    let major = *clusters().keys().next().unwrap();
    let setup = "CREATE TABLE t (id int PRIMARY KEY, b int) WITH (fillfactor = 10);
        INSERT INTO t SELECT g FROM generate_series(1, 700) AS g;
        CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql
        AS $$BEGIN PERFORM pg_sleep(0.001); RETURN $1; END$$";
    let db = Arc::new(Db::on(&clusters()[&major], major, setup).await);
    let step = backfill("migrate-1", "t", "b = public.slow(id)", "b IS NULL");
    let plan = plan(major, vec![step]);
    let limits = Limits { max_stall: Duration::from_millis(150), ..limits() };
    let (recorder, hooks) = recorded();
    let stop = AtomicBool::new(false);
    let (outcome, longest) = tokio::join!(
        async {
            let outcome = db.execute_with(&plan, &limits, hooks).await;
            stop.store(true, Ordering::Relaxed);
            outcome.unwrap()
        },
        async {
            let connection = db.connect().await;
            let mut longest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                // The first row of the first batch: locked as soon as that starts.
                let sql = "SELECT FROM t WHERE id = 1 FOR UPDATE";
                connection.batch_execute(sql).await.unwrap();
                longest = longest.max(began.elapsed());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            longest
        }
    );
    let stalled = recorder
        .events()
        .iter()
        .any(|e| matches!(e, Event::AttemptFailed { reason: Failed::Stall, .. }));
    assert!(stalled, "{outcome:?}");
    assert!(longest < Duration::from_millis(400), "{longest:?}");
    assert_eq!(db.number("SELECT count(*) FROM t WHERE b = id").await, 700);
}
