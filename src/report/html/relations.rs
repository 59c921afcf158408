//! Relation by relation: timeline, table and what hangs on it.

use super::super::review::{Lane, RelationReview, Review, Touch, Wait, words};
use super::{boxed, timeline};
use maud::{Markup, html};

/// Most dependants that are shown without unfolding.
const SHOWN: usize = 8;

pub(super) fn section(review: &Review<'_>, plan: usize) -> Markup {
    html! {
        section {
            h3 { "What is locked against whom" }
            @if review.relations.is_empty() {
                p { "Nothing that anybody uses is locked." }
            }
            @for (index, relation) in review.relations.iter().enumerate() {
                (one(review, relation, &format!("p{plan}-r{}", index + 1)))
            }
        }
    }
}

fn one(review: &Review<'_>, relation: &RelationReview<'_>, id: &str) -> Markup {
    let name = relation.name.to_string();
    html! {
        section.relation id=(id) aria-labelledby={ (id) "-title" } {
            h4 id={ (id) "-title" } { code { (name) } }
            @match (relation.known, review.subject.catalog) {
                (Some(known), Some(catalog)) => p.facts { (words::size(known, catalog)) },
                (None, Some(_)) => p.facts { "not there before the migration" },
                _ => p.facts { "size unknown" },
            }
            (timeline::figure(relation))
            (boxed(&format!("Locks on {name}"), &table(relation)))
            (dependants(relation))
        }
    }
}

fn table(relation: &RelationReview<'_>) -> Markup {
    html! {
        table {
            thead {
                tr {
                    @for head in ["When", "Reads", "Writes", "Time", "Work", "Lock"] {
                        th scope="col" { (head) }
                    }
                }
            }
            (group("As written", &relation.written))
            (group("As planned", &relation.planned))
        }
    }
}

fn group(name: &str, lane: &Lane) -> Markup {
    html! {
        tbody {
            tr.group { th colspan="6" scope="rowgroup" { (name) } }
            @if lane.touches().next().is_none() {
                tr { td colspan="6" { "not touched" } }
            }
            @for touch in lane.touches() { (row(touch)) }
        }
    }
}

fn row(touch: &Touch) -> Markup {
    html! {
        tr {
            th scope="row" { (touch.act) }
            td { (chip(touch.reads, "all")) }
            td { (chip(touch.writes, "writes")) }
            td { (words::time(touch.time)) }
            td { (words::work(touch)) }
            td { (words::lock(touch)) }
        }
    }
}

fn chip(wait: Wait, blocked: &str) -> Markup {
    let class = match wait {
        Wait::No => "none",
        Wait::Brief => "brief",
        Wait::Rows => "rows",
        Wait::Blocked => blocked,
    };
    html! { span class={ "chip " (class) } { (wait.words()) } }
}

fn dependants(relation: &RelationReview<'_>) -> Markup {
    let items = &relation.dependants.items;
    if items.is_empty() {
        return html! {};
    }
    let list = |items: &[_]| html! { ul.dependants { @for item in items { (dependant(item)) } } };
    html! {
        h5 { "What hangs on it" }
        (list(&items[..items.len().min(SHOWN)]))
        @if items.len() > SHOWN {
            details {
                summary { (items.len() - SHOWN) " more" }
                (list(&items[SHOWN..]))
            }
        }
    }
}

fn dependant(item: &super::super::review::Item<'_>) -> Markup {
    html! {
        li {
            (item.kind) " " code { (item.name) }
            @if !item.columns.is_empty() {
                " reads "
                @for (index, column) in item.columns.iter().enumerate() {
                    @if index > 0 { ", " }
                    code { (column) }
                }
            }
            @if item.is_named() { " " span.chip.brief { "column named by this migration" } }
        }
    }
}
