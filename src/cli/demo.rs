//! `airlock demo`: the shipped migrations on a million rows under load, on a throwaway server.

use super::output::{Done, Output};
use super::{progress, stopping};
use crate::demo;
use crate::error::{Error, Kind};
use crate::run::Limits;
use std::sync::Arc;

/// Watch a table of a million rows being migrated under load, beside the same migrations as written
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rows of the table
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=50_000_000))]
    pub rows: u64,
}

pub async fn run(args: Args, output: &Output) -> Result<Done, Error> {
    let stop = stopping::listen(output)?;
    let said = output.clone();
    let options = demo::Options {
        rows: args.rows,
        limits: Limits::default(),
        progress: progress::choose(output),
        say: Arc::new(move |text: &str| said.say(text)),
        stop,
    };
    let report = demo::run(&options).await?;
    let json = serde_json::to_value(&report)
        .map_err(|e| Error::new(Kind::Failed, format!("the report cannot be written: {e}")))?;
    Ok(Done::new(report.text(), json))
}
