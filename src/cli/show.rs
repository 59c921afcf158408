//! `airlock show`: one revision, or several, in full.

use super::args::Global;
use super::output::Done;
use super::{history, project, standing};
use crate::error::Error;
use crate::report::revision as report;
use crate::revision::{Revision, Targets};
use serde_json::{Value, json};

/// Show everything about a revision
///
/// Targets that count from the database (`current`, `-1`) need one; the others do without.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, the beginning of one, path, label, or any other target; A:B for a range
    #[arg(value_name = "TARGET", default_value = "head", allow_negative_numbers = true)]
    pub targets: Vec<String>,
    /// Print the files themselves too
    #[arg(long)]
    pub source: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let journal = match &settings.database_url {
        None => None,
        Some(_) => {
            let connection = settings.target()?.connect("airlock show").await?;
            Some(standing::journal(&connection).await?)
        }
    };
    let applied = journal.as_ref().map(standing::applied);
    let targets = Targets::new(&graph);
    let targets = applied.as_ref().map_or(targets, |applied| targets.with(applied));
    let mut wanted: Vec<&Revision> = Vec::new();
    for text in &args.targets {
        let found = match text.contains(':') {
            true => targets.range(text)?,
            false if text == "heads" || text == "current" => targets.place(text)?,
            false => vec![targets.one(text)?],
        };
        for revision in found {
            if !wanted.contains(&revision) {
                wanted.push(revision);
            }
        }
    }
    let list = history::marked(&graph, journal.as_ref(), true);
    let mut texts: Vec<String> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    for revision in wanted {
        let Some(standing) = list.iter().find(|of| of.revision == revision.id.as_str()) else {
            continue;
        };
        let mut text = report::text(revision, &graph, standing);
        let mut value = report::json(revision, &graph, standing);
        if args.source {
            text.push_str(&format!("\n{}", crate::report::printable(revision.written())));
            value["source"] = json!(revision.written());
        }
        texts.push(text);
        values.push(value);
    }
    if texts.is_empty() {
        texts.push("No revision is meant by that.\n".to_owned());
    }
    Ok(Done::new(texts.join("\n"), json!({ "revisions": values })))
}
