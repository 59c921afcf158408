//! One runner at a time, whatever became of the others.

use crate::crash::{SETUP, check, limits, whole};
use crate::support::{Cutter, Db, before, clusters, exclusive, plan, recorded};
use airlock::error::{Error, Kind};
use airlock::journal::{StepState, read, runner::LOCK_KEY};
use airlock::run::{Event, Limits, RunError};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_second_runner_is_told_who_is_at_work() {
    for db in Db::everywhere("CREATE TABLE t (id int)").await {
        let plan = plan(
            db.major,
            vec![exclusive("expand-1", "t", &["ALTER TABLE public.t ADD COLUMN a int"])],
        );
        let blocker = db.connect().await;
        blocker.batch_execute("BEGIN; SELECT FROM t").await.unwrap();
        let (recorder, hooks) = recorded();
        let limits = Limits::default();
        let (first, second) = tokio::join!(db.execute_with(&plan, &limits, hooks), async {
            recorder.until("it waits", |event| matches!(event, Event::Waiting { .. })).await;
            let began = Instant::now();
            let refused = db.execute(&plan, &limits).await.unwrap_err();
            assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
            blocker.batch_execute("COMMIT").await.unwrap();
            refused
        });
        first.unwrap();
        let RunError::Busy { holder: Some(holder), .. } = &second else { panic!("{second}") };
        assert_eq!(holder.identity.pid, i64::from(std::process::id()));
        assert_eq!(holder.identity.revision, "r1");
        assert!(holder.activity.contains("expand-1"), "{holder:?}");
        let shown = Error::from(second);
        assert_eq!(shown.kind, Kind::Busy);
        assert!(shown.message.contains(&std::process::id().to_string()), "{shown:?}");
    }
}

#[tokio::test]
async fn the_backend_of_a_killed_runner_keeps_others_out_until_it_is_over() {
    for (major, cluster) in clusters() {
        let db = Db::on(cluster, *major, SETUP).await;
        // Killed in the middle: its row stays.
        let cutter = Cutter::new(Some(80));
        db.execute_with(&whole(*major), &limits(), cutter.hooks()).await.unwrap_err();
        assert!(read(&db.connect().await.client).await.unwrap().runner.is_some());

        let orphan = db.connect().await;
        orphan.batch_execute(&format!("SELECT pg_advisory_lock({LOCK_KEY})")).await.unwrap();
        let began = Instant::now();
        let (plan, limits) = (whole(*major), limits());
        let (outcome, ()) = tokio::join!(db.execute(&plan, &limits), async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            drop(orphan);
        });
        outcome.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(1500));
        check(&db, "after the orphan").await;
    }
}

#[tokio::test]
async fn a_runner_whose_place_was_taken_writes_nothing_more() {
    for (major, cluster) in clusters() {
        let db = Db::on(cluster, *major, SETUP).await;
        let target = db.target.clone();
        let hooks = before(
            |_, what| what.contains("expand-1") && what.contains("journal step done"),
            async move || {
                let connection = target.connect("test application").await.unwrap();
                let sql = "UPDATE airlock.runner SET runner = gen_random_uuid()";
                connection.batch_execute(sql).await.unwrap();
            },
        );
        let error = db.execute_with(&whole(*major), &limits(), hooks).await.unwrap_err();
        assert!(matches!(error, RunError::Replaced { .. }), "{error}");
        assert_eq!(db.number("SELECT count(*) FROM runs").await, 0, "rolled back");
        let journal = read(&db.connect().await.client).await.unwrap();
        let step = journal.rollout("r1").unwrap().step("expand-1").unwrap();
        assert_eq!(step.state, StepState::Running);
        db.execute(&whole(*major), &limits()).await.unwrap();
        check(&db, "after the replacement").await;
    }
}
