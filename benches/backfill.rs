//! A backfill of airlock beside one unbatched `UPDATE` of the same rows, in the same run on the same
//! server: rows per second, their ratio, batch times, table size, WAL.
//!
//! Each round fills a column of a fresh copy of the table, in turn with one `UPDATE` and with
//! airlock; the ratio is that of the medians. `ROWS`, `ROUNDS` and `JOBS` in the environment change
//! what is measured.

use airlock::connect::Target;
use airlock::lock::LockMode;
use airlock::plan::{
    self, Action, Backfill, Change, FORMAT, Phase, Plan, PlannedRevision, RelationLock, Step, Undo,
};
use airlock::run::{self, Event, Hooks, Limits, Progress, Scope};
use airlock::sandbox::{Cluster, ClusterOptions};
use airlock::sql::QualifiedName;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[derive(Default)]
struct Batches(Mutex<Vec<f64>>);

impl Progress for Batches {
    fn event(&self, event: &Event) {
        if let Event::Batch { batch_ms, .. } = event {
            self.0.lock().expect("no one panics with the lock").push(*batch_ms);
        }
    }
}

struct Measured {
    rows_per_second: f64,
    bytes: i64,
    wal: i64,
}

fn the_plan(round: u64) -> Plan {
    let relation = QualifiedName::new("public", "items");
    let mut plan = Plan {
        format: FORMAT,
        revision: PlannedRevision {
            id: format!("be{round:010}"),
            parents: Vec::new(),
            message: "backfill".to_owned(),
            digest: "0".repeat(64),
        },
        server: 0,
        search_path: vec!["public".to_owned()],
        settings: std::collections::BTreeMap::new(),
        digest: String::new(),
        notes: Vec::new(),
        gates: Vec::new(),
        statements: Vec::new(),
        steps: vec![Step {
            id: "migrate-1".to_owned(),
            phase: Phase::Migrate,
            statements: Vec::new(),
            why: "measured".to_owned(),
            action: Action::Backfill(Backfill {
                relation: relation.clone(),
                alias: "items".to_owned(),
                change: Change::Update { set: "total = price * quantity".to_owned(), from: None },
                predicate: "total IS NULL AND (price * quantity) IS NOT NULL".to_owned(),
                fires_triggers: true,
                repeat: false,
            }),
            locks: vec![RelationLock { relation, mode: LockMode::RowExclusive }],
            work: Vec::new(),
            undo: Undo::Nothing,
        }],
        facts: Vec::new(),
    };
    plan.digest = plan::file::digest(&plan);
    plan
}

async fn prepare(cluster: &Cluster, rows: u64) {
    let admin = cluster.target("postgres").connect("bench").await.expect("connects");
    admin.batch_execute("CREATE DATABASE source").await.expect("creates");
    let client = cluster.target("source").connect("bench").await.expect("connects");
    client
        .batch_execute(&format!(
            "CREATE TABLE items (id uuid PRIMARY KEY, name text NOT NULL, price int NOT NULL, quantity int NOT NULL, note text, total bigint);
             INSERT INTO items SELECT gen_random_uuid(), 'item number ' || g, g % 1000, g % 17, repeat('x', 60) FROM generate_series(1, {rows}) AS g"
        ))
        .await
        .expect("fills");
    for sql in ["VACUUM (ANALYZE) items", "CHECKPOINT"] {
        client.batch_execute(sql).await.expect(sql);
    }
}

async fn copy(cluster: &Cluster, name: &str) -> Target {
    let admin = cluster.target("postgres").connect("bench").await.expect("connects");
    admin
        .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        .await
        .expect("drops");
    for _ in 0..100 {
        match admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE source")).await {
            Ok(()) => break,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    admin.batch_execute("CHECKPOINT").await.expect("checkpoints");
    cluster.target(name)
}

async fn wal_position(target: &Target) -> i64 {
    let client = target.connect("bench").await.expect("connects");
    let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
    client.query_one(sql, &[]).await.expect("reads").get(0)
}

async fn measure(target: &Target, rows: u64, work: impl AsyncFnOnce(&Target)) -> Measured {
    let before = wal_position(target).await;
    let start = Instant::now();
    work(target).await;
    let elapsed = start.elapsed();
    let wal = wal_position(target).await - before;
    let client = target.connect("bench").await.expect("connects");
    let row = client
        .query_one(
            "SELECT pg_total_relation_size('items'), count(*) FROM items WHERE total IS NOT NULL",
            &[],
        )
        .await
        .expect("reads");
    let filled: i64 = row.get(1);
    assert_eq!(u64::try_from(filled), Ok(rows), "every row is filled");
    Measured { rows_per_second: rows as f64 / elapsed.as_secs_f64(), bytes: row.get(0), wal }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[tokio::main]
async fn main() {
    let rows = number("ROWS", 2_000_000);
    let rounds = number("ROUNDS", 3);
    let jobs = number("JOBS", 1);
    let settings = [
        ("shared_buffers", "1GB"),
        // Log segments are there to be used again, as on a server that has run for a while.
        ("min_wal_size", "4GB"),
        ("wal_init_zero", "off"),
        ("max_wal_size", "16GB"),
        ("checkpoint_timeout", "1h"),
        ("autovacuum", "off"),
    ];
    let settings = settings.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
    let cluster =
        Cluster::start(&ClusterOptions { durable: true, settings, ..ClusterOptions::default() })
            .expect("a server starts");
    prepare(&cluster, rows).await;
    let batches = Arc::new(Batches::default());
    let (mut whole, mut batched) = (Vec::new(), Vec::new());
    let limits = Limits { jobs: usize::try_from(jobs).unwrap_or(1), ..Limits::default() };
    for round in 0..rounds {
        let target = copy(&cluster, "one_update").await;
        whole.push(
            measure(&target, rows, async |target: &Target| {
                let client = target.connect("bench").await.expect("connects");
                let sql = "UPDATE items SET total = price * quantity WHERE total IS NULL AND (price * quantity) IS NOT NULL";
                client.batch_execute(sql).await.expect("updates");
            })
            .await,
        );
        let target = copy(&cluster, "in_batches").await;
        let mut plan = the_plan(round);
        plan.server = cluster.major();
        plan.digest = plan::file::digest(&plan);
        batched.push(
            measure(&target, rows, async |target: &Target| {
                let hooks = Hooks { progress: batches.clone(), ..Hooks::default() };
                let scope = Scope { through: Phase::Contract };
                run::execute(target, &plan, scope, &limits, hooks).await.expect("the plan runs");
            })
            .await,
        );
        eprintln!(
            "round {}: one UPDATE {:.0} rows/s, airlock {:.0} rows/s",
            round + 1,
            whole.last().map_or(0.0, |m| m.rows_per_second),
            batched.last().map_or(0.0, |m| m.rows_per_second)
        );
    }
    let speed = |all: &[Measured]| median(all.iter().map(|m| m.rows_per_second));
    let size = |all: &[Measured]| median(all.iter().map(|m| m.bytes as f64));
    let wal = |all: &[Measured]| median(all.iter().map(|m| m.wal as f64));
    let mut times = batches.0.lock().expect("no one panics with the lock").clone();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    println!("PostgreSQL {}, {rows} rows, {rounds} rounds, {jobs} lane(s)", cluster.major());
    println!("| | one UPDATE | airlock | ratio |");
    println!("|---|---|---|---|");
    let line = |what: &str, a: f64, b: f64, unit: &str| {
        println!("| {what} | {a:.0} {unit} | {b:.0} {unit} | {:.2} |", b / a);
    };
    line("speed", speed(&whole), speed(&batched), "rows/s");
    line("table and indexes after", size(&whole) / 1e6, size(&batched) / 1e6, "MB");
    line("WAL written", wal(&whole) / 1e6, wal(&batched) / 1e6, "MB");
    println!(
        "batches: {}, median {:.1} ms, 99th percentile {:.1} ms, longest {:.1} ms",
        times.len(),
        at(0.5),
        at(0.99),
        times.last().copied().unwrap_or(0.0)
    );
}
