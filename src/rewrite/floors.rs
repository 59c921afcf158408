//! What may not come too early: effects of earlier statements that a later phase completes.
//!
//! Steps of all statements are sorted by phase, so a statement could overtake an earlier one whose
//! effect it needs: a column that is dropped in `contract` cannot be added again in `expand`. Here
//! stands, for every name whose meaning changes late, the phase before which no later statement may
//! touch it.

use super::text;
use crate::plan::Phase;
use crate::sql::{QualifiedName, Statement};
use pg_query::NodeEnum;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default, Clone)]
pub(super) struct Floors {
    /// Whole relations: their rows change, or their name is free, only from that phase on.
    relations: BTreeMap<QualifiedName, Phase>,
    /// Tables whose rows an earlier statement changes in that phase.
    rows: BTreeMap<QualifiedName, Phase>,
    /// Tables with a column whose default changes in that phase.
    defaults: BTreeMap<QualifiedName, Phase>,
    /// Columns, constraints and indexes by table and name.
    members: BTreeMap<(QualifiedName, String), Phase>,
    filled: Vec<QualifiedName>,
    /// Names of other objects (functions, types, views) that are dropped late.
    words: BTreeMap<String, Phase>,
    /// Columns that have their final shape only after contract.
    half_done: Vec<(QualifiedName, String)>,
    /// Tables whose keys are being exchanged: a foreign key to them has to wait.
    rekeyed: Vec<QualifiedName>,
    /// Unique indexes by table and name, and the phase in which they are finished.
    keys: BTreeMap<(QualifiedName, String), Phase>,
    /// Columns that have two names until contract: table, old name, new name.
    doubled: Vec<(QualifiedName, String, String)>,
    /// Indexes and constraints that a step already drops.
    dropped: Vec<(QualifiedName, String)>,
    /// The new names of tables that are views under their old ones until contract.
    moved: BTreeSet<QualifiedName>,
    /// Tables that do not have the columns that they have as written.
    shapes: BTreeMap<QualifiedName, Shape>,
}

/// How the columns of a table differ from those that it has as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// From this phase on it has the same columns.
    pub until: Phase,
    /// For good, they stand in another order.
    pub reordered: bool,
}

impl Floors {
    /// From now on statements that touch `relation` come in `phase` at the earliest.
    pub fn relation(&mut self, relation: &QualifiedName, phase: Phase) {
        let floor = self.relations.entry(relation.clone()).or_insert(phase);
        *floor = (*floor).max(phase);
    }

    /// The same for statements that mind what rows hold.
    pub fn rows(&mut self, relation: &QualifiedName, phase: Phase) {
        let floor = self.rows.entry(relation.clone()).or_insert(phase);
        *floor = (*floor).max(phase);
    }

    /// A default of `relation` changes in `phase`.
    pub fn default_changes(&mut self, relation: &QualifiedName, phase: Phase) {
        let floor = self.defaults.entry(relation.clone()).or_insert(phase);
        *floor = (*floor).max(phase);
    }

    /// The phase before which no row may take a default of `relation`.
    pub fn default_of(&self, relation: &QualifiedName) -> Phase {
        self.defaults.get(relation).copied().unwrap_or(Phase::Expand)
    }

    /// The same for statements that name `member` (a column, constraint or index) of `relation`.
    pub fn member(&mut self, relation: &QualifiedName, member: &str, phase: Phase) {
        let floor = self.members.entry((relation.clone(), member.to_owned())).or_insert(phase);
        *floor = (*floor).max(phase);
    }

    /// The same for any statement in which the word occurs.
    pub fn word(&mut self, word: &str, phase: Phase) {
        let floor = self.words.entry(word.to_owned()).or_insert(phase);
        *floor = (*floor).max(phase);
    }

    /// `column` of `relation` is being built: other changes of it must wait for another migration.
    pub fn half_done(&mut self, relation: &QualifiedName, column: &str) {
        self.half_done.push((relation.clone(), column.to_owned()));
    }

    /// The keys of `relation` are exchanged: what refers to it comes after contract.
    pub fn rekeyed(&mut self, relation: &QualifiedName) {
        self.rekeyed.push(relation.clone());
    }

    /// The unique index `name` of `relation` is finished in `phase`.
    pub fn key_comes(&mut self, relation: &QualifiedName, name: &str, phase: Phase) {
        self.keys.insert((relation.clone(), name.to_owned()), phase);
    }

    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    pub fn key(&self, relation: &QualifiedName, name: &str) -> Option<Phase> {
        self.keys.get(&(relation.clone(), name.to_owned())).copied()
    }

    /// When the last of the unique indexes of `relation` that are built is finished.
    pub fn latest_key(&self, relation: &QualifiedName) -> Phase {
        let of = self.keys.iter().filter(|((on, _), _)| on == relation);
        of.map(|(_, phase)| *phase).max().unwrap_or(Phase::Expand)
    }

    /// Until `until` is over, `relation` has other columns than as written.
    pub fn shape(&mut self, relation: &QualifiedName, until: Phase, reordered: bool) {
        let shape = self.shapes.entry(relation.clone()).or_insert(Shape { until, reordered });
        shape.until = shape.until.max(until);
        shape.reordered |= reordered;
    }

    pub fn shape_of(&self, relation: &QualifiedName) -> Option<Shape> {
        self.shapes.get(relation).copied()
    }

    /// The names of all tables that have other columns than as written.
    pub fn shaped(&self) -> impl Iterator<Item = &QualifiedName> {
        self.shapes.keys()
    }

    /// All such but the first `known`.
    pub fn half_done_columns(&self, known: usize) -> &[(QualifiedName, String)] {
        self.half_done.get(known..).unwrap_or_default()
    }

    pub fn is_half_done(&self, relation: &QualifiedName, column: &str) -> bool {
        self.half_done.iter().any(|(on, name)| on == relation && name == column)
    }

    /// `old` of `relation` has the name `new` too, until contract.
    pub fn doubled(&mut self, relation: &QualifiedName, old: &str, new: &str) {
        self.doubled.push((relation.clone(), old.to_owned(), new.to_owned()));
    }

    /// The name that column `new` of `relation` still has beside its own.
    pub fn other_name(&self, relation: &QualifiedName, new: &str) -> Option<&str> {
        let same = |(on, _, name): &&(QualifiedName, String, String)| on == relation && name == new;
        self.doubled.iter().find(same).map(|(_, old, _)| old.as_str())
    }

    /// What is known of columns and constraints of `from` holds for `to`: the table is renamed.
    pub fn moved(&mut self, from: &QualifiedName, to: &QualifiedName) {
        self.moved.insert(to.clone());
        if let Some(shape) = self.shapes.get(from).copied() {
            self.shapes.insert(to.clone(), shape);
        }
        let of = |(on, name): &&(QualifiedName, String)| {
            (on == from).then(|| (to.clone(), name.clone()))
        };
        let half_done: Vec<_> = self.half_done.iter().filter_map(|entry| of(&entry)).collect();
        self.half_done.extend(half_done);
        let dropped: Vec<_> = self.dropped.iter().filter_map(|entry| of(&entry)).collect();
        self.dropped.extend(dropped);
        let doubled: Vec<_> = self
            .doubled
            .iter()
            .filter(|(on, ..)| on == from)
            .map(|(_, old, new)| (to.clone(), old.clone(), new.clone()))
            .collect();
        self.doubled.extend(doubled);
        let members: Vec<_> = self
            .members
            .iter()
            .filter(|((on, _), _)| on == from)
            .map(|((_, name), phase)| ((to.clone(), name.clone()), *phase))
            .collect();
        self.members.extend(members);
        let keys: Vec<_> = self
            .keys
            .iter()
            .filter(|((on, _), _)| on == from)
            .map(|((_, name), phase)| ((to.clone(), name.clone()), *phase))
            .collect();
        self.keys.extend(keys);
    }

    /// Whether `relation` has got its name in this migration and is a view under the old one, which
    /// reads every column until contract.
    pub fn is_moved(&self, relation: &QualifiedName) -> bool {
        self.moved.contains(relation)
    }

    /// Whether `relation` is something else, or nothing, until contract.
    pub fn is_away(&self, relation: &QualifiedName) -> bool {
        self.relations.get(relation) == Some(&Phase::Contract)
    }

    /// An earlier statement of the migration writes rows into `relation`.
    pub fn filled(&mut self, relation: &QualifiedName) {
        self.filled.push(relation.clone());
    }

    /// A step of the plan drops `member` of `relation`.
    pub fn dropped(&mut self, relation: &QualifiedName, member: &str) {
        self.dropped.push((relation.clone(), member.to_owned()));
    }

    pub fn is_dropped(&self, relation: &QualifiedName, member: &str) -> bool {
        self.dropped.iter().any(|(on, name)| on == relation && name == member)
    }

    pub fn is_filled(&self, relation: &QualifiedName) -> bool {
        self.filled.contains(relation)
    }

    /// The earliest phase for `statement`, which locks the relations `touched`.
    ///
    /// With `minds_rows` false, rows that change in migrate hold nothing up.
    pub fn of(&self, statement: &Statement, touched: &[QualifiedName], minds_rows: bool) -> Phase {
        let floors = [self.relations.len(), self.rows.len(), self.members.len(), self.words.len()];
        if floors.iter().all(|count| *count == 0) {
            return Phase::Expand;
        }
        let mut words = text::words(&statement.sql);
        if matches!(
            statement.node,
            NodeEnum::SelectStmt(_) | NodeEnum::CallStmt(_) | NodeEnum::DoStmt(_)
        ) {
            // setval('orders_id_seq', …): what it is about stands in a string.
            words.extend(text::words_in_strings(&statement.sql));
        }
        self.of_words(&words, touched, minds_rows)
    }

    /// These floors, as if `member` of `relation` did not change late.
    pub fn without(&self, relation: &QualifiedName, member: &str) -> Self {
        let mut rest = self.clone();
        rest.members.remove(&(relation.clone(), member.to_owned()));
        rest
    }

    /// The same as [`Self::of`] for the words of a statement.
    pub fn of_words(
        &self,
        words: &BTreeSet<String>,
        touched: &[QualifiedName],
        minds_rows: bool,
    ) -> Phase {
        // A word that only happens to be spelt like the relation raises the floor as well: that
        // costs nothing but an earlier start.
        let named =
            |relation: &QualifiedName| touched.contains(relation) || words.contains(&relation.name);
        let by_relation = self
            .relations
            .iter()
            .filter(|(name, phase)| named(name) && (minds_rows || **phase > Phase::Migrate))
            .map(|(_, phase)| *phase)
            .max();
        let by_rows = self
            .rows
            .iter()
            .filter(|(name, _)| minds_rows && named(name))
            .map(|(_, phase)| *phase)
            .max();
        let by_member = self
            .members
            .iter()
            .filter(|((relation, member), _)| named(relation) && words.contains(member))
            .map(|(_, phase)| *phase)
            .max();
        let by_word = self
            .words
            .iter()
            .filter(|(word, _)| words.contains(*word))
            .map(|(_, phase)| *phase)
            .max();
        let refers = words.contains("references")
            && self.rekeyed.iter().any(|relation| words.contains(&relation.name));
        let by_key = refers.then_some(Phase::Contract);
        by_relation.max(by_rows).max(by_key).max(by_member).max(by_word).unwrap_or(Phase::Expand)
    }
}
