//! What a function or procedure is beside its name: enough to write another one that calls it.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    pub schema: String,
    /// `pg_get_function_identity_arguments`.
    pub arguments: String,
    pub volatility: Volatility,
    pub language: String,
    /// The defaults of its last arguments, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<String>,
    /// The rest, for what somebody has made on a server; nothing for the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routine: Option<Box<Routine>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoutineKind {
    Function,
    Procedure,
    Aggregate,
    Window,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routine {
    pub kind: RoutineKind,
    /// `pg_get_function_arguments`: modes, names, types and defaults.
    pub declared: String,
    /// The types of what a caller gives, in order.
    pub inputs: Vec<String>,
    /// The last input takes the rest of the arguments.
    pub variadic: bool,
    /// `pg_get_function_result`; `None` for a procedure.
    pub result: Option<String>,
    pub returns_set: bool,
    /// The result is a row whose columns stand in the declaration.
    pub returns_record: bool,
    /// The result is `trigger` or `event_trigger`.
    pub is_trigger: bool,
    /// A type that no function in SQL can take or give.
    pub pseudo_type: Option<String>,
    pub strict: bool,
    pub leakproof: bool,
    /// `pg_proc.proparallel`.
    pub parallel: char,
    pub cost: String,
    pub rows: String,
    pub owner: String,
    /// A digest of what it does: its body, the settings that it runs with, and with whose privileges.
    #[serde(default)]
    pub body: String,
    /// `proacl`, or what the server takes for it where nothing was granted.
    pub privileges: Vec<String>,
}
