//! `airlock man`: the manual pages.

use super::output::Done;
use crate::error::{Error, Kind};
use clap_mangen::{Man, generate_to};
use std::path::PathBuf;

/// Print the manual page, or write one page for each command into a folder
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for airlock.1, airlock-plan.1 and so on, made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<Done, Error> {
    let command = super::args::command();
    let failed = |error: std::io::Error| {
        Error::new(Kind::Input, format!("cannot write the manual pages: {error}"))
    };
    match &args.out {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(failed)?;
            generate_to(command, folder).map_err(failed)?;
            let text = format!("The manual pages are in {}\n", folder.display());
            Ok(Done::new(text, serde_json::json!({ "folder": folder })))
        }
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page).map_err(failed)?;
            Ok(Done::rendered(String::from_utf8_lossy(&page).into_owned()))
        }
    }
}
