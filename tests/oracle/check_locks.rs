//! Lock conformance: each statement of the migration locks, rewrites and scans what the model says,
//! and each step of the plan holds no stronger lock than the plan has announced.

use crate::case::Case;
use crate::engine;
use crate::server::Server;
use airlock::analyze::analyze;
use airlock::catalog::load;
use airlock::connect::Connection;
use airlock::lock::LockMode;
use airlock::observe::compare::{Difference, not_within};
use airlock::observe::run::{End, Outcome, observe};
use airlock::observe::{Effects, Relations, differences};
use airlock::plan::{Phase, Plan, RelationLock};
use airlock::run::{Hooks, Label, Tap, Verdict};
use airlock::sql::{self, QualifiedName, Shape, Statement, shape};
use std::sync::{Arc, Mutex, PoisonError};

pub async fn check(server: &Server, case: &Case) {
    as_written(server, case).await;
    if case.refusal.is_none() {
        as_planned(server, case).await;
    }
}

/// Runs the migration as written, statement by statement, beside the model.
async fn as_written(server: &Server, case: &Case) {
    let database = server.database(case).await;
    let connection = database.connect().await;
    connection.batch_execute("SET client_min_messages = debug1").await.unwrap();
    for statement in statements(case) {
        if shape(&statement.sql) == Ok(Shape::TransactionControl) {
            continue;
        }
        let catalog = load(&connection).await.unwrap();
        let known = Relations::load(&connection).await.unwrap();
        let said = analyze(&statement, &catalog);
        let target = database.target();
        let outcome =
            observe(&connection, &target, &statement.sql, &known, End::Commit).await.unwrap();
        let wrong: Vec<String> = match (&outcome, &said) {
            // For its rows, or because the model knew that it must.
            (Outcome::Failed(_), _) => break,
            (Outcome::Done { .. }, Err(error)) => vec![format!("said to fail: {error}")],
            (Outcome::Done { effects, sight }, Ok(impact)) => {
                let claimed = Effects::claimed(impact, &known);
                // How rows are found is the planner's choice, also where keys are checked.
                let planned = |found: &Difference| {
                    matches!(found, Difference::Scan { said: true, .. })
                        && statement.sql.to_ascii_uppercase().contains("REFERENCES")
                };
                if changes_rows(&statement) {
                    let mut effects = effects.clone();
                    effects.scanned.clear();
                    not_within(&effects, &claimed)
                } else {
                    let found = differences(effects, &claimed, *sight);
                    found.iter().filter(|f| !planned(f)).map(ToString::to_string).collect()
                }
            }
        };
        assert!(wrong.is_empty(), "{}:\n  {}", statement.sql, wrong.join("\n  "));
    }
    connection.close().await;
    database.drop().await;
}

fn statements(case: &Case) -> Vec<Statement> {
    let parse = |text: &str| sql::parse(text, 0..text.len()).unwrap().statements;
    if case.as_written.is_empty() {
        sql::parse(&case.text, case.migration.clone()).map_or(Vec::new(), |s| s.statements)
    } else {
        case.as_written.iter().flat_map(|text| parse(text)).collect()
    }
}

fn changes_rows(statement: &Statement) -> bool {
    let word = statement.sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    ["insert", "update", "delete", "merge", "with", "select", "do"].contains(&&*word)
}

/// Runs the plan and looks, before each commit, at what the runner holds.
async fn as_planned(server: &Server, case: &Case) {
    let database = server.database(case).await;
    let plan = engine::planned(&database, case).await;
    let watch = Arc::new(Watch {
        plan: plan.clone(),
        observer: database.connect().await,
        wrong: Mutex::default(),
    });
    let hooks = Hooks { tap: Some(watch.clone()), ..Hooks::default() };
    let run = engine::execute(&database, &plan, Phase::Contract, &hooks).await;
    if let Err(error) = run {
        panic!("{}", engine::explain(error));
    }
    let wrong = std::mem::take(&mut *watch.wrong.lock().unwrap_or_else(PoisonError::into_inner));
    drop(hooks);
    let Some(watch) = Arc::into_inner(watch) else { panic!("the tap is still in use") };
    watch.observer.close().await;
    assert!(wrong.is_empty(), "locks that the plan does not announce:\n  {}", wrong.join("\n  "));
    database.drop().await;
}

struct Watch {
    plan: Plan,
    observer: Connection,
    wrong: Mutex<Vec<String>>,
}

/// Locks that sessions of the runner hold on tables which are there for everybody: what a
/// transaction has made itself nobody can wait for, and is not seen from here.
const HELD: &str = "SELECT DISTINCT n.nspname, c.relname, l.mode
    FROM pg_locks AS l
    JOIN pg_stat_activity AS a ON a.pid = l.pid
    JOIN pg_class AS c ON c.oid = l.relation
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE l.granted AND l.locktype = 'relation' AND a.datname = current_database()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND a.pid <> pg_backend_pid()
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'airlock')
        AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')";

impl Watch {
    async fn look(&self, step: &str) {
        let Some(step) = self.plan.step(step) else { return };
        let rows = self.observer.query(HELD, &[]).await.unwrap();
        for row in rows {
            let name = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
            let held = LockMode::from_pg_locks_name(row.get(2)).unwrap();
            let announced = step
                .locks
                .iter()
                .any(|RelationLock { relation, mode }| *relation == name && *mode >= held);
            if !announced {
                let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
                wrong.push(format!("{}: {} on {name}", step.id, held.sql()));
            }
        }
    }
}

impl Tap for Watch {
    fn before(&self, label: Label<'_>) -> Verdict {
        if label.what == "COMMIT" {
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(self.look(label.step));
            });
        }
        Verdict::GoOn
    }
}
