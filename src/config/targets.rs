//! `[targets.NAME]` of `airlock.toml`: databases that are taken through the same migrations together.

use crate::error::{Error, Kind};
use crate::fleet::{Group, Pattern, Source};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Members of a fleet that are worked on side by side when nothing else is said.
const JOBS: usize = 4;
const JOBS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileTargets {
    databases: BTreeMap<String, String>,
    command: Option<String>,
    schemas: Vec<String>,
    path: Option<Vec<String>>,
    canary: Vec<String>,
    wave: Option<usize>,
    jobs: Option<usize>,
}

/// # Errors
/// `Kind::Input` for a group that makes no sense.
pub(super) fn groups(
    file: BTreeMap<String, FileTargets>,
) -> Result<BTreeMap<String, Group>, Error> {
    file.into_iter()
        .map(|(name, targets)| {
            let group = group(&name, targets)?;
            Ok((name, group))
        })
        .collect()
}

fn group(name: &str, file: FileTargets) -> Result<Group, Error> {
    let refuse = |what: String| Error::new(Kind::Input, format!("[targets.{name}]: {what}"));
    if file.databases.is_empty() && file.command.is_none() {
        return Err(refuse("no database is named".to_owned())
            .hint("Give `databases`, or a `command` that prints them."));
    }
    let mut sources: Vec<Source> = file
        .databases
        .into_iter()
        .map(|(name, place)| Source::database(name, &place).map_err(&refuse))
        .collect::<Result<_, _>>()?;
    sources.extend(file.command.map(Source::Command));
    let patterns = |texts: Vec<String>| -> Result<Vec<Pattern>, Error> {
        texts.iter().map(|text| Pattern::parse(text).map_err(&refuse)).collect()
    };
    let jobs = file.jobs.unwrap_or(JOBS);
    if jobs == 0 || jobs > JOBS_MAX {
        return Err(refuse(format!("jobs is {jobs}; it must be from 1 to {JOBS_MAX}")));
    }
    if file.wave == Some(0) {
        return Err(refuse("wave is 0; a wave has at least one member".to_owned()));
    }
    if file.path.is_some() && file.schemas.is_empty() {
        return Err(refuse("`path` is for a group with `schemas`".to_owned()));
    }
    Ok(Group {
        name: name.to_owned(),
        sources,
        schemas: patterns(file.schemas)?,
        path: file.path.unwrap_or_else(|| vec!["public".to_owned()]),
        canary: patterns(file.canary)?,
        wave: file.wave,
        jobs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, Group>, Error> {
        groups(toml::from_str(text).unwrap())
    }

    #[test]
    fn a_group_is_read() {
        let text = "[shops]\ndatabases = { eu = 'env:EU_URL', us = 'postgresql://h/us' }\n\
                    schemas = ['tenant_*', '!tenant_old']\ncanary = ['eu/*_1']\nwave = 10\njobs = 2\n";
        let group = &read(text).unwrap()["shops"];
        assert_eq!((group.sources.len(), group.wave, group.jobs), (2, Some(10), 2));
        assert_eq!(group.path, ["public"]);
        assert!(!format!("{group:?}").contains("//h"), "a URL may hold a password");
    }

    #[test]
    fn nonsense_is_refused() {
        for (text, word) in [
            ("[a]\nschemas = ['x']", "no database"),
            ("[a]\ndatabases = { x = '' }", "empty"),
            ("[a]\ndatabases = { x = 'env:' }", "variable"),
            ("[a]\ndatabases = { x = 'h' }\njobs = 0", "jobs is 0"),
            ("[a]\ndatabases = { x = 'h' }\nwave = 0", "wave is 0"),
            ("[a]\ndatabases = { x = 'h' }\npath = ['p']", "schemas"),
            ("[a]\ndatabases = { 'x/y' = 'h' }", "name"),
            ("[a]\ndatabases = { x = 'h' }\nschemas = ['[']", "pattern"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(word), "{text}: {}", error.message);
        }
    }
}
