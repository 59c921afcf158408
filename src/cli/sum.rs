//! `airlock sum`: writes `airlock.sum` anew; and what the other commands do with that file.

use super::args::Global;
use super::output::Done;
use super::project;
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::revision::{Graph, sum};
use serde_json::json;
use std::path::PathBuf;

/// Most differences that are listed.
const MAX_LISTED: usize = 10;

/// Write airlock.sum anew from the revision files
///
/// The file lists the revisions, so that two branches that both add one conflict in git instead of making
/// two heads in silence. `airlock revision` makes it, every command that changes the graph keeps it;
/// `upgrade` and `check` refuse a folder that it does not fit. This is for a folder that was changed by hand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write nothing; exit code 3 when the file does not fit
    #[arg(long)]
    pub check: bool,
}

pub fn run(args: Args, global: &Global) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let shown = path(&settings).display().to_string();
    if args.check {
        check(&settings, &graph)?;
        return Ok(Done::new(format!("{shown} fits\n"), json!({ "path": shown, "fits": true })));
    }
    write(&settings, &graph)?;
    Ok(Done::new(format!("{shown} written\n"), json!({ "path": shown, "written": true })))
}

fn path(settings: &Settings) -> PathBuf {
    settings.migrations.join(sum::FILE_NAME)
}

/// Writes the file for the folder as it is now.
///
/// # Errors
/// The file system's.
pub fn write(settings: &Settings, graph: &Graph) -> Result<(), Error> {
    project::write(&path(settings), &sum::write(graph), true).map(drop)
}

/// What of the file does not fit the folder; nothing when there is no file.
///
/// # Errors
/// A file that cannot be read.
pub fn differences(settings: &Settings, graph: &Graph) -> Result<Vec<String>, Error> {
    let path = path(settings);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(sum::differences(&text, graph)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            let message = format!("cannot read {}", path.display());
            Err(Error::new(Kind::Input, message).detail(format!("{error}.")))
        }
    }
}

/// Refuses a folder that the file does not fit.
///
/// # Errors
/// `Kind::Drift` with what does not fit.
pub fn check(settings: &Settings, graph: &Graph) -> Result<(), Error> {
    let mut found = differences(settings, graph)?;
    if found.is_empty() {
        return Ok(());
    }
    if found.len() > MAX_LISTED {
        let more = found.len() - MAX_LISTED;
        found.truncate(MAX_LISTED);
        found.push(format!("and {more} more"));
    }
    let message = format!("{} does not fit the revisions", path(settings).display());
    Err(Error::new(Kind::Drift, message)
        .detail(found.join("\n"))
        .hint("If the files are as they should be, write it anew: `airlock sum`."))
}
