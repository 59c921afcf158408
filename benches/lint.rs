//! How long `airlock lint` takes for 1,000 files of 10 statements, JSON output and start of the
//! program included, beside `squawk` where it is installed (PyPI's `squawk-cli`; `SQUAWK=/path` names
//! it elsewhere).
//!
//! Two mixes: files that alter each other's tables, so that the catalog grows to 1,000 tables, and
//! files about tables that nobody created.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FILES: usize = 1_000;
const RUNS: usize = 15;

/// Ten statements about a table of the file's own and one of an earlier file.
fn connected(file: usize) -> String {
    let other = file.saturating_sub(1) / 2;
    let mut sql = String::new();
    let _ = write!(
        sql,
        "CREATE TABLE accounts_{file} (id bigint PRIMARY KEY, email text NOT NULL, balance numeric(12,2) DEFAULT 0, created_at timestamptz DEFAULT now());\n\
         CREATE INDEX accounts_{file}_email_idx ON accounts_{file} (lower(email));\n\
         ALTER TABLE accounts_{other} ADD COLUMN note_{file} text;\n\
         ALTER TABLE accounts_{file} ADD COLUMN owner_id bigint;\n\
         ALTER TABLE accounts_{file} ADD CONSTRAINT accounts_{file}_owner_fk FOREIGN KEY (owner_id) REFERENCES accounts_{other} (id);\n\
         CREATE INDEX CONCURRENTLY accounts_{other}_note_{file}_idx ON accounts_{other} (note_{file});\n\
         ALTER TABLE accounts_{file} ALTER COLUMN owner_id SET NOT NULL;\n\
         UPDATE accounts_{other} SET note_{file} = 'old' WHERE note_{file} IS NULL AND balance > 10.5;\n\
         COMMENT ON TABLE accounts_{file} IS 'table {file}';\n\
         INSERT INTO accounts_{file} (id, email) SELECT g, 'user' || g FROM generate_series(1, 10) AS g;\n"
    );
    sql
}

/// Ten statements about tables that no file creates.
fn apart(file: usize) -> String {
    (0..10)
        .map(|line| match line % 5 {
            0 => format!("ALTER TABLE t{file} ADD COLUMN c{line} integer;\n"),
            1 => format!("CREATE INDEX CONCURRENTLY i{file}_{line} ON t{file} (c{line});\n"),
            2 => format!("ALTER TABLE t{file} ALTER COLUMN c{line} TYPE bigint;\n"),
            3 => format!("UPDATE t{file} SET c{line} = 1 WHERE id < 1000;\n"),
            _ => format!("ALTER TABLE t{file} DROP COLUMN c{line};\n"),
        })
        .collect()
}

/// The middle and the shortest of several runs.
fn measure(mut command: impl FnMut() -> Command) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let status = command().stdout(Stdio::null()).stderr(Stdio::null()).status();
            let status = status.expect("the program starts");
            assert!(status.code().is_some_and(|code| [0, 1, 4].contains(&code)), "{status}");
            start.elapsed()
        })
        .collect();
    times.sort();
    (times[RUNS / 2], times[0])
}

fn squawk() -> Option<String> {
    let name = std::env::var("SQUAWK").unwrap_or_else(|_| "squawk".to_owned());
    let found = Command::new(&name).arg("--version").output().ok()?;
    found.status.success().then_some(name)
}

fn compare(name: &str, folder: &Path, write: fn(usize) -> String) {
    std::fs::create_dir(folder).expect("a folder");
    let mut paths = Vec::new();
    for file in 0..FILES {
        let path = folder.join(format!("{file:04}_change.sql"));
        std::fs::write(&path, write(file)).expect("a file");
        paths.push(path);
    }
    let (middle, shortest) = measure(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
        command.args(["lint", "--format", "json"]).arg(folder);
        command
    });
    println!("{name}: airlock {middle:.1?} (shortest {shortest:.1?})");
    match squawk() {
        None => println!("{name}: squawk is not installed (pip install squawk-cli)"),
        Some(squawk) => {
            let (other, other_shortest) = measure(|| {
                let mut command = Command::new(&squawk);
                command.args(["--reporter", "json"]).args(&paths);
                command
            });
            let ratio = middle.as_secs_f64() / other.as_secs_f64();
            println!("{name}: squawk {other:.1?} (shortest {other_shortest:.1?})");
            println!("{name}: airlock takes {ratio:.2} times as long");
        }
    }
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    compare("connected", &folder.path().join("connected"), connected);
    compare("apart", &folder.path().join("apart"), apart);
}
