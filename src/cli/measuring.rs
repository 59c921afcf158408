//! `--measure`: the estimates of one report from what the server does now.

use super::output::Output;
use crate::catalog::{Catalog, Relation, RelationKind};
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::observe::measure::{self, Sample};
use crate::plan::Plan;
use crate::report::estimate::size;
use serde_json::{Value, json};

/// The settings with the speeds of their database, and what was measured, for JSON. The largest table
/// that `plans` name is read.
///
/// # Errors
/// When no database is named or it cannot be reached. What cannot be measured is said, and keeps the
/// configured speed.
pub async fn measured(
    plans: &[(&Plan, &Catalog)],
    settings: &Settings,
    output: &Output,
) -> Result<(Settings, Value), Error> {
    let mut client = settings.target()?.connect("airlock measure").await?;
    let mut speed = settings.speed;
    let largest = plans.iter().flat_map(|(plan, catalog)| named(plan, catalog));
    let mut scan = Value::Null;
    match largest.max_by_key(|relation| relation.table_bytes) {
        None => output.say("reading was not measured: the plan names no table with rows"),
        Some(table) => match measure::scan(&mut client, &table.name, table.table_bytes).await {
            Ok(Some(sample)) => {
                speed.scan = sample.speed();
                output.say(&format!("reading: {} of {}", words(&sample), table.name));
                scan = value(&sample, speed.scan);
                scan["relation"] = json!(table.name);
            }
            Ok(None) => output.say(&format!(
                "reading was not measured: the largest table, {}, has less than 1 MB",
                table.name
            )),
            Err(error) => output.say(&format!("reading was not measured: {}", said(&error))),
        },
    }
    let mut write = Value::Null;
    match measure::write(&mut client).await {
        Ok(sample) => {
            // The write-ahead log takes every row once more, and a temporary table has none.
            speed.write = (sample.speed() / 2).max(1);
            output.say(&format!(
                "writing: {} of a temporary table; half of that is taken, for the write-ahead log",
                words(&sample)
            ));
            write = value(&sample, speed.write);
        }
        Err(error) => output.say(&format!("writing was not measured: {}", said(&error))),
    }
    let settings = Settings { speed, ..settings.clone() };
    Ok((settings, json!({ "scan": scan, "write": write })))
}

/// Refuses `--measure` where there is no database to measure.
///
/// # Errors
/// `Kind::Input`.
pub fn needs_database(measure: bool, settings: &Settings) -> Result<(), Error> {
    if measure && settings.database_url.is_none() {
        return Err(Error::new(Kind::Input, "--measure needs a database, and none is named")
            .hint("Name it with --database-url or DATABASE_URL, or leave out --measure."));
    }
    Ok(())
}

/// Tables with rows of their own that the statements of `plan` lock or work through.
fn named<'a>(plan: &Plan, catalog: &'a Catalog) -> Vec<&'a Relation> {
    let relations = plan.statements.iter().flat_map(|statement| {
        let locks = statement.locks.iter().map(|lock| &lock.relation);
        locks.chain(statement.work.iter().map(|work| &work.relation))
    });
    relations
        .filter_map(|name| catalog.relation(name))
        .flat_map(|relation| catalog.leaves(relation))
        .filter(|leaf| matches!(leaf.kind, RelationKind::Table | RelationKind::MaterializedView))
        .filter(|leaf| leaf.table_bytes > 0 && !leaf.created_here)
        .collect()
}

fn words(sample: &Sample) -> String {
    let time = sample.took.as_secs_f64() * 1_000.0;
    format!("{} in {time:.0} ms, {} a second", size(sample.bytes), size(sample.speed()))
}

fn value(sample: &Sample, speed: u64) -> Value {
    json!({ "bytes": sample.bytes, "seconds": sample.took.as_secs_f64(), "bytes_per_second": speed })
}

fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}
