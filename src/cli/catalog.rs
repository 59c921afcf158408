//! `airlock catalog`: the catalog of a database as a file, for where the database is not: to lint
//! against, and to make scripts from.

use super::args::Global;
use super::output::Done;
use super::standing;
use crate::catalog::{Catalog, load};
use crate::error::{Error, Kind};
use crate::journal::RolloutState;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

/// Version of the file; one of another version is refused.
const FORMAT: u32 = 1;
/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Print the catalog of the database as JSON, for `lint` and `upgrade --sql` with --catalog
///
/// It holds names, definitions and sizes of what is in the database, the revisions that it has, and no
/// rows.
#[derive(Debug, clap::Args)]
pub struct Args {}

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    airlock_catalog: u32,
    /// What the database has; an older airlock did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revisions: Option<Vec<String>>,
    catalog: Catalog,
}

pub async fn run(_: Args, global: &Global) -> Result<Done, Error> {
    let connection = global.settings()?.target()?.connect("airlock catalog").await?;
    let catalog = load::load(&connection).await?;
    let journal = standing::journal(&connection).await?;
    let done = journal.rollouts.iter().filter(|rollout| rollout.state == RolloutState::Done);
    let revisions = Some(done.map(|rollout| rollout.revision.clone()).collect());
    let saved = Saved { airlock_catalog: FORMAT, revisions, catalog };
    let mut text = serde_json::to_string(&saved).map_err(|error| {
        Error::new(Kind::Failed, "cannot write the catalog").detail(format!("{error}."))
    })?;
    text.push('\n');
    Ok(Done::rendered(text))
}

/// The catalog in a file that `airlock catalog` wrote.
///
/// # Errors
/// `Kind::Input`: a file that cannot be read, is none, or is of another version.
pub fn read(path: &Path) -> Result<Catalog, Error> {
    read_with_revisions(path).map(|(catalog, _)| catalog)
}

/// The same with the revisions that the database had, where the file says.
///
/// # Errors
/// As [`read`].
pub fn read_with_revisions(path: &Path) -> Result<(Catalog, Option<Vec<String>>), Error> {
    let shown = path.display().to_string();
    let refuse = |what: String| {
        Error::new(Kind::Input, what).hint("Make it with `airlock catalog > catalog.json`.")
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| refuse(format!("cannot read {shown}")).detail(format!("{error}.")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse(format!("{shown} is larger than {MAX_BYTES} bytes")));
    }
    let version = serde_json::from_slice::<serde_json::Value>(&bytes)
        .ok()
        .and_then(|value| value.get("airlock_catalog")?.as_u64());
    match version {
        Some(version) if version != u64::from(FORMAT) => {
            return Err(refuse(format!("{shown} has format {version}, known is {FORMAT}")));
        }
        Some(_) => {}
        None => return Err(refuse(format!("{shown} is not a saved catalog"))),
    }
    let saved: Saved = serde_json::from_slice(&bytes).map_err(|error| {
        refuse(format!("{shown} is not a saved catalog")).detail(format!("{error}."))
    })?;
    Ok((saved.catalog, saved.revisions))
}
