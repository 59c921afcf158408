//! airlock as a library: a migration is planned, looked at and run on a throwaway server.
//!
//! `cargo run --example plan_and_run`; needs the PostgreSQL server programs on the machine.

use airlock::analyze::analyze;
use airlock::catalog;
use airlock::error::{Error, Kind};
use airlock::plan::{Phase, PlannedRevision};
use airlock::rewrite::{self, Options, RewriteError};
use airlock::run::{self, Hooks, Limits, Scope};
use airlock::sandbox::{Cluster, ClusterOptions};
use airlock::sql::{self, canonical};

const SETUP: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text);
    INSERT INTO users SELECT i, 'user ' || i FROM generate_series(1, 50000) AS i";

const MIGRATION: &str = "ALTER TABLE users ADD COLUMN email text;
UPDATE users SET email = name || '@example.org';
ALTER TABLE users ALTER COLUMN email SET NOT NULL;";

#[tokio::main]
async fn main() -> Result<(), Error> {
    // Ends, with its data, when it is dropped. For a database of yours: `Target::parse(url)`.
    let cluster = Cluster::start(&ClusterOptions::default())?;
    let target = cluster.create_database("shop", None).await?;
    let connection = target.connect("example").await?;
    connection.batch_execute(SETUP).await.map_err(failed)?;

    let script = sql::parse(MIGRATION, 0..MIGRATION.len())
        .map_err(|error| Error::new(Kind::Input, error.diagnostic().message.clone()))?;
    let catalog = catalog::load(&connection).await?;
    let mut then = catalog.clone();
    for statement in &script.statements {
        if let Ok(impact) = analyze(statement, &then) {
            println!("{:?}: {}", impact.verdict, statement.sql);
            for lock in &impact.locks {
                println!("    {} on {}", lock.mode, lock.relation);
            }
        }
        then.apply(statement);
    }

    let revision = PlannedRevision {
        id: "0123456789ab".to_owned(),
        parents: Vec::new(),
        message: "every user has an address".to_owned(),
        digest: canonical::digest(&script),
    };
    let plan = rewrite::plan(&script, &catalog, revision, &Options::default()).map_err(refused)?;
    for step in &plan.steps {
        println!("{:?} {}: {}", step.phase, step.id, step.why);
    }

    // Up to the gate; then, with a new application deployed, the rest.
    let limits = Limits::default();
    for through in [Phase::Switch, Phase::Contract] {
        let scope = Scope { through };
        let outcome = run::execute(&target, &plan, scope, &limits, Hooks::default()).await?;
        println!("through {through}: {:?}", outcome.end);
    }
    let left = connection.query_one("SELECT count(*) FROM users WHERE email IS NULL", &[]).await;
    println!("users without an address: {}", left.map_err(failed)?.get::<_, i64>(0));
    connection.close().await;
    Ok(())
}

fn failed(error: tokio_postgres::Error) -> Error {
    airlock::connect::database_error(&error, "look at the example's table")
}

fn refused(error: RewriteError) -> Error {
    Error::new(error.kind(), format!("the migration is refused: {:#?}", error.diagnostics()))
}
