//! `airlock pause`: a run begins nothing new until it is resumed.

use super::args::Global;
use super::output::Done;
use super::steering::{FOLLOWS_WITHIN, Steering};
use crate::config::value;
use crate::error::Error;
use crate::journal::control::PAUSE;
use crate::journal::{Pose, Runner};
use crate::report::printable;
use serde_json::json;
use std::time::Duration;

/// Let the run under way, or the next one, begin nothing new until `airlock resume`
///
/// Works from any terminal. The batch in flight ends; no lock is held meanwhile, and no patience is
/// lost. A concurrent build or VALIDATE that is under way cannot be paused. The pause stays when the
/// run is interrupted and started again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Why, for whoever wonders
    #[arg(value_name = "REASON")]
    pub reason: Option<String>,
    /// End the pause by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = value::lasting)]
    pub time: Option<Duration>,
}

pub async fn run(args: Args, global: &Global) -> Result<Done, Error> {
    let mut steering = Steering::begin(global).await?;
    let reason = args.reason.unwrap_or_default();
    steering.order(PAUSE, &reason, None, args.time).await?;
    let is_paused = |runner: Option<&Runner>| runner.is_none_or(|r| r.state == Pose::Paused);
    let followed = steering.follow(FOLLOWS_WITHIN, is_paused).await?;
    let runner = steering.runner();
    let state = runner.map(|runner| runner.state.name());
    let text = match runner {
        None => {
            "paused: nobody is at work; a run that starts waits for `airlock resume`".to_owned()
        }
        Some(runner) if followed => {
            format!("paused: revision {} waits for `airlock resume`", runner.identity.revision)
        }
        Some(runner) => {
            let what = match (&runner.reason, runner.state) {
                (Some(reason), Pose::Busy) => format!(
                    "the runner is at work on a statement that {reason}\nThe pause takes effect when \
                     it is done; `airlock cancel` cancels it."
                ),
                (_, Pose::Working | Pose::Busy | Pose::Throttled | Pose::Paused) => {
                    format!("the runner has not come to a safe point yet: {}", runner.activity)
                }
            };
            format!("asked to pause: {}", printable(&what))
        }
    };
    let json = json!({ "paused": true, "effective": followed, "runner": state });
    Ok(Done::new(text, json))
}
