//! A fleet: one table of where every member stands.

use super::{BAD, CARE, FAINT, GOOD, one_line, printable, styled};
use crate::error::Error;
use crate::fleet::{Ended, Member, Wave};
use crate::plan::Phase;
use serde_json::{Value, json};

/// Longest message in the table, in characters; the whole of it was said when it happened.
const MESSAGE_WIDTH: usize = 70;
/// Most members of a wave that are named one by one.
const NAMED: usize = 8;

/// Where a member stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Revisions that it has, of how many.
    pub done: usize,
    pub total: usize,
    pub reached: Reached,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Reached {
    UpToDate,
    /// Nothing is under way, and not everything is done.
    Pending,
    AtGate {
        revision: String,
        before: Phase,
    },
    Under {
        revision: String,
        phase: Phase,
    },
    RollingBack {
        revision: String,
    },
}

impl Row {
    pub fn is_done(&self) -> bool {
        self.reached == Reached::UpToDate
    }

    /// Whether revisions wait behind the one at its gate.
    pub fn is_behind(&self) -> bool {
        matches!(self.reached, Reached::AtGate { .. }) && self.done + 1 < self.total
    }

    fn state(&self) -> &'static str {
        match self.reached {
            Reached::UpToDate => "up-to-date",
            Reached::Pending => "pending",
            Reached::AtGate { .. } => "at-gate",
            Reached::Under { .. } => "running",
            Reached::RollingBack { .. } => "rolling-back",
        }
    }

    fn place(&self) -> String {
        match &self.reached {
            Reached::UpToDate | Reached::Pending => String::new(),
            Reached::AtGate { revision, before } => format!("{revision}, before {before}"),
            Reached::Under { revision, phase } => format!("{revision}, in {phase}"),
            Reached::RollingBack { revision } => revision.clone(),
        }
    }

    /// For the line that says how a member has ended.
    pub fn sentence(&self) -> String {
        let place = self.place();
        let comma = if place.is_empty() { "" } else { ", " };
        format!("{} ({} of {} revisions{comma}{place})", self.state(), self.done, self.total)
    }
}

/// Who comes when.
pub fn waves(waves: &[Wave], members: &[Member]) -> String {
    let lines = waves.iter().map(|wave| {
        let names = wave.members.iter().take(NAMED).map(|place| members[*place].name.as_str());
        let mut names: Vec<&str> = names.collect();
        if wave.members.len() > NAMED {
            names.push("…");
        }
        format!("{} ({}): {}", wave.name, wave.members.len(), printable(&names.join(", ")))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What became of the members, as text and as JSON.
pub fn ended(members: &[Member], ended: &[Ended<Row, Error>]) -> (String, Value) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["target", "state", "revisions", "where"]);
    let mut rows = Vec::new();
    let (mut well, mut failed, mut not_begun) = (0_usize, 0_usize, 0_usize);
    let mut at_gate = 0_usize;
    for (member, ended) in members.iter().zip(ended) {
        let (state, revisions, place) = match ended {
            Ended::Well(row) => {
                well += 1;
                at_gate += usize::from(matches!(row.reached, Reached::AtGate { .. }));
                (row.state(), format!("{} of {}", row.done, row.total), row.place())
            }
            Ended::Failed(error) => {
                failed += 1;
                ("failed", String::new(), one_line(&error.message, MESSAGE_WIDTH))
            }
            Ended::NotBegun => {
                not_begun += 1;
                ("not-begun", String::new(), String::new())
            }
        };
        table.add_row([printable(&member.name), state.to_owned(), revisions, printable(&place)]);
        rows.push(row_json(member, ended, state));
    }
    let mut text = String::new();
    for (number, line) in table.lines().enumerate() {
        let line = line.trim_end();
        let line = if number == 0 { styled(line, FAINT) } else { line.to_owned() };
        text.push_str(&format!("{line}\n"));
    }
    text.push_str(&format!("\n{}\n", summary(well, failed, not_begun)));
    if at_gate > 0 {
        text.push_str(&styled(
            &format!("{at_gate} at the gate: --through contract goes on\n"),
            CARE,
        ));
    }
    let json = json!({ "targets": rows, "well": well, "failed": failed, "not_begun": not_begun });
    (text, json)
}

fn summary(well: usize, failed: usize, not_begun: usize) -> String {
    let total = well + failed + not_begun;
    match (failed, not_begun) {
        (0, 0) => styled(&format!("{total} of {total} targets without a failure"), GOOD),
        (0, _) => styled(&format!("stopped: {not_begun} of {total} targets were not begun"), CARE),
        (_, 0) => styled(&format!("{failed} of {total} targets failed"), BAD),
        _ => {
            let text = format!(
                "halted: {failed} of {total} targets failed, {not_begun} were not begun; \
                 the same command goes on"
            );
            styled(&text, BAD)
        }
    }
}

fn row_json(member: &Member, ended: &Ended<Row, Error>, state: &str) -> Value {
    let mut json = json!({
        "target": member.name,
        "database": member.database,
        "schema": member.schema,
        "state": state,
    });
    match ended {
        Ended::Well(row) => {
            json["done"] = json!(row.done);
            json["total"] = json!(row.total);
            match &row.reached {
                Reached::UpToDate | Reached::Pending => {}
                Reached::AtGate { revision, before } => {
                    json["revision"] = json!(revision);
                    json["before"] = json!(before.name());
                }
                Reached::Under { revision, phase } => {
                    json["revision"] = json!(revision);
                    json["phase"] = json!(phase.name());
                }
                Reached::RollingBack { revision } => json["revision"] = json!(revision),
            }
        }
        Ended::Failed(error) => json["error"] = super::error::json(error)["error"].clone(),
        Ended::NotBegun => {}
    }
    json
}
