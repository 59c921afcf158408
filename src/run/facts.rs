//! Comparing the database with what a plan, or the phase before, was sure of.

use super::error::RunError;
use super::runner::Runner;
use crate::catalog::{self, Catalog, facts};
use crate::plan::{Action, EMPTY, Fact, Plan, RelationLock, Undo};
use crate::sql::QualifiedName;
use std::collections::BTreeSet;

/// Facts about every relation that the plan concerns, as they are now.
pub(super) async fn involved(runner: &Runner<'_>) -> Result<Vec<Fact>, RunError> {
    let names: Vec<QualifiedName> = relations(runner.plan).into_iter().collect();
    let catalog = load(runner, &names).await?;
    let mut found = facts::facts(&catalog, &names);
    found.extend(facts::of_functions(&catalog, &functions(&runner.plan.facts)));
    found.sort();
    Ok(found)
}

/// What `facts` say of functions.
fn functions(facts: &[Fact]) -> BTreeSet<String> {
    let abouts = facts.iter().map(|fact| &fact.about);
    abouts.filter(|about| facts::FUNCTION.iter().any(|f| about.starts_with(f))).cloned().collect()
}

async fn load(runner: &Runner<'_>, names: &[QualifiedName]) -> Result<Catalog, RunError> {
    match catalog::load::load_relations(runner.work.client(), names).await {
        Ok(catalog) => Ok(catalog),
        Err(error) if runner.work.closed() => {
            Err(RunError::Lost { step: None, reason: error.message })
        }
        Err(error) => Err(RunError::Catalog(error)),
    }
}

/// Refuses to go on when one of `expected` is no longer so. `since` says where they come from, `started` whether the
/// rollout has begun.
pub(super) async fn compare(
    runner: &Runner<'_>,
    expected: &[Fact],
    since: &str,
    started: bool,
) -> Result<(), RunError> {
    if expected.is_empty() {
        return Ok(());
    }
    let names = spoken_of(expected);
    let catalog = load(runner, &names).await?;
    let mut found = facts::facts(&catalog, &names);
    found.extend(emptiness(expected, &catalog));
    found.extend(facts::of_functions(&catalog, &functions(expected)));
    found.sort();
    let differences = relevant_differences(expected, &found);
    if differences.is_empty() {
        return Ok(());
    }
    Err(RunError::FactsChanged { differences, since: since.to_owned(), started })
}

/// How the fact begins that says of a relation whether and what it is; every relation has one.
const RELATION: &str = "relation ";

/// Facts that say nothing about what a plan does: a partition that is added, as happens every day,
/// must not keep a rollout at its gate.
const PASSING: [&str; 2] = ["children of ", "publications of "];

/// Things that do no harm when they are new. What is not here (a trigger, a policy, a view that
/// depends on the table) does.
const HARMLESS_WHEN_NEW: [&str; 4] = ["column ", "constraint ", "index ", "statistics "];

/// The relations that `facts` are about.
fn spoken_of(facts: &[Fact]) -> Vec<QualifiedName> {
    let of = |fact: &Fact| {
        let name = fact.about.strip_prefix(RELATION).or_else(|| empty_relation(fact))?;
        name.parse().ok()
    };
    let names: BTreeSet<QualifiedName> = facts.iter().filter_map(of).collect();
    names.into_iter().collect()
}

fn empty_relation(fact: &Fact) -> Option<&str> {
    fact.about.strip_prefix(EMPTY)?.strip_prefix(' ')
}

/// Whether the tables that were empty for the plan still are.
fn emptiness(expected: &[Fact], catalog: &Catalog) -> Vec<Fact> {
    let is_empty = |name: &QualifiedName| {
        catalog
            .relation(name)
            .is_some_and(|found| catalog.leaves(found).iter().all(|leaf| leaf.empty))
    };
    expected
        .iter()
        .filter_map(|fact| Some((fact, empty_relation(fact)?.parse().ok()?)))
        .map(|(fact, name)| Fact {
            about: fact.about.clone(),
            value: if is_empty(&name) { "yes" } else { "no" }.to_owned(),
        })
        .collect()
}

fn relevant_differences(expected: &[Fact], found: &[Fact]) -> Vec<String> {
    let passing = |fact: &Fact| PASSING.iter().any(|start| fact.about.starts_with(start));
    let is_new = |fact: &Fact| expected.iter().all(|known| known.about != fact.about);
    let harmless = |fact: &Fact| {
        HARMLESS_WHEN_NEW.iter().any(|start| fact.about.starts_with(start)) && is_new(fact)
    };
    // A partition that is dropped, as happens every day too, takes its facts with it, and the foreign
    // keys that hung on other tables.
    let gone = dropped_partitions(expected, found);
    let of_gone = |fact: &Fact| gone.iter().any(|name| facts::is_about(&fact.about, name));
    let hung = |fact: &Fact| {
        !gone.is_empty()
            && fact.about.starts_with("dependant ")
            && found.iter().all(|known| known.about != fact.about)
    };
    let was: Vec<Fact> = expected
        .iter()
        .filter(|fact| !passing(fact) && !of_gone(fact) && !hung(fact))
        .cloned()
        .collect();
    // One that is added brings its part of each foreign key with it.
    let added = added_children(expected, found);
    let brought = |fact: &Fact| {
        fact.about.starts_with("dependant foreign key ")
            && is_new(fact)
            && added.iter().any(|child| fact.about.contains(&format!(" on {child} of ")))
    };
    let is: Vec<Fact> = found
        .iter()
        .filter(|fact| !passing(fact) && !harmless(fact) && !of_gone(fact) && !brought(fact))
        .cloned()
        .collect();
    facts::differences(&was, &is)
}

/// Partitions and children that the plan does not know.
fn added_children<'f>(expected: &[Fact], found: &'f [Fact]) -> Vec<&'f str> {
    let children = |facts: &'f [Fact]| {
        facts.iter().filter(|fact| fact.about.starts_with(PASSING[0])).flat_map(|fact| {
            let parent = fact.about.as_str();
            fact.value.split(", ").map(move |child| (parent, child))
        })
    };
    let known = |parent: &str, child: &str| {
        expected
            .iter()
            .any(|fact| fact.about == parent && fact.value.split(", ").any(|name| name == child))
    };
    children(found)
        .filter(|(parent, child)| !known(parent, child))
        .map(|(_, child)| child)
        .collect()
}

/// Partitions of the plan that are no longer there.
fn dropped_partitions<'f>(expected: &'f [Fact], found: &[Fact]) -> Vec<&'f str> {
    let absent = |name: &str| {
        found.iter().any(|fact| {
            fact.value == facts::ABSENT && fact.about.strip_prefix(RELATION) == Some(name)
        })
    };
    expected
        .iter()
        .filter_map(|fact| fact.about.strip_prefix("partition bound of "))
        .filter(|name| absent(name))
        .collect()
}

/// Every relation that a step or a statement of the plan speaks of.
fn relations(plan: &Plan) -> BTreeSet<QualifiedName> {
    let mut all = BTreeSet::new();
    let mut add = |locks: &[RelationLock]| {
        all.extend(locks.iter().map(|lock| lock.relation.clone()));
    };
    for statement in &plan.statements {
        add(&statement.locks);
    }
    for step in &plan.steps {
        add(&step.locks);
        undo_locks(&step.undo, &mut add);
    }
    for step in &plan.steps {
        all.extend(step.work.iter().map(|work| work.relation.clone()));
        match &step.action {
            Action::Backfill(backfill) => {
                all.insert(backfill.relation.clone());
            }
            Action::Verify { relation, .. } => {
                all.insert(relation.clone());
            }
            Action::Transaction { .. }
            | Action::Validate { .. }
            | Action::Concurrent { .. }
            | Action::Statement { .. }
            | Action::Maintenance { .. } => {}
        }
    }
    all
}

fn undo_locks(undo: &Undo, add: &mut impl FnMut(&[RelationLock])) {
    match undo {
        Undo::Transaction { locks, .. } => add(locks),
        Undo::Sequence { parts } => parts.iter().for_each(|part| undo_locks(part, add)),
        Undo::Nothing
        | Undo::Concurrent { .. }
        | Undo::Validate { .. }
        | Undo::Irreversible { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_named_and_what_does_not_is_not() {
        let fact = |about: &str, value: &str| Fact { about: about.into(), value: value.into() };
        let expected = [
            fact("children of public.t", "public.t1"),
            fact("column public.t.a", "text"),
            fact("column public.t.b", "integer"),
            fact("relation public.t", "table"),
        ];
        assert!(relevant_differences(&expected, &expected).is_empty());
        let found = [
            fact("children of public.t", "public.t1, public.t2"),
            fact("column public.t.a", "varchar"),
            fact("index i on public.t", "new"),
            fact("relation public.t", "table"),
            fact("trigger g on public.t", "fires"),
        ];
        assert_eq!(
            relevant_differences(&expected, &found),
            [
                "column public.t.a: was `text`, is now `varchar`",
                "column public.t.b is gone",
                "trigger g on public.t is new: `fires`"
            ]
        );
        let partition = [
            fact("partition bound of public.t", "DEFAULT"),
            fact("column public.t.a", "text"),
            fact("dependant foreign key k of public.o", "a"),
            fact("relation public.t", "table"),
        ];
        let dropped = [fact("relation public.t", "absent")];
        assert!(relevant_differences(&partition, &dropped).is_empty());
        assert!(!relevant_differences(&expected, &dropped).is_empty());
        assert_eq!(spoken_of(&expected), [QualifiedName::new("public", "t")]);
    }
}
