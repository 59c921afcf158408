//! Everything that needs no database.

use crate::project::Project;
use std::process::Stdio;

#[test]
fn init_makes_what_is_missing_and_touches_nothing_else() {
    let project = Project::empty();
    let first = project.run(&["init", "--format", "json"]).expect(0).json();
    assert_eq!(first["made"].as_array().unwrap().len(), 3);
    project.write("airlock.toml", "migrations = 'sql'\n");
    let again = project.run(&["init", "--format", "json"]).expect(0).json();
    assert_eq!(again["made"], serde_json::json!(["sql"]));
    assert_eq!(project.read("airlock.toml"), "migrations = 'sql'\n");
    assert!(project.path("sql").is_dir() && project.path("plans").is_dir());
}

#[test]
fn new_revisions_stand_on_the_head() {
    let project = Project::new();
    let make = |message: &str| {
        project.run(&["revision", "-m", message, "--format", "json"]).expect(0).json()
    };
    let first = make("add users");
    let second = make("Add e-mail / größe");
    assert_eq!(first["parents"], serde_json::json!([]));
    assert_eq!(second["parents"], serde_json::json!([first["revision"]]));
    let path = second["path"].as_str().unwrap();
    assert!(path.starts_with("migrations/") && path.ends_with("_add_e_mail_größe.sql"), "{path}");
    let history = project.run(&["history"]).expect(0).stdout;
    let lines: Vec<&str> = history.lines().collect();
    assert!(lines[0].contains("add users") && lines[1].contains("unknown"), "{history}");
}

#[test]
fn usage_errors_exit_with_2_and_change_nothing() {
    let project = Project::new();
    for arguments in [
        &["nonsense"][..],
        &[],
        &["upgrade", "--max-stall", "50"],
        &["upgrade", "--jobs", "many"],
        &["upgrade", "--through", "everything"],
        &["upgrade", "--on-blocker", "shoot"],
        &["history", "--format", "yaml"],
        &["plan", "a", "b"],
        &["revision"],
        &["revision", "-m", "  "],
        &["plan", "nothing-like-it"],
        &["upgrade"],
        &["status"],
        &["contract"],
        &["rollback"],
        &["history", "-c", "missing.toml"],
        &["upgrade", "--database-url", "mysql://localhost/x"],
    ] {
        let ran = project.run(arguments).expect(2);
        assert!(ran.stdout.is_empty(), "{arguments:?}: {}", ran.stdout);
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(std::fs::read_dir(project.path("migrations")).unwrap().count(), 0);
}

#[test]
fn limits_that_make_no_sense_are_refused_before_anything_starts() {
    let project = Project::new();
    for arguments in [
        ["upgrade", "--jobs", "0"],
        ["upgrade", "--max-stall", "0s"],
        ["upgrade", "--bloat-limit", "150%"],
    ] {
        project.run(&arguments).expect(2);
    }
}

#[test]
fn without_a_project_the_hint_is_init() {
    let ran = Project::empty().run(&["history"]).expect(2);
    assert!(ran.stderr.contains("airlock init"), "{}", ran.stderr);
}

#[test]
fn a_syntax_error_is_marked_under_the_token() {
    let project = Project::new();
    project.revision("aaaa", "none", "ALTER TABLE users ADD a int;\nALTER TABEL users ADD b int;");
    insta::assert_snapshot!(project.run(&["plan"]).shown());
}

#[test]
fn every_mistake_in_a_file_has_its_place() {
    for (what, upgrade) in [
        ("psql", "\\connect other"),
        ("directive", "-- airlock: batsch\nDELETE FROM t;"),
        ("unterminated", "SELECT 'abc;"),
        ("copy", "COPY t FROM stdin;\n1\n\\.\n"),
    ] {
        let project = Project::new();
        project.revision("aaaa", "none", upgrade);
        let ran = project.run(&["plan"]).expect(2);
        insta::assert_snapshot!(what, ran.stderr);
    }
}

#[test]
fn an_error_as_json_is_the_only_thing_on_stdout() {
    let project = Project::new();
    project.revision("aaaa", "none", "SELECT 1,;");
    let ran = project.run(&["plan", "--format", "json"]).expect(2);
    let place = &ran.json()["error"]["places"][0];
    assert_eq!(place["path"], "migrations/aaaa.sql");
    assert_eq!((&place["line"], &place["column"]), (&7.into(), &10.into()));
    assert_eq!(ran.stderr, "");
}

#[test]
fn files_that_are_no_revisions_are_named() {
    let project = Project::new();
    let refused = |name: &str, bytes: &[u8]| {
        project.write(name, bytes);
        let ran = project.run(&["history"]).expect(2);
        std::fs::remove_file(project.path(name)).unwrap();
        ran.stderr
    };
    let latin1 = refused("migrations/x.sql", b"-- revision: aaaa\n-- message: caf\xE9\n");
    assert!(latin1.contains("not UTF-8") && latin1.contains("x.sql:2:16"), "{latin1}");
    let plain = refused("migrations/y.sql", b"CREATE TABLE t ();\n");
    assert!(plain.contains("y.sql is not a revision file"), "{plain}");
    project.revision("aaaa", "none", "");
    let copy = project.read("migrations/aaaa.sql");
    let twice = refused("migrations/copy.sql", copy.as_bytes());
    assert!(twice.contains("two revisions have the id aaaa"), "{twice}");
    // Not read: hidden files, other names.
    project.write("migrations/.backup.sql", "x");
    project.write("migrations/notes.md", "x");
    project.run(&["history"]).expect(0);
}

#[test]
fn several_heads_are_named_and_refused() {
    let project = Project::new();
    project.revision("aaaa", "none", "");
    project.revision("bbbb", "aaaa", "");
    project.revision("cccc", "aaaa", "");
    let ran = project.run(&["revision", "-m", "another"]).expect(2);
    assert!(ran.stderr.contains("several heads: bbbb, cccc"), "{}", ran.stderr);
}

#[test]
fn a_settings_file_with_a_mistake_says_where() {
    let project = Project::new();
    project.write("airlock.toml", "[limits]\nmax_stal = \"50ms\"\n");
    insta::assert_snapshot!(project.run(&["history"]).expect(2).stderr);
}

#[test]
fn a_database_that_is_down_is_one_clear_message() {
    let project = Project::new();
    project.revision("aaaa", "none", "");
    let url = "postgresql://someone:secret@127.0.0.1:1/nothing";
    let ran = project.run(&["upgrade", "--database-url", url]).expect(1);
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("127.0.0.1:1"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn colour_is_used_only_when_asked_for_or_on_a_terminal() {
    let mut project = Project::empty();
    let has_colour = |project: &Project, arguments: &[&str]| {
        project.run(arguments).expect(2).stderr.contains('\x1b')
    };
    assert!(!has_colour(&project, &["history"]));
    assert!(has_colour(&project, &["history", "--color", "always"]));
    project.set("CLICOLOR_FORCE", "1");
    assert!(has_colour(&project, &["history"]));
    assert!(!has_colour(&project, &["history", "--color", "never"]));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let project = Project::new();
    project.revision("aaaa", "none", "");
    let mut child = project
        .command(&["history"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
