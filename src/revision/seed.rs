//! Seeds: rows for chosen environments, put in once. A file names the environments that it is for.

use super::repeatable::read_whole;
use super::{Revision, RevisionError};
use crate::sql::{Diagnostic, Span};
use std::collections::BTreeMap;

/// How their ids end; no revision's does.
pub const SEED: &str = "-seed";
/// Where they stand within the folder of the revisions.
pub const FOLDER: &str = "seeds";
const KEYS: [&str; 5] = ["message", "depends-on", "variables", "environments", "again"];

/// A seed as its file gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seed {
    /// All of the file is its upgrade.
    pub revision: Revision,
    /// Where it may be put in; never empty.
    pub environments: Vec<String>,
    /// Whether it is put in again when it has changed.
    pub again: bool,
}

/// Reads a file and puts `values` in place of its variables.
///
/// # Errors
/// Everything that is wrong with its name and its header.
pub fn read(
    path: &str,
    text: &str,
    values: &BTreeMap<String, String>,
) -> Result<Seed, RevisionError> {
    let (revision, found) = read_whole(path, text, values, &KEYS, SEED)?;
    if found.environments.is_empty() {
        let (path, text) = (path.to_owned(), text.to_owned());
        let what = "header line `-- environments: \u{2026}` is missing";
        let found = Diagnostic::new(what, Span::new(0, 0))
            .hint("A seed names the environments that it is for: `-- environments: development, staging`.");
        return Err(RevisionError::Malformed { path, text, diagnostics: vec![found] });
    }
    Ok(Seed { revision, environments: found.environments, again: found.again })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_where_it_belongs() {
        let read = |text: &str| read("m/seeds/admin.sql", text, &BTreeMap::new());
        let seed = read("-- environments: development, staging\n-- again: yes\nSELECT 1;").unwrap();
        assert_eq!(seed.environments, ["development", "staging"]);
        assert!(seed.again && seed.revision.is_whole() && !seed.revision.is_repeatable());
        assert_eq!(seed.revision.id.as_str(), "admin-seed");
        for text in ["SELECT 1;", "-- environments:\n", "-- environments: ,\n"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("-- environments: a\n-- again: maybe\n").is_err());
    }
}
