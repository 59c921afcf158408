//! What was seen beside what the model says: every difference, named.

use super::Effects;
use crate::lock::LockMode;
use crate::sql::QualifiedName;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// How a statement was observed, and so what its observation can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// In its own transaction, before the end: complete. Builds of 15 differ in whether an index or
    /// sequence on which something new comes to depend stays locked ACCESS SHARE; the model says so
    /// for 15, and that it is not seen there is no difference.
    Inside { major: u32 },
    /// Recorded by others: as [`Sight::Inside`], and what the model says must be there on 15 too.
    Recorded,
    /// From another session: what was held for an instant may be missing, and what was read could
    /// not be counted. `concurrent`: the statement exchanges an index instead of giving it a new file.
    /// `vacuum`: it may give empty blocks at the end of the table back, under ACCESS EXCLUSIVE where
    /// it gets that at once (`lazy_truncate_heap`, in `vacuumlazy.c`).
    Outside { concurrent: bool, vacuum: bool },
}

/// One difference. `None` on a side means: not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Difference {
    Lock { relation: QualifiedName, observed: Option<LockMode>, said: Option<LockMode> },
    Rewrite { relation: QualifiedName, observed: bool, said: bool },
    NewFile { relation: QualifiedName, observed: bool, said: bool },
    Scan { relation: QualifiedName, observed: bool, said: bool },
}

impl Difference {
    /// Whether the model said something that was seen otherwise, or not at all.
    pub fn is_said(&self) -> bool {
        match self {
            Difference::Lock { said, .. } => said.is_some(),
            Difference::Rewrite { said, .. }
            | Difference::NewFile { said, .. }
            | Difference::Scan { said, .. } => *said,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = |mode: &Option<LockMode>| mode.map_or("no lock", LockMode::sql);
        let sides = |yes: bool| if yes { "observed, not said" } else { "said, not observed" };
        match self {
            Difference::Lock { relation, observed, said } => {
                write!(f, "{relation}: observed {}, said {}", mode(observed), mode(said))
            }
            Difference::Rewrite { relation, observed, .. } => {
                write!(f, "{relation}: rewrite {}", sides(*observed))
            }
            Difference::NewFile { relation, observed, .. } => {
                write!(f, "{relation}: new file {}", sides(*observed))
            }
            Difference::Scan { relation, observed, .. } => {
                write!(f, "{relation}: full scan {}", sides(*observed))
            }
        }
    }
}

/// Every difference between what was `observed` and what the model `said`.
pub fn differences(observed: &Effects, said: &Effects, sight: Sight) -> Vec<Difference> {
    let mut found = Vec::new();
    let names: BTreeSet<_> = observed.locks.keys().chain(said.locks.keys()).collect();
    for relation in names {
        let (seen, claimed) = (observed.locks.get(relation), said.locks.get(relation));
        if seen != claimed && !explained(relation, observed, said, sight) {
            let (observed, said) = (seen.copied(), claimed.copied());
            found.push(Difference::Lock { relation: relation.clone(), observed, said });
        }
    }
    let outside = matches!(sight, Sight::Outside { .. });
    for relation in observed.rewritten.symmetric_difference(&said.rewritten).cloned() {
        let (observed, said) =
            (observed.rewritten.contains(&relation), said.rewritten.contains(&relation));
        found.push(Difference::Rewrite { relation, observed, said });
    }
    if !matches!(sight, Sight::Outside { concurrent: true, .. }) {
        for relation in observed.new_files.symmetric_difference(&said.new_files).cloned() {
            let (observed, said) =
                (observed.new_files.contains(&relation), said.new_files.contains(&relation));
            found.push(Difference::NewFile { relation, observed, said });
        }
    }
    if !outside {
        for relation in observed.scanned.symmetric_difference(&said.scanned).cloned() {
            let (observed, said) =
                (observed.scanned.contains(&relation), said.scanned.contains(&relation));
            found.push(Difference::Scan { relation, observed, said });
        }
    }
    found
}

/// Whether a difference in the lock on `relation` is owed to how it was observed.
fn explained(relation: &QualifiedName, observed: &Effects, said: &Effects, sight: Sight) -> bool {
    let (seen, claimed) = (observed.locks.get(relation), said.locks.get(relation));
    match (sight, seen, claimed) {
        (Sight::Recorded, ..) => false,
        (Sight::Inside { major }, None, Some(mode)) => {
            major == 15 && *mode == LockMode::AccessShare
        }
        (Sight::Inside { .. }, ..) => false,
        (Sight::Outside { .. }, None, Some(_)) => true,
        // Taken after the last look.
        (Sight::Outside { .. }, Some(seen), Some(claimed)) if seen < claimed => true,
        // An index that is dropped or replaced concurrently is locked ACCESS EXCLUSIVE at the very
        // end, when nobody uses it any more.
        (
            Sight::Outside { concurrent, vacuum },
            Some(LockMode::AccessExclusive),
            Some(LockMode::ShareUpdateExclusive),
        ) => vacuum || (concurrent && said.indexes.contains(relation)),
        (Sight::Outside { .. }, ..) => false,
    }
}

/// What of `part` is not in `whole`: of two observations of which one must hold the other.
pub fn not_within(part: &Effects, whole: &Effects) -> Vec<String> {
    let mut wrong: Vec<String> = part
        .locks
        .iter()
        .filter(|(name, mode)| whole.locks.get(*name).is_none_or(|held| held < mode))
        .map(|(name, mode)| format!("{name}: {mode} on one side only"))
        .collect();
    for (part, whole) in [
        (&part.rewritten, &whole.rewritten),
        (&part.scanned, &whole.scanned),
        (&part.new_files, &whole.new_files),
    ] {
        wrong.extend(part.difference(whole).map(|name| format!("{name}: on one side only")));
    }
    wrong
}
