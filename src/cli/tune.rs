//! `airlock tune`: changes a limit or a threshold of the run under way.

use super::args::Global;
use super::output::Done;
use super::steering::Steering;
use crate::config::value;
use crate::error::{Error, Kind};
use crate::journal::control::{Answer, CANCEL, Order, PAUSE};
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
    #[arg(long = "for", value_name = "TIME", value_parser = value::lasting, requires = "value")]
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
    let at_work = steering.runner().is_some();
    if at_work {
        steering.listen().await?;
    }
    let Some(value) = &args.value else {
        let there = steering.take_back(found.name).await?;
        let mut text = format!("{} {}", found.name, if there { "reset" } else { "was not tuned" });
        let none = |answer: &Answer| answer.followed.iter().all(|(key, _)| key != found.name);
        let answer = if at_work && there { steering.answer(none).await } else { None };
        text.push_str(&others(answer.as_ref(), found.name));
        let json = json!({ "key": found.name, "value": null, "was_tuned": there });
        return Ok(Done::new(text, json));
    };
    let revision = steering.revision()?;
    let mut known = tunes(&steering.journal.orders)
        .filter(|order| order.revision.as_deref().is_none_or(|of| of == revision));
    let before = known.clone().find(|order| order.key == found.name);
    let same = before.is_some_and(|order| order.value == *value);
    let others = if at_work {
        // It knows its limits; ours may be others.
        let answer = async {
            steering.order(found.name, value, Some(revision), args.time).await?;
            let about = |answer: &Answer| {
                let refused = answer.refused.iter().map(|one| (&one.key, &one.value));
                let mut all = answer.followed.iter().map(|(k, v)| (k, v)).chain(refused);
                all.any(|(key, of)| key == found.name && of == value)
            };
            Ok::<_, Error>(if same { None } else { steering.answer(about).await })
        };
        let answer = answer.await?;
        if let Some(answer) = &answer
            && let Some(no) = answer.refused.iter().find(|one| one.key == found.name)
        {
            if let Some(before) = before {
                steering.restore(before).await?;
            }
            return Err(refusal(format!("the runner cannot follow {no}")));
        }
        if !same && answer.is_none() {
            "\nThe runner has not answered yet.".to_owned()
        } else {
            others(answer.as_ref(), found.name)
        }
    } else {
        // Beside what is tuned already, as a runner with our settings will see it.
        let mut all: Vec<(String, String)> = known
            .by_ref()
            .filter(|order| order.key != found.name)
            .map(|order| (order.key.clone(), order.value.clone()))
            .collect();
        all.push((found.name.to_owned(), value.clone()));
        let (_, refused) = apply(&steering.settings.limits, &all);
        if !refused.is_empty() {
            let all: Vec<String> = refused.iter().map(ToString::to_string).collect();
            return Err(refusal(all.join("; ")));
        }
        steering.order(found.name, value, Some(revision), args.time).await?;
        String::new()
    };
    let until = args.time.map(|time| format!(" for {}", humantime::format_duration(time)));
    let until = until.unwrap_or_default();
    let text = format!("{} = {value}{until} for revision {revision}{others}", found.name);
    Ok(Done::new(text, json!({ "key": found.name, "value": value, "revision": revision })))
}

/// What the runner has taken back besides.
fn others(answer: Option<&Answer>, but: &str) -> String {
    let refused = answer.iter().flat_map(|answer| &answer.refused).filter(|one| one.key != but);
    refused.map(|one| format!("\nTaken back, as it does not go with it: {one}")).collect()
}

fn tunes(orders: &[Order]) -> impl Iterator<Item = &Order> + Clone {
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
