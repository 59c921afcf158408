//! The plan while it is being written: steps without numbers, notes, gates, and what the plan
//! relies on.

mod directives;
mod exchange;
mod ledger;

use super::again::Dropped;
use super::change_type::Retypes;
use super::error::{Refusal, RewriteError};
use super::floors::Floors;
use super::groups::Groups;
use super::walks::{self, Hindrance};
use super::{Options, awaited_key, created, renamed, text};
use crate::analyze::Impact;
use crate::catalog::{Catalog, Relation, Routine, facts};
use crate::error::Kind;
use crate::lock::LockMode;
use crate::plan::{Action, Note, NoteKind, Phase, RelationLock, Step, Undo, Work, WorkKind};
use crate::sql::{Diagnostic, QualifiedName, Script, Statement, derived_name};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Draft<'a> {
    /// The catalog as the migration as written has it before the statement at hand.
    pub catalog: Catalog,
    /// The catalog before the first statement: what running applications may use.
    pub start: &'a Catalog,
    pub options: &'a Options,
    pub groups: Groups,
    pub retypes: Retypes,
    pub floors: Floors,
    /// What every connection of the run sets.
    pub settings: BTreeMap<String, String>,
    pub ledger: ledger::Ledger,
    revision: String,
    steps: Vec<Drafted>,
    notes: Vec<Note>,
    gates: BTreeMap<Phase, BTreeSet<String>>,
    relied: BTreeSet<QualifiedName>,
    relied_functions: BTreeSet<String>,
    empty: BTreeSet<QualifiedName>,
    refusals: Vec<Refusal>,
    names: usize,
    number: usize,
    /// Statements that the steps at hand stand for.
    numbers: Vec<usize>,
    /// No step of the statement at hand may come in an earlier phase.
    floor: Phase,
    /// The same for steps that only add something and do not mind what rows hold.
    additive_floor: Phase,
    used_directives: BTreeSet<usize>,
    /// The words of every statement, to see which relations several statements are about.
    words: Vec<BTreeSet<String>>,
    dropped: Vec<Dropped>,
    /// What stands against walks of the steps so far.
    pub hindrances: Vec<Hindrance>,
    /// Up to this statement, what is brief and in contract goes into one transaction.
    together_until: usize,
}

pub(super) struct Drafted {
    pub step: Step,
    /// Goes before the other steps of its phase (triggers are dropped before what they write to).
    first: bool,
}

/// What [`Draft::finish`] gives.
pub(super) struct Finished {
    pub steps: Vec<Step>,
    pub notes: Vec<Note>,
    pub gates: BTreeMap<Phase, BTreeSet<String>>,
    pub relied: Vec<QualifiedName>,
    pub relied_functions: BTreeSet<String>,
    pub empty: BTreeSet<QualifiedName>,
    pub search_path: Vec<String>,
    pub settings: BTreeMap<String, String>,
}

impl<'a> Draft<'a> {
    pub fn new(
        start: &'a Catalog,
        options: &'a Options,
        revision: &str,
        groups: Groups,
        retypes: Retypes,
        script: &Script,
    ) -> Self {
        Self {
            catalog: start.clone(),
            start,
            options,
            groups,
            retypes,
            floors: Floors::default(),
            settings: BTreeMap::new(),
            ledger: ledger::Ledger::default(),
            revision: revision.to_owned(),
            steps: Vec::new(),
            notes: Vec::new(),
            gates: BTreeMap::new(),
            relied: BTreeSet::new(),
            relied_functions: BTreeSet::new(),
            empty: BTreeSet::new(),
            refusals: Vec::new(),
            names: 0,
            number: 0,
            numbers: Vec::new(),
            floor: Phase::Expand,
            additive_floor: Phase::Expand,
            used_directives: BTreeSet::new(),
            words: script.statements.iter().map(|s| text::words(&s.sql)).collect(),
            dropped: Vec::new(),
            hindrances: Vec::new(),
            together_until: 0,
        }
    }

    /// Starts statement `index` (from 0) of the script.
    pub fn begin(&mut self, index: usize, statement: &Statement, impact: &Impact) {
        self.number = index + 1;
        self.numbers = vec![self.number];
        let touched: Vec<QualifiedName> =
            impact.locks.iter().map(|lock| lock.relation.clone()).collect();
        self.floor = self.floors.of(statement, &touched, true);
        self.additive_floor = self.floors.of(statement, &touched, false);
        for name in touched {
            self.rely(&name);
        }
    }

    /// Ends the statement: the next one sees its effect, and does not come before what it creates.
    pub fn end(&mut self, statement: &Statement) {
        let number = self.number;
        let phases: Vec<Phase> = self
            .steps
            .iter()
            .filter(|drafted| drafted.step.statements.contains(&number))
            .map(|drafted| drafted.step.phase)
            .collect();
        if let Some(phase) = phases.iter().min().filter(|phase| **phase > Phase::Expand) {
            for name in created::names(statement) {
                self.floors.word(&name, *phase);
            }
        }
        let last = phases.into_iter().max().filter(|phase| *phase > Phase::Expand);
        let keys =
            last.and_then(|last| Some((awaited_key::unique_indexes(self, statement)?, last)));
        self.catalog.apply(statement);
        if let Some((before, phase)) = keys {
            awaited_key::remember(self, &before, phase);
        }
    }

    pub fn major(&self) -> u32 {
        self.catalog.server.major()
    }

    /// Number of the statement at hand, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The steps that follow stand for these statements, the one at hand among them.
    pub fn stand_for(&mut self, numbers: Vec<usize>) {
        self.numbers = numbers;
    }

    pub fn floor(&self) -> Phase {
        self.floor
    }

    /// Notes that the plan holds only while `name` looks as it does now.
    pub fn rely(&mut self, name: &QualifiedName) {
        if !self.catalog.relation(name).is_some_and(|relation| relation.created_here) {
            self.relied.insert(name.clone());
        }
    }

    /// The same for the function `name`, which gets the name `new`.
    pub fn rely_on_function(&mut self, name: &QualifiedName, new: &QualifiedName, it: &Routine) {
        let [whole, signature] = facts::FUNCTION;
        self.relied_functions.insert(format!("{whole}{}", facts::function_name(name, it)));
        self.relied_functions.insert(format!("{signature}{}", facts::function_name(new, it)));
    }

    /// A name for a passing object, unique in the database as long as revision ids are.
    pub fn temporary_name(&mut self) -> String {
        self.names += 1;
        // Padded, because triggers fire in the order of their names and later ones read what earlier
        // ones have filled.
        derived_name(&["airlock", &self.revision, &format!("{:03}", self.names)])
    }

    /// Nobody else can be waiting for `relation`, or it holds nothing: no recipe is needed. Relying
    /// on emptiness makes it a fact of the plan.
    pub fn is_unused(&mut self, relation: &QualifiedName) -> bool {
        let unused = self.seems_unused(relation);
        if let Some(found) = self.catalog.relation(relation).filter(|found| !found.created_here)
            && unused
        {
            self.empty.extend(self.catalog.leaves(found).iter().map(|leaf| leaf.name.clone()));
        }
        unused
    }

    /// The same for a question on which nothing is built.
    pub fn seems_unused(&self, relation: &QualifiedName) -> bool {
        let Some(found) = self.catalog.relation(relation) else { return true };
        let all_empty = || self.catalog.leaves(found).iter().all(|leaf| leaf.empty);
        found.created_here
            || (self.catalog.sizes_known && all_empty() && !self.floors.is_filled(relation))
    }

    /// Whether `relation` was created by the migration at hand.
    pub fn is_new(&self, relation: &QualifiedName) -> bool {
        self.catalog.relation(relation).is_some_and(|found| found.created_here)
    }

    /// `mode` on `relation` and on everything below it, by name.
    pub fn locks(&self, relation: &Relation, mode: LockMode) -> Vec<RelationLock> {
        lock_set(
            self.catalog.family(relation).into_iter().map(|member| (member.name.clone(), mode)),
        )
    }

    /// Whether a statement other than the one at hand names `relation`.
    pub fn changes_elsewhere(&self, relation: &QualifiedName) -> bool {
        self.words
            .iter()
            .enumerate()
            .any(|(index, words)| index + 1 != self.number && words.contains(&relation.name))
    }

    /// Whether a statement after the one at hand has all these words.
    pub fn later_has(&self, wanted: &[&str]) -> bool {
        let has = |words: &BTreeSet<String>| wanted.iter().all(|word| words.contains(*word));
        self.words.iter().skip(self.number).any(has)
    }

    pub fn refuse(&mut self, diagnostic: Diagnostic) {
        self.refusals.push(Refusal { kind: Kind::Refused, diagnostic });
    }

    pub fn reject(&mut self, diagnostic: Diagnostic) {
        self.refusals.push(Refusal { kind: Kind::Input, diagnostic });
    }

    pub fn note(&mut self, kind: NoteKind, text: impl Into<String>) {
        let note = Note { kind, text: text.into() };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub fn has_note(&self, kind: NoteKind) -> bool {
        self.notes.iter().any(|note| note.kind == kind)
    }

    /// `phase` does not start before a person has seen to `until`.
    pub fn gate(&mut self, phase: Phase, until: impl Into<String>) {
        self.gates.entry(phase).or_default().insert(until.into());
    }

    /// Adds a step for the statement at hand.
    pub fn step(
        &mut self,
        phase: Phase,
        why: impl Into<String>,
        action: Action,
    ) -> StepBuilder<'_> {
        self.step_at(phase.max(self.floor), why, action)
    }

    /// Adds a step that only adds something (a column, a trigger): rows that an earlier statement
    /// changes late do not hold it up, so that the new application finds it after expand.
    pub fn additive_step(&mut self, why: impl Into<String>, action: Action) -> StepBuilder<'_> {
        self.step_at(self.additive_floor, why, action)
    }

    fn step_at(&mut self, phase: Phase, why: impl Into<String>, action: Action) -> StepBuilder<'_> {
        for hindrance in walks::hindrances(&self.catalog, self.number, &action) {
            if !self.hindrances.contains(&hindrance) {
                self.hindrances.push(hindrance);
            }
        }
        self.steps.push(Drafted {
            step: Step {
                id: String::new(),
                phase,
                statements: self.numbers.clone(),
                why: why.into(),
                action,
                locks: Vec::new(),
                work: Vec::new(),
                undo: Undo::Nothing,
            },
            first: false,
        });
        let drafted = self.steps.last_mut().expect("a step was pushed just now");
        StepBuilder { drafted }
    }

    /// A transaction step of the same phase on the same relation that may be joined with another
    /// statement's, when it is the last one of the phase and `joinable` says so.
    pub fn last_of_phase(&mut self, phase: Phase) -> Option<&mut Step> {
        self.steps
            .iter_mut()
            .rev()
            .map(|drafted| &mut drafted.step)
            .find(|step| step.phase == phase)
    }

    /// The undo that drops the table `name`, which a step so far creates.
    pub fn undo_that_drops(&mut self, name: &QualifiedName) -> Option<&mut Undo> {
        let drop = format!("DROP TABLE IF EXISTS {name}");
        self.steps
            .iter_mut()
            .map(|drafted| &mut drafted.step.undo)
            .find(|undo| matches!(undo, Undo::Transaction { sql, .. } if sql.contains(&drop)))
    }

    /// The latest phase in which a step so far is about `relation`.
    pub fn latest_phase(&self, relation: &QualifiedName) -> Option<Phase> {
        self.steps
            .iter()
            .map(|drafted| &drafted.step)
            .filter(|step| {
                step.locks.iter().any(|lock| lock.relation == *relation)
                    || step.work.iter().any(|work| work.relation == *relation)
            })
            .map(|step| step.phase)
            .max()
    }

    /// Steps so far of later phases than `phase` that speak of `from` mean `to`: the table will have
    /// that name then. What stands in expand runs, and is undone, under the old name.
    pub fn rename_after(&mut self, phase: Phase, from: &QualifiedName, to: &QualifiedName) {
        for Drafted { step, .. } in self.steps.iter_mut().filter(|d| d.step.phase > phase) {
            renamed::step(step, from, to);
        }
    }

    /// Part of the statement at hand, which may touch what an earlier part drops late.
    pub fn raise_for(&mut self, part: &Statement, relation: &QualifiedName) {
        let floor = self.floors.of(part, std::slice::from_ref(relation), true);
        self.floor = self.floor.max(floor);
    }

    /// Raises the earliest phase of the statement at hand.
    pub fn raise(&mut self, phase: Phase) {
        self.floor = self.floor.max(phase);
    }

    /// The same for the steps that only add something, too.
    pub fn raise_all(&mut self, phase: Phase) {
        self.floor = self.floor.max(phase);
        self.additive_floor = self.additive_floor.max(phase);
    }

    /// Orders and numbers the steps.
    pub fn finish(mut self) -> Result<Finished, RewriteError> {
        if !self.refusals.is_empty() {
            return Err(RewriteError::Refused(self.refusals));
        }
        self.steps.sort_by_key(|drafted| (drafted.step.phase, !drafted.first));
        let mut counts: BTreeMap<Phase, usize> = BTreeMap::new();
        let mut steps = Vec::new();
        for Drafted { mut step, .. } in self.steps {
            let count = counts.entry(step.phase).or_default();
            *count += 1;
            step.id = format!("{}-{count}", step.phase);
            if let Undo::Irreversible { why } = &step.undo
                && step.phase != Phase::Contract
            {
                let note = Note { kind: NoteKind::Irreversible, text: why.clone() };
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
            }
            steps.push(step);
        }
        self.gates.retain(|phase, _| counts.contains_key(phase));
        if counts.contains_key(&Phase::Contract) {
            let gate = self.gates.entry(Phase::Contract).or_default();
            if gate.is_empty() {
                gate.insert(
                    "what the contract phase drops is used by no application any more".into(),
                );
            }
        }
        self.notes.sort_by_key(|note| note.kind);
        Ok(Finished {
            search_path: self.catalog.server.search_path.clone(),
            settings: self.settings,
            steps,
            notes: self.notes,
            gates: self.gates,
            relied: self.relied.into_iter().collect(),
            relied_functions: self.relied_functions,
            empty: self.empty,
        })
    }
}

/// Sets what a step has beside its action.
pub(super) struct StepBuilder<'d> {
    drafted: &'d mut Drafted,
}

impl StepBuilder<'_> {
    pub fn locks(self, locks: Vec<RelationLock>) -> Self {
        self.drafted.step.locks = locks;
        self
    }

    pub fn work(self, kind: WorkKind, relation: &QualifiedName) -> Self {
        self.drafted.step.work.push(Work { kind, relation: relation.clone() });
        self
    }

    pub fn works(self, work: Vec<Work>) -> Self {
        self.drafted.step.work = work;
        self
    }

    pub fn undo(self, undo: Undo) -> Self {
        self.drafted.step.undo = undo;
        self
    }

    pub fn first(self) -> Self {
        self.drafted.first = true;
        self
    }
}

/// The strongest mode on each relation, by name. Who takes them puts them into the
/// order of requests (`lock::depth`), which is that of the database as it then is.
pub(super) fn lock_set(
    locks: impl IntoIterator<Item = (QualifiedName, LockMode)>,
) -> Vec<RelationLock> {
    let mut strongest: BTreeMap<QualifiedName, LockMode> = BTreeMap::new();
    for (relation, mode) in locks {
        let held = strongest.entry(relation).or_insert(mode);
        *held = (*held).max(mode);
    }
    strongest.into_iter().map(|(relation, mode)| RelationLock { relation, mode }).collect()
}
