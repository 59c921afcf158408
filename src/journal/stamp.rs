//! Writing where the database is without running anything. Each function gives the statement; to be
//! sent by the holder of the runner lock, with an entry in [`audit`](super::audit).

use super::command::{Command, Hits, Value};
use super::rollout::Applier;
use super::state::RolloutState;
use crate::plan::Phase;

/// A revision as it is written down without having run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    pub id: String,
    pub parents: Vec<String>,
    pub message: String,
    /// Of its upgrade section.
    pub digest: String,
}

/// The revision counts as done from now on. It has no plan and no steps.
pub fn stamp(revision: &Stamped, by: &Applier) -> [Command; 2] {
    [
        forget(&revision.id),
        Command::new(
            "journal stamp",
            "INSERT INTO airlock.rollout (revision, parents, message, plan_digest, \
             migration_digest, plan, state, phase, finished_at, applied_by, applied_from, \
             applied_with) \
             VALUES ($1, $2, $3, '', $4, '', $5, $6, pg_catalog.clock_timestamp(), $7, $8, $9)",
            vec![
                Value::text(&revision.id),
                Value::Texts(revision.parents.clone()),
                Value::text(&revision.message),
                Value::text(&revision.digest),
                Value::text(RolloutState::Done.name()),
                Value::text(Phase::Contract.name()),
                Value::text(&by.user),
                Value::text(&by.host),
                Value::text(&by.version),
            ],
            Hits::Some,
        ),
    ]
}

/// Nothing is known of the revision, or of its downgrade, from now on.
pub fn forget(revision: &str) -> Command {
    let both = vec![revision.to_owned(), super::downgrade_id(revision)];
    Command::new(
        "journal forget",
        "DELETE FROM airlock.rollout WHERE revision = ANY ($1)",
        vec![Value::Texts(both)],
        Hits::Any,
    )
}

/// A revision that is done counts as done with another text.
pub fn accept(revision: &str, digest: &str) -> Command {
    Command::new(
        "journal repair",
        "UPDATE airlock.rollout SET migration_digest = $2 WHERE revision = $1 AND state = $3",
        vec![Value::text(revision), Value::text(digest), Value::text(RolloutState::Done.name())],
        Hits::Some,
    )
}

/// What ran in parts that were squashed into `revision` counts as having run as one.
pub fn fold(revision: &Stamped, parts: &[String]) -> [Command; 3] {
    let mut both: Vec<String> = parts.iter().map(|part| super::downgrade_id(part)).collect();
    both.extend_from_slice(parts);
    [
        Command::new(
            "journal fold parts",
            "DELETE FROM airlock.rollout WHERE revision = ANY ($1)",
            vec![Value::Texts(both)],
            Hits::Any,
        ),
        Command::new(
            "journal fold steps",
            "DELETE FROM airlock.step WHERE revision = $1",
            vec![Value::text(&revision.id)],
            Hits::Any,
        ),
        Command::new(
            "journal fold",
            "UPDATE airlock.rollout SET parents = $2, message = $3, migration_digest = $4, \
             plan_digest = '', plan = '', facts = NULL WHERE revision = $1 AND state = $5",
            vec![
                Value::text(&revision.id),
                Value::Texts(revision.parents.clone()),
                Value::text(&revision.message),
                Value::text(&revision.digest),
                Value::text(RolloutState::Done.name()),
            ],
            Hits::Some,
        ),
    ]
}

/// Nothing is known of any revision from now on.
pub fn purge() -> Command {
    Command::new("journal purge", "DELETE FROM airlock.rollout", Vec::new(), Hits::Any)
}
