//! What a run did, and what is to be done now.

use super::progress::ms;
use super::{BOLD, CARE, FAINT, GOOD, one_line, printable, status, styled};
use crate::plan::Plan;
use crate::run::{End, Outcome, StepReport};
use serde_json::{Value, json};

/// The steps of a run in a table, and where it ended.
pub fn text(plan: &Plan, outcome: &Outcome) -> String {
    let message = one_line(&plan.revision.message, 80);
    let mut out = format!("{} {message}\n", styled(&outcome.revision, BOLD));
    if !outcome.steps.is_empty() {
        out.push_str(&table(&outcome.steps));
    }
    for (step, why) in &outcome.irreversible {
        let why = one_line(why, 120);
        out.push_str(&format!("{} {step}: {why}\n", styled("stays:", CARE)));
    }
    out.push_str(&end(plan, outcome));
    out
}

fn table(steps: &[StepReport]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    let columns =
        ["step", "time", "attempts", "waited", "locks held", "longest wait behind us", "rows"];
    table.set_header(columns);
    for step in steps {
        let rows = if step.rows > 0 { step.rows.to_string() } else { String::new() };
        table.add_row([
            step.step.clone(),
            ms(step.elapsed_ms),
            step.attempts.to_string(),
            ms(step.waited_ms),
            ms(step.held_ms),
            ms(step.worst_stall_ms),
            rows,
        ]);
    }
    let mut lines = table.lines();
    let head = lines.next().unwrap_or_default();
    let mut out = format!("{}\n", styled(head.trim_end(), FAINT));
    for line in lines {
        out.push_str(&format!("{}\n", line.trim_end()));
    }
    out
}

fn end(plan: &Plan, outcome: &Outcome) -> String {
    let stall = ms(outcome.worst_stall_ms());
    let summary = match outcome.steps.len() {
        0 if matches!(outcome.end, End::Gate(_)) => "nothing to do up to the gate".to_owned(),
        0 => "nothing was left to do, no lock was taken".to_owned(),
        1 => format!("1 step, longest wait behind us {stall}"),
        steps => format!("{steps} steps, longest wait behind us {stall}"),
    };
    match outcome.end {
        End::Gate(phase) => {
            let gate = plan.gates.iter().find(|gate| gate.before == phase);
            let now = printable(&status::what_now(phase.name(), gate));
            format!("{}: {summary}\n{}\n", styled("so far", GOOD), styled(&now, CARE))
        }
        End::Finished => format!("{}: {summary}\n", styled("done", GOOD)),
        End::RolledBack => format!("{}: {summary}\n", styled("rolled back", GOOD)),
    }
}

/// The same as JSON.
pub fn json(plan: &Plan, outcome: &Outcome) -> Value {
    let mut value = json!(outcome);
    value["message"] = json!(plan.revision.message);
    value["worst_stall_ms"] = json!(outcome.worst_stall_ms());
    value["gate"] = match outcome.end {
        End::Gate(phase) => json!(plan.gates.iter().find(|gate| gate.before == phase)),
        End::Finished | End::RolledBack => Value::Null,
    };
    value
}
