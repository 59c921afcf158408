//! Statements of our own, run on real servers: `tests/lock_facts/cases/*.sql`.
//!
//! A file is a list of statements, one on a line, each run in a transaction that is rolled back. A
//! line `-- setup: …` gives what is executed before the statements that follow it, on a fresh copy of
//! the base schema; `-- setup 17: …` needs version 17. What the next statement does can depend on
//! more than the catalog shows, and a line before it says in which way: `-- fails` (the server
//! refuses it, for its rows or for a reason that the model does not know), `-- less` (the server
//! does less, for want of rows or by the planner's choice), `-- more` (inside a function).

use crate::claim::{Claim, Names, Sight, differences, not_within};
use crate::facts::base;
use crate::observe::observe;
use crate::report::Report;
use airlock::catalog::load;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use std::path::Path;

/// Statements that the model does not get right yet.
const OPEN: [&str; 0] = [];

struct Section {
    needs: u32,
    setup: String,
    statements: Vec<(String, Expected)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Expected {
    Exact,
    Fails,
    Less,
    More,
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section { needs: 0, setup: String::new(), statements: Vec::new() }];
    let mut expected = Expected::Exact;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(head) = line.strip_prefix("-- setup") {
            let (needs, setup) = head.split_once(':').unwrap();
            let needs = needs.trim().parse().unwrap_or(0);
            let setup = setup.trim().to_owned();
            sections.push(Section { needs, setup, statements: Vec::new() });
        } else if let Some(word) = line.strip_prefix("-- ") {
            expected = match word {
                "fails" => Expected::Fails,
                "less" => Expected::Less,
                "more" => Expected::More,
                _ => expected,
            };
        } else {
            let section = sections.last_mut().unwrap();
            section.statements.push((line.trim_end_matches(';').to_owned(), expected));
            expected = Expected::Exact;
        }
    }
    sections
}

#[tokio::test]
async fn the_model_says_what_servers_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lock_facts/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut report = Report::default();
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        let target = cluster.create_database("base", None).await.unwrap();
        let connection = target.connect("lock facts").await.unwrap();
        connection.batch_execute(&base()).await.unwrap();
        connection.close().await;
        for file in &files {
            for section in sections(&std::fs::read_to_string(file).unwrap()) {
                if section.needs <= major && !section.statements.is_empty() {
                    run(&cluster, &section, &mut report).await;
                }
            }
        }
    }
    report.check(&OPEN);
}

async fn run(cluster: &Cluster, section: &Section, report: &mut Report) {
    let target = cluster.create_database("work", Some("base")).await.unwrap();
    let connection = target.connect("lock facts").await.unwrap();
    connection.batch_execute("SET search_path = s; SET client_min_messages = error").await.unwrap();
    connection
        .batch_execute(&section.setup)
        .await
        .unwrap_or_else(|e| panic!("{}: {e}", section.setup));
    let catalog = load(&connection).await.unwrap();
    let names = Names::of(&catalog);
    for (statement, expected) in &section.statements {
        let observed = observe(&connection, statement).await;
        let mut claim = Claim::default();
        let said = claim.add(statement, &catalog, &names).map(|()| claim);
        let wrong = match (expected, &observed, &said) {
            (Expected::Fails, Err(_), Ok(_)) => Vec::new(),
            (Expected::Fails, _, _) => vec!["the server should fail, and alone".to_owned()],
            (Expected::Less, Ok(observed), Ok(said)) => not_within(observed, &said.effects),
            (Expected::More, Ok(observed), Ok(said)) => not_within(&said.effects, observed),
            (Expected::Exact | Expected::Less | Expected::More, _, _) => {
                differences(&observed, &said, Sight::InsideToday { major: cluster.major() })
            }
        };
        let id = format!("{statement}   [{}]", section.setup.chars().take(60).collect::<String>());
        report.add(statement, &id, cluster.major(), wrong);
    }
    connection.close().await;
    cluster.drop_database("work").await.unwrap();
}
