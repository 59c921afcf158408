//! `airlock lint`: what migrations of any tool would do, statement by statement.

use super::args::{Format, Global};
use super::lint_rules::{DEFAULT_POSTGRES, FailOn};
use super::output::{Done, Output};
use super::{block_on, catalog, lint_files, lint_rules, lint_variables};
use crate::catalog::{Catalog, Need, load};
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::lint::format::{Form, render};
use crate::lint::input::{TOOLS, Tool};
use crate::lint::{self, Knowledge};
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;

/// Say what migrations would lock, scan and rewrite, and warn of hazards
///
/// The files are read in the order in which they run; each sees what those before it have created.
/// Without a database, whatever they name beyond that is taken for existing, in use and filled. A
/// database is only asked when --database-url is given here.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, folders, or - for standard input [default: the folder of the revisions]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Read these first, only to know what exists; may be the folder that PATH is in
    #[arg(long, value_name = "PATH")]
    pub base: Vec<PathBuf>,
    /// Start from a catalog saved with `airlock catalog`
    #[arg(long, value_name = "FILE", conflicts_with = "database_url")]
    pub catalog: Option<PathBuf>,
    /// Tool that the files are written for [default: recognised]
    #[arg(long, value_name = "TOOL", value_parser = PossibleValuesParser::new(TOOLS.map(|(name, _)| name)))]
    pub tool: Option<String>,
    /// PostgreSQL version that verdicts are for [default: that of the server or catalog, else 18]
    #[arg(long, alias = "postgres-version", value_name = "VERSION", value_parser = clap::value_parser!(u32).range(14..=18))]
    pub pg: Option<u32>,
    /// Exit with 4 when a finding weighs as much as this or more [default: error]
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub fail_on: Option<FailOn>,
}

pub fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let rules = lint_rules::rules(&settings.lint)?;
    let fail_on = match (args.fail_on, &settings.lint.fail_on) {
        (Some(given), _) => given,
        (None, Some(written)) => FailOn::from_settings(written)?,
        (None, None) => FailOn::Error,
    };
    let tool = tool(&args, &settings)?;
    let paths =
        if args.paths.is_empty() { vec![settings.migrations.clone()] } else { args.paths.clone() };
    let mut found = lint_files::read(&paths, &args.base, tool)?;
    let written = lint_variables::bind(&mut found.files, &settings);
    let need = global.database_url.as_ref().and_then(|_| lint::need(&found.files));
    let (catalog, knowledge) = start(&args, &settings, global, need.as_ref())?;
    let options = lint::Options { knowledge, rules, whole_folder: found.folder };
    let again = catalog.relations.are_partial().then(|| found.files.clone());
    let mut report = lint::check(found.files, catalog, &options);
    if let Some(files) = again.filter(|_| report.has_failing_statement()) {
        // What is said of a name that is missing takes all the others.
        let (catalog, _) = start(&args, &settings, global, None)?;
        report = lint::check(files, catalog, &options);
    }
    written.lead_back(&mut report);
    let mut done = Done::rendered(render(&report, form(output.format())));
    done.exit = if report.has_bad_input() {
        Some(Kind::Input)
    } else {
        fail_on.fails(report.worst()).then_some(Kind::Refused)
    };
    // Millions of nodes are given back faster by the end of the process.
    std::mem::forget(report);
    Ok(done)
}

fn tool(args: &Args, settings: &Settings) -> Result<Option<Tool>, Error> {
    let Some(name) = args.tool.as_ref().or(settings.lint.tool.as_ref()) else { return Ok(None) };
    lint_rules::tool(name).map(Some)
}

/// The catalog before the first file. `DATABASE_URL` alone does not count: what a linter says in an
/// editor or in CI should not hang on what is set around it. Of a database no more than `need` says.
fn start(
    args: &Args,
    settings: &Settings,
    global: &Global,
    need: Option<&Need>,
) -> Result<(Catalog, Knowledge), Error> {
    let wanted = match (args.pg, settings.lint.postgres) {
        (Some(version), _) | (None, Some(version)) => Some(version),
        (None, None) => None,
    };
    wanted.map_or(Ok(()), lint_rules::version)?;
    let (mut catalog, knowledge) = if let Some(path) = &args.catalog {
        (catalog::read(path)?, Knowledge::Catalog)
    } else if global.database_url.is_some() {
        let target = settings.target()?;
        let loaded = block_on(async {
            let connection = target.connect("airlock lint").await?;
            match need {
                Some(need) => load::load_needed(&connection, need).await,
                None => load::load(&connection).await,
            }
        });
        (loaded?, Knowledge::Database)
    } else {
        (Catalog::assumed(wanted.unwrap_or(DEFAULT_POSTGRES)), Knowledge::Files)
    };
    // What a server or catalog says of itself is only overruled on the command line.
    if let Some(version) = args.pg.filter(|version| *version != catalog.server.major()) {
        catalog.server.version_num = version * 10_000;
    }
    Ok((catalog, knowledge))
}

fn form(format: Format) -> Form {
    match format {
        Format::Text => Form::Terminal,
        Format::Json => Form::Json,
        Format::Markdown => Form::Markdown,
        Format::Sarif => Form::Sarif,
        Format::Github => Form::Github,
        Format::Gitlab => Form::Gitlab,
        Format::Junit => Form::Junit,
    }
}
