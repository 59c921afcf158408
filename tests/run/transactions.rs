//! Short transactions: the stall budget, the hold budget, what is in the way.

use crate::support::{Db, exclusive, lock, plan, recorded, transaction};
use airlock::error::{Error, Kind};
use airlock::journal::{RolloutState, StepState, read};
use airlock::lock::LockMode;
use airlock::plan::Phase;
use airlock::run::{End, Event, Limits, OnBlocker, RunError};
use std::time::{Duration, Instant};

fn brief() -> Limits {
    Limits { patience: Duration::from_secs(15), ..Limits::default() }
}

#[tokio::test]
async fn a_plan_is_carried_out_once_and_journaled() {
    for db in Db::everywhere("CREATE TABLE t (id int)").await {
        let plan = plan(
            db.major,
            vec![
                exclusive("expand-1", "t", &["ALTER TABLE public.t ADD COLUMN a int"]),
                transaction(
                    "contract-1",
                    Phase::Contract,
                    &[lock("t", LockMode::AccessExclusive)],
                    &["ALTER TABLE public.t DROP COLUMN a"],
                ),
            ],
        );
        let connection = db.connect().await;
        assert!(read(&connection).await.unwrap().rollouts.is_empty(), "no journal yet");

        let scope = airlock::run::Scope { through: Phase::Switch };
        let run = async |scope| {
            airlock::run::execute(&db.target, &plan, scope, &brief(), Default::default())
                .await
                .unwrap()
        };
        let outcome = run(scope).await;
        assert_eq!(outcome.end, End::Gate(Phase::Contract));
        assert_eq!(outcome.steps.len(), 1);
        let journal = read(&connection).await.unwrap();
        let rollout = journal.rollout("r1").unwrap();
        assert_eq!((rollout.state, rollout.phase), (RolloutState::AtGate, Phase::Contract));
        assert_eq!(rollout.step("expand-1").unwrap().state, StepState::Done);
        assert_eq!(rollout.step("contract-1").unwrap().state, StepState::Pending);
        assert_eq!(journal.runner, None, "the runner has left");

        let again = run(scope).await;
        assert_eq!((again.end, again.steps.len()), (End::Gate(Phase::Contract), 0));
        let rest = run(airlock::run::Scope { through: Phase::Contract }).await;
        assert_eq!((rest.end, rest.steps.len()), (End::Finished, 1));
        let columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass \
                       AND attnum > 0 AND NOT attisdropped";
        assert_eq!(db.number(columns).await, 1);
        assert_eq!(run(scope).await.end, End::Finished);
    }
}

/// Reads the table all the time and gives the longest that a statement took.
async fn longest_read(db: &Db, until: tokio::sync::oneshot::Receiver<()>) -> Duration {
    let connection = db.connect().await;
    let mut until = until;
    let mut longest = Duration::ZERO;
    while until.try_recv().is_err() {
        let began = Instant::now();
        connection.query_one("SELECT count(*) FROM t", &[]).await.unwrap();
        longest = longest.max(began.elapsed());
    }
    longest
}

#[tokio::test]
async fn an_old_transaction_is_waited_for_outside_the_queue() {
    for db in Db::everywhere("CREATE TABLE t (id int)").await {
        let plan = plan(
            db.major,
            vec![exclusive("expand-1", "t", &["ALTER TABLE public.t ADD COLUMN a int"])],
        );
        let blocker = db.connect().await;
        blocker.batch_execute("BEGIN; SELECT count(*) FROM t").await.unwrap();
        let (recorder, hooks) = recorded();
        let limits = brief();
        let (done, until) = tokio::sync::oneshot::channel();
        let (outcome, longest) = tokio::join!(
            async {
                let (outcome, ()) = tokio::join!(db.execute_with(&plan, &limits, hooks), async {
                    recorder
                        .until("the blocker is named", |event| {
                            matches!(event, Event::Waiting { blockers, .. }
                                if blockers[0].application_name.as_deref()
                                    == Some("test application"))
                        })
                        .await;
                    tokio::time::sleep(Duration::from_millis(1500)).await;
                    blocker.batch_execute("COMMIT").await.unwrap();
                });
                done.send(()).unwrap();
                outcome.unwrap()
            },
            longest_read(&db, until)
        );
        let report = &outcome.steps[0];
        assert!(report.waited_ms > 1400.0, "{report:?}");
        assert!(report.worst_stall_ms <= 50.0, "{report:?}");
        // Generous, as the machine is shared: a fixed timeout would have stalled for seconds.
        assert!(longest < Duration::from_millis(400), "{longest:?}");
        let attempts =
            recorder.events().iter().filter(|e| matches!(e, Event::AttemptFailed { .. })).count();
        assert!(attempts <= 1, "attempts in vain: {attempts}");
    }
}

#[tokio::test]
async fn patience_ends_with_the_blockers_named_and_nothing_changed() {
    for db in Db::everywhere("CREATE TABLE t (id int)").await {
        let plan = plan(
            db.major,
            vec![exclusive("expand-1", "t", &["ALTER TABLE public.t ADD COLUMN a int"])],
        );
        let blocker = db.connect().await;
        blocker.batch_execute("BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE").await.unwrap();
        let limits = Limits { patience: Duration::from_millis(300), ..Limits::default() };
        let error = db.execute(&plan, &limits).await.unwrap_err();
        assert!(matches!(error, RunError::LockNotHad { .. }), "{error}");
        let shown = Error::from(error);
        assert_eq!(shown.kind, Kind::Retry);
        assert!(shown.detail.unwrap().contains("test application"));
        let found =
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0";
        assert_eq!(db.number(found).await, 1);

        // Nothing is held against a better plan, and the blocker may be ended when asked for.
        let other = self::plan(
            db.major,
            vec![exclusive("expand-1", "t", &["ALTER TABLE public.t ADD COLUMN b int"])],
        );
        db.run("CREATE ROLE ordinary_1 LOGIN").await;
        drop(blocker);
        let blocker =
            db.target.with_user("ordinary_1", None).connect("test application").await.unwrap();
        db.run("GRANT ALL ON t TO ordinary_1").await;
        blocker.batch_execute("BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE").await.unwrap();
        let limits = Limits {
            on_blocker: OnBlocker::Terminate,
            blocker_age: Duration::from_millis(200),
            ..brief()
        };
        let (recorder, hooks) = recorded();
        db.execute_with(&other, &limits, hooks).await.unwrap();
        assert!(recorder.events().iter().any(|e| matches!(e, Event::BlockerSignalled { .. })));
        db.run("REVOKE ALL ON t FROM ordinary_1; DROP ROLE ordinary_1").await;
    }
}

#[tokio::test]
async fn a_statement_that_is_not_brief_is_cancelled_and_reported() {
    for db in Db::everywhere("CREATE TABLE t (id int)").await {
        let plan =
            plan(db.major, vec![exclusive("expand-1", "t", &["SELECT pg_catalog.pg_sleep(20)"])]);
        let limits = Limits { max_hold: Duration::from_millis(150), ..brief() };
        let began = Instant::now();
        let error = db.execute(&plan, &limits).await.unwrap_err();
        assert!(matches!(error, RunError::HoldExceeded { .. }), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn the_guard_ends_a_hold_before_the_application_has_waited_for_the_budget() {
    for db in Db::everywhere("CREATE TABLE t (id int)").await {
        let plan =
            plan(db.major, vec![exclusive("expand-1", "t", &["SELECT pg_catalog.pg_sleep(1)"])]);
        let limits = Limits {
            max_stall: Duration::from_millis(200),
            max_hold: Duration::from_secs(5),
            patience: Duration::from_millis(600),
            ..Limits::default()
        };
        let (done, until) = tokio::sync::oneshot::channel();
        let (error, longest) = tokio::join!(
            async {
                let error = db.execute(&plan, &limits).await.unwrap_err();
                done.send(()).unwrap();
                error
            },
            longest_read(&db, until)
        );
        assert!(matches!(error, RunError::LockNotHad { .. }), "{error}");
        assert!(longest < Duration::from_millis(500), "{longest:?}");
        let detail = Error::from(error).detail.unwrap();
        assert!(detail.contains("waited for most of the budget"), "{detail}");
    }
}

#[tokio::test]
async fn an_error_leaves_nothing_half_done_and_says_what_the_server_said() {
    for db in Db::everywhere("CREATE TABLE t (id int)").await {
        let plan = plan(
            db.major,
            vec![exclusive(
                "expand-1",
                "t",
                &["ALTER TABLE public.t ADD COLUMN a int", "ALTER TABLE public.t DROP COLUMN zz"],
            )],
        );
        let shown = Error::from(db.execute(&plan, &brief()).await.unwrap_err());
        assert_eq!(shown.kind, Kind::Failed);
        assert!(shown.message.contains("\"zz\""), "{shown:?}");
        let detail = shown.detail.unwrap();
        assert!(detail.contains("42703") && detail.contains("DROP COLUMN zz"), "{detail}");
        let found =
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0";
        assert_eq!(db.number(found).await, 1);
        let free = "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database \
                    WHERE l.locktype = 'advisory' AND d.datname = current_database()";
        assert_eq!(db.number(free).await, 0);
    }
}
