//! `airlock cancel`: stops the run under way at once.

use super::args::Global;
use super::output::Done;
use super::steering::Steering;
use crate::error::{Error, Kind};
use crate::journal::Runner;
use crate::journal::control::CANCEL;
use serde_json::json;
use std::time::Duration;

/// How long a runner may take: a cancelled build is cleared away first.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// Stop the run under way at once, also in the middle of a long statement
///
/// Works from any terminal. What a cancelled concurrent build leaves behind is removed. Everything
/// that was reached stays: `airlock upgrade` goes on from there, `airlock rollback` takes it back.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub async fn run(Args {}: Args, global: &Global) -> Result<Done, Error> {
    let mut steering = Steering::begin(global).await?;
    let Some(runner) = steering.runner() else {
        let json = json!({ "cancelled": false, "runner": null });
        return Ok(Done::new("Nobody is at work.", json));
    };
    let (id, revision) = (runner.identity.runner.clone(), runner.identity.revision.clone());
    let activity = runner.activity.clone();
    steering.order(CANCEL, &id, None, None).await?;
    let is_gone = |runner: Option<&Runner>| runner.is_none_or(|r| r.identity.runner != id);
    if !steering.follow(STOPS_WITHIN, is_gone).await? {
        return Err(Error::new(Kind::Failed, "the runner has not stopped yet")
            .detail(format!("It was asked to. When last seen it said: {activity}."))
            .hint("`airlock status` shows what it does; `airlock locks` shows its backends."));
    }
    let next = match steering.runner() {
        Some(other) => format!(
            "Another runner, which waited, is at work now on revision {}; airlock cancel stops that one",
            other.identity.revision
        ),
        None => "To go on: airlock upgrade. To take it back: airlock rollback".to_owned(),
    };
    let text = format!("cancelled: the run of revision {revision} has stopped\n{next}");
    Ok(Done::new(text, json!({ "cancelled": true, "revision": revision })))
}
