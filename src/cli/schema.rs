//! `airlock schema`: the JSON Schema of what `--format json` prints.

use super::output::Done;
use crate::error::Error;
use clap::ValueEnum;

/// Print the JSON Schema of a command's `--format json`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command
    #[arg(value_enum)]
    pub of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Of {
    Lint,
    Plan,
}

pub fn run(args: Args) -> Result<Done, Error> {
    let text = match args.of {
        Of::Lint => include_str!("../../docs/schema/lint.json"),
        Of::Plan => include_str!("../../docs/schema/plan.json"),
    };
    Ok(Done::rendered(text.to_owned()))
}
