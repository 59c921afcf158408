//! What the model says of a statement, and the comparison with what a server did.

use airlock::analyze::{Impact, Verdict, analyze};
use airlock::catalog::{Catalog, RelationKind};
use airlock::lock::LockMode;
use airlock::sql;
use std::collections::{BTreeMap, BTreeSet};

/// Relations and indexes of schema `s` before a case.
pub(crate) struct Names(BTreeSet<sql::QualifiedName>);

impl Names {
    pub(crate) fn of(catalog: &Catalog) -> Self {
        let relations = catalog.relations.values();
        let relations = relations.filter(|r| r.kind != RelationKind::CompositeType);
        Self(
            relations
                .flat_map(|r| {
                    let indexes = r.indexes.iter().map(|i| r.name.sibling(i.name.as_str()));
                    std::iter::once(r.name.clone()).chain(indexes)
                })
                .filter(|name| name.schema == "s")
                .collect(),
        )
    }

    fn get(&self, name: &sql::QualifiedName) -> Option<String> {
        self.0.contains(name).then(|| name.name.clone())
    }
}

/// What a server did, or the model says that it does, to relations of schema `s`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Effects {
    pub(crate) locks: BTreeMap<String, LockMode>,
    pub(crate) rewritten: BTreeSet<String>,
    pub(crate) new_files: BTreeSet<String>,
    pub(crate) scanned: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Claim {
    pub(crate) effects: Effects,
    /// Which of the names in `locks` are indexes.
    indexes: BTreeSet<String>,
    opaque: bool,
    unknown: bool,
}

impl Claim {
    /// Adds what the statements of `text` do to relations that were there before.
    pub(crate) fn add(
        &mut self,
        text: &str,
        catalog: &Catalog,
        before: &Names,
    ) -> Result<(), String> {
        let script = sql::parse(text, 0..text.len()).map_err(|e| format!("refused: {e}"))?;
        for statement in &script.statements {
            let impact = analyze(statement, catalog).map_err(|e| format!("refused: {e}"))?;
            self.add_impact(&impact, before);
        }
        Ok(())
    }

    fn add_impact(&mut self, impact: &Impact, before: &Names) {
        for lock in impact.locks.iter().chain(&impact.index_locks) {
            if let Some(name) = before.get(&lock.relation) {
                let held = self.effects.locks.entry(name).or_insert(lock.mode);
                *held = lock.mode.max(*held);
            }
        }
        let indexes = impact.index_locks.iter().filter_map(|lock| before.get(&lock.relation));
        self.indexes.extend(indexes);
        let names = |list: &[sql::QualifiedName]| -> Vec<String> {
            list.iter().filter_map(|name| before.get(name)).collect()
        };
        self.effects.rewritten.extend(names(&impact.rewritten));
        self.effects.new_files.extend(names(&impact.new_files));
        self.effects.scanned.extend(names(&impact.scanned));
        self.opaque |= impact.verdict == Verdict::Opaque;
        self.unknown |= impact.verdict == Verdict::Unknown;
    }
}

/// How a case was observed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// In its own transaction, before the end: complete.
    Inside,
    /// The same, on the server at hand. On 15 the recorded facts show an index or sequence held
    /// ACCESS SHARE once something new depends on it, and the model says so for 15; not every build
    /// of 15 does it.
    InsideToday { major: u32 },
    /// By sampling from another session: what was held for an instant may be missing, and what was
    /// read could not be counted.
    Sampled { concurrent: bool },
}

/// Every difference in words.
pub(crate) fn differences(
    observed: &Result<Effects, String>,
    said: &Result<Claim, String>,
    sight: Sight,
) -> Vec<String> {
    let (observed, said) = match (observed, said) {
        (Err(_), Err(said)) if said.starts_with("refused") => return Vec::new(),
        (Err(error), Err(said)) => return vec![format!("{said}; the server: {error}")],
        (Err(error), Ok(_)) => return vec![format!("no error said; the server: {error}")],
        (Ok(_), Err(said)) => return vec![said.clone()],
        (Ok(observed), Ok(said)) => (observed, said),
    };
    let mut wrong = lock_differences(observed, said, sight);
    let claimed = &said.effects;
    let mut sets = vec![("rewritten", &observed.rewritten, &claimed.rewritten)];
    if !matches!(sight, Sight::Sampled { .. }) {
        sets.push(("scanned", &observed.scanned, &claimed.scanned));
    }
    // A concurrent statement exchanges two indexes: neither gets a new file.
    if sight != (Sight::Sampled { concurrent: true }) {
        sets.push(("new files", &observed.new_files, &claimed.new_files));
    }
    for (what, observed, claimed) in sets {
        if observed != claimed {
            wrong.push(format!("{what}: observed {observed:?}, said {claimed:?}"));
        }
    }
    if said.unknown {
        wrong.push("said to be unknown".to_owned());
    }
    if said.opaque && !wrong.is_empty() {
        wrong.push("(said to be opaque)".to_owned());
    }
    wrong
}

/// What of `part` is not in `whole`.
pub(crate) fn not_within(part: &Effects, whole: &Effects) -> Vec<String> {
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

fn lock_differences(observed: &Effects, said: &Claim, sight: Sight) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, mode) in &observed.locks {
        let claimed = said.effects.locks.get(name);
        // An index that is dropped or replaced concurrently is locked ACCESS EXCLUSIVE at the very
        // end, when nobody uses it any more; sampling sees that or not.
        let dead = sight == (Sight::Sampled { concurrent: true })
            && said.indexes.contains(name)
            && *mode == LockMode::AccessExclusive
            && claimed == Some(&LockMode::ShareUpdateExclusive);
        if claimed != Some(mode) && !dead {
            wrong.push(format!("{name}: observed {mode}, said {claimed:?}"));
        }
    }
    for (name, mode) in &said.effects.locks {
        let missed = match sight {
            Sight::Inside => false,
            Sight::InsideToday { major } => major == 15 && *mode == LockMode::AccessShare,
            Sight::Sampled { .. } => true,
        };
        if !observed.locks.contains_key(name) && !missed {
            wrong.push(format!("{name}: not observed, said {mode}"));
        }
    }
    wrong
}
