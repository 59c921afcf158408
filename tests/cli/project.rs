//! A project folder of its own for each test, and the binary run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct Project {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What the program did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Both streams without what differs from run to run.
    pub fn shown(&self) -> String {
        format!("exit {}\n{}{}", self.code.unwrap_or(-1), self.stdout, self.stderr)
    }
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// A folder after `airlock init`.
    pub fn new() -> Self {
        let project = Self::empty();
        project.run(&["init"]).expect(0);
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// What [`Project::set`] has set.
    pub fn variable(&self, name: &str) -> String {
        let of = self.variables.iter().find(|(known, _)| known == name);
        of.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// A revision file `migrations/<id>.sql`.
    pub fn revision(&self, id: &str, parents: &str, upgrade: &str) {
        self.revision_with(id, parents, upgrade, "");
    }

    pub fn revision_with(&self, id: &str, parents: &str, upgrade: &str, verify: &str) {
        let text = format!(
            "-- revision: {id}\n-- parents: {parents}\n-- message: about {id}\n\
             -- created: 2026-01-01T00:00:00Z\n\n-- upgrade\n{upgrade}\n-- verify\n{verify}\n"
        );
        self.write(&format!("migrations/{id}.sql"), text);
    }

    /// The program in this folder, with nothing of this process's environment that it would read.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
        command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let ours = name.starts_with("AIRLOCK_") && name != "AIRLOCK_PG_BIN";
            if ours || name.starts_with("PG") || name == "DATABASE_URL" || name == "NO_COLOR" {
                command.env_remove(&*name);
            }
        }
        // Server programs kept in the package's folder are found from there only.
        let servers = Path::new(env!("CARGO_MANIFEST_DIR"));
        command.env("CARGO_MANIFEST_DIR", servers);
        command.envs(self.variables.iter().cloned());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
