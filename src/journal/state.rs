//! The lifecycle of a rollout and of its steps: which state may follow which. Pure.
//!
//! Each has one `next` function; the statements that write the journal take the states that they
//! may start from out of it, so that the database refuses what the lifecycle does not allow. A
//! rollout that was rolled back starts again as a new one, which replaces it.

use serde::{Deserialize, Serialize};

/// State of a rollout, column `airlock.rollout.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutState {
    /// A runner is at work, or was when it stopped.
    Running,
    /// Everything up to a gate is done.
    AtGate,
    /// Every step is done.
    Done,
    /// Steps are being taken back.
    RollingBack,
    /// Every step that was done has been taken back.
    RolledBack,
}

/// What happens to a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RolloutEvent {
    /// A runner starts, or goes on with, the steps.
    Run,
    /// Every step before a gate is done.
    ReachGate,
    /// Every step is done.
    Finish,
    /// A runner starts, or goes on with, taking steps back.
    RollBack,
    /// Nothing is left to take back.
    FinishRollback,
}

/// State of a step, column `airlock.step.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    Pending,
    /// Started; what of it is done, the step's own probe or walk tells.
    Running,
    Done,
    /// Taken back by a rollback.
    Undone,
}

/// What happens to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepEvent {
    Start,
    Complete,
    Undo,
}

/// An event that may not happen in a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} is not possible for a {thing} that is {state}")]
pub struct IllegalTransition {
    pub thing: &'static str,
    pub state: &'static str,
    pub event: &'static str,
}

impl RolloutState {
    pub const ALL: [RolloutState; 5] = [
        RolloutState::Running,
        RolloutState::AtGate,
        RolloutState::Done,
        RolloutState::RollingBack,
        RolloutState::RolledBack,
    ];

    /// The word in the journal.
    pub fn name(self) -> &'static str {
        match self {
            RolloutState::Running => "running",
            RolloutState::AtGate => "at-gate",
            RolloutState::Done => "done",
            RolloutState::RollingBack => "rolling-back",
            RolloutState::RolledBack => "rolled-back",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// When the lifecycle has no such transition. Whether a rollback is still allowed (contract
    /// not begun) is more than a state can tell; `run` asks the steps.
    pub fn next(self, event: RolloutEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (RolloutState::Running | RolloutState::AtGate, RolloutEvent::Run) => {
                Ok(RolloutState::Running)
            }
            (RolloutState::Running, RolloutEvent::ReachGate) => Ok(RolloutState::AtGate),
            (RolloutState::Running, RolloutEvent::Finish) => Ok(RolloutState::Done),
            (
                RolloutState::Running
                | RolloutState::AtGate
                | RolloutState::Done
                | RolloutState::RollingBack,
                RolloutEvent::RollBack,
            ) => Ok(RolloutState::RollingBack),
            (RolloutState::RollingBack, RolloutEvent::FinishRollback) => {
                Ok(RolloutState::RolledBack)
            }
            (
                RolloutState::Done | RolloutState::RollingBack | RolloutState::RolledBack,
                RolloutEvent::Run,
            )
            | (
                RolloutState::AtGate
                | RolloutState::Done
                | RolloutState::RollingBack
                | RolloutState::RolledBack,
                RolloutEvent::ReachGate | RolloutEvent::Finish,
            )
            | (RolloutState::RolledBack, RolloutEvent::RollBack)
            | (
                RolloutState::Running
                | RolloutState::AtGate
                | RolloutState::Done
                | RolloutState::RolledBack,
                RolloutEvent::FinishRollback,
            ) => {
                Err(IllegalTransition { thing: "rollout", state: self.name(), event: event.name() })
            }
        }
    }

    /// The states in which `event` may happen, as the journal spells them.
    pub fn sources(event: RolloutEvent) -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|s| s.next(event).is_ok()).map(RolloutState::name).collect()
    }
}

impl RolloutEvent {
    pub const ALL: [RolloutEvent; 5] = [
        RolloutEvent::Run,
        RolloutEvent::ReachGate,
        RolloutEvent::Finish,
        RolloutEvent::RollBack,
        RolloutEvent::FinishRollback,
    ];

    fn name(self) -> &'static str {
        match self {
            RolloutEvent::Run => "running",
            RolloutEvent::ReachGate => "reaching a gate",
            RolloutEvent::Finish => "finishing",
            RolloutEvent::RollBack => "rolling back",
            RolloutEvent::FinishRollback => "finishing a rollback",
        }
    }
}

impl StepState {
    pub const ALL: [StepState; 4] =
        [StepState::Pending, StepState::Running, StepState::Done, StepState::Undone];

    /// The word in the journal.
    pub fn name(self) -> &'static str {
        match self {
            StepState::Pending => "pending",
            StepState::Running => "running",
            StepState::Done => "done",
            StepState::Undone => "undone",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// When the lifecycle has no such transition.
    pub fn next(self, event: StepEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (StepState::Pending | StepState::Running, StepEvent::Start) => Ok(StepState::Running),
            (StepState::Running, StepEvent::Complete) => Ok(StepState::Done),
            (StepState::Running | StepState::Done, StepEvent::Undo) => Ok(StepState::Undone),
            (StepState::Done | StepState::Undone, StepEvent::Start)
            | (StepState::Pending | StepState::Done | StepState::Undone, StepEvent::Complete)
            | (StepState::Pending | StepState::Undone, StepEvent::Undo) => {
                Err(IllegalTransition { thing: "step", state: self.name(), event: event.name() })
            }
        }
    }

    /// The states in which `event` may happen, as the journal spells them.
    pub fn sources(event: StepEvent) -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|s| s.next(event).is_ok()).map(StepState::name).collect()
    }
}

impl StepEvent {
    pub const ALL: [StepEvent; 3] = [StepEvent::Start, StepEvent::Complete, StepEvent::Undo];

    fn name(self) -> &'static str {
        match self {
            StepEvent::Start => "starting",
            StepEvent::Complete => "completing",
            StepEvent::Undo => "undoing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, so that a change of any one cell is seen.
    #[test]
    fn every_transition_of_a_rollout() {
        use RolloutState::{AtGate, Done, RolledBack, RollingBack, Running};
        let table = [
            // Run, ReachGate, Finish, RollBack, FinishRollback
            (Running, [Some(Running), Some(AtGate), Some(Done), Some(RollingBack), None]),
            (AtGate, [Some(Running), None, None, Some(RollingBack), None]),
            (Done, [None, None, None, Some(RollingBack), None]),
            (RollingBack, [None, None, None, Some(RollingBack), Some(RolledBack)]),
            (RolledBack, [None, None, None, None, None]),
        ];
        for (state, row) in table {
            for (event, expected) in RolloutEvent::ALL.into_iter().zip(row) {
                assert_eq!(state.next(event).ok(), expected, "{state:?} on {event:?}");
            }
        }
        assert_eq!(table.len(), RolloutState::ALL.len());
    }

    #[test]
    fn every_transition_of_a_step() {
        use StepState::{Done, Pending, Running, Undone};
        let table = [
            // Start, Complete, Undo
            (Pending, [Some(Running), None, None]),
            (Running, [Some(Running), Some(Done), Some(Undone)]),
            (Done, [None, None, Some(Undone)]),
            (Undone, [None, None, None]),
        ];
        for (state, row) in table {
            for (event, expected) in StepEvent::ALL.into_iter().zip(row) {
                assert_eq!(state.next(event).ok(), expected, "{state:?} on {event:?}");
            }
        }
        assert_eq!(table.len(), StepState::ALL.len());
    }

    #[test]
    fn names_round_trip_and_sources_follow_the_lifecycle() {
        for state in RolloutState::ALL {
            assert_eq!(RolloutState::from_name(state.name()), Some(state));
        }
        for state in StepState::ALL {
            assert_eq!(StepState::from_name(state.name()), Some(state));
        }
        assert_eq!(StepState::sources(StepEvent::Complete), ["running"]);
        assert_eq!(RolloutState::sources(RolloutEvent::Run), ["running", "at-gate"]);
    }

    #[test]
    fn a_refused_transition_names_both_sides() {
        let refused = RolloutState::Done.next(RolloutEvent::Run).unwrap_err();
        assert_eq!(refused.to_string(), "running is not possible for a rollout that is done");
    }
}
