//! The place in a revision's file of the statement at which a run failed.

use super::project;
use crate::error::Error;
use crate::journal;
use crate::plan::Plan;
use crate::revision::Revision;
use crate::run::RunError;
use crate::sql::{Diagnostic, Span};

/// `error`, with the statement that its step stands for, when the file still has it.
pub fn placed(error: RunError, plan: &Plan, revision: Option<&Revision>) -> Error {
    let span = revision.and_then(|revision| span(&error, plan, revision));
    let mut shown = Error::from(error);
    if let (Some(revision), Some(span)) = (revision, span) {
        let found = Diagnostic::new(shown.message.clone(), span);
        let placed = project::diagnostics(revision, shown.kind, vec![found]);
        shown.excerpt = placed.excerpt;
    }
    shown
}

fn span(error: &RunError, plan: &Plan, revision: &Revision) -> Option<Span> {
    let (step, sent) = error.fault()?;
    let step = plan.steps.iter().find(|planned| planned.id == step)?;
    let of_step = || plan.statements.iter().filter(|of| step.statements.contains(&of.number));
    let meant = sent.and_then(|sent| of_step().find(|of| of.sql == sent));
    let meant = meant.or_else(|| of_step().next())?;
    let script = match journal::downgraded(&plan.revision.id) {
        Some(_) => revision.downgrade_script(),
        None => revision.upgrade_script(),
    };
    let statements = script.ok()?.statements;
    let statement = statements.get(meant.number.checked_sub(1)?)?;
    // Another text would name a place that has nothing to do with it.
    (statement.sql == meant.sql).then_some(statement.span)
}
