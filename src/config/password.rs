//! `password_command` of `airlock.toml`, at the top or below `[env.NAME]`.

use super::layer::FilePasswordCommand;
use crate::connect::PasswordCommand;
use crate::error::{Error, Kind};
use std::time::Duration;

/// How long the command may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT_MAX: Duration = Duration::from_secs(10 * 60);

/// How long what it printed is used for new connections. Tokens of cloud databases live for a quarter
/// of an hour or longer.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// # Errors
/// `Kind::Input` for what makes no sense.
pub(super) fn command(
    command: Option<FilePasswordCommand>,
    timeout: Option<Duration>,
    max_age: Option<Duration>,
) -> Result<Option<PasswordCommand>, Error> {
    let refuse = |what: &str| Err(Error::new(Kind::Input, what.to_owned()));
    let limit = timeout.unwrap_or(TIMEOUT);
    if limit.is_zero() || limit > TIMEOUT_MAX {
        return refuse("password_timeout is not above 0 and at most 10m");
    }
    let age = max_age.unwrap_or(MAX_AGE);
    match command {
        None if timeout.is_some() => refuse("password_timeout is set, and no password_command"),
        None if max_age.is_some() => refuse("password_max_age is set, and no password_command"),
        None => Ok(None),
        Some(FilePasswordCommand::Script(script)) if script.trim().is_empty() => {
            refuse("password_command is empty")
        }
        Some(FilePasswordCommand::Program(argv))
            if argv.first().is_none_or(|program| program.trim().is_empty()) =>
        {
            refuse("password_command names no program")
        }
        Some(FilePasswordCommand::Script(script)) => {
            Ok(Some(PasswordCommand::script(&script, limit, age)))
        }
        Some(FilePasswordCommand::Program(argv)) => {
            Ok(Some(PasswordCommand::program(argv, limit, age)))
        }
    }
}
