//! One table of ratios from one run: how fast, how large and how noticeable airlock is beside the same
//! change as written, beside `reshape`, and beside a fixed `lock_timeout` with retries.
//!
//! ```text
//! cargo bench --bench ratios                       everything, at 1 and 5 million rows
//! MILLIONS=1,5,20 cargo bench --bench ratios       the cost per row up to 20 million
//! MILLIONS= cargo bench --bench ratios             the stalls alone
//! SHARED_BUFFERS=1GB cargo bench --bench ratios    a table that does not fit into the server's buffers
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

/// As on a server that has run for a while: log segments are there to be used again. With
/// `shared_buffers` of a quarter of the memory, as the manual recommends ("Resource Consumption").
const SETTINGS: [(&str, &str); 5] = [
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
    let mut settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let buffers = std::env::var("SHARED_BUFFERS").unwrap_or_else(|_| format!("{}MB", memory() / 4));
    settings.push(("shared_buffers".to_owned(), buffers.clone()));
    let options = ClusterOptions { durable: true, settings, ..ClusterOptions::default() };
    let cluster = Cluster::start(&options).expect("a server starts");
    println!("PostgreSQL {}, shared_buffers {buffers}, {}", cluster.major(), machine());
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

/// Of the machine, in MB.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = total.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.unwrap_or(4_000_000_u64) / 1024
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load average {}", text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
