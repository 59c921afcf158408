//! Folders of other migration tools become revisions. Pure: reading the folder is the caller's work.
//!
//! One file for each tool with a form of its own. What a tool does and a revision cannot say
//! (placeholders, preconditions, migrations in a programming language) is refused with its place, all of
//! it at once, and nothing is written then.

mod alembic;
mod fields;
mod files;
mod liquibase;
mod names;
mod pgroll;
mod place;
mod repeatable;
mod sections;
#[cfg(test)]
mod tests;

use crate::error::{Error, Excerpt, Kind};
use crate::lint::input::{self, Candidate, Tool};
use crate::revision::RevisionId;
use crate::revision::file::{self, Header};
use crate::sql::{Diagnostic, Span, grammar};

/// A tool whose files can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum From {
    /// Numbered SQL files, each run once
    Sql,
    /// What `alembic upgrade --sql` (and `downgrade --sql`) printed
    Alembic,
    Flyway,
    Dbmate,
    Goose,
    Sqlx,
    GolangMigrate,
    Prisma,
    /// Formatted SQL; other changelogs are not read
    Liquibase,
    /// JSON files
    Pgroll,
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// From where the folder is, with `/`.
    pub path: String,
    pub text: String,
}

/// One migration of the tool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Migration {
    /// What the tool calls it; the revision's id is made of it.
    version: String,
    /// The versions that come before it; `None`: the one that stands before it in the list.
    parents: Option<Vec<String>>,
    message: String,
    upgrade: String,
    downgrade: String,
    /// Where it comes from.
    path: String,
    /// The part of that file that it is, when others are in it too.
    within: Option<std::ops::Range<usize>>,
}

/// Something that cannot be brought over.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    path: String,
    text: String,
    diagnostic: Diagnostic,
}

impl Problem {
    /// About the line of `file` that begins at `at`.
    fn at(file: &File, at: usize, what: impl Into<String>, hint: &str) -> Self {
        let line = file.text[at..].lines().next().unwrap_or_default();
        let start = at + (line.len() - line.trim_start().len());
        let span = Span::new(start, (at + line.trim_end().len()).max(start));
        Self {
            path: file.path.clone(),
            text: file.text.clone(),
            diagnostic: Diagnostic::new(what, span).hint(hint.to_owned()),
        }
    }
}

/// A revision file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub id: RevisionId,
    /// Name of the file.
    pub name: String,
    pub text: String,
    /// The migration that it comes from.
    pub from: String,
}

/// What came of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub tool: From,
    pub revisions: Vec<Written>,
    /// Files that go into the folder of repeatable objects.
    pub repeatable: Vec<Written>,
    /// What was passed over, in words.
    pub notes: Vec<String>,
}

/// What the files look like; `None` when no tool is recognised.
fn recognise(files: &[File]) -> Option<From> {
    if files.iter().any(|file| liquibase::recognises(&file.text)) {
        return Some(From::Liquibase);
    }
    if files.iter().any(pgroll::recognises) {
        return Some(From::Pgroll);
    }
    let mut found: Vec<From> = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".sql")) {
        let tool = match input::detect(&file.path, &file.text) {
            Tool::Flyway => From::Flyway,
            Tool::Dbmate => From::Dbmate,
            Tool::Goose => From::Goose,
            Tool::Sqlx => From::Sqlx,
            Tool::GolangMigrate => From::GolangMigrate,
            Tool::Prisma => From::Prisma,
            Tool::Alembic => From::Alembic,
            Tool::Sql | Tool::Structure | Tool::Airlock => continue,
        };
        found.push(tool);
    }
    if found.is_empty() && files.iter().any(|file| alembic::is_downgrade(&file.text)) {
        return Some(From::Alembic);
    }
    found.iter().copied().max_by_key(|tool| found.iter().filter(|other| *other == tool).count())
}

/// The revisions that stand for `files`.
///
/// # Errors
/// `Kind::Input`: no tool is recognised, or everything that cannot be brought over.
pub fn import(files: &[File], tool: Option<From>) -> Result<Imported, Error> {
    let Some(tool) = tool.or_else(|| recognise(files)) else {
        return Err(Error::new(Kind::Input, "no migration tool is recognised by these files")
            .hint("Name it with --tool; `--tool sql` takes numbered SQL files as they are."));
    };
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    let migrations = match tool {
        From::Alembic => alembic::read(files, &mut problems),
        From::Liquibase => liquibase::read(files, &mut problems, &mut notes),
        From::Pgroll => pgroll::read(files, &mut problems, &mut notes),
        From::Sql
        | From::Flyway
        | From::Dbmate
        | From::Goose
        | From::Sqlx
        | From::GolangMigrate
        | From::Prisma => files::read(files, tool, &mut problems, &mut notes),
    };
    let revisions = write(&migrations, files, &mut problems);
    if !problems.is_empty() {
        return Err(refused(problems));
    }
    let repeatable = match tool {
        From::Flyway => repeatable::read(files, &mut problems),
        From::Alembic
        | From::Liquibase
        | From::Pgroll
        | From::Sql
        | From::Dbmate
        | From::Goose
        | From::Sqlx
        | From::GolangMigrate
        | From::Prisma => Vec::new(),
    };
    if !problems.is_empty() {
        return Err(refused(problems));
    }
    if revisions.is_empty() && repeatable.is_empty() {
        return Err(Error::new(Kind::Input, "there are no migrations in these files"));
    }
    Ok(Imported { tool, revisions, repeatable, notes })
}

fn refused(mut problems: Vec<Problem>) -> Error {
    let count = problems.len();
    let first = problems.remove(0);
    let mut diagnostics = vec![first.diagnostic.clone()];
    let same = |problem: &Problem| problem.path == first.path;
    diagnostics.extend(problems.iter().filter(|p| same(p)).map(|p| p.diagnostic.clone()));
    let others: Vec<String> = problems
        .iter()
        .filter(|problem| !same(problem))
        .map(|problem| format!("{}: {}", problem.path, problem.diagnostic.message))
        .collect();
    let message = match count {
        1 => first.diagnostic.message.clone(),
        many => format!("{many} things cannot be brought over; nothing was written"),
    };
    let mut error = Error::new(Kind::Input, message);
    if let (1, Some(hint)) = (count, &first.diagnostic.hint) {
        error = error.hint(hint.clone());
    }
    if !others.is_empty() {
        error = error.detail(others.join("\n"));
    }
    let (path, text) = (first.path, first.text);
    error.excerpt = Some(Box::new(Excerpt { path, text, diagnostics }));
    error
}

/// The revision files, each read back: what is written is what `airlock` reads.
fn write(migrations: &[Migration], files: &[File], problems: &mut Vec<Problem>) -> Vec<Written> {
    let ids = names::ids(migrations);
    let mut written = Vec::new();
    for (index, migration) in migrations.iter().enumerate() {
        let id = ids[index].clone();
        let parents: Vec<RevisionId> = match &migration.parents {
            None => index.checked_sub(1).map(|before| ids[before].clone()).into_iter().collect(),
            Some(versions) => migrations
                .iter()
                .zip(&ids)
                .filter(|(other, _)| versions.contains(&other.version))
                .map(|(_, id)| id.clone())
                .collect(),
        };
        let created = names::created(&migration.version, index);
        let (labels, depends_on) = (&[][..], &[][..]);
        let message = &migration.message;
        let replaces = &[][..];
        let header =
            Header { id: &id, parents: &parents, labels, depends_on, replaces, message, created };
        let text = file::write_sections(
            &header,
            &ended(&without_marks(&migration.upgrade)),
            &ended(&without_marks(&migration.downgrade)),
        );
        if let Some(problem) = unreadable(&text, migration, files) {
            problems.push(problem);
        }
        let name = names::file(&migration.version, &migration.message, index);
        written.push(Written { id, name, text, from: migration.path.clone() });
    }
    written
}

/// Why airlock could not read the revision, at its place in the tool's file where that can be told.
fn unreadable(text: &str, migration: &Migration, files: &[File]) -> Option<Problem> {
    let diagnostic = match file::read(&migration.path, text) {
        Err(error) => Diagnostic::new(error.to_string(), Span::new(0, 0)),
        Ok(revision) => {
            let scripts = [revision.upgrade_script(), revision.downgrade_script()];
            scripts.into_iter().find_map(Result::err)?.into_diagnostic()
        }
    };
    let of_file = files.iter().find(|file| file.path == migration.path);
    let found = of_file.and_then(|file| {
        let within = migration.within.clone().unwrap_or(0..file.text.len());
        Some((file, place::in_file(text, diagnostic.span, &file.text, within)?))
    });
    let (text, span) = match found {
        Some((file, span)) => (file.text.clone(), span),
        None => (text.to_owned(), diagnostic.span),
    };
    let diagnostic = Diagnostic { span, ..diagnostic };
    Some(Problem { path: migration.path.clone(), text, diagnostic })
}

/// Comments that would begin a section of a revision become other comments.
fn without_marks(sql: &str) -> String {
    let Some(comments) = grammar::comments(sql) else { return sql.to_owned() };
    let mut text = sql.to_owned();
    for place in comments.into_iter().rev() {
        let word = sql[place.clone()].trim_start_matches('-').trim();
        let mark = ["upgrade", "downgrade", "verify"].iter().any(|m| m.eq_ignore_ascii_case(word));
        if mark && sql[place.clone()].starts_with("--") {
            text.replace_range(place, &format!("-- ({word})"));
        }
    }
    text
}

/// Without blank lines around it, and with a line break at its end unless it is empty.
fn ended(sql: &str) -> String {
    let trimmed = sql.trim_matches(['\n', '\r']).trim_end();
    if trimmed.is_empty() { String::new() } else { format!("{trimmed}\n") }
}

/// The files in the order in which the tool runs them.
fn in_order(files: &[File], tool: Tool) -> Vec<&File> {
    let candidates: Vec<Candidate<'_>> =
        files.iter().map(|file| Candidate { path: &file.path, text: &file.text }).collect();
    input::arrange(&candidates, Some(tool)).into_iter().map(|(index, _)| &files[index]).collect()
}
