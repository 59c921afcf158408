//! As whom the server runs: PostgreSQL refuses root, so root steps down to a user without rights.

use super::binaries::Binaries;
use crate::error::{Error, Kind};
use nix::unistd::{Gid, Uid, User, chown, geteuid};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Users without rights, in the order in which they are preferred.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The user that owns the cluster, when it is not ourselves.
#[derive(Debug, Clone)]
pub(super) struct RunAs {
    other: Option<(Uid, Gid, String)>,
}

impl RunAs {
    /// Ourselves, or an unprivileged user when we are root.
    pub(super) fn find() -> Result<Self, Error> {
        if !geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let user = UNPRIVILEGED.iter().find_map(|name| User::from_name(name).ok().flatten());
        let user = user.filter(|user| !user.uid.is_root()).ok_or_else(|| {
            Error::new(Kind::Failed, "PostgreSQL does not run as root and there is no other user")
                .hint(
                    "Add a user \"postgres\" to the system, or run this as another user than root.",
                )
        })?;
        Ok(Self { other: Some((user.uid, user.gid, user.name)) })
    }

    /// A command that runs as that user, in a process group of its own so that a ^C at the terminal
    /// does not reach it, with nothing of the caller's PostgreSQL environment.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).process_group(0).current_dir("/");
        for (name, _) in std::env::vars_os() {
            // PGHOST, PGOPTIONS, PGDATA and so on would change what the programs do.
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").env("TZ", "UTC");
        if let Some((uid, gid, _)) = &self.other {
            // The standard library also clears the supplementary groups when root sets a uid.
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        command
    }

    /// Makes that user the owner of `path`.
    pub(super) fn give(&self, path: &Path) -> Result<(), Error> {
        let Some((uid, gid, name)) = &self.other else { return Ok(()) };
        chown(path, Some(*uid), Some(*gid)).map_err(|error| {
            Error::new(Kind::Failed, format!("cannot give {} to user {name}", path.display()))
                .detail(format!("{error}."))
        })
    }

    /// Whether that user can enter `dir`.
    pub(super) fn can_enter(&self, dir: &Path) -> bool {
        self.other.is_none()
            || self
                .command(Path::new("/bin/sh"))
                .args(["-c", "cd -- \"$1\"", "sh"])
                .arg(dir)
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    }

    /// That the user can run the programs; a home directory closed to others is the usual reason
    /// why not.
    pub(super) fn check_reach(&self, binaries: &Binaries) -> Result<(), Error> {
        let Some((_, _, name)) = &self.other else { return Ok(()) };
        let result = self
            .command(&binaries.program("postgres"))
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output();
        let why = match result {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let dir = binaries.dir.display();
        Err(Error::new(Kind::Failed, format!("user {name} cannot run the programs in {dir}"))
            .detail(format!(
                "PostgreSQL does not run as root, so its programs run as {name}: {why}."
            ))
            .hint(
                "Move them out of a directory that is closed to others, or name others in \
                 AIRLOCK_PG_BIN.",
            ))
    }
}
