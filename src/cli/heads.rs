//! `airlock heads`: the revisions that are nobody's parent.

use super::args::Global;
use super::output::Done;
use super::project;
use crate::error::{Error, Kind};
use crate::report::printable;
use serde_json::{Value, json};

/// List the revisions that no other one comes after
///
/// Exit code 3 when there are several: `upgrade` would not know which comes first.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: Args, global: &Global) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let heads = graph.heads();
    let text: String = heads
        .iter()
        .map(|head| format!("{}  {}  {}\n", head.id, head.path, printable(&head.message)))
        .collect();
    let list: Vec<Value> = heads
        .iter()
        .map(|head| {
            json!({ "revision": head.id.as_str(), "path": head.path, "message": head.message })
        })
        .collect();
    let text = if heads.is_empty() { "There are no revisions.\n".to_owned() } else { text };
    let mut done = Done::new(text, json!({ "heads": list }));
    done.exit = (heads.len() > 1).then_some(Kind::Drift);
    Ok(done)
}
