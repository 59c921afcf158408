//! Why a migration cannot be planned.

use crate::analyze::AnalyzeError;
use crate::error::Kind;
use crate::sql::Diagnostic;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RewriteError {
    /// The migration does not fit the database.
    #[error(transparent)]
    Analyze(#[from] AnalyzeError),
    /// Statements without a safe form that nobody has allowed.
    #[error("{}", first_message(.0))]
    Refused(Vec<Refusal>),
}

/// One statement that is not planned, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub kind: Kind,
    pub diagnostic: Diagnostic,
}

fn first_message(refusals: &[Refusal]) -> String {
    match refusals {
        [] => "the migration is refused".to_owned(),
        [only] => only.diagnostic.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.diagnostic.message, rest.len()),
    }
}

impl RewriteError {
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            RewriteError::Analyze(error) => vec![error.diagnostic().clone()],
            RewriteError::Refused(all) => all.iter().map(|r| r.diagnostic.clone()).collect(),
        }
    }

    /// Bad input when any statement is that; a hazard that is not allowed otherwise.
    pub fn kind(&self) -> Kind {
        match self {
            RewriteError::Analyze(_) => Kind::Input,
            RewriteError::Refused(all) => {
                if all.iter().any(|refusal| refusal.kind == Kind::Input) {
                    Kind::Input
                } else {
                    Kind::Refused
                }
            }
        }
    }
}
