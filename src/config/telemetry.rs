//! `[metrics]`, `[log]` and `[[hook]]` of `airlock.toml`.

use super::layer::duration;
use crate::error::{Error, Kind};
use crate::telemetry::Settings;
use crate::telemetry::hook::{Hook, Occasion};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const HOOK_TIMEOUT: Duration = Duration::from_secs(10);
const HOOK_TIMEOUT_MAX: Duration = Duration::from_secs(600);

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
    command: Vec<String>,
    #[serde(default, deserialize_with = "duration")]
    timeout: Option<Duration>,
    #[serde(default)]
    required: bool,
}

/// # Errors
/// `Kind::Input` for a hook that makes no sense.
pub(super) fn settings(
    metrics: FileMetrics,
    log: FileLog,
    hooks: Vec<FileHook>,
) -> Result<Settings, Error> {
    let hooks = hooks.into_iter().map(hook).collect::<Result<_, _>>()?;
    Ok(Settings { textfile: metrics.textfile, listen: metrics.listen, log: log.file, hooks })
}

fn hook(file: FileHook) -> Result<Hook, Error> {
    let refuse = |what: &str| Err(Error::new(Kind::Input, format!("a hook {what}")));
    if file.command.first().is_none_or(|program| program.trim().is_empty()) {
        return refuse("has no command");
    }
    if file.on.is_empty() {
        return refuse("is called on nothing: `on` is empty");
    }
    let timeout = file.timeout.unwrap_or(HOOK_TIMEOUT);
    if timeout.is_zero() || timeout > HOOK_TIMEOUT_MAX {
        return refuse("has a timeout that is not above 0 and at most 10m");
    }
    let FileHook { on, command, required, .. } = file;
    Ok(Hook { on, command, timeout, required })
}
