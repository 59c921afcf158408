//! How revisions hang together: parents, dependencies, labels, heads, order.

use super::target::Targets;
use super::{Revision, RevisionError, RevisionId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// Revisions that hang together without gap or circle, parents before children.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    revisions: Vec<Revision>,
    places: BTreeMap<RevisionId, usize>,
    /// Label → the revision that has it.
    labels: BTreeMap<String, usize>,
    /// By place: those of which it is a parent, in order.
    children: Vec<Vec<usize>>,
}

impl Graph {
    /// Orders `revisions`: parents and dependencies first, and otherwise the older first.
    ///
    /// # Errors
    /// An id or label used twice, a parent or dependency that does not exist, a circle.
    pub fn build(revisions: Vec<Revision>) -> Result<Self, RevisionError> {
        let mut by_id: BTreeMap<RevisionId, Revision> = BTreeMap::new();
        for revision in revisions {
            if let Some(other) = by_id.get(&revision.id) {
                let paths = [other.path.clone(), revision.path];
                return Err(RevisionError::Duplicate { id: revision.id, paths });
            }
            by_id.insert(revision.id.clone(), revision);
        }
        let mut squashed: BTreeMap<&RevisionId, &Revision> = BTreeMap::new();
        for revision in by_id.values() {
            for id in revision.replaced() {
                if let Some(other) = by_id.get(id).or(squashed.get(id).copied()) {
                    return Err(RevisionError::Squashed {
                        id: id.clone(),
                        path: other.path.clone(),
                        into: revision.id.clone(),
                        into_path: revision.path.clone(),
                    });
                }
                squashed.insert(id, revision);
            }
        }
        for revision in by_id.values() {
            if let Some(missing) = revision.requirements().find(|id| !by_id.contains_key(id)) {
                let parent = revision.parents.contains(missing);
                return Err(RevisionError::Missing {
                    id: revision.id.clone(),
                    path: revision.path.clone(),
                    missing: missing.clone(),
                    what: if parent { "parent" } else { "dependency" },
                    into: squashed.get(missing).map(|into| into.id.clone()),
                });
            }
        }
        let ordered = ordered(by_id)?;
        let places: BTreeMap<RevisionId, usize> =
            ordered.iter().enumerate().map(|(place, found)| (found.id.clone(), place)).collect();
        let mut children = vec![Vec::new(); ordered.len()];
        let mut labels: BTreeMap<String, usize> = BTreeMap::new();
        for (place, revision) in ordered.iter().enumerate() {
            for parent in &revision.parents {
                children[places[parent]].push(place);
            }
            for label in &revision.labels {
                let other = labels.insert(label.clone(), place).map(|place| &ordered[place]);
                let other = other.or_else(|| {
                    places.iter().find(|(id, _)| id.as_str() == label).map(|(_, at)| &ordered[*at])
                });
                if let Some(other) = other {
                    return Err(RevisionError::Label {
                        label: label.clone(),
                        paths: [other.path.clone(), revision.path.clone()],
                    });
                }
            }
        }
        Ok(Self { revisions: ordered, places, labels, children })
    }

    /// Every revision, parents before children.
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// Revisions that are nobody's parent.
    pub fn heads(&self) -> Vec<&Revision> {
        let childless = self.children.iter().enumerate().filter(|(_, of)| of.is_empty());
        childless.map(|(place, _)| &self.revisions[place]).collect()
    }

    /// The order in which revisions run.
    ///
    /// # Errors
    /// Several heads: nothing says which of them comes first.
    pub fn linear(&self) -> Result<&[Revision], RevisionError> {
        let heads = self.heads();
        if heads.len() > 1 {
            let ids = heads.into_iter().map(|revision| revision.id.clone()).collect();
            return Err(RevisionError::SeveralHeads(ids));
        }
        Ok(&self.revisions)
    }

    pub fn get(&self, id: &str) -> Option<&Revision> {
        self.places.get(&RevisionId(id.to_owned())).map(|place| &self.revisions[*place])
    }

    /// The revision that has the label.
    pub fn labelled(&self, label: &str) -> Option<&Revision> {
        self.labels.get(label).map(|place| &self.revisions[*place])
    }

    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.keys().map(String::as_str)
    }

    /// Those of which the revision is a parent, in order.
    pub fn children(&self, id: &RevisionId) -> Vec<&Revision> {
        let Some(place) = self.places.get(id) else { return Vec::new() };
        self.children[*place].iter().map(|place| &self.revisions[*place]).collect()
    }

    /// The one revision that a person means by a target that needs no database.
    ///
    /// # Errors
    /// No such revision, or several.
    pub fn find(&self, wanted: &str) -> Result<&Revision, RevisionError> {
        Targets::new(self).one(wanted)
    }

    /// What must have run before `id`, in order; `id` itself is not among it.
    pub fn ancestors(&self, id: &RevisionId) -> Vec<&Revision> {
        let mut found = self.closure([id]);
        found.retain(|revision| &revision.id != id);
        found
    }

    /// `tips` and everything that must have run before them, in order.
    pub fn closure<'a>(&self, tips: impl IntoIterator<Item = &'a RevisionId>) -> Vec<&Revision> {
        let mut wanted: BTreeSet<&RevisionId> = tips.into_iter().collect();
        let mut found: Vec<&Revision> = Vec::new();
        for revision in self.revisions.iter().rev() {
            if wanted.contains(&revision.id) {
                wanted.extend(revision.requirements());
                found.push(revision);
            }
        }
        found.reverse();
        found
    }

    /// `roots` and everything that cannot have run without one of them, in order.
    pub fn dependants<'a>(
        &self,
        roots: impl IntoIterator<Item = &'a RevisionId>,
    ) -> Vec<&Revision> {
        let mut reached: BTreeSet<&RevisionId> = roots.into_iter().collect();
        let mut found = Vec::new();
        for revision in &self.revisions {
            let of = reached.contains(&revision.id);
            if of || revision.requirements().any(|id| reached.contains(id)) {
                reached.insert(&revision.id);
                found.push(revision);
            }
        }
        found
    }

    /// The revisions of the branch that begins at the one with `label`: itself, what comes after it,
    /// and what leads to it alone, back to where another branch leaves or two come together.
    pub fn branch(&self, label: &str) -> Option<BTreeSet<&RevisionId>> {
        let start = self.labelled(label)?;
        let mut found: BTreeSet<&RevisionId> = BTreeSet::from([&start.id]);
        for revision in &self.revisions {
            if revision.parents.iter().any(|parent| found.contains(parent)) {
                found.insert(&revision.id);
            }
        }
        let mut at = start;
        while let [parent] = &at.parents[..] {
            let Some(before) = self.get(parent.as_str()) else { break };
            if self.children(&before.id).len() > 1 || before.parents.len() > 1 {
                break;
            }
            found.insert(&before.id);
            at = before;
        }
        Some(found)
    }

    /// Those of `ids` that are no requirement of another of them, in order.
    pub fn tips<'a>(&self, ids: impl IntoIterator<Item = &'a RevisionId>) -> Vec<&Revision> {
        let among: BTreeSet<&RevisionId> = ids.into_iter().collect();
        let found = self.revisions.iter().filter(|revision| among.contains(&revision.id));
        let parents: BTreeSet<&RevisionId> = found.clone().flat_map(|of| &of.parents).collect();
        found.filter(|revision| !parents.contains(&revision.id)).collect()
    }
}

/// Requirements first, and otherwise the older first.
fn ordered(mut by_id: BTreeMap<RevisionId, Revision>) -> Result<Vec<Revision>, RevisionError> {
    let mut waits: BTreeMap<RevisionId, usize> = BTreeMap::new();
    let mut followers: BTreeMap<RevisionId, Vec<RevisionId>> = BTreeMap::new();
    let mut ready = BinaryHeap::new();
    for revision in by_id.values() {
        let before: BTreeSet<&RevisionId> = revision.requirements().collect();
        if before.is_empty() {
            ready.push(Reverse((revision.created, revision.id.clone())));
        }
        waits.insert(revision.id.clone(), before.len());
        for id in before {
            followers.entry(id.clone()).or_default().push(revision.id.clone());
        }
    }
    let mut found = Vec::with_capacity(by_id.len());
    while let Some(Reverse((_, id))) = ready.pop() {
        for follower in followers.remove(&id).unwrap_or_default() {
            let Some(left) = waits.get_mut(&follower) else { continue };
            *left -= 1;
            if let Some(next) = by_id.get(&follower).filter(|_| *left == 0) {
                ready.push(Reverse((next.created, follower)));
            }
        }
        found.extend(by_id.remove(&id));
    }
    if by_id.is_empty() { Ok(found) } else { Err(RevisionError::Cycle(circle(&by_id))) }
}

/// A circle among `rest`, in which every revision has a requirement that is also in it or leads to it.
fn circle(rest: &BTreeMap<RevisionId, Revision>) -> Vec<RevisionId> {
    let mut path: Vec<&RevisionId> = Vec::new();
    let mut at = rest.keys().next();
    while let Some(id) = at {
        if let Some(start) = path.iter().position(|seen| *seen == id) {
            return path[start..].iter().map(|id| (*id).clone()).collect();
        }
        path.push(id);
        at = rest.get(id).and_then(|revision| {
            let mut before = revision.requirements();
            before.find_map(|id| rest.get_key_value(id).map(|(id, _)| id))
        });
    }
    Vec::new()
}
