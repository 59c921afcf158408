//! `airlock repair`: the text of a revision that was changed after it ran counts as the one that ran.

use super::args::Global;
use super::output::{Done, Output};
use super::{environment, project, standing, stopping};
use crate::error::{Error, Kind};
use crate::journal::{Journal, RolloutState, audit, stamp};
use crate::revision::Targets;
use crate::run::{self, Hooks};
use serde_json::json;

/// Accept the text of a revision that was changed after it ran
///
/// Nothing runs: from now on the revision's file as it stands is taken for what the database has, and
/// `airlock check` no longer names it. The reason is kept in airlock.audit. Comments and layout need no repair.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id of the revision, the beginning of one, or its path
    #[arg(value_name = "REVISION")]
    pub revision: String,
    /// Why the change does no harm; kept in the database
    #[arg(long, value_name = "REASON")]
    pub because: String,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    if args.because.trim().is_empty() {
        return Err(Error::new(Kind::Input, "the reason is empty")
            .hint("Say why the change does no harm: --because \"a typing mistake in a comment on the table\"."));
    }
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let target = settings.target()?;
    let hooks = Hooks { stop: stopping::listen(output)?, ..Hooks::default() };
    let connection = target.connect("airlock repair").await?;
    let journal = standing::journal(&connection).await?;
    connection.close().await;
    let applied = standing::applied(&journal);
    let revision = Targets::new(&graph).with(&applied).one(&args.revision)?;
    let digest = revision.digest().map_err(|error| project::sql_error(revision, error))?;
    let id = revision.id.as_str();
    if is_accepted(&journal, id, &digest)? {
        let json = json!({ "revision": id, "changed": false });
        return Ok(Done::new(format!("{id} has not changed since it ran."), json));
    }
    environment::confirm(&settings, &hooks.stop, output).await?;
    let accepted = run::edit(&target, &settings.limits, &hooks, "repair", |journal, by| {
        if is_accepted(journal, id, &digest)? {
            return Ok((Vec::new(), ()));
        }
        let was = journal.rollout(id).map(|rollout| rollout.migration_digest.as_str());
        let detail = format!("{}: {} -> {digest}", args.because.trim(), was.unwrap_or_default());
        Ok((vec![stamp::accept(id, &digest), audit::enter("repair", Some(id), &detail, by)], ()))
    });
    accepted.await?;
    let json = json!({ "revision": id, "changed": true, "digest": digest });
    Ok(Done::new(format!("{id} counts as run with the text of {}.", revision.path), json))
}

/// Whether the database has the revision with this text already.
fn is_accepted(journal: &Journal, id: &str, digest: &str) -> Result<bool, Error> {
    match journal.rollout(id) {
        Some(rollout) if rollout.state == RolloutState::Done => {
            Ok(rollout.migration_digest == digest)
        }
        Some(rollout) if standing::is_open(rollout) => {
            Err(Error::new(Kind::Refused, format!("revision {id} is {}", rollout.state.name()))
                .detail("Its plan was made for the text that it had when it began.")
                .hint("Restore that text and finish it, or take it back: `airlock rollback`."))
        }
        Some(_) | None => Err(Error::new(Kind::Drift, format!("revision {id} has not run"))
            .hint("There is nothing to accept: its plan is made from the text as it stands.")),
    }
}
