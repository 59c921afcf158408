//! What happens during a run, in lines.

use super::{CARE, estimate, one_line, printable, styled};
use crate::run::{Blocker, Event, Failed, HeldBy, StepReport};
use std::time::Duration;

const BLOCKERS_SHOWN: usize = 3;
const QUERY_CHARS: usize = 80;

/// Whether events of this kind come many times a second, or once a look, and are shown now and
/// then only.
pub fn is_frequent(event: &Event) -> bool {
    match event {
        Event::Batch { .. }
        | Event::Building { .. }
        | Event::Verifying { .. }
        | Event::Waiting { .. }
        | Event::HeldBack { .. }
        | Event::SnapshotHeld { .. } => true,
        Event::RunStarted { .. }
        | Event::RollbackStarted { .. }
        | Event::StepStarted { .. }
        | Event::StepFinished { .. }
        | Event::GoesOn { .. }
        | Event::AttemptFailed { .. }
        | Event::BudgetGrown { .. }
        | Event::BlockerSignalled { .. }
        | Event::WalkRestarted { .. }
        | Event::Pass { .. }
        | Event::VacuumStarted { .. }
        | Event::VacuumFinished { .. }
        | Event::StepUndone { .. }
        | Event::ConnectionLost { .. }
        | Event::Reconnected { .. }
        | Event::PhaseFinished { .. }
        | Event::GateReached { .. }
        | Event::Finished
        | Event::RolledBack
        | Event::RunFailed { .. }
        | Event::HookFailed { .. }
        | Event::Notice { .. } => false,
    }
}

/// The line for an event; nothing for those that the result says anyway.
pub fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted { revision, through, steps_done, steps_total } => {
            let goal = format!("through {through}");
            format!("{revision}: {goal}, {steps_done} of {steps_total} steps are done")
        }
        Event::RollbackStarted { revision, steps_done, steps_total } => {
            format!("{revision}: rollback, {steps_done} of {steps_total} steps are taken back")
        }
        Event::HookFailed { hook, reason, .. } => {
            format!("hook {} failed: {}", printable(hook), printable(reason))
        }
        Event::StepStarted { step, why, resumed, .. } => {
            let again = if *resumed { " (goes on)" } else { "" };
            format!("{step}{again}: {}", one_line(why, 120))
        }
        Event::StepFinished { report } => finished(report),
        Event::GoesOn { step, held_ms } => {
            format!("{step}: goes on, after being held back for {}", ms(*held_ms))
        }
        Event::AttemptFailed { step, attempt, reason, pause_ms, blockers } => format!(
            "{step}: attempt {attempt} failed, {}; next in {}{}",
            reason_words(*reason),
            ms(*pause_ms),
            in_the_way(blockers)
        ),
        Event::BudgetGrown { step, budget_ms } => {
            format!("{step}: the stall budget grows to {}", ms(*budget_ms))
        }
        Event::BlockerSignalled { step, blocker, signal } => {
            format!("{step}: {signal} {}", styled(&blocker_words(blocker), CARE))
        }
        Event::WalkRestarted { step, relation, restarts } => {
            let relation = printable(relation);
            format!("{step}: the file of {relation} was replaced; walk {} begins", restarts + 1)
        }
        Event::Pass { step, pass, rows } => {
            format!("{step}: pass {pass} is complete, {rows} rows changed")
        }
        Event::VacuumStarted { step, relation } => {
            format!("{step}: vacuum of {}", printable(relation))
        }
        Event::VacuumFinished { step, relation, elapsed_ms } => {
            format!("{step}: vacuum of {} took {}", printable(relation), ms(*elapsed_ms))
        }
        Event::StepUndone { step, irreversible: Some(why) } => {
            format!("{step}: stays, {}", one_line(why, 120))
        }
        Event::StepUndone { step, irreversible: None } => format!("{step}: taken back"),
        Event::ConnectionLost { reason } => {
            styled(&format!("connection lost: {}", one_line(reason, 200)), CARE)
        }
        Event::Reconnected { waited_ms } => format!("connected again after {}", ms(*waited_ms)),
        Event::Notice { text } => printable(text),
        Event::Batch { step, .. }
        | Event::Building { step, .. }
        | Event::Verifying { step, .. }
        | Event::Waiting { step, .. }
        | Event::HeldBack { step, .. }
        | Event::SnapshotHeld { step, .. } => format!("{step}: {}", state(event)?),
        Event::PhaseFinished { .. }
        | Event::GateReached { .. }
        | Event::Finished
        | Event::RolledBack
        | Event::RunFailed { .. } => return None,
    })
}

/// What a frequent event says, without the step's name.
pub fn state(event: &Event) -> Option<String> {
    Some(match event {
        Event::Batch {
            blocks_done,
            blocks_total,
            rows,
            batch_rows,
            batch_ms,
            rows_per_second,
            slowed,
            slowed_by,
            ..
        } => {
            let slow = slowed_by.as_ref().map(|why| {
                let percent = slowed * 100.0;
                format!("; stands still {percent:.0} % of the time: {}", one_line(why, 160))
            });
            format!(
                "{}, {rows} rows, {rows_per_second:.0} rows/s, last batch {batch_rows} rows in {}{}",
                share(*blocks_done, *blocks_total),
                ms(*batch_ms),
                slow.unwrap_or_default()
            )
        }
        Event::HeldBack { by, reasons, held_ms, .. } => {
            let word = match by {
                HeldBy::Pause => "paused",
                HeldBy::Throttle => "throttled",
            };
            let reasons = one_line(&reasons.join("; "), 300);
            format!("{} for {}: {reasons}", styled(word, CARE), ms(*held_ms))
        }
        Event::Building {
            phase,
            blocks_done,
            blocks_total,
            tuples_done,
            tuples_total,
            blockers,
            ..
        } => {
            let done = if *blocks_total > 0 {
                format!(", {}", share(*blocks_done, *blocks_total))
            } else if *tuples_total > 0 {
                format!(", {}", share(*tuples_done, *tuples_total))
            } else {
                String::new()
            };
            format!("{}{done}{}", printable(phase), in_the_way(blockers))
        }
        Event::Verifying { blocks_done, blocks_total, found, .. } => {
            format!("checking, {}, {found} wrong rows so far", share(*blocks_done, *blocks_total))
        }
        Event::Waiting { blockers, waited_ms, .. } => {
            format!("waiting outside the queue for {}{}", ms(*waited_ms), in_the_way(blockers))
        }
        Event::SnapshotHeld { holders, waited_ms, .. } => format!(
            "vacuum would free nothing; waiting for {} for an old snapshot{}",
            ms(*waited_ms),
            in_the_way(holders)
        ),
        Event::RunStarted { .. }
        | Event::RollbackStarted { .. }
        | Event::StepStarted { .. }
        | Event::StepFinished { .. }
        | Event::GoesOn { .. }
        | Event::AttemptFailed { .. }
        | Event::BudgetGrown { .. }
        | Event::BlockerSignalled { .. }
        | Event::WalkRestarted { .. }
        | Event::Pass { .. }
        | Event::VacuumStarted { .. }
        | Event::VacuumFinished { .. }
        | Event::StepUndone { .. }
        | Event::ConnectionLost { .. }
        | Event::Reconnected { .. }
        | Event::PhaseFinished { .. }
        | Event::GateReached { .. }
        | Event::Finished
        | Event::RolledBack
        | Event::RunFailed { .. }
        | Event::HookFailed { .. }
        | Event::Notice { .. } => return None,
    })
}

/// How far a frequent event says that its step is, when it can be counted.
pub fn position(event: &Event) -> Option<(u64, u64)> {
    let (Event::Batch { blocks_done, blocks_total, .. }
    | Event::Verifying { blocks_done, blocks_total, .. }
    | Event::Building { blocks_done, blocks_total, .. }) = event
    else {
        return None;
    };
    (*blocks_total > 0).then(|| ((*blocks_done).min(*blocks_total), *blocks_total))
}

fn finished(report: &StepReport) -> String {
    let mut facts = vec![format!("done in {}", ms(report.elapsed_ms))];
    if report.rows > 0 {
        facts.push(format!("{} rows", report.rows));
    }
    if report.batches > 0 {
        facts.push(format!("{} batches", report.batches));
    }
    if report.waited_ms >= 1.0 {
        facts.push(format!("waited {}", ms(report.waited_ms)));
    }
    facts.push(format!("longest wait behind us {}", ms(report.worst_stall_ms)));
    format!("{}: {}", report.step, facts.join(", "))
}

fn reason_words(reason: Failed) -> &'static str {
    match reason {
        Failed::Lock => "the lock was not had within the budget",
        Failed::Deadlock => "we gave way in a deadlock",
        Failed::Stall => "somebody waited behind us for too long",
        Failed::Hold => "the locks were held for too long",
        Failed::Cancelled => "somebody cancelled us",
    }
}

/// `: pid 7 (app), …`, or nothing.
fn in_the_way(blockers: &[Blocker]) -> String {
    if blockers.is_empty() {
        return String::new();
    }
    let mut words: Vec<String> = blockers.iter().take(BLOCKERS_SHOWN).map(blocker_words).collect();
    if blockers.len() > BLOCKERS_SHOWN {
        words.push(format!("and {} more", blockers.len() - BLOCKERS_SHOWN));
    }
    format!("; in the way: {}", words.join("; "))
}

fn blocker_words(blocker: &Blocker) -> String {
    one_line(&blocker.to_string(), QUERY_CHARS * 2)
}

fn share(done: u64, total: u64) -> String {
    let percent = (done.min(total) * 100).checked_div(total).unwrap_or(100);
    format!("{percent} %")
}

/// Milliseconds in the unit that suits them.
pub(super) fn ms(milliseconds: f64) -> String {
    if !milliseconds.is_finite() || milliseconds < 0.0 {
        return "?".to_owned();
    }
    if milliseconds < 1.0 {
        return "< 1 ms".to_owned();
    }
    if milliseconds < 1_000.0 {
        return format!("{milliseconds:.0} ms");
    }
    if milliseconds < 60_000.0 {
        return format!("{:.1} s", milliseconds / 1_000.0);
    }
    estimate::words(Duration::from_secs_f64(milliseconds / 1_000.0)).replace('~', "")
}
