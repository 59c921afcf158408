//! `airlock fleet`: the same migrations for many databases or tenant schemas.

mod board;
mod find;
mod member;
mod status;
mod upgrade;

use super::args::Global;
use super::output::{Done, Output};
use crate::error::Error;
use clap::Subcommand;

/// Take many databases, or tenant schemas, through the same migrations
///
/// Who they are is in `[targets.NAME]` of airlock.toml: databases, patterns of schemas, canaries,
/// size of a wave, how many side by side. Where each of them stands is in its own journal, so the
/// same command goes on after any interruption, from any machine.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Upgrade(upgrade::Args),
    Status(status::Args),
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    match args.command {
        Command::Upgrade(args) => upgrade::run(args, global, output).await,
        Command::Status(args) => status::run(args, global).await,
    }
}
