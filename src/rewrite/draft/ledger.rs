//! What earlier statements mean for the order of later ones, beside the names that they touch.

use super::Draft;
use crate::plan::{Action, Phase};
use crate::rewrite::half_done::Member;
use crate::rewrite::privileges::{Creation, Given};
use crate::sql::QualifiedName;

#[derive(Debug)]
pub(in crate::rewrite) struct Ledger {
    /// The latest phase in which a function, view or sequence is replaced.
    pub replaced: Phase,
    /// What the migration has made so far, in order.
    pub created: Vec<Creation>,
    /// Privileges given so far, and those that are taken away in contract.
    pub granted: Vec<Given>,
    pub revoked: Vec<Given>,
    /// What is made from here on comes in this phase at the earliest.
    pub creation_floor: Phase,
    /// A trigger of airlock evaluates what the migration says while the application writes.
    pub has_trigger: bool,
    /// Of what something was said that the catalog does not keep.
    pub unseen: Vec<Member>,
    /// What is made once more, and for which column.
    pub remade: Vec<(Member, String)>,
    /// How many of the columns that are half done have been looked at for that.
    pub half_done_known: usize,
    /// Everything from here on comes in this phase at the earliest: what it says may mean something else
    /// before.
    pub all_floor: Phase,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            replaced: Phase::Expand,
            created: Vec::new(),
            granted: Vec::new(),
            revoked: Vec::new(),
            creation_floor: Phase::Expand,
            has_trigger: false,
            unseen: Vec::new(),
            remade: Vec::new(),
            half_done_known: 0,
            all_floor: Phase::Expand,
        }
    }
}

impl Draft<'_> {
    /// The latest phase of a step so far that reads or changes rows.
    pub fn latest_work(&self) -> Phase {
        let works = |action: &Action| match action {
            Action::Transaction { .. } | Action::Maintenance { .. } | Action::Verify { .. } => {
                false
            }
            Action::Concurrent { .. }
            | Action::Validate { .. }
            | Action::Backfill(_)
            | Action::Statement { .. } => true,
        };
        let steps = self.steps.iter().map(|drafted| &drafted.step);
        let phases = steps.filter(|step| works(&step.action)).map(|step| step.phase);
        phases.max().unwrap_or(Phase::Expand)
    }

    /// The phase of the last step that stands for the statement at hand.
    pub fn phase_of_statement(&self) -> Option<Phase> {
        let steps = self.steps.iter().map(|drafted| &drafted.step);
        steps.filter(|step| step.statements.contains(&self.number)).map(|step| step.phase).max()
    }

    /// The tables whose rows the statement at hand changes as the user says, and when.
    pub fn rows_changed(&self) -> Vec<(QualifiedName, Phase)> {
        let steps = self.steps.iter().map(|drafted| &drafted.step);
        steps
            .filter(|step| step.statements.contains(&self.number))
            .filter(|step| matches!(step.action, Action::Statement { .. } | Action::Backfill(_)))
            .flat_map(|step| step.locks.iter().map(|lock| (lock, step.phase)))
            .filter(|(lock, _)| lock.mode == crate::lock::LockMode::RowExclusive)
            .map(|(lock, phase)| (lock.relation.clone(), phase))
            .collect()
    }

    /// Puts `sql` into the one transaction that stands for statement `number`; false when there is no such.
    pub fn join_statement(&mut self, number: usize, sql: &str) -> bool {
        let at_hand = self.number;
        let mut steps = self
            .steps
            .iter_mut()
            .map(|drafted| &mut drafted.step)
            .filter(|step| step.statements.contains(&number));
        let (Some(step), None) = (steps.next(), steps.next()) else { return false };
        let Action::Transaction { sql: all } = &mut step.action else { return false };
        all.push(sql.to_owned());
        if !step.statements.contains(&at_hand) {
            step.statements.push(at_hand);
        }
        true
    }

    /// Whether a statement behind `number`, and before the one at hand, has `word`.
    pub fn word_since(&self, number: usize, word: &str) -> bool {
        let between = number..self.number.saturating_sub(1);
        self.words.get(between).is_some_and(|all| all.iter().any(|words| words.contains(word)))
    }
}
