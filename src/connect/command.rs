//! A command that prints the password: for secret stores, and for tokens that live for minutes.
//!
//! It is asked only once the server wants a password and no other place gives one. What it prints is
//! kept in memory alone and is never shown; what it says on stderr is, when it fails.

use crate::error::{Error, Kind};
use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Most that is read of what the command prints; no password or token is longer.
const PRINTED_MAX: usize = 64 * 1024;

/// Characters of what a failed command said on stderr that are shown.
const SAID_MAX: usize = 300;

/// A command that prints the password on its first line. Clones share what it has printed.
#[derive(Clone)]
pub struct PasswordCommand {
    argv: Vec<String>,
    /// How it is named to a person; a shell's script may be long and hold what is nobody's business.
    name: String,
    timeout: Duration,
    /// How long what it printed is used for new connections.
    max_age: Duration,
    kept: Arc<Mutex<BTreeMap<Place, Kept>>>,
    /// Held while it runs: connections opened at once ask once.
    running: Arc<tokio::sync::Mutex<()>>,
}

/// Whose password it is. libpq's names, as the command gets them in its environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) user: String,
}

struct Kept {
    password: String,
    since: Instant,
}

impl PasswordCommand {
    /// A program and its arguments, without a shell.
    pub fn program(argv: Vec<String>, timeout: Duration, max_age: Duration) -> Self {
        let name = format!("password command {}", argv.first().map_or("", String::as_str));
        Self { argv, name, timeout, max_age, kept: Arc::default(), running: Arc::default() }
    }

    /// A script for the shell.
    pub fn script(script: &str, timeout: Duration, max_age: Duration) -> Self {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        Self { name: "password command".to_owned(), ..Self::program(argv, timeout, max_age) }
    }

    /// What was printed for `place` and is young enough. `None` when it has not been needed yet.
    ///
    /// # Errors
    /// It was too old, and the command failed.
    pub(super) async fn known(&self, place: &Place) -> Result<Option<String>, Error> {
        let kept = self.kept().get(place).map(|kept| (kept.password.clone(), kept.since));
        match kept {
            Some((password, since)) if since.elapsed() < self.max_age => Ok(Some(password)),
            Some((_, since)) => self.renewed(place, Some(since)).await.map(Some),
            None => Ok(None),
        }
    }

    /// Another password than `refused`, by running the command unless somebody just did.
    ///
    /// # Errors
    /// The command failed.
    pub(super) async fn other(
        &self,
        place: &Place,
        refused: Option<&str>,
    ) -> Result<String, Error> {
        let since = self
            .kept()
            .get(place)
            .filter(|kept| Some(kept.password.as_str()) == refused)
            .map(|kept| kept.since);
        self.renewed(place, since).await
    }

    /// What the command prints now, or what it printed for another connection after `since`.
    async fn renewed(&self, place: &Place, since: Option<Instant>) -> Result<String, Error> {
        let _running = self.running.lock().await;
        if let Some(kept) = self.kept().get(place)
            && since.is_none_or(|since| kept.since > since)
            && kept.since.elapsed() < self.max_age
        {
            return Ok(kept.password.clone());
        }
        // From before it runs: a token's life begins when it is made, not when we have read it.
        let since = Instant::now();
        let password = self.run(place).await?;
        self.kept().insert(place.clone(), Kept { password: password.clone(), since });
        Ok(password)
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Place, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, place: &Place) -> Result<String, Error> {
        let failed = |why: String| {
            Error::new(Kind::Failed, format!("{} failed", self.name)).detail(why).hint(
                "It has to print the password of the user in PGUSER on its first line and end with 0.",
            )
        };
        let mut child = Command::new(&self.argv[0])
            .args(&self.argv[1..])
            .env("PGHOST", &place.host)
            .env("PGPORT", place.port.to_string())
            .env("PGDATABASE", &place.database)
            .env("PGUSER", &place.user)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A ^C at the terminal is for us.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(format!("{error}.")))?;
        let pid = child.id();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (stdout, stderr) = tokio::join!(bounded(stdout), bounded(stderr));
            Ok::<_, std::io::Error>(Output { status: child.wait().await?, stdout, stderr })
        };
        let output = match tokio::time::timeout(self.timeout, work).await {
            Ok(output) => output.map_err(|error| failed(format!("{error}.")))?,
            Err(_) => {
                // What it has started goes with it.
                if let Some(group) = pid.and_then(|pid| i32::try_from(pid).ok()) {
                    let group = nix::unistd::Pid::from_raw(group);
                    let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
                }
                let limit = humantime::format_duration(self.timeout);
                return Err(failed(format!("It took longer than {limit} and was killed.")));
            }
        };
        let said = said(&output.stderr);
        if !output.status.success() {
            let how = match (output.status.code(), output.status.signal()) {
                (Some(code), _) => format!("It ended with {code}."),
                (None, Some(signal)) => format!("It ended by signal {signal}."),
                (None, None) => "It did not end well.".to_owned(),
            };
            return Err(failed(format!("{how}{said}")));
        }
        let printed = output.stdout.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let printed = printed.strip_suffix(b"\r").unwrap_or(printed);
        match std::str::from_utf8(printed) {
            Ok("") => Err(failed(format!("Its first line is empty.{said}"))),
            Ok(_) if printed.len() >= PRINTED_MAX => {
                Err(failed(format!("Its first line is longer than {PRINTED_MAX} bytes.{said}")))
            }
            Ok(text) if text.contains('\0') => {
                Err(failed(format!("What it printed holds a zero byte.{said}")))
            }
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(failed(format!("What it printed is not UTF-8.{said}"))),
        }
    }
}

/// The beginning of what a pipe gives. The rest is read too, lest the command waits for us.
async fn bounded(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut read = Vec::new();
    let Some(mut pipe) = pipe else { return read };
    let _ = (&mut pipe).take(PRINTED_MAX as u64).read_to_end(&mut read).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    read
}

fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text: String = text.trim().chars().take(SAID_MAX).collect();
    let text: String =
        text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    if text.is_empty() { text } else { format!(" It said: {text}") }
}

impl fmt::Debug for PasswordCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordCommand({}, {:?}, {:?})", self.name, self.timeout, self.max_age)
    }
}

/// The same command; what it has printed so far says nothing about it.
impl PartialEq for PasswordCommand {
    fn eq(&self, other: &Self) -> bool {
        self.argv == other.argv && self.timeout == other.timeout && self.max_age == other.max_age
    }
}
