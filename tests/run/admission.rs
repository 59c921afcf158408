//! What may run, and what may be taken back; with how little privilege.

use crate::crash::{SETUP, check, limits, whole};
use crate::support::{Db, Recorder, clusters, exclusive, plan, recorded, step, undone_by};
use airlock::error::{Error, Kind};
use airlock::journal::{RolloutState, read};
use airlock::plan::{Action, Phase, Plan, Undo, file};
use airlock::run::{End, Event, Hooks, Limits, RunError, Scope};
use std::sync::Arc;
use std::time::Duration;

fn two_phases(major: u32) -> Plan {
    let add = exclusive("expand-1", "t", &["ALTER TABLE public.t ADD COLUMN b int"]);
    let mut drop = exclusive("contract-1", "t", &["ALTER TABLE public.t DROP COLUMN a"]);
    drop.phase = Phase::Contract;
    drop.undo = Undo::Irreversible { why: "the column is gone".into() };
    plan(major, vec![undone_by(add, "t", &["ALTER TABLE public.t DROP COLUMN b"]), drop])
}

async fn up_to(db: &Db, plan: &Plan, through: Phase) -> Result<End, RunError> {
    airlock::run::execute(&db.target, plan, Scope { through }, &Limits::default(), Hooks::default())
        .await
        .map(|outcome| outcome.end)
}

#[tokio::test]
async fn a_plan_that_changed_after_it_was_started_is_refused() {
    for db in Db::everywhere("CREATE TABLE t (id int, a int)").await {
        let mut plan = two_phases(db.major);
        up_to(&db, &plan, Phase::Switch).await.unwrap();
        plan.steps[1].why = "another reason".into();
        plan.digest = file::digest(&plan);
        let shown = Error::from(up_to(&db, &plan, Phase::Contract).await.unwrap_err());
        assert_eq!(shown.kind, Kind::Drift);
        assert!(shown.detail.unwrap().contains(&plan.digest));

        let mut elsewhere = two_phases(db.major + 1);
        elsewhere.revision.id = "r2".into();
        let shown = Error::from(up_to(&db, &elsewhere, Phase::Expand).await.unwrap_err());
        assert_eq!(shown.kind, Kind::Drift);
    }
}

#[tokio::test]
async fn a_rollback_takes_back_what_was_done_until_contract_has_begun() {
    for db in Db::everywhere("CREATE TABLE t (id int, a int)").await {
        let plan = two_phases(db.major);
        let columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
                       WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped";
        up_to(&db, &plan, Phase::Switch).await.unwrap();
        assert_eq!(db.text(columns).await, "id a b");
        assert_eq!(db.roll_back(&plan).await.unwrap().end, End::RolledBack);
        assert_eq!(db.text(columns).await, "id a");
        assert_eq!(db.roll_back(&plan).await.unwrap().steps, [], "nothing left to take back");

        assert_eq!(up_to(&db, &plan, Phase::Switch).await.unwrap(), End::Gate(Phase::Contract));
        up_to(&db, &plan, Phase::Contract).await.unwrap();
        let shown = Error::from(db.roll_back(&plan).await.unwrap_err());
        assert_eq!(shown.kind, Kind::Refused);
        assert!(shown.message.contains("contract-1"), "{shown:?}");
        assert_eq!(db.text(columns).await, "id b");
    }
}

#[tokio::test]
async fn a_contract_that_did_not_get_its_lock_leaves_the_way_back_open() {
    for db in Db::everywhere("CREATE TABLE t (id int, a int)").await {
        let plan = two_phases(db.major);
        up_to(&db, &plan, Phase::Switch).await.unwrap();
        let reader = db.connect().await;
        reader.batch_execute("BEGIN; SELECT FROM t").await.unwrap();
        let limits = Limits { patience: Duration::from_millis(200), ..Limits::default() };
        let error = db.execute(&plan, &limits).await.unwrap_err();
        assert!(matches!(error, RunError::LockNotHad { .. }), "{error}");
        reader.batch_execute("COMMIT").await.unwrap();
        assert_eq!(db.roll_back(&plan).await.unwrap().end, End::RolledBack);
        let columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
                       WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped";
        assert_eq!(db.text(columns).await, "id a");
    }
}

#[tokio::test]
async fn a_rollback_is_refused_while_another_revision_builds_on_it_and_tells_what_stays() {
    for db in Db::everywhere("CREATE TABLE t (id int)").await {
        let mut first = plan(
            db.major,
            vec![step(
                "migrate-1",
                Phase::Migrate,
                Action::Statement { sql: "INSERT INTO public.t VALUES (1)".into() },
            )],
        );
        first.steps[0].undo = Undo::Irreversible { why: "rows stay".into() };
        first.digest = file::digest(&first);
        let mut second =
            plan(db.major, vec![exclusive("expand-1", "t", &["ALTER TABLE public.t ADD b int"])]);
        second.revision.id = "r2".into();
        second.revision.parents = vec!["r1".into()];
        second.digest = file::digest(&second);
        up_to(&db, &first, Phase::Contract).await.unwrap();
        up_to(&db, &second, Phase::Contract).await.unwrap();
        let shown = Error::from(db.roll_back(&first).await.unwrap_err());
        assert_eq!(shown.kind, Kind::Refused);
        assert!(shown.message.contains("r2"), "{shown:?}");
        db.roll_back(&second).await.unwrap();
        let outcome = db.roll_back(&first).await.unwrap();
        assert_eq!(outcome.irreversible, [("migrate-1".to_owned(), "rows stay".to_owned())]);
    }
}

#[tokio::test]
async fn a_stop_between_steps_leaves_the_run_in_good_order() {
    for db in Db::everywhere("CREATE TABLE t (id int, a int)").await {
        let plan = two_phases(db.major);
        let (recorder, mut hooks) = recorded();
        let stop = hooks.stop.clone();
        /// Asks to stop when the first step is done.
        struct Stopper(Arc<Recorder>, airlock::run::Stop);
        impl airlock::run::Progress for Stopper {
            fn event(&self, event: &Event) {
                self.0.event(event);
                if matches!(event, Event::StepFinished { .. }) {
                    self.1.request();
                }
            }
        }
        hooks.progress = Arc::new(Stopper(recorder, stop));
        let error = db.execute_with(&plan, &Limits::default(), hooks).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted);
        let journal = read(&db.connect().await.client).await.unwrap();
        assert_eq!(journal.runner, None);
        assert_eq!(journal.rollout("r1").unwrap().state, RolloutState::Running);
        assert_eq!(up_to(&db, &plan, Phase::Contract).await.unwrap(), End::Finished);
    }
}

#[tokio::test]
async fn an_ordinary_owner_without_create_on_the_database_is_enough() {
    for (major, cluster) in clusters() {
        let db = Db::on(cluster, *major, SETUP).await;
        let role = format!("owner_{}", db.target.database());
        db.run(&format!(
            "CREATE ROLE {role} LOGIN; CREATE SCHEMA airlock AUTHORIZATION {role};
             GRANT CREATE ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role};
             ALTER TABLE runs OWNER TO {role}; REVOKE TEMP ON DATABASE {} FROM PUBLIC",
            db.target.database()
        ))
        .await;
        let ours = Db { target: db.target.with_user(&role, None), major: *major };
        ours.execute(&whole(*major), &limits()).await.unwrap();
        check(&ours, "as an ordinary role").await;

        let stranger = format!("stranger_{}", db.target.database());
        db.run(&format!("CREATE ROLE {stranger} LOGIN")).await;
        let theirs = Db { target: db.target.with_user(&stranger, None), major: *major };
        let shown = Error::from(theirs.execute(&whole(*major), &limits()).await.unwrap_err());
        assert_eq!(shown.kind, Kind::Failed);
        let said = format!("{shown:?}");
        assert!(said.contains("42501") && said.contains("privilege"), "{said}");
    }
}
