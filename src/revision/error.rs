//! What can be wrong with revision files and with how they hang together.

use super::RevisionId;
use crate::error::{Error, Excerpt, Kind};
use crate::sql::Diagnostic;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RevisionError {
    /// The file does not have the form of a revision.
    #[error("{path} is not a revision file")]
    Malformed { path: String, text: String, diagnostics: Vec<Diagnostic> },
    #[error("two revisions have the id {id}")]
    Duplicate { id: RevisionId, paths: [String; 2] },
    #[error("revision {id} has a {what} that does not exist: {missing}")]
    Missing {
        id: RevisionId,
        path: String,
        missing: RevisionId,
        what: &'static str,
        /// What it was squashed into.
        into: Option<RevisionId>,
    },
    /// A file that another one has taken the place of.
    #[error("revision {id} was squashed into {into} and is still there")]
    Squashed { id: RevisionId, path: String, into: RevisionId, into_path: String },
    #[error("label {label} is taken twice")]
    Label { label: String, paths: [String; 2] },
    /// Revisions that are each other's ancestors, each the parent of the one before it.
    #[error("revisions go round in a circle: {}", join(.0))]
    Cycle(Vec<RevisionId>),
    #[error("revisions have several heads: {}", join(.0))]
    SeveralHeads(Vec<RevisionId>),
    #[error("no revision is called `{wanted}`")]
    Unknown { wanted: String, near: Option<String> },
    #[error("`{prefix}` begins several revisions: {}", join(.candidates))]
    Ambiguous { prefix: String, candidates: Vec<RevisionId> },
    #[error("there are no revisions")]
    Empty,
    /// Text that has the form of no target.
    #[error("not a target: `{0}`")]
    BadTarget(String),
    #[error("`{0}` is no revision")]
    NoRevision(String),
    #[error("`{target}` means several revisions: {}", join(.ids))]
    Several { target: String, ids: Vec<RevisionId> },
    /// One step further is in more than one direction.
    #[error("the way to `{target}` forks: {}", join(.ids))]
    Fork { target: String, ids: Vec<RevisionId> },
    #[error("`{target}` goes further than there are revisions")]
    NotSoFar { target: String, there: u64 },
    #[error("`{target}` leads the other way")]
    WrongWay { target: String, command: &'static str },
    #[error("`{0}` takes nothing back")]
    NoStep(String),
    #[error("revision {id} has not run in this database")]
    NotThere { target: String, id: RevisionId },
    #[error("revision {0} ran in this database and has no file")]
    NotInFolder(RevisionId),
    #[error("revision {0} is not in that branch")]
    NotInBranch(RevisionId),
    #[error("`{0}` counts from where a database is, and none is asked here")]
    NeedsDatabase(String),
}

fn join(ids: &[RevisionId]) -> String {
    ids.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ")
}

impl From<RevisionError> for Error {
    fn from(error: RevisionError) -> Self {
        let mut shown = Error::new(Kind::Input, error.to_string());
        match error {
            RevisionError::Malformed { path, text, diagnostics } => {
                shown.excerpt = Some(Box::new(Excerpt { path, text, diagnostics }));
                shown
            }
            RevisionError::Duplicate { paths: [first, second], .. } => shown
                .detail(format!("They stand in {first} and {second}."))
                .hint("Give the newer one another id."),
            RevisionError::Missing { path, what, missing, into: Some(into), .. } => {
                let line = if what == "parent" { "parents" } else { "depends-on" };
                shown
                    .detail(format!("The {what} is named in {path}; {missing} was squashed into {into}."))
                    .hint(format!("Write {into} in the `-- {line}:` line instead."))
            }
            RevisionError::Squashed { path, into, into_path, .. } => shown
                .detail(format!("It stands in {path}; {into_path} names {into} in its place."))
                .hint(
                    "If `airlock squash` was interrupted, run it again: it finishes. Otherwise delete one \
                     of the two files.",
                ),
            RevisionError::Missing { path, what, .. } => {
                let line = if what == "parent" { "parents" } else { "depends-on" };
                shown
                    .detail(format!("The {what} is named in {path}."))
                    .hint(format!("Add the missing file, or correct the `-- {line}:` line."))
            }
            RevisionError::Label { paths: [first, second], .. } => {
                let where_else = format!("It stands in {second}, and is the name of {first}.");
                shown.detail(where_else).hint("Choose another one.")
            }
            RevisionError::Cycle(_) => {
                shown.hint("Correct the `-- parents:` or `-- depends-on:` line of one of them.")
            }
            RevisionError::SeveralHeads(_) => shown
                .detail("Which one should run first is not decided.")
                .hint(
                    "`airlock merge` brings them together, `airlock rebase` puts one on top of the \
                     other. To run both as they are: `airlock upgrade heads`; one of them: its id.",
                ),
            RevisionError::Unknown { near: Some(near), .. } => {
                shown.hint(format!("Did you mean `{near}`?"))
            }
            RevisionError::Unknown { near: None, .. } => shown.hint(
                "Give an id, the beginning of one, the path of a revision file, a label, or head, \
                 heads, base, current, +1, -1.",
            ),
            RevisionError::BadTarget(_) => shown.hint(
                "Targets are head, heads, base, current, an id or the beginning of one, a label, +N, \
                 -N, ID+N, ID-N, label@head, and A:B where a range is wanted.",
            ),
            RevisionError::NoRevision(_) => shown.hint("It stands before the first one."),
            RevisionError::Several { .. } => shown.hint("Name one of them."),
            RevisionError::Fork { .. } => {
                shown.hint("Name the revision itself, or the branch: label@+1.")
            }
            RevisionError::NotSoFar { there, .. } => {
                shown.detail(format!("There are {there} on that way."))
            }
            RevisionError::WrongWay { target, command } => {
                shown.hint(format!("That way leads `airlock {command} {target}`."))
            }
            RevisionError::NoStep(_) => shown.hint(
                "Say how many revisions are to be taken back, as in -1, or name the one to go back to.",
            ),
            RevisionError::NotThere { target, .. } => shown
                .detail("A downgrade leads to something that the database was at before.")
                .hint(format!("`airlock upgrade {target}` leads there; `airlock current` shows where it is.")),
            RevisionError::NotInFolder(_) => shown.hint(
                "Get its file back, perhaps from another branch of the repository; or, if it is gone for \
                 good, tell the database where it is: `airlock stamp --purge TARGET`.",
            ),
            RevisionError::NotInBranch(_) => shown.hint("`airlock branches` lists them."),
            RevisionError::NeedsDatabase(_) => shown.hint("Give the revision's id."),
            RevisionError::Ambiguous { .. } => shown.hint("Give more of the id."),
            RevisionError::Empty => shown.hint("Make one with `airlock revision -m \"…\"`."),
        }
    }
}
