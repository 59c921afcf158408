//! The text of a revision file: read and written.

use super::{Binding, Replaced, Revision, RevisionError, RevisionId};
use crate::sql::nearest::nearest;
use crate::sql::variables::{self, Declared};
use crate::sql::{Diagnostic, Shape, Span, SqlError, Statement, grammar, shape};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

const KEYS: [&str; 8] =
    ["revision", "parents", "message", "created", "labels", "depends-on", "replaces", "variables"];
/// So many of `KEYS`, from the first on, are needed.
const NEEDED: usize = 4;
/// Fewest digits of a digest that tell anything.
const MIN_DIGEST: usize = 8;
const SECTIONS: [&str; 3] = ["upgrade", "downgrade", "verify"];
const FORM_HINT: &str = "docs/revision-files.md shows a complete file.";

/// Reads a revision file.
///
/// # Errors
/// Everything that is wrong with the file's form, each with its place. SQL is not parsed here.
pub fn read(path: &str, text: &str) -> Result<Revision, RevisionError> {
    let mut reader = Reader { text, diagnostics: Vec::new() };
    let revision = reader.revision(path);
    match revision {
        Some(revision) if reader.diagnostics.is_empty() => Ok(revision),
        _ => Err(RevisionError::Malformed {
            path: path.to_owned(),
            text: text.to_owned(),
            diagnostics: reader.diagnostics,
        }),
    }
}

/// Reads a revision file and puts `values` in place of its variables. One that has no value is no error
/// before its statements are asked for.
///
/// # Errors
/// As [`read`].
pub fn read_bound(
    path: &str,
    text: &str,
    values: &BTreeMap<String, String>,
) -> Result<Revision, RevisionError> {
    let revision = read(path, text)?;
    if revision.variables.is_empty() {
        return Ok(revision);
    }
    let sections = [Some(&revision.upgrade), revision.downgrade.as_ref(), revision.verify.as_ref()];
    let body = sections.into_iter().flatten().map(|section| section.start).min().unwrap_or(0);
    match variables::bind(text, body..text.len(), &revision.variables, values) {
        Err(error) => Ok(Revision { binding: Binding::Failed(error), ..revision }),
        Ok(bound) => {
            let binding = Binding::Bound { written: text.to_owned(), places: bound.places };
            Ok(Revision { binding, ..read(path, &bound.text)? })
        }
    }
}

/// The text of a new revision, its sections empty.
pub fn write(
    id: &RevisionId,
    parents: &[RevisionId],
    message: &str,
    created: jiff::Timestamp,
) -> String {
    write_with(id, parents, message, created, "", "")
}

/// The text of a new revision with statements, each ended by a line break.
pub fn write_with(
    id: &RevisionId,
    parents: &[RevisionId],
    message: &str,
    created: jiff::Timestamp,
    upgrade: &str,
    downgrade: &str,
) -> String {
    let (labels, depends_on, replaces) = (&[][..], &[][..], &[][..]);
    let header = Header { id, parents, labels, depends_on, replaces, message, created };
    write_sections(&header, upgrade, downgrade)
}

/// What stands at the top of a revision file.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    pub id: &'a RevisionId,
    pub parents: &'a [RevisionId],
    pub labels: &'a [String],
    pub depends_on: &'a [RevisionId],
    pub replaces: &'a [Replaced],
    pub message: &'a str,
    pub created: jiff::Timestamp,
}

impl fmt::Display for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "-- revision: {}", self.id)?;
        writeln!(f, "-- parents: {}", ids(self.parents))?;
        if !self.labels.is_empty() {
            writeln!(f, "-- labels: {}", self.labels.join(", "))?;
        }
        if !self.depends_on.is_empty() {
            writeln!(f, "-- depends-on: {}", ids(self.depends_on))?;
        }
        if !self.replaces.is_empty() {
            let list: Vec<String> = self.replaces.iter().map(Replaced::to_string).collect();
            writeln!(f, "-- replaces: {}", list.join(", "))?;
        }
        let message = self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(f, "-- message: {message}")?;
        writeln!(f, "-- created: {}", self.created.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// Ids as a header line has them.
pub fn ids(ids: &[RevisionId]) -> String {
    match ids {
        [] => "none".to_owned(),
        ids => ids.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// The text of a new revision of any header.
pub fn write_sections(header: &Header<'_>, upgrade: &str, downgrade: &str) -> String {
    write_all(header, upgrade, downgrade, "")
}

/// The same with a verify section.
pub fn write_all(header: &Header<'_>, upgrade: &str, downgrade: &str, verify: &str) -> String {
    format!("{header}\n-- upgrade\n{upgrade}\n-- downgrade\n{downgrade}\n-- verify\n{verify}")
}

/// The text of `revision` with other parents; nothing else of it changes.
pub fn with_parents(revision: &Revision, parents: &[RevisionId]) -> String {
    // The header holds no variables, so a place in it is the same in both texts.
    let text = revision.written();
    let place = &revision.parents_at;
    format!("{}{}{}", &text[..place.start], ids(parents), &text[place.end..])
}

/// The text of `revision` with other dependencies, of which it has some; nothing else of it changes.
pub fn with_depends_on(revision: &Revision, depends_on: &[RevisionId]) -> String {
    let text = revision.written();
    match &revision.depends_on_at {
        Some(place) => {
            format!("{}{}{}", &text[..place.start], ids(depends_on), &text[place.end..])
        }
        None => text.to_owned(),
    }
}

/// The name of a new file: when it was made and what it is about.
pub fn name(message: &str, created: jiff::Timestamp) -> String {
    const MAX_SLUG_CHARS: usize = 40;
    let words: Vec<String> = message
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let slug: String = words.join("_").chars().take(MAX_SLUG_CHARS).collect();
    let slug = slug.trim_end_matches('_');
    let slug = if slug.is_empty() { "revision" } else { slug };
    format!("{}_{slug}.sql", created.strftime("%Y%m%d%H%M%S"))
}

/// The text of a statement of the verify section.
pub(super) fn verify_query(statement: Statement) -> Result<String, SqlError> {
    match shape(&statement.sql) {
        Ok(Shape::Query) => Ok(statement.sql),
        Ok(_) | Err(_) => Err(SqlError::NotSql(
            Diagnostic::new("only queries can stand in the verify section", statement.span)
                .hint("Write a SELECT that gives no rows, or true, when all is well."),
        )),
    }
}

struct Reader<'a> {
    text: &'a str,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn complain(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn revision(&mut self, path: &str) -> Option<Revision> {
        let mut sections: [Option<Range<usize>>; 3] = [None, None, None];
        let marks = section_marks(self.text);
        for (index, (section, line)) in marks.iter().enumerate() {
            let end = marks.get(index + 1).map_or(self.text.len(), |(_, next)| next.start);
            if sections[*section].is_some() {
                let span = Span::new(line.start, line.end);
                let what = format!("second `{}` section", SECTIONS[*section]);
                self.complain(Diagnostic::new(what, span));
            } else {
                sections[*section] = Some(line.end..end);
            }
        }
        let header_end = marks.first().map_or(self.text.len(), |(_, line)| line.start);
        let values = self.header(header_end);
        let [upgrade, downgrade, verify] = sections;
        if upgrade.is_none() {
            let span = Span::new(header_end, header_end);
            self.complain(Diagnostic::new("section `-- upgrade` is missing", span).hint(FORM_HINT));
        }
        let [id, parents, message, created, labels, depends_on, replaces, variables] = values;
        // That a value is empty has been said already.
        let given = |place: &Range<usize>| !place.is_empty();
        let id = id.filter(given).and_then(|value| self.id(&value));
        let parents_at = parents.filter(given);
        let parents = parents_at.clone().and_then(|value| self.ids(&value, "parent"));
        let labels = labels.filter(given).map(|value| self.labels(&value));
        let depends_on_at = depends_on.filter(given);
        let depends_on = depends_on_at.clone().map(|value| self.ids(&value, "dependency"));
        let replaces = replaces.filter(given).map(|value| self.replaces(&value));
        let variables = variables.filter(given).map(|value| self.variables(&value));
        let created = created.filter(given).and_then(|value| self.created(&value));
        Some(Revision {
            id: id?,
            parents: parents?,
            parents_at: parents_at?,
            labels: labels.unwrap_or(Some(Vec::new()))?,
            depends_on: depends_on.unwrap_or(Some(Vec::new()))?,
            depends_on_at,
            replaces: replaces.unwrap_or(Some(Vec::new()))?,
            message: self.text[message?].to_owned(),
            created: created?,
            path: path.to_owned(),
            text: self.text.to_owned(),
            variables: variables.unwrap_or(Some(Vec::new()))?,
            binding: Binding::None,
            upgrade: upgrade?,
            downgrade,
            verify,
        })
    }

    /// The place of each key's value, in the order of `KEYS`.
    fn header(&mut self, end: usize) -> [Option<Range<usize>>; 8] {
        let mut values: [Option<Range<usize>>; 8] = Default::default();
        for line in lines(&self.text[..end]) {
            let whole = &self.text[line.clone()];
            let Some(comment) = whole.strip_prefix("--") else {
                self.complain(
                    Diagnostic::new(
                        "text before the first section",
                        Span::new(line.start, line.end),
                    )
                    .hint("SQL belongs below a line `-- upgrade`."),
                );
                return values;
            };
            let Some((key, value)) = comment.split_once(':') else { continue };
            let key = key.trim();
            if key.is_empty() || key.contains(char::is_whitespace) {
                continue;
            }
            let key_start = line.start + whole.find(key).unwrap_or(0);
            let key_span = Span::new(key_start, key_start + key.len());
            let Some(index) = KEYS.iter().position(|known| *known == key) else {
                self.unknown_key(key, key_span);
                continue;
            };
            if values[index].is_some() {
                self.complain(Diagnostic::new(format!("second `{key}`"), key_span));
                continue;
            }
            let start = line.end - value.trim_start().len();
            if value.trim().is_empty() {
                self.complain(Diagnostic::new(format!("`{key}` has no value"), key_span));
            }
            values[index] = Some(start..line.end);
        }
        if values.iter().all(Option::is_none) {
            let what = "header is missing";
            self.complain(Diagnostic::new(what, Span::new(0, 0)).hint(FORM_HINT));
            return values;
        }
        for (key, value) in KEYS.iter().zip(&values).take(NEEDED) {
            if value.is_none() {
                let span = Span::new(0, 0);
                self.complain(
                    Diagnostic::new(format!("header line `-- {key}: …` is missing"), span)
                        .hint(FORM_HINT),
                );
            }
        }
        values
    }

    fn unknown_key(&mut self, key: &str, span: Span) {
        let diagnostic = if key.eq_ignore_ascii_case("airlock") {
            Diagnostic::new("directive outside of a section", span)
                .hint("Put it before the statement that it is about.")
        } else if SECTIONS.contains(&key) {
            Diagnostic::new(format!("section `{key}` has a colon"), span)
                .hint(format!("Write `-- {key}` alone on its line."))
        } else {
            let known = KEYS.map(|key| format!("`{key}`")).join(", ");
            let diagnostic = Diagnostic::new(format!("unknown header key `{key}`"), span)
                .hint(format!("Known are {known}."));
            match nearest(key, &KEYS) {
                Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
                None => diagnostic,
            }
        };
        self.complain(diagnostic);
    }

    fn id(&mut self, place: &Range<usize>) -> Option<RevisionId> {
        let text = &self.text[place.clone()];
        let id = text.parse().ok();
        if id.is_none() {
            self.complain(
                Diagnostic::new("not a revision id", Span::new(place.start, place.end))
                    .hint("An id is 4 to 40 of a-z, 0-9 and _."),
            );
        }
        id
    }

    /// A list of ids, each of which is a `what`.
    fn ids(&mut self, place: &Range<usize>, what: &str) -> Option<Vec<RevisionId>> {
        let text = &self.text[place.clone()];
        if text == "none" {
            return Some(Vec::new());
        }
        let mut found: Vec<RevisionId> = Vec::new();
        for range in items(self.text, place) {
            let id = self.id(&range)?;
            if found.contains(&id) {
                let span = Span::new(range.start, range.end);
                self.complain(Diagnostic::new(format!("{what} is named twice"), span));
            }
            found.push(id);
        }
        Some(found)
    }

    /// `id=digest`, the digest by its beginning; one id may have several.
    fn replaces(&mut self, place: &Range<usize>) -> Option<Vec<Replaced>> {
        let mut found = Vec::new();
        for range in items(self.text, place) {
            let item = &self.text[range.clone()];
            let (id, digest) = match item.split_once('=') {
                Some((id, digest)) => (id, Some(digest)),
                None => (item, None),
            };
            let is_digest = |digest: &str| {
                (MIN_DIGEST..=64).contains(&digest.len())
                    && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            };
            if !digest.is_none_or(is_digest) {
                let span = Span::new(range.start, range.end);
                let what = "not a revision id and the beginning of its digest";
                self.complain(
                    Diagnostic::new(what, span).hint("`airlock squash` writes this line."),
                );
                return None;
            }
            let id = self.id(&(range.start..range.start + id.len()))?;
            found.push(Replaced { id, digest: digest.map(str::to_owned) });
        }
        Some(found)
    }

    fn labels(&mut self, place: &Range<usize>) -> Option<Vec<String>> {
        let mut found: Vec<String> = Vec::new();
        for range in items(self.text, place) {
            let label = &self.text[range.clone()];
            if let Err(why) = check_label(label) {
                let span = Span::new(range.start, range.end);
                self.complain(Diagnostic::new("not a label", span).hint(why));
                return None;
            }
            found.push(label.to_owned());
        }
        Some(found)
    }

    fn variables(&mut self, place: &Range<usize>) -> Option<Vec<Declared>> {
        declared(self.text, place).map_err(|found| self.complain(found)).ok()
    }

    fn created(&mut self, place: &Range<usize>) -> Option<jiff::Timestamp> {
        let text = &self.text[place.clone()];
        let time = text.parse().ok();
        if time.is_none() {
            self.complain(
                Diagnostic::new("not a point in time", Span::new(place.start, place.end))
                    .hint("Write it like 2026-11-21T09:35:12Z."),
            );
        }
        time
    }
}

/// Whether `label` can be the name of a branch.
///
/// # Errors
/// What a label is, in a sentence.
pub fn check_label(label: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if super::target::WORDS.contains(&label) || label == "none" {
        return Err(format!("`{label}` means something else already."));
    }
    if label.is_empty() || label.len() > 40 || !label.chars().all(plain) {
        return Err("A label is 1 to 40 of a-z, 0-9 and _.".to_owned());
    }
    Ok(())
}

/// The variables that are declared at `place`: names between commas, each alone or with `= default`.
pub(super) fn declared(text: &str, place: &Range<usize>) -> Result<Vec<Declared>, Diagnostic> {
    let mut found: Vec<Declared> = Vec::new();
    for range in items(text, place) {
        let (name, default) = match text[range.clone()].split_once('=') {
            Some((name, default)) => (name.trim(), Some(default.trim().to_owned())),
            None => (&text[range.clone()], None),
        };
        let span = Span::new(range.start, range.end);
        if !variables::is_name(name) {
            return Err(Diagnostic::new("not a variable", span).hint(
                "Write names of letters, digits and _ between commas, each alone or as `name = default`.",
            ));
        }
        if found.iter().any(|earlier| earlier.name == name) {
            return Err(Diagnostic::new("variable is declared twice", span));
        }
        found.push(Declared { name: name.to_owned(), default });
    }
    Ok(found)
}

/// The places of the parts between commas.
pub(super) fn items(text: &str, place: &Range<usize>) -> Vec<Range<usize>> {
    let mut start = place.start;
    let mut found = Vec::new();
    for part in text[place.clone()].split(',') {
        let at = start + (part.len() - part.trim_start().len());
        start += part.len() + 1;
        found.push(at..at + part.trim().len());
    }
    found
}

/// Lines that are not blank, each from its first to its last visible character.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        (!line.trim().is_empty()).then(|| start..start + line.trim().len())
    })
}

/// Section comments alone on their line: index into `SECTIONS`, place of the line.
fn section_marks(text: &str) -> Vec<(usize, Range<usize>)> {
    // A dollar-quoted body may hold such a line, so the scanner says what a comment is. Where it
    // gives up, lines must do; the error itself is for the parser to report.
    let comments = grammar::comments(text);
    let mut marks: Vec<(usize, Range<usize>)> = Vec::new();
    for line in lines(text) {
        let word = text[line.clone()].strip_prefix("--").map(str::trim);
        let section = word.and_then(|word| {
            SECTIONS.iter().position(|section| section.eq_ignore_ascii_case(word))
        });
        let Some(section) = section else { continue };
        let begins = match &comments {
            Some(comments) => comments.iter().any(|place| place.start == line.start),
            // Guessing: a second one is more likely text in a string.
            None => marks.iter().all(|(seen, _)| *seen != section),
        };
        if begins {
            marks.push((section, line));
        }
    }
    marks
}
