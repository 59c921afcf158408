//! Throwaway databases, hand-made plans, and hooks that record or cut.

use airlock::connect::{Connection, Target};
use airlock::lock::LockMode;
use airlock::plan::{
    Action, Backfill, Change, FORMAT, Phase, Plan, PlannedRevision, PlannedStatement, RelationLock,
    Step, Undo, file,
};
use airlock::run::{
    Event, Hooks, Label, Limits, Outcome, Progress, RunError, Scope, Stop, Tap, Verdict,
};
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use airlock::sql::QualifiedName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Bound of everything that a test waits for.
pub const SOON: Duration = Duration::from_secs(20);

/// Clusters that all tests share; they end with the process.
static CLUSTERS: OnceLock<BTreeMap<u32, Cluster>> = OnceLock::new();
static NAMES: AtomicUsize = AtomicUsize::new(0);

pub fn clusters() -> &'static BTreeMap<u32, Cluster> {
    CLUSTERS.get_or_init(|| {
        // The oldest and the newest: what a run does hardly depends on the version.
        let majors = test_versions().unwrap();
        let ends = BTreeSet::from([majors[0], majors[majors.len() - 1]]);
        ends.into_iter().map(|major| (major, start(major))).collect()
    })
}

pub fn start(major: u32) -> Cluster {
    let options = ClusterOptions {
        major: Some(major),
        settings: vec![
            ("max_connections".into(), "200".into()),
            ("autovacuum".into(), "off".into()),
        ],
        ..ClusterOptions::default()
    };
    Cluster::start(&options).unwrap()
}

/// A database of its own for one test.
pub struct Db {
    pub target: Target,
    pub major: u32,
}

impl Db {
    /// On every version under test.
    pub async fn everywhere(setup: &str) -> Vec<Db> {
        let mut all = Vec::new();
        for (major, cluster) in clusters() {
            all.push(Db::on(cluster, *major, setup).await);
        }
        all
    }

    pub async fn on(cluster: &Cluster, major: u32, setup: &str) -> Db {
        let name = format!("run_{}", NAMES.fetch_add(1, Ordering::Relaxed));
        let target = cluster.create_database(&name, None).await.unwrap();
        let db = Db { target, major };
        db.run(setup).await;
        db
    }

    pub async fn connect(&self) -> Connection {
        self.target.connect("test application").await.unwrap()
    }

    pub async fn run(&self, sql: &str) {
        self.connect().await.batch_execute(sql).await.unwrap_or_else(|e| panic!("{e:?}: {sql}"));
    }

    pub async fn number(&self, sql: &str) -> i64 {
        self.connect()
            .await
            .query_one(sql, &[])
            .await
            .unwrap_or_else(|e| panic!("{e:?}: {sql}"))
            .get(0)
    }

    pub async fn text(&self, sql: &str) -> String {
        self.connect()
            .await
            .query_one(sql, &[])
            .await
            .unwrap_or_else(|e| panic!("{e:?}: {sql}"))
            .get(0)
    }

    pub async fn execute(&self, plan: &Plan, limits: &Limits) -> Result<Outcome, RunError> {
        self.execute_with(plan, limits, Hooks::default()).await
    }

    pub async fn execute_with(
        &self,
        plan: &Plan,
        limits: &Limits,
        hooks: Hooks,
    ) -> Result<Outcome, RunError> {
        let scope = Scope { through: Phase::Contract };
        airlock::run::execute(&self.target, plan, scope, limits, hooks).await
    }

    pub async fn roll_back(&self, plan: &Plan) -> Result<Outcome, RunError> {
        airlock::run::rollback(&self.target, plan, &Limits::default(), Hooks::default()).await
    }
}

pub fn name(text: &str) -> QualifiedName {
    QualifiedName::new("public", text)
}

pub fn lock(table: &str, mode: LockMode) -> RelationLock {
    RelationLock { relation: name(table), mode }
}

pub fn plan(major: u32, steps: Vec<Step>) -> Plan {
    let mut plan = Plan {
        format: FORMAT,
        revision: PlannedRevision {
            id: "r1".into(),
            parents: vec![],
            message: "test".into(),
            digest: "0".repeat(64),
        },
        server: major,
        search_path: vec!["public".into()],
        settings: std::collections::BTreeMap::new(),
        digest: String::new(),
        notes: vec![],
        gates: vec![],
        statements: vec![PlannedStatement {
            number: 1,
            line: 1,
            sql: "SELECT 1".into(),
            locks: vec![],
            work: vec![],
        }],
        steps,
        facts: vec![],
    };
    plan.digest = file::digest(&plan);
    plan
}

pub fn step(id: &str, phase: Phase, action: Action) -> Step {
    Step {
        id: id.into(),
        phase,
        statements: vec![1],
        why: "the test wants it".into(),
        action,
        locks: vec![],
        work: vec![],
        undo: Undo::Nothing,
    }
}

pub fn transaction(id: &str, phase: Phase, locks: &[RelationLock], sql: &[&str]) -> Step {
    let sql = sql.iter().map(|s| (*s).to_owned()).collect();
    Step { locks: locks.to_vec(), ..step(id, phase, Action::Transaction { sql }) }
}

pub fn exclusive(id: &str, table: &str, sql: &[&str]) -> Step {
    transaction(id, Phase::Expand, &[lock(table, LockMode::AccessExclusive)], sql)
}

pub fn undone_by(step: Step, table: &str, sql: &[&str]) -> Step {
    let locks = vec![lock(table, LockMode::AccessExclusive)];
    let sql = sql.iter().map(|s| (*s).to_owned()).collect();
    Step { undo: Undo::Transaction { sql, locks }, ..step }
}

pub fn backfill(id: &str, table: &str, set: &str, predicate: &str) -> Step {
    backfill_as(id, table, set, predicate, |backfill| backfill)
}

pub fn backfill_as(
    id: &str,
    table: &str,
    set: &str,
    predicate: &str,
    change: impl FnOnce(Backfill) -> Backfill,
) -> Step {
    let backfill = change(Backfill {
        relation: name(table),
        alias: "t".into(),
        change: Change::Update { set: set.into(), from: None },
        predicate: predicate.into(),
        fires_triggers: false,
        repeat: false,
    });
    let locks = vec![lock(table, LockMode::RowExclusive)];
    Step { locks, ..step(id, Phase::Migrate, Action::Backfill(backfill)) }
}

/// Builds index `index` on `table (column)`.
pub fn build(id: &str, index: &str, on: &str, unique: bool) -> Step {
    let unique = if unique { "UNIQUE " } else { "" };
    let table = on.split(' ').next().unwrap();
    let action = Action::Concurrent {
        sql: format!("CREATE {unique}INDEX CONCURRENTLY {index} ON public.{on}"),
        probe: format!(
            "SELECT CASE WHEN i.indexrelid IS NULL THEN 'absent' WHEN i.indisvalid THEN 'done' \
             ELSE 'half-done' END FROM (SELECT 1) AS one \
             LEFT JOIN pg_catalog.pg_index AS i \
             ON i.indexrelid = pg_catalog.to_regclass('public.{index}')"
        ),
        cleanup: format!("DROP INDEX CONCURRENTLY IF EXISTS public.{index}"),
    };
    Step {
        locks: vec![lock(table, LockMode::ShareUpdateExclusive)],
        undo: Undo::Concurrent {
            sql: format!("DROP INDEX CONCURRENTLY IF EXISTS public.{index}"),
            probe: format!(
                "SELECT CASE WHEN to_regclass('public.{index}') IS NULL THEN 'done' ELSE 'absent' END"
            ),
            cleanup: format!("DROP INDEX CONCURRENTLY IF EXISTS public.{index}"),
        },
        ..step(id, Phase::Migrate, action)
    }
}

/// A trigger function and trigger as the planner makes them: `target := source` unless a backfill
/// is at work.
pub fn sync(table: &str, target: &str, source: &str) -> [String; 2] {
    [
        format!(
            "CREATE FUNCTION public.airlock_sync() RETURNS trigger LANGUAGE plpgsql \
             SET search_path = pg_catalog, pg_temp \
             AS $$BEGIN NEW.{target} := NEW.{source}; RETURN NEW; END$$"
        ),
        format!(
            "CREATE TRIGGER airlock_sync BEFORE INSERT OR UPDATE ON public.{table} FOR EACH ROW \
             WHEN (pg_catalog.current_setting('airlock.backfill', true) IS DISTINCT FROM 'on') \
             EXECUTE FUNCTION public.airlock_sync()"
        ),
    ]
}

/// Keeps every event.
#[derive(Default)]
pub struct Recorder {
    events: Mutex<Vec<Event>>,
    beats: AtomicUsize,
}

impl Progress for Recorder {
    fn event(&self, event: &Event) {
        self.events.lock().unwrap().push(event.clone());
    }

    fn alive(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }
}

impl Recorder {
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// Signs of life so far.
    pub fn beats(&self) -> usize {
        self.beats.load(Ordering::Relaxed)
    }

    /// Waits until an event satisfies `wanted`.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Event) -> bool) {
        let deadline = Instant::now() + SOON;
        while !self.events().iter().any(&wanted) {
            assert!(Instant::now() < deadline, "still waiting: {what}; {:#?}", self.events());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub fn recorded() -> (Arc<Recorder>, Hooks) {
    let recorder = Arc::new(Recorder::default());
    let hooks = Hooks { progress: recorder.clone(), stop: Stop::new(), tap: None };
    (recorder, hooks)
}

/// Cuts the run off at its `at`-th tap, and writes down all of them.
pub struct Cutter {
    at: Option<usize>,
    pub seen: Mutex<Vec<String>>,
}

impl Cutter {
    pub fn new(at: Option<usize>) -> Arc<Self> {
        Arc::new(Self { at, seen: Mutex::new(Vec::new()) })
    }

    pub fn hooks(self: &Arc<Self>) -> Hooks {
        Hooks { tap: Some(self.clone()), ..Hooks::default() }
    }

    fn tap(&self, side: &str, label: Label<'_>) -> Verdict {
        let mut seen = self.seen.lock().unwrap();
        seen.push(format!("{side} {label}"));
        if Some(seen.len() - 1) == self.at { Verdict::Cut } else { Verdict::GoOn }
    }
}

impl Tap for Cutter {
    fn before(&self, label: Label<'_>) -> Verdict {
        self.tap("before", label)
    }

    fn after(&self, label: Label<'_>) -> Verdict {
        self.tap("after", label)
    }
}

/// Does something when a statement is about to be sent for which `when` holds, the first time. The
/// run waits until it is done.
pub struct Before {
    when: When,
    then: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    count: AtomicUsize,
}

type When = Box<dyn Fn(usize, &str) -> bool + Send + Sync>;

/// Hooks with a [`Before`]; `when` is asked with the number of the statement in the run and its
/// label.
pub fn before(
    when: impl Fn(usize, &str) -> bool + Send + Sync + 'static,
    then: impl AsyncFnOnce() + Send + 'static,
) -> Hooks {
    let then: Box<dyn FnOnce() + Send> = Box::new(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(then());
    });
    let tap =
        Before { when: Box::new(when), then: Mutex::new(Some(then)), count: AtomicUsize::new(0) };
    Hooks { tap: Some(Arc::new(tap)), ..Hooks::default() }
}

impl Tap for Before {
    fn before(&self, label: Label<'_>) -> Verdict {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        if (self.when)(number, &label.to_string())
            && let Some(then) = self.then.lock().unwrap().take()
        {
            std::thread::spawn(then).join().unwrap();
        }
        Verdict::GoOn
    }
}
