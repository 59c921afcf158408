//! The recorded facts: `tests/facts/lock-facts.json`.

use crate::claim::{Claim, Effects, Names, Sight, differences};
use crate::report::Report;
use airlock::catalog::load;
use airlock::connect::Connection;
use airlock::lock::LockMode;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Cases that the model does not get right yet, on some version. The list can only shrink, and never
/// holds a case but of statements whose effect no model can see from their text.
const OPEN: [&str; 0] = [];

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
    fn effects(&self) -> Result<Effects, String> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let strongest = |modes: &[LockMode]| modes.iter().copied().max().unwrap();
        Ok(Effects {
            locks: self.locks.iter().map(|(name, m)| (name.clone(), strongest(m))).collect(),
            rewritten: self.rewritten.clone(),
            new_files: self.new_files.clone(),
            scanned: self.scanned.clone(),
        })
    }
}

impl Case {
    /// One statement on the base schema as it is: nothing has to be executed.
    fn is_plain(&self) -> bool {
        self.setup.is_empty() && self.timezone.is_none() && self.statements.len() == 1
    }

    fn sight(&self) -> Sight {
        if self.outside_transaction {
            Sight::Sampled {
                concurrent: self.statements.iter().any(|s| s.contains("concurrently")),
            }
        } else {
            Sight::Inside
        }
    }

    fn is_opaque(&self) -> bool {
        self.statements.iter().any(|s| s.starts_with("do ") || s.starts_with("call "))
    }
}

/// The schema that every case starts from, for other tests too.
pub(crate) fn base() -> String {
    facts().base
}

fn facts() -> Facts {
    serde_json::from_str(include_str!("../facts/lock-facts.json")).unwrap()
}

#[tokio::test]
async fn the_model_says_what_servers_did() {
    let facts = facts();
    let mut report = Report::default();
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        let base = cluster.create_database("base", None).await.unwrap();
        let connection = base.connect("lock facts").await.unwrap();
        connection.batch_execute(&facts.base).await.unwrap();
        let untouched = load(&connection).await.unwrap();
        connection.close().await;
        for case in &facts.cases {
            let Some(observed) = case.observed.iter().find(|o| o.versions.contains(&major)) else {
                continue;
            };
            let said = if case.is_plain() {
                let mut claim = Claim::default();
                claim.add(&case.statements[0], &untouched, &Names::of(&untouched)).map(|()| claim)
            } else {
                on_a_copy(&cluster, case).await
            };
            let wrong = differences(&observed.effects(), &said, case.sight());
            assert!(!OPEN.contains(&case.id.as_str()) || case.is_opaque());
            report.add(&case.statements[0], &case.id, major, wrong);
        }
    }
    report.check(&OPEN);
}

async fn on_a_copy(cluster: &Cluster, case: &Case) -> Result<Claim, String> {
    let target = cluster.create_database("work", Some("base")).await.unwrap();
    let connection = target.connect("lock facts").await.unwrap();
    connection.batch_execute("SET search_path = s; SET client_min_messages = error").await.unwrap();
    if let Some(zone) = &case.timezone {
        connection.batch_execute(&format!("SET timezone = '{zone}'")).await.unwrap();
    }
    connection.batch_execute(&case.setup).await.unwrap_or_else(|e| panic!("{}: {e}", case.id));
    let said = claim(&connection, case).await;
    connection.close().await;
    cluster.drop_database("work").await.unwrap();
    said
}

/// The statements of a case in order, each on the catalog that the one before has left.
async fn claim(connection: &Connection, case: &Case) -> Result<Claim, String> {
    let mut claim = Claim::default();
    let mut before = None;
    for (index, text) in case.statements.iter().enumerate() {
        let catalog = load(connection).await.map_err(|e| format!("load: {e}"))?;
        let before = before.get_or_insert_with(|| Names::of(&catalog));
        claim.add(text, &catalog, before)?;
        if index + 1 < case.statements.len() {
            connection.batch_execute(text).await.map_err(|e| format!("execute: {e}"))?;
        }
    }
    Ok(claim)
}
