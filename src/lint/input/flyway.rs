//! Flyway: `V<version>__<description>.sql`, `R__<description>.sql`, and `U…` to undo, which is not
//! linted.
//!
//! Flyway runs each file in one transaction, but without one when it finds a statement that cannot
//! run in any (Flyway's documentation, "Migrations", "Transactions").

use super::{Adapted, Transaction};

/// The parts of the version in `V1_2__name.sql`: 1, 2.
pub(super) fn version(name: &str) -> Option<Vec<u64>> {
    let stem = name.strip_suffix(".sql")?;
    let (version, _) = stem.strip_prefix(['V', 'v'])?.split_once("__")?;
    version.split(['.', '_']).map(|part| part.parse().ok()).collect()
}

/// `R__name.sql`: runs again whenever it has changed, after all versions.
pub(super) fn is_repeatable(name: &str) -> bool {
    name.starts_with("R__") && name.ends_with(".sql")
}

/// `U1__name.sql`: takes a version back.
pub(super) fn is_undo(name: &str) -> bool {
    name.strip_prefix('U').is_some_and(|rest| version(&format!("V{rest}")).is_some())
}

pub(super) fn adapt(text: &str) -> Adapted<'_> {
    let transaction = if runs_outside(text) { Transaction::Statement } else { Transaction::File };
    Adapted::whole(text, transaction)
}

/// Whether the file has a statement that Flyway knows to be refused in a transaction.
fn runs_outside(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    let words = ["CONCURRENTLY", "VACUUM", "CREATE DATABASE", "DROP DATABASE", "ALTER SYSTEM"];
    words.iter().any(|word| text.contains(word))
}
