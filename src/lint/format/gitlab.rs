//! GitLab's code quality report ("Code Quality", "Code Quality report format").

use super::remarks;
use crate::hazard::Severity;
use crate::lint::model::Report;
use crate::sql::canonical;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

pub(super) fn render(report: &Report) -> String {
    // GitLab tells findings apart by their fingerprints, which must outlive a change of lines above.
    let mut seen: HashMap<String, usize> = HashMap::new();
    let found: Vec<Value> = remarks(report)
        .iter()
        .filter(|remark| remark.allowed.is_none())
        .map(|remark| {
            let sql = &remark.file.text[remark.span.range()];
            let what = format!("{}\0{}\0{}\0{sql}", remark.file.path, remark.code, remark.message);
            let repeated = seen.entry(what.clone()).or_insert(0);
            *repeated += 1;
            let digest = Sha256::digest(format!("{what}\0{repeated}").as_bytes());
            json!({
                "description": format!("{}: {}", remark.title(), remark.message),
                "check_name": remark.code,
                "fingerprint": canonical::hex(&digest),
                "severity": match remark.level {
                    Severity::Error => "critical",
                    Severity::Warning => "major",
                    Severity::Info => "info",
                },
                "location": {
                    "path": remark.file.path.strip_prefix("./").unwrap_or(&remark.file.path),
                    "lines": { "begin": remark.start.0, "end": remark.end.0 },
                },
            })
        })
        .collect();
    format!("{:#}\n", Value::Array(found))
}
