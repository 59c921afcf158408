//! The side with airlock: every migration is planned, run up to its gate, deployed, contracted.

use super::load::Load;
use super::measure::failed;
use super::shop;
use super::summary::{Migration, Side};
use super::{DEPLOY, Options};
use crate::catalog;
use crate::connect::Target;
use crate::error::{Error, Kind};
use crate::plan::{Phase, Plan, PlannedRevision};
use crate::revision::Revision;
use crate::rewrite;
use crate::run::{self, End, Hooks, Outcome, Scope, StepReport};
use crate::sandbox::Cluster;
use std::time::Instant;

pub async fn run(cluster: &Cluster, options: &Options) -> Result<Side, Error> {
    let target = cluster.target(shop::WITH_AIRLOCK);
    let before = size(&target).await?;
    let load = Load::start(&target, options.rows).await?;
    load.settle(DEPLOY).await;
    let mut migrations = Vec::new();
    let mut version = 0;
    for revision in shop::revisions()?.into_iter().skip(1) {
        version += 1;
        let start = Instant::now();
        let plan = plan(&target, &revision).await?;
        (options.say)(&format!("revision {}: {}", plan.revision.id, plan.revision.message));
        let until_gate = execute(&target, &plan, Phase::Switch, options).await?;
        load.deploy(version, DEPLOY).await;
        let mut steps = until_gate.steps;
        if until_gate.end != End::Finished {
            (options.say)("deployed the application that the gate waited for; contract");
            steps.extend(execute(&target, &plan, Phase::Contract, options).await?.steps);
        }
        migrations.push(figures(&plan, &steps, start.elapsed().saturating_sub(DEPLOY)));
    }
    load.settle(DEPLOY).await;
    let application = load.finish().await;
    Ok(Side { application, migrations, bytes_before: before, bytes_after: size(&target).await? })
}

async fn plan(target: &Target, revision: &Revision) -> Result<Plan, Error> {
    let client = target.connect("airlock").await?;
    let catalog = catalog::load(&client).await?;
    let script = revision
        .upgrade_script()
        .map_err(|e| Error::new(Kind::Input, format!("{}: {e}", revision.stem())))?;
    let planned = PlannedRevision {
        id: revision.id.to_string(),
        parents: revision.parents.iter().map(ToString::to_string).collect(),
        message: revision.message.clone(),
        digest: crate::sql::canonical::digest(&script),
    };
    rewrite::plan(&script, &catalog, planned, &rewrite::Options::default())
        .map_err(|e| Error::new(e.kind(), e.to_string()))
}

async fn execute(
    target: &Target,
    plan: &Plan,
    through: Phase,
    options: &Options,
) -> Result<Outcome, Error> {
    let hooks = Hooks { progress: options.progress.clone(), stop: options.stop.clone(), tap: None };
    Ok(run::execute(target, plan, Scope { through }, &options.limits, hooks).await?)
}

fn figures(plan: &Plan, steps: &[StepReport], elapsed: std::time::Duration) -> Migration {
    let filled: Vec<&StepReport> = steps.iter().filter(|step| step.batches > 0).collect();
    let rows: u64 = filled.iter().map(|step| step.rows).sum();
    let time: f64 = filled.iter().map(|step| step.elapsed_ms).sum();
    Migration {
        message: plan.revision.message.clone(),
        seconds: elapsed.as_secs_f64(),
        rows_per_second: (time > 0.0).then(|| rows as f64 / time * 1000.0),
        worst_stall_ms: Some(steps.iter().map(|s| s.worst_stall_ms).fold(0.0, f64::max)),
        waited_for_locks_ms: Some(steps.iter().map(|s| s.waited_ms).sum()),
        failure: None,
    }
}

/// Bytes of the table with indexes and TOAST.
pub async fn size(target: &Target) -> Result<u64, Error> {
    let client = target.connect("airlock demo").await?;
    let row = client
        .query_one("SELECT pg_total_relation_size('customers')", &[])
        .await
        .map_err(|e| failed(&e, "read the size of the table"))?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
}
