//! The side without airlock: the same files, each in one transaction, as most migration tools run
//! them, and the application deployed right after. (Committed statement by statement the first one
//! fails under load: between its `UPDATE` and its `SET NOT NULL` the application inserts NULLs.)

use super::airlocked::size;
use super::load::Load;
use super::shop;
use super::summary::{Migration, Side};
use super::{DEPLOY, Options};
use crate::connect::Connection;
use crate::error::{Error, Kind};
use crate::sandbox::Cluster;
use crate::sql::Script;
use std::time::Instant;

pub async fn run(cluster: &Cluster, options: &Options) -> Result<Side, Error> {
    let target = cluster.target(shop::AS_WRITTEN);
    let before = size(&target).await?;
    let load = Load::start(&target, options.rows).await?;
    load.settle(DEPLOY).await;
    let client = target.connect("migration as written").await?;
    let mut migrations = Vec::new();
    let mut version = 0;
    for revision in shop::revisions()?.into_iter().skip(1) {
        version += 1;
        (options.say)(&format!("revision {}: {}", revision.id, revision.message));
        let script = revision
            .upgrade_script()
            .map_err(|e| Error::new(Kind::Input, format!("{}: {e}", revision.stem())))?;
        let start = Instant::now();
        let failure = run_in_one_transaction(&client, &script).await;
        if let Some(message) = &failure {
            (options.say)(&format!("the migration as written failed: {message}"));
        }
        let elapsed = start.elapsed();
        load.deploy(version, DEPLOY).await;
        migrations.push(Migration {
            message: revision.message.clone(),
            seconds: elapsed.as_secs_f64(),
            rows_per_second: None,
            worst_stall_ms: None,
            waited_for_locks_ms: None,
            failure,
        });
    }
    load.settle(DEPLOY).await;
    let application = load.finish().await;
    Ok(Side { application, migrations, bytes_before: before, bytes_after: size(&target).await? })
}

/// What the server said when it failed; then nothing of it is left.
async fn run_in_one_transaction(client: &Connection, script: &Script) -> Option<String> {
    let mut statements = vec!["BEGIN"];
    statements.extend(script.statements.iter().map(|statement| statement.sql.as_str()));
    statements.push("COMMIT");
    for sql in statements {
        if let Err(error) = client.batch_execute(sql).await {
            let message =
                error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned());
            // The connection may be gone; then there is nothing to roll back either.
            let _ = client.batch_execute("ROLLBACK").await;
            return Some(message);
        }
    }
    None
}
