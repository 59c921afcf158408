//! Writing rollouts and steps. Each function gives the statement; who sends it, and in which
//! transaction, is the caller's affair.
//!
//! Every write but the first asks for the runner's row with `FOR KEY SHARE`: a runner that was
//! replaced cannot write, and one that is about to commit holds off its replacement until it has.

use super::command::{Command, Hits, Value};
use super::state::{RolloutEvent, RolloutState, StepEvent, StepState};
use crate::plan::{Action, Fact, Phase, Plan};

/// Who runs, as it is written beside a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applier {
    pub user: String,
    pub host: String,
    pub version: String,
}

/// Condition that the runner with the uuid in parameter `n` is still the one at work.
pub(super) fn fence(n: usize) -> String {
    format!(
        "EXISTS (SELECT FROM airlock.runner AS r WHERE r.runner = ${n}::text::pg_catalog.uuid \
         FOR KEY SHARE)"
    )
}

fn words(names: Vec<&'static str>) -> Value {
    Value::Texts(names.into_iter().map(str::to_owned).collect())
}

/// The word for an action in `airlock.step.kind`, as in the plan file.
pub fn kind(action: &Action) -> &'static str {
    match action {
        Action::Transaction { .. } => "transaction",
        Action::Validate { .. } => "validate",
        Action::Concurrent { .. } => "concurrent",
        Action::Backfill(_) => "backfill",
        Action::Verify { .. } => "verify",
        Action::Statement { .. } => "statement",
        Action::Maintenance { .. } => "maintenance",
    }
}

/// Enters a plan: its rollout, running, and its steps, pending. Replaces what an earlier plan of
/// the revision left; the caller has made sure that nothing of it is in the database.
pub fn enter(plan: &Plan, plan_text: &str, by: &Applier, runner: &str) -> [Command; 3] {
    let revision = &plan.revision;
    let first = plan.steps.iter().map(|step| step.phase).min().unwrap_or(Phase::Expand);
    let steps = &plan.steps;
    let texts = |f: &dyn Fn(&crate::plan::Step) -> &str| {
        Value::Texts(steps.iter().map(|step| f(step).to_owned()).collect())
    };
    [
        Command::new(
            "journal rollout replaced",
            // With it goes the word of a downgrade that took it back before.
            format!("DELETE FROM airlock.rollout WHERE revision = ANY ($1) AND {}", fence(2)),
            vec![
                Value::Texts(vec![revision.id.clone(), super::downgrade_id(&revision.id)]),
                Value::text(runner),
            ],
            Hits::Any,
        ),
        Command::new(
            "journal rollout",
            format!(
                "INSERT INTO airlock.rollout (revision, parents, message, plan_digest, \
                 migration_digest, plan, state, phase, applied_by, applied_from, applied_with) \
                 SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 WHERE {}",
                fence(12)
            ),
            vec![
                Value::text(&revision.id),
                Value::Texts(revision.parents.clone()),
                Value::text(&revision.message),
                Value::text(&plan.digest),
                Value::text(&revision.digest),
                Value::text(plan_text),
                Value::text(RolloutState::Running.name()),
                Value::text(first.name()),
                Value::text(&by.user),
                Value::text(&by.host),
                Value::text(&by.version),
                Value::text(runner),
            ],
            Hits::Some,
        ),
        Command::new(
            "journal steps",
            "INSERT INTO airlock.step (revision, step, ordinal, phase, kind) \
             SELECT $1, s.step, s.ordinal, s.phase, s.kind \
             FROM ROWS FROM (pg_catalog.unnest($2::text[]), \
                  pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[])) \
                  WITH ORDINALITY AS s (step, phase, kind, ordinal)",
            vec![
                Value::text(&revision.id),
                texts(&|step| &step.id),
                texts(&|step| step.phase.name()),
                texts(&|step| kind(&step.action)),
            ],
            Hits::Any,
        ),
    ]
}

/// Moves a rollout on. `phase`: the one at work, or the one behind the gate.
pub fn move_rollout(revision: &str, event: RolloutEvent, phase: Phase, runner: &str) -> Command {
    let (state, finished) = match event {
        RolloutEvent::Run => (RolloutState::Running, false),
        RolloutEvent::ReachGate => (RolloutState::AtGate, false),
        RolloutEvent::Finish => (RolloutState::Done, true),
        RolloutEvent::RollBack => (RolloutState::RollingBack, false),
        RolloutEvent::FinishRollback => (RolloutState::RolledBack, true),
    };
    Command::new(
        "journal rollout state",
        format!(
            "UPDATE airlock.rollout SET state = $2, phase = $3, \
             finished_at = CASE WHEN $4 THEN pg_catalog.clock_timestamp() END \
             WHERE revision = $1 AND state = ANY ($5) AND {}",
            fence(6)
        ),
        vec![
            Value::text(revision),
            Value::text(state.name()),
            Value::text(phase.name()),
            Value::Bool(finished),
            words(RolloutState::sources(event)),
            Value::text(runner),
        ],
        Hits::Some,
    )
}

/// A revision that was done has been taken back by its downgrade section.
pub fn taken_back(revision: &str, runner: &str) -> Command {
    Command::new(
        "journal rollout taken back",
        format!(
            "UPDATE airlock.rollout SET state = $2, finished_at = pg_catalog.clock_timestamp() \
             WHERE revision = $1 AND state = $3 AND {}",
            fence(4)
        ),
        vec![
            Value::text(revision),
            Value::text(RolloutState::RolledBack.name()),
            Value::text(RolloutState::Done.name()),
            Value::text(runner),
        ],
        Hits::Some,
    )
}

/// Keeps what the relations look like after a phase.
pub fn store_facts(revision: &str, facts: &[Fact], runner: &str) -> Command {
    let facts = serde_json::to_value(facts).expect("facts are two strings each");
    Command::new(
        "journal facts",
        format!("UPDATE airlock.rollout SET facts = $2 WHERE revision = $1 AND {}", fence(3)),
        vec![Value::text(revision), Value::Json(facts), Value::text(runner)],
        Hits::Some,
    )
}

/// A step starts, or is taken up again.
pub fn start_step(revision: &str, step: &str, runner: &str) -> Command {
    Command::new(
        "journal step started",
        format!(
            "UPDATE airlock.step SET state = $3, \
             started_at = COALESCE(started_at, pg_catalog.clock_timestamp()) \
             WHERE revision = $1 AND step = $2 AND state = ANY ($4) AND {}",
            fence(5)
        ),
        vec![
            Value::text(revision),
            Value::text(step),
            Value::text(StepState::Running.name()),
            words(StepState::sources(StepEvent::Start)),
            Value::text(runner),
        ],
        Hits::Some,
    )
}

/// What a step took, added to what earlier attempts at it took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    pub attempts: i64,
    pub waited_ms: f64,
    pub held_ms: f64,
    pub worst_stall_ms: f64,
    pub rows: i64,
    pub batches: i64,
    pub vacuums: i64,
}

impl Figures {
    fn params(&self) -> [Value; 7] {
        [
            Value::BigInt(self.attempts),
            Value::Double(self.waited_ms),
            Value::Double(self.held_ms),
            Value::Double(self.worst_stall_ms),
            Value::BigInt(self.rows),
            Value::BigInt(self.batches),
            Value::BigInt(self.vacuums),
        ]
    }
}

const ADD_FIGURES: &str = "attempts = attempts + $3, waited_ms = waited_ms + $4, \
    held_ms = held_ms + $5, worst_stall_ms = GREATEST(worst_stall_ms, $6), rows = rows + $7, \
    batches = batches + $8, vacuums = vacuums + $9";

/// A step is done; to be sent in the transaction that does its work.
pub fn complete_step(revision: &str, step: &str, figures: &Figures, runner: &str) -> Command {
    end_step(
        "journal step done",
        StepState::Done,
        StepEvent::Complete,
        revision,
        step,
        figures,
        runner,
    )
}

/// A step is taken back; to be sent in the transaction that takes it back.
pub fn undo_step(revision: &str, step: &str, runner: &str) -> Command {
    let figures = Figures::default();
    end_step(
        "journal step undone",
        StepState::Undone,
        StepEvent::Undo,
        revision,
        step,
        &figures,
        runner,
    )
}

fn end_step(
    label: &'static str,
    state: StepState,
    event: StepEvent,
    revision: &str,
    step: &str,
    figures: &Figures,
    runner: &str,
) -> Command {
    let mut params = vec![Value::text(revision), Value::text(step)];
    params.extend(figures.params());
    params.extend([
        Value::text(state.name()),
        words(StepState::sources(event)),
        Value::text(runner),
    ]);
    Command::new(
        label,
        format!(
            "UPDATE airlock.step SET {ADD_FIGURES}, state = $10, \
             finished_at = pg_catalog.clock_timestamp() \
             WHERE revision = $1 AND step = $2 AND state = ANY ($11) AND {}",
            fence(12)
        ),
        params,
        Hits::Some,
    )
}

/// Figures that are only known after the commit, or that a failed run leaves behind.
pub fn add_figures(revision: &str, step: &str, figures: &Figures, runner: &str) -> Command {
    let mut params = vec![Value::text(revision), Value::text(step)];
    params.extend(figures.params());
    params.push(Value::text(runner));
    Command::new(
        "journal step figures",
        format!(
            "UPDATE airlock.step SET {ADD_FIGURES} WHERE revision = $1 AND step = $2 AND {}",
            fence(10)
        ),
        params,
        Hits::Some,
    )
}
