//! Statements of our own, run on real servers: `tests/lock_facts/cases/*.sql`.
//!
//! A file is a list of statements, one on a line, each run in a transaction that is rolled back. A
//! line `-- setup: …` gives what is executed before the statements that follow it, on a fresh copy of
//! the base schema; `-- setup 17: …` needs version 17, `-- setup zone Asia/Tokyo: …` sets the session's
//! time zone. A line with `{{a|b}}` in it stands for one statement per alternative.
//!
//! What the next statement does can depend on more than the catalog shows, and a line before it says
//! in which way: `-- fails` (the server refuses it, for its rows or for a reason that the model does
//! not know), `-- less` (the server does less, for want of rows or by the planner's choice), `-- more`
//! (inside a function), `-- unseen` (the same, and the model has to say that it cannot see it). Of the statements that a pattern gives, many make no sense, or not for these
//! rows: what the server refuses is passed over, since it leaves no lock behind; a line without
//! alternatives must be refused by both. The usual run takes a part of a pattern that stands for many;
//! `AIRLOCK_SWEEP=every` takes all.

use crate::claim::{Claim, compare, compare_builds};
use crate::expand::expand;
use crate::facts::base;
use crate::report::Report;
use airlock::catalog::{Catalog, load};
use airlock::connect::{Connection, Target};
use airlock::observe::compare::not_within;
use airlock::observe::run::{End, Outcome, observe};
use airlock::observe::{Relations, Sight};
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use std::path::Path;

/// Most statements of one pattern in the usual run, spread over all that it stands for.
const USUAL: usize = 12;

/// Statements that the model does not get right yet.
const OPEN: [&str; 0] = [];

struct Section {
    needs: u32,
    zone: Option<String>,
    setup: String,
    statements: Vec<Case>,
}

struct Case {
    sql: String,
    expected: Expected,
    generated: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Expected {
    Exact,
    Fails,
    Less,
    More,
    Unseen,
}

impl Section {
    fn new(head: &str, setup: &str) -> Self {
        let mut words = head.split_whitespace();
        let mut section = Section {
            needs: 0,
            zone: None,
            setup: setup.trim().to_owned(),
            statements: Vec::new(),
        };
        while let Some(word) = words.next() {
            match word.parse() {
                Ok(major) => section.needs = major,
                Err(_) => {
                    assert_eq!(word, "zone", "{head}");
                    section.zone = words.next().map(str::to_owned);
                }
            }
        }
        section
    }
}

/// The statements of `pattern` that are to be run on `major`: not the same ones on each.
fn chosen(pattern: &str, major: u32) -> Vec<String> {
    let all = expand(pattern);
    let every = std::env::var("AIRLOCK_SWEEP").is_ok_and(|sweep| sweep == "every");
    let step = if every { 1 } else { all.len().div_ceil(USUAL) };
    all.into_iter().skip(major as usize % step).step_by(step).collect()
}

fn sections(text: &str, major: u32) -> Vec<Section> {
    let mut sections = vec![Section::new("", "")];
    let mut expected = Expected::Exact;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(head) = line.strip_prefix("-- setup") {
            let (head, setup) = head.split_once(':').unwrap();
            sections.push(Section::new(head, setup));
        } else if let Some(word) = line.strip_prefix("-- ") {
            expected = match word {
                "fails" => Expected::Fails,
                "less" => Expected::Less,
                "more" => Expected::More,
                "unseen" => Expected::Unseen,
                _ => expected,
            };
        } else {
            let section = sections.last_mut().unwrap();
            let generated = line.contains("{{");
            section.statements.extend(
                chosen(line.trim_end_matches(';'), major).into_iter().map(|sql| Case {
                    sql,
                    expected,
                    generated,
                }),
            );
            expected = Expected::Exact;
        }
    }
    sections
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_says_what_servers_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lock_facts/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    let only = std::env::var("AIRLOCK_LOCK_CASES").unwrap_or_default();
    files.retain(|file| file.to_string_lossy().contains(&only));
    files.sort();
    let mut versions = Vec::new();
    for major in test_versions().unwrap() {
        versions.push(tokio::spawn(on_version(major, files.clone())));
    }
    let mut report = Report::default();
    for version in versions {
        report.merge(version.await.unwrap());
    }
    report.check(&OPEN);
}

/// A server whose plans do not hang on whether statistics have been gathered by now.
pub(crate) fn steady(major: u32) -> ClusterOptions {
    let settings = vec![("autovacuum".to_owned(), "off".to_owned())];
    ClusterOptions { major: Some(major), settings, ..ClusterOptions::default() }
}

async fn on_version(major: u32, files: Vec<std::path::PathBuf>) -> Report {
    let mut report = Report::default();
    let options = steady(major);
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await.unwrap();
    let cluster = cluster.unwrap();
    let target = cluster.create_database("base", None).await.unwrap();
    let connection = target.connect("lock facts").await.unwrap();
    connection.batch_execute(&base()).await.unwrap();
    connection.batch_execute("SET allow_in_place_tablespaces = on").await.unwrap();
    connection.batch_execute("CREATE TABLESPACE tsx LOCATION ''").await.unwrap();
    connection.close().await;
    for file in &files {
        for section in sections(&std::fs::read_to_string(file).unwrap(), major) {
            if section.needs <= major && !section.statements.is_empty() {
                run(&cluster, &section, &mut report).await;
            }
        }
    }
    report
}

/// A copy of the base schema on which the setup has run.
struct Place {
    /// Nothing has run on the connection but the setup.
    fresh: bool,
    target: Target,
    connection: Connection,
    catalog: Catalog,
    known: Relations,
}

async fn prepare(cluster: &Cluster, section: &Section) -> Place {
    let target = cluster.create_database("work", Some("base")).await.unwrap();
    let connection = connect(&target, section).await;
    connection
        .batch_execute(&section.setup)
        .await
        .unwrap_or_else(|e| panic!("{}: {e:?}", section.setup));
    let catalog = load(&connection).await.unwrap();
    let known = Relations::load(&connection).await.unwrap();
    connection.close().await;
    let connection = connect(&target, section).await;
    Place { fresh: true, target, connection, catalog, known }
}

async fn connect(target: &Target, section: &Section) -> Connection {
    let connection = target.connect("lock facts").await.unwrap();
    connection
        .batch_execute("SET search_path = s; SET client_min_messages = debug1")
        .await
        .unwrap();
    if let Some(zone) = &section.zone {
        connection.batch_execute(&format!("SET timezone = '{zone}'")).await.unwrap();
    }
    connection
}

/// Whether the statement has to know the bound of a partition: a session that knows it already does
/// not look at the parent again.
fn uses_rows(sql: &str) -> bool {
    const WORDS: [&str; 11] = [
        "insert", "update", "delete", "merge", "copy", "with", "select", "table", "explain",
        "declare", "lock",
    ];
    sql.split("; ").any(|statement| WORDS.iter().any(|word| statement.starts_with(word)))
}

async fn run(cluster: &Cluster, section: &Section, report: &mut Report) {
    let mut place = prepare(cluster, section).await;
    for case in &section.statements {
        if !place.fresh && uses_rows(&case.sql) {
            place.connection = connect(&place.target, section).await;
        }
        place.fresh = false;
        let Place { target, connection, catalog, known, .. } = &place;
        let mut claim = Claim::default();
        let said = claim.add(&case.sql, catalog, known).map(|()| claim);
        let outcome = observe(connection, target, &case.sql, known, End::Rollback).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{}: {error:?}", case.sql));
        let (observed, sight) = match outcome {
            Outcome::Done { effects, sight } => (Ok(effects), sight),
            Outcome::Failed(why) => {
                if case.generated {
                    report.refused(&case.sql, cluster.major(), &why.message, said.is_err());
                    continue;
                }
                (Err(why.message), Sight::Recorded)
            }
        };
        let built = match (case.expected, &observed) {
            (Expected::Exact, Ok(observed)) => {
                compare_builds(&observed.messages, &said, |name| known.has_named(name))
            }
            _ => Vec::new(),
        };
        let mut wrong = match (case.expected, &observed, &said) {
            (Expected::Fails, Err(_), Ok(_)) => Vec::new(),
            (Expected::Fails, _, _) => vec!["the server should fail, and alone".to_owned()],
            (Expected::Less, Ok(observed), Ok(said)) => not_within(observed, &said.effects),
            (Expected::Unseen, Ok(_), Ok(said)) if !said.opaque => {
                vec!["not said to be opaque".to_owned()]
            }
            (Expected::More | Expected::Unseen, Ok(observed), Ok(said)) => {
                not_within(&said.effects, observed)
            }
            (Expected::Exact | Expected::Less | Expected::More | Expected::Unseen, _, _) => {
                compare(&observed, &said, sight, None)
            }
        };
        wrong.extend(built);
        let end = section.setup.chars().count().saturating_sub(70);
        let setup: String = section.setup.chars().skip(end).collect();
        let id = format!("{}   [{setup}]", case.sql);
        report.add(&case.sql, &id, cluster.major(), wrong);
        if matches!(sight, Sight::Outside { .. }) {
            let Place { connection, .. } = place;
            connection.close().await;
            cluster.drop_database("work").await.unwrap();
            place = prepare(cluster, section).await;
        }
    }
    place.connection.close().await;
    cluster.drop_database("work").await.unwrap();
}
