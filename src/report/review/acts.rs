//! Statements as written and steps as planned in one shape: what locks, works and takes time.

use super::super::{estimate, impact};
use super::{Subject, Time};
use crate::plan::{Phase, RelationLock, Step, Work};

/// One thing that happens to the database.
#[derive(Debug)]
pub struct Act<'a> {
    /// `statement 3` or `migrate-1`.
    pub name: String,
    /// Where there is little room: `3`, `m1`.
    pub short: String,
    /// Of a step.
    pub phase: Option<Phase>,
    pub locks: &'a [RelationLock],
    pub work: &'a [Work],
    /// The locks are held until the work is done.
    pub held: bool,
    pub time: Time,
}

impl Act<'_> {
    /// Whether the locks are held for longer than a moment.
    pub fn is_long(&self) -> bool {
        self.held && !self.work.is_empty()
    }
}

/// The statements as written, each in a transaction of its own.
pub(super) fn written<'a>(subject: &Subject<'a>) -> Vec<Act<'a>> {
    let statements = subject.plan.statements.iter();
    statements
        .map(|statement| Act {
            name: format!("statement {}", statement.number),
            short: statement.number.to_string(),
            phase: None,
            locks: &statement.locks,
            work: &statement.work,
            held: true,
            time: time(&statement.work, subject),
        })
        .collect()
}

/// The steps of the plan, in the order of the run.
pub(super) fn planned<'a>(subject: &Subject<'a>) -> Vec<Act<'a>> {
    let steps = subject.plan.steps.iter();
    steps
        .map(|step| Act {
            name: step.id.clone(),
            short: short(step),
            phase: Some(step.phase),
            locks: &step.locks,
            work: &step.work,
            held: impact::is_one_transaction(&step.action),
            time: time(&step.work, subject),
        })
        .collect()
}

fn time(work: &[Work], subject: &Subject<'_>) -> Time {
    if work.is_empty() {
        return Time::Moment;
    }
    estimate::total(work, subject.catalog, subject.speed).map_or(Time::Unknown, Time::About)
}

/// `m1` for `migrate-1`.
fn short(step: &Step) -> String {
    let number = step.id.rsplit('-').next().unwrap_or_default();
    let letter: String = step.phase.name().chars().take(1).collect();
    format!("{letter}{number}")
}
