//! `airlock explain`: the page of a hazard, or the list of all.

use super::output::Done;
use crate::error::Error;
use crate::{hazard, report};

/// Explain a hazard: what it does to the application, and what to do instead
///
/// Without an argument all hazards are listed. The pages are in docs/hazards/ too.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Code or name, such as AL010 or set-not-null-scans
    #[arg(value_name = "HAZARD")]
    hazard: Option<String>,
}

pub fn run(args: &Args) -> Result<Done, Error> {
    match &args.hazard {
        None => Ok(Done::new(report::hazard::list_text(), report::hazard::list_json())),
        Some(wanted) => {
            let found = hazard::find(wanted).ok_or_else(|| report::hazard::unknown(wanted))?;
            Ok(Done::new(report::hazard::text(found), report::hazard::json(found)))
        }
    }
}
