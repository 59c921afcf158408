//! Words of which the messages of a run's errors are made. Pure.

use super::progress::{Blocker, Failed};
use crate::journal::Runner;
use std::time::Duration;

pub(super) fn in_step(step: &Option<String>) -> String {
    step.as_ref().map(|step| format!(" in step {step}")).unwrap_or_default()
}

pub(super) fn seconds(time: &Duration) -> String {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(milliseconds)).to_string()
}

pub(super) fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

pub(super) fn late(tables: &[(String, i64)]) -> String {
    let shown = tables.iter().map(|(name, rows)| format!("{name} ({rows} rows)"));
    shown.collect::<Vec<_>>().join(", ")
}

pub(super) fn locks(relations: &[String]) -> String {
    match relations {
        [] => "its locks were".to_owned(),
        [one] => format!("the lock on {one} was"),
        more => format!("the locks on {} were", more.join(", ")),
    }
}

pub(super) fn busy_message(holder: &Option<Box<Runner>>) -> String {
    match holder {
        Some(runner) => format!(
            "another runner is at work on revision {}: {}@{}, process {}, since {}",
            runner.identity.revision,
            runner.identity.os_user,
            runner.identity.host,
            runner.identity.pid,
            runner.started_at.strftime("%F %T UTC"),
        ),
        None => "another runner is at work".to_owned(),
    }
}

pub(super) fn not_had(blockers: &[Blocker], attempts: u64, reason: Option<Failed>) -> String {
    let mut lines = vec![format!("Nothing has changed. Attempts at the lock: {attempts}.")];
    let last = match reason {
        Some(Failed::Stall) => Some("an application statement had waited for most of the budget"),
        Some(Failed::Hold) => Some("the transaction held its locks for too long"),
        Some(Failed::Deadlock) => Some("a deadlock, in which we gave way"),
        Some(Failed::Cancelled) => Some("somebody cancelled it"),
        Some(Failed::Lock) | None => None,
    };
    lines.extend(last.map(|last| format!("The last one ended with: {last}.")));
    if !blockers.is_empty() {
        lines.push("In the way:".to_owned());
        lines.extend(blockers.iter().map(|blocker| format!("  {blocker}")));
    }
    lines.join("\n")
}
