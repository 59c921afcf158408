//! The project's files: revisions and plans, read and written.

use super::{repeatables, seed as seeds};
use crate::config::Settings;
use crate::error::{Error, Excerpt, Kind};
use crate::plan::{Plan, file as plan_file};
use crate::revision::{Graph, Revision, file, repeatable, seed};
use crate::sql;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Largest revision file that is read, in bytes.
const MAX_REVISION_BYTES: u64 = 16 * 1024 * 1024;

/// Every revision in the folder.
///
/// # Errors
/// No such folder; a file that is no revision; revisions that do not hang together.
pub fn revisions(settings: &Settings) -> Result<Graph, Error> {
    Ok(Graph::build(files(settings)?)?)
}

/// Every revision in the folder, whether or not they hang together.
///
/// # Errors
/// No such folder; a file that is no revision.
pub fn files(settings: &Settings) -> Result<Vec<Revision>, Error> {
    let folder = &settings.migrations;
    let entries = std::fs::read_dir(folder).map_err(|error| {
        let failed = Error::new(Kind::Input, format!("cannot read folder {}", folder.display()))
            .detail(format!("{error}."));
        match error.kind() {
            ErrorKind::NotFound => failed.hint("`airlock init` makes it."),
            _ => failed,
        }
    })?;
    let paths = sql_files(folder, entries)?;
    let revisions = paths.iter().map(|path| revision(path, settings));
    let revisions = revisions.collect::<Result<Vec<_>, _>>()?;
    let again = repeatables::read(settings)?;
    let seeds = seeds::read(settings)?;
    let seeds = seeds.iter().map(|seed| &seed.revision);
    let all = revisions.iter().chain(again.revisions()).chain(seeds);
    let declared = all.flat_map(|revision| &revision.variables);
    settings.variables.refuse_unknown(declared.map(|found| found.name.as_str()))?;
    Ok(revisions)
}

/// The SQL files of a folder, in the order of their names; hidden ones are none.
///
/// # Errors
/// The file system's.
pub fn sql_files(folder: &Path, entries: std::fs::ReadDir) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|extension| extension == "sql") && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn revision(path: &Path, settings: &Settings) -> Result<Revision, Error> {
    let (shown, text) = read_sql(path)?;
    Ok(file::read_bound(&shown, &text, settings.variables.values())?)
}

/// A file of SQL: its path as messages name it, and its text.
///
/// # Errors
/// One that cannot be read, is too large or is no text.
pub fn read_sql(path: &Path) -> Result<(String, String), Error> {
    let shown = path.display().to_string();
    let bytes = bounded(path, MAX_REVISION_BYTES).map_err(|error| unreadable(path, &error))?;
    let text = sql::decode(&bytes).map_err(|error| {
        let lossy = String::from_utf8_lossy(&bytes);
        Error::at(Kind::Input, &shown, lossy, error.into_diagnostic())
    })?;
    let text = text.to_owned();
    Ok((shown, text))
}

/// An error unless a file stands there, behind links: opening a pipe would wait for somebody to write.
///
/// # Errors
/// The file system's; that it is something else.
pub fn regular(path: &Path) -> std::io::Result<()> {
    if std::fs::metadata(path)?.is_file() {
        return Ok(());
    }
    Err(std::io::Error::other("It is not a regular file"))
}

/// The file's bytes; an error when there are more than `limit`.
fn bounded(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular(path)?;
    std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(std::io::Error::other(format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Input, format!("cannot read {}", path.display())).detail(format!("{error}."))
}

/// An SQL error in a revision's file.
pub fn sql_error(revision: &Revision, error: sql::SqlError) -> Error {
    let found = revision.in_file(error.into_diagnostic());
    Error::at(Kind::Input, &revision.path, revision.written(), found)
}

/// Several places in a revision's file.
pub fn diagnostics(revision: &Revision, kind: Kind, found: Vec<sql::Diagnostic>) -> Error {
    let found: Vec<_> = found.into_iter().map(|found| revision.in_file(found)).collect();
    match <[sql::Diagnostic; 1]>::try_from(found) {
        Ok([only]) => Error::at(kind, &revision.path, revision.written(), only),
        Err(found) => {
            let message = format!("{} statements cannot be planned", found.len());
            let mut error = Error::new(kind, message);
            error.excerpt = Some(Box::new(Excerpt {
                path: revision.path.clone(),
                text: revision.written().to_owned(),
                diagnostics: found,
            }));
            error
        }
    }
}

/// Where the plan of `revision` is kept.
pub fn plan_path(settings: &Settings, revision: &Revision) -> PathBuf {
    let folder = match (revision.is_repeatable(), revision.is_seed()) {
        (true, _) => settings.plans.join(repeatable::FOLDER),
        (_, true) => settings.plans.join(seed::FOLDER),
        (false, false) => settings.plans.clone(),
    };
    folder.join(format!("{}.toml", revision.stem()))
}

/// The plan file of `revision`, if there is one.
///
/// # Errors
/// A file that cannot be read, is no plan, was changed, or belongs to another revision.
pub fn read_plan(settings: &Settings, revision: &Revision) -> Result<Option<Plan>, Error> {
    let path = plan_path(settings, revision);
    let shown = path.display().to_string();
    let bytes = match bounded(&path, plan_file::MAX_BYTES as u64) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::new(Kind::Input, format!("plan file {shown} is not UTF-8"))
            .hint("Make the plan again with `airlock plan`.")
    })?;
    let plan = plan_file::from_toml(&text).map_err(|error| error.into_error(&shown, &text))?;
    if plan.revision.id != revision.id.as_str() {
        let message = format!("plan file {shown} belongs to revision {}", plan.revision.id);
        return Err(Error::new(Kind::Input, message)
            .detail(format!("It stands where the plan of {} should.", revision.id))
            .hint("Make the plan again with `airlock plan`."));
    }
    Ok(Some(plan))
}

/// Writes the plan file of `revision`, whole or not at all; false when it stands there already.
///
/// # Errors
/// The file system's.
pub fn write_plan(settings: &Settings, revision: &Revision, plan: &Plan) -> Result<bool, Error> {
    let path = plan_path(settings, revision);
    let text = plan_file::to_toml(plan);
    if std::fs::read(&path).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok(false);
    }
    write(&path, &text, true).map(|_| true)
}

/// Writes a file through a temporary one beside it, so that nobody ever reads half of it. Without
/// `replace` an existing file stays as it is; false then.
///
/// # Errors
/// The file system's.
pub fn write(path: &Path, text: &str, replace: bool) -> Result<bool, Error> {
    let failed = |error: &std::io::Error| {
        Error::new(Kind::Failed, format!("cannot write {}", path.display()))
            .detail(format!("{error}."))
    };
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let mut file = tempfile::Builder::new()
        .prefix(".airlock-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    file.as_file().sync_all().map_err(|error| failed(&error))?;
    if replace {
        file.persist(path).map(|_| true).map_err(|error| failed(&error.error))
    } else {
        match file.persist_noclobber(path) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed(&error.error)),
        }
    }
}
