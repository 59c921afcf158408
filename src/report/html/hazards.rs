//! What is hazardous about the migration as written, and what the codes mean.

use super::super::review::{Remark, Review, words};
use super::sql;
use crate::hazard::{Hazard, Severity};
use maud::{Markup, html};

pub(super) fn section(review: &Review<'_>) -> Markup {
    let remarks = review.subject.remarks;
    if remarks.is_empty() {
        return html! {};
    }
    html! {
        section {
            h3 { "Hazards as written" }
            ul.hazards {
                @for remark in remarks { li { (one(remark)) } }
            }
        }
    }
}

fn one(remark: &Remark) -> Markup {
    html! {
        p {
            span class={ "chip " (class(remark.severity)) } { (remark.severity.name()) }
            " " a href={ "#" (remark.hazard.code) } { (remark.hazard.code) " " (remark.hazard.name) }
            " in statement " (remark.statement) ": " (words::stopped(&remark.message))
        }
        @if let Some(remedy) = &remark.remedy { p.remedy { (remedy) } }
        @if let Some(reason) = &remark.allowed { p.remedy { "Allowed: " (words::stopped(reason)) } }
    }
}

fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "all",
        Severity::Warning => "brief",
        Severity::Info => "idle",
    }
}

/// The page of every hazard that occurs, once.
pub(super) fn meanings(reviews: &[Review<'_>]) -> Markup {
    let mut hazards: Vec<&'static Hazard> = reviews.iter().flat_map(Review::hazards).collect();
    hazards.sort_by_key(|hazard| hazard.code);
    hazards.dedup_by_key(|hazard| hazard.code);
    if hazards.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "What the codes mean" }
            @for hazard in hazards {
                section.meaning id=(hazard.code) {
                    h3 { (hazard.code) " " (hazard.name) }
                    p { (words::stopped(hazard.summary)) }
                    p { (hazard.effect) }
                    p { strong { "What to do. " } (hazard.remedy) }
                    details {
                        summary { "Examples" }
                        p { "Has the hazard:" }
                        (sql(hazard.bad, "Example that has the hazard"))
                        p { "Has it not:" }
                        (sql(hazard.good, "Example that does not have the hazard"))
                        p.facts { (hazard.source) }
                    }
                }
            }
        }
    }
}
