//! `airlock init`: folders and a settings file. Never touches what is there.

use super::args::Global;
use super::output::Done;
use super::project;
use crate::config::{FILE_NAME, template};
use crate::error::{Error, Kind};
use serde_json::json;
use std::path::Path;

/// Make folders for revisions and plans, and a commented airlock.toml
///
/// What exists already is left as it is, so this can be run again.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(Args {}: Args, global: &Global) -> Result<Done, Error> {
    let file = global.config.as_deref().unwrap_or(Path::new(FILE_NAME));
    let mut made = Vec::new();
    let mut kept = Vec::new();
    let mut note = |path: &Path, new: bool| {
        let list = if new { &mut made } else { &mut kept };
        list.push(path.display().to_string());
    };
    // A file that is there is not touched, so that the folder need not be writable.
    let new = !file.exists() && project::write(file, template::TEMPLATE, false)?;
    note(file, new);
    let settings = global.settings()?;
    for folder in [&settings.migrations, &settings.plans] {
        let new = !folder.is_dir();
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::new(Kind::Failed, format!("cannot make folder {}", folder.display()))
                .detail(format!("{error}."))
        })?;
        note(folder, new);
    }
    let mut text = String::new();
    for path in &made {
        text.push_str(&format!("made {path}\n"));
    }
    for path in &kept {
        text.push_str(&format!("{path} is there already\n"));
    }
    text.push_str("Next: airlock revision -m \"what it is about\"\n");
    Ok(Done::new(text, json!({ "made": made, "kept": kept })))
}
