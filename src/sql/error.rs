//! What can be wrong with an SQL text before anything is known of a database.

use super::{Diagnostic, Span};

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SqlError {
    /// The grammar refuses the text.
    #[error("{}", .0.message)]
    Syntax(Diagnostic),
    /// A `-- airlock:` comment that is not understood or stands where it means nothing.
    #[error("{}", .0.message)]
    Directive(Diagnostic),
    /// A psql meta-command or anything else that the server would never see as SQL.
    #[error("{}", .0.message)]
    NotSql(Diagnostic),
    /// It may be right, and is nested more deeply than can be analysed.
    #[error("{}", .0.message)]
    TooDeep(Diagnostic),
}

impl SqlError {
    pub fn diagnostic(&self) -> &Diagnostic {
        match self {
            SqlError::Syntax(d)
            | SqlError::Directive(d)
            | SqlError::NotSql(d)
            | SqlError::TooDeep(d) => d,
        }
    }

    pub fn into_diagnostic(self) -> Diagnostic {
        match self {
            SqlError::Syntax(d)
            | SqlError::Directive(d)
            | SqlError::NotSql(d)
            | SqlError::TooDeep(d) => d,
        }
    }

    /// The same error when its text begins at `offset` of a larger one.
    #[must_use]
    pub fn shifted(self, offset: usize) -> Self {
        self.map_span(|span| span.shifted(offset))
    }

    #[must_use]
    pub(super) fn map_span(mut self, change: impl FnOnce(Span) -> Span) -> Self {
        match &mut self {
            SqlError::Syntax(d)
            | SqlError::Directive(d)
            | SqlError::NotSql(d)
            | SqlError::TooDeep(d) => {
                d.span = change(d.span);
            }
        }
        self
    }
}
