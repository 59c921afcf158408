//! The lock-impact report as one HTML file that needs nothing else: no script, no font, no image, no
//! address of the network. Readable in light and dark, on a phone, printed, and read aloud.
//!
//! `maud` escapes every text; characters that would turn the direction of writing or drive a
//! terminal are taken out of the finished page. The same input gives the same bytes.

mod hazards;
mod phases;
mod relations;
mod summary;
mod timeline;

use super::printable;
use super::review::{Review, words};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// Nothing is loaded and nothing runs, whatever got into the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'";

/// The page of these plans, in the order in which they run.
pub fn page(reviews: &[Review<'_>]) -> String {
    let title = match reviews {
        [only] => only.subject.plan.revision.message.clone(),
        _ => format!("{} migrations", reviews.len()),
    };
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                title { "Lock impact: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Lock impact" }
                    @if reviews.len() > 1 { (contents(reviews)) }
                }
                main {
                    @for (index, review) in reviews.iter().enumerate() {
                        (plan(review, index + 1))
                    }
                    (hazards::meanings(reviews))
                    (legend())
                }
            }
        }
    };
    printable(&markup.into_string())
}

fn contents(reviews: &[Review<'_>]) -> Markup {
    html! {
        nav aria-label="Migrations" {
            ol {
                @for (index, review) in reviews.iter().enumerate() {
                    li { a href={ "#p" (index + 1) } { (review.subject.plan.revision.message) } }
                }
            }
        }
    }
}

fn plan(review: &Review<'_>, number: usize) -> Markup {
    let plan = review.subject.plan;
    html! {
        article id={ "p" (number) } aria-labelledby={ "p" (number) "-title" } {
            h2 id={ "p" (number) "-title" } { (plan.revision.message) }
            p.facts {
                "Revision " code { (plan.revision.id) } " · PostgreSQL " (plan.server) " · "
                (words::shape(plan))
            }
            (summary::section(review))
            (hazards::section(review))
            (relations::section(review, number))
            (phases::section(review))
            (written(review))
            p.facts { "Plan digest " code.digest { (plan.digest) } }
        }
    }
}

/// The migration as its author wrote it.
fn written(review: &Review<'_>) -> Markup {
    html! {
        section {
            h3 { "The migration as written" }
            ol.statements {
                @for statement in &review.subject.plan.statements {
                    li value=(statement.number) {
                        span.facts { "line " (statement.line) }
                        (sql(&statement.sql, "Statement as written"))
                    }
                }
            }
        }
    }
}

/// SQL in a box that scrolls by itself.
fn sql(text: &str, label: &str) -> Markup {
    html! {
        pre tabindex="0" role="region" aria-label=(label) { code { (text.trim_end()) } }
    }
}

/// A table in a box that scrolls by itself, so that the page never does.
fn boxed(label: &str, table: &Markup) -> Markup {
    html! { div.box tabindex="0" role="region" aria-label=(label) { (table) } }
}

fn legend() -> Markup {
    html! {
        section {
            h2 { "How to read this" }
            ul.legend {
                li { span.chip.all { "reads and writes blocked" } " Every statement on the relation waits until the work is done." }
                li { span.chip.writes { "writes blocked" } " " code { "SELECT" } " goes on; " code { "INSERT" } ", " code { "UPDATE" } " and " code { "DELETE" } " wait until the work is done." }
                li { span.chip.rows { "writes to changed rows blocked" } " Who writes a row that has been changed waits until the transaction ends." }
                li { span.chip.brief { "wait briefly" } " The lock is held for milliseconds, whatever the size." }
                li { span.chip.none { "nobody waits" } " Reads and writes go on." }
            }
            p {
                "A lock that is waited for makes others wait behind it. airlock therefore looks before it queues, \
                 and gives up its place within the stall budget; a migration as written waits, and lets wait, \
                 for as long as the oldest transaction in its way is open. That wait is in no time shown here."
            }
            p {
                "“As written” means each statement in a transaction of its own. “In one transaction” means what \
                 most migration tools do: every lock stays until the last statement is done."
            }
        }
    }
}
