//! The timeline of a relation: two bars on one time scale, as written and as planned.
//!
//! A bar is a picture with a description in words; the table below it has the same in cells. Colour
//! and pattern both tell who waits, and the number in a stretch names its row in the table.

use super::super::review::{Lane, RelationReview, Stretch, Time, Touch, Wait, words};
use maud::{Markup, html};
use std::time::Duration;

/// Stretches shorter than this share of the scale get their least width only.
const LEAST_SHARE: f64 = 0.004;

pub(super) fn figure(relation: &RelationReview<'_>) -> Markup {
    let lanes = [("As written", &relation.written), ("As planned", &relation.planned)];
    let to_scale = lanes.iter().all(|(_, lane)| lane.is_to_scale());
    let totals = lanes.map(|(_, lane)| total(lane).as_secs_f64());
    let longest = totals[0].max(totals[1]);
    let scale = if to_scale && longest > 0.0 { Some(longest) } else { None };
    html! {
        figure {
            @for ((name, lane), total) in lanes.into_iter().zip(totals) {
                (bar(name, lane, total, scale))
            }
            figcaption.facts {
                @match scale {
                    Some(longest) => {
                        "Both on one scale: the full width is "
                        (words::time(Time::About(Duration::from_secs_f64(longest))).trim_start_matches('~'))
                        ". Short stretches are drawn wider than they are."
                    },
                    None if !to_scale => "Not to scale: sizes are unknown.",
                    None => "Not to scale: everything takes milliseconds.",
                }
            }
        }
    }
}

fn bar(name: &str, lane: &Lane, total: f64, scale: Option<f64>) -> Markup {
    let width = scale.map_or(100.0, |longest| 100.0 * total / longest);
    html! {
        div.lane {
            span.name { (name) }
            div.track tabindex="0" role="img" aria-label=(spoken(name, lane)) {
                div.bar style={ "width:" (format!("{width:.2}")) "%" } {
                    @for stretch in &lane.stretches { (piece(stretch, scale)) }
                    @if lane.touches().next().is_none() { span.nothing { "not touched" } }
                }
            }
        }
    }
}

fn piece(stretch: &Stretch, scale: Option<f64>) -> Markup {
    match stretch {
        Stretch::Touch(touch) => html! {
            i class={ "s " (class(touch.reads, touch.writes)) }
                style={ "flex-grow:" (grow(touch.time, scale)) }
                title=(described(touch)) { (touch.short) }
        },
        Stretch::Elsewhere(time) => html! {
            i.s.away style={ "flex-grow:" (grow(*time, scale)) } title="work elsewhere" {}
        },
        Stretch::Gate(phase) => html! { i.gate title={ "gate before " (phase) } { "gate" } },
    }
}

fn grow(time: Time, scale: Option<f64>) -> String {
    let share = match (time, scale) {
        (Time::About(time), Some(longest)) => time.as_secs_f64() / longest,
        (Time::Moment, Some(_)) => 0.0,
        (Time::Moment, None) => return "1".to_owned(),
        (Time::About(_) | Time::Unknown, _) => return "6".to_owned(),
    };
    if share < LEAST_SHARE { "0".to_owned() } else { format!("{:.2}", share * 1_000.0) }
}

/// The colour of the worst that anybody meets.
fn class(reads: Wait, writes: Wait) -> &'static str {
    match (reads, writes) {
        (Wait::Blocked, _) => "all",
        (_, Wait::Blocked) => "writes",
        (_, Wait::Rows) => "rows",
        (Wait::Brief, _) | (_, Wait::Brief) => "brief",
        (Wait::No | Wait::Rows, Wait::No) => "none",
    }
}

fn described(touch: &Touch) -> String {
    let waits = words::waits(touch.reads, touch.writes);
    format!("{}: {waits}, {}", touch.act, words::time(touch.time))
}

fn spoken(name: &str, lane: &Lane) -> String {
    let parts: Vec<String> = lane
        .stretches
        .iter()
        .filter_map(|stretch| match stretch {
            Stretch::Touch(touch) => Some(described(touch)),
            Stretch::Elsewhere(_) => None,
            Stretch::Gate(phase) => Some(format!("gate before {phase}")),
        })
        .collect();
    if parts.is_empty() {
        return format!("{name}: not touched");
    }
    format!("{name}. {}", parts.join(". "))
}

/// The length of the lane; what is unknown counts nothing.
fn total(lane: &Lane) -> Duration {
    let times = lane.stretches.iter().map(|stretch| match stretch {
        Stretch::Touch(Touch { time: Time::About(time), .. })
        | Stretch::Elsewhere(Time::About(time)) => *time,
        Stretch::Touch(_) | Stretch::Elsewhere(_) | Stretch::Gate(_) => Duration::ZERO,
    });
    times.sum()
}
