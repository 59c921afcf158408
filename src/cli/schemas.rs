//! Schemas to compare: where each comes from, and how it gets into a throwaway server.

use super::output::Output;
use super::{project, rehearsal, repeatables, replay};
use crate::config::Settings;
use crate::connect::{Connection, Target, database_error, sqlstate};
use crate::diff::rename::{Rename, name_parts};
use crate::diff::settle::{self, Options, is_too_early, missing_role, portable};
use crate::diff::{Key, Kind as ObjectKind};
use crate::error::{Error, Kind};
use crate::revision::Revision;
use crate::sandbox::{Cluster, ClusterOptions, SUPERUSER};
use crate::sql::{self, Diagnostic, DirectiveKind, Statement, grammar, quote_ident};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// Longest time that the command of `[schema]` may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);
/// Most files that a folder may hold.
const MAX_FILES: usize = 10_000;
/// Most roles that are made because a statement names them.
const MAX_ROLES: usize = 100;
/// SQLSTATE `duplicate_object`: a role that both sides make.
const DUPLICATE_OBJECT: &str = "42710";

/// Where a schema comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A running database; it is only read.
    Database(String),
    /// The revisions, or those up to one, as written.
    Revisions(Option<String>),
    /// An SQL file or a folder of them.
    Path(PathBuf),
    Command(String),
    Empty,
}

/// For `--help`.
pub const SOURCES: &str = "\
A schema is one of:
  database              the configured database
  postgresql://…        another database
  revisions             the revision files, replayed; revisions:ID up to that one
  desired               what [schema] in airlock.toml names: a path or a command
  FILE.sql or FOLDER    SQL that makes it
  empty                 nothing";

impl Source {
    /// What `text` names.
    ///
    /// # Errors
    /// A word that names nothing, or something that is not configured.
    pub fn parse(text: &str, settings: &Settings) -> Result<Self, Error> {
        if text == "database" {
            // Complains when there is none.
            settings.target()?;
            return Ok(Self::Database(String::new()));
        }
        if text.starts_with("postgresql://") || text.starts_with("postgres://") {
            return Ok(Self::Database(text.to_owned()));
        }
        match text.split_once(':') {
            None if text == "revisions" => return Ok(Self::Revisions(None)),
            Some(("revisions", id)) => return Ok(Self::Revisions(Some(id.to_owned()))),
            _ => {}
        }
        match text {
            "desired" => Self::desired(settings),
            "empty" => Ok(Self::Empty),
            path if Path::new(path).exists() => Ok(Self::Path(path.into())),
            _ => Err(Error::new(Kind::Input, format!("`{text}` names no schema"))
                .detail(SOURCES.to_owned())),
        }
    }

    /// What `[schema]` says.
    ///
    /// # Errors
    /// When it says nothing.
    pub fn desired(settings: &Settings) -> Result<Self, Error> {
        match (&settings.schema.path, &settings.schema.command) {
            // Both are refused where the file is read.
            (Some(path), _) => Ok(Self::Path(settings.folder.join(path))),
            (None, Some(command)) => Ok(Self::Command(command.clone())),
            (None, None) => Err(Error::new(Kind::Input, "no desired schema is named").hint(
                "Name a file or folder of SQL, or write path or command below [schema] in airlock.toml.",
            )),
        }
    }

    fn target(&self, settings: &Settings) -> Option<Result<Target, Error>> {
        match self {
            Self::Database(url) if url.is_empty() => Some(settings.target()),
            Self::Database(url) => Some(settings.target_at(url)),
            Self::Revisions(_) | Self::Path(_) | Self::Command(_) | Self::Empty => None,
        }
    }

    /// In words.
    pub fn name(&self, settings: &Settings) -> String {
        match self {
            Self::Database(_) => match self.target(settings) {
                Some(Ok(target)) => target.redacted(),
                _ => "database".to_owned(),
            },
            Self::Revisions(None) => "the revisions".to_owned(),
            Self::Revisions(Some(id)) => format!("the revisions up to {id}"),
            Self::Path(path) => path.display().to_string(),
            Self::Command(command) => format!("`{command}`"),
            Self::Empty => "an empty database".to_owned(),
        }
    }
}

/// A throwaway server of the version of the first database among `sources`.
///
/// # Errors
/// No server programs of that version; a database that cannot be reached.
pub async fn server(
    sources: &[&Source],
    settings: &Settings,
    major: Option<u32>,
    output: &Output,
) -> Result<Cluster, Error> {
    let mut wanted = major;
    for source in sources {
        if wanted.is_some() {
            break;
        }
        if let Some(target) = source.target(settings) {
            let connection = target?.connect("airlock diff").await?;
            wanted = Some(connection.server_version()?.major);
            connection.close().await;
        }
    }
    let options = ClusterOptions { major: wanted, ..ClusterOptions::default() };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await;
    let cluster = cluster.map_err(|error| {
        Error::new(Kind::Failed, "the throwaway server failed").detail(format!("{error}."))
    })??;
    output.say(&format!("comparing in a throwaway PostgreSQL {}", cluster.major()));
    Ok(cluster)
}

/// Makes `database` in the throwaway server with the schema of `source`; notes in its SQL go into
/// `options`.
///
/// # Errors
/// A source that cannot be read; SQL that the server refuses.
pub async fn fill(
    cluster: &Cluster,
    database: &str,
    source: &Source,
    settings: &Settings,
    owners: bool,
    options: &mut Options,
) -> Result<(), Error> {
    cluster.create_database(database, None).await?;
    match source {
        Source::Database(_) => {
            if let Some(target) = source.target(settings) {
                let connection = target?.connect("airlock diff").await?;
                let schema = portable(crate::diff::load(&connection).await?, owners);
                connection.close().await;
                settle::build(cluster, &schema, database).await?;
            }
        }
        Source::Revisions(id) => {
            let graph = project::revisions(settings)?;
            let tips: Vec<&Revision> = match id {
                // Several, where a database is at several heads.
                Some(ids) => ids.split(' ').map(|id| graph.find(id)).collect::<Result<_, _>>()?,
                None => graph.linear()?.last().into_iter().collect(),
            };
            let connection = cluster.connect(database).await?;
            let wanted = graph.closure(tips.iter().map(|tip| &tip.id));
            for revision in &wanted {
                replay::revision(&connection, revision).await?;
            }
            // They are made for the newest schema.
            if wanted.len() == graph.revisions().len() {
                for revision in repeatables::read(settings)?.revisions() {
                    replay::revision(&connection, revision).await?;
                }
            }
            connection.close().await;
        }
        Source::Path(path) => {
            let texts = files(path)?;
            run_texts(cluster, database, &texts, options).await?;
        }
        Source::Command(command) => {
            let text = command_output(command, settings).await?;
            run_texts(cluster, database, &[(format!("`{command}`"), text)], options).await?;
        }
        Source::Empty => {}
    }
    if !owners {
        disown(cluster, database).await?;
    }
    Ok(())
}

/// Everything belongs to one role, so that owners do not differ.
///
/// # Errors
/// Trouble with the database.
pub async fn disown(cluster: &Cluster, database: &str) -> Result<(), Error> {
    let doing = |error: tokio_postgres::Error| database_error(&error, "leave owners aside");
    let connection = cluster.connect(database).await?;
    let roles = "SELECT rolname::text FROM pg_roles
                  WHERE rolname !~ '^pg_' AND rolname <> current_user";
    for row in connection.query(roles, &[]).await.map_err(doing)? {
        let role = quote_ident(row.get(0));
        let sql = format!("REASSIGN OWNED BY {role} TO {SUPERUSER}");
        connection.batch_execute(&sql).await.map_err(doing)?;
    }
    connection.close().await;
    Ok(())
}

fn files(path: &Path) -> Result<Vec<(String, String)>, Error> {
    let mut found = Vec::new();
    if path.is_dir() {
        collect(path, &mut found)?;
        found.sort();
        if found.is_empty() {
            let message = format!("folder {} has no .sql file", path.display());
            return Err(Error::new(Kind::Input, message));
        }
    } else {
        found.push(path.to_owned());
    }
    let text = |path: &PathBuf| {
        let text = rehearsal::without_meta_commands(&rehearsal::read(path)?);
        Ok((path.display().to_string(), text))
    };
    found.iter().map(text).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let unreadable = |error: std::io::Error| {
        Error::new(Kind::Input, format!("cannot read folder {}", folder.display()))
            .detail(format!("{error}."))
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // Links are not followed: they could go round in a circle.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "sql") {
            project::regular(&path).map_err(|error| {
                Error::new(Kind::Input, format!("cannot read {}", path.display()))
                    .detail(format!("{error}."))
            })?;
            found.push(path);
        }
        if found.len() > MAX_FILES {
            let message = format!("{} has more than {MAX_FILES} files", folder.display());
            return Err(Error::new(Kind::Input, message));
        }
    }
    Ok(())
}

async fn command_output(command: &str, settings: &Settings) -> Result<String, Error> {
    let failed = |detail: String| {
        Error::new(Kind::Failed, format!("the command of [schema] failed: {command}"))
            .detail(detail)
    };
    let mut shell = tokio::process::Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).kill_on_drop(true);
    if !settings.folder.as_os_str().is_empty() {
        shell.current_dir(&settings.folder);
    }
    let output = tokio::time::timeout(COMMAND_TIMEOUT, shell.output()).await;
    let output = output
        .map_err(|_| {
            failed(format!("It did not end within {} seconds.", COMMAND_TIMEOUT.as_secs()))
        })?
        .map_err(|error| failed(format!("{error}.")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{}\n{}", output.status, said.trim()).trim().to_owned()));
    }
    let text = String::from_utf8(output.stdout);
    let text = text.map_err(|_| failed("What it printed is not UTF-8.".to_owned()))?;
    Ok(rehearsal::without_meta_commands(&text))
}

/// A statement and where it stands.
struct Placed<'a> {
    path: &'a str,
    text: &'a str,
    statement: Statement,
    /// What the session was set to when it was first tried.
    search_path: Option<String>,
}

/// Runs everything; what comes too early waits for the rest, so that files may be in any order.
async fn run_texts(
    cluster: &Cluster,
    database: &str,
    texts: &[(String, String)],
    options: &mut Options,
) -> Result<(), Error> {
    let mut open: VecDeque<Placed<'_>> = VecDeque::new();
    let mut blanked = Vec::new();
    for (path, text) in texts {
        blanked.push((path, text, without_notes(path, text, options)?));
    }
    for (path, text, plain) in &blanked {
        let script = sql::parse(plain, 0..plain.len())
            .map_err(|error| Error::at(Kind::Input, *path, *text, error.into_diagnostic()))?;
        for statement in script.statements {
            backfills(&statement, options);
            open.push_back(Placed { path, text, statement, search_path: None });
        }
    }
    let connection = cluster.connect(database).await?;
    let mut waiting = 0;
    while let Some(mut placed) = open.pop_front() {
        let restored = match &placed.search_path {
            Some(path) => set_search_path(&connection, path).await,
            None => Ok(()),
        };
        let ran = match restored {
            Ok(()) => run(&connection, &placed.statement).await,
            Err(error) => Err(error),
        };
        match ran {
            Ok(()) => waiting = 0,
            Err(error) if is_too_early(&error) && waiting < open.len() => {
                waiting += 1;
                if placed.search_path.is_none() {
                    placed.search_path = Some(search_path(&connection).await?);
                }
                open.push_back(placed);
            }
            Err(error) => return Err(refused(&placed, &error)),
        }
    }
    connection.close().await;
    Ok(())
}

fn refused(placed: &Placed<'_>, error: &tokio_postgres::Error) -> Error {
    let shown = database_error(error, "load the schema");
    let mut found = Diagnostic::new(shown.message, placed.statement.span);
    found.detail = shown.detail;
    found.hint = shown.hint;
    Error::at(Kind::Failed, placed.path, placed.text, found)
}

async fn search_path(connection: &Connection) -> Result<String, Error> {
    let row = connection.query_one("SELECT current_setting('search_path')", &[]).await;
    row.map(|row| row.get(0)).map_err(|error| database_error(&error, "load the schema"))
}

async fn set_search_path(connection: &Connection, path: &str) -> Result<(), tokio_postgres::Error> {
    let sql = "SELECT set_config('search_path', $1, false)";
    connection.query(sql, &[&path]).await.map(|_| ())
}

async fn run(connection: &Connection, statement: &Statement) -> Result<(), tokio_postgres::Error> {
    for _ in 0..MAX_ROLES {
        let Err(error) = connection.batch_execute(&statement.sql).await else { return Ok(()) };
        // Roles belong to the server, where the other schema may have made them.
        let makes_role = ["CREATE ROLE", "CREATE USER", "CREATE GROUP"].iter().any(|words| {
            let start = statement.sql.trim_start().get(..words.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(words))
        });
        if makes_role && sqlstate(&error) == Some(DUPLICATE_OBJECT) {
            return Ok(());
        }
        let Some(role) = missing_role(&error) else { return Err(error) };
        connection.batch_execute(&format!("CREATE ROLE {}", quote_ident(&role))).await?;
    }
    connection.batch_execute(&statement.sql).await
}

/// Values for rows that exist, which the desired schema gives as a migration would.
fn backfills(statement: &Statement, options: &mut Options) {
    for directive in &statement.directives {
        if let DirectiveKind::Backfill { schema, table, column, expression } = &directive.kind {
            let schema = schema.as_deref().unwrap_or("public");
            let key = Key::new(ObjectKind::Column, schema, table, column);
            options.hints.backfills.insert(key, expression.clone());
        }
    }
}

/// The text without the notes `-- airlock: renamed-from OLD to NEW`, places kept.
fn without_notes(path: &str, text: &str, options: &mut Options) -> Result<String, Error> {
    let mut plain = text.to_owned();
    for place in grammar::comments(text).unwrap_or_default() {
        let comment = &text[place.clone()];
        let inner =
            comment.trim_start_matches("--").trim_start_matches("/*").trim_end_matches("*/");
        let Some(note) = inner.trim().strip_prefix("airlock:") else { continue };
        let Some(names) = note.trim().strip_prefix("renamed-from ") else { continue };
        let bad = |what: String| {
            let span = sql::Span::new(place.start, place.end);
            let found = Diagnostic::new(what, span)
                .hint("Write it like `-- airlock: renamed-from users.name to users.full_name`.");
            Error::at(Kind::Input, path, text, found)
        };
        let (old, new) = names
            .split_once(" to ")
            .ok_or_else(|| bad("the note does not say what the new name is".to_owned()))?;
        let old = name_parts(old.trim()).map_err(bad)?;
        let new = name_parts(new.trim()).map_err(bad)?;
        options.renames.push(Rename { old, new });
        let blank: String = comment.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        // A character of several bytes becomes as many spaces.
        let missing = comment.len() - blank.len();
        plain.replace_range(place.clone(), &format!("{blank}{}", " ".repeat(missing)));
    }
    Ok(plain)
}
