//! A folder of files becomes a graph of revisions. Pure: reading the folder is the caller's work.
//!
//! A revision is one `.sql` file that psql can read too: a header of comments, then sections that
//! comments begin. `docs/revision-files.md` describes it for users.

mod error;
pub mod file;
pub mod graph;
pub mod repeatable;
pub mod seed;
pub mod squash;
pub mod sum;
pub mod target;
#[cfg(test)]
mod tests;
pub mod touched;

pub use error::RevisionError;
pub use graph::Graph;
pub use target::Targets;

use crate::sql::variables::{self, Declared, Places};
use crate::sql::{Diagnostic, Script, SqlError, canonical, parse};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Name of a revision: 4 to 40 of `a-z`, `0-9` and `_`. Those that airlock gives are 12
/// hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RevisionId(String);

impl RevisionId {
    /// The id of a new revision, from a random number.
    pub fn from_number(random: u64) -> Self {
        Self(format!("{:012x}", random & 0xffff_ffff_ffff))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same revision in one schema of a database, whose journal may know it in many: the id, `@`
    /// and the schema, shortened to what names may be derived from.
    #[must_use]
    pub fn of_schema(&self, schema: &str) -> Self {
        let whole = format!("{}@{schema}", self.0);
        if whole.len() <= MAX_ID_BYTES && self.0.len() + 1 < MAX_ID_BYTES {
            return Self(whole);
        }
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(whole.as_bytes());
        let tag: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let mut end = MAX_ID_BYTES - tag.len() - 1;
        while !whole.is_char_boundary(end) {
            end -= 1;
        }
        Self(format!("{}_{tag}", &whole[..end]))
    }
}

/// Longest id, in bytes: names of triggers, functions and sequences are made of it, and none may pass
/// 63 bytes.
const MAX_ID_BYTES: usize = 40;

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no revision id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a revision id: `{0}`")]
pub struct BadId(pub String);

impl FromStr for RevisionId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        // `none` is how a header says that there is no parent.
        let good = (4..=40).contains(&text.len()) && text.chars().all(plain) && text != "none";
        if good { Ok(Self(text.to_owned())) } else { Err(BadId(text.to_owned())) }
    }
}

/// A revision of which a later file has taken the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    pub id: RevisionId,
    /// How the digest of its upgrade section began.
    pub digest: Option<String>,
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.digest {
            Some(digest) => write!(f, "{}={digest}", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

/// A revision as its file gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    pub id: RevisionId,
    /// Empty for the first one.
    pub parents: Vec<RevisionId>,
    /// Names of the branch that begins here.
    pub labels: Vec<String>,
    /// Revisions that have to run before, without being parents.
    pub depends_on: Vec<RevisionId>,
    /// Where they stand in `text`, if the header names any.
    pub depends_on_at: Option<Range<usize>>,
    /// What was squashed into this one; the revision itself, as it was before, is among it.
    pub replaces: Vec<Replaced>,
    pub message: String,
    pub created: jiff::Timestamp,
    /// Path of the file, as messages should name it.
    pub path: String,
    /// The whole text of the file, with values in place of its variables.
    pub text: String,
    /// The variables that the header declares.
    pub variables: Vec<Declared>,
    /// What became of them.
    pub binding: Binding,
    /// Where the parents stand in `text`.
    pub parents_at: Range<usize>,
    /// Where the section's SQL stands in `text`.
    pub upgrade: Range<usize>,
    pub downgrade: Option<Range<usize>>,
    pub verify: Option<Range<usize>>,
}

/// What became of a file's variables.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Binding {
    /// It has none.
    #[default]
    None,
    /// `text` holds their values; the file was written so.
    Bound { written: String, places: Places },
    /// One has no value that can stand there; `text` is as written. Only whoever needs the statements has to
    /// care.
    Failed(SqlError),
}

impl Revision {
    /// The text of the file as it was written.
    pub fn written(&self) -> &str {
        match &self.binding {
            Binding::Bound { written, .. } => written,
            Binding::None | Binding::Failed(_) => &self.text,
        }
    }

    /// `found`, a place in `text`, as a place in the file as written.
    #[must_use]
    pub fn in_file(&self, mut found: Diagnostic) -> Diagnostic {
        if let Binding::Bound { places, .. } = &self.binding {
            found.span = places.written(found.span);
        }
        found
    }

    fn script(&self, section: Range<usize>) -> Result<Script, SqlError> {
        if let Binding::Failed(error) = &self.binding {
            return Err(error.clone());
        }
        parse(&self.text, section).map_err(|error| variables::explained(error, &self.text))
    }

    /// Whether it is applied again whenever it has changed.
    pub fn is_repeatable(&self) -> bool {
        self.id.0.ends_with(repeatable::AGAIN)
    }

    /// Whether it is a seed.
    pub fn is_seed(&self) -> bool {
        self.id.0.ends_with(seed::SEED)
    }

    /// Whether all of its file takes effect in one transaction.
    pub fn is_whole(&self) -> bool {
        self.is_repeatable() || self.is_seed()
    }

    /// What has to run before: parents, then dependencies.
    pub fn requirements(&self) -> impl Iterator<Item = &RevisionId> {
        self.parents.iter().chain(&self.depends_on)
    }

    /// The upgrade section's statements.
    ///
    /// # Errors
    /// Syntax errors, with places in the whole file.
    pub fn upgrade_script(&self) -> Result<Script, SqlError> {
        self.script(self.upgrade.clone())
    }

    /// The downgrade section's statements; none when it is missing.
    ///
    /// # Errors
    /// As [`Revision::upgrade_script`].
    pub fn downgrade_script(&self) -> Result<Script, SqlError> {
        let end = self.text.len();
        self.script(self.downgrade.clone().unwrap_or(end..end))
    }

    /// The digest that a plan keeps: of the upgrade section alone, comments and layout aside.
    ///
    /// # Errors
    /// As [`Revision::upgrade_script`].
    pub fn digest(&self) -> Result<String, SqlError> {
        self.upgrade_script().map(|script| canonical::digest(&script))
    }

    /// The ids of those that were squashed into this one, without its own, each once.
    pub fn replaced(&self) -> BTreeSet<&RevisionId> {
        self.replaces.iter().map(|of| &of.id).filter(|id| **id != self.id).collect()
    }

    /// Whether an upgrade section with this digest is what this file stands for: its own, or the one
    /// that it had before others were squashed into it.
    pub fn ran_as(&self, digest: &str) -> bool {
        let before = self.replaces.iter().filter(|of| of.id == self.id);
        let mut before = before.filter_map(|of| of.digest.as_deref());
        before.any(|known| digest.starts_with(known))
            || self.digest().is_ok_and(|own| own == digest)
    }

    /// The queries of the verify section, which must all be `SELECT`s.
    ///
    /// # Errors
    /// Syntax errors; a statement that is no query.
    pub fn verify_queries(&self) -> Result<Vec<String>, SqlError> {
        let Some(section) = self.verify.clone() else { return Ok(Vec::new()) };
        let script = self.script(section)?;
        script.statements.into_iter().map(file::verify_query).collect()
    }

    /// The file's name without folder and `.sql`; plan files are named after it.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit(['/', '\\']).next().unwrap_or(&self.path);
        name.strip_suffix(".sql").unwrap_or(name)
    }
}
