//! Flyway's repeatable migrations become files of repeatable objects, in Flyway's order: by description.

use super::{File, Problem, Written, ended, in_order};
use crate::lint::input::Tool;
use crate::revision::{RevisionError, repeatable};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn read(files: &[File], problems: &mut Vec<Problem>) -> Vec<Written> {
    let mut written: Vec<Written> = Vec::new();
    let mut taken = BTreeSet::new();
    for file in in_order(files, Tool::Flyway) {
        let stem = file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".sql"));
        let Some(description) = stem.and_then(|stem| stem.strip_prefix("R__")) else { continue };
        let name = repeatable::name(description);
        if !taken.insert(name.clone()) {
            let what = format!("two repeatable files would be called {name}");
            problems.push(Problem::at(file, 0, what, "Give one of them another description."));
            continue;
        }
        // Each after the one before it: the names alone would not keep Flyway's order.
        let before = written.last().map(|before| format!("-- depends-on: {}\n", stem_of(before)));
        let text = format!("{}{}", before.unwrap_or_default(), ended(&file.text));
        let path = format!("{}/{name}.sql", repeatable::FOLDER);
        match repeatable::read(&path, &text, &BTreeMap::new()) {
            Ok(revision) => {
                if let Err(error) = revision.upgrade_script() {
                    let found = error.into_diagnostic();
                    let hint = found.hint.clone().unwrap_or_default();
                    let line = found.span.line_and_column(&text).0;
                    let skipped = usize::from(!written.is_empty());
                    let at = file.text.match_indices('\n').map(|(at, _)| at + 1);
                    let at = std::iter::once(0)
                        .chain(at)
                        .nth(line.saturating_sub(1 + skipped))
                        .unwrap_or(0);
                    problems.push(Problem::at(file, at, found.message, &hint));
                    continue;
                }
                let (id, from) = (revision.id, file.path.clone());
                written.push(Written { id, name: path, text, from });
            }
            Err(RevisionError::Malformed { diagnostics, .. }) => {
                problems.extend(diagnostics.into_iter().map(|found| {
                    Problem::at(file, 0, found.message, &found.hint.unwrap_or_default())
                }));
            }
            Err(error) => problems.push(Problem::at(file, 0, error.to_string(), "")),
        }
    }
    written
}

fn stem_of(written: &Written) -> &str {
    let name = written.name.rsplit('/').next().unwrap_or(&written.name);
    name.strip_suffix(".sql").unwrap_or(name)
}
