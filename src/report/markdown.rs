//! The lock-impact report as Markdown, for a comment on a pull request.
//!
//! Names, messages and SQL come from outside: they stand in code or are escaped, so that none of them
//! can make a heading, a link, a tag or a mention.

use super::escape::{code, fence, inline};
use super::printable;
use super::review::{Course, Extent, RelationReview, Remark, Review, Touch, words};
use crate::hazard::Severity;
use crate::plan::{Phase, Step};
use std::fmt::Write;

/// Longest SQL of a step, in characters: GitHub takes comments of up to 65,536.
const MAX_SQL_CHARS: usize = 4_000;
/// Most dependants of a relation.
const MAX_DEPENDANTS: usize = 12;

/// The report of these plans, in the order in which they run.
pub fn page(reviews: &[Review<'_>]) -> String {
    let mut out = String::new();
    for (index, review) in reviews.iter().enumerate() {
        if index > 0 {
            out.push_str("\n---\n\n");
        }
        plan(&mut out, review);
    }
    out
}

// Writing to a string cannot fail: results of `write!` are dropped throughout.
fn plan(out: &mut String, review: &Review<'_>) {
    let plan = review.subject.plan;
    let _ = writeln!(out, "## Lock impact: {}\n", inline(&plan.revision.message));
    let id = code(&plan.revision.id);
    let _ = writeln!(out, "{id}, PostgreSQL {}: {}.\n", plan.server, words::shape(plan));
    summary(out, review);
    let _ = writeln!(out, "\n{}\n", words::basis(review));
    if !review.subject.remarks.is_empty() {
        out.push_str("### Hazards as written\n\n");
        for remark in review.subject.remarks {
            hazard(out, remark);
        }
        out.push('\n');
    }
    if !review.relations.is_empty() {
        out.push_str("### What is locked against whom\n\n");
    }
    for relation in &review.relations {
        self::relation(out, review, relation);
    }
    phases(out, review);
}

fn summary(out: &mut String, review: &Review<'_>) {
    let summary = &review.summary;
    let mut columns = vec![("as written", &summary.written)];
    if let Some(together) = &summary.together {
        columns.push(("in one transaction", together));
    }
    columns.push(("as planned", &summary.planned));
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(out, "| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    let mut line = |name: &str, of: fn(&Course) -> Extent| {
        let cells: Vec<String> = columns
            .iter()
            .map(|(_, course)| match of(course) {
                extent @ (Extent::About(_) | Extent::Unknown) => {
                    format!("**{}**", words::extent(extent))
                }
                extent => words::extent(extent),
            })
            .collect();
        let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
    };
    line("reads wait", |course| course.reads);
    line("writes wait", |course| course.writes);
    if columns.iter().any(|(_, course)| course.rows != Extent::Never) {
        line("writes to changed rows wait", |course| course.rows);
    }
    let totals: Vec<String> =
        columns.iter().map(|(_, course)| words::extent(course.total)).collect();
    let _ = writeln!(out, "| takes | {} |", totals.join(" | "));
}

fn hazard(out: &mut String, remark: &Remark) {
    let mark = match remark.severity {
        Severity::Error => "🔴",
        Severity::Warning => "🟡",
        Severity::Info => "🔵",
    };
    let _ = write!(
        out,
        "- {mark} {} **{} {}** in statement {}: {}",
        remark.severity.name(),
        remark.hazard.code,
        remark.hazard.name,
        remark.statement,
        inline(&words::stopped(&remark.message)),
    );
    if let Some(remedy) = &remark.remedy {
        let _ = write!(out, " {}", inline(remedy));
    }
    if let Some(reason) = &remark.allowed {
        let _ = write!(out, " Allowed: {}", inline(&words::stopped(reason)));
    }
    out.push('\n');
}

fn relation(out: &mut String, review: &Review<'_>, relation: &RelationReview<'_>) {
    let size = match (relation.known, review.subject.catalog) {
        (Some(known), Some(catalog)) => words::size(known, catalog),
        (None, Some(_)) => "not there before the migration".to_owned(),
        _ => "size unknown".to_owned(),
    };
    let _ = writeln!(out, "#### {}\n\n{size}\n", code(&relation.name.to_string()));
    out.push_str(
        "| | when | lock | reads | writes | work | time |\n|---|---|---|---|---|---|---|\n",
    );
    for (name, lane) in [("as written", &relation.written), ("as planned", &relation.planned)] {
        let mut name = name;
        for touch in lane.touches() {
            row(out, name, touch);
            name = "";
        }
        if !name.is_empty() {
            let _ = writeln!(out, "| {name} | not touched | | | | | |");
        }
    }
    out.push('\n');
    dependants(out, relation);
}

fn row(out: &mut String, name: &str, touch: &Touch) {
    use super::review::Wait;
    let wait = |wait: Wait| match wait {
        Wait::Blocked | Wait::Rows => format!("**{}**", wait.words()),
        Wait::No | Wait::Brief => wait.words().to_owned(),
    };
    let _ = writeln!(
        out,
        "| {name} | {} | {} | {} | {} | {} | {} |",
        touch.act,
        words::lock(touch),
        wait(touch.reads),
        wait(touch.writes),
        words::work(touch),
        words::time(touch.time),
    );
}

fn dependants(out: &mut String, relation: &RelationReview<'_>) {
    let items = &relation.dependants.items;
    if items.is_empty() {
        return;
    }
    let shown = items.iter().take(MAX_DEPENDANTS).map(|item| {
        let mark = if item.is_named() { " (reads a column that this migration names)" } else { "" };
        format!("{} {}{mark}", item.kind, code(&item.name))
    });
    let shown: Vec<String> = shown.collect();
    let _ = write!(out, "Hangs on it: {}", shown.join(", "));
    match items.len().saturating_sub(MAX_DEPENDANTS) {
        0 => out.push_str(".\n\n"),
        more => {
            let _ = writeln!(out, ", and {more} more.\n");
        }
    }
}

fn phases(out: &mut String, review: &Review<'_>) {
    let plan = review.subject.plan;
    out.push_str("### What airlock does instead\n\n");
    for note in words::application_notes(plan) {
        let _ = writeln!(out, "- The application: {}", inline(&note));
    }
    for note in words::other_notes(plan) {
        let _ = writeln!(out, "- {}", inline(&note));
    }
    if !plan.notes.is_empty() {
        out.push('\n');
    }
    if plan.steps.is_empty() {
        out.push_str("Nothing to do.\n");
    }
    for phase in Phase::ALL {
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.phase == phase).collect();
        if steps.is_empty() {
            continue;
        }
        let _ = writeln!(out, "**{}**: {}\n", phase.name(), words::phase(phase));
        let needs = words::needs(plan, phase);
        if !needs.is_empty() {
            out.push_str("The run stops here until:\n\n");
            for need in &needs {
                let _ = writeln!(out, "- [ ] {}", inline(need));
            }
            out.push('\n');
        }
        for step in &steps {
            let undo = words::undo(step).0;
            let _ = writeln!(
                out,
                "- {}: {} *To take it back:* {}",
                code(&step.id),
                inline(&words::sentence(&step.why)),
                inline(&undo),
            );
        }
        let sql: Vec<String> = steps.iter().map(|step| sql(step)).collect();
        let sql = cut(&printable(&sql.join("\n")));
        let fence = fence(&sql);
        let name = phase.name();
        let _ = writeln!(out, "\n<details><summary>SQL of {name}</summary>\n");
        let _ = writeln!(out, "{fence}sql\n{}\n{fence}\n\n</details>\n", sql.trim_end());
    }
}

/// The step's statements and those that take it back, under comments that say so.
fn sql(step: &Step) -> String {
    let mut text = format!("-- {}\n", step.id);
    for statement in words::action(step).1 {
        let _ = writeln!(text, "{};", statement.trim_end());
    }
    let (_, undo) = words::undo(step);
    if !undo.is_empty() {
        let _ = writeln!(text, "-- to take {} back", step.id);
    }
    for statement in undo {
        let _ = writeln!(text, "{};", statement.trim_end());
    }
    text
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SQL_CHARS) {
        Some((at, _)) => format!("{}\n-- … the rest is in the plan file", &text[..at]),
        None => text.to_owned(),
    }
}
