//! Lock conformance: each statement of the migration locks, rewrites and scans what the model says,
//! and each step of the plan holds no stronger lock than the plan has announced.

use crate::case::Case;
use crate::server::{Database, Server};
use airlock::analyze::{self, analyze};
use airlock::catalog::load;
use airlock::connect::Connection;
use airlock::lock::LockMode;
use airlock::observe::compare::{Difference, not_within};
use airlock::observe::run::{End, Outcome, observe};
use airlock::observe::{Effects, Relations, differences};
use airlock::plan::{Plan, RelationLock, Undo};
use airlock::run::{Label, Tap, Verdict};
use airlock::sql::{self, QualifiedName, Shape, Statement, shape};
use std::sync::{Arc, Mutex, PoisonError};

/// The migration as written alone. Of one that is refused the model must be right all the same.
pub async fn check(server: &Server, case: &Case) {
    let database = server.database(case).await;
    let end = as_written(&database, case).await;
    // What airlock refuses the server may refuse, too.
    if case.refusal.is_none() {
        end.unwrap_or_else(|why| panic!("{why}"));
    }
    database.drop().await;
}

/// Runs the migration as written, statement by statement, beside the model; as far as the server
/// goes, and gives the message with which it ends before the end.
pub async fn as_written(database: &Database<'_>, case: &Case) -> Result<(), String> {
    let connection = database.connect().await;
    let mut end = Ok(());
    connection.batch_execute("SET client_min_messages = debug1").await.unwrap();
    for statement in statements(case) {
        if shape(&statement.sql) == Ok(Shape::TransactionControl) {
            continue;
        }
        let catalog = load(&connection).await.unwrap();
        let known = Relations::load(&connection).await.unwrap();
        let said = analyze(&statement, &catalog);
        if said.as_ref().is_ok_and(|impact| impact.verdict == analyze::Verdict::Unknown) {
            // Nothing is claimed of it, and it may lock the catalogs that an observer reads.
            if let Err(why) = connection.batch_execute(&statement.sql).await {
                end = Err(format!("{}: {why:?}", statement.sql));
                break;
            }
            continue;
        }
        let target = database.target();
        let outcome =
            observe(&connection, &target, &statement.sql, &known, End::Commit).await.unwrap();
        let wrong: Vec<String> = match (&outcome, &said) {
            // For its rows, or because the model knew that it must.
            (Outcome::Failed(why), _) => {
                end = Err(format!("{}: {}", statement.sql, why.message));
                break;
            }
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
                    if !analyze::fired_triggers(&statement, &catalog).is_empty() {
                        // What a trigger locks is said not to be known.
                        let claimed = |name: &_| claimed.locks.contains_key(name);
                        effects.locks.retain(|name, _| claimed(name));
                    }
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
    end
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

/// Looks, before each commit of a run, at what the runner holds.
pub struct Watch {
    plan: Plan,
    /// Whether the run takes the steps back.
    back: bool,
    /// What is there before the plan runs.
    known: Relations,
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
    pub async fn new(database: &Database<'_>, plan: &Plan) -> Arc<Self> {
        Self::beginning(database, plan, false).await
    }

    /// For a rollback, made before the plan runs.
    pub async fn of_rollback(database: &Database<'_>, plan: &Plan) -> Arc<Self> {
        Self::beginning(database, plan, true).await
    }

    async fn beginning(database: &Database<'_>, plan: &Plan, back: bool) -> Arc<Self> {
        let observer = database.connect().await;
        let known = Relations::load(&observer).await.unwrap();
        Arc::new(Self { plan: plan.clone(), back, known, observer, wrong: Mutex::default() })
    }

    /// After the run, which must have let go of it.
    pub async fn assert_announced(self: Arc<Self>) {
        let Some(watch) = Arc::into_inner(self) else { panic!("the tap is still in use") };
        watch.observer.close().await;
        let wrong = watch.wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
        assert!(
            wrong.is_empty(),
            "locks that the plan does not announce:\n  {}",
            wrong.join("\n  ")
        );
    }

    async fn look(&self, step: &str) {
        let Some(step) = self.plan.step(step) else { return };
        let rows = self.observer.query(HELD, &[]).await.unwrap();
        for row in rows {
            let name = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
            let held = LockMode::from_pg_locks_name(row.get(2)).unwrap();
            let mut locks = Vec::new();
            if self.back {
                if !self.known.contains(&name) {
                    continue;
                }
                undo_locks(&step.undo, &mut locks);
            } else {
                locks.extend_from_slice(&step.locks);
            }
            // Builds and validations beside the application announce no locks for their way back.
            let beside = self.back && held == LockMode::ShareUpdateExclusive;
            let announced = locks
                .iter()
                .any(|RelationLock { relation, mode }| *relation == name && *mode >= held);
            if !announced && !beside {
                let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
                wrong.push(format!("{}: {} on {name}", step.id, held.sql()));
            }
        }
    }
}

fn undo_locks(undo: &Undo, into: &mut Vec<RelationLock>) {
    match undo {
        Undo::Transaction { locks, .. } => into.extend_from_slice(locks),
        Undo::Sequence { parts } => parts.iter().for_each(|part| undo_locks(part, into)),
        _ => {}
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
