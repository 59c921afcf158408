//! The server process of a throwaway cluster: start it, wait until it takes connections, stop it.

use super::binaries::Binaries;
use super::runas::RunAs;
use crate::error::{Error, Kind};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// How long a server may take until it accepts connections (crash recovery included).
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an immediate shutdown may take before the process is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Lines of the server's log that an error shows.
const LOG_LINES_SHOWN: usize = 15;
/// In the server's log when sessions of its killed predecessor still run (PostgreSQL source,
/// `miscinit.c`).
const OLD_SESSIONS: &str = "pre-existing shared memory block";
/// In a folder of its own every server can have the usual number.
const DEFAULT_PORT: u16 = 5432;

/// How to start the server, and start it again.
pub(super) struct Launch {
    pub(super) binaries: Binaries,
    pub(super) run_as: RunAs,
    pub(super) socket_dir: PathBuf,
    pub(super) data_dir: PathBuf,
    pub(super) log: PathBuf,
    pub(super) settings: Vec<(String, String)>,
}

pub(super) struct Postmaster {
    child: Child,
}

impl Launch {
    pub(super) fn port(&self) -> u16 {
        let last = self.settings.iter().rev().find(|(name, _)| name == "port");
        last.and_then(|(_, value)| value.parse().ok()).unwrap_or(DEFAULT_PORT)
    }

    /// Starts the server and waits until it takes connections; `spawned` is told the process id
    /// before that wait.
    pub(super) fn start(&self, mut spawned: impl FnMut(u32)) -> Result<Postmaster, Error> {
        let failed = |why: String| {
            Error::new(Kind::Failed, "the throwaway PostgreSQL server did not start")
                .detail(format!("{why}\n{}", log_tail(&self.log)).trim_end().to_owned())
        };
        let pid_file = self.data_dir.join("postmaster.pid");
        let deadline = Instant::now() + START_TIMEOUT;
        let mut postmaster = self.spawn().map_err(|error| failed(format!("postgres: {error}.")))?;
        spawned(postmaster.pid());
        loop {
            if postmaster.is_ready(&pid_file) {
                return Ok(postmaster);
            }
            let ended = postmaster.child.try_wait().map_err(|error| failed(format!("{error}.")))?;
            if Instant::now() > deadline {
                postmaster.stop();
                return Err(failed(format!("It was not ready after {START_TIMEOUT:?}.")));
            }
            std::thread::sleep(POLL_INTERVAL);
            match ended {
                None => {}
                // Sessions of a killed server need a moment until they notice and let go.
                Some(_) if log_tail(&self.log).contains(OLD_SESSIONS) => {
                    File::create(&self.log).map_err(|error| failed(format!("{error}.")))?;
                    postmaster =
                        self.spawn().map_err(|error| failed(format!("postgres: {error}.")))?;
                    spawned(postmaster.pid());
                }
                Some(status) => return Err(failed(format!("It ended with {status}."))),
            }
        }
    }

    fn spawn(&self) -> io::Result<Postmaster> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = self.run_as.command(&self.binaries.program("postgres"));
        command.arg("-D").arg(&self.data_dir).arg("-k").arg(&self.socket_dir);
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Postmaster { child })
    }
}

impl Postmaster {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last line of `postmaster.pid` says `ready` once connections are accepted, and its first
    /// whose file it is (PostgreSQL source, `miscadmin.h`: LOCK_FILE_LINE_PM_STATUS).
    fn is_ready(&self, pid_file: &Path) -> bool {
        let Ok(text) = std::fs::read_to_string(pid_file) else { return false };
        let mut lines = text.lines();
        lines.next() == Some(self.pid().to_string().as_str())
            && lines.nth(6).is_some_and(|status| status.trim() == "ready")
    }

    /// Immediate shutdown: no checkpoint, so the next start recovers from the log as after a crash.
    pub(super) fn stop(&mut self) {
        self.signal(Signal::SIGQUIT);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                self.kill();
                return;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// SIGKILL, as the kernel does when memory runs out. Sessions notice and end by themselves.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }

    /// Not yet waited for, so the number cannot have gone to another process.
    fn signal(&mut self, signal: Signal) {
        if let (Ok(None), Ok(pid)) = (self.child.try_wait(), i32::try_from(self.child.id())) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

/// The end of the server's log, for errors.
fn log_tail(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}
