//! Plans as a script for psql: what `run` does, written down, for databases that airlock itself must
//! not reach. Pure.
//!
//! The script carries the journal along and looks at it before every step, so it can be run again after
//! any interruption, and `airlock upgrade` can go on with what it has begun. It does less than `run`: no
//! guard on another connection, no throttle, no vacuum in between (`docs/offline.md`).

mod back;
mod journal;
mod rows;
mod step;
#[cfg(test)]
mod tests;
mod text;

use crate::plan::{EMPTY, Fact, Phase, Plan, file};
use crate::sql::{QualifiedName, quote_ident, quote_literal};
use std::time::Duration;
use text::{block, comment, echo};

pub use back::{By, Taken, downgrade};

/// Bounds that a script keeps by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Longest time that an application statement may wait because of one of the script's.
    pub max_stall: Duration,
    /// Longest time that a short transaction may hold its locks.
    pub max_hold: Duration,
    /// Longest time to try for locks, a minute at most: the attempts are one statement, whose snapshot
    /// keeps VACUUM from cleaning up.
    pub patience: Duration,
    /// Aim for the duration of one batch.
    pub batch_target: Duration,
}

/// Longest time of trying for the locks of a step.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// Seconds that a runner which is there may take to go.
const RUNNER_GOES: u32 = 5;
/// Longest time of a statement that is neither under a budget nor long by nature.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// One revision of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    pub plan: &'a Plan,
    /// The last phase that the script runs.
    pub through: Phase,
    /// Queries of the verify section, which must give no rows, or true.
    pub verify: Vec<String>,
    /// What was squashed into it: a database that has a part of that and not the whole is refused.
    pub replaces: Vec<String>,
}

/// A time in milliseconds, as settings take it; never 0, which would mean none.
fn ms(time: Duration) -> u128 {
    time.as_millis().max(1)
}

/// The script that runs `parts` in order, for a server of their version. `version` is airlock's own.
pub fn upgrade(parts: &[Part<'_>], bounds: &Bounds, version: &str) -> String {
    let bounds = &bounds.clone().bounded();
    let server = parts.first().map_or(0, |part| part.plan.server);
    let names = parts.iter().map(|part| &part.plan.revision);
    let names: String = names.map(|of| comment(&format!("  {}  {}", of.id, of.message))).collect();
    let mut script = head(&format!("Revisions:\n{names}"), server, bounds, version);
    for part in parts {
        revision(part, bounds, version, &mut script);
    }
    script.push_str(&foot());
    script
}

impl Bounds {
    fn bounded(self) -> Self {
        Self { patience: self.patience.min(PATIENCE_MAX), ..self }
    }
}

/// What comes before all revisions; `what` says which, and ends with a line break.
fn head(what: &str, server: u32, bounds: &Bounds, version: &str) -> String {
    // The backend of one that was killed is there for a moment longer.
    let check = block(
        "  began timestamptz := pg_catalog.clock_timestamp();\n",
        &format!(
            "  WHILE NOT pg_catalog.pg_try_advisory_lock({key}) LOOP\n    \
             IF pg_catalog.clock_timestamp() > began + interval '{RUNNER_GOES} s' THEN\n      \
             RAISE EXCEPTION 'another runner of airlock is at work in this database';\n    \
             END IF;\n    PERFORM pg_catalog.pg_sleep(0.1);\n  END LOOP;\n",
            key = crate::journal::runner::LOCK_KEY,
        ),
    );
    let of_version = block(
        "",
        &refuse(
            &format!("pg_catalog.current_setting('server_version_num')::int / 10000 <> {server}"),
            &format!("this script is for PostgreSQL {server}"),
        ),
    );
    format!(
        "-- Written by airlock {version} for PostgreSQL {server}. {what}\
         --\n\
         -- Run it with psql, as the role that migrates, on a connection of its own (not through a pooler\n\
         -- that hands out a server connection for each transaction):\n\
         --   psql -X -f SCRIPT DATABASE\n\
         -- It stops at the first error. Run again it goes on where it stopped: the journal in schema airlock\n\
         -- says what is done.\n\n\
         \\set ON_ERROR_STOP on\n\\set AUTOCOMMIT on\n\\set ON_ERROR_ROLLBACK off\n\n\
         {of_version}\
         SET client_min_messages = warning;\n\
         SET standard_conforming_strings = on;\n\
         SET default_transaction_isolation = 'read committed';\n\
         SET default_transaction_read_only = off;\n\
         SET row_security = off;\n\
         SET jit = off;\n\
         SET idle_session_timeout = 0;\n\
         SET idle_in_transaction_session_timeout = '{idle}ms';\n\
         {newer}{timeouts}\n\
         -- The lock that keeps other runners out.\n{check}\n\
         -- The journal, where it is missing.\n{journal}\n\
         -- Takes locks one by one; gives them all back and tries again while one is not to be had at once.\n{lock_procedure}\n",
        idle = ms(bounds.max_hold.max(Duration::from_secs(1))),
        newer = if server >= 17 { "SET transaction_timeout = 0;\n" } else { "" },
        timeouts = usual_timeouts(bounds),
        journal = journal::make(),
        lock_procedure = step::lock_procedure(bounds),
    )
}

/// What holds between steps.
fn usual_timeouts(bounds: &Bounds) -> String {
    let (lock, statement) = (ms(bounds.max_stall / 2), ms(STATEMENT_TIMEOUT));
    format!("SET lock_timeout = '{lock}ms';\nSET statement_timeout = '{statement}ms';\n")
}

fn foot() -> String {
    format!(
        "\n{}DROP PROCEDURE pg_temp.airlock_lock(text[], text[]);\n{}",
        "-- Done.\n",
        block(
            "",
            &format!(
                "  PERFORM pg_catalog.pg_advisory_unlock({});\n",
                crate::journal::runner::LOCK_KEY
            )
        ),
    )
}

fn revision(part: &Part<'_>, bounds: &Bounds, version: &str, script: &mut String) {
    let plan = part.plan;
    let id = &plan.revision.id;
    script.push_str(&format!("\n-- ==== Revision {id}\n"));
    script.push_str(&comment(&plan.revision.message));
    for note in &plan.notes {
        script.push_str(&comment(&format!("Note: {}", note.text)));
    }
    script.push_str(&session(plan));
    script.push_str(&echo(&format!("revision {id}")));
    script.push_str(&journal::gset(
        &format!(
            "NOT EXISTS (SELECT FROM airlock.rollout WHERE revision = {} AND state <> 'rolled-back')",
            quote_literal(id)
        ),
        "airlock_new",
    ));
    script.push_str("\\if :airlock_new\n");
    script.push_str(&admission(plan, &part.replaces));
    script.push_str(&journal::enter(plan, &file::to_toml(plan), version));
    script.push_str("\\else\n");
    script.push_str(&journal::same_plan(plan));
    script.push_str("\\endif\n");
    steps(plan, part.through, bounds, script);
    for query in &part.verify {
        script.push_str(&rows::verify_query(id, query, bounds));
    }
    let next = plan.steps.iter().map(|step| step.phase).find(|phase| *phase > part.through);
    match next {
        None => script.push_str(&journal::finish(id, last_phase(plan))),
        Some(before) => stop_at(plan, before, script),
    }
    script.push_str(&settings_back(plan));
}

/// What the plan's expressions are resolved and computed under.
fn session(plan: &Plan) -> String {
    let path: Vec<String> = plan.search_path.iter().map(|schema| quote_ident(schema)).collect();
    let path = if path.is_empty() { "''".to_owned() } else { path.join(", ") };
    let settings = plan.settings.iter();
    let settings = settings
        .map(|(name, value)| format!("SET {} = {};\n", setting_name(name), quote_literal(value)));
    format!("SET search_path = {path};\n{}", settings.collect::<String>())
}

/// What [`session`] has set ends with the revision.
fn settings_back(plan: &Plan) -> String {
    plan.settings.keys().map(|name| format!("RESET {};\n", setting_name(name))).collect()
}

/// `a.b` is one setting, whose parts are names.
fn setting_name(name: &str) -> String {
    name.split('.').map(quote_ident).collect::<Vec<_>>().join(".")
}

/// The steps up to the end of a phase.
fn steps(plan: &Plan, through: Phase, bounds: &Bounds, script: &mut String) {
    let mut phase = None;
    for planned in plan.steps.iter().filter(|step| step.phase <= through) {
        if phase != Some(planned.phase) {
            phase = Some(planned.phase);
            script.push_str(&format!("\n-- ---- Phase {}\n", planned.phase));
        }
        step::write(plan, planned, bounds, script);
    }
}

fn last_phase(plan: &Plan) -> Phase {
    plan.steps.iter().map(|step| step.phase).max().unwrap_or(Phase::Expand)
}

/// The end of a part before a phase that it does not run.
fn stop_at(plan: &Plan, before: Phase, script: &mut String) {
    let id = &plan.revision.id;
    script.push_str(&journal::reach_gate(id, before));
    let until = plan.gates.iter().find(|gate| gate.before == before);
    let until = until.map(|gate| format!(" until {}", gate.until)).unwrap_or_default();
    script.push_str(&echo(&format!("revision {id} waits before {before}{until}")));
}

/// What has to be so before anything of the plan runs.
fn admission(plan: &Plan, replaces: &[String]) -> String {
    let parents = &plan.revision.parents;
    let mut body = refuse_open(&plan.revision.id);
    if !parents.is_empty() {
        body.push_str(&refuse(
            &format!(
                "(SELECT pg_catalog.count(*) FROM airlock.rollout WHERE state = 'done' \
                 AND revision IN ({})) < {}",
                list(parents),
                parents.len()
            ),
            &format!("revision {} comes after others that are not done", plan.revision.id),
        ));
    }
    if !replaces.is_empty() {
        body.push_str(&refuse(
            &format!(
                "EXISTS (SELECT FROM airlock.rollout WHERE state <> 'rolled-back' AND revision IN ({}))",
                list(replaces)
            ),
            &format!("the database has a part of what was squashed into {}", plan.revision.id),
        ));
    }
    body.push_str(&refuse_unlike(plan));
    block("", &body)
}

fn list(words: &[String]) -> String {
    words.iter().map(|word| quote_literal(word)).collect::<Vec<_>>().join(", ")
}

/// Stops the script under a condition.
fn refuse(condition: &str, what: &str) -> String {
    let what = quote_literal(what);
    format!("  IF {condition} THEN\n    RAISE EXCEPTION USING MESSAGE = {what};\n  END IF;\n")
}

/// While another rollout than `id` is under way.
fn refuse_open(id: &str) -> String {
    refuse(
        &format!(
            "EXISTS (SELECT FROM airlock.rollout WHERE revision <> {} \
             AND state IN ('running', 'at-gate', 'rolling-back'))",
            quote_literal(id)
        ),
        "another revision is under way: finish it or take it back first",
    )
}

/// Where the database is not what the plan was made for.
fn refuse_unlike(plan: &Plan) -> String {
    let found = plan.facts.iter().filter_map(unlike);
    let what = |what: &str| format!("the database is not what the plan relies on: {what}");
    found.map(|(condition, unlike)| refuse(&condition, &what(&unlike))).collect()
}

/// When a fact does not hold, as far as a script can tell: whether relations are there or not, whether
/// they have rows. The rest stands in the plan.
fn unlike(fact: &Fact) -> Option<(String, String)> {
    let what = format!("{} was {}", fact.about, fact.value);
    if let Some(name) = fact.about.strip_prefix("relation ") {
        let is =
            if fact.value == crate::catalog::facts::ABSENT { "IS NOT NULL" } else { "IS NULL" };
        let name = quote_literal(name);
        return Some((format!("pg_catalog.to_regclass({name}) {is}"), what));
    }
    let name: QualifiedName = fact.about.strip_prefix(EMPTY)?.strip_prefix(' ')?.parse().ok()?;
    Some((format!("EXISTS (SELECT FROM {name})"), what))
}
