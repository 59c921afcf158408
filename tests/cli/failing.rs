//! What is said when a run fails, or its result cannot be written: the place in the file, and what can
//! be done that really works.

use crate::project::Project;
use crate::site::{STATUS, Site};
use std::process::Stdio;

/// `foo` comes with the first statement, but not for this type.
const FAILS: &str = "ALTER TABLE users ADD COLUMN status text;\n\
    -- airlock: allow opaque \"nothing is locked\"\n\
    DO $$ BEGIN PERFORM nowhere(1); END $$;";

#[tokio::test]
async fn a_step_that_fails_names_the_place_and_what_can_be_done() {
    let site = Site::new("step_fails").await;
    site.project.revision("aaaa", "none", FAILS);
    let ran = site.run(&["upgrade"]).expect(1);
    assert!(ran.stderr.contains("could not run step migrate-1"), "{}", ran.stderr);
    assert!(ran.stderr.contains("migrations/aaaa.sql:9:1"), "{}", ran.stderr);
    let json = site.run(&["upgrade", "--format", "json"]).expect(1).json();
    let place = &json["error"]["places"][0];
    assert_eq!((&place["path"], &place["line"]), (&"migrations/aaaa.sql".into(), &9.into()));
    let told = &json["error"];
    assert_eq!((&told["step"], &told["sqlstate"]), (&"migrate-1".into(), &"42883".into()));

    // The corrected file: what is said leads to the end.
    site.project.revision("aaaa", "none", STATUS);
    let ran = site.run(&["upgrade"]).expect(3);
    assert!(ran.stderr.contains("take it back first (`airlock rollback`)"), "{}", ran.stderr);
    let ran = site.run(&["plan", "aaaa"]).expect(3);
    assert!(ran.stderr.contains("take it back (`airlock rollback`)"), "{}", ran.stderr);
    site.run(&["rollback"]).expect(0);
    site.run(&["plan", "aaaa"]).expect(0);
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    assert!(site.has_column("status").await);
}

#[tokio::test]
async fn what_the_application_added_at_the_gate_is_told_with_what_helps() {
    let site = Site::new("added_at_gate").await;
    site.project.revision("aaaa", "none", STATUS);
    site.run(&["upgrade"]).expect(0);
    site.client.batch_execute("CREATE VIEW v AS SELECT status FROM users").await.unwrap();
    let ran = site.run(&["contract"]).expect(3);
    assert!(ran.stderr.contains("Drop what is new there"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("Make the plan again"), "{}", ran.stderr);
    let ran = site.run(&["rollback"]).expect(1);
    assert!(ran.stderr.contains("Drop what depends on it"), "{}", ran.stderr);
    site.client.batch_execute("DROP VIEW v").await.unwrap();
    site.run(&["rollback"]).expect(0);
    assert!(!site.has_column("status").await);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_result_that_cannot_be_written_is_a_failure() {
    let site = Site::new("unwritten").await;
    site.project.revision("aaaa", "none", STATUS);
    for arguments in [
        &["upgrade", "--sql"][..],
        &["dump"],
        &["history"],
        &["history", "--format", "json"],
        &["completions", "bash"],
        &["--help"],
        &["lint", "--format", "sarif"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = site.project.command(arguments).stdout(full).output().unwrap();
        // 4: findings.
        let code = if arguments[0] == "lint" { 4 } else { 1 };
        assert_eq!(ran.status.code(), Some(code), "{arguments:?}");
        if !arguments.contains(&"--help") {
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(said.contains("cannot write the result to standard output"), "{said}");
        }
    }
    // A reader that has seen enough is none.
    let mut child = site.project.command(&["man"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn settings_are_checked_wherever_they_are_read_and_the_file_is_named() {
    let project = Project::new();
    for (text, said) in [
        ("[lint]\nfail_on = \"x\"\n", "airlock.toml: lint.fail_on is `x`"),
        ("[lint]\ntool = \"x\"\n", "airlock.toml: lint.tool is `x`"),
        ("[lint.severity]\nx = \"info\"\n", "airlock.toml: lint.severity: unknown hazard `x`"),
        (
            "[schema]\npath = \"a.sql\"\ncommand = \"cat a.sql\"\n",
            "airlock.toml: [schema] names both a path and a command",
        ),
        ("[[hook]]\non = [\"start\"]\n", "airlock.toml: a hook has no command"),
        ("[limits]\njobs = 0\n", "airlock.toml: jobs is 0"),
        ("[limits]\nmax_hold = \"1ms\"\n", "airlock.toml: max_hold is 1ms"),
    ] {
        project.write("airlock.toml", text);
        for command in ["heads", "lint"] {
            let ran = project.run(&[command]).expect(2);
            assert!(ran.stderr.contains(said), "{command}: {}", ran.stderr);
        }
    }
    // What the command line says is not the file's.
    project.write("airlock.toml", "");
    let ran = project.run(&["upgrade", "--max-hold", "1ms"]).expect(2);
    assert!(!ran.stderr.contains("airlock.toml: max_hold"), "{}", ran.stderr);
    project.write("airlock.toml", "[throttle]\nslot_bytes = 1073741824\n");
    project.run(&["heads"]).expect(0);
    project.write("airlock.toml", "[throttle]\nslot_bytes = -1\n");
    assert!(project.run(&["heads"]).expect(2).stderr.contains("expected a size"));
}

#[test]
fn nothing_is_written_where_everything_is_there() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new();
    let folder = project.path("");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    let before = std::fs::metadata(&folder).unwrap().modified().unwrap();
    let ran = project.run(&["init"]).expect(0);
    assert!(ran.stdout.contains("airlock.toml is there already"), "{}", ran.stdout);
    // Root may write anywhere: a file beside it would show here.
    assert_eq!(std::fs::metadata(&folder).unwrap().modified().unwrap(), before);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_a_plan_cannot_stand_for_is_said_by_trace_and_import_too() {
    let project = Project::new();
    std::fs::create_dir(project.path("db")).unwrap();
    project.write("db/V1__a.sql", "CREATE TABLE t (id int);\nBEGIN;\nDELETE FROM t;\nROLLBACK;\n");
    let ran = project.run(&["trace", "db/V1__a.sql"]).expect(4);
    assert!(ran.stderr.contains("db/V1__a.sql:4:1"), "{}", ran.stderr);
    let ran = project.run(&["import", "db", "--dry-run"]).expect(0);
    assert!(ran.stderr.contains("`airlock plan` will refuse it"), "{}", ran.stderr);
    assert!(ran.stderr.contains("ROLLBACK takes back"), "{}", ran.stderr);
}
