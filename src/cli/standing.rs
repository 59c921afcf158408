//! Where each revision stands: the folder and the journal put side by side.

use crate::error::{Error, Kind};
use crate::journal::{self, Journal, Rollout, RolloutState};
use crate::report::status::{self, Standing};
use crate::revision::{Graph, Revision, RevisionId, Targets};
use crate::run::RunError;
use crate::threads;
use std::collections::BTreeSet;
use tokio_postgres::Client;

/// Every revision of the folder in order, then those that only the journal knows.
pub fn list(graph: &Graph, journal: Option<&Journal>) -> Vec<Standing> {
    status::standings(graph, journal, &still_as_run)
}

/// For each revision, whether it is still what ran with that digest; on every processor.
pub fn still_as_run(asked: &[(&Revision, &str)]) -> Vec<bool> {
    threads::map(asked, |(revision, digest)| revision.ran_as(digest))
}

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

/// Revisions that are done, in the order in which they ran.
pub fn applied(journal: &Journal) -> Vec<RevisionId> {
    let done = journal.rollouts.iter().filter(|rollout| rollout.state == RolloutState::Done);
    // The id of a downgrade is no revision's.
    done.filter_map(|rollout| rollout.revision.parse().ok()).collect()
}

/// Rollouts that are done and that no other one that is done names as a parent.
pub fn current(journal: &Journal) -> Vec<&Rollout> {
    let done: Vec<&Rollout> = journal
        .rollouts
        .iter()
        .filter(|rollout| rollout.state == RolloutState::Done)
        .filter(|rollout| rollout.downgrades().is_none() && rollout.repeats().is_none())
        .collect();
    let parents: BTreeSet<&String> = done.iter().flat_map(|rollout| &rollout.parents).collect();
    done.iter().copied().filter(|rollout| !parents.contains(&rollout.revision)).collect()
}

/// Whether a rollout is under way: begun and neither done nor taken back.
pub fn is_open(rollout: &Rollout) -> bool {
    match rollout.state {
        // One transaction: begun and not done, it is as if it had never been.
        _ if rollout.repeats().is_some() => false,
        RolloutState::Running | RolloutState::AtGate | RolloutState::RollingBack => true,
        RolloutState::Done | RolloutState::RolledBack => false,
    }
}

/// Refuses a database that has a part of what was squashed into `revision`: neither the rest of it nor
/// the whole can be run there.
///
/// # Errors
/// `Kind::Drift` with the way out.
pub fn refuse_part(revision: &Revision, journal: &Journal) -> Result<(), Error> {
    if revision.replaces.is_empty() || is_done(journal, &revision.id) {
        return Ok(());
    }
    let mut squashed = revision.replaced().into_iter();
    let Some(part) = squashed.find(|id| rollout(journal, id).is_some()) else { return Ok(()) };
    Err(part_of(revision, part))
}

/// What is wrong with a database that has `part` and not `revision`.
pub fn part_of(revision: &Revision, part: &RevisionId) -> Error {
    let id = &revision.id;
    let message = format!("the database has a part of what was squashed into revision {id}");
    Error::new(Kind::Drift, message)
        .detail(format!("It has {part} and not the last of them, {id} ({}).", revision.path))
        .hint(format!(
            "Take the files of before the squash (git has them), run `airlock upgrade {id}` with them on this \
             database, and then use the squashed one; or take back what it has with them."
        ))
}

/// The journal as it would be had the database run `revision`, which it has done in the parts that were
/// squashed, as one.
pub fn folded(journal: &Journal, graph: &Graph) -> Journal {
    let mut folded = journal.clone();
    for revision in graph.revisions().iter().filter(|of| !of.replaces.is_empty()) {
        if !is_done(&folded, &revision.id) {
            continue;
        }
        let squashed = revision.replaced();
        let is_part = |id: &str| squashed.iter().any(|part| part.as_str() == id);
        let count = folded.rollouts.len();
        folded.rollouts.retain(|of| !is_part(of.downgrades().unwrap_or(&of.revision)));
        let ran_as_parts = count != folded.rollouts.len();
        for own in folded.rollouts.iter_mut().filter(|of| of.revision == revision.id.as_str()) {
            if ran_as_parts {
                own.parents = revision.parents.iter().map(RevisionId::to_string).collect();
                own.plan.clear();
                own.steps.clear();
            }
        }
    }
    folded
}

/// Revisions of `order` that are not done, in order.
pub fn unfinished<'a>(order: &'a [Revision], journal: &Journal) -> Vec<&'a Revision> {
    order.iter().filter(|revision| !is_done(journal, &revision.id)).collect()
}

/// Refuses to choose among rollouts of several schemas of one database: a fleet has begun them, and only
/// a person knows which is meant.
///
/// # Errors
/// There are several.
pub fn one_of_schemas(open: &[&Rollout], command: &str) -> Result<(), Error> {
    let of_schemas = open.iter().filter(|rollout| rollout.revision.contains('@')).count();
    if of_schemas == 0 || open.len() < 2 {
        return Ok(());
    }
    let ids: Vec<&str> = open.iter().map(|rollout| rollout.revision.as_str()).collect();
    let message = "rollouts of several schemas are under way in this database";
    Err(Error::new(Kind::Refused, message)
        .detail(format!("They are: {}.", ids.join(", ")))
        .hint(format!("Name one: `airlock {command} {}`.", ids[0])))
}

/// Whether two revisions are of the same schema of a database, or both of none.
pub fn same_schema(one: &str, other: &str) -> bool {
    let schema = |id: &str| id.split_once('@').map(|(_, schema)| schema.to_owned());
    schema(one) == schema(other)
}

/// The id of the revision that a person means, in the folder or only in the journal.
///
/// # Errors
/// No such revision, or several.
pub fn find(graph: &Graph, journal: &Journal, wanted: &str) -> Result<String, Error> {
    if journal.rollout(wanted).is_some() {
        return Ok(wanted.to_owned());
    }
    let applied = applied(journal);
    Ok(Targets::new(graph).with(&applied).one(wanted)?.id.to_string())
}
