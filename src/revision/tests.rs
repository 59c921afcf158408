//! Revision files and their graph, as a specification.

use super::*;
use proptest::prelude::*;

const FILE: &str = "\
-- revision: a1b2c3d4e5f6
-- parents: 000000000001, 000000000002
-- message: add email: to users
-- created: 2026-11-21T09:35:12Z
-- An ordinary comment

-- upgrade
ALTER TABLE users ADD email text;
DO $$ BEGIN
-- downgrade
END $$;
-- downgrade
ALTER TABLE users DROP email;
-- verify
SELECT * FROM users WHERE email IS NULL;
SELECT true
";

fn read(text: &str) -> Revision {
    file::read("migrations/20261121093512_add_email.sql", text)
        .unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn a_file_is_a_header_and_sections() {
    let revision = read(FILE);
    assert_eq!(revision.id.as_str(), "a1b2c3d4e5f6");
    assert_eq!(revision.parents.len(), 2);
    assert_eq!(revision.message, "add email: to users");
    assert_eq!(revision.created.to_string(), "2026-11-21T09:35:12Z");
    assert_eq!(revision.stem(), "20261121093512_add_email");
    let script = revision.upgrade_script().unwrap();
    assert_eq!(script.statements.len(), 2, "a line in a dollar quote begins no section");
    assert_eq!(script.statements[0].line, 8);
    assert_eq!(revision.verify_queries().unwrap().len(), 2);
    assert!(FILE[revision.downgrade.clone().unwrap()].contains("DROP email"));
}

#[test]
fn windows_line_ends_and_letter_case_of_sections_do_not_matter() {
    let revision = read(&FILE.replace('\n', "\r\n").replace("-- verify", "--  Verify"));
    assert_eq!(revision.message, "add email: to users");
    assert_eq!(revision.upgrade_script().unwrap().statements.len(), 2);
    assert_eq!(revision.digest(), read(FILE).digest());
}

#[test]
fn an_unterminated_string_is_the_parsers_to_report() {
    let revision = read(&FILE.replace("email text", "email text DEFAULT 'x"));
    let error = revision.upgrade_script().unwrap_err();
    assert_eq!(error.diagnostic().message, "unterminated quoted string");
}

#[test]
fn only_queries_verify() {
    let revision = read(&FILE.replace("SELECT true", "DELETE FROM users"));
    let error = revision.verify_queries().unwrap_err();
    assert_eq!(&revision.text[error.diagnostic().span.range()], "DELETE FROM users");
}

/// What is said about a file, with the marked texts.
fn complaints(text: &str) -> Vec<String> {
    match file::read("x.sql", text).expect_err(text) {
        RevisionError::Malformed { diagnostics, .. } => diagnostics
            .iter()
            .map(|found| format!("{} [{}]", found.message, &text[found.span.range()]))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_wrong_with_a_file_is_said_at_once_with_its_place() {
    let change = |from: &str, to: &str| {
        let text = FILE.replace(from, to);
        assert_ne!(text, FILE, "{from}");
        complaints(&text).join("; ")
    };
    let found = [
        complaints("").join("; "),
        complaints("SELECT 1;\n").join("; "),
        change("-- message", "-- massage"),
        change("-- parents: 000000000001, 000000000002", "-- revision: aaaa"),
        change("a1b2c3d4e5f6", "A1"),
        change("000000000002", "000000000001"),
        change("000000000002", ""),
        change("2026-11-21T", "yesterday "),
        change("-- verify", "-- upgrade"),
        change("-- upgrade", "-- upgrade:"),
        change("-- An ordinary comment", "CREATE TABLE x ();"),
        change("-- An ordinary comment", "-- airlock: batch"),
        change("add email: to users", ""),
    ];
    insta::assert_snapshot!(found.join("\n"));
}

fn revision(id: &str, parents: &[&str], minute: i64) -> Revision {
    let id = id.parse().unwrap();
    let parents: Vec<RevisionId> = parents.iter().map(|id| id.parse().unwrap()).collect();
    let created = jiff::Timestamp::from_second(minute * 60).unwrap();
    let text = file::write(&id, &parents, "m", created);
    file::read(&format!("migrations/{id}.sql"), &text).unwrap()
}

fn order(graph: &Graph) -> Vec<&str> {
    graph.revisions().iter().map(|revision| revision.id.as_str()).collect()
}

#[test]
fn parents_come_first_and_then_the_older() {
    let graph = Graph::build(vec![
        revision("dddd", &["bbbb", "cccc"], 0),
        revision("cccc", &["aaaa"], 5),
        revision("bbbb", &["aaaa"], 9),
        revision("aaaa", &[], 10),
    ])
    .unwrap();
    assert_eq!(order(&graph), ["aaaa", "cccc", "bbbb", "dddd"]);
    assert_eq!(graph.heads().len(), 1);
    let ids = |of: &str| -> Vec<String> {
        let found = graph.ancestors(&of.parse().unwrap());
        found.iter().map(|revision| revision.id.to_string()).collect()
    };
    assert_eq!(ids("bbbb"), ["aaaa"]);
    assert_eq!(ids("dddd"), ["aaaa", "cccc", "bbbb"]);
}

#[test]
fn what_does_not_hang_together_is_named() {
    let build = |revisions| Graph::build(revisions).unwrap_err().to_string();
    let found = [
        build(vec![revision("aaaa", &[], 0), revision("aaaa", &[], 1)]),
        build(vec![revision("aaaa", &["gone"], 0)]),
        build(vec![revision("aaaa", &["aaaa"], 0)]),
        build(vec![
            revision("root", &[], 0),
            revision("aaaa", &["root", "cccc"], 0),
            revision("bbbb", &["aaaa"], 1),
            revision("cccc", &["bbbb"], 2),
            revision("head", &["cccc"], 3),
        ]),
        Graph::build(vec![
            revision("root", &[], 0),
            revision("bbbb", &["root"], 1),
            revision("aaaa", &["root"], 2),
        ])
        .unwrap()
        .linear()
        .unwrap_err()
        .to_string(),
    ];
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn a_revision_is_found_by_id_prefix_path_or_as_the_head() {
    let graph =
        Graph::build(vec![revision("abcd1", &[], 0), revision("abce2", &["abcd1"], 1)]).unwrap();
    let find = |wanted: &str| graph.find(wanted).map(|revision| revision.id.to_string());
    for (wanted, id) in [
        ("abcd1", "abcd1"),
        ("abcd", "abcd1"),
        ("head", "abce2"),
        ("migrations/abce2.sql", "abce2"),
        ("./migrations/abce2.sql", "abce2"),
        ("abce2.sql", "abce2"),
    ] {
        assert_eq!(find(wanted), Ok(id.to_owned()));
    }
    assert!(matches!(find("abc"), Err(RevisionError::Ambiguous { .. })));
    assert!(matches!(find("x"), Err(RevisionError::Unknown { .. })));
    assert!(matches!(find(""), Err(RevisionError::Unknown { .. })));
    assert_eq!(Graph::default().find("head"), Err(RevisionError::Empty));
}

#[test]
fn names_of_new_files_are_plain() {
    let time = "2026-11-21T09:35:12Z".parse().unwrap();
    assert_eq!(file::name("Add e-mail  (users)!", time), "20261121093512_add_e_mail_users.sql");
    assert_eq!(file::name("../..", time), "20261121093512_revision.sql");
    assert_eq!(file::name(&"long ".repeat(30), time).len(), 15 + 39 + 4);
}

proptest! {
    #[test]
    fn what_is_written_is_read(number: u64, message in "\\PC{1,60}", parents in 0u64..4) {
        prop_assume!(!message.trim().is_empty());
        let id = RevisionId::from_number(number);
        let parents: Vec<RevisionId> = (0..parents).map(RevisionId::from_number).collect();
        let created = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let text = file::write(&id, &parents, &message, created);
        let found = file::read("x.sql", &text).unwrap();
        prop_assert_eq!(found.message.split_whitespace().collect::<Vec<_>>(),
                        message.split_whitespace().collect::<Vec<_>>());
        prop_assert_eq!((found.id, found.parents, found.created), (id, parents, created));
        prop_assert!(found.downgrade.is_some() && found.verify.is_some());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(-- |[a-z]{0,9}:?|\n|\r\n|é|\\$\\$|upgrade|created|'){0,30}") {
        if let Err(RevisionError::Malformed { diagnostics, .. }) = file::read("x.sql", &text) {
            prop_assert!(!diagnostics.is_empty());
            for found in diagnostics {
                prop_assert!(text.get(found.span.range()).is_some());
            }
        }
    }
}
