//! What `alembic upgrade --sql` and `alembic downgrade --sql` print: revisions one after the other, each
//! under `-- Running upgrade a -> b`, between them Alembic's own record of where it is.

use super::{File, Migration, Problem};
use std::ops::Range;

const RECORD: &str = "alembic_version";

pub(super) fn is_downgrade(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("-- Running downgrade "))
}

pub(super) fn read(files: &[File], problems: &mut Vec<Problem>) -> Vec<Migration> {
    let mut found: Vec<Migration> = Vec::new();
    let mut down: Vec<(String, String)> = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".sql") || file.path == "-") {
        for (heading, body, within) in parts(&file.text) {
            if let Some(rest) = heading.strip_prefix("-- Running upgrade ") {
                let Some((before, id)) = rest.split_once("->") else { continue };
                // Behind the id there may be the message.
                let (id, message) = match id.trim().split_once(", ") {
                    Some((id, message)) => (id, message.to_owned()),
                    None => (id.trim(), format!("alembic {}", id.trim())),
                };
                let parents = before.split(',').map(str::trim).filter(|id| !id.is_empty());
                found.push(Migration {
                    version: id.to_owned(),
                    parents: Some(parents.map(str::to_owned).collect()),
                    message,
                    upgrade: without_record(body),
                    downgrade: String::new(),
                    path: file.path.clone(),
                    within: Some(within),
                });
            } else if let Some((id, _)) =
                heading.strip_prefix("-- Running downgrade ").and_then(|rest| rest.split_once("->"))
            {
                down.push((id.trim().to_owned(), without_record(body)));
            }
        }
    }
    for migration in &mut found {
        if let Some((_, sql)) = down.iter().find(|(id, _)| *id == migration.version) {
            migration.downgrade.clone_from(sql);
        }
    }
    if found.is_empty()
        && let Some(file) = files.first()
    {
        problems.push(Problem::at(
            file,
            0,
            "this is not what `alembic upgrade --sql` prints",
            "Run `alembic upgrade base:head --sql > up.sql` and `alembic downgrade head:base --sql > down.sql`, \
             then `airlock import up.sql down.sql`.",
        ));
    }
    // A script that begins in the middle has parents that are not in it.
    for migration in &found {
        for parent in migration.parents.iter().flatten() {
            if found.iter().all(|other| other.version != *parent)
                && let Some(file) = files.iter().find(|file| file.path == migration.path)
            {
                let at = file.text.find(&format!("{parent} -> ")).unwrap_or_default();
                let line = file.text[..at].rfind('\n').map_or(0, |before| before + 1);
                problems.push(Problem::at(
                    file,
                    line,
                    format!("revision {parent} is not in this script"),
                    "Print it from the beginning: `alembic upgrade base:head --sql`.",
                ));
            }
        }
    }
    found
}

/// Each heading with what stands below it, and where that is.
fn parts(text: &str) -> Vec<(&str, &str, Range<usize>)> {
    // Where each heading begins and ends.
    let mut headings: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with("-- Running ") {
            headings.push((at, at + line.len()));
        }
        at += line.len();
    }
    let ends = headings.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
    let part = |((start, end), next): (&(usize, usize), usize)| {
        (text[*start..*end].trim_end(), &text[*end..next], *end..next)
    };
    headings.iter().zip(ends).map(part).collect()
}

/// The statements without Alembic's record and its log. `BEGIN` and `COMMIT` may stay: airlock has its
/// own transactions and leaves them out.
fn without_record(body: &str) -> String {
    let mut kept = String::new();
    for line in body.split_inclusive('\n') {
        let start = line.trim_start();
        let of_record = ["INSERT INTO ", "UPDATE ", "DELETE FROM ", "DROP TABLE "]
            .iter()
            .any(|word| start.strip_prefix(word).is_some_and(is_record));
        let transaction = matches!(line.trim(), "BEGIN;" | "COMMIT;");
        if !of_record && !transaction && !line.starts_with("INFO  [alembic") {
            kept.push_str(line);
        }
    }
    kept
}

/// Whether a table's name, perhaps with a schema, is the record's.
fn is_record(rest: &str) -> bool {
    let name = rest.split([' ', ';', '(']).next().unwrap_or_default();
    name.rsplit('.').next().is_some_and(|name| name.trim_matches('"').trim_end() == RECORD)
}
