//! The order in which a tool runs the files of a folder, and which of them it runs at all.

use super::{Tool, detect, flyway};
use crate::revision::{Graph, file, repeatable};
use std::cmp::Ordering;

/// A file of a folder.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// From where the folder is, with `/`.
    pub path: &'a str,
    pub text: &'a str,
}

/// The files that are run, in order, each with its tool. `tool` overrides what the files look like.
pub fn arrange(files: &[Candidate<'_>], tool: Option<Tool>) -> Vec<(usize, Tool)> {
    let tools: Vec<Tool> =
        files.iter().map(|file| tool.unwrap_or_else(|| detect(file.path, file.text))).collect();
    // A folder belongs to one tool; files without its marks are its too.
    let of_folder = tool.unwrap_or_else(|| prevailing(&tools));
    let mut kept: Vec<(usize, Tool)> = tools
        .into_iter()
        .enumerate()
        .filter(|(index, _)| runs(files[*index].path))
        .map(|(index, tool)| (index, if tool == Tool::Sql { of_folder } else { tool }))
        .collect();
    if of_folder == Tool::Airlock
        && let Some(order) = by_parents(files)
    {
        let place = |index: usize| order.iter().position(|id| *id == index).unwrap_or(usize::MAX);
        kept.sort_by_key(|(index, _)| place(*index));
        return kept;
    }
    kept.sort_by(|(a, _), (b, _)| compare(files[*a].path, files[*b].path, of_folder));
    kept
}

/// The same for files that were named one by one: none is left out, and only tools that number their
/// files change the order, because a shell sorts `V10` before `V2`.
pub fn arrange_given(files: &[Candidate<'_>], tool: Option<Tool>) -> Vec<(usize, Tool)> {
    let mut given: Vec<(usize, Tool)> = files
        .iter()
        .map(|file| tool.unwrap_or_else(|| detect(file.path, file.text)))
        .enumerate()
        .collect();
    if given.iter().all(|(_, tool)| *tool == Tool::Flyway) {
        given.sort_by(|(a, _), (b, _)| compare(files[*a].path, files[*b].path, Tool::Flyway));
    }
    given
}

/// The tool that most files belong to, plain SQL aside.
fn prevailing(tools: &[Tool]) -> Tool {
    let count = |tool: Tool| tools.iter().filter(|other| **other == tool).count();
    let known = tools.iter().copied().filter(|tool| *tool != Tool::Sql);
    known.max_by_key(|tool| count(*tool)).unwrap_or(Tool::Sql)
}

/// Whether the tools run the file on the way up.
fn runs(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.ends_with(".down.sql") && !flyway::is_undo(name)
}

/// Parents before children, without repeatable files, which come last; `None` when the revisions do not hang together.
fn by_parents(files: &[Candidate<'_>]) -> Option<Vec<usize>> {
    let mut revisions = Vec::new();
    for file in files.iter().filter(|file| !repeatable::is_path(file.path)) {
        revisions.push(file::read(file.path, file.text).ok()?);
    }
    let graph = Graph::build(revisions).ok()?;
    let place = |path: &str| files.iter().position(|file| file.path == path);
    graph.linear().ok()?.iter().map(|revision| place(&revision.path)).collect()
}

fn compare(a: &str, b: &str, tool: Tool) -> Ordering {
    if tool == Tool::Flyway {
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let (a_name, b_name) = (name(a), name(b));
        return match (flyway::version(&a_name), flyway::version(&b_name)) {
            (Some(a), Some(b)) => by_version(&a, &b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => a_name.cmp(&b_name),
        };
    }
    natural(a, b)
}

/// 1.10 after 1.9, and 1.0 where 1 is.
fn by_version(a: &[u64], b: &[u64]) -> Ordering {
    let part = |version: &[u64], index: usize| version.get(index).copied().unwrap_or(0);
    (0..a.len().max(b.len()))
        .map(|index| part(a, index).cmp(&part(b, index)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Numbers within names by their value, the rest as text.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (a_text, a_digits, a_rest) = chunk(a);
        let (b_text, b_digits, b_rest) = chunk(b);
        let by_value = || {
            let (x, y) = (a_digits.trim_start_matches('0'), b_digits.trim_start_matches('0'));
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        };
        let order = match (a_digits.is_empty(), b_digits.is_empty()) {
            (false, false) => a_text.cmp(b_text).then_with(by_value),
            _ => a.cmp(b),
        };
        if order.is_ne() || a_rest.is_empty() || b_rest.is_empty() {
            return order.then_with(|| a_rest.cmp(b_rest));
        }
        (a, b) = (a_rest, b_rest);
    }
}

/// Text up to the first digit, the digits, and what follows them.
fn chunk(text: &str) -> (&str, &str, &str) {
    let digit = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (before, rest) = text.split_at(digit);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    (before, &rest[..end], &rest[end..])
}
