//! What the application sees while a column is added: as written, with a fixed `lock_timeout` of 500 ms
//! and retries with jitter, and with airlock; with nobody in the way, with one reader that sits in its
//! transaction for 20 s, and with readers of 2 s at all times.

use crate::program::Program;
use airlock::connect::Connection;
use airlock::sandbox::Cluster;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: usize = 4;
/// A wait beyond this is a stall: airlock's default budget.
const BUDGET: f64 = 0.05;
/// A change that is not had by then is given up.
const PATIENCE: Duration = Duration::from_secs(30);
const MIGRATION: &str = "ALTER TABLE accounts ADD COLUMN note text;";
const SETUP: &str = "CREATE TABLE accounts (id int PRIMARY KEY, n bigint NOT NULL);
    INSERT INTO accounts SELECT g, 0 FROM generate_series(1, 100000) AS g; ANALYZE accounts";

#[derive(Debug, Clone, Copy)]
enum Blocker {
    Nobody,
    /// Idle in its transaction for 20 s.
    Idle,
    /// Always one at least.
    Readers,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    AsWritten,
    Timeout,
    Airlock,
    /// For a table that always has a reader: the budget may grow.
    Escalating,
}

/// To which it may grow: beyond what the readers take.
const CEILING: &str = "2500ms";

/// What became of the change, and what the application saw.
struct Outcome {
    /// Seconds until it was there, if it came.
    done: Option<f64>,
    /// Of these, after the reader that was in the way had ended.
    after_reader: Option<f64>,
    seen: Seen,
}

/// What clients and readers saw.
#[derive(Debug, Default)]
struct Seen {
    statements: u64,
    failed: u64,
    longest: f64,
    /// Seconds beyond [`BUDGET`], of all clients.
    stalled: f64,
}

impl Seen {
    fn statement(&mut self, began: Instant, worked: bool) {
        let waited = began.elapsed().as_secs_f64();
        self.statements += 1;
        self.failed += u64::from(!worked);
        self.longest = self.longest.max(waited);
        self.stalled += (waited - BUDGET).max(0.0);
    }

    fn add(&mut self, other: &Seen) {
        self.statements += other.statements;
        self.failed += other.failed;
        self.stalled += other.stalled;
        self.longest = self.longest.max(other.longest);
    }
}

pub async fn print(cluster: &Cluster) {
    println!("\n`{MIGRATION}` under {CLIENTS} clients\n");
    println!(
        "| in the way | change | done after | after the reader's end | longest wait | failed | client-seconds beyond 50 ms | statements |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for blocker in [Blocker::Nobody, Blocker::Idle, Blocker::Readers] {
        let mut ways = vec![Way::AsWritten, Way::Timeout, Way::Airlock];
        if matches!(blocker, Blocker::Readers) {
            ways.push(Way::Escalating);
        }
        for way in ways {
            let Outcome { done, after_reader, seen } = scenario(cluster, blocker, way).await;
            let done = done.map_or(format!("not in {} s", PATIENCE.as_secs()), |seconds| {
                format!("{seconds:.1} s")
            });
            let after = after_reader.map_or(String::new(), |seconds| format!("{seconds:.2} s"));
            println!(
                "| {} | {} | {done} | {after} | {:.0} ms | {} | {:.1} | {} |",
                match blocker {
                    Blocker::Nobody => "nobody",
                    Blocker::Idle => "one idle reader, 20 s",
                    Blocker::Readers => "readers of 2 s, always",
                },
                match way {
                    Way::AsWritten => "as written".to_owned(),
                    Way::Timeout => "lock_timeout 500 ms, jitter".to_owned(),
                    Way::Airlock => "airlock".to_owned(),
                    Way::Escalating => format!("airlock --escalate-to {CEILING}"),
                },
                seen.longest * 1000.0,
                seen.failed,
                seen.stalled,
                seen.statements,
            );
        }
    }
}

async fn connect(cluster: &Cluster) -> Connection {
    cluster.target("stalls").connect("bench").await.expect("connects")
}

async fn scenario(cluster: &Cluster, blocker: Blocker, way: Way) -> Outcome {
    let admin = cluster.target("postgres").connect("bench").await.expect("connects");
    for sql in ["DROP DATABASE IF EXISTS stalls WITH (FORCE)", "CREATE DATABASE stalls"] {
        admin.batch_execute(sql).await.expect(sql);
    }
    connect(cluster).await.batch_execute(SETUP).await.expect("fills");
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(tokio::spawn(client(connect(cluster).await, stop.clone())));
    }
    let mut blockers = Vec::new();
    match blocker {
        Blocker::Nobody => {}
        Blocker::Idle => {
            blockers.push(tokio::spawn(reader(
                connect(cluster).await,
                20.0,
                0.0,
                false,
                stop.clone(),
            )));
        }
        Blocker::Readers => {
            for start in [0.0, 1.0] {
                let connection = connect(cluster).await;
                blockers.push(tokio::spawn(reader(connection, 2.0, start, true, stop.clone())));
            }
        }
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let start = Instant::now();
    let done = match way {
        Way::AsWritten => as_written(cluster).await,
        Way::Timeout => with_timeout(cluster).await,
        Way::Airlock => with_airlock(cluster, &[]).await,
        Way::Escalating => with_airlock(cluster, &["--escalate-to", CEILING]).await,
    };
    let ended = Instant::now();
    // A statement that waits at the end counts too.
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::SeqCst);
    let mut seen = Seen::default();
    for client in clients {
        seen.add(&client.await.expect("a client ends"));
    }
    let mut after_reader = None;
    for reader in blockers {
        let (of_reader, left) = reader.await.expect("a reader ends");
        seen.add(&of_reader);
        if done && matches!(blocker, Blocker::Idle) {
            after_reader = Some(ended.saturating_duration_since(left).as_secs_f64());
        }
    }
    let done = done.then_some((ended - start).as_secs_f64());
    Outcome { done, after_reader, seen }
}

async fn with_airlock(cluster: &Cluster, more: &[&str]) -> bool {
    let patience = format!("{}s", PATIENCE.as_secs());
    let program = Program::new(cluster, "stalls", MIGRATION);
    let arguments = [&["upgrade", "--patience", &patience], more].concat();
    program.run(&arguments).await.code == Some(0)
}

async fn client(connection: Connection, stop: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    let mut turn = 0_u32;
    while !stop.load(Ordering::SeqCst) {
        let id = fastrand::u32(1..=100_000);
        turn += 1;
        let sql = if turn.is_multiple_of(4) {
            format!("UPDATE accounts SET n = n + 1 WHERE id = {id}")
        } else {
            format!("SELECT n FROM accounts WHERE id = {id}")
        };
        let start = Instant::now();
        let worked = connection.batch_execute(&sql).await.is_ok();
        seen.statement(start, worked);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    seen
}

/// Reads in a transaction of `seconds`, after `start` seconds, once or again and again. What it saw of
/// others, and when it had ended.
async fn reader(
    connection: Connection,
    seconds: f64,
    start: f64,
    again: bool,
    stop: Arc<AtomicBool>,
) -> (Seen, Instant) {
    let mut seen = Seen::default();
    tokio::time::sleep(Duration::from_secs_f64(start)).await;
    loop {
        // It may have to wait behind whoever changes the table.
        let began = Instant::now();
        let read = connection.batch_execute("BEGIN; SELECT n FROM accounts WHERE id = 1").await;
        seen.statement(began, read.is_ok());
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        let _ = connection.batch_execute("COMMIT").await;
        if !again || stop.load(Ordering::SeqCst) {
            return (seen, Instant::now());
        }
    }
}

async fn as_written(cluster: &Cluster) -> bool {
    let connection = connect(cluster).await;
    // Nobody waits for ever: what would be an outage is cut off here.
    let limit = format!("SET statement_timeout = '{}s'", PATIENCE.as_secs());
    connection.batch_execute(&limit).await.expect("sets");
    connection.batch_execute(MIGRATION).await.is_ok()
}

async fn with_timeout(cluster: &Cluster) -> bool {
    let connection = connect(cluster).await;
    connection.batch_execute("SET lock_timeout = '500ms'").await.expect("sets");
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if connection.batch_execute(MIGRATION).await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(250..750))).await;
    }
    false
}
