//! The TOML file of a plan: stable bytes, digest, strict reading.
//!
//! What is read here was written by [`to_toml`], perhaps long ago and perhaps changed since: every
//! field is checked before anything relies on it. No I/O; the caller reads and writes the file.

use super::{FORMAT, Plan, check, emit};
use crate::error::{Error, Excerpt, Kind};
use crate::sql::canonical::hex;
use crate::sql::{Diagnostic, Span};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Largest plan file that is read, in bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

const HEADER: &str = "\
# Plan of a migration, written by `airlock plan`. Review it like code: what stands here is what runs,
# step by step and nothing else. Do not edit it; change the migration and make the plan again
# (the digest below covers every line).
# docs/plan-file.md explains the fields, and which statements surround each step.

";

/// What makes a plan file unusable.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    #[error("plan file is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// No TOML, a field that is unknown or missing, a value of the wrong type.
    #[error("{message}")]
    Syntax { message: String, span: Option<Span> },
    #[error("plan file has format {found}, this airlock reads format {FORMAT}")]
    Format { found: i64 },
    #[error("plan file was changed after it was written")]
    Digest { written: String, computed: String },
    /// The fields are there but do not make a plan that can run.
    #[error("plan cannot run: {0}")]
    Invalid(String),
}

impl PlanError {
    /// The error as a person sees it; `path` and `text` are those of the file.
    pub fn into_error(self, path: &str, text: &str) -> Error {
        let message = format!("{self}: {path}");
        match self {
            PlanError::Syntax { message, span } => {
                let mut error = Error::new(Kind::Input, format!("cannot read plan file {path}"))
                    .hint("Make the plan again with `airlock plan`.");
                match span {
                    Some(span) => {
                        error.excerpt = Some(Box::new(Excerpt {
                            path: path.to_owned(),
                            text: text.to_owned(),
                            diagnostics: vec![Diagnostic::new(message, span)],
                        }));
                        error
                    }
                    None => error.detail(message),
                }
            }
            PlanError::TooLarge => Error::new(Kind::Input, message),
            PlanError::Format { .. } => Error::new(Kind::Input, message)
                .hint("Use the airlock that wrote it, or make the plan again with `airlock plan`."),
            PlanError::Digest { written, computed } => Error::new(Kind::Drift, message)
                .detail(format!("Its digest says {written}, its content gives {computed}."))
                .hint("Restore the reviewed file, or make the plan again with `airlock plan`."),
            PlanError::Invalid(_) => {
                Error::new(Kind::Input, message).hint("Make the plan again with `airlock plan`.")
            }
        }
    }
}

/// SHA-256, lower-case hexadecimal, over everything in the plan but the digest itself.
pub fn digest(plan: &Plan) -> String {
    let mut fields = json(plan);
    fields.shift_remove("digest");
    let bytes = Value::Object(fields).to_string();
    hex(&Sha256::digest(bytes.as_bytes()))
}

fn json(plan: &Plan) -> serde_json::Map<String, Value> {
    match serde_json::to_value(plan) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => unreachable!("a plan is a structure of texts, numbers and lists"),
    }
}

/// The file's text. `plan.digest` is written as it is; [`digest`] computes it.
pub fn to_toml(plan: &Plan) -> String {
    format!("{HEADER}{}", emit::document(&json(plan)))
}

/// Reads what [`to_toml`] wrote.
///
/// # Errors
/// Anything that is not exactly a plan of this format, complete and unchanged.
pub fn from_toml(text: &str) -> Result<Plan, PlanError> {
    if text.len() > MAX_BYTES {
        return Err(PlanError::TooLarge);
    }
    let syntax = |error: toml::de::Error| PlanError::Syntax {
        message: error.message().trim().replace('\n', "; "),
        span: error.span().map(|range| Span::new(range.start, range.end)),
    };
    // The format first: a newer one has fields that the structure below does not know.
    let table: toml::Table = toml::from_str(text).map_err(syntax)?;
    match table.get("format").and_then(toml::Value::as_integer) {
        Some(found) if found == i64::from(FORMAT) => {}
        Some(found) => return Err(PlanError::Format { found }),
        None => {
            let message = "file is no plan: `format` is missing".to_owned();
            return Err(PlanError::Syntax { message, span: None });
        }
    }
    let plan: Plan = toml::from_str(text).map_err(syntax)?;
    let computed = digest(&plan);
    if computed != plan.digest {
        return Err(PlanError::Digest { written: plan.digest, computed });
    }
    check::plan(&plan).map_err(PlanError::Invalid)?;
    Ok(plan)
}
