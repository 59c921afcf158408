//! Targets, as a specification.

use super::*;
use crate::error::Error;
use crate::revision::file;

fn revision(id: &str, header: &str, minute: i64) -> Revision {
    let created = jiff::Timestamp::from_second(minute * 60).unwrap();
    let text = format!(
        "-- revision: {id}\n-- message: m\n-- created: {}\n{header}\n-- upgrade\n",
        created.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
    file::read(&format!("migrations/0{minute}_{id}.sql"), &text).unwrap()
}

/// `root – aaa1 – join – last`, with `bbb1 – bbb2` (label cart) beside `aaa1`; `side` by itself,
/// depending on `aaa1`.
fn graph() -> Graph {
    Graph::build(vec![
        revision("root", "-- parents: none", 1),
        revision("aaa1", "-- parents: root", 2),
        revision("bbb1", "-- parents: root\n-- labels: cart", 3),
        revision("bbb2", "-- parents: bbb1", 4),
        revision("join", "-- parents: aaa1, bbb2", 5),
        revision("last", "-- parents: join", 6),
        revision("side", "-- parents: none\n-- depends-on: aaa1\n-- labels: lone", 7),
    ])
    .unwrap()
}

fn said(found: Result<Vec<&Revision>, RevisionError>) -> String {
    match found {
        Ok(found) => ids(&found).iter().map(RevisionId::as_str).collect::<Vec<_>>().join(" "),
        Err(error) => {
            let shown = Error::from(error);
            format!("! {}; {}", shown.message, shown.detail.or(shown.hint).unwrap_or_default())
        }
    }
}

fn applied(ids: &str) -> Vec<RevisionId> {
    ids.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

#[test]
fn places() {
    let graph = graph();
    let applied = applied("root aaa1 bbb1");
    let targets = Targets::new(&graph).with(&applied);
    let all = [
        "heads",
        "head",
        "base",
        "current",
        "roo",
        "aaa",
        "bbb",
        "cart",
        "cart@head",
        "lone@head",
        "cart@bbb",
        "cart@aaa1",
        "nope@head",
        "root+1",
        "root+9",
        "aaa1+1",
        "aaa1+2",
        "aaa1+3",
        "join-1",
        "last-1",
        "aaa1-1",
        "aaa1-2",
        "aaa1-3",
        "+1",
        "lone@+1",
        "lone@+2",
        "cart@+2",
        "cart@+9",
        "-1",
        "-2",
        "-9",
        "cart@-1",
        "migrations/06_last.sql",
        "./migrations/06_last.sql",
        "06_last",
        "migrations/a-b.sql",
        "",
        "@",
        "@head",
        "x@",
        "a@b@c",
        "++",
        "root+",
        "hed",
        "root+99999999999999999999",
        "cart@current",
    ];
    let lines: Vec<String> =
        all.iter().map(|text| format!("{text:<26} {}", said(targets.place(text)))).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(
        said(Targets::new(&graph).place("current")),
        "! `current` counts from where a database is, and none is asked here; Give the revision's id."
    );
}

#[test]
fn what_an_upgrade_needs_and_a_downgrade_takes_back() {
    let graph = graph();
    let some = applied("root bbb1 aaa1 bbb2 join");
    let targets = Targets::new(&graph).with(&some);
    let mut lines = Vec::new();
    for text in ["heads", "last", "lone@head", "cart@head", "+1", "cart@+1", "base", "-1"] {
        lines.push(format!("up   {text:<12} {}", said(targets.upgrade(text))));
    }
    for text in [
        "base",
        "-1",
        "-2",
        "-3",
        "-6",
        "root",
        "aaa1",
        "bbb1",
        "join",
        "join-1",
        "bbb2-1",
        "last",
        "current",
        "cart@base",
        "cart@-1",
        "cart@-2",
        "lone@base",
        "+1",
        "-0",
        "cart@-0",
    ] {
        lines.push(format!("down {text:<12} {}", said(targets.downgrade(text))));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn ranges_hold_both_ends() {
    let graph = graph();
    let applied = applied("root aaa1");
    let targets = Targets::new(&graph).with(&applied);
    let all = [
        "root:join",
        "aaa1:join",
        "bbb1:",
        ":aaa1",
        ":",
        "base:current",
        "-1:last",
        "-1:current",
        "root:+1",
        "aaa1:+1",
        "-1:+1",
        "aaa1:bbb1",
        "x:y",
        "join",
    ];
    let lines: Vec<String> =
        all.iter().map(|text| format!("{text:<14} {}", said(targets.range(text)))).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// Whatever ran, a downgrade takes back nothing that something left there needs.
#[test]
fn what_is_left_is_whole() {
    let graph = graph();
    let all: Vec<RevisionId> = graph.revisions().iter().map(|of| of.id.clone()).collect();
    let targets = Targets::new(&graph).with(&all);
    for text in
        ["-1", "-2", "-3", "-4", "-5", "-6", "-7", "base", "root", "aaa1", "bbb2", "cart@base"]
    {
        let mut left: Vec<&RevisionId> = all.iter().collect();
        for gone in targets.downgrade(text).unwrap() {
            left.retain(|id| **id != gone.id);
            for id in &left {
                let revision = graph.get(id.as_str()).unwrap();
                assert!(revision.requirements().all(|before| left.contains(&before)), "{text}");
            }
        }
    }
}
