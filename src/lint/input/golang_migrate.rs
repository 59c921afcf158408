//! golang-migrate: `<version>_<title>.up.sql` beside `….down.sql`, which is not linted.
//!
//! The PostgreSQL driver sends each file as one message, which the server runs in one transaction
//! unless the file has transaction commands of its own (PostgreSQL's manual, "Message Flow",
//! "Multiple Statements in a Simple Query"). `x-multi-statement` changes that and is not seen here.

use super::{Adapted, Transaction};

pub(super) fn recognises(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".up.sql") else { return false };
    stem.starts_with(|c: char| c.is_ascii_digit())
}

pub(super) fn adapt(text: &str) -> Adapted<'_> {
    Adapted::whole(text, Transaction::File)
}
