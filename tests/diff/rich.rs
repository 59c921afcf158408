//! A schema with something of every kind: made from nothing, taken away again, and changed in every
//! small way that a fingerprint sees.

use crate::both_ways::{cluster, database, difference};
use airlock::diff::{Options, Rename};
use airlock::sandbox::test_versions;

const RICH: &str = include_str!("../catalog/rich.sql");

#[tokio::test]
async fn everything_is_made_from_nothing_and_taken_away() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        database(&cluster, "a", "").await;
        database(&cluster, "b", RICH).await;
        let found = difference(&cluster, &Options::default()).await.unwrap();
        assert!(!found.is_empty() && found.major == major);
        assert!(found.column_order.is_empty());
    }
}

#[tokio::test]
async fn the_same_schema_has_no_difference() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        database(&cluster, "a", RICH).await;
        database(&cluster, "b", RICH).await;
        let found = difference(&cluster, &Options::default()).await.unwrap();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// Changes, one a line, each on top of those before it.
const CHANGES: &str = include_str!("../catalog/changes.sql");

/// What nobody has statements for, or what only a person can decide.
fn options() -> Options {
    let rename = |text: &str| Rename::parse(text).unwrap();
    Options { renames: vec![rename("app.mood.sad=app.mood.bad")], ..Options::default() }
}

/// How many changes make a pair; `AIRLOCK_TEST_CHANGES=1` tries each alone.
fn at_once() -> usize {
    const USUAL: usize = 11;
    let asked = std::env::var("AIRLOCK_TEST_CHANGES").ok();
    asked.and_then(|text| text.parse().ok()).filter(|number| *number > 0).unwrap_or(USUAL)
}

#[tokio::test]
async fn every_small_change_is_written_and_taken_back() {
    let mut wrong = Vec::new();
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let mut before = RICH.to_owned();
        let changes: Vec<&str> = CHANGES.lines().collect();
        for change in changes.chunks(at_once()) {
            let change = change.join(";\n");
            let after = format!("{before};\n{change}");
            database(&cluster, "a", &before).await;
            database(&cluster, "b", &after).await;
            match difference(&cluster, &options()).await {
                Ok(found) if found.is_empty() => wrong.push(format!("{major}: {change}: not seen")),
                Ok(_) => {}
                Err(error) => wrong.push(format!("{major}: {change}: {error}")),
            }
            before = after;
        }
    }
    assert!(wrong.is_empty(), "{} changes:\n{}", wrong.len(), wrong.join("\n\n"));
}
