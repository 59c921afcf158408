//! One bar on the terminal for the step at work; finished steps scroll up above it.

use crate::report::progress;
use crate::run::{Event, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(120);
const COUNTED: &str = "{spinner} {prefix} [{bar:30}] {percent}% ETA {eta} {wide_msg}";
const UNCOUNTED: &str = "{spinner} {prefix} {elapsed} {wide_msg}";

pub(super) struct Bars {
    state: Mutex<State>,
}

struct State {
    bar: Option<ProgressBar>,
    counted: bool,
    steps_done: usize,
    steps_total: usize,
}

impl Bars {
    pub(super) fn new() -> Self {
        let state = State { bar: None, counted: false, steps_done: 0, steps_total: 0 };
        Self { state: Mutex::new(state) }
    }
}

impl Progress for Bars {
    fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::RunStarted { steps_done, steps_total, .. }
            | Event::RollbackStarted { steps_done, steps_total, .. } => {
                (state.steps_done, state.steps_total) = (*steps_done, *steps_total);
                state.say(event);
            }
            Event::StepStarted { step, .. } => {
                state.finish();
                state.start(step);
                state.say(event);
            }
            Event::StepFinished { .. } | Event::StepUndone { .. } => {
                state.steps_done += 1;
                state.finish();
                state.say(event);
            }
            Event::GateReached { .. }
            | Event::Finished
            | Event::RolledBack
            | Event::RunFailed { .. } => state.finish(),
            Event::Batch { .. }
            | Event::Building { .. }
            | Event::Verifying { .. }
            | Event::Waiting { .. }
            | Event::HeldBack { .. }
            | Event::SnapshotHeld { .. } => state.update(event),
            Event::AttemptFailed { .. }
            | Event::GoesOn { .. }
            | Event::BudgetGrown { .. }
            | Event::BlockerSignalled { .. }
            | Event::WalkRestarted { .. }
            | Event::Pass { .. }
            | Event::VacuumStarted { .. }
            | Event::VacuumFinished { .. }
            | Event::ConnectionLost { .. }
            | Event::Reconnected { .. }
            | Event::PhaseFinished { .. }
            | Event::HookFailed { .. }
            | Event::Notice { .. } => state.say(event),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl State {
    fn start(&mut self, step: &str) {
        let bar = ProgressBar::new_spinner().with_style(style(UNCOUNTED));
        let number = self.steps_done + 1;
        bar.set_prefix(format!("[{number}/{}] {step}", self.steps_total.max(number)));
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
        self.counted = false;
    }

    fn update(&mut self, event: &Event) {
        let Some(bar) = &self.bar else { return };
        if let Some((done, total)) = progress::position(event) {
            if !self.counted {
                bar.set_style(style(COUNTED));
                self.counted = true;
            }
            bar.set_length(total);
            bar.set_position(done);
        }
        if let Some(text) = progress::state(event) {
            bar.set_message(anstream::adapter::strip_str(&text).to_string());
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// A line above the bar.
    fn say(&self, event: &Event) {
        let Some(line) = progress::line(event) else { return };
        let print = || {
            let _ =
                std::io::Write::write_fmt(&mut anstream::stderr().lock(), format_args!("{line}\n"));
        };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.finish();
    }
}
