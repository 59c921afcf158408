//! A journal that an older airlock left: a rollout that it began goes on with this one.

use crate::crash::{SETUP, check, limits, whole};
use crate::support::{Cutter, Db};
use airlock::journal::read;
use airlock::journal::schema::VERSION;
use airlock::run::{End, RunError};

/// What version 2 has more than version 1.
const BACK_TO_1: &str = "DROP TABLE airlock.control;
    ALTER TABLE airlock.runner DROP COLUMN state, DROP COLUMN reason;
    UPDATE airlock.meta SET version = 1";

#[tokio::test]
async fn a_rollout_that_began_with_version_1_goes_on() {
    for db in Db::everywhere(SETUP).await {
        let whole = whole(db.major);
        let recorder = Cutter::new(None);
        db.execute_with(&whole, &limits(), recorder.hooks()).await.unwrap();
        let places = recorder.seen.lock().unwrap().len();
        for at in [places / 3, places / 2] {
            let db = Db::on(&crate::support::clusters()[&db.major], db.major, SETUP).await;
            let cut = db.execute_with(&whole, &limits(), Cutter::new(Some(at)).hooks()).await;
            assert!(matches!(cut, Err(RunError::Cut)), "{cut:?}");
            db.run(BACK_TO_1).await;
            // Whoever only looks changes nothing, and understands it.
            let journal = read(&db.connect().await.client).await.unwrap();
            assert_eq!(journal.rollouts.len(), 1);
            assert_eq!(db.number("SELECT version FROM airlock.meta").await, 1);

            let outcome = db.execute(&whole, &limits()).await.unwrap();
            assert_eq!(outcome.end, End::Finished);
            check(&db, &format!("cut {at}")).await;
            let version = db.number("SELECT version FROM airlock.meta").await;
            assert_eq!(version, VERSION, "cut {at} of {places}");
            assert_eq!(db.number("SELECT count(*) FROM airlock.control").await, 0);
        }
    }
}

#[tokio::test]
async fn a_journal_of_a_newer_airlock_is_refused_and_left_alone() {
    for db in Db::everywhere(SETUP).await {
        let whole = whole(db.major);
        db.execute(&whole, &limits()).await.unwrap();
        db.run("UPDATE airlock.meta SET version = version + 1").await;
        let refused = db.execute(&whole, &limits()).await.unwrap_err();
        let error = airlock::error::Error::from(refused);
        assert_eq!(error.kind, airlock::error::Kind::Drift, "{error:?}");
        assert!(error.message.contains("this airlock knows version"), "{}", error.message);
        assert_eq!(db.number("SELECT version FROM airlock.meta").await, VERSION + 1);
    }
}
