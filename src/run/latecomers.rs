//! Tables that came into the tree of a backfill after its walk (a partition that was attached, a child
//! that was made) with rows that the walk would have changed. Before what reads the new values is switched
//! to, and before what the old ones are in is dropped, such rows stop the run: for a table that the
//! triggers did not see being filled nobody but its owner knows which value is the right one.

use super::backfill::{Table, tables};
use super::error::RunError;
use super::runner::Runner;
use super::verify;
use crate::journal::walk::{Walk, range};
use crate::plan::{Action, Backfill, Change, Phase, Step};
use crate::sql::quote_ident;

/// Looks, before `phase` begins. Only at what came late: what was walked is kept in step by triggers.
pub(super) async fn refuse(runner: &mut Runner<'_>, phase: Phase) -> Result<(), RunError> {
    let plan = runner.plan;
    for step in &plan.steps {
        let Action::Backfill(backfill) = &step.action else { continue };
        if step.phase < phase && matters(&plan.steps, backfill, phase) {
            look(runner, step, backfill).await?;
        }
    }
    Ok(())
}

/// Whether rows that the walk did not see lose something in `phase`. A change that is repeated until it
/// changes nothing has no triggers: it is over, as the statement that it stands for. What was switched
/// carries other names than the walk's predicate.
fn matters(steps: &[Step], backfill: &Backfill, phase: Phase) -> bool {
    let updates = matches!(backfill.change, Change::Update { .. });
    let switched = || {
        let mut switch = steps.iter().filter(|step| step.phase == Phase::Switch);
        switch.any(|step| step.locks.iter().any(|lock| lock.relation == backfill.relation))
    };
    updates
        && !backfill.repeat
        && match phase {
            Phase::Switch => true,
            Phase::Contract => !switched(),
            Phase::Expand | Phase::Migrate => false,
        }
}

async fn look(runner: &mut Runner<'_>, step: &Step, backfill: &Backfill) -> Result<(), RunError> {
    let late = late(runner, step, backfill).await?;
    if late.is_empty() {
        return Ok(());
    }
    let alias = quote_ident(&backfill.alias);
    let from = match &backfill.change {
        Change::Update { from: Some(from), .. } => format!(", {from}\n"),
        Change::Update { from: None, .. } | Change::Delete { .. } => String::new(),
    };
    let mut found = Vec::new();
    for table in &late {
        let sql = format!(
            "SELECT pg_catalog.count(*) FROM ONLY {} AS {alias}{from} WHERE (\n{}\n)",
            table.name, backfill.predicate
        );
        let mut done = verify::Done::of(table);
        verify::read(runner, step, table, &sql, &alias, &mut done).await?;
        if done.found > 0 {
            found.push((table.name.clone(), done.found));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(RunError::CameLate {
        step: step.id.clone(),
        tables: found,
        predicate: backfill.predicate.clone(),
    })
}

/// The tables of the tree that the walk has not seen, with their rows so far.
async fn late(
    runner: &Runner<'_>,
    step: &Step,
    backfill: &Backfill,
) -> Result<Vec<Table>, RunError> {
    let walk = Walk {
        revision: runner.revision().to_owned(),
        step: step.id.clone(),
        runner: runner.identity.runner.clone(),
    };
    let rows = runner.work.ask(&walk.read()).await;
    let rows = rows.map_err(|fault| fault.doing("read what was walked"))?;
    let walked: Vec<u32> = rows.iter().map(|row| range(row).relation).collect();
    let mut all = match tables(&runner.work, &step.id, &backfill.relation).await {
        Ok(all) => all,
        // The plan has given the table another name since, or taken it out of the way.
        Err(RunError::NotWalkable { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    all.retain(|table| table.blocks > 0 && !walked.contains(&table.oid));
    Ok(all)
}
