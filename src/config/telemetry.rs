//! `[metrics]`, `[log]` and `[[hook]]` of `airlock.toml`.

use super::layer::duration;
use crate::error::{Error, Kind};
use crate::telemetry::Settings;
use crate::telemetry::hook::{Hook, Occasion};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HOOK_TIMEOUT: Duration = Duration::from_secs(10);
const HOOK_TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// Of hooks that work waits for: what they do may take as long as work does.
const WORK_TIMEOUT: Duration = Duration::from_secs(600);
const BACKUP_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
const WORK_TIMEOUT_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Folder of the backups, where the settings name no other.
const BACKUPS: &str = "backups";

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileMetrics {
    textfile: Option<PathBuf>,
    listen: Option<SocketAddr>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileLog {
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileHook {
    on: Vec<Occasion>,
    #[serde(default)]
    command: Vec<String>,
    /// A command that airlock knows.
    #[serde(default)]
    preset: Option<Preset>,
    /// Where a preset puts what it makes.
    #[serde(default)]
    directory: Option<PathBuf>,
    #[serde(default, deserialize_with = "duration")]
    timeout: Option<Duration>,
    #[serde(default)]
    required: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Preset {
    PgDump,
}

/// # Errors
/// `Kind::Input` for a hook that makes no sense.
pub(super) fn settings(
    metrics: FileMetrics,
    log: FileLog,
    hooks: Vec<FileHook>,
    folder: &Path,
) -> Result<Settings, Error> {
    let hooks = hooks.into_iter().map(|file| hook(file, folder)).collect::<Result<_, _>>()?;
    Ok(Settings { textfile: metrics.textfile, listen: metrics.listen, log: log.file, hooks })
}

fn hook(file: FileHook, folder: &Path) -> Result<Hook, Error> {
    let refuse = |what: &str| Err(Error::new(Kind::Input, format!("a hook {what}")));
    let FileHook { on, command, preset, directory, timeout, required } = file;
    let command = match preset {
        None if command.first().is_none_or(|program| program.trim().is_empty()) => {
            return refuse("has no command");
        }
        None if directory.is_some() => return refuse("has a directory, which is for presets"),
        None => command,
        Some(_) if !command.is_empty() => return refuse("has a preset and a command"),
        Some(Preset::PgDump) => {
            pg_dump(&folder.join(directory.unwrap_or_else(|| PathBuf::from(BACKUPS))))
        }
    };
    if on.is_empty() {
        return refuse("is called on nothing: `on` is empty");
    }
    let work = on.iter().any(|occasion| occasion.is_work());
    if preset.is_some() && !on.iter().all(|occasion| occasion.is_before()) {
        return refuse("is a backup, and is called on something that is not before anything");
    }
    let (default, longest) = match (preset, work) {
        (Some(_), _) => (BACKUP_TIMEOUT, WORK_TIMEOUT_MAX),
        (None, true) => (WORK_TIMEOUT, WORK_TIMEOUT_MAX),
        (None, false) => (HOOK_TIMEOUT, HOOK_TIMEOUT_MAX),
    };
    let timeout = timeout.unwrap_or(default);
    if timeout.is_zero() || timeout > longest {
        let longest = humantime::format_duration(longest).to_string().replace(' ', "");
        return refuse(&format!("has a timeout that is not above 0 and at most {longest}"));
    }
    // Whoever wants something done before does not want to go on without it.
    let required = required.unwrap_or_else(|| on.iter().any(|occasion| occasion.is_before()));
    Ok(Hook { on, command, timeout, required })
}

/// A backup in PostgreSQL's own format, in a file of its own. It reaches the database through the variables
/// that hooks of work get.
fn pg_dump(directory: &Path) -> Vec<String> {
    let file = directory.join("{database}-{revision}-{time}.dump");
    // The shell makes the folder; nothing of it is taken from anywhere but the two arguments.
    let script = "mkdir -p -- \"$1\" && umask 077 && exec pg_dump --format=custom --file=\"$2\"";
    ["sh", "-c", script, "pg_dump", &directory.to_string_lossy(), &file.to_string_lossy()]
        .map(str::to_owned)
        .to_vec()
}
