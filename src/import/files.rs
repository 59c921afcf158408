//! Tools with a file, or two, for each migration: plain SQL, Flyway, dbmate, goose, sqlx,
//! golang-migrate, Prisma.

use super::sections::{self, goose_word};
use super::{File, From, Migration, Problem, in_order};
use crate::lint::input::Tool;

pub(super) fn read(
    files: &[File],
    tool: From,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> Vec<Migration> {
    let kind = match tool {
        From::Flyway => Tool::Flyway,
        From::Dbmate => Tool::Dbmate,
        From::Goose => Tool::Goose,
        From::Sqlx => Tool::Sqlx,
        From::GolangMigrate => Tool::GolangMigrate,
        From::Prisma => Tool::Prisma,
        From::Sql | From::Alembic | From::Liquibase | From::Pgroll => Tool::Sql,
    };
    let mut found = Vec::new();
    for file in in_order(files, kind) {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        if !name.ends_with(".sql") {
            continue;
        }
        let migration = match tool {
            From::Flyway => flyway(file, name, files, problems, notes),
            From::Prisma => prisma(file, name, notes),
            _ => numbered(file, name, tool, files, problems),
        };
        found.extend(migration);
    }
    found
}

/// `12_name` in its two halves.
fn halves(stem: &str) -> (String, String) {
    let digits =
        stem.len() - stem.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (version, rest) = stem.split_at(digits);
    let message = rest.trim_matches(['_', '-', ' ']).replace(['_', '-'], " ");
    match (version.is_empty(), message.is_empty()) {
        (true, _) => (stem.to_owned(), stem.replace(['_', '-'], " ")),
        (false, true) => (version.to_owned(), format!("version {version}")),
        (false, false) => (version.to_owned(), message),
    }
}

fn numbered(
    file: &File,
    name: &str,
    tool: From,
    files: &[File],
    problems: &mut Vec<Problem>,
) -> Option<Migration> {
    let stem = name.strip_suffix(".sql")?;
    let stem = stem.strip_suffix(".up").unwrap_or(stem);
    let (version, message) = halves(stem);
    let (upgrade, downgrade) = match tool {
        From::Dbmate => sections::split(&file.text, sections::dbmate),
        From::Goose => {
            refuse_lines(file, problems, |line| {
                (goose_word(line)?.starts_with("envsub")).then_some((
                    "goose puts variables of the environment into this text",
                    "Write their values into the file, and leave the annotation out.",
                ))
            });
            sections::split(&file.text, sections::goose)
        }
        _ => {
            let down = file.path.strip_suffix(".up.sql").map(|stem| format!("{stem}.down.sql"));
            let down = down.and_then(|path| files.iter().find(|file| file.path == path));
            (file.text.clone(), down.map(|file| file.text.clone()).unwrap_or_default())
        }
    };
    let path = file.path.clone();
    Some(Migration { version, parents: None, message, upgrade, downgrade, path, within: None })
}

/// Reports the lines of which `what` says something.
pub(super) fn refuse_lines(
    file: &File,
    problems: &mut Vec<Problem>,
    what: impl Fn(&str) -> Option<(&'static str, &'static str)>,
) {
    let mut at = 0;
    for line in file.text.split_inclusive('\n') {
        if let Some((message, hint)) = what(line.trim()) {
            problems.push(Problem::at(file, at, message, hint));
        }
        at += line.len();
    }
}

fn flyway(
    file: &File,
    name: &str,
    files: &[File],
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> Option<Migration> {
    refuse_lines(file, problems, |line| {
        line.contains("${").then_some((
            "Flyway puts a value in place of ${…}",
            "Write the value, or a variable of psql (:name) that airlock.toml gives.",
        ))
    });
    let stem = name.strip_suffix(".sql")?;
    if stem.starts_with("R__") {
        notes.push(format!(
            "{} runs whenever it changes, so it becomes a repeatable file",
            file.path
        ));
        return None;
    }
    let Some((version, description)) =
        stem.strip_prefix(['V', 'v', 'B']).and_then(|rest| rest.split_once("__"))
    else {
        notes.push(format!("{} is no versioned migration and was left out", file.path));
        return None;
    };
    let undo = format!("U{version}__");
    let undo = files
        .iter()
        .find(|other| other.path.rsplit('/').next().is_some_and(|name| name.starts_with(&undo)));
    Some(Migration {
        version: version.replace('_', "."),
        parents: None,
        message: description.replace('_', " "),
        upgrade: file.text.clone(),
        downgrade: undo.map(|file| file.text.clone()).unwrap_or_default(),
        path: file.path.clone(),
        within: None,
    })
}

fn prisma(file: &File, name: &str, notes: &mut Vec<String>) -> Option<Migration> {
    let folder = file.path.rsplit('/').nth(1).unwrap_or_default();
    if name != "migration.sql" || !folder.starts_with(|c: char| c.is_ascii_digit()) {
        notes.push(format!("{} is no migration and was left out", file.path));
        return None;
    }
    let (version, message) = halves(folder);
    let (upgrade, path) = (file.text.clone(), file.path.clone());
    Some(Migration {
        version,
        parents: None,
        message,
        upgrade,
        downgrade: String::new(),
        path,
        within: None,
    })
}
