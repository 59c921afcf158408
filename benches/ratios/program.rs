//! The program in a project of its own, and the memory that it took.

use airlock::sandbox::Cluster;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often the memory is looked at; the kernel keeps its peak.
const LOOK: Duration = Duration::from_millis(10);

pub struct Program {
    folder: tempfile::TempDir,
    url: String,
}

pub struct Ended {
    pub code: Option<i32>,
    /// Largest resident memory, bytes.
    pub memory: u64,
    pub said: String,
    /// Median time of a batch, of those that the log shows (one a second), milliseconds.
    pub batch: Option<f64>,
}

impl Program {
    /// With one revision, whose upgrade section is `migration`.
    pub fn new(cluster: &Cluster, database: &str, migration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("writes");
        };
        std::fs::create_dir(folder.path().join("migrations")).expect("a folder");
        write("airlock.toml", "[log]\nfile = 'log'\n");
        write(
            "migrations/be00.sql",
            &format!(
                "-- revision: be00\n-- parents: none\n-- message: measured\n\
                 -- created: 2026-01-01T00:00:00Z\n\n-- upgrade\n{migration}\n"
            ),
        );
        let (socket, port) = (cluster.socket_dir().display(), cluster.port());
        let url = format!("postgresql://postgres@/{database}?host={socket}&port={port}");
        Self { folder, url }
    }

    /// Runs it to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        let said = self.folder.path().join("said");
        let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
            .current_dir(self.folder.path())
            .args(arguments)
            .env("DATABASE_URL", &self.url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(std::fs::File::create(&said).expect("a file")))
            .spawn()
            .expect("the program starts");
        let mut memory = 0;
        let status = loop {
            memory = peak(&child).unwrap_or(memory);
            match child.try_wait().expect("it can be waited for") {
                Some(status) => break status,
                None => tokio::time::sleep(LOOK).await,
            }
        };
        let said = std::fs::read_to_string(said).unwrap_or_default();
        Ended { code: status.code(), memory, said, batch: self.batch() }
    }

    fn batch(&self) -> Option<f64> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).ok()?;
        let mut times: Vec<f64> = log
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter_map(|record| record["attributes"]["batch_ms"].as_f64())
            .collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    }
}

/// `VmHWM`: the largest resident memory so far.
fn peak(child: &Child) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}
