//! `airlock history`: every revision in order, and where it stands.

use super::args::Global;
use super::output::Done;
use super::{project, standing};
use crate::error::Error;
use crate::report::status;

/// List the revisions in order with their state
///
/// Without a database the states are unknown.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub async fn run(Args {}: Args, global: &Global) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let journal = match &settings.database_url {
        None => None,
        Some(_) => {
            let connection = settings.target()?.connect("airlock history").await?;
            Some(standing::journal(&connection).await?)
        }
    };
    let list = status::standings(&graph, journal.as_ref());
    Ok(Done::new(status::history_text(&list), status::history_json(&list)))
}
