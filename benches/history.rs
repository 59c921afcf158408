//! How long `history`, `heads`, `current` and an `upgrade` with nothing to do take for 1,000 revisions that
//! have run, start of the program and connection included. The promise is 0.2 seconds.

use airlock::sandbox::{Cluster, ClusterOptions};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const REVISIONS: usize = 1_000;
const RUNS: usize = 15;

fn write(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("migrations"))?;
    for number in 0..REVISIONS {
        let parent = match number {
            0 => "none".to_owned(),
            _ => format!("rev{:04}", number - 1),
        };
        let mut text = format!(
            "-- revision: rev{number:04}\n-- parents: {parent}\n-- message: revision {number}\n\
             -- created: 2026-01-01T00:00:00Z\n\n-- upgrade\n"
        );
        let _ = write!(
            text,
            "CREATE TABLE accounts_{number} (id bigint PRIMARY KEY, email text NOT NULL, \
             balance numeric(12,2) DEFAULT 0);\n\
             CREATE INDEX accounts_{number}_email_idx ON accounts_{number} (lower(email));\n\
             ALTER TABLE accounts_{number} ADD COLUMN owner_id bigint;\n\n\
             -- downgrade\nDROP TABLE accounts_{number};\n"
        );
        std::fs::write(folder.join(format!("migrations/{number:04}_accounts.sql")), text)?;
    }
    Ok(())
}

fn airlock(folder: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.current_dir(folder).args(arguments).env("DATABASE_URL", url);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The middle and the longest of several runs.
fn measure(mut command: impl FnMut() -> Command) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let status = command().status().expect("the program starts");
            assert_eq!(status.code(), Some(0), "{status}");
            start.elapsed()
        })
        .collect();
    times.sort();
    (times[RUNS / 2], times[RUNS - 1])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    write(folder.path())?;
    let cluster = Cluster::start(&ClusterOptions::default())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let target = runtime.block_on(cluster.create_database("bench", None))?;
    let (host, port) = (cluster.socket_dir().display(), cluster.port());
    let url = format!("postgresql://postgres@/bench?host={host}&port={port}");
    assert!(airlock(folder.path(), &url, &["stamp", "head"]).status()?.success());
    // As the journal is after they have run: with a plan and three steps each.
    runtime.block_on(async {
        let client = target.connect("bench").await?;
        client
            .batch_execute(
                "UPDATE airlock.rollout SET plan = repeat(md5(revision), 150);
                 INSERT INTO airlock.step (revision, step, ordinal, phase, kind, state, finished_at)
                 SELECT revision, 'expand-' || g, g, 'expand', 'transaction', 'done', now()
                   FROM airlock.rollout, generate_series(1, 3) AS g;
                 ANALYZE airlock.rollout, airlock.step",
            )
            .await
            .map_err(|error| airlock::connect::database_error(&error, "fill the journal"))
    })?;
    println!("{REVISIONS} revisions, {RUNS} runs each:         middle   longest");
    for arguments in [
        &["heads"][..],
        &["current"],
        &["current", "--check-heads"],
        &["history"],
        &["history", "-r", "-3:current"],
        &["upgrade"],
    ] {
        let (middle, longest) = measure(|| airlock(folder.path(), &url, arguments));
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let name = arguments.join(" ");
        println!("  {name:<34} {:>6.0} ms {:>6.0} ms", ms(middle), ms(longest));
    }
    Ok(())
}
