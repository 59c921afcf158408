//! Other people at the same database: a DBA who cancels, an owner who takes a privilege away, somebody
//! who drops or changes the table in the middle, a server without connections. In each: an honest end,
//! nothing lost, and the next run finishes.

use crate::support::{Db, backfill, build, plan, recorded, start};
use airlock::connect::Target;
use airlock::error::{Error, Kind};
use airlock::journal::{RolloutState, StepState, read};
use airlock::plan::Plan;
use airlock::run::throttle::Settings;
use airlock::run::{End, Event, Limits};
use airlock::sandbox::{Cluster, ClusterOptions};
use std::sync::Arc;
use std::time::Duration;

const SETUP: &str = "CREATE TABLE t (id int PRIMARY KEY, a text, b text);
    INSERT INTO t SELECT g, repeat('x', 200), NULL FROM generate_series(1, 40000) AS g;
    ANALYZE t";

const LEFT: &str = "SELECT count(*) FROM t WHERE b IS DISTINCT FROM a";

fn newest() -> (u32, Cluster) {
    let major = airlock::sandbox::test_versions().unwrap().into_iter().max().unwrap();
    (major, start(major))
}

fn fill(major: u32) -> Plan {
    plan(major, vec![backfill("migrate-1", "t", "b = a", "t.b IS NULL")])
}

/// Slow enough to be caught in the middle.
fn slow() -> Limits {
    let throttle = Settings { ratio: 0.9, ..Settings::default() };
    Limits { throttle: Arc::new(throttle), patience: Duration::from_secs(20), ..Limits::default() }
}

fn is_under_way(event: &Event) -> bool {
    matches!(event, Event::Batch { blocks_done, .. } if *blocks_done > 50)
}

/// Runs the backfill on `target`, does `what` in its middle, and gives the error in which it ends.
async fn disturbed(target: &Target, major: u32, what: impl AsyncFnOnce()) -> Error {
    let (recorder, hooks) = recorded();
    let (plan, limits, on) = (fill(major), slow(), Db { target: target.clone(), major });
    let disturb = async {
        recorder.until("batches", is_under_way).await;
        what().await;
    };
    let (ended, ()) = tokio::join!(on.execute_with(&plan, &limits, hooks), disturb);
    Error::from(ended.map(|outcome| outcome.end).unwrap_err())
}

/// Nothing is called done that is not.
async fn is_not_done(db: &Db) {
    let journal = read(&db.connect().await.client).await.unwrap();
    let rollout = journal.rollout("r1").unwrap();
    assert_eq!(rollout.state, RolloutState::Running);
    assert_eq!(rollout.step("migrate-1").unwrap().state, StepState::Running);
    assert_eq!(journal.runner, None, "the runner has left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_privilege_that_is_taken_away_ends_the_run_and_given_back_it_goes_on() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    db.run(
        "CREATE ROLE plain LOGIN; GRANT ALL ON SCHEMA public TO plain; ALTER TABLE t OWNER TO plain;
         DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO plain', current_database()); END$$",
    )
    .await;
    let plain = db.target.with_user("plain", None);
    let error =
        disturbed(&plain, major, async || db.run("ALTER TABLE t OWNER TO postgres").await).await;
    assert_eq!(error.kind, Kind::Failed);
    assert!(error.message.contains("permission denied for table t"), "{error:?}");
    assert!(error.hint.unwrap().contains("docs/operating.md"));
    is_not_done(&db).await;
    db.run("ALTER TABLE t OWNER TO plain").await;
    let outcome = Db { target: plain, major }.execute(&fill(major), &Limits::default()).await;
    assert_eq!(outcome.unwrap().end, End::Finished);
    assert_eq!(db.number(LEFT).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_dropped_or_changed_in_the_middle_is_not_called_done() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    let error = disturbed(&db.target, major, async || db.run("DROP TABLE t").await).await;
    assert_eq!(error.kind, Kind::Failed);
    assert!(error.message.contains("public.t cannot be walked: it does not exist"), "{error:?}");
    is_not_done(&db).await;
    db.run(SETUP).await;
    db.execute(&fill(major), &Limits::default()).await.unwrap();
    assert_eq!(db.number(LEFT).await, 0, "the new table was not walked");

    let db = Db::on(&cluster, major, SETUP).await;
    let change = "ALTER TABLE t RENAME COLUMN b TO c";
    let error = disturbed(&db.target, major, async || db.run(change).await).await;
    assert_eq!(error.kind, Kind::Failed);
    assert!(error.message.contains("column t.b does not exist"), "{error:?}");
    is_not_done(&db).await;
    db.run("ALTER TABLE t RENAME COLUMN c TO b").await;
    db.execute(&fill(major), &Limits::default()).await.unwrap();
    assert_eq!(db.number(LEFT).await, 0);
}

/// A relation that is missing need not be the table that is walked: what the change itself reads, behind a function
/// for instance, is missing in every batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn something_else_that_is_missing_ends_the_run_at_once() {
    let (major, cluster) = newest();
    let aid = "CREATE TABLE aid (x text); INSERT INTO aid VALUES ('y');
        CREATE FUNCTION helped(text) RETURNS text LANGUAGE plpgsql AS
            'BEGIN RETURN (SELECT $1 || x FROM aid); END'";
    let db = Db::on(&cluster, major, &format!("{SETUP}; {aid}")).await;
    let steps = plan(major, vec![backfill("migrate-1", "t", "b = helped(a)", "t.b IS NULL")]);
    let (recorder, hooks) = recorded();
    let limits = slow();
    let drop = async {
        recorder.until("batches", is_under_way).await;
        db.run("DROP TABLE aid").await;
    };
    let (ended, ()) = tokio::join!(db.execute_with(&steps, &limits, hooks), drop);
    let error = Error::from(ended.map(|outcome| outcome.end).unwrap_err());
    assert_eq!(error.kind, Kind::Failed);
    assert!(error.message.contains("relation \"aid\" does not exist"), "{error:?}");
    is_not_done(&db).await;
    db.run("CREATE TABLE aid (x text); INSERT INTO aid VALUES ('y')").await;
    db.execute(&steps, &Limits::default()).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM t WHERE b IS DISTINCT FROM a || 'y'").await, 0);

    let db = Db::on(&cluster, major, SETUP).await;
    let error =
        disturbed(&db.target, major, async || db.run("DROP SCHEMA airlock CASCADE").await).await;
    assert_eq!(error.kind, Kind::Failed);
    assert!(error.detail.unwrap().contains("Somebody dropped what airlock keeps"));
}

const CANCEL: &str = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'airlock' AND state = 'active' \
    AND pid <> pg_backend_pid() AND query LIKE ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_that_a_dba_cancels_are_tried_again_or_told() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    let (recorder, hooks) = recorded();
    let (steps, limits) = (fill(major), slow());
    // Batches are short: many tries until one is hit.
    let cancel = async {
        recorder.until("batches", is_under_way).await;
        let client = db.connect().await;
        for _ in 0..400 {
            let sql = format!("{CANCEL}'UPDATE%'");
            let hit: i64 = client.query_one(&sql, &[]).await.unwrap().get(0);
            if hit > 0 {
                break;
            }
        }
    };
    let (outcome, ()) = tokio::join!(db.execute_with(&steps, &limits, hooks), cancel);
    outcome.unwrap();
    assert_eq!(db.number(LEFT).await, 0);

    // A build is not begun again by itself: somebody did not want it. What it left is cleared away
    // by the next run.
    let old = db.connect().await;
    old.batch_execute("BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE").await.unwrap();
    db.run("DROP SCHEMA airlock CASCADE").await;
    let index = plan(major, vec![build("migrate-1", "t_a", "t (id)", false)]);
    let invalid = "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND NOT indisvalid";
    let cancel = async {
        while db.number(invalid).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(db.number(&format!("{CANCEL}'CREATE INDEX%'")).await, 1);
    };
    let limits = Limits::default();
    let (ended, ()) = tokio::join!(db.execute(&index, &limits), cancel);
    let error = Error::from(ended.unwrap_err());
    assert_eq!(error.kind, Kind::Failed);
    assert!(error.message.contains("canceling statement"), "{error:?}");
    is_not_done(&db).await;
    old.batch_execute("ROLLBACK").await.unwrap();
    db.execute(&index, &limits).await.unwrap();
    assert_eq!(db.number(invalid).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_connections_it_says_so_and_with_few_it_takes_fewer_lanes() {
    let major = airlock::sandbox::test_versions().unwrap().into_iter().max().unwrap();
    let options = ClusterOptions {
        major: Some(major),
        settings: vec![
            ("max_connections".into(), "10".into()),
            ("superuser_reserved_connections".into(), "3".into()),
            ("autovacuum".into(), "off".into()),
            ("max_wal_senders".into(), "0".into()),
        ],
        ..ClusterOptions::default()
    };
    let cluster = Cluster::start(&options).unwrap();
    let db = Db::on(&cluster, major, SETUP).await;
    db.run(
        "CREATE ROLE plain LOGIN; GRANT ALL ON SCHEMA public TO plain; ALTER TABLE t OWNER TO plain;
         DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO plain', current_database()); END$$",
    )
    .await;
    let plain = Db { target: db.target.with_user("plain", None), major };
    let mut taken = Vec::new();
    while let Ok(connection) = plain.target.connect("greedy").await {
        taken.push(connection);
    }
    let error = Error::from(plain.execute(&fill(major), &Limits::default()).await.unwrap_err());
    assert_eq!(error.kind, Kind::Failed);
    let said = format!("{error:?}");
    assert!(said.contains("connection slots") || said.contains("too many clients"), "{said}");

    // Room for the runner, its guard and one lane more than that.
    for _ in 0..3 {
        taken.pop().unwrap().close().await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (recorder, hooks) = recorded();
    let limits = Limits { jobs: 4, ..Limits::default() };
    plain.execute_with(&fill(major), &limits, hooks).await.unwrap();
    let fewer = recorder
        .events()
        .iter()
        .any(|event| matches!(event, Event::Notice { text } if text.contains("2 of 4 lanes")));
    assert!(fewer, "{:?}", recorder.events());
    taken.clear();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(db.number(LEFT).await, 0);
}
