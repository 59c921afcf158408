//! The program in a project of its own, with the migration of a case as its only revision.

use crate::case::Case;
use airlock::plan::{Plan, file};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A run that says nothing for so long, or that takes longer in all, is stuck.
const STUCK: Duration = Duration::from_secs(120);
const STUCK_IN_ALL: Duration = Duration::from_secs(900);

/// Locks are had on a busy machine too; a killed runner's row is soon taken over.
const SETTINGS: &str = "[plan]\nsmall_table_rows = 0\n[limits]\npatience = '60s'\n";

pub struct Victim {
    folder: tempfile::TempDir,
    url: String,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    Done,
    Killed,
    /// It says that it was disturbed and can be tried again.
    Again(String),
    Wrong(String),
}

pub struct Run {
    child: Child,
}

impl Victim {
    pub fn new(case: &Case, url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("migrations")).unwrap();
        std::fs::write(path("airlock.toml"), SETTINGS).unwrap();
        let migration = &case.text[case.migration.clone()];
        let text = format!(
            "-- revision: dead\n-- parents: none\n-- message: {}\n\
             -- created: 2026-01-01T00:00:00Z\n\n-- upgrade\n{migration}\n",
            case.name
        );
        std::fs::write(path("migrations/dead.sql"), text).unwrap();
        Self { folder, url: url.to_owned() }
    }

    pub fn run(&self) -> Run {
        let built = || env!("CARGO_BIN_EXE_airlock").into();
        let program = std::env::var_os("AIRLOCK_DEATHS_PROGRAM").unwrap_or_else(built);
        // It runs in a folder of its own; a relative path is meant from the project's.
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .args(["upgrade", "--through", "contract"])
            .env("DATABASE_URL", &self.url)
            .env_remove("AIRLOCK_ENV")
            .env_remove("AIRLOCK_CONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(std::fs::File::create(self.stderr()).unwrap()));
        Run { child: command.spawn().unwrap() }
    }

    fn stderr(&self) -> std::path::PathBuf {
        self.folder.path().join("stderr")
    }

    /// What the program wrote down as its plan.
    pub fn plan(&self) -> Plan {
        let text = std::fs::read_to_string(self.folder.path().join("plans/dead.toml")).unwrap();
        file::from_toml(&text).unwrap()
    }
}

/// Nobody is left behind by a check that fails.
impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    pub fn is_at_work(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn kill(&mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }

    /// Waits for the end.
    pub async fn end(mut self, victim: &Victim, what: &str) -> Ended {
        let start = Instant::now();
        let (mut said_last, mut length) = (start, 0);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            let now = std::fs::metadata(victim.stderr()).map_or(0, |file| file.len());
            if now != length {
                (said_last, length) = (Instant::now(), now);
            }
            if said_last.elapsed() > STUCK || start.elapsed() > STUCK_IN_ALL {
                self.kill();
                let said = std::fs::read_to_string(victim.stderr()).unwrap();
                panic!("{what} is stuck:\n{said}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let said = || std::fs::read_to_string(victim.stderr()).unwrap();
        match status.code() {
            None => Ended::Killed,
            Some(0) => Ended::Done,
            // Failed, a lock not had in time, another runner at work: the same command again.
            Some(1 | 5 | 6) => Ended::Again(said()),
            Some(code) => Ended::Wrong(format!("exit code {code}\n{}", said())),
        }
    }
}
