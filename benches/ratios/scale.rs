//! A full-table change at growing sizes: one `UPDATE`, and airlock with one lane and with two.

use crate::program::Program;
use airlock::connect::Target;
use airlock::sandbox::Cluster;
use std::time::{Duration, Instant};

const MIGRATION: &str = "UPDATE items SET total = price * quantity \
    WHERE total IS NULL AND (price * quantity) IS NOT NULL;";

/// One way, measured.
struct Measured {
    rows: f64,
    seconds: f64,
    before: f64,
    after: f64,
    wal: f64,
    memory: Option<u64>,
}

impl Measured {
    fn speed(&self) -> f64 {
        self.rows / self.seconds
    }

    fn growth(&self) -> f64 {
        self.after / self.before
    }
}

pub async fn print(cluster: &Cluster, millions: &[u64]) {
    if millions.is_empty() {
        return;
    }
    println!("\nA change of every row: `{MIGRATION}`\n");
    println!(
        "| rows | way | rows/s | of one UPDATE | µs a row | size, of before | WAL, of one UPDATE | peak memory |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut per_row: Vec<(u64, f64)> = Vec::new();
    for million in millions {
        prepare(cluster, million * 1_000_000).await;
        let one = measure(cluster, *million, Way::Update).await;
        line(*million, "one UPDATE", &one, &one);
        for jobs in ["1", "2"] {
            let ours = measure(cluster, *million, Way::Airlock(jobs)).await;
            line(*million, &format!("airlock, {jobs} lane(s)"), &ours, &one);
            if jobs == "1" {
                per_row.push((*million, ours.speed()));
            }
        }
    }
    if let [(first, base), .., (last, speed)] = per_row.as_slice() {
        println!("\nrows/s at {last} M beside {first} M: {:.2}", speed / base);
    }
}

fn line(million: u64, way: &str, measured: &Measured, one: &Measured) {
    let memory =
        measured.memory.map_or(String::new(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6));
    println!(
        "| {million} M | {way} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {memory} |",
        measured.speed(),
        measured.speed() / one.speed(),
        1e6 / measured.speed(),
        measured.growth(),
        measured.wal / one.wal,
    );
}

enum Way {
    Update,
    Airlock(&'static str),
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

async fn prepare(cluster: &Cluster, rows: u64) {
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

async fn measure(cluster: &Cluster, million: u64, way: Way) -> Measured {
    let admin = cluster.target("postgres");
    execute(&admin, "DROP DATABASE IF EXISTS measured WITH (FORCE)").await;
    // The session that looked last may not be gone.
    tokio::time::sleep(Duration::from_millis(300)).await;
    execute(&admin, "CREATE DATABASE measured TEMPLATE source").await;
    execute(&admin, "CHECKPOINT").await;
    let target = cluster.target("measured");
    let size = "pg_total_relation_size('items')";
    let wal = "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')";
    let (before, wal_before) = (number(&target, size).await, number(&target, wal).await);
    let start = Instant::now();
    let mut memory = None;
    match way {
        Way::Update => execute(&target, MIGRATION).await,
        Way::Airlock(jobs) => {
            let program = Program::new(cluster, "measured", MIGRATION);
            let ended = program.run(&["upgrade", "--through", "contract", "--jobs", jobs]).await;
            assert_eq!(ended.code, Some(0), "{}", ended.said);
            memory = Some(ended.memory);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let rows = number(&target, "SELECT count(*) FROM items WHERE total IS NOT NULL").await;
    assert!((rows - (million * 1_000_000) as f64).abs() < 0.5, "every row is changed");
    Measured {
        rows,
        seconds,
        before,
        after: number(&target, size).await,
        wal: number(&target, wal).await - wal_before,
        memory,
    }
}
