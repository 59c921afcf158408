//! A difference between two schemas: as a summary, as SQL, as JSON.

use super::{BAD, BOLD, CARE, FAINT, GOOD, printable, styled};
use crate::diff::Difference;
use crate::diff::order::Act;
use crate::diff::write::Step;
use crate::error::Error;
use serde_json::{Value, json};

/// A line for each change.
pub fn text(found: &Difference, from: &str, to: &str) -> String {
    let mut text = format!("{} → {}\n", styled(from, BOLD), styled(to, BOLD));
    if found.is_empty() {
        text.push_str(&styled("No difference.\n", GOOD));
    }
    for step in &found.upgrade {
        let sign = match step.act {
            Act::Make => styled("+", GOOD),
            Act::Unmake => styled("-", BAD),
            Act::Alter => styled("~", CARE),
        };
        text.push_str(&format!("{sign} {}", printable(&step.key.to_string())));
        if !step.what.is_empty() {
            text.push_str(&printable(&format!(": {}", step.what.join("; "))));
        }
        if let Some(caution) = &step.caution {
            text.push_str(&format!("  {}", styled(&printable(caution), BAD)));
        }
        text.push('\n');
    }
    if !found.is_empty() {
        let changes = match found.upgrade.len() {
            1 => "1 change".to_owned(),
            many => format!("{many} changes"),
        };
        text.push_str(&format!(
            "{changes}, run on a copy in PostgreSQL {}: {} --sql prints the statements.\n",
            found.major,
            match &found.no_way_back {
                None => "both ways lead where they should.",
                Some(_) => "they lead where they should.",
            }
        ));
    }
    if let Some(error) = &found.no_way_back {
        text.push_str(&styled("No way back: ", CARE));
        text.push_str(&printable(&reason(error)));
        text.push('\n');
    }
    for line in &found.column_order {
        let line = format!("Stands in another order, which nothing changes: {line}");
        text.push_str(&styled(&printable(&line), FAINT));
        text.push('\n');
    }
    text
}

fn reason(error: &Error) -> String {
    match &error.detail {
        Some(detail) => format!("{}. {}", error.message, detail.replace('\n', " ")),
        None => error.message.clone(),
    }
}

/// The way back, or why there is none, for a revision's downgrade section.
pub fn downgrade(found: &Difference) -> String {
    match &found.no_way_back {
        None => sql(&found.downgrade),
        Some(error) => format!("-- No way back: {}\n", reason(error).replace(['\n', '\r'], " ")),
    }
}

/// The statements, ready for a revision's section.
pub fn sql(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        if let Some(caution) = &step.caution {
            // A label may hold a line break.
            let caution = caution.replace(['\n', '\r'], " ");
            text.push_str(&format!("-- It {caution}.\n"));
        }
        for statement in &step.statements {
            if let Some(note) = &statement.note {
                text.push_str(&format!("{note}\n"));
            }
            text.push_str(&format!("{};\n", statement.sql.trim_end()));
        }
    }
    text
}

pub fn json(found: &Difference, from: &str, to: &str) -> Value {
    json!({
        "from": from,
        "to": to,
        "equal": found.is_empty(),
        "postgres": found.major,
        "upgrade": found.upgrade.iter().map(step).collect::<Vec<_>>(),
        "downgrade": found.downgrade.iter().map(step).collect::<Vec<_>>(),
        "no_way_back": found.no_way_back.as_ref().map(reason),
        "column_order": found.column_order,
    })
}

fn step(step: &Step) -> Value {
    let act = match step.act {
        Act::Make => "make",
        Act::Unmake => "drop",
        Act::Alter => "alter",
    };
    let statements: Vec<Value> = step
        .statements
        .iter()
        .map(|statement| json!({ "sql": statement.sql, "note": statement.note }))
        .collect();
    json!({
        "act": act,
        "kind": step.key.kind.word(),
        "name": step.key.name_for_display(),
        "what": step.what,
        "caution": step.caution,
        "statements": statements,
    })
}
