//! Who waits for a lock, and for how long.

use crate::lock::LockMode;
use std::time::Duration;

/// How long something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Milliseconds, whatever the size.
    Moment,
    /// Estimated from sizes.
    About(Duration),
    /// Grows with a size that nobody knows.
    Unknown,
}

/// What a lock means for the statements of the application that it conflicts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// They go on.
    No,
    /// For milliseconds, whatever the size.
    Brief,
    /// Only those that write a row which has been changed, until the transaction ends.
    Rows,
    /// All of them, for as long as the work takes.
    Blocked,
}

impl Wait {
    /// For plain `SELECT`.
    pub(super) fn of_reads(mode: LockMode, long: bool) -> Wait {
        Wait::of(mode.blocks_reads(), long)
    }

    /// For `INSERT`, `UPDATE`, `DELETE` and `MERGE`. `rows`: rows of the relation are changed and stay
    /// locked until the end.
    pub(super) fn of_writes(mode: LockMode, long: bool, rows: bool) -> Wait {
        match Wait::of(mode.blocks_writes(), long) {
            Wait::No if rows && long => Wait::Rows,
            wait => wait,
        }
    }

    fn of(conflicts: bool, long: bool) -> Wait {
        match (conflicts, long) {
            (false, _) => Wait::No,
            (true, false) => Wait::Brief,
            (true, true) => Wait::Blocked,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Wait::No => "go on",
            Wait::Brief => "wait briefly",
            Wait::Rows => "to changed rows blocked",
            Wait::Blocked => "blocked",
        }
    }
}
