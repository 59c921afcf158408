//! How revisions hang together: parents, heads, order.

use super::{Revision, RevisionError, RevisionId};
use std::collections::{BTreeMap, BTreeSet};

/// Revisions that hang together without gap or circle, parents before children.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    revisions: Vec<Revision>,
}

impl Graph {
    /// Orders `revisions`: parents before children, and otherwise the older first.
    ///
    /// # Errors
    /// An id used twice, a parent that does not exist, a circle.
    pub fn build(revisions: Vec<Revision>) -> Result<Self, RevisionError> {
        let mut by_id: BTreeMap<RevisionId, Revision> = BTreeMap::new();
        for revision in revisions {
            if let Some(other) = by_id.get(&revision.id) {
                let paths = [other.path.clone(), revision.path];
                return Err(RevisionError::Duplicate { id: revision.id, paths });
            }
            by_id.insert(revision.id.clone(), revision);
        }
        for revision in by_id.values() {
            if let Some(parent) = revision.parents.iter().find(|id| !by_id.contains_key(id)) {
                return Err(RevisionError::MissingParent {
                    id: revision.id.clone(),
                    path: revision.path.clone(),
                    parent: parent.clone(),
                });
            }
        }
        let mut placed: BTreeSet<RevisionId> = BTreeSet::new();
        let mut ordered = Vec::with_capacity(by_id.len());
        while !by_id.is_empty() {
            let next = by_id
                .values()
                .filter(|revision| revision.parents.iter().all(|id| placed.contains(id)))
                .min_by_key(|revision| (revision.created, &revision.id))
                .map(|revision| revision.id.clone());
            let Some(revision) = next.and_then(|id| by_id.remove(&id)) else {
                return Err(RevisionError::Cycle(circle(&by_id)));
            };
            placed.insert(revision.id.clone());
            ordered.push(revision);
        }
        Ok(Self { revisions: ordered })
    }

    /// Every revision, parents before children.
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// Revisions that are nobody's parent.
    pub fn heads(&self) -> Vec<&Revision> {
        let parents: BTreeSet<&RevisionId> =
            self.revisions.iter().flat_map(|revision| &revision.parents).collect();
        self.revisions.iter().filter(|revision| !parents.contains(&revision.id)).collect()
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
        self.revisions.iter().find(|revision| revision.id.as_str() == id)
    }

    /// The revision that a person means by an id, the beginning of one, `head`, or a path.
    ///
    /// # Errors
    /// No such revision, or several.
    pub fn find(&self, wanted: &str) -> Result<&Revision, RevisionError> {
        if wanted == "head" {
            return self.linear()?.last().ok_or(RevisionError::Empty);
        }
        if let Some(exact) = self.get(wanted) {
            return Ok(exact);
        }
        let same_file = |revision: &&Revision| {
            let path = wanted.trim_start_matches("./");
            revision.path.trim_start_matches("./") == path
                || revision.stem() == path.strip_suffix(".sql").unwrap_or(path)
        };
        if let Some(named) = self.revisions.iter().find(same_file) {
            return Ok(named);
        }
        let begun = |revision: &&Revision| revision.id.as_str().starts_with(wanted);
        let found: Vec<&Revision> = self.revisions.iter().filter(begun).collect();
        match found[..] {
            [only] if !wanted.is_empty() => Ok(only),
            [_, _, ..] if !wanted.is_empty() => Err(RevisionError::Ambiguous {
                prefix: wanted.to_owned(),
                candidates: found.iter().map(|revision| revision.id.clone()).collect(),
            }),
            _ => Err(RevisionError::Unknown(wanted.to_owned())),
        }
    }

    /// What must have run before `id`, in order; `id` itself is not among it.
    pub fn ancestors(&self, id: &RevisionId) -> Vec<&Revision> {
        let mut wanted: BTreeSet<&RevisionId> = BTreeSet::from([id]);
        let mut found: Vec<&Revision> = Vec::new();
        for revision in self.revisions.iter().rev() {
            if wanted.contains(&revision.id) {
                wanted.extend(&revision.parents);
                if &revision.id != id {
                    found.push(revision);
                }
            }
        }
        found.reverse();
        found
    }
}

/// A circle among `rest`, in which every revision has a parent that is also in it or leads to it.
fn circle(rest: &BTreeMap<RevisionId, Revision>) -> Vec<RevisionId> {
    let mut path: Vec<&RevisionId> = Vec::new();
    let mut at = rest.keys().next();
    while let Some(id) = at {
        if let Some(start) = path.iter().position(|seen| *seen == id) {
            return path[start..].iter().map(|id| (*id).clone()).collect();
        }
        path.push(id);
        at = rest.get(id).and_then(|revision| {
            revision.parents.iter().find_map(|parent| rest.get_key_value(parent).map(|(id, _)| id))
        });
    }
    Vec::new()
}
