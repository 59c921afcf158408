//! Files of repeatable objects: views, functions, triggers and whatever else is said as a whole, applied
//! again whenever what they say has changed.
//!
//! Such a file is a revision of its own kind: without parents, named by its file, all of it upgrade.

use super::{Binding, Revision, RevisionError, RevisionId, seed};
use crate::sql::nearest::nearest;
use crate::sql::variables::{self, Declared};
use crate::sql::{Diagnostic, Span};
use std::collections::BTreeMap;
use std::ops::Range;

/// How their ids end; no revision's does.
pub const AGAIN: &str = "-again";
/// Where they stand within the folder of the revisions.
pub const FOLDER: &str = "repeatable";
/// So that no id is longer than 40 bytes.
const MAX_NAME_BYTES: usize = 34;
const KEYS: [&str; 3] = ["message", "depends-on", "variables"];
const SUFFIX: &str = ".sql";

/// Whether the file at `path` is one, or a seed, by the folder that it stands in.
pub fn is_path(path: &str) -> bool {
    let folder = path.rsplit(['/', '\\']).nth(1);
    [FOLDER, seed::FOLDER].iter().any(|known| folder == Some(known)) && path.ends_with(SUFFIX)
}

/// The name that a file may have, from one that it may not.
pub fn name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = text.chars().map(plain).take(MAX_NAME_BYTES).collect();
    if name.is_empty() { "object".to_owned() } else { name }
}

/// Reads a file and puts `values` in place of its variables.
///
/// # Errors
/// Everything that is wrong with its name and its header. SQL is not parsed here.
pub fn read(
    path: &str,
    text: &str,
    values: &BTreeMap<String, String>,
) -> Result<Revision, RevisionError> {
    read_whole(path, text, values, &KEYS, AGAIN).map(|(revision, _)| revision)
}

/// Reads a file that is one revision as a whole, with the header lines `keys`; `ending` is that of its id.
pub(super) fn read_whole(
    path: &str,
    text: &str,
    values: &BTreeMap<String, String>,
    keys: &[&str],
    ending: &str,
) -> Result<(Revision, Found), RevisionError> {
    let mut reader =
        Reader { text, keys, ending, diagnostics: Vec::new(), found: Found::default() };
    let stem = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = stem.strip_suffix(SUFFIX).unwrap_or(stem);
    if name(stem) != stem {
        reader.diagnostics.push(
            Diagnostic::new(
                "the file's name cannot be that of a repeatable object",
                Span::new(0, 0),
            )
            .hint(format!(
                "A name is 1 to {MAX_NAME_BYTES} of a-z, 0-9 and _: {}.sql, for example.",
                name(stem)
            )),
        );
    }
    reader.header();
    let Reader { diagnostics, mut found, .. } = reader;
    if !diagnostics.is_empty() {
        let (path, text) = (path.to_owned(), text.to_owned());
        return Err(RevisionError::Malformed { path, text, diagnostics });
    }
    let mut revision = Revision {
        id: id(stem, ending),
        parents: Vec::new(),
        labels: Vec::new(),
        depends_on: std::mem::take(&mut found.depends_on),
        depends_on_at: None,
        replaces: Vec::new(),
        message: found.message.take().unwrap_or_else(|| stem.replace('_', " ")),
        created: jiff::Timestamp::UNIX_EPOCH,
        path: path.to_owned(),
        text: text.to_owned(),
        variables: std::mem::take(&mut found.variables),
        binding: Binding::None,
        parents_at: 0..0,
        upgrade: 0..text.len(),
        downgrade: None,
        verify: None,
    };
    if !revision.variables.is_empty() {
        match variables::bind(text, 0..text.len(), &revision.variables, values) {
            Err(error) => revision.binding = Binding::Failed(error),
            Ok(bound) => {
                revision.upgrade = 0..bound.text.len();
                revision.text = bound.text;
                revision.binding =
                    Binding::Bound { written: text.to_owned(), places: bound.places };
            }
        }
    }
    Ok((revision, found))
}

fn id(name: &str, ending: &str) -> RevisionId {
    RevisionId(format!("{name}{ending}"))
}

/// What the header says.
#[derive(Default)]
pub(super) struct Found {
    message: Option<String>,
    depends_on: Vec<RevisionId>,
    variables: Vec<Declared>,
    /// Names, and where they stand.
    pub(super) environments: Vec<String>,
    pub(super) again: bool,
}

struct Reader<'a> {
    text: &'a str,
    keys: &'a [&'a str],
    ending: &'a str,
    diagnostics: Vec<Diagnostic>,
    found: Found,
}

impl Reader<'_> {
    /// The comments at the top. One that is no known line is a comment, unless it looks like one.
    fn header(&mut self) {
        let mut seen: Vec<&str> = Vec::new();
        for line in super::file::lines(self.text) {
            let Some(comment) = self.text[line.clone()].strip_prefix("--") else { return };
            let Some((key, value)) = comment.split_once(':') else { continue };
            let (key, value) = (key.trim(), value.trim());
            let span = Span::new(line.start, line.end);
            let Some(known) = self.keys.iter().find(|known| **known == key) else {
                if let Some(near) = nearest(key, self.keys).filter(|_| !key.contains(' ')) {
                    let what = format!("unknown header key `{key}`");
                    let found = Diagnostic::new(what, span);
                    self.diagnostics.push(found.label(format!("did you mean `{near}`?")));
                }
                continue;
            };
            if seen.contains(known) || value.is_empty() {
                let what = if value.is_empty() { "has no value" } else { "stands there twice" };
                self.diagnostics.push(Diagnostic::new(format!("`{key}` {what}"), span));
                continue;
            }
            seen.push(known);
            let place = line.end - value.len()..line.end;
            match *known {
                "message" => self.found.message = Some(value.to_owned()),
                "depends-on" => self.depends_on(&place),
                "environments" => {
                    let names = super::file::items(self.text, &place);
                    let names = names.into_iter().map(|range| self.text[range].to_owned());
                    self.found.environments = names.filter(|name| !name.is_empty()).collect();
                }
                "again" if value == "yes" || value == "no" => self.found.again = value == "yes",
                "again" => {
                    let found = Diagnostic::new("`again` is neither yes nor no", span);
                    self.diagnostics.push(found);
                }
                _ => match super::file::declared(self.text, &place) {
                    Ok(variables) => self.found.variables = variables,
                    Err(found) => self.diagnostics.push(found),
                },
            }
        }
    }

    fn depends_on(&mut self, place: &Range<usize>) {
        for range in super::file::items(self.text, place) {
            let other = &self.text[range.clone()];
            if other.is_empty() || name(other) != other {
                let span = Span::new(range.start, range.end);
                let found = Diagnostic::new("not the name of a repeatable object", span);
                self.diagnostics.push(found.hint("Name its file, without folder and .sql."));
            } else {
                self.found.depends_on.push(id(other, self.ending));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::Graph;

    fn read(path: &str, text: &str) -> Result<Revision, RevisionError> {
        super::read(path, text, &BTreeMap::new())
    }

    #[test]
    fn a_file_is_all_upgrade_and_comments_do_not_count() {
        let one =
            read("m/repeatable/a.sql", "-- message: of a\n-- note: x\nCREATE VIEW a AS SELECT 1;");
        let one = one.unwrap();
        assert_eq!((one.id.as_str(), one.message.as_str()), ("a-again", "of a"));
        let other = read("m/repeatable/a.sql", "CREATE VIEW a AS\n  SELECT 1").unwrap();
        assert_eq!(one.digest().unwrap(), other.digest().unwrap());
        assert!(one.is_repeatable() && is_path("m/repeatable/a.sql") && !is_path("m/a.sql"));
    }

    #[test]
    fn those_that_others_need_come_first() {
        let all = [("a", "-- depends-on: z, c\n"), ("c", ""), ("z", "-- depends-on: c\n")];
        let all = all.map(|(name, text)| read(&format!("repeatable/{name}.sql"), text).unwrap());
        let graph = Graph::build(all.to_vec()).unwrap();
        let order: Vec<&str> = graph.revisions().iter().map(|one| one.id.as_str()).collect();
        assert_eq!(order, ["c-again", "z-again", "a-again"]);
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for (path, text, word) in [
            ("repeatable/A.sql", "", "name"),
            ("repeatable/a.sql", "-- depend-on: b\n", "unknown header key"),
            ("repeatable/a.sql", "-- depends-on:\n", "no value"),
            ("repeatable/a.sql", "-- depends-on: B\n", "not the name"),
            ("repeatable/a.sql", "-- variables: 1\n", "not a variable"),
        ] {
            let RevisionError::Malformed { diagnostics, .. } = read(path, text).unwrap_err() else {
                panic!("{text}");
            };
            assert!(diagnostics[0].message.contains(word), "{text}: {diagnostics:?}");
        }
    }
}
