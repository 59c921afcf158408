//! The evidence at the gate: who still uses the old names.

use super::{BAD, BOLD, CARE, FAINT, GOOD, one_line, styled};
use crate::usage::{Certainty, Evidence, Source, Use};
use serde_json::{Value, json};

const TEXT_CHARS: usize = 100;

/// Everything that was seen, worst first; empty when contract takes no name away.
pub fn text(evidence: &Evidence) -> String {
    if evidence.retired.is_empty() {
        return String::new();
    }
    let mut out = format!("{}\n", styled("use of what contract takes away", BOLD));
    let names: Vec<String> = evidence.retired.iter().take(8).map(ToString::to_string).collect();
    let more = evidence.retired.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    out.push_str(&format!("  {}{more}\n", one_line(&names.join(", "), 300)));
    for found in &evidence.uses {
        out.push_str(&line(found, evidence));
    }
    if evidence.is_clean() {
        let since = match evidence.watched_seconds {
            Some(seconds) => format!(" in the last {}", span(seconds)),
            None => String::new(),
        };
        out.push_str(&format!("  {}\n", styled(&format!("no certain use{since}"), GOOD)));
    }
    if let Some(seconds) = evidence.look_again_in_seconds {
        let watched = span(evidence.watched_seconds.unwrap_or(0));
        out.push_str(&format!(
            "  {}\n",
            styled(
                &format!("in use before, not in the last {watched}: look again in {seconds} s"),
                CARE
            )
        ));
    }
    for sentence in &evidence.unseen {
        out.push_str(&format!("  {}\n", styled(&one_line(sentence, 200), FAINT)));
    }
    out
}

fn line(found: &Use, evidence: &Evidence) -> String {
    let (word, style) = match found.certainty {
        Certainty::Certain => ("in use", BAD),
        Certainty::Possible => ("perhaps", CARE),
    };
    let what = one_line(&found.what, TEXT_CHARS);
    let who = found.who.as_ref().map(|who| one_line(who, 120));
    let said = match (found.source, found.count) {
        (Source::Writes, count) => {
            format!("{} rows were written through it{}", count.unwrap_or(0), since(evidence))
        }
        (Source::Dependant, _) if found.certainty == Certainty::Possible => {
            format!("{what} hangs on it and goes with it")
        }
        (Source::Dependant, _) => format!("{what} hangs on it"),
        (Source::Function, _) => what,
        (Source::Session, _) => format!("{}: {what}", who.unwrap_or_default()),
        (Source::Statement, Some(count)) => {
            format!("{count} calls{} by {}: {what}", since(evidence), who.unwrap_or_default())
        }
        (Source::Statement, None) => {
            format!("calls at an unknown time by {}: {what}", who.unwrap_or_default())
        }
    };
    format!("  {}  {}: {said}\n", styled(word, style), found.object)
}

fn since(evidence: &Evidence) -> String {
    match evidence.watched_seconds {
        Some(seconds) => format!(" in the last {}", span(seconds)),
        None => String::new(),
    }
}

/// A time in its largest unit.
fn span(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The same as JSON.
pub fn json(evidence: &Evidence) -> Value {
    let mut value = json!(evidence);
    value["clean"] = json!(evidence.is_clean());
    value
}
