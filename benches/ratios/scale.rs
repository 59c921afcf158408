//! A full-table change at growing sizes: one `UPDATE`, and airlock with one lane and with two.

use crate::peer::Reshape;
use crate::program::Program;
use airlock::connect::Target;
use airlock::sandbox::Cluster;
use std::time::{Duration, Instant};

const MIGRATION: &str = "UPDATE items SET total = price * quantity \
    WHERE total IS NULL AND (price * quantity) IS NOT NULL;";

/// One way, measured.
pub struct Measured {
    rows: f64,
    seconds: f64,
    before: f64,
    after: f64,
    wal: f64,
    memory: Option<u64>,
    batch: Option<f64>,
}

impl Measured {
    pub fn speed(&self) -> f64 {
        self.rows / self.seconds
    }

    pub fn growth(&self) -> f64 {
        self.after / self.before
    }
}

pub async fn print(cluster: &Cluster, millions: &[u64]) {
    if millions.is_empty() {
        return;
    }
    println!("\nA change of every row: `{MIGRATION}`\n");
    println!(
        "| rows | way | rows/s | of one UPDATE | µs a row | size, of before | WAL, of one UPDATE | median batch | peak memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut per_row: Vec<(u64, &str, f64)> = Vec::new();
    for million in millions {
        prepare(cluster, million * 1_000_000).await;
        let one = measure(cluster, *million, "total", Way::Statements(MIGRATION)).await;
        line(*million, "one UPDATE", &one, &one);
        for jobs in ["1", "2"] {
            let way = Way::Airlock { migration: MIGRATION, jobs };
            let ours = measure(cluster, *million, "total", way).await;
            line(*million, &format!("airlock, {jobs} lane(s)"), &ours, &one);
            per_row.push((*million, jobs, ours.speed()));
        }
    }
    for jobs in ["1", "2"] {
        let of_jobs: Vec<_> = per_row.iter().filter(|(_, with, _)| *with == jobs).collect();
        if let [(first, _, base), .., (last, _, speed)] = of_jobs.as_slice() {
            let ratio = speed / base;
            println!("\nrows/s with {jobs} lane(s) at {last} M beside {first} M: {ratio:.2}");
        }
    }
}

fn line(million: u64, way: &str, measured: &Measured, one: &Measured) {
    let memory =
        measured.memory.map_or(String::new(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6));
    let batch = measured.batch.map_or(String::new(), |ms| format!("{ms:.1} ms"));
    println!(
        "| {million} M | {way} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {batch} | {memory} |",
        measured.speed(),
        measured.speed() / one.speed(),
        1e6 / measured.speed(),
        measured.growth(),
        measured.wal / one.wal,
    );
}

/// How every row is changed.
pub enum Way<'a> {
    Statements(&'a str),
    Airlock { migration: &'a str, jobs: &'a str },
    Reshape(&'a Reshape),
}

async fn execute(target: &Target, sql: &str) {
    let client = target.connect("bench").await.expect("connects");
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn number(target: &Target, sql: &str) -> f64 {
    let client = target.connect("bench").await.expect("connects");
    let sql = format!("SELECT ({sql})::float8");
    client.query_one(&sql, &[]).await.expect("reads").get(0)
}

pub async fn prepare(cluster: &Cluster, rows: u64) {
    let admin = cluster.target("postgres");
    execute(&admin, "DROP DATABASE IF EXISTS source WITH (FORCE)").await;
    execute(&admin, "CREATE DATABASE source").await;
    let source = cluster.target("source");
    let fill = format!(
        "CREATE TABLE items (id uuid PRIMARY KEY, name text NOT NULL, price int NOT NULL, quantity int NOT NULL, note text, total bigint);
         INSERT INTO items SELECT gen_random_uuid(), 'item number ' || g, g % 1000, g % 17, repeat('x', 60) FROM generate_series(1, {rows}) AS g"
    );
    execute(&source, &fill).await;
    execute(&source, "VACUUM (ANALYZE) items").await;
}

/// On a fresh copy of the table; every row has `column` afterwards, or this panics.
pub async fn measure(cluster: &Cluster, million: u64, column: &str, way: Way<'_>) -> Measured {
    let admin = cluster.target("postgres");
    execute(&admin, "DROP DATABASE IF EXISTS measured WITH (FORCE)").await;
    // The session that looked last may not be gone.
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Copied as files: through the log, at 20 million rows, it would take longer than what is measured.
    let strategy = if cluster.major() < 15 { "" } else { " STRATEGY file_copy" };
    execute(&admin, &format!("CREATE DATABASE measured TEMPLATE source{strategy}")).await;
    execute(&admin, "CHECKPOINT").await;
    // What the copy left to be written would be written at the cost of what is measured.
    nix::unistd::sync();
    let target = cluster.target("measured");
    let size = "pg_total_relation_size('items')";
    let wal = "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')";
    let (before, wal_before) = (number(&target, size).await, number(&target, wal).await);
    let start = Instant::now();
    let (mut memory, mut batch) = (None, None);
    match way {
        Way::Statements(sql) => execute(&target, sql).await,
        Way::Reshape(reshape) => reshape.run(cluster, "measured").await,
        Way::Airlock { migration, jobs } => {
            let program = Program::new(cluster, "measured", migration);
            let ended = program.run(&["upgrade", "--through", "contract", "--jobs", jobs]).await;
            assert_eq!(ended.code, Some(0), "{}", ended.said);
            (memory, batch) = (Some(ended.memory), ended.batch);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let changed = format!("SELECT count(*) FROM items WHERE {column} = price * quantity");
    let rows = number(&target, &changed).await;
    assert!((rows - (million * 1_000_000) as f64).abs() < 0.5, "every row is changed");
    Measured {
        rows,
        seconds,
        before,
        after: number(&target, size).await,
        wal: number(&target, wal).await - wal_before,
        memory,
        batch,
    }
}
