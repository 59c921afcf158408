//! A plan as a reviewer reads it before opening the file: phases, steps with their reasons, gates,
//! notes.

use super::{BOLD, CARE, FAINT, hanging, one_line, printable, styled};
use crate::plan::{Action, NoteKind, Phase, Plan, Step, Undo};

const WHY_INDENT: usize = 16;

/// The plan in outline.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    for phase in Phase::ALL {
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.phase == phase).collect();
        for gate in plan.gates.iter().filter(|gate| gate.before == phase) {
            let until = hanging(&printable(&gate.until), 9);
            out.push_str(&format!("{} until {until}\n", styled("-- stop", CARE)));
        }
        if steps.is_empty() {
            continue;
        }
        out.push_str(&format!("{}  {}\n", styled(phase.name(), BOLD), styled(about(phase), FAINT)));
        for step in steps {
            let why = hanging(&printable(&step.why), WHY_INDENT + 2);
            out.push_str(&format!("  {:<WHY_INDENT$}{why}\n", step.id));
            if let Undo::Irreversible { why } = &step.undo
                && phase != Phase::Contract
            {
                let why = one_line(why, 100);
                out.push_str(&format!("  {:<WHY_INDENT$}cannot be rolled back: {why}\n", ""));
            }
        }
    }
    if plan.steps.is_empty() {
        out.push_str("Nothing to do.\n");
    }
    if !plan.notes.is_empty() {
        out.push_str(&format!("{}\n", styled("notes", BOLD)));
    }
    for note in &plan.notes {
        let text = hanging(&printable(&note.text), 4);
        out.push_str(&format!("  - {}{text}\n", kind(note.kind)));
    }
    out
}

fn about(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "adds what the new application needs; short locks",
        Phase::Migrate => "fills, builds and validates; nobody waits",
        Phase::Switch => "names move; short locks; can be rolled back",
        Phase::Contract => "drops what only the old application needs; cannot be rolled back",
    }
}

fn kind(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::ColumnOrder => "column order: ",
        NoteKind::Inheritance => "inheritance: ",
        NoteKind::Irreversible => "irreversible: ",
        NoteKind::Triggers => "triggers: ",
        NoteKind::Application => "application: ",
        NoteKind::Information => "",
    }
}

/// What kind of step it is, in a word or two.
pub fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Transaction { .. } => "short transaction",
        Action::Validate { .. } => "validation",
        Action::Concurrent { .. } => "concurrent statement",
        Action::Backfill(_) => "backfill",
        Action::Verify { .. } => "check",
        Action::Statement { .. } => "statement as written",
        Action::Maintenance { .. } => "maintenance",
    }
}
