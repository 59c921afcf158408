//! Why a run ends before its plan does, and what that looks like to a person.

use super::error_words::{busy_message, count, in_step, late, locks, not_had, seconds};
use super::limits::OnBlocker;
use super::look::PREPARED;
use super::progress::{Blocker, Failed};
use super::seen::Suggestion;
use crate::error::{Error, Kind};
use crate::journal::{IllegalTransition, JournalError, Runner};
use crate::sql::quote_literal;
use std::time::Duration;

/// What the server said, with everything that it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    pub sqlstate: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// SQLSTATE, DETAIL, position and context in sentences.
    pub full_detail: String,
    /// The statement, or what it was for.
    pub sent: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A tap cut the run off.
    #[error("cut off by a tap")]
    Cut,
    #[error("{}", .0.message)]
    Connect(Error),
    /// The database could not be compared with the plan.
    #[error("{}", .0.message)]
    Catalog(Error),
    /// The connection was lost and could not be had again, or was lost again and again.
    #[error("the connection to the server was lost{}: {reason}", in_step(.step))]
    Lost { step: Option<String>, reason: String },
    #[error("{}", busy_message(.holder))]
    Busy { holder: Option<Box<Runner>>, backend: Option<String> },
    /// Another runner took over while we were cut off.
    #[error("another runner has taken over")]
    Replaced {
        /// The write to the journal that showed it.
        refused: Option<&'static str>,
    },
    #[error("the plan is for PostgreSQL {planned}, the server is PostgreSQL {found}")]
    ServerMajor { planned: u32, found: u32 },
    #[error("the {what} of revision {revision} is not the one that was started")]
    PlanChanged { revision: String, what: &'static str, started: String, given: String },
    #[error("the database is not what the plan was made for: {} changed", count(.differences.len(), "fact"))]
    FactsChanged {
        differences: Vec<String>,
        since: String,
        /// The rollout has begun: no other plan can take this one's place.
        started: bool,
    },
    #[error("revision {revision} is being rolled back")]
    RollingBack { revision: String },
    #[error("revision {revision} cannot be rolled back: {why}")]
    RollbackRefused { revision: String, why: String },
    #[error("step {step}: {} not had within {}", locks(.relations), seconds(.waited))]
    LockNotHad {
        step: String,
        relations: Vec<String>,
        blockers: Vec<Blocker>,
        attempts: u64,
        waited: Duration,
        /// Why the last attempt failed, if there was one.
        reason: Option<Failed>,
        /// What would have done, as far as the transactions seen tell.
        suggestion: Option<Box<Suggestion>>,
        /// What was asked for.
        on_blocker: OnBlocker,
    },
    #[error("step {step} held its locks for longer than {}", seconds(.max_hold))]
    HoldExceeded { step: String, sql: String, max_hold: Duration },
    #[error("step {step}: existing rows break the constraint: {}", .error.message)]
    ConstraintViolated { step: String, error: Box<ServerError> },
    #[error("step {step}: the key is not unique: {}", .error.message)]
    DuplicateKey { step: String, error: Box<ServerError> },
    #[error("step {step}: {count} rows are not as they should be: {meaning}")]
    VerificationFailed {
        step: String,
        meaning: String,
        count: i64,
        /// The first of them: how rows are told apart, and their keys.
        examples: Option<(String, Vec<String>)>,
    },
    #[error("tables came after the walk of step {step}, with rows that it would have changed: {}", late(.tables))]
    CameLate {
        step: String,
        /// Quoted, with the number of such rows.
        tables: Vec<(String, i64)>,
        /// Which rows.
        predicate: String,
    },
    #[error("step {step}: triggers of {relation} would fire for rows that airlock changes")]
    TriggersWouldFire { step: String, relation: String, triggers: Vec<String>, may_set_role: bool },
    #[error("step {step}: the file of {relation} was replaced {restarts} times during the walk")]
    WalkRestarted { step: String, relation: String, restarts: i64 },
    #[error("step {step}: after {passes} passes over {relation} rows still change")]
    PassesExhausted { step: String, relation: String, passes: i64 },
    #[error("step {step}: {relation} cannot be walked: {why}")]
    NotWalkable { step: String, relation: String, why: String },
    #[error("step {step}: the probe still says \"{answer}\" after the statement was run")]
    ProbeDisagrees { step: String, answer: String },
    #[error("the plan cannot run: {what}")]
    BadPlan { what: String },
    /// A timeout or another bound does not hold on this connection.
    #[error("the setting {name} does not stay as it was set")]
    SettingLost { name: String },
    /// Two connections of ours speak with the same backend.
    #[error("between us and the server is a pooler that hands its connections out anew")]
    Pooled,
    #[error("could not {doing}: {}", .error.message)]
    Server { doing: String, step: Option<String>, error: Box<ServerError> },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Lifecycle(#[from] IllegalTransition),
    #[error("stopped on request{}", in_step(.step))]
    Interrupted { step: Option<String>, note: Option<String> },
    /// From another terminal.
    #[error("cancelled by {by}{}", in_step(.step))]
    Cancelled { step: Option<String>, note: Option<String>, by: String },
}

/// What is true after every failed run.
const RESUMABLE: &str =
    "Everything up to here is in the journal; run the same command again to go on.";

/// And when the journal itself is missing.
const JOURNAL_GONE: &str = "Somebody dropped what airlock keeps in the schema airlock: the journal, and the \
    functions that kept columns in step, with their triggers.";

impl RunError {
    /// Says in which step it happened, where that is not said yet.
    pub(super) fn in_step(mut self, id: &str) -> Self {
        if let RunError::Lost { step: step @ None, .. }
        | RunError::Server { step: step @ None, .. }
        | RunError::Interrupted { step: step @ None, .. } = &mut self
        {
            *step = Some(id.to_owned());
        }
        self
    }

    /// The step in which the database, or what is in it, said no, and the statement that was sent
    /// then, where that is known.
    pub fn fault(&self) -> Option<(&str, Option<&str>)> {
        match self {
            RunError::Server { step: Some(step), error, .. } => Some((step, Some(&error.sent))),
            RunError::ConstraintViolated { step, error }
            | RunError::DuplicateKey { step, error } => Some((step, Some(&error.sent))),
            RunError::HoldExceeded { step, sql, .. } => Some((step, Some(sql))),
            RunError::VerificationFailed { step, .. }
            | RunError::CameLate { step, .. }
            | RunError::TriggersWouldFire { step, .. }
            | RunError::WalkRestarted { step, .. }
            | RunError::PassesExhausted { step, .. }
            | RunError::NotWalkable { step, .. }
            | RunError::ProbeDisagrees { step, .. } => Some((step, None)),
            RunError::Cut
            | RunError::Connect(_)
            | RunError::Catalog(_)
            | RunError::Lost { .. }
            | RunError::Busy { .. }
            | RunError::Replaced { .. }
            | RunError::ServerMajor { .. }
            | RunError::PlanChanged { .. }
            | RunError::FactsChanged { .. }
            | RunError::RollingBack { .. }
            | RunError::RollbackRefused { .. }
            | RunError::LockNotHad { .. }
            | RunError::BadPlan { .. }
            | RunError::SettingLost { .. }
            | RunError::Pooled
            | RunError::Server { step: None, .. }
            | RunError::Journal(_)
            | RunError::Lifecycle(_)
            | RunError::Interrupted { .. }
            | RunError::Cancelled { .. } => None,
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            RunError::Busy { .. } | RunError::Replaced { .. } => Kind::Busy,
            RunError::ServerMajor { .. }
            | RunError::PlanChanged { .. }
            | RunError::FactsChanged { .. }
            | RunError::CameLate { .. }
            | RunError::Journal(JournalError::Version { .. }) => Kind::Drift,
            RunError::RollbackRefused { .. }
            | RunError::RollingBack { .. }
            | RunError::TriggersWouldFire { .. } => Kind::Refused,
            RunError::LockNotHad { .. } => Kind::Retry,
            RunError::Interrupted { .. } | RunError::Cancelled { .. } => Kind::Interrupted,
            RunError::Connect(error) | RunError::Catalog(error) => error.kind,
            RunError::BadPlan { .. } => Kind::Input,
            RunError::Cut
            | RunError::Lost { .. }
            | RunError::HoldExceeded { .. }
            | RunError::ConstraintViolated { .. }
            | RunError::DuplicateKey { .. }
            | RunError::VerificationFailed { .. }
            | RunError::WalkRestarted { .. }
            | RunError::PassesExhausted { .. }
            | RunError::NotWalkable { .. }
            | RunError::ProbeDisagrees { .. }
            | RunError::SettingLost { .. }
            | RunError::Pooled
            | RunError::Server { .. }
            | RunError::Journal(_)
            | RunError::Lifecycle(_) => Kind::Failed,
        }
    }

    /// The step that it is about, where it says so.
    fn step(&self) -> Option<&str> {
        match self {
            RunError::LockNotHad { step, .. }
            | RunError::HoldExceeded { step, .. }
            | RunError::ConstraintViolated { step, .. }
            | RunError::DuplicateKey { step, .. }
            | RunError::VerificationFailed { step, .. }
            | RunError::CameLate { step, .. }
            | RunError::TriggersWouldFire { step, .. }
            | RunError::WalkRestarted { step, .. }
            | RunError::PassesExhausted { step, .. }
            | RunError::NotWalkable { step, .. }
            | RunError::ProbeDisagrees { step, .. } => Some(step),
            RunError::Lost { step, .. }
            | RunError::Server { step, .. }
            | RunError::Interrupted { step, .. }
            | RunError::Cancelled { step, .. } => step.as_deref(),
            RunError::Connect(error) | RunError::Catalog(error) => {
                error.origin.as_ref().and_then(|origin| origin.step.as_deref())
            }
            RunError::Cut
            | RunError::Busy { .. }
            | RunError::Replaced { .. }
            | RunError::ServerMajor { .. }
            | RunError::PlanChanged { .. }
            | RunError::FactsChanged { .. }
            | RunError::RollingBack { .. }
            | RunError::RollbackRefused { .. }
            | RunError::BadPlan { .. }
            | RunError::SettingLost { .. }
            | RunError::Pooled
            | RunError::Journal(_)
            | RunError::Lifecycle(_) => None,
        }
    }

    /// What the server called it, where it was the server that refused.
    fn sqlstate(&self) -> Option<&str> {
        match self {
            RunError::ConstraintViolated { error, .. }
            | RunError::DuplicateKey { error, .. }
            | RunError::Server { error, .. } => Some(&error.sqlstate),
            RunError::Connect(error) | RunError::Catalog(error) => {
                error.origin.as_ref().and_then(|origin| origin.sqlstate.as_deref())
            }
            _ => None,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            RunError::VerificationFailed { examples: Some((by, keys)), .. } => {
                Some(format!("The first by {by}: {}. {RESUMABLE}", keys.join("; ")))
            }
            RunError::Connect(error) | RunError::Catalog(error) => error.detail.clone(),
            RunError::Busy { holder, backend } => {
                let beat = holder.as_ref().map(|runner| {
                    let seconds = runner.heartbeat_age_ms as f64 / 1000.0;
                    format!(
                        "Its last sign of life is {seconds:.1} s old; it says: {}.",
                        runner.activity
                    )
                });
                let parts: Vec<String> = beat.into_iter().chain(backend.clone()).collect();
                (!parts.is_empty()).then(|| parts.join("\n"))
            }
            RunError::Replaced { refused: Some(write) } => {
                Some(format!("The journal did not take this: {write}."))
            }
            RunError::PlanChanged { started, given, .. } => {
                Some(format!("Started with {started}, now given {given}."))
            }
            RunError::CameLate { predicate, .. } => {
                Some(format!("Rows for which this holds:\n{predicate}\n{RESUMABLE}"))
            }
            RunError::FactsChanged { differences, since, .. } => {
                Some(format!("Compared with {since}:\n{}", differences.join("\n")))
            }
            RunError::LockNotHad { blockers, attempts, reason, .. } => {
                Some(not_had(blockers, *attempts, *reason))
            }
            RunError::HoldExceeded { sql, .. } => Some(format!(
                "The statement was planned as metadata only and takes longer; it was cancelled and \
                 rolled back: {sql}"
            )),
            RunError::ConstraintViolated { error, .. } | RunError::DuplicateKey { error, .. } => {
                Some(format!("{}\n{RESUMABLE}", error.full_detail))
            }
            RunError::TriggersWouldFire { triggers, .. } => Some(triggers.join("\n")),
            RunError::Server { error, .. } if journal_is_gone(error) => {
                Some(format!("{}\n{JOURNAL_GONE}", error.full_detail))
            }
            RunError::Server { error, .. } => Some(format!("{}\n{RESUMABLE}", error.full_detail)),
            RunError::Interrupted { note, .. } | RunError::Cancelled { note, .. } => {
                Some(match note {
                    Some(note) => format!("{note}\n{RESUMABLE}"),
                    None => RESUMABLE.to_owned(),
                })
            }
            RunError::Lost { .. }
            | RunError::VerificationFailed { .. }
            | RunError::PassesExhausted { .. }
            | RunError::WalkRestarted { .. }
            | RunError::ProbeDisagrees { .. } => Some(RESUMABLE.to_owned()),
            RunError::Pooled => Some(
                "Locks, timeouts and the runner's lock would be those of whoever comes next. \
                 Nothing was done."
                    .to_owned(),
            ),
            RunError::Cut
            | RunError::Replaced { refused: None }
            | RunError::ServerMajor { .. }
            | RunError::RollingBack { .. }
            | RunError::RollbackRefused { .. }
            | RunError::NotWalkable { .. }
            | RunError::BadPlan { .. }
            | RunError::SettingLost { .. }
            | RunError::Journal(_)
            | RunError::Lifecycle(_) => None,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            RunError::Connect(error) | RunError::Catalog(error) => return error.hint.clone(),
            RunError::Busy { .. } => "Wait until it is done. `airlock status` shows what it does.",
            RunError::Cancelled { .. } => {
                "Run the same command again to go on, or `airlock rollback` to take it back."
            }
            RunError::Replaced { .. } => "`airlock status` shows what the other runner does.",
            RunError::ServerMajor { .. } => {
                "Make the plan again against this server and review it."
            }
            RunError::PlanChanged { .. } => {
                "Finish or roll back with the plan that was started; a new one can follow."
            }
            RunError::FactsChanged { started: false, .. } => {
                "Make the plan again and review it, or undo what changed the database."
            }
            RunError::CameLate { .. } => {
                "Nothing has changed. See for these rows which column has the right value, and update \
                 them so that this no longer holds for any; then run the same command again."
            }
            RunError::FactsChanged { started: true, .. } => {
                "Drop what is new there, or put back what was changed, and run the same command again. \
                 The rollout can be taken back too (`airlock rollback`), when nothing new depends on it."
            }
            RunError::RollingBack { .. } => "Run `airlock rollback` again to finish it.",
            RunError::LockNotHad { suggestion: Some(suggestion), .. } => {
                return Some(format!(
                    "`--escalate-to {}` would have let the stall budget grow to what it takes, and \
                     only when needed; a fixed one would have to be {} (`--max-stall`). Or end what is \
                     in the way, or try at a quieter time.",
                    humantime::format_duration(suggestion.ceiling),
                    humantime::format_duration(suggestion.budget)
                ));
            }
            RunError::LockNotHad { blockers, .. }
                if blockers.iter().any(|blocker| blocker.state == PREPARED) =>
            {
                let prepared = blockers.iter().filter(|blocker| blocker.state == PREPARED);
                let names: Vec<String> =
                    prepared.filter_map(|one| one.query.as_deref().map(quote_literal)).collect();
                return Some(format!(
                    "A prepared transaction ends only by COMMIT PREPARED or ROLLBACK PREPARED ({}), in its \
                     database; airlock leaves that to you.",
                    names.join(", ")
                ));
            }
            RunError::LockNotHad { on_blocker: OnBlocker::Wait, .. } => {
                "End what is in the way (`--on-blocker cancel` does), allow more time \
                 (`--patience`), or try at a quieter time."
            }
            RunError::LockNotHad { .. } => {
                "End what is in the way yourself (superusers, replication and prepared transactions \
                 are spared), allow more time (`--patience`), or try at a quieter time."
            }
            RunError::HoldExceeded { .. } => {
                "This is an error of the plan. If the time is acceptable, allow it with `--max-hold`."
            }
            RunError::ConstraintViolated { .. } => {
                "Correct the rows, then run the same command again."
            }
            RunError::DuplicateKey { .. } => {
                "Remove the duplicates, then run the same command again; the invalid index is gone."
            }
            RunError::VerificationFailed { .. } => {
                "Nothing was switched. Find out why the rows differ, then run again, or \
                 `airlock rollback`."
            }
            RunError::TriggersWouldFire { may_set_role: true, .. } => {
                "They fire under session_replication_role = replica too (ENABLE ALWAYS, ENABLE REPLICA): say \
                 ALTER TABLE … ENABLE TRIGGER for them while the rollout is on, or accept that they fire \
                 with `-- airlock: allow triggers-fire \"why\"`."
            }
            RunError::TriggersWouldFire { .. } => {
                "Run as a role that may set session_replication_role, or accept that they fire \
                 with `-- airlock: allow triggers-fire \"why\"`."
            }
            RunError::Server { error, .. } => return server_hint(error),
            RunError::SettingLost { .. } | RunError::Pooled => {
                "Connect to PostgreSQL itself, not through a pooler in transaction mode."
            }
            RunError::Journal(JournalError::Version { .. }) => "Use the newer airlock.",
            RunError::Cut
            | RunError::Lost { .. }
            | RunError::RollbackRefused { .. }
            | RunError::WalkRestarted { .. }
            | RunError::PassesExhausted { .. }
            | RunError::NotWalkable { .. }
            | RunError::ProbeDisagrees { .. }
            | RunError::BadPlan { .. }
            | RunError::Journal(_)
            | RunError::Lifecycle(_)
            | RunError::Interrupted { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// Whether what the server misses is airlock's own.
fn journal_is_gone(error: &ServerError) -> bool {
    matches!(error.sqlstate.as_str(), "42P01" | "3F000") && error.message.contains("\"airlock")
}

fn server_hint(error: &ServerError) -> Option<String> {
    let ours = match error.sqlstate.as_str() {
        "42501" => "The role lacks a privilege; docs/operating.md lists what it needs.",
        // The server's own hint is CASCADE, which would take away what somebody else has made.
        "2BP01" => {
            return Some(
                "Drop what depends on it, or change it so that it does not, and run the same command again."
                    .to_owned(),
            );
        }
        "42P01" | "3F000" if journal_is_gone(error) => {
            "Look at the tables of the plan before you run it again: columns and indexes that were begun are \
             still there, by the names in the plan."
        }
        "53100" => "Run the same command again when the server has room.",
        "53300" => {
            "The server, the database or the role (CONNECTION LIMIT) has no connection left; airlock needs two, and one more for each job."
        }
        _ => return error.hint.clone(),
    };
    Some(match &error.hint {
        Some(hint) => format!("{hint} {ours}"),
        None => ours.to_owned(),
    })
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Self {
        let mut shown =
            Error::new(error.kind(), error.to_string()).origin(error.step(), error.sqlstate());
        shown.detail = error.detail();
        shown.hint = error.hint();
        shown
    }
}
