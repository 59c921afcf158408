//! SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), for code scanning.

use super::{Remark, UNUSED, remarks};
use crate::hazard::{self, Severity};
use crate::lint::model::{AllowedBy, Report};
use serde_json::{Value, json};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Rules beside the hazards: id and description.
const OTHER_RULES: [(&str, &str); 6] = [
    ("syntax-error", "The file has a syntax error"),
    ("bad-directive", "A directive is not understood"),
    ("not-sql", "Something in the file is no SQL"),
    ("nested-too-deeply", "A statement is nested more deeply than can be analysed"),
    ("statement-fails", "A statement cannot work on the database as the catalog shows it"),
    (UNUSED, "A suppression suppresses nothing"),
];

pub(super) fn render(report: &Report) -> String {
    let results: Vec<Value> = remarks(report).iter().map(result).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "airlock",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": !report.has_bad_input() }],
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn rules() -> Vec<Value> {
    let hazards = hazard::all().iter().map(|hazard| {
        json!({
            "id": hazard.code,
            "name": pascal(hazard.name),
            "shortDescription": { "text": sentence(hazard.summary) },
            "fullDescription": { "text": hazard.effect },
            "help": { "text": hazard.remedy },
            "defaultConfiguration": { "level": level(hazard.severity) },
        })
    });
    let others = OTHER_RULES.iter().map(|(id, text)| {
        json!({ "id": id, "name": pascal(id), "shortDescription": { "text": sentence(text) } })
    });
    hazards.chain(others).collect()
}

fn rule_index(code: &str) -> Option<usize> {
    let hazards = hazard::all();
    hazards.iter().position(|hazard| hazard.code == code).or_else(|| {
        let other = OTHER_RULES.iter().position(|(id, _)| *id == code)?;
        Some(hazards.len() + other)
    })
}

fn result(remark: &Remark<'_>) -> Value {
    let mut result = json!({
        "ruleId": remark.code,
        "ruleIndex": rule_index(remark.code),
        "level": level(remark.level),
        "message": { "text": sentence(&remark.text()) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&remark.file.path) },
            "region": {
                "startLine": remark.start.0,
                "startColumn": remark.start.1,
                "endLine": remark.end.0,
                "endColumn": remark.end.1,
            },
        } }],
    });
    if let Some(allowed) = remark.allowed {
        let kind = match allowed.by {
            AllowedBy::Directive | AllowedBy::File => "inSource",
            AllowedBy::Settings => "external",
        };
        result["suppressions"] = json!([{ "kind": kind, "justification": allowed.reason }]);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// A path as a relative reference (RFC 3986): everything else than plain characters in percents.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            b'\\' => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `set-not-null` as `SetNotNull`.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
    };
    name.split('-').map(word).collect()
}

/// `text` with a capital and a full stop, unless its first word is a name.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}
