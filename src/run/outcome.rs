//! What goes into a run beside plan and limits, and what comes out.

use super::progress::{Progress, Silent, StepReport};
use super::stop::Stop;
use super::tap::Tap;
use crate::plan::Phase;
use serde::Serialize;
use std::sync::Arc;

/// How much of a plan is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The last phase that is run. Which gates may be passed is the caller's decision.
    pub through: Phase,
}

/// Who watches, who may stop, who may cut.
#[derive(Clone)]
pub struct Hooks {
    pub progress: Arc<dyn Progress>,
    pub stop: Stop,
    pub tap: Option<Arc<dyn Tap>>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { progress: Arc::new(Silent), stop: Stop::new(), tap: None }
    }
}

/// Where a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "at", content = "before")]
pub enum End {
    /// The scope is done and this phase is next.
    Gate(Phase),
    /// Every step is done.
    Finished,
    RolledBack,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    pub revision: String,
    pub end: End,
    /// The steps that this run carried out or took back, in that order. Empty when nothing was
    /// pending: then no lock was taken either.
    pub steps: Vec<StepReport>,
    /// For a rollback: steps whose effect stays, with why.
    pub irreversible: Vec<(String, String)>,
}

impl Outcome {
    /// Longest wait of any other backend behind us that was observed, milliseconds.
    pub fn worst_stall_ms(&self) -> f64 {
        self.steps.iter().map(|step| step.worst_stall_ms).fold(0.0, f64::max)
    }
}
