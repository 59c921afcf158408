//! `airlock diff`: the SQL that leads from one schema to another, proven on copies.

use super::args::Global;
use super::output::{Done, Output};
use super::schemas::{self, Source};
use crate::config::Settings;
use crate::diff::rename::{Rename, name_parts};
use crate::diff::{Difference, settle, settle::Options};
use crate::error::{Error, Kind};
use crate::report::diff as report;

/// Compare two schemas and show, or print as SQL, what leads from one to the other
///
/// Both are made in a throwaway server of the database's version, the statements run there on a
/// copy, and the result is compared with what was wanted, object by object: what is printed leads
/// there, and what leads back is tried too. A database that is named is only read. The order of columns
/// is not compared.
///
/// Where something may have been renamed, nothing is guessed: the command lists what it may be and
/// ends with exit code 4 until --rename or --drop decides.
#[derive(Debug, clap::Args)]
#[command(after_help = schemas::SOURCES)]
pub struct Args {
    /// What is there [default: database if one is configured, else revisions]
    #[arg(value_name = "FROM")]
    pub from: Option<String>,
    /// What is wanted [default: desired]
    #[arg(value_name = "TO")]
    pub to: Option<String>,
    #[command(flatten)]
    pub decided: Decided,
    /// Print the statements instead of a summary
    #[arg(long)]
    pub sql: bool,
    /// End with exit code 3 when there is a difference
    #[arg(long)]
    pub exit_code: bool,
    /// Major version of the throwaway server, when no database says it
    #[arg(long, value_name = "MAJOR")]
    pub postgres: Option<u32>,
}

/// What a person decides about a difference.
#[derive(Debug, Clone, clap::Args)]
pub struct Decided {
    /// Something that was renamed: users.name=users.full_name; may be repeated
    #[arg(long, value_name = "OLD=NEW", value_parser = Rename::parse)]
    pub rename: Vec<Rename>,
    /// Something that is dropped and not renamed; may be repeated
    #[arg(long, value_name = "NAME", value_parser = parts)]
    pub drop: Vec<Name>,
    /// Compare owners too
    #[arg(long)]
    pub owners: bool,
}

/// A dotted name in its parts.
#[derive(Debug, Clone)]
pub struct Name(pub Vec<String>);

fn parts(text: &str) -> Result<Name, String> {
    name_parts(text).map(Name)
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let from = match &args.from {
        Some(text) => Source::parse(text, &settings)?,
        None if settings.database_url.is_some() => Source::parse("database", &settings)?,
        None => Source::Revisions(None),
    };
    let to = match &args.to {
        Some(text) => Source::parse(text, &settings)?,
        None => Source::desired(&settings)?,
    };
    let found = difference(&from, &to, &args.decided, &settings, args.postgres, output).await?;
    if args.sql && !output.is_json() {
        let mut done = Done::rendered(report::sql(&found.upgrade));
        done.exit = (args.exit_code && !found.is_empty()).then_some(Kind::Drift);
        return Ok(done);
    }
    let (from, to) = (from.name(&settings), to.name(&settings));
    let mut done = Done::new(report::text(&found, &from, &to), report::json(&found, &from, &to));
    done.exit = (args.exit_code && !found.is_empty()).then_some(Kind::Drift);
    Ok(done)
}

/// The difference between two sources, in a throwaway server of its own.
///
/// # Errors
/// As [`settle`]; a source that cannot be loaded.
pub async fn difference(
    from: &Source,
    to: &Source,
    decided: &Decided,
    settings: &Settings,
    major: Option<u32>,
    output: &Output,
) -> Result<Difference, Error> {
    let cluster = schemas::server(&[from, to], settings, major, output).await?;
    let mut options = Options {
        renames: decided.rename.clone(),
        drops: decided.drop.iter().map(|name| name.0.clone()).collect(),
        ..Options::default()
    };
    // Notes count where they describe what is wanted.
    schemas::fill(&cluster, "from", from, settings, decided.owners, &mut Options::default())
        .await?;
    schemas::fill(&cluster, "to", to, settings, decided.owners, &mut options).await?;
    settle(&cluster, "from", "to", &options).await
}
