//! The journal as a script keeps it: the same tables and states as `run`, without a row for a runner.
//! The advisory lock, which the script's session holds from its beginning to its end, keeps others out.

use super::text::block;
use crate::journal::{downgrade_id, rollout::kind, schema};
use crate::plan::{Phase, Plan};
use crate::sql::quote_literal;

/// Makes the journal's tables where they are missing, or adds to older ones.
pub(super) fn make() -> String {
    let statements =
        |list: &[&str]| -> String { list.iter().map(|sql| format!("    {sql};\n")).collect() };
    block(
        "",
        &format!(
            "  IF pg_catalog.to_regclass('airlock.meta') IS NULL THEN\n    \
             IF pg_catalog.to_regnamespace('airlock') IS NULL THEN\n      {};\n    END IF;\n{}  \
             ELSIF (SELECT version FROM airlock.meta) > {} THEN\n    \
             RAISE EXCEPTION 'the journal in schema airlock is of a newer airlock';\n  \
             ELSIF (SELECT version FROM airlock.meta) < {} THEN\n{}  END IF;\n",
            schema::CREATE_SCHEMA,
            statements(&schema::CREATE),
            schema::VERSION,
            schema::VERSION,
            statements(&schema::UPGRADE),
        ),
    )
}

/// Puts a boolean into a variable of psql.
pub(super) fn gset(condition: &str, variable: &str) -> String {
    format!("SELECT {condition} AS {variable} \\gset\n")
}

/// Enters a plan, in place of what a rollback left of an earlier one.
pub(super) fn enter(plan: &Plan, toml: &str, version: &str) -> String {
    let revision = &plan.revision;
    let id = quote_literal(&revision.id);
    let parents: Vec<String> = revision.parents.iter().map(|id| quote_literal(id)).collect();
    let first = plan.steps.iter().map(|step| step.phase).min().unwrap_or(Phase::Expand);
    let mut text = format!(
        "BEGIN;\n\
         -- With it goes the word of a downgrade that took it back before.\n\
         DELETE FROM airlock.rollout WHERE revision IN ({id}, {});\n\
         INSERT INTO airlock.rollout (revision, parents, message, plan_digest, migration_digest, plan, state, phase,\n    \
         applied_by, applied_from, applied_with)\n\
         VALUES ({id}, ARRAY[{}]::text[], {}, {}, {}, {}, 'running', '{first}',\n    \
         session_user || ' as ' || current_user,\n    \
         COALESCE(pg_catalog.host(pg_catalog.inet_client_addr()), 'local'), {});\n",
        quote_literal(&downgrade_id(&revision.id)),
        parents.join(", "),
        quote_literal(&revision.message),
        quote_literal(&plan.digest),
        quote_literal(&revision.digest),
        quote_literal(toml),
        quote_literal(&format!("{version}, script")),
    );
    if !plan.steps.is_empty() {
        let steps: Vec<String> = plan
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                let (step_id, kind) = (quote_literal(&step.id), kind(&step.action));
                format!("    ({id}, {step_id}, {}, '{}', '{kind}')", index + 1, step.phase)
            })
            .collect();
        text.push_str(&format!(
            "INSERT INTO airlock.step (revision, step, ordinal, phase, kind) VALUES\n{};\n",
            steps.join(",\n")
        ));
    }
    text.push_str("COMMIT;\n");
    text
}

/// Refuses to go on with another plan than the one that was begun, or while it is being taken back.
pub(super) fn same_plan(plan: &Plan) -> String {
    let (id, digest) = (quote_literal(&plan.revision.id), quote_literal(&plan.digest));
    let what = quote_literal(&format!(
        "revision {} was begun with another plan, or is being rolled back",
        plan.revision.id
    ));
    block(
        "",
        &format!(
            "  IF NOT EXISTS (SELECT FROM airlock.rollout WHERE revision = {id} AND (state = 'done'\n      \
             OR plan_digest = {digest} AND state IN ('running', 'at-gate'))) THEN\n    \
             RAISE EXCEPTION USING MESSAGE = {what};\n  END IF;\n"
        ),
    )
}

/// Whether a step is still to be done.
pub(super) fn todo(revision: &str, step: &str) -> String {
    gset(
        &format!(
            "EXISTS (SELECT FROM airlock.step AS s JOIN airlock.rollout AS r USING (revision)\n    \
             WHERE s.revision = {} AND s.step = {} AND r.state <> 'done' AND s.state IN ('pending', 'running'))",
            quote_literal(revision),
            quote_literal(step)
        ),
        "airlock_todo",
    )
}

/// A step starts, or is taken up again.
pub(super) fn start(revision: &str, step: &str, phase: Phase) -> String {
    let (revision, step) = (quote_literal(revision), quote_literal(step));
    format!(
        "BEGIN;\nUPDATE airlock.rollout SET state = 'running', phase = '{phase}' WHERE revision = {revision};\n\
         UPDATE airlock.step SET state = 'running', attempts = attempts + 1,\n    \
         started_at = COALESCE(started_at, pg_catalog.clock_timestamp())\n    \
         WHERE revision = {revision} AND step = {step};\nCOMMIT;\n"
    )
}

/// A step is done; in the transaction that does its work where there is one.
pub(super) fn done(revision: &str, step: &str) -> String {
    format!(
        "UPDATE airlock.step SET state = 'done', finished_at = pg_catalog.clock_timestamp()\n    \
         WHERE revision = {} AND step = {};\n",
        quote_literal(revision),
        quote_literal(step)
    )
}

/// The same for a backfill, with what its walk counted.
pub(super) fn done_walking(revision: &str, step: &str) -> String {
    let (revision, step) = (quote_literal(revision), quote_literal(step));
    format!(
        "UPDATE airlock.step AS s SET state = 'done', finished_at = pg_catalog.clock_timestamp(),\n    \
         rows = w.rows, batches = w.batches\n    \
         FROM (SELECT COALESCE(pg_catalog.sum(rows), 0)::bigint AS rows,\n        \
         COALESCE(pg_catalog.sum(batches), 0)::bigint AS batches\n        \
         FROM airlock.walk WHERE revision = {revision} AND step = {step}) AS w\n    \
         WHERE s.revision = {revision} AND s.step = {step};\n"
    )
}

/// Every step is done.
pub(super) fn finish(revision: &str, phase: Phase) -> String {
    format!(
        "UPDATE airlock.rollout SET state = 'done', phase = '{phase}', finished_at = pg_catalog.clock_timestamp()\n    \
         WHERE revision = {} AND state <> 'done';\n",
        quote_literal(revision)
    )
}

/// Every step before a gate is done.
pub(super) fn reach_gate(revision: &str, before: Phase) -> String {
    format!(
        "UPDATE airlock.rollout SET state = 'at-gate', phase = '{before}'\n    \
         WHERE revision = {} AND state = 'running';\n",
        quote_literal(revision)
    )
}

/// Whether a step is there to be taken back; with `traces` one that was begun counts.
pub(super) fn is_there(revision: &str, step: &str, traces: bool) -> String {
    let states = if traces { "'done', 'running'" } else { "'done'" };
    gset(
        &format!(
            "EXISTS (SELECT FROM airlock.step AS s JOIN airlock.rollout AS r USING (revision)\n    \
             WHERE s.revision = {} AND s.step = {} AND r.state = 'rolling-back' AND s.state IN ({states}))",
            quote_literal(revision),
            quote_literal(step)
        ),
        "airlock_todo",
    )
}

/// A step has been taken back; in the transaction that does it where there is one.
pub(super) fn undone(revision: &str, step: &str) -> String {
    format!(
        "UPDATE airlock.step SET state = 'undone', finished_at = pg_catalog.clock_timestamp()\n    \
         WHERE revision = {} AND step = {} AND state IN ('running', 'done');\n",
        quote_literal(revision),
        quote_literal(step)
    )
}

/// A step that was cut off before it committed has nothing to take back.
pub(super) fn undone_unfinished(revision: &str, step: &str) -> String {
    format!(
        "UPDATE airlock.step SET state = 'undone', finished_at = pg_catalog.clock_timestamp()\n    \
         WHERE revision = {} AND step = {} AND state = 'running';\n",
        quote_literal(revision),
        quote_literal(step)
    )
}

/// The plan's steps begin to be taken back.
pub(super) fn roll_back(revision: &str) -> String {
    format!(
        "UPDATE airlock.rollout SET state = 'rolling-back', finished_at = NULL\n    \
         WHERE revision = {} AND state <> 'rolling-back';\n",
        quote_literal(revision)
    )
}

/// Every step of the plan has been taken back.
pub(super) fn rolled_back(revision: &str, first: Phase) -> String {
    format!(
        "UPDATE airlock.rollout SET state = 'rolled-back', phase = '{first}', \
         finished_at = pg_catalog.clock_timestamp()\n    WHERE revision = {};\n",
        quote_literal(revision)
    )
}

/// A revision that was done has been taken back by a rollout of its own.
pub(super) fn taken_back(revision: &str) -> String {
    format!(
        "UPDATE airlock.rollout SET state = 'rolled-back', finished_at = pg_catalog.clock_timestamp()\n    \
         WHERE revision = {} AND state = 'done';\n",
        quote_literal(revision)
    )
}
