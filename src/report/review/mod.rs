//! What a reviewer of a migration is told, worked out once for every form (Markdown, HTML). Pure.
//!
//! [`Review`] puts the statements as written beside the steps as planned: who waits for whom and for
//! how long, relation by relation, and what hangs on each relation.

mod acts;
mod dependants;
mod lanes;
mod summary;
mod wait;
pub(super) mod words;

pub use acts::Act;
pub use dependants::{Dependants, Item};
pub use lanes::{Lane, Stretch, Touch};
pub use summary::{Course, Extent, Summary};
pub use wait::{Time, Wait};

use super::estimate::Speed;
use crate::catalog::{Catalog, Relation};
use crate::hazard::{Hazard, Severity};
use crate::lock::LockMode;
use crate::plan::Plan;
use crate::sql::QualifiedName;
use std::collections::BTreeSet;

/// A plan and what is known beside it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub plan: &'a Plan,
    /// The database before the migration.
    pub catalog: Option<&'a Catalog>,
    pub speed: Speed,
    /// What is hazardous about the migration as written, in the order of the statements.
    pub remarks: &'a [Remark],
}

/// A hazard of a statement.
#[derive(Debug, Clone)]
pub struct Remark {
    pub hazard: &'static Hazard,
    /// After the settings' overrides.
    pub severity: Severity,
    /// Number of the statement, from 1.
    pub statement: usize,
    pub message: String,
    pub remedy: Option<String>,
    /// Why it was allowed, when it was.
    pub allowed: Option<String>,
}

/// A [`Subject`], worked out.
#[derive(Debug)]
pub struct Review<'a> {
    pub subject: Subject<'a>,
    pub written: Vec<Act<'a>>,
    pub planned: Vec<Act<'a>>,
    pub summary: Summary,
    /// Every relation that a statement or a step locks beyond reading it, or works on.
    pub relations: Vec<RelationReview<'a>>,
}

/// One relation in it.
#[derive(Debug)]
pub struct RelationReview<'a> {
    pub name: QualifiedName,
    /// What the catalog knows; `None` for one that the migration makes.
    pub known: Option<&'a Relation>,
    pub written: Lane,
    pub planned: Lane,
    pub dependants: Dependants<'a>,
}

impl<'a> Review<'a> {
    pub fn new(subject: Subject<'a>) -> Self {
        let written = acts::written(&subject);
        let planned = acts::planned(&subject);
        let names = relations(&written, &planned);
        let relations = names
            .into_iter()
            .map(|name| RelationReview {
                known: subject.catalog.and_then(|catalog| catalog.relation(&name)),
                written: lanes::lane(&written, &name, &[]),
                planned: lanes::lane(&planned, &name, &subject.plan.gates),
                dependants: dependants::of(&subject, &name),
                name,
            })
            .collect();
        let summary = Summary::new(&written, &planned);
        Self { subject, written, planned, summary, relations }
    }

    /// Whether sizes, and with them times, are known.
    pub fn sizes_known(&self) -> bool {
        self.subject.catalog.is_some_and(|catalog| catalog.sizes_known)
    }

    /// The hazards that occur, each once, in the order of their codes.
    pub fn hazards(&self) -> Vec<&'static Hazard> {
        let mut found: Vec<&'static Hazard> =
            self.subject.remarks.iter().map(|remark| remark.hazard).collect();
        found.sort_by_key(|hazard| hazard.code);
        found.dedup_by_key(|hazard| hazard.code);
        found
    }
}

fn relations(written: &[Act<'_>], planned: &[Act<'_>]) -> Vec<QualifiedName> {
    let mut found: Vec<(LockMode, QualifiedName)> = Vec::new();
    let mut seen = BTreeSet::new();
    for act in written.iter().chain(planned) {
        let locks = act.locks.iter().filter(|lock| lock.mode > LockMode::AccessShare);
        let locked = locks.map(|lock| (lock.mode, &lock.relation));
        let worked = act.work.iter().map(|work| (LockMode::AccessShare, &work.relation));
        for (mode, name) in locked.chain(worked) {
            if seen.insert(name) {
                found.push((mode, name.clone()));
            } else if let Some(entry) = found.iter_mut().find(|(_, found)| found == name) {
                entry.0 = entry.0.max(mode);
            }
        }
    }
    // What is locked hardest first; among equals, in the order of the migration.
    found.sort_by_key(|(mode, _)| std::cmp::Reverse(*mode));
    found.into_iter().map(|(_, name)| name).collect()
}
