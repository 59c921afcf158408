//! Revisions that follow one another become one. Pure: that the one does what they did is proven elsewhere.
//!
//! The one keeps the id of the last of them. A database that has run all of them has it then, revisions
//! that come after it keep their parents, and their plans stay what they are. Its `-- replaces:` line says
//! what it stands for, so that a database that has a part of it is told from one that has nothing.

use super::{Graph, Replaced, Revision, RevisionId, file};
use crate::error::{Error, Kind};
use crate::sql::{Diagnostic, SqlError, canonical::digest, parse};
use pg_query::NodeEnum;
use std::collections::BTreeSet;
use std::ops::Range;

/// So many digits of a digest are kept.
const DIGEST_DIGITS: usize = 16;
/// Settings that planning leaves out of every section.
const LEFT_OUT: [&str; 2] = ["lock_timeout", "statement_timeout"];

/// The line of parents from the first of `found` to the last of it.
///
/// # Errors
/// `Kind::Refused` when branches come together on the way; `Kind::Input` when there is none.
pub fn line<'g>(graph: &'g Graph, found: &[&'g Revision]) -> Result<Vec<&'g Revision>, Error> {
    let ([first, ..], [.., last]) = (found, found) else { return Ok(Vec::new()) };
    let mut line = vec![*last];
    let mut at = *last;
    while at.id != first.id {
        match &at.parents[..] {
            [parent] => match graph.get(parent.as_str()) {
                Some(parent) => at = parent,
                None => return Ok(Vec::new()),
            },
            [] => {
                let message = format!("no line of parents leads from {} to {}", first.id, last.id);
                return Err(Error::new(Kind::Input, message)
                    .detail(format!("{} has no parent ({}).", at.id, at.path)));
            }
            several => {
                let message = format!("branches come together in revision {}", at.id);
                return Err(Error::new(Kind::Refused, message)
                    .detail(format!("Its parents are {} ({}).", file::ids(several), at.path))
                    .hint("Only a line can become one revision: let the range begin there, or end before."));
            }
        }
        line.push(at);
    }
    line.reverse();
    Ok(line)
}

/// Refuses what is no line of at least two revisions with one way in and one way out.
///
/// # Errors
/// `Kind::Refused` with the revision at which the line forks.
pub fn refuse_forks(graph: &Graph, range: &[&Revision]) -> Result<(), Error> {
    if range.len() < 2 {
        return Err(Error::new(Kind::Input, "there is nothing to squash")
            .detail(format!("The range holds {} revision.", range.len()))
            .hint("Name the first and the last one: `airlock squash a1b2:c3d4`."));
    }
    for (index, revision) in range.iter().enumerate() {
        let next = range.get(index + 1).map(|next| &next.id);
        let children = graph.children(&revision.id);
        if let Some(next) = next
            && let Some(other) = children.iter().find(|child| child.id != *next)
        {
            return Err(Error::new(
                Kind::Refused,
                format!("a branch begins at revision {}", revision.id),
            )
            .detail(format!("{} comes after it too ({}).", other.id, other.path))
            .hint(
                "Only a line can become one revision. Squash what stands before it, and what comes after it.",
            ));
        }
    }
    Ok(())
}

/// Upgrade sections, one after the other.
///
/// # Errors
/// SQL that cannot be read; a setting that would reach into the next one.
pub fn upgrade(range: &[&Revision]) -> Result<String, Error> {
    let mut text = String::new();
    for revision in range {
        text.push_str(&section(revision, &revision.upgrade)?);
    }
    Ok(text)
}

/// Downgrade sections, the last one first; nothing when none of them has one.
///
/// # Errors
/// SQL that cannot be read; a revision that has none, among others that have.
pub fn downgrade(range: &[&Revision]) -> Result<String, Error> {
    let mut text = String::new();
    let mut without = None;
    for revision in range.iter().rev() {
        let own = match &revision.downgrade {
            Some(place) => section(revision, place)?,
            None => String::new(),
        };
        let does =
            !revision.upgrade_script().map_err(|e| in_file(revision, e))?.statements.is_empty();
        if own.is_empty() && does {
            without = without.or(Some(*revision));
        }
        text.push_str(&own);
    }
    match without {
        Some(revision) if !text.is_empty() => {
            let message = format!("revision {} has no downgrade section", revision.id);
            Err(Error::new(Kind::Refused, message)
                .detail(format!(
                    "Others of the range have one; without that of {} they lead nowhere.",
                    revision.path
                ))
                .hint("Write it; or, with --no-downgrade, the squashed revision has none."))
        }
        Some(_) | None => Ok(text),
    }
}

/// A section's text, ready for another one after it; empty when it holds no statement.
fn section(revision: &Revision, place: &Range<usize>) -> Result<String, Error> {
    if !revision.variables.is_empty() {
        let message = format!(
            "{} has variables, and a squashed revision would hold their values",
            revision.path
        );
        return Err(Error::new(Kind::Refused, message)
            .hint("Leave it out of the range, or write the values into it first."));
    }
    let script = parse(&revision.text, place.clone()).map_err(|error| in_file(revision, error))?;
    for statement in &script.statements {
        if let NodeEnum::VariableSetStmt(set) = &statement.node
            && !LEFT_OUT.contains(&set.name.as_str())
        {
            let found = Diagnostic::new(
                "a setting would reach into the revisions after it",
                statement.span,
            )
            .hint(
                "Write names with their schema instead; or leave this revision out of the range.",
            );
            return Err(Error::at(Kind::Refused, &revision.path, &revision.text, found));
        }
    }
    let Some(last) = script.statements.last() else { return Ok(String::new()) };
    let (text, end) = (&revision.text, last.span.end);
    let rest = text[end..place.end].trim_end();
    let semicolon = if rest.trim_start().starts_with(';') { "" } else { ";" };
    let body =
        format!("{}{semicolon}{rest}", text[place.start..end].trim_start_matches(['\n', '\r']));
    let message = revision.message.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(format!("-- from {}: {message}\n{}\n", revision.id, body.trim_end()))
}

/// Those of the range, with what was squashed into them before.
///
/// # Errors
/// SQL that cannot be read.
pub fn replaces(range: &[&Revision]) -> Result<Vec<Replaced>, Error> {
    let mut found: Vec<Replaced> = Vec::new();
    for revision in range {
        let script = revision.upgrade_script().map_err(|error| in_file(revision, error))?;
        let digest: String = digest(&script).chars().take(DIGEST_DIGITS).collect();
        let own = Replaced { id: revision.id.clone(), digest: Some(digest) };
        for one in revision.replaces.iter().cloned().chain([own]) {
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    Ok(found)
}

/// What the range has to wait for beyond its parents.
pub fn depends_on(range: &[&Revision]) -> Vec<RevisionId> {
    let inside: BTreeSet<&RevisionId> = range.iter().map(|revision| &revision.id).collect();
    let mut found: Vec<RevisionId> = Vec::new();
    for id in range.iter().flat_map(|revision| &revision.depends_on) {
        if !inside.contains(id) && !found.contains(id) {
            found.push(id.clone());
        }
    }
    found
}

/// The text of the one revision.
///
/// # Errors
/// As [`replaces`].
pub fn write(
    range: &[&Revision],
    message: Option<&str>,
    upgrade: &str,
    downgrade: &str,
    verify: &str,
) -> Result<String, Error> {
    let ([first, ..], [.., last]) = (range, range) else { return Ok(String::new()) };
    let labels: Vec<String> = range.iter().flat_map(|of| of.labels.iter().cloned()).collect();
    let header = file::Header {
        id: &last.id,
        parents: &first.parents,
        labels: &labels,
        depends_on: &depends_on(range),
        replaces: &replaces(range)?,
        message: message.unwrap_or(&last.message),
        created: last.created,
    };
    Ok(file::write_all(&header, upgrade, downgrade, verify))
}

/// The files of others that name one of the range as a dependency, as they are to be: they depend on
/// the one revision then.
pub fn dependants<'g>(graph: &'g Graph, range: &[&Revision]) -> Vec<(&'g Revision, String)> {
    let Some(last) = range.last() else { return Vec::new() };
    let inside: BTreeSet<&RevisionId> = range.iter().map(|revision| &revision.id).collect();
    let outside = graph.revisions().iter().filter(|of| !inside.contains(&of.id));
    let names =
        |of: &&Revision| of.depends_on.iter().any(|id| inside.contains(id) && *id != last.id);
    let text = |of: &Revision| {
        let mut wanted: Vec<RevisionId> = Vec::new();
        for id in &of.depends_on {
            let id = if inside.contains(id) { &last.id } else { id };
            if !wanted.contains(id) {
                wanted.push(id.clone());
            }
        }
        file::with_depends_on(of, &wanted)
    };
    outside.filter(names).map(|of| (of, text(of))).collect()
}

fn in_file(revision: &Revision, error: SqlError) -> Error {
    Error::at(Kind::Input, &revision.path, &revision.text, error.into_diagnostic())
}
