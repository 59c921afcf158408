//! As written and as planned in a few numbers.

use super::super::review::{Course, Extent, Review, words};
use super::boxed;
use maud::{Markup, html};

/// Name of a line, the colour of a long wait in it, and where its numbers are.
type Line = (&'static str, &'static str, fn(&Course) -> Extent);

pub(super) fn section(review: &Review<'_>) -> Markup {
    let summary = &review.summary;
    let mut columns = vec![("As written", &summary.written)];
    if let Some(together) = &summary.together {
        columns.push(("In one transaction", together));
    }
    columns.push(("As planned", &summary.planned));
    let rows_matter = columns.iter().any(|(_, course)| course.rows != Extent::Never);
    let mut lines: Vec<Line> = vec![
        ("Reads wait", "all", |course| course.reads),
        ("Writes wait", "writes", |course| course.writes),
    ];
    if rows_matter {
        lines.push(("Writes to changed rows wait", "rows", |course| course.rows));
    }
    let table = html! {
        table.summary {
            thead {
                tr {
                    td {}
                    @for (name, _) in &columns { th scope="col" { (name) } }
                }
            }
            tbody {
                @for (name, class, of) in &lines {
                    tr {
                        th scope="row" { (name) }
                        @for (_, course) in &columns { td { (chip(of(course), class)) } }
                    }
                }
                tr {
                    th scope="row" { "Takes" }
                    @for (_, course) in &columns { td { (words::extent(course.total)) } }
                }
            }
        }
    };
    html! {
        section {
            h3 { "In short" }
            (boxed("Waiting as written and as planned", &table))
            p.facts { (words::basis(review)) }
        }
    }
}

fn chip(extent: Extent, class: &str) -> Markup {
    let class = match extent {
        Extent::Never => "none",
        Extent::Moments(_) => "brief",
        Extent::About(_) | Extent::Unknown => class,
    };
    html! { span class={ "chip " (class) } { (words::extent(extent)) } }
}
