//! sqlx: `<version>_<description>.sql`, or `….up.sql` beside `….down.sql`, which is not linted.
//!
//! Each file runs in a transaction unless its first line is `-- no-transaction`. By name alone a
//! reversible file cannot be told from one of golang-migrate: sqlx versions are time stamps.

use super::{Adapted, Transaction};

/// Time stamps have 14 digits; golang-migrate counts, or uses 10 digits of Unix time.
const VERSION_DIGITS: usize = 14;

pub(super) fn recognises(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".up.sql") else { return false };
    let digits = stem.len() - stem.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    digits >= VERSION_DIGITS && stem[digits..].starts_with('_')
}

pub(super) fn adapt(text: &str) -> Adapted<'_> {
    let outside = text.starts_with("-- no-transaction");
    let transaction = if outside { Transaction::Statement } else { Transaction::File };
    Adapted::whole(text, transaction)
}
