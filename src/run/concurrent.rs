//! Statements that PostgreSQL refuses in a transaction: concurrent index builds and drops.
//!
//! They cannot commit with their journal entry. A probe decides from the catalog what is there, so
//! it does not matter when a run before was cut off: half-done work is cleared away and done again.

use super::error::RunError;
use super::locks::Wait;
use super::progress::{Event, Failed};
use super::retry::Backoff;
use super::runner::{Runner, as_ms};
use super::session::Fault;
use super::settings::as_setting;
use super::step::complete;
use super::validate::wait_for_others;
use crate::plan::{RelationLock, Step};
use std::time::{Duration, Instant};

/// Longest time for taking away what a cancelled build left behind.
const CLEAN_UP_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the statement may end well and the probe still say that nothing is there.
const DISAGREEMENTS_MAX: u32 = 2;

/// What the probe says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Absent,
    HalfDone,
    Done,
}

impl Found {
    fn from_answer(answer: &str) -> Option<Self> {
        match answer {
            "absent" => Some(Found::Absent),
            "half-done" => Some(Found::HalfDone),
            "done" => Some(Found::Done),
            _ => None,
        }
    }
}

/// A statement with what tells how far it got.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    pub sql: &'a str,
    pub probe: &'a str,
    pub cleanup: &'a str,
}

/// Probes, clears away, builds, until the probe says that it is done.
pub(super) async fn run(
    runner: &mut Runner<'_>,
    step: &Step,
    job: Job<'_>,
) -> Result<(), RunError> {
    until_done(runner, &step.id, &step.locks, job).await?;
    complete(runner, step).await
}

/// The same without the journal's word.
pub(super) async fn until_done(
    runner: &mut Runner<'_>,
    id: &str,
    locks: &[RelationLock],
    job: Job<'_>,
) -> Result<(), RunError> {
    let Job { sql, probe, cleanup } = job;
    let started = Instant::now();
    let mut backoff = Backoff::new();
    let mut built = 0;
    loop {
        let answer = ask(runner, probe).await?;
        let Some(found) = Found::from_answer(&answer) else {
            let what = format!("the probe of step {id} answers \"{answer}\"");
            return Err(RunError::BadPlan { what });
        };
        let next = match found {
            Found::Done => return Ok(()),
            Found::HalfDone => cleanup,
            Found::Absent if built == DISAGREEMENTS_MAX => {
                return Err(RunError::ProbeDisagrees { step: id.to_owned(), answer });
            }
            Found::Absent => sql,
        };
        match alone(runner, id, locks, next).await {
            Ok(()) if found == Found::Absent => built += 1,
            Ok(()) => {}
            // What it leaves behind, the probe finds.
            Err(error) if is_deadlock(&error) && started.elapsed() < runner.limits().patience => {
                let pause = backoff.next();
                runner.event(Event::AttemptFailed {
                    step: id.to_owned(),
                    attempt: runner.figures.attempts,
                    reason: Failed::Deadlock,
                    pause_ms: as_ms(pause),
                    blockers: Vec::new(),
                });
                runner.hooks.stop.sleep(pause).await;
            }
            Err(RunError::Server { error, .. })
                if error.sqlstate == "23505" && found == Found::Absent =>
            {
                // What is left of an index that cannot be would cost every write, so it goes.
                if Found::from_answer(&ask(runner, probe).await?) == Some(Found::HalfDone) {
                    alone(runner, id, locks, cleanup).await?;
                }
                return Err(RunError::DuplicateKey { step: id.to_owned(), error });
            }
            Err(RunError::Interrupted { step, .. })
                if runner.hooks.stop.cancelled_by().is_some() && next == sql =>
            {
                let note = Some(clean_up(runner, probe, cleanup).await?);
                return Err(RunError::Interrupted { step, note });
            }
            Err(error) => return Err(error),
        }
    }
}

/// After a cancelled build: takes away what it left behind, which would cost every write. Gives what
/// came of it, in a sentence.
async fn clean_up(runner: &Runner<'_>, probe: &str, cleanup: &str) -> Result<String, RunError> {
    let work = &runner.work;
    let cleaned = async {
        let found = work.last_text("probe", probe).await?;
        if Found::from_answer(&found) != Some(Found::HalfDone) {
            return Ok("The statement was cancelled and left nothing behind.");
        }
        // It waits for old transactions like the build itself; nobody waits for it.
        work.tidy("SET lock_timeout = 0").await?;
        work.tidy(&format!("SET statement_timeout = {}", as_setting(CLEAN_UP_TIMEOUT))).await?;
        work.tidy(cleanup).await?;
        Ok("The statement was cancelled, and what it left behind (an invalid index) was removed.")
    };
    match cleaned.await {
        Ok(text) => Ok(text.to_owned()),
        Err(fault @ (Fault::Lost(_) | Fault::Cut)) => Err(fault.doing("clean up")),
        Err(_) => Ok("The statement was cancelled. What it left behind (an invalid index) could \
                      not be removed now; it is when the run goes on or is rolled back."
            .to_owned()),
    }
}

fn is_deadlock(error: &RunError) -> bool {
    matches!(error, RunError::Server { error, .. } if error.sqlstate == "40P01")
}

async fn ask(runner: &Runner<'_>, probe: &str) -> Result<String, RunError> {
    let row = runner
        .work
        .row("probe", probe, &[])
        .await
        .map_err(|fault| fault.doing("see what is there of the step"))?;
    row.try_get::<_, String>(0).map_err(|error| RunError::BadPlan {
        what: format!("a probe does not give one text: {error}"),
    })
}

/// Sends one statement outside a transaction, without timeouts, under the eyes of the guard.
pub(super) async fn alone(
    runner: &mut Runner<'_>,
    id: &str,
    locks: &[RelationLock],
    sql: &str,
) -> Result<(), RunError> {
    let mut wait = Wait::new();
    wait.started += runner.pass(id).await?;
    wait_for_others(runner, id, locks, &mut wait).await?;
    runner.guard.activity(&format!("step {id}: {sql}"));
    runner.figures.attempts += 1;
    let watch = runner.guard.report(runner.work.pid, id, &runner.hooks.progress);
    let announcer = runner.begin_long(sql);
    let result = unbounded(runner, sql).await;
    runner.end_long(announcer);
    let observed = watch.end().await;
    runner.figures.stall(observed.worst);
    match result {
        Ok(()) => Ok(()),
        Err(Fault::Insisted) => Err(RunError::Interrupted {
            step: Some(id.to_owned()),
            note: Some(
                "The statement was cancelled. What it left behind (an invalid index) is removed \
                 when the run goes on."
                    .to_owned(),
            ),
        }),
        Err(fault) => Err(fault.doing(format!("run step {id}"))),
    }
}

async fn unbounded(runner: &Runner<'_>, sql: &str) -> Result<(), Fault> {
    let work = &runner.work;
    let before = work
        .row(
            "timeouts",
            "SELECT pg_catalog.current_setting('lock_timeout'), \
             pg_catalog.current_setting('statement_timeout')",
            &[],
        )
        .await?;
    let (lock, statement): (String, String) = (before.get(0), before.get(1));
    work.control("SET lock_timeout = 0").await?;
    work.control("SET statement_timeout = 0").await?;
    let result = work.execute(sql, sql, &[]).await;
    if matches!(result, Err(Fault::Lost(_) | Fault::Cut)) {
        return result.map(drop);
    }
    work.tidy(&format!("SET lock_timeout = '{lock}'")).await?;
    work.tidy(&format!("SET statement_timeout = '{statement}'")).await?;
    result.map(drop)
}
