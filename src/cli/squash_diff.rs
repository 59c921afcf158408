//! `airlock squash --diff`: the way from the schema before the range to the one after it, instead of the way
//! that the revisions took.

use super::diff::{Decided, difference};
use super::output::Output;
use super::project;
use super::schemas::Source;
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::report::diff as report;
use crate::revision::{Revision, RevisionId, squash};
use crate::sql::Diagnostic;
use pg_query::NodeEnum;

/// Upgrade and downgrade section.
///
/// # Errors
/// A statement whose effect no comparison of schemas sees; as [`difference`].
pub async fn sections(
    range: &[&Revision],
    decided: &Decided,
    settings: &Settings,
    output: &Output,
) -> Result<(String, String), Error> {
    refuse_data(range)?;
    let ([first, ..], [.., last]) = (range, range) else { return Ok(Default::default()) };
    let before: Vec<RevisionId> = [first.parents.clone(), squash::depends_on(range)].concat();
    let before: Vec<&str> = before.iter().map(RevisionId::as_str).collect();
    let from = match before.is_empty() {
        true => Source::Empty,
        false => Source::Revisions(Some(before.join(" "))),
    };
    let to = Source::Revisions(Some(last.id.to_string()));
    let found = difference(&from, &to, decided, settings, None, output).await?;
    Ok((report::sql(&found.upgrade), report::downgrade(&found)))
}

/// Nothing that a revision does to rows gets lost.
fn refuse_data(range: &[&Revision]) -> Result<(), Error> {
    for revision in range {
        let script =
            revision.upgrade_script().map_err(|error| project::sql_error(revision, error))?;
        for statement in &script.statements {
            let data = matches!(
                &statement.node,
                NodeEnum::InsertStmt(_)
                    | NodeEnum::UpdateStmt(_)
                    | NodeEnum::DeleteStmt(_)
                    | NodeEnum::MergeStmt(_)
                    | NodeEnum::TruncateStmt(_)
                    | NodeEnum::CopyStmt(_)
                    | NodeEnum::DoStmt(_)
                    | NodeEnum::CallStmt(_)
                    | NodeEnum::SelectStmt(_)
                    | NodeEnum::ExecuteStmt(_)
                    | NodeEnum::CreateTableAsStmt(_)
            );
            if data {
                let what = "what this statement does to rows would be lost";
                let found = Diagnostic::new(what, statement.span)
                    .hint("Without --diff every statement is kept.");
                return Err(Error::at(Kind::Refused, &revision.path, &revision.text, found));
            }
        }
    }
    Ok(())
}
