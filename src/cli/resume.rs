//! `airlock resume`: takes a pause back.

use super::args::Global;
use super::output::Done;
use super::steering::{FOLLOWS_WITHIN, Steering};
use crate::error::Error;
use crate::journal::control::PAUSE;
use crate::journal::{Pose, Runner};
use crate::report::printable;
use serde_json::json;

/// End a pause
#[derive(Debug, clap::Args)]
pub struct Args {}

pub async fn run(Args {}: Args, global: &Global) -> Result<Done, Error> {
    let mut steering = Steering::begin(global).await?;
    let was_paused = steering.take_back(PAUSE).await?;
    let goes_on = |runner: Option<&Runner>| runner.is_none_or(|r| r.state != Pose::Paused);
    let followed = steering.follow(FOLLOWS_WITHIN, goes_on).await?;
    let runner = steering.runner();
    let text = match runner {
        _ if !was_paused => "nothing was paused".to_owned(),
        None => "resumed: nobody is at work; to go on: airlock upgrade".to_owned(),
        Some(runner) if followed && runner.state == Pose::Throttled => {
            let why = runner.reason.clone().unwrap_or_default();
            format!("resumed, but throttled: {}", printable(&why))
        }
        Some(runner) if followed => format!("resumed: revision {}", runner.identity.revision),
        Some(_) => "the pause is over; the runner has not noticed yet".to_owned(),
    };
    let state = runner.map(|runner| runner.state.name());
    let json = json!({ "was_paused": was_paused, "effective": followed, "runner": state });
    Ok(Done::new(text, json))
}
