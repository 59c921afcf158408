//! Fields of a JSON object, read one by one; those that nobody reads are refused.

use super::pgroll::relation;
use crate::sql::quote_ident;
use serde_json::{Map, Value};

/// Why an operation cannot be brought over.
pub(super) type Refusal = String;

/// The fields of an operation; those that nobody knows are refused.
pub(super) struct Fields<'a> {
    pub(super) of: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.of.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(format!("`{key}` cannot be brought over")),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<&'a str, Refusal> {
        self.given(key).ok_or_else(|| format!("`{key}` is missing"))
    }

    pub(super) fn given(&self, key: &str) -> Option<&'a str> {
        self.of.get(key).and_then(Value::as_str)
    }

    pub(super) fn is(&self, key: &str) -> bool {
        self.of.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn inner(&self, key: &str) -> Option<Fields<'a>> {
        self.of.get(key).and_then(Value::as_object).map(|of| Fields { of })
    }

    pub(super) fn name(&self, key: &str) -> Result<String, Refusal> {
        self.text(key).map(relation)
    }

    /// A list of names, quoted.
    pub(super) fn names(&self, key: &str) -> Result<String, Refusal> {
        let list = self.of.get(key).and_then(Value::as_array);
        let list = list.ok_or_else(|| format!("`{key}` is missing"))?;
        let names: Option<Vec<String>> =
            list.iter().map(|name| name.as_str().map(quote_ident)).collect();
        names.map(|names| names.join(", ")).ok_or_else(|| format!("`{key}` is not a list of names"))
    }
}
