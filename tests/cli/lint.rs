//! `airlock lint` as a user meets it.

use crate::project::{Project, Ran};
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

fn statements(ran: &Ran) -> Vec<Value> {
    ran.json()["statements"].as_array().unwrap().clone()
}

fn codes(statement: &Value) -> Vec<&str> {
    statement["hazards"].as_array().unwrap().iter().map(|h| h["code"].as_str().unwrap()).collect()
}

/// A folder of Flyway in which the second file has a hazard.
fn shop() -> Project {
    let project = Project::empty();
    std::fs::create_dir(project.path("sql")).unwrap();
    project.write(
        "sql/V1__users.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, email text, created date);\n\
         ALTER TABLE users ALTER COLUMN created SET NOT NULL;\n",
    );
    project.write("sql/V2__email.sql", "ALTER TABLE users ALTER COLUMN email SET NOT NULL;\n");
    project
}

fn with_input(project: &Project, arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = project.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_table_of_an_earlier_file_is_in_use_and_one_of_this_file_is_not() {
    let ran = shop().run(&["lint", "sql", "--format", "json"]).expect(4);
    let found = statements(&ran);
    let verdicts: Vec<&str> = found.iter().map(|s| s["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["safe", "safe", "blocking"]);
    assert!(codes(&found[2]).contains(&"AL010"));
    assert_eq!(found[2]["locks"][0]["relation"], "public.users");
    assert_eq!(found[2]["locks"][0]["mode"], "ACCESS EXCLUSIVE");
    assert_eq!(found[2]["scans"], serde_json::json!(["public.users"]));
    assert_eq!(ran.json()["assumed"], serde_json::json!([]));
}

#[test]
fn the_terminal_shows_the_sql_underlined() {
    let text = shop().run(&["lint", "sql"]).expect(4).stdout;
    let lines: Vec<&str> = text.lines().collect();
    let marked = lines.iter().position(|line| line.contains("ALTER COLUMN email")).unwrap();
    assert!(
        lines.iter().any(|line| line.starts_with("error[AL010 set-not-null-scans]: ")),
        "{text}"
    );
    assert!(lines.iter().any(|line| line.contains("--> sql/V2__email.sql:1:")), "{text}");
    assert!(lines.iter().any(|line| line.trim_start().starts_with("1 | ALTER TABLE")), "{text}");
    assert!(lines[marked..].iter().any(|line| line.contains("^^^^")), "{text}");
    assert!(lines.last().unwrap().starts_with("2 files, 3 statements, PostgreSQL 18: "), "{text}");
}

#[test]
fn an_error_in_one_file_hides_no_other() {
    let project = shop();
    project.write("sql/V3__broken.sql", "CREATE TABLE a ();\r\nSELEC 1;\r\nCREATE TABLE b ();\r\n");
    for (format, mark) in [
        ("text", "V3__broken.sql:2:1"),
        ("json", "syntax error at or near"),
        ("markdown", "V3__broken.sql:2"),
        ("sarif", "\"startLine\": 2"),
        ("github", "V3__broken.sql,line=2,endLine=2,col=1,endColumn=5"),
        ("gitlab", "\"begin\": 2"),
        ("junit", "V3__broken.sql:2:1"),
    ] {
        let ran = project.run(&["lint", "sql", "--format", format]).expect(2);
        assert!(ran.stdout.contains(mark), "{format}: {}", ran.stdout);
        assert!(ran.stdout.contains("AL010"), "{format}: {}", ran.stdout);
        assert_eq!(ran.stderr, "", "{format}");
    }
    let ran = project.run(&["lint", "sql", "--format", "json"]).expect(2);
    assert_eq!(statements(&ran).len(), 5);
}

#[test]
fn a_base_is_known_and_not_reported() {
    let ran =
        shop().run(&["lint", "--base", "sql", "sql/V2__email.sql", "--format", "json"]).expect(4);
    assert_eq!(statements(&ran).len(), 1);
    assert_eq!(ran.json()["assumed"], serde_json::json!([]));
    let alone = shop().run(&["lint", "sql/V2__email.sql", "--format", "json"]).expect(4);
    assert_eq!(alone.json()["assumed"], serde_json::json!(["public.users"]));
}

/// The hazard of this code among those of a statement.
fn hazard<'a>(statement: &'a serde_json::Value, code: &str) -> &'a serde_json::Value {
    let hazards = statement["hazards"].as_array().unwrap();
    hazards.iter().find(|hazard| hazard["code"] == code).unwrap()
}

#[test]
fn what_is_allowed_does_not_count_and_what_is_not_there_is_said() {
    let project = shop();
    project.write(
        "sql/V2__email.sql",
        "-- airlock: allow AL010 \"small\"\nALTER TABLE users ALTER COLUMN email SET NOT NULL;\n\
         -- airlock: allow-file AL016 \"never\"\n",
    );
    let ran = project.run(&["lint", "sql", "--format", "json"]).expect(0).json();
    assert_eq!(hazard(&ran["statements"][2], "AL010")["allowed"]["reason"], "small");
    assert_eq!(ran["unused_suppressions"][0]["line"], 3);
    project.run(&["lint", "sql", "--fail-on", "warning"]).expect(4);
    // The words that `plan` knows count too.
    project.write(
        "sql/V2__email.sql",
        "-- airlock: allow blocking \"small\"\nALTER TABLE users ALTER COLUMN email SET NOT NULL;\n",
    );
    project.run(&["lint", "sql"]).expect(0);
    project.write("sql/V2__email.sql", "-- airlock: allow AL010\nSELECT 1;\n");
    let ran = project.run(&["lint", "sql"]).expect(2);
    assert!(ran.stdout.contains("reason is missing"), "{}", ran.stdout);
}

#[test]
fn settings_allow_and_weigh() {
    let project = shop();
    let settings = "[[lint.ignore]]\nhazard = 'set-not-null-scans'\npath = 'sql/V2*'\n\
                    reason = 'small'\n[[lint.ignore]]\nhazard = 'AL016'\nreason = 'never'\n";
    project.write("airlock.toml", settings);
    let ran = project.run(&["lint", "sql", "--format", "json"]).expect(0).json();
    assert_eq!(hazard(&ran["statements"][2], "AL010")["allowed"]["by"], "settings");
    assert_eq!(ran["unused_suppressions"].as_array().unwrap().len(), 1);
    project.write("airlock.toml", "[lint]\nfail_on = 'info'\n[lint.severity]\nAL010 = 'info'\n");
    project.run(&["lint", "sql"]).expect(4);
    project.run(&["lint", "sql", "--fail-on", "error"]).expect(0);
    for bad in [
        "[[lint.ignore]]\nhazard = 'AL010'\n",
        "[[lint.ignore]]\nhazard = 'AL010'\nreason = ''\n",
        "[[lint.ignore]]\nhazard = 'AL999'\nreason = 'x'\n",
        "[[lint.ignore]]\nhazard = 'AL010'\npath = '[['\nreason = 'x'\n",
        "[lint]\nfail_on = 'sometimes'\n",
        "[lint]\npostgres = 9\n",
        "[lint]\ntool = 'liquibase'\n",
        "[lint.severity]\nAL010 = 'off'\n",
    ] {
        project.write("airlock.toml", bad);
        let ran = project.run(&["lint", "sql"]).expect(2);
        assert!(ran.stderr.starts_with("error: "), "{bad}: {}", ran.stderr);
    }
}

#[test]
fn nonsense_is_refused_in_words() {
    let project = Project::empty();
    std::fs::create_dir(project.path("empty")).unwrap();
    for (arguments, words) in [
        (&["lint", "missing.sql"][..], "cannot read missing.sql"),
        (&["lint", "empty"], "has no SQL files"),
        (&["lint"], "cannot read migrations"),
        (&["lint", "-", "--pg", "9"], "14..=18"),
        (&["lint", "-", "--tool", "liquibase"], "flyway"),
        (&["lint", "-", "--catalog", "missing.json"], "airlock catalog"),
        (&["history", "--format", "sarif"], "airlock lint"),
    ] {
        let ran = project.run(arguments).expect(2);
        assert!(ran.stderr.contains(words), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    project.write("other.json", "{}");
    let ran = project.run(&["lint", "-", "--catalog", "other.json"]).expect(2);
    assert!(ran.stderr.contains("is not a saved catalog"), "{}", ran.stderr);
}

#[test]
fn standard_input_and_odd_bytes() {
    let project = Project::empty();
    let lint = |input: &[u8]| with_input(&project, &["lint", "-", "--format", "json"], input);
    assert_eq!(statements(&lint(b"").expect(0)).len(), 0);
    let ran = lint(b"\xEF\xBB\xBFCREATE TABLE t ();\r\nSELECT 'x\r\ny';\r\n").expect(0);
    assert_eq!(statements(&ran)[1]["line"], 2);
    let problem = |ran: Ran| ran.json()["files"][0]["problems"][0].clone();
    let binary = problem(lint(b"\x00\x01\xFF\xFE\x7FELF").expect(2));
    assert_eq!(binary["kind"], "not-sql");
    let nul = problem(lint(b"SELECT 1;\nSELECT \0;").expect(2));
    assert_eq!((&nul["line"], &nul["column"]), (&2.into(), &8.into()));
    let utf16 = problem(lint(b"\xFF\xFES\0E\0").expect(2));
    assert!(utf16["hint"].as_str().unwrap().contains("UTF-16"), "{utf16}");
}

/// Every document is what its schema says.
#[test]
fn output_is_what_the_schema_says() {
    let project = shop();
    let schema = project.run(&["schema", "lint"]).expect(0).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let valid = |ran: &Ran| {
        let document = ran.json();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|e| format!("{e} at {}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{}", ran.stdout);
    };
    project.write(
        "sql/V3__more.sql",
        "-- airlock: allow AL010 \"why\"\nALTER TABLE users ALTER COLUMN email SET NOT NULL;\n\
         -- airlock: allow-file AL001 \"unused\"\nCREATE INDEX ON \"Odd \"\"name\" (a);\nSELEC;\n\
         DO $$ BEGIN EXECUTE 'x'; END $$;\nREINDEX TABLE users;\n\\i x\n-- airlock: bogus\nVACUUM FULL users;",
    );
    valid(&project.run(&["lint", "sql", "--format", "json"]).expect(2));
    valid(&with_input(&project, &["lint", "-", "--format", "json"], b""));
    valid(&project.run(&["lint", "missing", "--format", "json"]).expect(2));
}

#[test]
fn sarif_and_the_others_are_well_formed() {
    let project = shop();
    project.write("sql/V3__x.sql", "ALTER TABLE \"<&>\" ALTER COLUMN \"]]>\" SET NOT NULL;\n");
    let run = |format: &str| project.run(&["lint", "sql", "--format", format]).expect(4);
    let sarif = run("sarif").json();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let gitlab = run("gitlab").json();
    assert_eq!(gitlab.as_array().unwrap().len(), results.len());
    let junit = run("junit").stdout;
    assert!(
        !junit.contains("<&>") && junit.contains(&format!("failures=\"{}\"", results.len())),
        "{junit}"
    );
    let github = run("github").stdout;
    assert_eq!(github.lines().count(), results.len(), "{github}");
}

#[test]
fn two_revisions_of_one_id_are_an_error() {
    let project = Project::new();
    project.revision("aaaaaaaaaaaa", "none", "CREATE TABLE a (id int);");
    project.run(&["lint"]).expect(0);
    let text = project.read("migrations/aaaaaaaaaaaa.sql");
    project.write("migrations/b.sql", text.clone());
    let ran = project.run(&["lint"]).expect(2);
    assert!(ran.stdout.contains("two revisions have the id aaaaaaaaaaaa"), "{ran:?}");
    assert!(ran.stdout.contains("migrations/b.sql:1:1"), "{ran:?}");
    project.run(&["history"]).expect(2);
    // A folder of its own is a history of its own.
    std::fs::remove_file(project.path("migrations/b.sql")).unwrap();
    std::fs::create_dir(project.path("migrations/old")).unwrap();
    project.write("migrations/old/b.sql", text);
    project.run(&["lint"]).expect(0);
}

#[test]
fn a_pipe_in_a_folder_is_not_waited_for() {
    let project = Project::new();
    project.revision("aaaaaaaaaaaa", "none", "CREATE TABLE a (id int);");
    let pipe = project.path("migrations/f.sql");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for arguments in [
        &["history"][..],
        &["lint"],
        &["import", "migrations", "--dry-run"],
        &["diff", "migrations", "empty"],
    ] {
        let ran = project.run(arguments).expect(2);
        assert!(ran.stderr.contains("cannot read"), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains("migrations/f.sql"), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains("It is not a regular file."), "{arguments:?}: {ran:?}");
    }
    // A link to a file is one.
    std::fs::remove_file(&pipe).unwrap();
    std::fs::rename(project.path("migrations/aaaaaaaaaaaa.sql"), project.path("a.sql")).unwrap();
    std::os::unix::fs::symlink("../a.sql", project.path("migrations/aaaaaaaaaaaa.sql")).unwrap();
    assert!(project.run(&["history"]).expect(0).stdout.contains("aaaaaaaaaaaa"));
}
