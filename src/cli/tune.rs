//! `airlock tune`: changes a limit or a threshold of the run under way.

use super::args::Global;
use super::output::Done;
use super::steering::Steering;
use crate::config::value;
use crate::error::{Error, Kind};
use crate::journal::control::{CANCEL, Order, PAUSE};
use crate::report::status;
use crate::run::tune::{KEYS, apply, key};
use serde_json::json;
use std::time::Duration;

/// Change a limit or a threshold of the run under way, from any terminal
///
/// Effective within a second, for this revision only, until it is reset, expires or the revision is
/// done; it stays when the run is interrupted and started again. Without a key: what can be tuned,
/// and what is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// As in airlock.toml: `max_stall`, `batch_target`, `jobs`, `throttle_ratio`, …
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// `off` ends a threshold
    #[arg(value_name = "VALUE")]
    pub value: Option<String>,
    /// Take the change back
    #[arg(long, requires = "key", conflicts_with = "value")]
    pub reset: bool,
    /// Take the change back by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = value::duration, requires = "value")]
    pub time: Option<Duration>,
}

pub async fn run(args: Args, global: &Global) -> Result<Done, Error> {
    let Some(name) = &args.key else { return list(global).await };
    let found = key(name).ok_or_else(|| unknown(name))?;
    let refusal =
        |why: String| Error::new(Kind::Input, why).hint(format!("{}: {}.", found.name, found.what));
    match &args.value {
        Some(value) => {
            found.check(value).map_err(|why| refusal(format!("{} = {value}: {why}", found.name)))?
        }
        None if args.reset => {}
        None => return Err(refusal(format!("{} needs a value", found.name))),
    }
    let steering = Steering::begin(global).await?;
    let Some(value) = &args.value else {
        let there = steering.take_back(found.name).await?;
        let text = if there { "reset" } else { "was not tuned" };
        let json = json!({ "key": found.name, "value": null, "was_tuned": there });
        return Ok(Done::new(format!("{} {text}", found.name), json));
    };
    let revision = steering.revision()?;
    // Beside what is tuned already, as the runner sees it.
    let mut tunes: Vec<(String, String)> = tunes(&steering.journal.orders)
        .filter(|order| order.key != found.name)
        .map(|order| (order.key.clone(), order.value.clone()))
        .collect();
    tunes.push((found.name.to_owned(), value.clone()));
    let (_, refused) = apply(&steering.settings.limits, &tunes);
    if !refused.is_empty() {
        return Err(refusal(refused.join("; ")));
    }
    steering.order(found.name, value, Some(revision), args.time).await?;
    let until = args.time.map(|time| format!(" for {}", humantime::format_duration(time)));
    let text =
        format!("{} = {value}{} for revision {revision}", found.name, until.unwrap_or_default());
    Ok(Done::new(text, json!({ "key": found.name, "value": value, "revision": revision })))
}

fn tunes(orders: &[Order]) -> impl Iterator<Item = &Order> {
    orders.iter().filter(|order| order.key != PAUSE && order.key != CANCEL)
}

fn unknown(name: &str) -> Error {
    let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    Error::new(Kind::Input, format!("\"{name}\" cannot be tuned"))
        .hint(format!("What can: {}.", names.join(", ")))
}

async fn list(global: &Global) -> Result<Done, Error> {
    let mut text = String::from("What can be tuned:\n");
    for key in &KEYS {
        text.push_str(&format!("  {:<26}{}\n", key.name, key.what));
    }
    let steering = match Steering::begin(global).await {
        Ok(steering) => Some(steering),
        // The list is worth something without a database.
        Err(error) if error.kind == Kind::Input || error.kind == Kind::Drift => None,
        Err(error) => return Err(error),
    };
    let orders: Vec<Order> =
        steering.iter().flat_map(|s| tunes(&s.journal.orders)).cloned().collect();
    if !orders.is_empty() {
        text.push_str("\nTuned:\n");
        orders.iter().for_each(|order| text.push_str(&status::order_line(order)));
    }
    let keys: Vec<_> =
        KEYS.iter().map(|key| json!({ "key": key.name, "what": key.what })).collect();
    Ok(Done::new(text, json!({ "keys": keys, "tuned": orders })))
}
