//! Reports as a reader sees them, styles taken out.

use super::estimate::Speed;
use super::*;
use crate::catalog::Catalog;
use crate::error::{Error, Excerpt, Kind};
use crate::lock::LockMode;
use crate::plan::{
    Action, Backfill, Change, FORMAT, Gate, Note, NoteKind, Phase, Plan, PlannedRevision,
    PlannedStatement, RelationLock, Step, Undo, Work, WorkKind,
};
use crate::sql::{Diagnostic, QualifiedName, Span};
use anstream::adapter::strip_str;

mod running;

fn plain(text: &str) -> String {
    strip_str(text).to_string()
}

fn broken(text: &str, word: &str) -> Error {
    let start = text.find(word).unwrap();
    let message = "syntax error at or near \"TABEL\"";
    let mut error = Error::new(Kind::Input, message).hint("Look at it.\nTwice.");
    error.excerpt = Some(Box::new(Excerpt {
        path: "migrations/x.sql".to_owned(),
        text: text.to_owned(),
        diagnostics: vec![Diagnostic::new(message, Span::new(start, start + word.len()))],
    }));
    error
}

#[test]
fn an_error_in_sql_is_marked_where_it_is() {
    let text = "-- upgrade\n\tALTER 'größe' TABEL t;\nSELECT 1;\n";
    insta::assert_snapshot!(plain(&error::text(&broken(text, "TABEL"))));
}

#[test]
fn several_places_are_shown_each_with_its_own_words() {
    let mut error = broken("one TABEL\ntwo\nthree", "TABEL");
    error.message = "x.sql is not a revision file".to_owned();
    let excerpt = error.excerpt.as_mut().unwrap();
    excerpt.diagnostics.push(Diagnostic::new("no end", Span::new(19, 19)).hint("End it."));
    insta::assert_snapshot!(plain(&error::text(&error)));
}

#[test]
fn an_error_without_sql_is_words() {
    let error = Error::new(Kind::Retry, "the lock was not had")
        .detail("Last in the way:\n  pid 7")
        .hint("Try again.");
    insta::assert_snapshot!(plain(&error::text(&error)));
}

#[test]
fn a_place_outside_of_the_text_does_no_harm() {
    let mut error = broken("TABEL é", "TABEL");
    error.excerpt.as_mut().unwrap().diagnostics[0].span = Span::new(7, 900);
    assert!(error::text(&error).contains("TABEL"));
}

#[test]
fn what_comes_from_outside_cannot_drive_the_terminal() {
    let error = Error::new(Kind::Failed, "bad \x1b[2J\u{202e}thing").detail("\x07\x1b]0;x\x07");
    let shown = plain(&error::text(&error));
    assert!(!shown.contains(['\x1b', '\x07', '\u{202e}']), "{shown:?}");
    let mut error = broken("SELECT '\x1b[2J' TABEL", "TABEL");
    error.excerpt.as_mut().unwrap().path = "\x1b[31m.sql".to_owned();
    assert!(!plain(&error::text(&error)).contains("\x1b"));
}

#[test]
fn an_error_as_json_has_its_places() {
    let text = "-- é\nALTER TABEL t;";
    insta::assert_json_snapshot!(error::json(&broken(text, "TABEL")));
}

fn name(name: &str) -> QualifiedName {
    QualifiedName::new("public", name)
}

fn lock(table: &str, mode: LockMode) -> RelationLock {
    RelationLock { relation: name(table), mode }
}

fn work(kind: WorkKind) -> Vec<Work> {
    vec![Work { kind, relation: name("users") }]
}

fn plan_of_two_statements() -> Plan {
    let step = |id: &str, phase, statements: &[usize], why: &str, action, locks, work, undo| Step {
        id: id.to_owned(),
        phase,
        statements: statements.to_vec(),
        why: why.to_owned(),
        action,
        locks,
        work,
        undo,
    };
    let short = || Action::Transaction { sql: vec!["SELECT 1".to_owned()] };
    let backfill = Action::Backfill(Backfill {
        relation: name("users"),
        alias: "t".to_owned(),
        change: Change::Update { set: "email = ''".to_owned(), from: None },
        predicate: "email IS NULL".to_owned(),
        fires_triggers: false,
        repeat: false,
    });
    Plan {
        format: FORMAT,
        revision: PlannedRevision {
            id: "a1b2c3d4e5f6".to_owned(),
            parents: vec![],
            message: "m".to_owned(),
            digest: String::new(),
        },
        server: 18,
        search_path: vec![],
        settings: std::collections::BTreeMap::new(),
        digest: String::new(),
        notes: vec![Note {
            kind: NoteKind::ColumnOrder,
            text: "email comes last,\nafter age".to_owned(),
        }],
        gates: vec![Gate { before: Phase::Contract, until: "the new version is out".to_owned() }],
        statements: vec![
            PlannedStatement {
                number: 1,
                line: 8,
                sql: "ALTER TABLE users\n    ADD email text NOT NULL".to_owned(),
                locks: vec![lock("users", LockMode::AccessExclusive)],
                work: work(WorkKind::Rewrite),
            },
            PlannedStatement {
                number: 2,
                line: 11,
                sql: "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users".to_owned(),
                locks: vec![
                    lock("orders", LockMode::ShareRowExclusive),
                    lock("users", LockMode::ShareRowExclusive),
                ],
                work: work(WorkKind::Validate),
            },
        ],
        steps: vec![
            step(
                "expand-1",
                Phase::Expand,
                &[1],
                "add the column",
                short(),
                vec![lock("users", LockMode::AccessExclusive)],
                vec![],
                Undo::Nothing,
            ),
            step(
                "migrate-1",
                Phase::Migrate,
                &[1],
                "fill the rows that exist",
                backfill,
                vec![lock("users", LockMode::RowExclusive)],
                work(WorkKind::RowChanges),
                Undo::Irreversible { why: "the values replace what was there".to_owned() },
            ),
            step(
                "contract-1",
                Phase::Contract,
                &[],
                "drop what is left over",
                short(),
                vec![],
                vec![],
                Undo::Nothing,
            ),
        ],
        facts: vec![],
    }
}

/// A catalog in which `public.users` has this many bytes.
fn catalog(bytes: u64) -> Catalog {
    let relation = serde_json::json!({
        "name": "public.users", "kind": "table", "owner": "o", "owned_by_us": true,
        "persistence": "permanent", "estimated_rows": null, "table_bytes": bytes,
        "index_bytes": bytes / 2, "empty": false, "created_here": false, "columns": [],
        "constraints": [], "indexes": [], "triggers": [], "rules": [], "policies": [],
        "row_security": false, "force_row_security": false, "replica_identity": "default",
        "publications": [], "statistics": [], "privileges": null, "options": [], "comment": null,
        "access_method": null, "tablespace": null, "parents": [], "children": [],
        "partition_bound": null, "partition_key": null, "view_definition": null,
        "dependants": [], "owned_by": null,
    });
    let mut catalog = Catalog { sizes_known: true, ..Catalog::default() };
    catalog.relations.insert(name("users"), serde_json::from_value(relation).unwrap());
    catalog
}

#[test]
fn the_impact_table_puts_as_written_beside_as_planned() {
    let plan = plan_of_two_statements();
    insta::assert_snapshot!(plain(&impact::text(
        &plan,
        Some(&catalog(20 << 30)),
        Speed::default()
    )));
}

#[test]
fn without_sizes_the_table_claims_no_times() {
    let plan = plan_of_two_statements();
    insta::assert_snapshot!(plain(&impact::text(&plan, None, Speed::default())));
}

#[test]
fn impact_as_json() {
    insta::assert_json_snapshot!(impact::json(
        &plan_of_two_statements(),
        Some(&catalog(1 << 30)),
        Speed::default()
    ));
}

#[test]
fn a_plan_in_outline() {
    insta::assert_snapshot!(plain(&plan::text(&plan_of_two_statements())));
}

#[test]
fn estimates_are_said_as_roughly_as_they_are_known() {
    use std::time::Duration;
    let words = |seconds: u64| estimate::words(Duration::from_secs(seconds));
    assert_eq!(
        [0, 7, 89, 200, 7_000, 200_000].map(words),
        ["< 1 s", "~7 s", "~89 s", "~3 min", "~2 h", "~2 days"]
    );
    assert_eq!(
        [0, 900, 8_192, 20 << 30, 3 << 50].map(estimate::size),
        ["0 bytes", "900 bytes", "8.0 kB", "20 GB", "3072 TB"]
    );
}
