//! `airlock locks`: who holds locks in a database, who waits for them, and what airlock would do.

use super::args::Global;
use super::output::{Done, Output};
use super::status::Screen;
use crate::connect::{Connection, database_error};
use crate::error::Error;
use crate::observe::blockers::Blockers;
use crate::report::locks;
use std::time::Duration;

const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Show who holds locks, who waits for them and since when, and what airlock would do
///
/// A tree: below each session stand those that wait for it. Only looks, and queues for nothing.
/// Passwords in queries are covered. Seeing the queries of other roles takes pg_read_all_stats.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Look again every second until Ctrl-C
    #[arg(long)]
    pub watch: bool,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let max_stall = settings.limits.max_stall;
    let connection = settings.target()?.connect("airlock locks").await?;
    if !args.watch {
        return look(&connection, max_stall).await;
    }
    let mut screen = Screen::default();
    loop {
        screen.show(&look(&connection, max_stall).await?, output);
        tokio::select! {
            () = tokio::time::sleep(WATCH_INTERVAL) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Done::nothing()),
        }
    }
}

async fn look(connection: &Connection, max_stall: Duration) -> Result<Done, Error> {
    let found = Blockers::look(connection).await;
    let found = found.map_err(|error| database_error(&error, "look at the locks"))?;
    Ok(Done::new(locks::text(&found, max_stall), locks::json(&found, max_stall)))
}
