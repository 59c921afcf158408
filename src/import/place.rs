//! Where a place of a revision stands in the file that it was made from.
//!
//! The revision keeps the lines of the tool's file and their order, but leaves some out and may put the
//! way back behind the way there. A word alone says little: `;` stands everywhere.

use crate::sql::Span;
use std::ops::Range;

/// The place in `file`, of which the migration is the part `within`; `None` when it is not told for sure.
pub(super) fn in_file(
    revision: &str,
    span: Span,
    file: &str,
    within: Range<usize>,
) -> Option<Span> {
    let wrong = revision.get(span.range())?;
    // What ends too early is wrong at the end of its last line.
    let (at, length) = if wrong.trim().is_empty() {
        (revision[..span.start].trim_end().len(), 0)
    } else {
        (span.start, wrong.len())
    };
    let rows = rows(revision, 0);
    let (target, &(start, row)) = rows.iter().enumerate().rev().find(|(_, row)| row.0 <= at)?;
    let there = self::rows(file.get(within.clone())?, within.start);
    let section =
        rows[..target].iter().rposition(|(_, row)| is_mark(row)).map_or(0, |mark| mark + 1);
    let follow = |from: usize| follow(&rows[from..=target], &there);
    if let Some((found, line)) = follow(0).or_else(|| follow(section)) {
        let into = at.saturating_sub(start + indent(row));
        let start = (found + indent(line) + into).min(found + line.trim_end().len());
        return Some(Span::new(start, (start + length).min(found + line.trim_end().len())));
    }
    let mut places = file.match_indices(wrong).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(only), None) if !wrong.trim().is_empty() => Some(Span::new(only, only + wrong.len())),
        _ => None,
    }
}

/// The lines that say something, each with where it begins.
fn rows(text: &str, offset: usize) -> Vec<(usize, &str)> {
    let mut at = offset;
    let mut rows = Vec::new();
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            rows.push((at, line));
        }
        at += line.len();
    }
    rows
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether a section of the revision begins there, which is no line of the tool's.
fn is_mark(row: &str) -> bool {
    matches!(row.trim(), "-- upgrade" | "-- downgrade" | "-- verify")
}

/// The line that the last of `rows` is, when each is looked for behind the one before it. What only the
/// revision has is passed over.
fn follow<'t>(rows: &[(usize, &str)], there: &[(usize, &'t str)]) -> Option<(usize, &'t str)> {
    let mut next = 0;
    let mut found = None;
    for (_, row) in rows {
        let same = |(_, line): &(usize, &str)| line.trim() == row.trim();
        found = there[next..].iter().position(same).map(|ahead| next + ahead);
        next = found.map_or(next, |at| at + 1);
    }
    found.map(|at| there[at])
}
