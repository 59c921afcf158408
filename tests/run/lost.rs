//! Connections that are lost and servers that restart in the middle of a run: it goes on by itself.

use crate::crash::{SETUP, check, limits, whole};
use crate::support::{Cutter, Db, before, clusters, exclusive, plan, start};
use airlock::connect::Target;
use airlock::error::{Error, Kind};
use airlock::run::{End, Limits, RunError};
use std::sync::Arc;
use std::time::Duration;

/// Ends every connection of a runner to the database.
async fn terminate(target: Target) {
    let connection = target.connect("test application").await.unwrap();
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name LIKE 'airlock%'";
    let ended: i64 = connection.query_one(sql, &[]).await.unwrap().get(0);
    assert!(ended > 0, "nobody to end");
}

#[tokio::test]
async fn terminated_backends_are_survived_wherever_they_were() {
    for (major, cluster) in clusters() {
        let whole = whole(*major);
        let db = Db::on(cluster, *major, SETUP).await;
        let recorder = Cutter::new(None);
        db.execute_with(&whole, &limits(), recorder.hooks()).await.unwrap();
        let statements = recorder.seen.lock().unwrap().len() / 2;
        // The first few set the session up: losing that one is no run at all.
        for at in (8..statements).step_by(9) {
            let db = Db::on(cluster, *major, SETUP).await;
            let target = db.target.clone();
            let hooks = before(move |n, _| n == at, async move || terminate(target).await);
            let outcome = db.execute_with(&whole, &limits(), hooks).await;
            let outcome = outcome.unwrap_or_else(|error| panic!("statement {at}: {error}"));
            assert_eq!(outcome.end, End::Finished);
            check(&db, &format!("terminated before statement {at}")).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_restarts_is_survived() {
    for major in clusters().keys() {
        let cluster = Arc::new(start(*major));
        for label in ["expand-1#", "batch", "CREATE UNIQUE INDEX", "VALIDATE"] {
            let db = Db::on(&cluster, *major, SETUP).await;
            let server = cluster.clone();
            let hooks = before(
                move |_, what| what.contains(label),
                async move || {
                    server.kill();
                    server.restart().unwrap();
                },
            );
            let outcome = db.execute_with(&whole(*major), &limits(), hooks).await;
            let outcome = outcome.unwrap_or_else(|error| panic!("{label}: {error}"));
            assert_eq!(outcome.end, End::Finished);
            check(&db, label).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_stays_away_ends_the_run_and_a_statement_that_kills_it_is_not_repeated() {
    let major = *clusters().keys().next().unwrap();
    let cluster = Arc::new(start(major));
    let db = Db::on(&cluster, major, SETUP).await;
    let suicide = "DO $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END$$";
    let deadly = plan(major, vec![exclusive("expand-1", "t", &[suicide])]);
    let error = db.execute(&deadly, &limits()).await.unwrap_err();
    assert!(matches!(&error, RunError::Lost { step: Some(step), .. } if step == "expand-1"));

    let server = cluster.clone();
    let hooks =
        before(|_, what| what.contains("journal step"), async move || server.stop_immediate());
    let short = Limits { patience: Duration::from_millis(300), ..limits() };
    let error = Error::from(db.execute_with(&whole(major), &short, hooks).await.unwrap_err());
    assert_eq!(error.kind, Kind::Failed);
    let error = Error::from(db.execute(&whole(major), &short).await.unwrap_err());
    assert!(error.message.contains("cannot connect"), "{error:?}");
}
