//! The error that reaches a person: kind, message, detail, hint and, where there is one, the place
//! in an SQL text. Each module has its own error type; this is what they become at the edge.

use crate::sql::Diagnostic;

/// What went wrong, as far as a script has to know. Each kind has an exit code; `docs/cli.md` lists
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 1: it was tried and failed.
    Failed,
    /// 2: usage or bad input; nothing was tried.
    Input,
    /// 3: not up to date, or drift: the plan, the migration or the database is not what was reviewed.
    Drift,
    /// 4: a hazard that nobody has allowed.
    Refused,
    /// 5: a lock was not had within the patience; nothing has changed, try again.
    Retry,
    /// 6: another runner is at work.
    Busy,
    /// 7: the gate before contract: old names are still in use.
    InUse,
    /// 130: stopped by SIGINT or SIGTERM.
    Interrupted,
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Input => 2,
            Kind::Drift => 3,
            Kind::Refused => 4,
            Kind::Retry => 5,
            Kind::Busy => 6,
            Kind::InUse => 7,
            Kind::Interrupted => 130,
        }
    }

    /// The name in JSON output.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::Input => "input",
            Kind::Drift => "drift",
            Kind::Refused => "refused",
            Kind::Retry => "retry",
            Kind::Busy => "busy",
            Kind::InUse => "in-use",
            Kind::Interrupted => "interrupted",
        }
    }
}

/// An error ready to be shown.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub kind: Kind,
    /// Lower case, without full stop.
    pub message: String,
    /// Sentences: what was found, what has and has not happened.
    pub detail: Option<String>,
    /// Sentences: what to do about it.
    pub hint: Option<String>,
    /// The places in an SQL text that the error is about.
    pub excerpt: Option<Box<Excerpt>>,
    /// Where in a run, for programs; the message says it in words.
    pub origin: Option<Box<Origin>>,
}

/// What programs want to know of a failure without reading its message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Step of the plan.
    pub step: Option<String>,
    /// What the server calls it.
    pub sqlstate: Option<String>,
}

/// An SQL text and what is wrong in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Excerpt {
    pub path: String,
    pub text: String,
    pub diagnostics: Vec<Diagnostic>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
            hint: None,
            excerpt: None,
            origin: None,
        }
    }

    /// About one place in an SQL text; its words become the error's own.
    pub fn at(
        kind: Kind,
        path: impl Into<String>,
        text: impl Into<String>,
        found: Diagnostic,
    ) -> Self {
        let (message, detail, hint) =
            (found.message.clone(), found.detail.clone(), found.hint.clone());
        let diagnostics = vec![found];
        let excerpt = Excerpt { path: path.into(), text: text.into(), diagnostics };
        Self { kind, message, detail, hint, excerpt: Some(Box::new(excerpt)), origin: None }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Nothing is kept where neither is known.
    #[must_use]
    pub fn origin(mut self, step: Option<&str>, sqlstate: Option<&str>) -> Self {
        if step.is_some() || sqlstate.is_some() {
            let (step, sqlstate) = (step.map(str::to_owned), sqlstate.map(str::to_owned));
            self.origin = Some(Box::new(Origin { step, sqlstate }));
        }
        self
    }
}
