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
    #[error("revision {id} has a parent that does not exist: {parent}")]
    MissingParent { id: RevisionId, path: String, parent: RevisionId },
    /// Revisions that are each other's ancestors, each the parent of the one before it.
    #[error("revisions go round in a circle: {}", join(.0))]
    Cycle(Vec<RevisionId>),
    #[error("revisions have several heads: {}", join(.0))]
    SeveralHeads(Vec<RevisionId>),
    #[error("no revision is called `{0}`")]
    Unknown(String),
    #[error("`{prefix}` begins several revisions: {}", join(.candidates))]
    Ambiguous { prefix: String, candidates: Vec<RevisionId> },
    #[error("there are no revisions")]
    Empty,
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
            RevisionError::MissingParent { path, .. } => shown
                .detail(format!("The parent is named in {path}."))
                .hint("Add the missing file, or correct the `-- parents:` line."),
            RevisionError::Cycle(_) => shown.hint("Correct the `-- parents:` line of one of them."),
            RevisionError::SeveralHeads(_) => shown
                .detail("Which one should run first is not decided.")
                .hint("Make one the parent of the other, or add an empty revision with all of them as parents."),
            RevisionError::Unknown(_) => {
                shown.hint("Give an id, the beginning of one, or the path of a revision file.")
            }
            RevisionError::Ambiguous { .. } => shown.hint("Give more of the id."),
            RevisionError::Empty => shown.hint("Make one with `airlock revision -m \"…\"`."),
        }
    }
}
