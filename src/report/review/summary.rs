//! The whole migration in a few numbers, as written and as planned.

use super::{Act, Time};
use crate::plan::WorkKind;
use std::time::Duration;

/// For how long somebody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Never,
    /// Milliseconds, this many times.
    Moments(usize),
    About(Duration),
    /// As long as work takes whose size nobody knows.
    Unknown,
}

/// One way to run the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// Some relation cannot be read.
    pub reads: Extent,
    /// Some relation cannot be written.
    pub writes: Extent,
    /// Rows that were changed cannot be written, while others can.
    pub rows: Extent,
    /// Everything together.
    pub total: Extent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Each statement in a transaction of its own.
    pub written: Course,
    /// All statements in one transaction, as most migration tools run a file; `None` when there is
    /// only one statement, or one that cannot run in a transaction.
    pub together: Option<Course>,
    pub planned: Course,
}

impl Summary {
    pub(super) fn new(written: &[Act<'_>], planned: &[Act<'_>]) -> Self {
        Self {
            written: course(written),
            together: (written.len() > 1).then(|| together(written)),
            planned: course(planned),
        }
    }
}

fn course(acts: &[Act<'_>]) -> Course {
    let extent = |conflicts: &dyn Fn(&Act<'_>) -> bool| {
        let found = acts.iter().filter(|act| conflicts(act));
        sum(found.map(|act| if act.is_long() { act.time } else { Time::Moment }))
    };
    Course {
        reads: extent(&blocks_reads),
        writes: extent(&blocks_writes),
        rows: extent(&|act| locks_rows(act) && !blocks_writes(act)),
        total: sum(acts.iter().map(|act| act.time)),
    }
}

/// Every lock is held from the statement that takes it to the end.
fn together(acts: &[Act<'_>]) -> Course {
    let from = |conflicts: &dyn Fn(&Act<'_>) -> bool| {
        let first = acts.iter().position(conflicts).unwrap_or(acts.len());
        match sum(acts[first..].iter().map(|act| act.time)) {
            // One wait, however many statements.
            Extent::Moments(_) => Extent::Moments(1),
            extent => extent,
        }
    };
    Course {
        reads: from(&blocks_reads),
        writes: from(&blocks_writes),
        rows: from(&locks_rows),
        total: sum(acts.iter().map(|act| act.time)),
    }
}

fn blocks_reads(act: &Act<'_>) -> bool {
    act.locks.iter().any(|lock| lock.mode.blocks_reads())
}

fn blocks_writes(act: &Act<'_>) -> bool {
    act.locks.iter().any(|lock| lock.mode.blocks_writes())
}

fn locks_rows(act: &Act<'_>) -> bool {
    act.is_long() && act.work.iter().any(|work| work.kind == WorkKind::RowChanges)
}

fn sum(times: impl Iterator<Item = Time>) -> Extent {
    times.fold(Extent::Never, |sum, time| match (sum, time) {
        (Extent::Unknown, _) | (_, Time::Unknown) => Extent::Unknown,
        (Extent::About(sum), Time::About(more)) => Extent::About(sum + more),
        (Extent::About(sum), Time::Moment) => Extent::About(sum),
        (Extent::Never | Extent::Moments(_), Time::About(time)) => Extent::About(time),
        (Extent::Never, Time::Moment) => Extent::Moments(1),
        (Extent::Moments(count), Time::Moment) => Extent::Moments(count + 1),
    })
}
