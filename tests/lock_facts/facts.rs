//! The recorded facts: `tests/facts/lock-facts.json`.

use crate::claim::{Claim, compare, compare_builds};
use crate::conformance::steady;
use crate::report::Report;
use airlock::catalog::load;
use airlock::connect::Connection;
use airlock::lock::LockMode;
use airlock::observe::{Effects, Relations, Sight};
use airlock::sandbox::{Cluster, test_versions};
use airlock::sql::QualifiedName;
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
    #[serde(default)]
    server_says: Vec<String>,
}

impl Observed {
    fn effects(&self) -> Result<Effects, String> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let strongest = |modes: &[LockMode]| modes.iter().copied().max().unwrap();
        let named = |name: &String| QualifiedName::new("s", name.as_str());
        Ok(Effects {
            locks: self.locks.iter().map(|(name, m)| (named(name), strongest(m))).collect(),
            rewritten: self.rewritten.iter().map(named).collect(),
            new_files: self.new_files.iter().map(named).collect(),
            scanned: self.scanned.iter().map(named).collect(),
            ..Effects::default()
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
            Sight::Outside {
                concurrent: self.statements.iter().any(|s| s.contains("concurrently")),
                vacuum: false,
            }
        } else {
            Sight::Recorded
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

#[tokio::test(flavor = "multi_thread")]
async fn the_model_says_what_servers_did() {
    let mut versions = Vec::new();
    for major in test_versions().unwrap() {
        versions.push(tokio::spawn(on_version(major)));
    }
    let mut report = Report::default();
    for version in versions {
        report.merge(version.await.unwrap());
    }
    report.check(&OPEN);
}

async fn on_version(major: u32) -> Report {
    let facts = facts();
    let mut report = Report::default();
    let options = steady(major);
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await.unwrap();
    let cluster = cluster.unwrap();
    let base = cluster.create_database("base", None).await.unwrap();
    let connection = base.connect("lock facts").await.unwrap();
    connection.batch_execute(&facts.base).await.unwrap();
    let untouched = load(&connection).await.unwrap();
    let relations = Relations::load(&connection).await.unwrap();
    connection.close().await;
    for case in &facts.cases {
        let Some(observed) = case.observed.iter().find(|o| o.versions.contains(&major)) else {
            continue;
        };
        let ways = if case.is_plain() {
            let mut claim = Claim::default();
            vec![claim.add(&case.statements[0], &untouched, &relations).map(|()| claim)]
        } else {
            on_a_copy(&cluster, case).await
        };
        let mut wrong = Vec::new();
        for said in &ways {
            wrong.extend(compare(&observed.effects(), said, case.sight(), Some("s")));
            if observed.error.is_none() {
                let known = |name: &str| relations.has_named(name) || case.setup.contains(name);
                wrong.extend(compare_builds(&observed.server_says, said, known));
            }
        }
        assert!(!OPEN.contains(&case.id.as_str()) || case.is_opaque());
        report.add(&case.statements[0], &case.id, major, wrong);
    }
    report
}

/// What the model says with the catalog read anew before each statement, and what it says when the
/// catalog is read once and moved forward, as `lint` does it.
async fn on_a_copy(cluster: &Cluster, case: &Case) -> Vec<Result<Claim, String>> {
    let target = cluster.create_database("work", Some("base")).await.unwrap();
    let connection = target.connect("lock facts").await.unwrap();
    connection.batch_execute("SET search_path = s; SET client_min_messages = error").await.unwrap();
    if let Some(zone) = &case.timezone {
        connection.batch_execute(&format!("SET timezone = '{zone}'")).await.unwrap();
    }
    connection.batch_execute(&case.setup).await.unwrap_or_else(|e| panic!("{}: {e}", case.id));
    let moved = moved_forward(&connection, case).await;
    let said = claim(&connection, case).await;
    connection.close().await;
    cluster.drop_database("work").await.unwrap();
    vec![said, moved]
}

async fn moved_forward(connection: &Connection, case: &Case) -> Result<Claim, String> {
    let mut claim = Claim::default();
    let before = Relations::load(connection).await.map_err(|e| format!("load: {e}"))?;
    let catalog = load(connection).await.map_err(|e| format!("load: {e}"))?;
    claim.add(&case.statements.join(";\n"), &catalog, &before)?;
    Ok(claim)
}

/// The statements of a case in order, each on the catalog that the one before has left.
async fn claim(connection: &Connection, case: &Case) -> Result<Claim, String> {
    let mut claim = Claim::default();
    let before = Relations::load(connection).await.map_err(|e| format!("load: {e}"))?;
    for (index, text) in case.statements.iter().enumerate() {
        let catalog = load(connection).await.map_err(|e| format!("load: {e}"))?;
        claim.add(text, &catalog, &before)?;
        if index + 1 < case.statements.len() {
            connection.batch_execute(text).await.map_err(|e| format!("execute: {e}"))?;
        }
    }
    Ok(claim)
}
