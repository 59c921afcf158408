//! What a later statement may make again, and steps that change places for it.

use super::{Draft, Drafted};
use crate::plan::{Action, Phase, Step};
use crate::rewrite::again::{Dropped, Kind};
use crate::rewrite::text;
use crate::sql::{QualifiedName, Statement};
use std::collections::BTreeSet;

impl Draft<'_> {
    /// The statement at hand drops `name` of `relation` by `sql`: a later one may make it again.
    pub fn remember_dropped(
        &mut self,
        relation: &QualifiedName,
        name: &str,
        kind: Kind,
        sql: &str,
    ) {
        self.dropped.push(Dropped {
            relation: relation.clone(),
            name: name.to_owned(),
            kind,
            statement: self.number,
            sql: sql.to_owned(),
        });
    }

    /// What was dropped by the statement `before` is dropped by `after`, which does more.
    pub fn drops_by(&mut self, before: &str, after: &str) {
        for dropped in self.dropped.iter_mut().filter(|dropped| dropped.sql == before) {
            after.clone_into(&mut dropped.sql);
        }
    }

    /// What an earlier statement dropped of `relation`, when `is` says so.
    pub fn dropped_before(
        &self,
        relation: &QualifiedName,
        is: impl Fn(&Dropped) -> bool,
    ) -> Option<Dropped> {
        self.dropped
            .iter()
            .rev()
            .find(|dropped| dropped.relation == *relation && is(dropped))
            .cloned()
    }

    /// Whether a statement between the one that dropped it and the one at hand names the table.
    pub fn touched_since(&self, dropped: &Dropped) -> bool {
        let between = dropped.statement..self.number.saturating_sub(1);
        self.words
            .get(between)
            .is_some_and(|words| words.iter().any(|words| words.contains(&dropped.relation.name)))
    }

    /// The transaction among the steps so far in which `sql` stands.
    pub fn transaction_with(&mut self, sql: &str) -> Option<&mut Step> {
        self.steps.iter_mut().map(|drafted| &mut drafted.step).find(
            |step| matches!(&step.action, Action::Transaction { sql: all } if all.iter().any(|one| one == sql)),
        )
    }

    /// The phase of the step that does `sql` and nothing else.
    pub fn phase_of(&self, sql: &str) -> Option<Phase> {
        self.steps.iter().find(|drafted| does(&drafted.step.action, sql)).map(|d| d.step.phase)
    }

    /// Takes the step away that does `sql` and nothing else.
    pub fn take_step(&mut self, sql: &str) -> Option<Drafted> {
        let place = self.steps.iter().position(|drafted| does(&drafted.step.action, sql))?;
        Some(self.steps.remove(place))
    }

    /// Puts a step that was taken away behind the others; it stands for the statement at hand too.
    pub fn push_back(&mut self, mut drafted: Drafted) {
        if !drafted.step.statements.contains(&self.number) {
            drafted.step.statements.push(self.number);
        }
        self.steps.push(drafted);
    }

    /// Puts a step that was taken away before those of the statement at hand.
    pub fn push_front(&mut self, drafted: Drafted) {
        let number = self.number;
        let place = self.steps.iter().position(|d| d.step.statements.contains(&number));
        self.steps.insert(place.unwrap_or(self.steps.len()), drafted);
    }

    /// Lets the statement at hand come as early as it could if `member` of `relation` were not dropped
    /// late; gives the floor to restore.
    pub fn lower_floor_without(&mut self, relation: &QualifiedName, member: &str) -> Phase {
        let words = self.words.get(self.number.saturating_sub(1)).cloned().unwrap_or_default();
        self.lower_floor(relation, member, &words)
    }

    /// The same for `part` of the statement: what its other parts touch does not hold it up.
    pub fn lower_floor_of_part(
        &mut self,
        part: &Statement,
        relation: &QualifiedName,
        member: &str,
    ) -> Phase {
        self.lower_floor(relation, member, &text::words(&part.sql))
    }

    fn lower_floor(
        &mut self,
        relation: &QualifiedName,
        member: &str,
        words: &BTreeSet<String>,
    ) -> Phase {
        let lowered = self.floors.without(relation, member).of_words(
            words,
            std::slice::from_ref(relation),
            true,
        );
        std::mem::replace(&mut self.floor, lowered)
    }

    pub fn restore_floor(&mut self, floor: Phase) {
        self.floor = floor;
    }

    /// Nobody may see what is between the statement at hand and the next one that has all these words.
    pub fn together_until(&mut self, wanted: &[&str]) {
        let has = |words: &BTreeSet<String>| wanted.iter().all(|word| words.contains(*word));
        let later = self.words.iter().enumerate().skip(self.number).find(|(_, words)| has(words));
        if let Some((index, _)) = later {
            self.together_until = self.together_until.max(index + 1);
        }
    }

    pub fn is_together(&self) -> bool {
        self.number <= self.together_until
    }
}

/// Whether `action` is `sql` and nothing else.
fn does(action: &Action, sql: &str) -> bool {
    match action {
        Action::Transaction { sql: all } => all.len() == 1 && all[0] == sql,
        Action::Concurrent { sql: one, .. } => one == sql,
        Action::Validate { .. }
        | Action::Backfill(_)
        | Action::Verify { .. }
        | Action::Statement { .. }
        | Action::Maintenance { .. } => false,
    }
}
