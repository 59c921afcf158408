//! The state of a run as metrics, in Prometheus' text format (version 0.0.4).

use crate::run::{Event, HeldBy, Progress};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What is known of the run so far.
#[derive(Default)]
pub struct Metrics(Mutex<State>);

#[derive(Default)]
struct State {
    revision: String,
    steps_total: usize,
    steps_done: usize,
    /// Step at work: id, phase, kind.
    step: Option<(String, String, &'static str)>,
    blocks: (u64, u64),
    /// Rows and batches of steps that are finished, and of the one at work.
    rows: (u64, u64),
    batches: u64,
    rows_per_second: f64,
    batch_ms: f64,
    worst_stall_ms: f64,
    waiting: bool,
    held: Option<HeldBy>,
    /// Of waits that are over, and of the one that goes on.
    held_ms: (f64, f64),
    slowed: f64,
    failed: BTreeMap<String, u64>,
    lost: u64,
    vacuums: u64,
    /// One of [`STATES`].
    state: &'static str,
    last_event: f64,
    /// When the server last answered, or a hook was last seen at work.
    heartbeat: f64,
}

/// What a rollout may be in.
const STATES: [&str; 5] = ["running", "gate", "done", "rolling-back", "rolled-back"];

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|time| time.as_secs_f64()).unwrap_or_default()
}

impl Progress for Metrics {
    fn event(&self, event: &Event) {
        let mut state = self.state();
        state.last_event = now();
        state.take(event);
    }

    fn alive(&self) {
        self.state().heartbeat = now();
    }
}

impl State {
    fn take(&mut self, event: &Event) {
        match event {
            Event::RunStarted { revision, steps_done, steps_total, .. } => {
                self.revision.clone_from(revision);
                (self.steps_done, self.steps_total) = (*steps_done, *steps_total);
                self.state = "running";
            }
            Event::RollbackStarted { revision, steps_done, steps_total } => {
                self.revision.clone_from(revision);
                (self.steps_done, self.steps_total) = (*steps_done, *steps_total);
                self.state = "rolling-back";
            }
            Event::StepUndone { .. } => {
                self.steps_done += 1;
                self.waiting = false;
            }
            Event::StepStarted { step, phase, kind, .. } => {
                self.step = Some((step.clone(), phase.to_string(), kind));
                (self.blocks, self.waiting) = ((0, 0), false);
            }
            Event::StepFinished { report } => {
                self.steps_done += 1;
                self.rows = (self.rows.0 + report.rows, 0);
                self.worst_stall_ms = self.worst_stall_ms.max(report.worst_stall_ms);
                (self.step, self.waiting, self.rows_per_second, self.slowed) =
                    (None, false, 0.0, 0.0);
            }
            Event::Waiting { .. } => self.waiting = true,
            Event::HeldBack { by, held_ms, .. } => {
                (self.held, self.held_ms.1) = (Some(*by), *held_ms);
            }
            Event::GoesOn { held_ms, .. } => {
                (self.held, self.held_ms) = (None, (self.held_ms.0 + held_ms, 0.0));
            }
            Event::AttemptFailed { reason, .. } => {
                self.waiting = false;
                let reason = serde_json::to_value(reason).unwrap_or_default();
                let reason = reason.as_str().unwrap_or("unknown").to_owned();
                *self.failed.entry(reason).or_default() += 1;
            }
            Event::Batch {
                blocks_done,
                blocks_total,
                rows,
                batch_ms,
                rows_per_second,
                slowed,
                ..
            } => {
                self.waiting = false;
                (self.blocks, self.rows.1) = ((*blocks_done, *blocks_total), *rows);
                (self.batch_ms, self.rows_per_second) = (*batch_ms, *rows_per_second);
                self.slowed = *slowed;
                self.batches += 1;
            }
            Event::Building { blocks_done, blocks_total, .. }
            | Event::Verifying { blocks_done, blocks_total, .. } => {
                (self.blocks, self.waiting) = ((*blocks_done, *blocks_total), false);
            }
            Event::VacuumFinished { .. } => self.vacuums += 1,
            Event::ConnectionLost { .. } => self.lost += 1,
            Event::GateReached { .. } => self.state = "gate",
            Event::Finished => self.state = "done",
            Event::RolledBack => self.state = "rolled-back",
            Event::BudgetGrown { .. }
            | Event::BlockerSignalled { .. }
            | Event::WalkRestarted { .. }
            | Event::Pass { .. }
            | Event::VacuumStarted { .. }
            | Event::SnapshotHeld { .. }
            | Event::Reconnected { .. }
            | Event::PhaseFinished { .. }
            | Event::RunFailed { .. }
            | Event::HookFailed { .. }
            | Event::Notice { .. } => {}
        }
    }
}

/// A value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl Metrics {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the numbers whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is anything to tell.
    pub(super) fn has_begun(&self) -> bool {
        !self.state().state.is_empty()
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        let state = self.state();
        let mut out = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
            let _ = writeln!(out, "# HELP airlock_{name} {help}\n# TYPE airlock_{name} {kind}");
            for (labels, value) in values {
                let labels =
                    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
                let _ = writeln!(out, "airlock_{name}{labels} {value}");
            }
        };
        let plain = |value: f64| vec![(String::new(), value)];
        let flag = |on: bool| f64::from(u8::from(on));
        let gauge = "gauge";
        let revision = label(&state.revision);
        let states: Vec<_> = STATES
            .map(|name| {
                let labels = format!("revision=\"{revision}\",state=\"{name}\"");
                (labels, flag(state.state == name))
            })
            .to_vec();
        metric("rollout_state", gauge, "1 for the state that the rollout is in.", &states);
        let at_work: Vec<_> = state
            .step
            .iter()
            .map(|(step, phase, kind)| {
                let (step, phase) = (label(step), label(phase));
                (format!("step=\"{step}\",phase=\"{phase}\",kind=\"{kind}\""), 1.0)
            })
            .collect();
        metric("step_info", gauge, "The step at work.", &at_work);
        metric("steps", gauge, "Steps of the plan.", &plain(state.steps_total as f64));
        metric("steps_done", gauge, "Steps that are done.", &plain(state.steps_done as f64));
        let (done, total) = state.blocks;
        metric("step_blocks", gauge, "Blocks that the step visits.", &plain(total as f64));
        metric("step_blocks_done", gauge, "Blocks that it has visited.", &plain(done as f64));
        let rows = (state.rows.0 + state.rows.1) as f64;
        metric("rows_changed_total", "counter", "Rows changed by this runner.", &plain(rows));
        metric("batches_total", "counter", "Batches committed.", &plain(state.batches as f64));
        metric("rows_per_second", gauge, "Speed of the backfill.", &plain(state.rows_per_second));
        let batch = plain(state.batch_ms / 1000.0);
        metric("batch_seconds", gauge, "Duration of the last batch.", &batch);
        let stall = plain(state.worst_stall_ms / 1000.0);
        let help = "Longest wait of another backend behind airlock, of steps that are done.";
        metric("worst_stall_seconds", gauge, help, &stall);
        let help = "1 while it waits outside the lock queue.";
        metric("waiting_for_lock", gauge, help, &plain(flag(state.waiting)));
        let held = [(HeldBy::Pause, "pause"), (HeldBy::Throttle, "throttle")]
            .map(|(by, name)| (format!("by=\"{name}\""), flag(state.held == Some(by))));
        metric("held_back", gauge, "1 while nothing new begins.", &held);
        let held = plain((state.held_ms.0 + state.held_ms.1) / 1000.0);
        metric("held_back_seconds_total", "counter", "Time in which nothing new began.", &held);
        let help = "Share of the time that the walk stands still.";
        metric("throttle_ratio", gauge, help, &plain(state.slowed));
        let failed: Vec<_> = state
            .failed
            .iter()
            .map(|(reason, count)| (format!("reason=\"{}\"", label(reason)), *count as f64))
            .collect();
        let help = "Attempts at a lock or a batch that were given up.";
        metric("attempts_failed_total", "counter", help, &failed);
        let help = "Connections lost and made again.";
        metric("connections_lost_total", "counter", help, &plain(state.lost as f64));
        metric("vacuums_total", "counter", "Vacuums on the way.", &plain(state.vacuums as f64));
        let help = "When the run last had something to tell, seconds since 1970.";
        metric("last_event_timestamp_seconds", gauge, help, &plain(state.last_event));
        let help = "When the server last answered the run, or a hook was last seen at work, seconds since 1970.";
        metric("heartbeat_timestamp_seconds", gauge, help, &plain(state.heartbeat));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Phase;
    use crate::run::Failed;

    #[test]
    fn a_run_becomes_numbers() {
        let metrics = Metrics::default();
        for event in [
            Event::RunStarted {
                revision: "a\"b".into(),
                through: Phase::Switch,
                steps_done: 1,
                steps_total: 4,
            },
            Event::StepStarted {
                step: "migrate-1".into(),
                phase: Phase::Migrate,
                kind: "backfill",
                why: String::new(),
                resumed: false,
            },
            Event::Batch {
                step: "migrate-1".into(),
                relation: "public.t".into(),
                blocks_done: 50,
                blocks_total: 200,
                rows: 5_000,
                batch_blocks: 10,
                batch_rows: 900,
                batch_ms: 24.0,
                rows_per_second: 36_000.0,
                pass: 1,
                slowed: 0.25,
                slowed_by: None,
            },
            Event::AttemptFailed {
                step: "migrate-1".into(),
                attempt: 1,
                reason: Failed::Lock,
                pause_ms: 1.0,
                blockers: vec![],
            },
            Event::GoesOn { step: "migrate-1".into(), held_ms: 500.0 },
            Event::HeldBack {
                step: "migrate-1".into(),
                by: HeldBy::Throttle,
                reasons: vec![],
                held_ms: 1_500.0,
            },
        ] {
            metrics.event(&event);
        }
        metrics.alive();
        assert!(metrics.state().heartbeat > 1.0);
        metrics.state().last_event = 17.5;
        metrics.state().heartbeat = 18.5;
        insta::assert_snapshot!(metrics.render());
    }

    #[test]
    fn a_rollback_counts_what_it_takes_back() {
        let metrics = Metrics::default();
        let (revision, step) = ("aaaa".to_owned(), "switch-1".to_owned());
        metrics.event(&Event::RollbackStarted { revision, steps_done: 0, steps_total: 3 });
        metrics.event(&Event::StepUndone { step, irreversible: None });
        let text = metrics.render();
        for line in [
            "airlock_rollout_state{revision=\"aaaa\",state=\"rolling-back\"} 1",
            "airlock_steps 3",
            "airlock_steps_done 1",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
