//! One table of ratios from one run: how fast, how large and how noticeable airlock is beside the same
//! change as written, beside `reshape`, and beside a fixed `lock_timeout` with retries.
//!
//! ```text
//! cargo bench --bench ratios                       everything, at 1 and 5 million rows
//! MILLIONS=1,5,20 cargo bench --bench ratios       the cost per row up to 20 million
//! MILLIONS= cargo bench --bench ratios             the stalls alone
//! ```
//!
//! airlock is the real program (`airlock upgrade`), with its default settings. `reshape` is the one on
//! PATH, or the one that `RESHAPE` names (`cargo install reshape`); without it that comparison is left
//! out, loudly.

mod peer;
mod program;
mod scale;
mod stalls;

use airlock::sandbox::{Cluster, ClusterOptions};

/// As on a server that has run for a while: log segments are there to be used again.
const SETTINGS: [(&str, &str); 6] = [
    ("shared_buffers", "1GB"),
    ("min_wal_size", "4GB"),
    ("wal_init_zero", "off"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"),
    ("autovacuum", "off"),
];

#[tokio::main]
async fn main() {
    let millions = std::env::var("MILLIONS").unwrap_or_else(|_| "1,5".to_owned());
    let millions: Vec<u64> = millions
        .split(',')
        .filter(|text| !text.trim().is_empty())
        .map(|text| text.trim().parse().expect("MILLIONS is a list of numbers"))
        .collect();
    let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = ClusterOptions { durable: true, settings, ..ClusterOptions::default() };
    let cluster = Cluster::start(&options).expect("a server starts");
    println!("PostgreSQL {}, {}", cluster.major(), machine());
    scale::print(&cluster, &millions).await;
    peer::print(&cluster, &millions).await;
    stalls::print(&cluster).await;
    println!("\nAt the end: {}", load());
}

/// What the machine is, and what else it did: figures of a busy one say little.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let build = if cfg!(debug_assertions) { ", a DEBUG build" } else { "" };
    format!("{cores} cores, {}{build}", load())
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load average {}", text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
