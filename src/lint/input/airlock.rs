//! Revisions of airlock: the upgrade section. As written it would run in one transaction.

use super::{Adapted, Transaction, line_with};
use crate::revision::{RevisionError, file, repeatable};
use crate::sql::SqlError;

pub(super) fn recognises(text: &str) -> bool {
    text.contains("-- upgrade")
        && line_with(text, |line| line.starts_with("-- revision:")).is_some()
        && line_with(text, |line| line == "-- upgrade").is_some()
}

pub(super) fn adapt<'a>(path: &str, text: &'a str) -> Adapted<'a> {
    let mut adapted = Adapted::whole(text, Transaction::File);
    if repeatable::is_path(path) {
        return adapted;
    }
    match file::read(path, text) {
        Ok(revision) => adapted.section = revision.upgrade,
        Err(RevisionError::Malformed { diagnostics, .. }) => {
            adapted.section = 0..0;
            adapted.problems = diagnostics.into_iter().map(SqlError::NotSql).collect();
        }
        // Other errors are about several revisions.
        Err(_) => {}
    }
    adapted
}
