//! Hazards of the statements that servers were watched with (`tests/facts/lock-facts.json`): where
//! one was seen to work under a strong lock there is an error, where it was not there is none.

use crate::findings;
use airlock::catalog::{Catalog, load};
use airlock::hazard::Severity;
use airlock::lock::LockMode;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct Facts {
    base: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    #[serde(default)]
    setup: String,
    statements: Vec<String>,
    #[serde(default)]
    outside_transaction: bool,
    timezone: Option<String>,
    observed: Vec<Observed>,
}

#[derive(Deserialize)]
struct Observed {
    versions: Vec<u32>,
    error: Option<String>,
    #[serde(default)]
    locks: BTreeMap<String, Vec<LockMode>>,
    #[serde(default)]
    rewritten: BTreeSet<String>,
    #[serde(default)]
    new_files: BTreeSet<String>,
    #[serde(default)]
    scanned: BTreeSet<String>,
}

impl Observed {
    /// Somebody had to wait while rows were gone through.
    fn blocks(&self) -> bool {
        let strong = self.locks.values().flatten().any(|mode| mode.blocks_writes());
        let works = [&self.rewritten, &self.new_files, &self.scanned].iter().any(|s| !s.is_empty());
        strong && works
    }
}

/// Hazards of work under a table's lock, by their codes. (AL024 is about the locks of rows, which are
/// not in the facts.)
fn is_about_blocking(code: &str) -> bool {
    (code <= "AL029" && code != "AL024")
        || code == "AL099"
        || ("AL050"..="AL052").contains(&code)
        || code == "AL055"
}

/// Cases in which the rule of thumb of [`Observed::blocks`] is not what a reader means, and why.
const OTHERWISE: [(&str, &str); 4] = [
    ("reindex_partitioned", "its locks were sampled, on some versions in vain"),
    ("restart_identity", "the new file is a sequence's, which is one page"),
    ("alter_sequence_as_bigint", "the new file is a sequence's, which is one page"),
    ("recipe_set_logged_empty", "the table that is written anew is empty"),
];

#[tokio::test]
async fn errors_are_where_servers_were_seen_to_block() {
    let facts: Facts = serde_json::from_str(include_str!("../facts/lock-facts.json")).unwrap();
    let mut wrong = Vec::new();
    let mut seen = (0, 0);
    let mut excused = BTreeSet::new();
    // The oldest and the newest; the lock model itself is held to the facts of every version.
    let majors = test_versions().unwrap();
    for major in BTreeSet::from([majors[0], majors[majors.len() - 1]]) {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        let base = cluster.create_database("base", None).await.unwrap();
        let connection = base.connect("hazards").await.unwrap();
        connection.batch_execute(&facts.base).await.unwrap();
        let plain = load(&connection).await.unwrap();
        connection.close().await;
        for case in &facts.cases {
            let observed = case.observed.iter().find(|o| o.versions.contains(&major));
            let Some(observed) = observed.filter(|o| o.error.is_none()) else { continue };
            let catalog = if case.setup.is_empty() && case.timezone.is_none() {
                plain.clone()
            } else {
                after_setup(&cluster, case).await
            };
            let opened = !case.outside_transaction && case.statements.len() > 1;
            let mut sql = case.statements.join(";\n");
            if opened {
                sql = format!("BEGIN;\n{sql};\nCOMMIT");
            }
            let Ok(found) = findings(&sql, catalog) else { continue };
            let errors = found.iter().filter(|f| f.hazard.severity == Severity::Error);
            let codes: BTreeSet<&str> = errors.map(|f| f.hazard.code).collect();
            let long: BTreeSet<&str> =
                codes.iter().copied().filter(|code| is_about_blocking(code)).collect();
            let opaque = found.iter().any(|f| matches!(f.hazard.code, "AL090" | "AL091"));
            let what = match (observed.blocks(), long.is_empty()) {
                (true, true) if codes.is_empty() && !opaque => "no error".to_owned(),
                (false, false) => format!("{long:?}"),
                (blocks, _) => {
                    *(if blocks { &mut seen.0 } else { &mut seen.1 }) += 1;
                    continue;
                }
            };
            if let Some((id, _)) = OTHERWISE.iter().find(|(id, _)| *id == case.id) {
                excused.insert(*id);
            } else {
                wrong.push(format!("{major} {}: {what} in {sql}", case.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(excused, OTHERWISE.iter().map(|(id, _)| *id).collect());
    assert!(seen.0 > 50 && seen.1 > 50, "{seen:?}");
}

async fn after_setup(cluster: &Cluster, case: &Case) -> Catalog {
    let target = cluster.create_database("work", Some("base")).await.unwrap();
    let connection = target.connect("hazards").await.unwrap();
    connection.batch_execute("SET search_path = s; SET client_min_messages = error").await.unwrap();
    if let Some(zone) = &case.timezone {
        connection.batch_execute(&format!("SET timezone = '{zone}'")).await.unwrap();
    }
    connection.batch_execute(&case.setup).await.unwrap();
    let catalog = load(&connection).await.unwrap();
    connection.close().await;
    cluster.drop_database("work").await.unwrap();
    catalog
}
