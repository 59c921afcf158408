//! Where each revision stands: the folder and the journal put side by side.

use crate::error::Error;
use crate::journal::{self, Journal, Rollout, RolloutState};
use crate::revision::{Graph, Revision, RevisionId};
use crate::run::RunError;
use tokio_postgres::Client;

/// The journal of the database.
///
/// # Errors
/// A journal of another version, a damaged one, or trouble with the database.
pub async fn journal(client: &Client) -> Result<Journal, Error> {
    journal::read(client).await.map_err(|error| RunError::from(error).into())
}

/// The rollout of `id` that counts: one that was rolled back is as if it had never been.
pub fn rollout<'a>(journal: &'a Journal, id: &RevisionId) -> Option<&'a Rollout> {
    journal.rollout(id.as_str()).filter(|rollout| rollout.state != RolloutState::RolledBack)
}

/// Whether every step of the revision has run.
pub fn is_done(journal: &Journal, id: &RevisionId) -> bool {
    rollout(journal, id).is_some_and(|rollout| rollout.state == RolloutState::Done)
}

/// Revisions of `order` that are not done, in order.
pub fn unfinished<'a>(order: &'a [Revision], journal: &Journal) -> Vec<&'a Revision> {
    order.iter().filter(|revision| !is_done(journal, &revision.id)).collect()
}

/// The id of the revision that a person means, in the folder or only in the journal.
///
/// # Errors
/// No such revision, or several.
pub fn find(graph: &Graph, journal: &Journal, wanted: &str) -> Result<String, Error> {
    if journal.rollout(wanted).is_some() {
        return Ok(wanted.to_owned());
    }
    Ok(graph.find(wanted)?.id.to_string())
}
