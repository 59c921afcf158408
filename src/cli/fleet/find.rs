//! Who belongs to a group, found out: variables, a command, the schemas of each database.

use crate::config::Settings;
use crate::connect::{Target, database_error};
use crate::error::{Error, Kind};
use crate::fleet::{Group, Member, Place, Source};
use crate::sql::quote_ident;
use futures_util::StreamExt;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

/// Longest time a command may take to print the databases.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// Most members of a group.
const MAX_MEMBERS: usize = 100_000;

const SCHEMAS: &str = "SELECT nspname::text AS name FROM pg_catalog.pg_namespace
 WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'airlock') ORDER BY 1";

/// A member and the way to it.
pub(super) struct Found {
    pub(super) member: Member,
    pub(super) target: Target,
}

/// The group that is called `name`.
///
/// # Errors
/// `Kind::Input` when there is none.
pub(super) fn group<'s>(settings: &'s Settings, name: &str) -> Result<&'s Group, Error> {
    settings.targets.get(name).ok_or_else(|| {
        let known: Vec<&str> = settings.targets.keys().map(String::as_str).collect();
        let error = Error::new(Kind::Input, format!("no targets are called {name}"));
        match known.as_slice() {
            [] => error.hint(format!("Write [targets.{name}] into airlock.toml.")),
            known => error.hint(format!("airlock.toml has: {}.", known.join(", "))),
        }
    })
}

/// Every member of `group`, in order.
///
/// # Errors
/// A variable that is not set, a command that fails, a database that cannot be reached, no members.
pub(super) async fn members(group: &Group, settings: &Settings) -> Result<Vec<Found>, Error> {
    let mut databases: Vec<(String, Target)> = Vec::new();
    for source in &group.sources {
        let sources = match source {
            Source::Database { .. } => vec![source.clone()],
            Source::Command(command) => printed(group, command, settings).await?,
        };
        for source in sources {
            let Source::Database { name, place } = source else { continue };
            databases.push((name.clone(), target(&name, &place, settings)?));
        }
    }
    if databases.is_empty() {
        return Err(input(group, "there is no database in it")
            .hint("A `command` that prints nothing is taken for one that failed."));
    }
    let mut names = BTreeSet::new();
    if let Some((twice, _)) = databases.iter().find(|(name, _)| !names.insert(name.clone())) {
        return Err(input(group, &format!("two databases are called {twice}")));
    }
    if group.schemas.is_empty() {
        let found = databases
            .into_iter()
            .map(|(name, target)| Found { member: Member::new(&name, None), target });
        return Ok(found.collect());
    }
    let lists: Vec<Result<Vec<Found>, Error>> = futures_util::stream::iter(
        databases
            .iter()
            .map(|(name, target)| Box::pin(async move { schemas(group, name, target).await })),
    )
    .buffered(group.jobs)
    .collect()
    .await;
    let mut found = Vec::new();
    for list in lists {
        found.extend(list?);
    }
    if found.is_empty() {
        return Err(input(group, "no schema of any database has a name that `schemas` gives"));
    }
    if found.len() > MAX_MEMBERS {
        return Err(input(group, &format!("more than {MAX_MEMBERS} members")));
    }
    Ok(found)
}

fn input(group: &Group, what: &str) -> Error {
    Error::new(Kind::Input, format!("[targets.{}]: {what}", group.name))
}

fn target(name: &str, place: &Place, settings: &Settings) -> Result<Target, Error> {
    let text = match place {
        Place::Text(text) => text.clone(),
        Place::Variable(variable) => {
            std::env::var(variable).ok().filter(|text| !text.is_empty()).ok_or_else(|| {
                let message = format!("environment variable {variable} is not set");
                Error::new(Kind::Input, message).detail(format!("It says where {name} is."))
            })?
        }
    };
    settings.target_at(&text).map_err(|error| {
        let message = format!("database {name}: {}", error.message);
        Error { message, ..error }
    })
}

async fn schemas(group: &Group, name: &str, target: &Target) -> Result<Vec<Found>, Error> {
    let connection = target.connect("airlock fleet").await.map_err(|error| {
        let message = format!("database {name}: {}", error.message);
        Error { message, ..error }
    })?;
    let rows = connection.query(SCHEMAS, &[]).await;
    let rows = rows.map_err(|error| database_error(&error, "read the names of schemas"))?;
    let schemas: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    let found = group.chosen(&schemas).into_iter().map(|schema| {
        let path: Vec<String> = std::iter::once(schema)
            .chain(group.path.iter().map(String::as_str))
            .map(quote_ident)
            .collect();
        Found {
            member: Member::new(name, Some(schema)),
            target: target.with_search_path(&path.join(", ")),
        }
    });
    Ok(found.collect())
}

/// What the command of the group prints.
async fn printed(group: &Group, command: &str, settings: &Settings) -> Result<Vec<Source>, Error> {
    // What it prints may hold passwords: none of it is repeated.
    let failed = |detail: String| {
        Error::new(Kind::Failed, format!("the command of [targets.{}] failed", group.name))
            .detail(detail)
    };
    let mut shell = tokio::process::Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).kill_on_drop(true);
    if !settings.folder.as_os_str().is_empty() {
        shell.current_dir(&settings.folder);
    }
    let output = tokio::time::timeout(COMMAND_TIMEOUT, shell.output())
        .await
        .map_err(|_| failed(format!("It did not end within {} s.", COMMAND_TIMEOUT.as_secs())))?
        .map_err(|error| failed(format!("{error}.")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{}\n{}", output.status, said.trim()).trim().to_owned()));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| failed("What it printed is not UTF-8.".to_owned()))?;
    Source::printed(&text).map_err(|what| {
        failed(format!("What it printed cannot be read: {what}."))
            .hint("It prints a database a line: its name, space, its URL or env:VARIABLE.")
    })
}
