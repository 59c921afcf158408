//! Variables of revision files: bound as values, never as text, and part of what a plan's digest covers.

use crate::project::Project;
use crate::site::Site;

fn write(project: &Project, id: &str, variables: &str, upgrade: &str) {
    project.write(
        &format!("migrations/{id}.sql"),
        format!(
            "-- revision: {id}\n-- parents: none\n-- message: about {id}\n\
             -- created: 2026-01-01T00:00:00Z\n-- variables: {variables}\n\n-- upgrade\n{upgrade}\n"
        ),
    );
}

const UPGRADE: &str = "ALTER TABLE users ADD COLUMN plan text DEFAULT :'plan';\n\
    ALTER TABLE users ADD COLUMN :\"extra\" int DEFAULT :days;\n\
    COMMENT ON COLUMN users.plan IS ':plan of $$ :days';";

#[tokio::test]
async fn values_come_from_flags_environments_and_defaults_and_are_only_values() {
    let site = Site::new("variables_bound").await;
    write(&site.project, "aaaa", "plan, extra, days = 30", UPGRADE);
    let url = site.project.variable("DATABASE_URL");
    site.project.write(
        "airlock.toml",
        format!(
            "[variables]\nplan = \"it's; DROP TABLE users; --\"\nextra = 'unused'\n\
             [env.here]\ndatabase_url = '{url}'\n[env.here.variables]\nextra = 'Days \"left\"'\n"
        ),
    );
    site.run(&["upgrade", "--env", "here", "--set", "days=14"]).expect(0);
    let value = site.value("SELECT plan || '|' || \"Days \"\"left\"\"\" FROM users LIMIT 1").await;
    assert_eq!(value, "it's; DROP TABLE users; --|14");
    let comment = site.value("col_description('users'::regclass, 3)").await;
    assert_eq!(comment, ":plan of $$ :days", "within a string nothing is a variable");

    // What ran is what the values were: with others the revision counts as changed.
    let changed = |arguments: &[&str]| {
        let json = site.run(&[arguments, &["--format", "json"]].concat()).expect(0).json();
        json["revisions"][0]["changed"].as_bool().unwrap()
    };
    assert!(!changed(&["status", "--env", "here", "--set", "days=14"]));
    assert!(changed(&["status", "--env", "here"]));
    // The source is shown as it was written.
    let shown = site.run(&["show", "aaaa", "--source", "--env", "here"]).expect(0).stdout;
    assert!(shown.contains("DEFAULT :days;"), "{shown}");
}

#[tokio::test]
async fn the_same_revision_with_another_value_is_another_plan() {
    let site = Site::new("variables_planned").await;
    write(&site.project, "aaaa", "plan, extra, days = 30", UPGRADE);
    let set = |days: &'static str| ["--set", "plan=a", "--set", "extra=b", "--set", days];
    site.run(&[&["plan"], &set("days=1")[..]].concat()).expect(0);
    let plan = site.project.read("plans/aaaa.toml");
    assert!(plan.contains("DEFAULT 1"), "{plan}");
    let other = site.run(&[&["upgrade", "--reviewed"], &set("days=2")[..]].concat()).expect(3);
    assert!(other.stderr.contains("was made for another migration"), "{}", other.stderr);
    assert!(!site.has_column("plan").await);
    site.run(&[&["upgrade", "--reviewed"], &set("days=1")[..]].concat()).expect(0);
    assert_eq!(site.value("SELECT b FROM users LIMIT 1").await, "1");
}

#[tokio::test]
async fn a_script_for_psql_holds_the_values() {
    let site = Site::new("variables_script").await;
    write(&site.project, "aaaa", "plan, extra, days = 30", UPGRADE);
    let set = ["--set", "plan=a'b", "--set", "extra=X"];
    let script = site.run(&[&["upgrade", "--sql"], &set[..]].concat()).expect(0).stdout;
    assert!(script.contains("'a''b'") && script.contains("\"X\""), "{script}");
    assert!(!script.contains(":'plan'") && !script.contains(":days;"), "{script}");
}

#[test]
fn what_has_no_value_or_cannot_stand_there_is_said_with_its_place() {
    let project = Project::new();
    let lint = |arguments: &[&str], code: i32| {
        let ran = project.run(&[&["lint"], arguments].concat()).expect(code);
        format!("{}{}", ran.stdout, ran.stderr)
    };
    write(
        &project,
        "aaaa",
        "owner, days",
        "CREATE TABLE t (a int DEFAULT :days);\nALTER TABLE t OWNER TO :\"owner\";",
    );
    let said = lint(&["--set", "days=1"], 2);
    assert!(said.contains("variable `owner` has no value"), "{said}");
    assert!(said.contains("aaaa.sql:9:24"), "{said}");
    assert!(said.contains("--set owner="), "{said}");
    // What needs no statements does not care.
    project.run(&["history"]).expect(0);
    project.run(&["heads"]).expect(0);

    let said = lint(&["--set", "days=1 + 1", "--set", "owner=o"], 2);
    assert!(said.contains("cannot stand there without quotes"), "{said}");
    let said = project.run(&["heads", "--set", "dais=1"]).expect(2).stderr;
    assert!(said.contains("Did you mean `days`?"), "{said}");
}

#[test]
fn places_of_what_is_found_are_those_of_the_file_as_written() {
    let project = Project::new();
    let table = "a_table_with_a_name_that_is_much_longer_than_its_variable";
    write(
        &project,
        "aaaa",
        "t",
        "ALTER TABLE :\"t\" ADD COLUMN a int; ALTER TABLE :\"t\" DROP COLUMN b;",
    );
    let set = format!("t={table}");
    let json = project.run(&["lint", "--format", "json", "--set", &set]).json();
    let text = serde_json::to_string(&json).unwrap();
    assert!(text.contains(table), "hazards speak of the table that is meant: {text}");
    let written = project.read("migrations/aaaa.sql");
    let statements = json["statements"].as_array().unwrap();
    let found: Vec<_> =
        statements.iter().flat_map(|one| one["hazards"].as_array().unwrap()).collect();
    assert!(!found.is_empty(), "{text}");
    for place in found.into_iter().chain(statements) {
        let at = |end: &str| usize::try_from(place["span"][end].as_u64().unwrap()).unwrap();
        let marked = &written[at("start")..at("end")];
        assert!(
            [":\"t\"", "ALTER TABLE", "ADD COLUMN a int", "DROP COLUMN b"]
                .iter()
                .any(|it| marked.starts_with(it)),
            "{marked}"
        );
        assert!(!marked.ends_with(';'), "{marked}");
    }
}

#[test]
fn a_file_that_declares_nothing_is_as_it_always_was() {
    let project = Project::new();
    project.revision("aaaa", "none", "SELECT a[lo:hi] FROM t;");
    project.run(&["lint", "--set", "hi=1"]).expect(0);
    project.revision("aaaa", "none", "SELECT :'owner';");
    let said = project.run(&["lint"]).expect(2);
    let said = format!("{}{}", said.stdout, said.stderr);
    assert!(said.contains("syntax error"), "{said}");
    let said = project.run(&["heads", "--set", "ownr=1"]).expect(2).stderr;
    assert!(said.contains("no revision declares a variable `ownr`"), "{said}");
    for header in ["1x", "a, a", "a b"] {
        write(&project, "aaaa", header, "SELECT 1;");
        let said = project.run(&["heads"]).expect(2).stderr;
        assert!(said.contains("variable"), "{header}: {said}");
    }
}
