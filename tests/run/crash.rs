//! Cut off at every statement, before it is sent and after its effect: going on gives the same end.

use crate::support::{
    Cutter, Db, backfill, build, clusters, exclusive, lock, plan, step, sync, transaction,
    undone_by,
};
use airlock::journal::{RolloutState, StepState, read};
use airlock::lock::LockMode;
use airlock::plan::{Action, Check, Phase, Plan};
use airlock::run::{End, Limits, RunError};
use std::time::Duration;

pub const SETUP: &str = "CREATE TABLE t (id int PRIMARY KEY, a int);
    INSERT INTO t SELECT g, g FROM generate_series(1, 6000) AS g;
    CREATE TABLE runs (step text)";

/// Every kind of step; each leaves a mark that shows how often it was carried out.
pub fn whole(major: u32) -> Plan {
    let [function, trigger] = sync("t", "b", "a");
    let mut steps = vec![undone_by(
        exclusive(
            "expand-1",
            "t",
            &[
                "ALTER TABLE public.t ADD COLUMN b int",
                &function,
                &trigger,
                "INSERT INTO public.runs VALUES ('expand-1')",
            ],
        ),
        "t",
        &["ALTER TABLE public.t DROP COLUMN b", "DROP FUNCTION public.airlock_sync() CASCADE"],
    )];
    steps.push(backfill("migrate-1", "t", "b = a", "b IS DISTINCT FROM a"));
    steps.push(build("migrate-2", "t_b", "t (b)", true));
    steps.push(step(
        "migrate-3",
        Phase::Migrate,
        Action::Statement { sql: "INSERT INTO public.runs VALUES ('migrate-3')".into() },
    ));
    steps.push(step(
        "migrate-4",
        Phase::Migrate,
        Action::Verify {
            relation: crate::support::name("t"),
            check: Check::Rows { alias: "t".into(), condition: "t.b IS DISTINCT FROM a".into() },
            meaning: "b differs from a".into(),
        },
    ));
    steps.push(transaction(
        "contract-1",
        Phase::Contract,
        &[lock("t", LockMode::AccessExclusive)],
        &[
            "ALTER TABLE public.t ADD CONSTRAINT positive CHECK (b > 0) NOT VALID",
            "INSERT INTO public.runs VALUES ('contract-1')",
        ],
    ));
    steps.push(step(
        "contract-2",
        Phase::Contract,
        Action::Validate { sql: "ALTER TABLE public.t VALIDATE CONSTRAINT positive".into() },
    ));
    plan(major, steps)
}

pub fn limits() -> Limits {
    // One batch for all but the first: the statements of a run are the same every time.
    Limits {
        batch_target: Duration::from_secs(1),
        max_stall: Duration::from_millis(500),
        patience: Duration::from_secs(30),
        ..Limits::default()
    }
}

pub async fn check(db: &Db, what: &str) {
    let marks = db.text("SELECT string_agg(step, ' ' ORDER BY step) FROM runs").await;
    assert_eq!(marks, "contract-1 expand-1 migrate-3", "{what}");
    assert_eq!(db.number("SELECT count(*) FROM t WHERE b = a").await, 6000, "{what}");
    let index = "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid";
    assert_eq!(db.number(index).await, 2, "{what}");
    let valid = "SELECT count(*) FROM pg_constraint WHERE conname = 'positive' AND convalidated";
    assert_eq!(db.number(valid).await, 1, "{what}");
    let journal = read(&db.connect().await.client).await.unwrap();
    let rollout = journal.rollout("r1").unwrap();
    assert_eq!(rollout.state, RolloutState::Done, "{what}");
    assert!(rollout.steps.iter().all(|s| s.state == StepState::Done), "{what}: {rollout:?}");
    assert_eq!(journal.runner, None, "{what}");
}

/// Cuts after every statement, on one version. (Before a statement is after the one before it: the
/// server cannot tell, and the runner does nothing in between.)
async fn sweep(major: u32) {
    let cluster = &clusters()[&major];
    let db = Db::on(cluster, major, SETUP).await;
    let whole = whole(major);
    let recorder = Cutter::new(None);
    db.execute_with(&whole, &limits(), recorder.hooks()).await.unwrap();
    check(&db, "uncut").await;
    let points = recorder.seen.lock().unwrap().clone();
    assert!(points.iter().any(|p| p.starts_with("after") && p.ends_with("COMMIT")));

    let mut cuts = 0;
    for (at, point) in points.iter().enumerate() {
        if at > 0 && point.starts_with("before") {
            continue;
        }
        let db = Db::on(cluster, major, SETUP).await;
        let cutter = Cutter::new(Some(at));
        let ended = db.execute_with(&whole, &limits(), cutter.hooks()).await;
        let what = format!("cut {at}: {:?}", cutter.seen.lock().unwrap().last());
        assert!(matches!(ended, Err(RunError::Cut)), "{what}: {ended:?}");
        let outcome = db.execute(&whole, &limits()).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(outcome.end, End::Finished, "{what}");
        check(&db, &what).await;
        cluster.drop_database(db.target.database()).await.unwrap();
        cuts += 1;
    }
    assert_eq!(cuts, points.len() / 2 + 1);
}

#[test]
fn every_cut_point_goes_on_to_the_same_end() {
    // One thread for each version: they have nothing to do with each other.
    let threads: Vec<_> = clusters()
        .keys()
        .map(|major| {
            std::thread::spawn(|| {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap()
                    .block_on(sweep(*major));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn a_rollback_that_is_cut_goes_on_to_the_same_end() {
    for (major, cluster) in clusters() {
        let mut whole = whole(*major);
        whole.steps.retain(|step| step.phase != Phase::Contract);
        let whole = plan(*major, whole.steps);
        let before = Cutter::new(None);
        let db = Db::on(cluster, *major, SETUP).await;
        db.execute(&whole, &limits()).await.unwrap();
        let hooks = before.hooks();
        airlock::run::rollback(&db.target, &whole, &limits(), hooks).await.unwrap();
        let points = before.seen.lock().unwrap().clone();
        for (at, point) in points.iter().enumerate() {
            if point.starts_with("before") {
                continue;
            }
            let db = Db::on(cluster, *major, SETUP).await;
            db.execute(&whole, &limits()).await.unwrap();
            let hooks = Cutter::new(Some(at)).hooks();
            let ended = airlock::run::rollback(&db.target, &whole, &limits(), hooks).await;
            assert!(matches!(ended, Err(RunError::Cut)), "{point}: {ended:?}");
            let outcome = db.roll_back(&whole).await.unwrap();
            assert_eq!(outcome.end, End::RolledBack, "{point}");
            let left = "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass \
                        AND attnum > 0 AND NOT attisdropped";
            assert_eq!(db.number(left).await, 2, "{point}");
            let journal = read(&db.connect().await.client).await.unwrap();
            let rollout = journal.rollout("r1").unwrap();
            assert_eq!(rollout.state, RolloutState::RolledBack, "{point}");
            assert!(rollout.steps.iter().all(|s| s.state == StepState::Undone), "{point}");
            cluster.drop_database(db.target.database()).await.unwrap();
        }
        // A rollout that was rolled back starts again as new.
        assert_eq!(db.execute(&whole, &limits()).await.unwrap().end, End::Finished);
    }
}
