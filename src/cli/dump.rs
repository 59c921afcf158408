//! `airlock dump`: a whole schema as SQL.

use super::args::Global;
use super::diff::{Decided, difference};
use super::output::{Done, Output};
use super::schemas::{SOURCES, Source};
use crate::error::{Error, Kind};
use crate::report::diff as report;
use serde_json::json;
use std::path::PathBuf;

/// Print the statements that make a whole schema, in an order in which they run
///
/// For a file beside the revisions that shows in review what a change leads to, or as a desired schema
/// for `airlock diff`. The same schema always gives the same text. The statements have been run in a
/// throwaway server, and the result was the same. No rows.
#[derive(Debug, clap::Args)]
#[command(after_help = SOURCES)]
pub struct Args {
    /// Which schema [default: database if one is configured, else revisions]
    #[arg(value_name = "SCHEMA")]
    pub schema: Option<String>,
    /// Keep owners too
    #[arg(long)]
    pub owners: bool,
    /// Write this file instead of printing
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// With --output: write nothing, exit with 3 when the file is another
    #[arg(long, requires = "output")]
    pub check: bool,
    /// Major version of the throwaway server, when no database says it
    #[arg(long, value_name = "MAJOR")]
    pub postgres: Option<u32>,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let source = match &args.schema {
        Some(text) => Source::parse(text, &settings)?,
        None if settings.database_url.is_some() => Source::parse("database", &settings)?,
        None => Source::Revisions(None),
    };
    let decided = Decided { rename: Vec::new(), drop: Vec::new(), owners: args.owners };
    let found =
        difference(&Source::Empty, &source, &decided, &settings, args.postgres, output).await?;
    let sql = report::sql(&found.upgrade);
    let Some(path) = args.output else { return Ok(Done::rendered(sql)) };
    let shown = path.display().to_string();
    let same = std::fs::read(&path).is_ok_and(|bytes| bytes == sql.as_bytes());
    if args.check && !same {
        return Err(Error::new(Kind::Drift, format!("{shown} is not the schema any more"))
            .hint(format!("Write it again: `airlock dump --output {shown}`.")));
    }
    if !same {
        super::project::write(&path, &sql, true)?;
    }
    let how = if same { "unchanged" } else { "written" };
    let json = json!({ "path": shown, "written": !same });
    Ok(Done::new(format!("{shown} {how}"), json))
}
