//! Long statements under weak locks: concurrent builds, validation, verification.

use crate::support::{Db, build, exclusive, lock, name, plan, recorded, step};
use airlock::error::{Error, Kind};
use airlock::journal::{StepState, read};
use airlock::lock::LockMode;
use airlock::plan::{Action, Check, Phase, Plan, Step};
use airlock::run::{Event, Limits, RunError};
use std::time::Duration;

const ROWS: &str = "CREATE TABLE t (id int, a int);
    INSERT INTO t SELECT g, g FROM generate_series(1, 2000) AS g";

fn limits() -> Limits {
    Limits { patience: Duration::from_secs(20), ..Limits::default() }
}

fn unique(major: u32) -> Plan {
    plan(major, vec![build("migrate-1", "t_a", "t (a)", true)])
}

const VALID: &str = "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid";
const ANY: &str = "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass";

#[tokio::test]
async fn an_invalid_leftover_is_removed_and_built_again() {
    for db in Db::everywhere(ROWS).await {
        db.run("INSERT INTO t VALUES (0, 1)").await;
        let connection = db.connect().await;
        let sql = "CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)";
        connection.batch_execute(sql).await.unwrap_err();
        assert_eq!((db.number(ANY).await, db.number(VALID).await), (1, 0));
        db.run("DELETE FROM t WHERE id = 0").await;
        db.execute(&unique(db.major), &limits()).await.unwrap();
        assert_eq!((db.number(ANY).await, db.number(VALID).await), (1, 1));
    }
}

#[tokio::test]
async fn duplicates_are_named_and_the_useless_index_goes() {
    for db in Db::everywhere(ROWS).await {
        db.run("INSERT INTO t VALUES (0, 1234)").await;
        let error = db.execute(&unique(db.major), &limits()).await.unwrap_err();
        assert!(matches!(error, RunError::DuplicateKey { .. }), "{error}");
        let shown = Error::from(error);
        assert_eq!(shown.kind, Kind::Failed);
        assert!(shown.detail.unwrap().contains("(a)=(1234)"));
        assert_eq!(db.number(ANY).await, 0);
        db.run("DELETE FROM t WHERE id = 0").await;
        db.execute(&unique(db.major), &limits()).await.unwrap();
        assert_eq!(db.number(VALID).await, 1);
    }
}

#[tokio::test]
async fn a_build_that_waits_names_for_whom_and_a_second_stop_cancels_it() {
    for db in Db::everywhere(&format!("{ROWS}; CREATE TABLE other (id int)")).await {
        let old = db.connect().await;
        old.batch_execute("BEGIN; INSERT INTO t VALUES (-1, -1)").await.unwrap();
        let (recorder, hooks) = recorded();
        let stop = hooks.stop.clone();
        let (plan, limits) = (unique(db.major), limits());
        let (ended, ()) = tokio::join!(db.execute_with(&plan, &limits, hooks), async {
            recorder
                .until("the old transaction is named", |event| {
                    matches!(event, Event::Building { blockers, .. }
                        if blockers.iter().any(|b| b.state == "idle in transaction"))
                })
                .await;
            // Nobody else notices.
            db.run("INSERT INTO t VALUES (-2, -2); SELECT count(*) FROM t").await;
            stop.request();
            recorder.until("it says that it goes on", |e| matches!(e, Event::Notice { .. })).await;
            stop.request();
        });
        let error = Error::from(ended.unwrap_err());
        assert_eq!(error.kind, Kind::Interrupted);
        assert!(error.detail.unwrap().contains("invalid index"));
        old.batch_execute("COMMIT").await.unwrap();
        assert_eq!((db.number(ANY).await, db.number(VALID).await), (1, 0));
        db.execute(&plan, &limits).await.unwrap();
        assert_eq!((db.number(ANY).await, db.number(VALID).await), (1, 1));
    }
}

#[tokio::test]
async fn another_build_on_the_table_is_waited_for_outside_the_queue() {
    for db in Db::everywhere(ROWS).await {
        let other = db.connect().await;
        let sql = "BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE";
        other.batch_execute(sql).await.unwrap();
        let (recorder, hooks) = recorded();
        let (plan, limits) = (unique(db.major), limits());
        let (ended, ()) = tokio::join!(db.execute_with(&plan, &limits, hooks), async {
            recorder.until("it waits", |event| matches!(event, Event::Waiting { .. })).await;
            let queued = "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass \
                          AND NOT granted";
            assert_eq!(db.number(queued).await, 0);
            other.batch_execute("COMMIT").await.unwrap();
        });
        ended.unwrap();
        assert_eq!(db.number(VALID).await, 1);
    }
}

fn check_is_added_and_validated(major: u32) -> Plan {
    let add = "ALTER TABLE public.t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID";
    let sql = "ALTER TABLE public.t VALIDATE CONSTRAINT positive".to_owned();
    let validate = Step {
        locks: vec![lock("t", LockMode::ShareUpdateExclusive)],
        ..step("migrate-1", Phase::Migrate, Action::Validate { sql })
    };
    plan(major, vec![exclusive("expand-1", "t", &[add]), validate])
}

#[tokio::test]
async fn rows_that_break_a_constraint_stop_the_run_until_they_are_corrected() {
    for db in Db::everywhere(ROWS).await {
        db.run("INSERT INTO t VALUES (0, -5)").await;
        let plan = check_is_added_and_validated(db.major);
        let error = db.execute(&plan, &limits()).await.unwrap_err();
        assert!(matches!(error, RunError::ConstraintViolated { .. }), "{error}");
        assert!(Error::from(error).message.contains("positive"));
        db.run("UPDATE t SET a = 5 WHERE id = 0").await;
        let outcome = db.execute(&plan, &limits()).await.unwrap();
        assert_eq!(outcome.steps.len(), 1, "the first step is not done again");
    }
}

#[tokio::test]
async fn validation_keeps_no_reader_or_writer_waiting() {
    for db in Db::everywhere(ROWS).await {
        let old = db.connect().await;
        old.batch_execute("BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
        old.batch_execute("COMMIT; BEGIN; INSERT INTO t VALUES (-1, 1)").await.unwrap();
        // A writer in a long transaction is no obstacle either.
        let plan = plan(db.major, vec![check_is_added_and_validated(db.major).steps.remove(1)]);
        let add = "ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID";
        old.batch_execute("COMMIT").await.unwrap();
        db.run(add).await;
        old.batch_execute("BEGIN; INSERT INTO t VALUES (-2, 1)").await.unwrap();
        db.execute(&plan, &limits()).await.unwrap();
        old.batch_execute("COMMIT").await.unwrap();
        let valid =
            "SELECT count(*) FROM pg_constraint WHERE conname = 'positive' AND convalidated";
        assert_eq!(db.number(valid).await, 1);
    }
}

#[tokio::test]
async fn a_verification_that_finds_rows_stops_before_anything_is_switched() {
    for db in Db::everywhere(ROWS).await {
        let check = Check::Rows { alias: "x".into(), condition: "x.a IS NULL -- all".into() };
        let verify = |check| {
            let meaning = "a is missing".to_owned();
            step(
                "migrate-1",
                Phase::Migrate,
                Action::Verify { relation: name("t"), check, meaning },
            )
        };
        let switch = || Step {
            phase: Phase::Switch,
            ..exclusive("switch-1", "t", &["ALTER TABLE public.t ADD COLUMN b int"])
        };
        db.run("INSERT INTO t VALUES (0, NULL), (1, NULL)").await;
        let by_rows = plan(db.major, vec![verify(check), switch()]);
        let error = db.execute(&by_rows, &limits()).await.unwrap_err();
        assert!(matches!(error, RunError::VerificationFailed { count: 2, .. }), "{error}");
        let journal = read(&db.connect().await.client).await.unwrap();
        let rollout = journal.rollout("r1").unwrap();
        assert_eq!(rollout.step("switch-1").unwrap().state, StepState::Pending);

        db.run("DELETE FROM t WHERE a IS NULL").await;
        db.execute(&by_rows, &limits()).await.unwrap();

        let sql = "SELECT count(*) FROM public.t WHERE a < 3".to_owned();
        let mut whole = plan(db.major, vec![verify(Check::Query { sql })]);
        whole.revision.id = "r2".into();
        let error = db.execute(&whole, &limits()).await.unwrap_err();
        assert!(matches!(error, RunError::VerificationFailed { count: 2, .. }), "{error}");
    }
}
