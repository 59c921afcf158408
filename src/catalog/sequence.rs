//! Where a sequence stands.

use serde::{Deserialize, Serialize};

/// How far a sequence has come, and how it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sequence {
    /// The last number that was given out; `None` before the first, or without the privilege to see it.
    pub last_value: Option<i64>,
    pub max_value: i64,
    pub increment: i64,
    #[serde(default)]
    pub min_value: i64,
    #[serde(default)]
    pub start: i64,
    #[serde(default)]
    pub cache: i64,
    #[serde(default)]
    pub cycle: bool,
    /// Width of its numbers in bytes: 2, 4 or 8; 0 when that is not known.
    #[serde(default)]
    pub width: i16,
}
