//! Hazards: the list, and the page of one.

use super::{BAD, BOLD, CARE, FAINT, GOOD, printable, styled};
use crate::error::{Error, Kind};
use crate::hazard::{Hazard, Severity, all};
use crate::sql::nearest::nearest;
use anstyle::Style;
use serde_json::{Value, json};

/// Columns of a page, so that it reads well in a wide terminal too.
const WIDTH: usize = 96;

/// Every hazard, a line each.
pub fn list_text() -> String {
    let mut text = String::new();
    for hazard in all() {
        text += &format!(
            "{}  {}  {}  {}\n",
            styled(hazard.code, BOLD),
            styled(&format!("{:<7}", hazard.severity.name()), style(hazard.severity)),
            styled(&format!("{:<32}", hazard.name), FAINT),
            hazard.summary,
        );
    }
    text + "\n`airlock explain CODE` says what a hazard does and what to do instead."
}

pub fn list_json() -> Value {
    let list: Vec<Value> = all()
        .iter()
        .map(|hazard| {
            json!({
                "code": hazard.code,
                "name": hazard.name,
                "severity": hazard.severity,
                "summary": hazard.summary,
            })
        })
        .collect();
    json!({ "hazards": list })
}

/// The page of one hazard.
pub fn text(hazard: &Hazard) -> String {
    let heading = format!("{} {}", hazard.code, hazard.name);
    format!(
        "{}  {}\n\n{}\n\n{}\n\n{}\n{}\n\n{}\n{}\n\n{}\n{}\n\n{}",
        styled(&heading, BOLD),
        styled(hazard.severity.name(), style(hazard.severity)),
        wrapped(&format!("{}.", capitalized(hazard.summary))),
        wrapped(hazard.effect),
        styled("What to do", BOLD),
        wrapped(hazard.remedy),
        styled("Has the hazard", BAD),
        indented(hazard.bad),
        styled("Has it not", GOOD),
        indented(hazard.good),
        styled(&wrapped(&format!("Source: {}", hazard.source)), FAINT),
    )
}

pub fn json(hazard: &Hazard) -> Value {
    serde_json::to_value(hazard).unwrap_or(Value::Null)
}

/// No hazard has this code or name.
pub fn unknown(wanted: &str) -> Error {
    let names: Vec<&str> = all().iter().flat_map(|hazard| [hazard.name, hazard.code]).collect();
    let message = format!("there is no hazard \"{}\"", printable(wanted));
    let list = "`airlock explain` lists all.";
    Error::new(Kind::Input, message).hint(match nearest(wanted, &names) {
        Some(close) => format!("Did you mean {close}? {list}"),
        None => list.to_owned(),
    })
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => BAD,
        Severity::Warning => CARE,
        Severity::Info => FAINT,
    }
}

/// The first letter in upper case, unless the word is written in a way of its own.
fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn indented(sql: &str) -> String {
    sql.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_everything() {
        for hazard in all() {
            let page = anstream::adapter::strip_str(&text(hazard)).to_string();
            for part in [hazard.code, hazard.name, hazard.severity.name()] {
                assert!(page.contains(part), "{page}");
            }
            assert!(page.contains(hazard.bad.lines().next().unwrap()));
            assert!(page.contains(hazard.good.lines().next().unwrap()));
        }
    }

    #[test]
    fn a_misspelt_name_is_recognized() {
        assert!(unknown("drop-colum").hint.unwrap().contains("drop-column"));
        assert!(unknown("\u{1b}[31m").message.contains('\u{fffd}'));
    }
}
