//! Foreign servers: what hangs on them goes with `DROP … CASCADE`.

use crate::sql::QualifiedName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A foreign server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ForeignServer {
    /// The foreign-data wrapper that it is of.
    pub wrapper: String,
    /// Its foreign tables, under the names that they had when they came to be known.
    pub tables: BTreeSet<QualifiedName>,
    /// Whether it has user mappings.
    pub mapped: bool,
}
