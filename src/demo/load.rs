//! The clients: readers and writers that count every statement and how long it took, and one
//! transaction that reads the table and then sits on its lock for seconds.

use super::application::{self, Version};
use super::measure::{Figures, Meter};
use crate::connect::Target;
use crate::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Clients that read and write.
const CLIENTS: usize = 4;
/// Pause between two statements of a client: the machine stays busy, not saturated.
const THINK: Duration = Duration::from_millis(4);
/// How long the sitting transaction holds its lock, and how long it stays away.
const SITS: Duration = Duration::from_secs(4);
const AWAY: Duration = Duration::from_secs(3);

pub struct Load {
    tasks: Vec<JoinHandle<()>>,
    over: CancellationToken,
    versions: Vec<Arc<AtomicU8>>,
    meter: Arc<Meter>,
}

impl Load {
    /// Starts the clients against `target`, all in version 0.
    pub async fn start(target: &Target, customers: u64) -> Result<Self, Error> {
        let over = CancellationToken::new();
        let meter = Arc::new(Meter::default());
        let mut tasks = Vec::new();
        let mut versions = Vec::new();
        for number in 0..CLIENTS {
            let client = target.connect(&format!("shop client {number}")).await?;
            let version = Arc::new(AtomicU8::new(0));
            versions.push(version.clone());
            let (over, meter) = (over.clone(), meter.clone());
            tasks.push(tokio::spawn(async move {
                let mut count = 0_u64;
                while !over.is_cancelled() {
                    count += 1;
                    let fresh = format!("c{number}n{count}");
                    let sql =
                        application::statement(version.load(Ordering::SeqCst), customers, &fresh);
                    let start = Instant::now();
                    let outcome = client.simple_query(&sql).await;
                    meter.statement(start.elapsed(), outcome.err().as_ref());
                    tokio::time::sleep(THINK).await;
                }
            }));
        }
        let sitter = target.connect("nightly report").await?;
        let done = over.clone();
        tasks.push(tokio::spawn(async move {
            while !done.is_cancelled() {
                let sits = "BEGIN; SELECT count(*) FROM (SELECT 1 FROM customers LIMIT 10) AS few";
                if sitter.batch_execute(sits).await.is_err() {
                    break;
                }
                pause(&done, SITS).await;
                if sitter.batch_execute("COMMIT").await.is_err() {
                    break;
                }
                pause(&done, AWAY).await;
            }
        }));
        Ok(Self { tasks, over, versions, meter })
    }

    /// A rolling deploy of `version`: the clients change over one by one within `time`.
    pub async fn deploy(&self, version: Version, time: Duration) {
        let share = time / u32::try_from(self.versions.len()).unwrap_or(1).max(1);
        for client in &self.versions {
            tokio::time::sleep(share).await;
            client.store(version, Ordering::SeqCst);
        }
    }

    /// Waits until nothing sits on the table and the clients have settled.
    pub async fn settle(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Ends the clients and gives what they counted.
    pub async fn finish(self) -> Figures {
        self.over.cancel();
        for task in self.tasks {
            // A client that panicked has counted nothing more; the others stand.
            let _ = task.await;
        }
        self.meter.figures()
    }
}

async fn pause(over: &CancellationToken, time: Duration) {
    tokio::select! {
        () = over.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
