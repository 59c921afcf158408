//! The demo: the shipped migrations on a million rows, under load, beside the same migrations run
//! as written on a copy.
//!
//! Everything in it is real: a server of its own, two databases with the same rows, concurrent
//! clients that count every statement, and the engine itself. It never touches another database.
//! [`shop`] is the table and its migrations, [`application`] what the clients run in each version,
//! [`load`] the clients, [`airlocked`] and [`as_written`] the two sides, [`summary`] the figures.

mod airlocked;
mod application;
mod as_written;
mod load;
mod measure;
mod shop;
mod summary;

pub use summary::{DemoReport, Side};

use crate::error::{Error, Kind};
use crate::run::{Limits, Progress, Stop};
use crate::sandbox::{Cluster, ClusterOptions};
use std::sync::Arc;
use std::time::Duration;

/// What the demo is run with.
#[derive(Clone)]
pub struct Options {
    /// Rows of the table.
    pub rows: u64,
    pub limits: Limits,
    pub progress: Arc<dyn Progress>,
    /// Told what happens, line by line.
    pub say: Arc<dyn Fn(&str) + Send + Sync>,
    pub stop: Stop,
}

/// How long a rolling deploy takes in the demo: both versions of the application run meanwhile.
const DEPLOY: Duration = Duration::from_secs(1);

/// Runs the demo.
///
/// # Errors
/// No server programs on the machine, or a migration failed.
pub async fn run(options: &Options) -> Result<DemoReport, Error> {
    let say = &options.say;
    say("starting a throwaway PostgreSQL server");
    let settings = [
        ("shared_buffers", "512MB"),
        // As on a server that has run for a while, whose log segments are there to be used again: no
        // commit waits until a new one has been filled with zeros (most of what took over 50 ms).
        ("min_wal_size", "3GB"),
        ("wal_init_zero", "off"),
        ("max_wal_size", "8GB"),
        ("checkpoint_timeout", "30min"),
        ("max_connections", "50"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let cluster = tokio::task::spawn_blocking(move || {
        Cluster::start(&ClusterOptions { durable: true, settings, ..ClusterOptions::default() })
    })
    .await
    .map_err(|e| Error::new(Kind::Failed, format!("the server did not start: {e}")))??;
    say(&format!("filling a table with {} rows, and a copy of it", options.rows));
    shop::create(&cluster, options.rows).await?;
    say("with airlock: readers, writers and a transaction that sits on the table are at work");
    let airlocked = airlocked::run(&cluster, options).await?;
    if options.stop.requested() {
        return Err(Error::new(Kind::Interrupted, "the demo was interrupted"));
    }
    say("as written: the same clients and the same migrations on the copy");
    let as_written = as_written::run(&cluster, options).await?;
    Ok(DemoReport {
        rows: options.rows,
        server: cluster.major(),
        budget: options.limits.max_stall,
        as_written,
        airlocked,
    })
}
