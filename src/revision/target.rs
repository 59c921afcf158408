//! Targets: how a person says which revisions are meant.
//!
//! `head` `heads` `base` `current`, an id or the beginning of one, a path, a label, `+N` and `-N`
//! from where the database is, `REV+N` and `REV-N` from a revision, `label@…` for any of these within
//! a branch, and `A:B` for what lies between two.

use super::{Graph, Revision, RevisionError, RevisionId};
use crate::sql::nearest::nearest;
use std::collections::BTreeSet;

/// Words that are no revision's name.
pub const WORDS: [&str; 4] = ["head", "heads", "base", "current"];

/// Looks targets up in a graph and, where one is known, in a database.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a, 'd> {
    graph: &'a Graph,
    /// Revisions that the database has, in the order in which they ran.
    applied: Option<&'d [RevisionId]>,
}

/// A target in its parts: `branch@from±by`.
struct Parts<'t> {
    branch: Option<&'t str>,
    /// Empty for `+1` and `-1`.
    from: &'t str,
    by: i64,
}

impl<'a, 'd> Targets<'a, 'd> {
    pub fn new(graph: &'a Graph) -> Self {
        Self { graph, applied: None }
    }

    /// `applied`: what the database has, in the order in which it ran.
    #[must_use]
    pub fn with(self, applied: &'d [RevisionId]) -> Self {
        Self { applied: Some(applied), ..self }
    }

    /// The one revision that is meant.
    ///
    /// # Errors
    /// None, or several.
    pub fn one(&self, text: &str) -> Result<&'a Revision, RevisionError> {
        if text == "head" && self.graph.revisions().is_empty() {
            return Err(RevisionError::Empty);
        }
        match self.place(text)?[..] {
            [one] => Ok(one),
            [] => Err(RevisionError::NoRevision(text.to_owned())),
            ref several => {
                Err(RevisionError::Several { target: text.to_owned(), ids: ids(several) })
            }
        }
    }

    /// The place in the graph that is meant: its last revisions, none of them for `base`.
    ///
    /// # Errors
    /// A target that cannot be read, is unknown, or is ambiguous.
    pub fn place(&self, text: &str) -> Result<Vec<&'a Revision>, RevisionError> {
        if let Some(named) = self.by_path(text) {
            return Ok(vec![named]);
        }
        let parts = Parts::read(text)?;
        let within = self.within(&parts)?;
        if parts.from.is_empty() {
            let mut here: BTreeSet<&RevisionId> = self.applied(text)?.iter().collect();
            if parts.by >= 0 {
                here.extend(self.next(text, &parts, within.as_ref())?.iter().map(|of| &of.id));
            } else {
                for gone in self.last(text, &parts, within.as_ref())? {
                    here.remove(&gone.id);
                }
            }
            return Ok(self.graph.tips(here));
        }
        let mut at = self.named(text, &parts, within.as_ref())?;
        for step in 0..parts.by.unsigned_abs() {
            let towards: Vec<&Revision> = match &at[..] {
                [one] if parts.by > 0 => self.graph.children(&one.id),
                [one] => one.parents.iter().filter_map(|id| self.graph.get(id.as_str())).collect(),
                [] if parts.by > 0 => {
                    self.graph.revisions().iter().filter(|of| of.parents.is_empty()).collect()
                }
                [] => return Err(RevisionError::NotSoFar { target: text.to_owned(), there: step }),
                several => return Err(fork(text, several)),
            };
            let inside = |of: &&&Revision| within.as_ref().is_none_or(|set| set.contains(&of.id));
            let towards: Vec<&Revision> = match parts.by > 0 {
                true => towards.iter().filter(inside).copied().collect(),
                false => towards,
            };
            at = match towards.len() {
                1 => towards,
                0 if parts.by < 0 && !at.is_empty() => Vec::new(),
                0 => return Err(RevisionError::NotSoFar { target: text.to_owned(), there: step }),
                _ => return Err(fork(text, &towards)),
            };
        }
        Ok(at)
    }

    /// What has to have run for the database to be at the target, in order.
    ///
    /// # Errors
    /// As [`Targets::place`]; a target that leads back.
    pub fn upgrade(&self, text: &str) -> Result<Vec<&'a Revision>, RevisionError> {
        let parts = Parts::read(text)?;
        if parts.from.is_empty() && parts.by < 0 {
            return Err(RevisionError::WrongWay { target: text.to_owned(), command: "downgrade" });
        }
        let place = self.place(text)?;
        Ok(self.graph.closure(place.iter().map(|revision| &revision.id)))
    }

    /// What the database has and has not at the target, in the order in which it is taken back.
    ///
    /// # Errors
    /// As [`Targets::place`]; a target that leads on, or that the database has not reached.
    pub fn downgrade(&self, text: &str) -> Result<Vec<&'a Revision>, RevisionError> {
        let applied: BTreeSet<&RevisionId> = self.applied(text)?.iter().collect();
        let forward = || RevisionError::WrongWay { target: text.to_owned(), command: "upgrade" };
        let by_path = self.by_path(text).is_some();
        if let Some(parts) = Some(Parts::read(text)?).filter(|_| !by_path) {
            let within = self.within(&parts)?;
            if parts.from.is_empty() {
                if parts.by >= 0 {
                    let nothing = RevisionError::NoStep(text.to_owned());
                    return Err(if parts.by == 0 { nothing } else { forward() });
                }
                return self.last(text, &parts, within.as_ref());
            }
            if let (Some(branch), "base", 0) = (within, parts.from, parts.by) {
                let gone = self.graph.dependants(branch);
                return Ok(self.backwards(gone, &applied));
            }
        }
        let place = self.place(text)?;
        if let Some(ahead) = place.iter().find(|revision| !applied.contains(&revision.id)) {
            return Err(RevisionError::NotThere { target: text.to_owned(), id: ahead.id.clone() });
        }
        let mut gone = match place[..] {
            [] => self.graph.revisions().iter().collect(),
            ref tips => self.graph.dependants(tips.iter().map(|revision| &revision.id)),
        };
        gone.retain(|revision| place.iter().all(|tip| tip.id != revision.id));
        // Of several tips one may come after another: what is one's must stay.
        let stay: BTreeSet<&RevisionId> =
            self.graph.closure(place.iter().map(|tip| &tip.id)).iter().map(|of| &of.id).collect();
        gone.retain(|revision| !stay.contains(&revision.id));
        Ok(self.backwards(gone, &applied))
    }

    /// What lies between the two ends of `A:B`, both of them included, in order.
    ///
    /// # Errors
    /// As [`Targets::place`].
    pub fn range(&self, text: &str) -> Result<Vec<&'a Revision>, RevisionError> {
        let Some((from, to)) = text.split_once(':') else { return self.place(text) };
        let relative = |end: &str, sign: char| end.starts_with(sign) && end.len() > 1;
        let whole = |end: &str, default: &str| {
            if end.is_empty() { default.to_owned() } else { end.to_owned() }
        };
        let (from, to) = match (relative(from, '-'), relative(to, '+')) {
            (true, true) => return Err(RevisionError::BadTarget(text.to_owned())),
            (true, false) => {
                (format!("{}{from}", self.only(&whole(to, "head"))?), whole(to, "head"))
            }
            (false, true) => (whole(from, "base"), format!("{}{to}", whole(from, "base"))),
            (false, false) => (whole(from, "base"), whole(to, "heads")),
        };
        let (from, to) = (self.place(&from)?, self.place(&to)?);
        let mut found = self.graph.closure(to.iter().map(|revision| &revision.id));
        if !from.is_empty() {
            let after: BTreeSet<&RevisionId> = self
                .graph
                .dependants(from.iter().map(|revision| &revision.id))
                .iter()
                .map(|revision| &revision.id)
                .collect();
            found.retain(|revision| after.contains(&revision.id));
        }
        Ok(found)
    }

    fn only(&self, text: &str) -> Result<String, RevisionError> {
        self.one(text).map(|revision| revision.id.to_string())
    }

    fn by_path(&self, text: &str) -> Option<&'a Revision> {
        let path = text.trim_start_matches("./");
        let stem = path.strip_suffix(".sql").unwrap_or(path);
        let same = |revision: &&Revision| {
            revision.path.trim_start_matches("./") == path || revision.stem() == stem
        };
        // An id that is also a file's name means the id.
        self.graph.get(text).or_else(|| self.graph.revisions().iter().find(same))
    }

    fn applied(&self, text: &str) -> Result<&'d [RevisionId], RevisionError> {
        self.applied.ok_or_else(|| RevisionError::NeedsDatabase(text.to_owned()))
    }

    fn within(&self, parts: &Parts<'_>) -> Result<Option<BTreeSet<&'a RevisionId>>, RevisionError> {
        let Some(label) = parts.branch else { return Ok(None) };
        match self.graph.branch(label) {
            Some(found) => Ok(Some(found)),
            None => {
                // Any revision of a branch may stand for it.
                let start = self.prefixed(label, None)?;
                let after = self.graph.dependants([&start.id]);
                Ok(Some(after.into_iter().map(|revision| &revision.id).collect()))
            }
        }
    }

    /// The place that a word names.
    fn named(
        &self,
        text: &str,
        parts: &Parts<'_>,
        within: Option<&BTreeSet<&'a RevisionId>>,
    ) -> Result<Vec<&'a Revision>, RevisionError> {
        let inside = |of: &&Revision| within.is_none_or(|set| set.contains(&of.id));
        match parts.from {
            "base" => Ok(Vec::new()),
            "head" | "heads" => {
                let heads: Vec<&Revision> = self.graph.heads().into_iter().filter(inside).collect();
                if parts.from == "head" && heads.len() > 1 {
                    return Err(RevisionError::SeveralHeads(ids(&heads)));
                }
                Ok(heads)
            }
            "current" => {
                let applied = self.applied(text)?;
                let unknown = applied.iter().find(|id| self.graph.get(id.as_str()).is_none());
                if let Some(id) = unknown {
                    return Err(RevisionError::NotInFolder(id.clone()));
                }
                Ok(self
                    .graph
                    .tips(applied.iter().filter(|id| within.is_none_or(|set| set.contains(id)))))
            }
            name => self.prefixed(name, within).map(|found| vec![found]),
        }
    }

    fn prefixed(
        &self,
        name: &str,
        within: Option<&BTreeSet<&'a RevisionId>>,
    ) -> Result<&'a Revision, RevisionError> {
        if let Some(exact) = self.graph.get(name).or_else(|| self.graph.labelled(name)) {
            return match within {
                Some(set) if !set.contains(&exact.id) => {
                    Err(RevisionError::NotInBranch(exact.id.clone()))
                }
                _ => Ok(exact),
            };
        }
        let begun = |revision: &&Revision| {
            revision.id.as_str().starts_with(name)
                && within.is_none_or(|set| set.contains(&revision.id))
        };
        let found: Vec<&Revision> = self.graph.revisions().iter().filter(begun).collect();
        match found[..] {
            [only] if !name.is_empty() => Ok(only),
            [_, _, ..] if !name.is_empty() => {
                Err(RevisionError::Ambiguous { prefix: name.to_owned(), candidates: ids(&found) })
            }
            _ => {
                let known = self.graph.revisions().iter().map(|of| of.id.as_str());
                let known: Vec<&str> = known.chain(self.graph.labels()).chain(WORDS).collect();
                let near = nearest(name, &known).map(str::to_owned);
                Err(RevisionError::Unknown { wanted: name.to_owned(), near })
            }
        }
    }

    /// The next so many that the database does not have, in order.
    fn next(
        &self,
        text: &str,
        parts: &Parts<'_>,
        within: Option<&BTreeSet<&'a RevisionId>>,
    ) -> Result<Vec<&'a Revision>, RevisionError> {
        let heads = self.named(text, &Parts { from: "head", ..*parts }, within)?;
        let applied: BTreeSet<&RevisionId> = self.applied(text)?.iter().collect();
        let mut pending = self.graph.closure(heads.iter().map(|revision| &revision.id));
        pending.retain(|revision| !applied.contains(&revision.id));
        let there = pending.len() as u64;
        if parts.by.unsigned_abs() > there {
            return Err(RevisionError::NotSoFar { target: text.to_owned(), there });
        }
        pending.truncate(usize::try_from(parts.by).unwrap_or(0));
        Ok(pending)
    }

    /// The last so many that the database has, the last one first.
    fn last(
        &self,
        text: &str,
        parts: &Parts<'_>,
        within: Option<&BTreeSet<&'a RevisionId>>,
    ) -> Result<Vec<&'a Revision>, RevisionError> {
        let applied = self.applied(text)?;
        let all: BTreeSet<&RevisionId> = applied.iter().collect();
        let mut back = self.backwards(self.graph.revisions().iter().collect(), &all);
        back.retain(|revision| within.is_none_or(|set| set.contains(&revision.id)));
        let there = back.len() as u64;
        let count = parts.by.unsigned_abs();
        if count > there {
            return Err(RevisionError::NotSoFar { target: text.to_owned(), there });
        }
        back.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        // Another branch may build on what goes.
        let gone = self.graph.dependants(back.iter().map(|revision| &revision.id));
        Ok(self.backwards(gone, &all))
    }

    /// Those of `gone` that are applied, the one that ran last first, and none before what builds on it.
    fn backwards(
        &self,
        gone: Vec<&'a Revision>,
        applied: &BTreeSet<&RevisionId>,
    ) -> Vec<&'a Revision> {
        let ran = |id: &RevisionId| {
            self.applied.and_then(|order| order.iter().position(|known| known == id))
        };
        let mut left: Vec<&Revision> =
            gone.into_iter().filter(|revision| applied.contains(&revision.id)).collect();
        let mut found = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let needed: BTreeSet<&RevisionId> =
                left.iter().flat_map(|revision| revision.requirements()).collect();
            let free = left.iter().enumerate().filter(|(_, of)| !needed.contains(&of.id));
            let Some((at, _)) = free.max_by_key(|(_, of)| ran(&of.id)) else { break };
            found.push(left.remove(at));
        }
        found
    }
}

impl<'t> Parts<'t> {
    fn read(text: &'t str) -> Result<Self, RevisionError> {
        let bad = || RevisionError::BadTarget(text.to_owned());
        let (branch, rest) = match text.split_once('@') {
            Some((branch, rest)) => (Some(branch), rest),
            None => (None, text),
        };
        if branch == Some("") || rest.is_empty() && branch.is_some() {
            return Err(bad());
        }
        let sign = rest.rfind(['+', '-']);
        let (from, by) = match sign.map(|at| rest.split_at(at)) {
            Some((from, by)) if by.len() > 1 && by[1..].bytes().all(|b| b.is_ascii_digit()) => {
                (from, by.parse().map_err(|_| bad())?)
            }
            Some(_) if !rest.ends_with(".sql") => return Err(bad()),
            Some(_) | None => (rest, 0),
        };
        if from.contains('@') {
            return Err(bad());
        }
        if from.is_empty() && sign.is_none() {
            return Err(RevisionError::Unknown { wanted: String::new(), near: None });
        }
        Ok(Self { branch, from, by })
    }
}

fn fork(target: &str, several: &[&Revision]) -> RevisionError {
    RevisionError::Fork { target: target.to_owned(), ids: ids(several) }
}

fn ids(of: &[&Revision]) -> Vec<RevisionId> {
    of.iter().map(|revision| revision.id.clone()).collect()
}

#[cfg(test)]
mod tests;
