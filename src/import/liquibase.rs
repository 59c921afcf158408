//! Liquibase's formatted SQL: `--changeset author:id`, `--rollback …`. Changelogs in XML, YAML and JSON are
//! not read: `liquibase update-sql` prints them, but without what parts them.

use super::{File, Migration, Problem};

pub(super) fn recognises(text: &str) -> bool {
    let first = text.trim_start_matches('\u{feff}').lines().find(|line| !line.trim().is_empty());
    first.and_then(words).is_some_and(|line| line.starts_with("liquibase formatted sql"))
}

/// What a comment line says, in its own case.
fn words(line: &str) -> Option<&str> {
    line.trim().strip_prefix("--").map(str::trim)
}

const NOT_MAPPED: &str =
    "Write what it means into the changeset, or leave it out, then import again.";

pub(super) fn read(
    files: &[File],
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> Vec<Migration> {
    let mut found: Vec<Migration> = Vec::new();
    let mut ordered: Vec<&File> = files.iter().filter(|file| recognises(&file.text)).collect();
    ordered.sort_by(|a, b| a.path.cmp(&b.path));
    for file in files.iter().filter(|file| !recognises(&file.text) && file.path.ends_with(".sql")) {
        notes.push(format!("{} is not formatted SQL of Liquibase and was left out", file.path));
    }
    if ordered.len() > 1 {
        notes.push(
            "the files were taken in the order of their names: compare with your master changelog"
                .to_owned(),
        );
    }
    for file in ordered {
        changesets(file, &mut found, problems, notes);
    }
    found
}

fn changesets(
    file: &File,
    found: &mut Vec<Migration>,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) {
    let mut at = 0;
    // `None` before the first changeset and in one for another database.
    let mut now: Option<Migration> = None;
    let mut in_rollback = false;
    for line in file.text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let mut refuse = |what: String| problems.push(Problem::at(file, start, what, NOT_MAPPED));
        let Some(comment) = words(line) else {
            let end = in_rollback && line.trim() == "*/";
            if line.trim().to_ascii_lowercase().starts_with("/* liquibase rollback") {
                in_rollback = true;
            } else if end {
                in_rollback = false;
            } else if let Some(migration) = &mut now {
                let way =
                    if in_rollback { &mut migration.downgrade } else { &mut migration.upgrade };
                way.push_str(line);
            }
            if line.contains("${") {
                refuse("Liquibase puts a value in place of ${…}".to_owned());
            }
            continue;
        };
        let (word, rest) = comment.split_once([' ', ':']).unwrap_or((comment, ""));
        match word.to_ascii_lowercase().as_str() {
            "liquibase" => {}
            "changeset" => {
                found.extend(ended(now.take(), start));
                in_rollback = false;
                now = changeset(file, rest, &mut refuse, notes);
                if let Some(migration) = &mut now {
                    migration.within = Some(start..at);
                }
            }
            "rollback" => {
                let sql = rest.trim();
                let nothing = sql.is_empty()
                    || sql.eq_ignore_ascii_case("empty")
                    || sql.eq_ignore_ascii_case("not required");
                match &mut now {
                    Some(migration) if !nothing => {
                        if sql.to_ascii_lowercase().starts_with("changeset") {
                            refuse(
                                "a rollback by another changeset cannot be brought over".to_owned(),
                            );
                        }
                        migration.downgrade.push_str(sql);
                        migration.downgrade.push('\n');
                    }
                    _ => {}
                }
            }
            "comment" => {
                if let Some(migration) = now.as_mut().filter(|_| !rest.trim().is_empty()) {
                    migration.message = rest.trim().to_owned();
                }
            }
            "validchecksum" => {}
            "preconditions"
            | "precondition-sql-check"
            | "precondition-table-exists"
            | "precondition-view-exists"
            | "ignorelines"
            | "ignore"
            | "property" => {
                refuse(format!("`{word}` cannot be brought over"));
            }
            _ => {
                if let Some(migration) = &mut now {
                    migration.upgrade.push_str(line);
                }
            }
        }
    }
    found.extend(ended(now, at));
}

/// The changeset, which goes as far as `end` in its file.
fn ended(changeset: Option<Migration>, end: usize) -> Option<Migration> {
    let mut changeset = changeset?;
    changeset.within = changeset.within.map(|within| within.start..end);
    Some(changeset)
}

/// The changeset of a line `author:id attribute:value …`.
fn changeset(
    file: &File,
    line: &str,
    refuse: &mut impl FnMut(String),
    notes: &mut Vec<String>,
) -> Option<Migration> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let Some((author, id)) = name.split_once(':') else {
        refuse("a changeset is named author:id".to_owned());
        return None;
    };
    for word in words {
        let (key, value) = word.split_once(':').unwrap_or((word, ""));
        match (key.to_ascii_lowercase().as_str(), value.to_ascii_lowercase().as_str()) {
            ("dbms", list) if !for_postgres(list) => {
                notes.push(format!(
                    "{}: changeset {name} is for {list} and was left out",
                    file.path
                ));
                return None;
            }
            (
                "dbms" | "stripcomments" | "runintransaction" | "failonerror" | "logicalfilepath",
                _,
            )
            | ("splitstatements" | "runonchange" | "runalways" | "ignore", "false")
            | ("splitstatements", "true" | "")
            | ("enddelimiter", ";") => {}
            (key, _) => {
                refuse(format!("attribute `{key}` of changeset {name} cannot be brought over"))
            }
        }
    }
    Some(Migration {
        version: format!("{author}_{id}"),
        message: format!("{id} by {author}"),
        path: file.path.clone(),
        ..Migration::default()
    })
}

fn for_postgres(list: &str) -> bool {
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let only_not = names.iter().all(|name| name.starts_with('!'));
    let named = |wanted: &str| names.contains(&wanted);
    if only_not { !named("!postgresql") } else { named("postgresql") || named("all") }
}
