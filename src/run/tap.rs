//! A tap sees every statement that the runner sends, before and after, and may cut the runner off
//! there: how tests make it crash at every instant.

use std::fmt;

/// Which statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label<'a> {
    /// Id of the step at work; `run` before the first and after the last.
    pub step: &'a str,
    /// Counts the statements of the step, from 1.
    pub ordinal: u32,
    /// A few words: `COMMIT`, `lock public.users`, `journal step done`.
    pub what: &'a str,
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{} {}", self.step, self.ordinal, self.what)
    }
}

/// What a tap wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    GoOn,
    /// Every socket is closed at once, without a goodbye, and the run ends with
    /// [`RunError::Cut`](super::RunError::Cut), as if the process had been killed.
    Cut,
}

/// Called on the task that works; must not block for long. The guard's samples and the heartbeat,
/// which come by the clock, are not tapped.
pub trait Tap: Send + Sync {
    /// The statement is about to be sent.
    fn before(&self, label: Label<'_>) -> Verdict {
        let _ = label;
        Verdict::GoOn
    }

    /// The server has answered, well or with an error, and nobody has looked at the answer yet.
    fn after(&self, label: Label<'_>) -> Verdict {
        let _ = label;
        Verdict::GoOn
    }
}
