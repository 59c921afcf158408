//! Every example of a page on servers: the catalog is read from there, and the statements run
//! there.

use crate::{findings, shop};
use airlock::analyze::AnalyzeError;
use airlock::catalog::load;
use airlock::connect::{Connection, sqlstate};
use airlock::hazard::{Hazard, all};
use airlock::sandbox::test_versions;
use airlock::sql::parse;
use std::collections::BTreeSet;

/// Examples that the server refuses, which is what their page says, with its error.
const REFUSED: [(&str, &str); 4] = [
    // CREATE INDEX CONCURRENTLY cannot run inside a transaction block.
    ("AL053", "25001"),
    // Unsafe use of a new value of an enum.
    ("AL054", "55P04"),
    // The rows have no value for a column that is NOT NULL.
    ("AL067", "23502"),
    // Another database than the open one.
    ("AL091", "0A000"),
];

#[tokio::test]
async fn every_example_is_true_on_servers() {
    let mut wrong = Vec::new();
    // The oldest and the newest: what is in between differs in nothing that an example shows.
    let majors = test_versions().unwrap();
    for major in BTreeSet::from([majors[0], majors[majors.len() - 1]]) {
        let cluster = shop::open(major).await;
        let connection = shop::copy(&cluster).await;
        let catalog = load(&connection).await.unwrap();
        connection.close().await;
        for hazard in all() {
            let found = |sql: &str| match findings(sql, catalog.clone()) {
                Ok(findings) => Some(findings.iter().any(|found| found.hazard == *hazard)),
                Err(AnalyzeError::Invalid(d)) if d.message.contains("needs PostgreSQL") => None,
                Err(error) => panic!("{major}: {sql}: {error}"),
            };
            let code = hazard.code;
            match found(hazard.bad) {
                Some(true) => {}
                Some(false) => wrong.push(format!("{major}: {code} is not in its example")),
                // Nothing of it can be on this server.
                None => continue,
            }
            if found(hazard.good) == Some(true) {
                wrong.push(format!("{major}: {code} is in the other example"));
            }
            for (sql, good) in [(hazard.bad, false), (hazard.good, true)] {
                let connection = shop::copy(&cluster).await;
                let answer = executed(&connection, hazard, sql, good).await;
                wrong.extend(answer.map(|answer| format!("{major}: {answer}")));
                connection.close().await;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the answers of the server.
async fn executed(
    connection: &Connection,
    hazard: &Hazard,
    sql: &str,
    good: bool,
) -> Option<String> {
    let expected = REFUSED.iter().find(|(code, _)| *code == hazard.code && !good);
    let mut refused = None;
    for statement in parse(sql, 0..sql.len()).unwrap().statements {
        if let Err(error) = connection.batch_execute(&statement.sql).await {
            let state = sqlstate(&error).unwrap_or_default().to_owned();
            refused.get_or_insert((state, format!("{}: {error}", statement.sql)));
        }
    }
    let found = refused.as_ref().map(|(state, _)| state.as_str());
    let expected = expected.map(|(_, state)| *state);
    (found != expected).then(|| format!("{} gives {refused:?}", hazard.code))
}
