//! `airlock status`: where every revision stands and who is at work.

use super::args::Global;
use super::output::{Done, Output};
use super::rollout::journaled_plan;
use super::{project, repeatables, seed, standing, usage};
use crate::config::Settings;
use crate::connect::Connection;
use crate::error::Error;
use crate::journal::Rollout;
use crate::report;
use crate::report::status;
use crate::revision::Graph;
use crate::revision::seed::Seed;
use serde_json::json;
use std::io::IsTerminal;
use std::time::Duration;

const NAME: &str = "airlock status";
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Show where every revision stands, the steps under way and the runner at work
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Look again every second until nothing is under way
    #[arg(long)]
    pub watch: bool,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    // On another machine there may be no project: the journal alone says enough.
    let graph = match project::revisions(&settings) {
        Ok(graph) => graph,
        Err(_) if !settings.migrations.exists() && settings.database_url.is_some() => {
            Graph::build(Vec::new())?
        }
        Err(error) => return Err(error),
    };
    let whole = Whole {
        again: repeatables::read(&settings)?,
        seeds: seed::read(&settings)?,
        settings: &settings,
    };
    let target = settings.target()?;
    let mut connection = target.connect(NAME).await?;
    let (mut done, mut quiet) = look(&connection, &graph, &whole).await?;
    if !args.watch {
        return Ok(done);
    }
    let mut screen = Screen::default();
    while !quiet {
        screen.show(&done, output);
        tokio::select! {
            () = tokio::time::sleep(WATCH_INTERVAL) => {}
            // Watching is over; the rollout is not touched by that.
            _ = tokio::signal::ctrl_c() => return Ok(Done::nothing()),
        }
        match look(&connection, &graph, &whole).await {
            Ok(seen) => (done, quiet) = seen,
            // A server that restarts, or fails over: the run waits for it, and so do we.
            Err(error) if connection.closed() => {
                done = unreachable(&error);
                if let Ok(again) = target.connect(NAME).await {
                    connection = again;
                }
            }
            Err(error) => return Err(error),
        }
    }
    screen.show(&done, output);
    Ok(Done::nothing())
}

fn unreachable(error: &Error) -> Done {
    let text = format!("cannot look: {}; trying again", error.message);
    Done::new(text, json!({ "unreachable": error.message }))
}

/// Files that take effect as a whole.
struct Whole<'a> {
    again: Graph,
    seeds: Vec<Seed>,
    settings: &'a Settings,
}

async fn look(
    connection: &Connection,
    graph: &Graph,
    whole: &Whole<'_>,
) -> Result<(Done, bool), Error> {
    let journal = standing::journal(connection).await?;
    let mut standings = standing::list(graph, Some(&journal));
    standings.extend(repeatables::standings(&whole.again, Some(&journal)));
    standings.extend(seed::standings(&whole.seeds, &journal, whole.settings)?);
    let mut done =
        Done::new(status::text(&standings, &journal), status::json(&standings, &journal));
    let waiting = journal.rollouts.iter().rfind(|rollout| usage::stands_at_gate(rollout));
    if let Some(rollout) = waiting {
        show_usage(connection, rollout, &mut done).await?;
    }
    Ok((done, status::is_quiet(&standings, &journal)))
}

/// Adds who uses the old names of a rollout at its gate.
async fn show_usage(
    connection: &Connection,
    rollout: &Rollout,
    done: &mut Done,
) -> Result<(), Error> {
    let plan = journaled_plan(rollout)?;
    let evidence = usage::look(connection, &plan).await?.evidence;
    let shown = report::usage::text(&evidence);
    if !shown.is_empty() {
        done.text.push_str(&format!("\n{shown}"));
    }
    done.json["usage"] = report::usage::json(&evidence);
    done.json["usage"]["revision"] = serde_json::json!(rollout.revision);
    Ok(())
}

/// What stands on the screen: drawn over on a terminal, written anew elsewhere when it changed.
#[derive(Default)]
pub struct Screen {
    shown: Option<String>,
}

impl Screen {
    pub fn show(&mut self, done: &Done, output: &Output) {
        let text = if output.is_json() { done.json.to_string() } else { done.text.clone() };
        if self.shown.as_ref() == Some(&text) {
            return;
        }
        if !output.is_json() && std::io::stdout().is_terminal() {
            // Home, then clear below: no flicker.
            output.raw("\x1b[H\x1b[J");
        }
        output.part(done);
        self.shown = Some(text);
    }
}
