//! What the families of statements report to: locks, work and files, gathered into an [`Impact`].
//!
//! Decides the verdict. Knows nothing of any statement.

use super::{Impact, Verdict};
use crate::catalog::{Catalog, Index, Persistence, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{RelationLock, Work, WorkKind};
use crate::sql::QualifiedName;
use std::collections::{BTreeMap, BTreeSet};

/// The effects of one statement, as far as they are known yet.
#[derive(Debug)]
pub(super) struct Effects<'c> {
    catalog: &'c Catalog,
    locks: BTreeMap<QualifiedName, LockMode>,
    index_locks: BTreeMap<QualifiedName, LockMode>,
    work: BTreeSet<Work>,
    rewritten: BTreeSet<QualifiedName>,
    scanned: BTreeSet<QualifiedName>,
    built: BTreeSet<QualifiedName>,
    new_files: BTreeSet<QualifiedName>,
    /// Rows that others may want to write stay locked for as long as the work takes.
    holds_rows: bool,
    /// Locks rows for a moment.
    touches_rows: bool,
    opaque: bool,
    /// Rows are computed by what cannot be seen.
    computes_unseen: bool,
    unknown: bool,
}

impl<'c> Effects<'c> {
    pub(super) fn new(catalog: &'c Catalog) -> Self {
        Self {
            catalog,
            locks: BTreeMap::new(),
            index_locks: BTreeMap::new(),
            work: BTreeSet::new(),
            rewritten: BTreeSet::new(),
            scanned: BTreeSet::new(),
            built: BTreeSet::new(),
            new_files: BTreeSet::new(),
            holds_rows: false,
            touches_rows: false,
            opaque: false,
            computes_unseen: false,
            unknown: false,
        }
    }

    /// A composite type has an entry among the relations, but nothing in a query locks it.
    pub(super) fn lock(&mut self, relation: &Relation, mode: LockMode) {
        if relation.kind != RelationKind::CompositeType {
            stronger(&mut self.locks, &relation.name, mode);
        }
    }

    pub(super) fn lock_all<'r>(
        &mut self,
        relations: impl IntoIterator<Item = &'r Relation>,
        mode: LockMode,
    ) {
        for relation in relations {
            self.lock(relation, mode);
        }
    }

    pub(super) fn lock_index(&mut self, relation: &Relation, index: &Index, mode: LockMode) {
        stronger(&mut self.index_locks, &relation.name.sibling(&*index.name), mode);
    }

    pub(super) fn lock_indexes(&mut self, relation: &Relation, mode: LockMode) {
        for index in &relation.indexes {
            self.lock_index(relation, index, mode);
        }
    }

    /// Something new comes to depend on an index or, with `None`, on `relation` itself.
    ///
    /// Seen on 15 alone, and not on every build of it: the object is then held ACCESS SHARE, which
    /// nothing waits for but an ACCESS EXCLUSIVE request.
    pub(super) fn refer_to(&mut self, relation: &Relation, index: Option<&str>) {
        if self.catalog.server.major() != 15 {
            return;
        }
        match index {
            Some(index) => {
                if let Some(index) = relation.index(index) {
                    self.lock_index(relation, index, LockMode::AccessShare);
                }
            }
            None => self.lock(relation, LockMode::AccessShare),
        }
    }

    /// What planning a query leaves locked: the relation and its indexes. Indexes of partitioned
    /// tables are looked at since version 16.
    pub(super) fn plan_query_on(&mut self, relation: &Relation, mode: LockMode) {
        self.lock(relation, mode);
        if relation.kind != RelationKind::PartitionedTable || self.catalog.server.major() >= 16 {
            self.lock_indexes(relation, mode);
        }
        if relation.kind == RelationKind::PartitionedTable {
            self.look_at_bound(relation);
        }
    }

    /// The bound of a partition is worked out, which is its parent's to say. (A session that has it
    /// in its cache does not look again.)
    pub(super) fn look_at_bound(&mut self, relation: &Relation) {
        if relation.partition_bound.is_none() {
            return;
        }
        let catalog = self.catalog;
        for parent in relation.parents.iter().filter_map(|parent| catalog.relation(parent)) {
            self.lock(parent, LockMode::AccessShare);
            self.look_at_bound(parent);
        }
    }

    /// The same for a relation under `ONLY`: a partitioned one is then planned like any other.
    pub(super) fn plan_query_on_only(&mut self, relation: &Relation, mode: LockMode) {
        self.lock(relation, mode);
        self.lock_indexes(relation, mode);
    }

    /// Reads the whole of `relation`.
    pub(super) fn scan(&mut self, relation: &Relation) {
        self.read_for(relation, WorkKind::Scan);
    }

    /// Reads the whole of `relation` and looks for a partner of each row.
    pub(super) fn validate(&mut self, relation: &Relation) {
        self.read_for(relation, WorkKind::Validate);
    }

    /// Builds an index on `relation`.
    pub(super) fn build_index(&mut self, relation: &Relation) {
        self.read_for(relation, WorkKind::IndexBuild);
        self.builds_on(relation);
    }

    /// An index is built on `relation`, as a part of work that is counted already.
    pub(super) fn builds_on(&mut self, relation: &Relation) {
        if is_storage(relation) {
            self.built.insert(relation.name.clone());
        }
    }

    fn read_for(&mut self, relation: &Relation, kind: WorkKind) {
        if is_storage(relation) && !self.is_empty(relation) {
            self.scanned.insert(relation.name.clone());
            self.work.insert(Work { kind, relation: relation.name.clone() });
        }
    }

    /// Writes a new copy of `relation`, row by row. What becomes of its indexes is the caller's.
    pub(super) fn rewrite(&mut self, relation: &Relation) {
        self.read_for(relation, WorkKind::Rewrite);
        self.replace_file(relation);
    }

    /// Work over all of `relation` that reads no rows one by one.
    pub(super) fn pass_over(&mut self, relation: &Relation, kind: WorkKind) {
        if is_storage(relation) && !self.is_empty(relation) {
            self.work.insert(Work { kind, relation: relation.name.clone() });
        }
    }

    /// Writes the rows of a materialized view anew, reading what is new once for its indexes.
    pub(super) fn fill(&mut self, view: &Relation) {
        self.work.insert(Work { kind: WorkKind::Rewrite, relation: view.name.clone() });
        if !view.indexes.is_empty() && !self.is_empty(view) {
            self.scanned.insert(view.name.clone());
        }
    }

    /// Copies the file of `relation` as it is.
    pub(super) fn copy_file(&mut self, relation: &Relation) {
        self.replace_file(relation);
        if is_storage(relation) && !self.is_empty(relation) {
            self.work.insert(Work { kind: WorkKind::Rewrite, relation: relation.name.clone() });
        }
    }

    /// Gives `relation` a new file without reading the old one.
    pub(super) fn replace_file(&mut self, relation: &Relation) {
        match relation.kind {
            RelationKind::Table | RelationKind::MaterializedView => {
                self.rewritten.insert(relation.name.clone());
            }
            RelationKind::Sequence => {
                self.new_files.insert(relation.name.clone());
            }
            RelationKind::PartitionedTable
            | RelationKind::View
            | RelationKind::ForeignTable
            | RelationKind::CompositeType => {}
        }
    }

    /// Builds an index that stays itself anew.
    pub(super) fn replace_index_file(&mut self, relation: &Relation, index: &Index) {
        if relation.kind != RelationKind::PartitionedTable {
            self.built.insert(relation.name.clone());
            self.new_files.insert(relation.name.sibling(&*index.name));
        }
    }

    /// Copies the file of an index as it is.
    pub(super) fn copy_index_file(&mut self, relation: &Relation, index: &Index) {
        if relation.kind != RelationKind::PartitionedTable {
            self.new_files.insert(relation.name.sibling(&*index.name));
        }
        if !self.is_empty(relation) {
            let relation = relation.name.clone();
            self.work.insert(Work { kind: WorkKind::IndexBuild, relation });
        }
    }

    /// Changes rows of `relation`, and keeps them locked to the end.
    pub(super) fn change_rows(&mut self, relation: &Relation) {
        if is_storage(relation) && !self.is_empty(relation) {
            self.holds_rows = true;
            self.work.insert(Work { kind: WorkKind::RowChanges, relation: relation.name.clone() });
        }
    }

    /// Locks rows of `relation` to the end, without changing them.
    pub(super) fn hold_rows(&mut self, relation: &Relation) {
        self.holds_rows |= !self.is_empty(relation);
    }

    /// The same table is also read from one end to the other.
    pub(super) fn reads_whole(&mut self, relation: &Relation) {
        if is_storage(relation) && !self.is_empty(relation) {
            self.scanned.insert(relation.name.clone());
        }
    }

    /// Changes or locks a few rows, whatever the size of their table.
    pub(super) fn touch_rows(&mut self) {
        self.touches_rows = true;
    }

    /// Something in the statement cannot be seen from its text.
    pub(super) fn opaque(&mut self) {
        self.opaque = true;
    }

    /// A value of each row is computed by what cannot be seen. Where it is done under a strong lock,
    /// that is the worse thing to say.
    pub(super) fn computes_unseen(&mut self) {
        self.computes_unseen = true;
    }

    /// Airlock does not know this statement.
    pub(super) fn unknown(&mut self) {
        self.unknown = true;
    }

    /// Whether `relation` certainly holds no row.
    pub(super) fn is_empty(&self, relation: &Relation) -> bool {
        relation.empty && (self.catalog.sizes_known || relation.created_here)
    }

    /// Whether `relation` certainly holds rows.
    pub(super) fn has_rows(&self, relation: &Relation) -> bool {
        self.catalog.sizes_known && is_storage(relation) && !relation.empty
    }

    pub(super) fn finish(self) -> Impact {
        let verdict = self.verdict();
        let list = |locks: BTreeMap<QualifiedName, LockMode>| {
            locks.into_iter().map(|(relation, mode)| RelationLock { relation, mode }).collect()
        };
        Impact {
            verdict,
            locks: list(self.locks),
            index_locks: list(self.index_locks),
            work: self.work.into_iter().collect(),
            rewritten: self.rewritten.into_iter().collect(),
            scanned: self.scanned.into_iter().collect(),
            built: self.built.into_iter().collect(),
            new_files: self.new_files.into_iter().collect(),
        }
    }

    /// The impact of a part of the statement, on a catalog with what earlier parts have made; what
    /// is said of things that they have made is left out.
    pub(super) fn absorb(&mut self, part: Impact) {
        let catalog = self.catalog;
        let known = |name: &QualifiedName| catalog.relation(name).is_some();
        for lock in part.locks.iter().filter(|lock| known(&lock.relation)) {
            stronger(&mut self.locks, &lock.relation, lock.mode);
        }
        for lock in part.index_locks {
            if catalog.resolve_index(Some(&lock.relation.schema), &lock.relation.name).is_some() {
                stronger(&mut self.index_locks, &lock.relation, lock.mode);
            }
        }
        self.work.extend(part.work.into_iter().filter(|work| known(&work.relation)));
        self.rewritten.extend(part.rewritten.into_iter().filter(known));
        self.scanned.extend(part.scanned.into_iter().filter(known));
        self.built.extend(part.built.into_iter().filter(known));
        self.new_files.extend(part.new_files);
        self.opaque |= part.verdict == Verdict::Opaque;
        self.unknown |= part.verdict == Verdict::Unknown;
    }

    fn verdict(&self) -> Verdict {
        if self.unknown {
            return Verdict::Unknown;
        }
        if self.opaque {
            return Verdict::Opaque;
        }
        // A query locks the indexes that it may use, so a strong lock on an index is felt too.
        let felt = self.locks.iter().any(|(name, mode)| {
            mode.blocks_writes() && self.catalog.relation(name).is_none_or(in_use)
        }) || self
            .index_locks
            .iter()
            .any(|(name, mode)| mode.blocks_writes() && self.index_in_use(name));
        match (felt || self.holds_rows, self.work.is_empty()) {
            (true, false) => Verdict::Blocking,
            _ if self.computes_unseen => Verdict::Opaque,
            (true, true) => Verdict::Brief,
            (false, _) if self.touches_rows => Verdict::Brief,
            (false, _) => Verdict::Safe,
        }
    }

    fn index_in_use(&self, name: &QualifiedName) -> bool {
        let owner = self.catalog.resolve_index(Some(&name.schema), &name.name);
        owner.is_none_or(|(relation, _)| in_use(relation))
    }
}

/// Whether somebody else can be using `relation`.
fn in_use(relation: &Relation) -> bool {
    !relation.created_here && relation.persistence != Persistence::Temporary
}

/// Whether `relation` has rows of its own on this server.
fn is_storage(relation: &Relation) -> bool {
    match relation.kind {
        RelationKind::Table | RelationKind::MaterializedView => true,
        RelationKind::PartitionedTable
        | RelationKind::View
        | RelationKind::ForeignTable
        | RelationKind::Sequence
        | RelationKind::CompositeType => false,
    }
}

fn stronger(locks: &mut BTreeMap<QualifiedName, LockMode>, name: &QualifiedName, mode: LockMode) {
    let held = locks.entry(name.clone()).or_insert(mode);
    *held = mode.max(*held);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let mut catalog = Catalog { sizes_known: true, ..Catalog::default() };
        for (name, empty, created_here) in
            [("t", false, false), ("e", true, false), ("n", false, true)]
        {
            let name = QualifiedName::new("public", name);
            let mut relation = Relation::new(name.clone(), RelationKind::Table);
            relation.empty = empty;
            relation.created_here = created_here;
            catalog.relations.insert(name, relation);
        }
        catalog
    }

    fn verdict(effects: impl Fn(&mut Effects<'_>, [&Relation; 3])) -> Verdict {
        let catalog = catalog();
        let relation = |name| catalog.resolve(Some("public"), name).unwrap();
        let mut fx = Effects::new(&catalog);
        effects(&mut fx, ["t", "e", "n"].map(relation));
        fx.finish().verdict
    }

    #[test]
    fn a_strong_lock_with_work_blocks() {
        use LockMode::{AccessExclusive, Share, ShareUpdateExclusive};
        assert_eq!(verdict(|fx, [t, ..]| fx.lock(t, AccessExclusive)), Verdict::Brief);
        assert_eq!(verdict(|fx, [t, ..]| fx.lock(t, ShareUpdateExclusive)), Verdict::Safe);
        let index_build = |fx: &mut Effects<'_>, t: &Relation| {
            fx.lock(t, Share);
            fx.build_index(t);
        };
        assert_eq!(verdict(|fx, [t, ..]| index_build(fx, t)), Verdict::Blocking);
        assert_eq!(verdict(|fx, [_, e, _]| index_build(fx, e)), Verdict::Brief);
        assert_eq!(verdict(|fx, [_, _, n]| index_build(fx, n)), Verdict::Safe);
    }

    #[test]
    fn work_on_a_new_table_still_blocks_an_old_one_that_is_locked() {
        let found = verdict(|fx, [t, _, n]| {
            fx.lock(t, LockMode::ShareRowExclusive);
            fx.validate(n);
        });
        assert_eq!(found, Verdict::Blocking);
    }

    #[test]
    fn what_is_not_seen_is_never_safe() {
        assert_eq!(verdict(|fx, _| fx.opaque()), Verdict::Opaque);
        assert_eq!(verdict(|fx, _| fx.unknown()), Verdict::Unknown);
    }

    #[test]
    fn without_sizes_no_old_table_is_empty() {
        let mut catalog = catalog();
        catalog.sizes_known = false;
        let fx = Effects::new(&catalog);
        assert!(!fx.is_empty(catalog.resolve(Some("public"), "e").unwrap()));
    }
}
