//! Phase by phase: what it needs from the application, what its steps do, how each is taken back.

use super::super::review::{Act, Review, words};
use super::sql;
use crate::plan::{Phase, Step};
use maud::{Markup, html};

pub(super) fn section(review: &Review<'_>) -> Markup {
    let plan = review.subject.plan;
    let steps = |phase: Phase| {
        plan.steps.iter().zip(&review.planned).filter(move |(step, _)| step.phase == phase)
    };
    let promises: Vec<String> = words::application_notes(plan).collect();
    let notes: Vec<String> = words::other_notes(plan).collect();
    html! {
        section {
            h3 { "What airlock does instead" }
            @if plan.steps.is_empty() { p { "Nothing to do." } }
            @if !promises.is_empty() {
                h4 { "What the application keeps to on the way" }
                ul { @for promise in &promises { li { (promise) } } }
            }
            @for phase in Phase::ALL {
                @if steps(phase).next().is_some() {
                    section.phase {
                        h4 { (phase.name()) }
                        p { (words::phase(phase)) }
                        (needs(&words::needs(plan, phase)))
                        ol.steps { @for (step, act) in steps(phase) { li { (one(step, act)) } } }
                    }
                }
            }
            @if !notes.is_empty() {
                h4 { "Worth knowing" }
                ul { @for note in &notes { li { (note) } } }
            }
        }
    }
}

fn needs(conditions: &[String]) -> Markup {
    html! {
        @if conditions.is_empty() {
            p.needs { strong { "Needs from the application: " } "nothing." }
        } @else {
            div.needs.stop {
                p { strong { "The run stops here until:" } }
                ul { @for condition in conditions { li { (condition) } } }
            }
        }
    }
}

fn one(step: &Step, act: &Act<'_>) -> Markup {
    let (how, statements) = words::action(step);
    let (undo, undo_statements) = words::undo(step);
    let many = |statements: &[String]| statements.join(";\n");
    html! {
        p.step {
            strong { (step.id) } " " (words::sentence(&step.why)) " "
            span.facts { (how) ", " (words::time(act.time)) }
        }
        details {
            summary { "SQL of " (step.id) }
            (sql(&many(&statements), &format!("SQL of {}", step.id)))
        }
        p.undo { strong { "To take it back: " } (undo) }
        @if !undo_statements.is_empty() {
            details {
                summary { "SQL that takes " (step.id) " back" }
                (sql(&many(&undo_statements), &format!("SQL that takes {} back", step.id)))
            }
        }
    }
}
