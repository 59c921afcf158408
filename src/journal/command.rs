//! One statement with its parameters as a value: the journal says what is to be written, `run`
//! sends it, in a transaction of its choice and under its taps.

use tokio_postgres::types::{ToSql, Type};

/// A parameter. Statements cast where they need another type (`$1::text::uuid`).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    OptionalText(Option<String>),
    Texts(Vec<String>),
    BigInt(i64),
    BigInts(Vec<i64>),
    Double(f64),
    Bool(bool),
    Json(serde_json::Value),
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(text.into())
    }

    /// The value as `tokio-postgres` wants it, with the type that the statement declares.
    pub fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Value::Text(v) => (v, Type::TEXT),
            Value::OptionalText(v) => (v, Type::TEXT),
            Value::Texts(v) => (v, Type::TEXT_ARRAY),
            Value::BigInt(v) => (v, Type::INT8),
            Value::BigInts(v) => (v, Type::INT8_ARRAY),
            Value::Double(v) => (v, Type::FLOAT8),
            Value::Bool(v) => (v, Type::BOOL),
            Value::Json(v) => (v, Type::JSONB),
        }
    }
}

/// A statement ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// A few words for labels and error messages: `journal step done`.
    pub label: &'static str,
    pub sql: String,
    pub params: Vec<Value>,
    pub hits: Hits,
}

/// How many rows the statement must touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hits {
    Any,
    /// At least one, else the sender is no longer the runner or the row is in a state that does
    /// not allow the change: the transaction must not commit.
    Some,
}

impl Command {
    pub fn new(
        label: &'static str,
        sql: impl Into<String>,
        params: Vec<Value>,
        hits: Hits,
    ) -> Self {
        Self { label, sql: sql.into(), params, hits }
    }
}
