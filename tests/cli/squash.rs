//! A line of revisions becomes one: databases that have all, a part, or none of it.

use crate::downgrade::both_ways;
use crate::offline_sql::{psql, run};
use crate::project::Project;
use crate::site::Site;

/// A line of five with schema and data; `root` comes before and `last` after what is squashed.
fn line(p: &Project) {
    both_ways(
        p,
        "root",
        "none",
        "CREATE TABLE a (id bigint PRIMARY KEY, n text);",
        "DROP TABLE a;",
    );
    both_ways(
        p,
        "bbbb",
        "root",
        "ALTER TABLE a ADD COLUMN m text -- no semicolon",
        "ALTER TABLE a DROP COLUMN m;",
    );
    both_ways(
        p,
        "cccc",
        "bbbb",
        "CREATE TABLE roles (id bigint PRIMARY KEY, name text NOT NULL, gone int);\n\
         INSERT INTO roles VALUES (1, 'it''s; admin'), (2, 'user');",
        "DROP TABLE roles;\n-- verify\nSELECT id FROM roles WHERE gone IS NOT NULL;",
    );
    let verify = "SELECT count(*) = 2 FROM roles;\nSELECT true -- yes\n";
    both_ways(
        p,
        "dddd",
        "cccc",
        "ALTER TABLE roles ADD COLUMN rank int;\nUPDATE roles SET rank = id;\nCREATE INDEX a_m ON a (m);\n\
         ALTER TABLE roles DROP COLUMN gone;",
        &format!(
            "DROP INDEX a_m;\nALTER TABLE roles DROP COLUMN rank;\n\
             ALTER TABLE roles ADD COLUMN gone int;\n-- verify\n{verify}"
        ),
    );
    both_ways(p, "last", "dddd", "CREATE TABLE z (id int);", "DROP TABLE z;");
}

fn up(site: &Site, target: &str) {
    site.run(&["upgrade", target, "--through", "contract"]).expect(0);
}

async fn schema(site: &Site) -> Vec<String> {
    airlock::catalog::fingerprint(&site.client).await.unwrap()
}

#[tokio::test]
async fn databases_that_have_all_of_it_none_of_it_and_a_part() {
    let (all, none) = (Site::new("squash_all").await, Site::new("squash_none").await);
    let part = Site::new("squash_part").await;
    for site in [&all, &none, &part] {
        line(&site.project);
        site.run(&["sum"]).expect(0);
    }
    up(&all, "dddd");
    up(&none, "root");
    up(&part, "cccc");
    let (before, rows) =
        (schema(&none).await, "SELECT string_agg(r::text, ' ' ORDER BY id) FROM roles r");
    let (after, has) = (schema(&all).await, all.value(rows).await);

    // What is to be written is shown first.
    let shown = all.run(&["squash", "bbbb:dddd", "--dry-run"]).expect(0);
    assert!(
        shown.stdout.starts_with("-- revision: dddd\n-- parents: root\n-- replaces: bbbb="),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stderr.contains("gone IS NOT NULL") && shown.stderr.contains("left out"),
        "{}",
        shown.stderr
    );
    assert_eq!(all.states().len(), 5);
    // The database that has a part is refused before, and after.
    let refused = part.run(&["squash", "bbbb:dddd"]).expect(4).stderr;
    assert!(refused.contains("a part of the range, up to cccc"), "{refused}");
    for site in [&all, &none] {
        let said = site.run(&["squash", "bbbb:dddd", "-m", "roles"]).expect(0).stdout;
        assert!(said.contains("bbbb, cccc, dddd are one revision now: dddd"), "{said}");
        assert!(!site.project.path("migrations/bbbb.sql").exists());
        let text = site.project.read("migrations/dddd.sql");
        assert_eq!(text, site.project.read("migrations/dddd.sql"));
        assert!(
            text.contains("-- message: roles\n") && text.contains("INSERT INTO roles"),
            "{text}"
        );
        let stems: Vec<String> = std::fs::read_dir(site.project.path("plans"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert!(stems.iter().all(|stem| stem == "root.toml"), "{stems:?}");
        site.run(&["sum", "--check"]).expect(0);
        site.run(&["test"]).expect(0);
    }

    // All of it: nothing of it is pending or odd.
    assert_eq!(all.states(), ["done", "done", "pending"]);
    let check = all.run(&["check", "--quick"]).expect(0).stdout;
    assert!(check.contains("1 pending"), "{check}");
    assert!(all.run(&["current"]).expect(0).stdout.starts_with("dddd"));
    let shown = all.run(&["show", "dddd", "--format", "json"]).expect(0).json();
    assert_eq!(shown["revisions"][0]["replaces"], serde_json::json!(["bbbb", "cccc"]));
    assert_eq!(shown["revisions"][0]["changed"], false);
    let ran = all.run(&["upgrade", "--through", "contract"]).expect(0);
    assert!(!ran.stderr.contains("changed"), "{}", ran.stderr);
    all.run(&["downgrade", "-1", "--yes"]).expect(0);
    assert!(all.run(&["downgrade", "root"]).expect(4).stderr.contains("public.roles"));
    all.run(&["downgrade", "root", "--yes"]).expect(0);
    assert_eq!(schema(&all).await, before);
    assert!(all.run(&["current"]).expect(0).stdout.starts_with("root"));
    assert_eq!(all.states(), ["done", "rolled-back", "rolled-back"]);
    up(&all, "dddd");
    assert_eq!((schema(&all).await, all.value(rows).await), (after.clone(), has.clone()));

    // None of it.
    up(&none, "dddd");
    assert_eq!((schema(&none).await, none.value(rows).await), (after, has));
    none.run(&["downgrade", "root", "--yes"]).expect(0);
    assert_eq!(schema(&none).await, before);

    // A part.
    let squashed = none.project.read("migrations/dddd.sql");
    let files = ["bbbb", "cccc"].map(|id| format!("migrations/{id}.sql"));
    let old: Vec<String> = files.iter().map(|path| part.project.read(path)).collect();
    let dddd = part.project.read("migrations/dddd.sql");
    part.project.write("migrations/dddd.sql", &squashed);
    // With the old ones beside it nothing runs.
    let both = part.run(&["upgrade"]).expect(2).stderr;
    assert!(both.contains("bbbb was squashed into dddd and is still there"), "{both}");
    part.run(&["current"]).expect(0);
    files.iter().for_each(|path| std::fs::remove_file(part.project.path(path)).unwrap());
    part.run(&["sum"]).expect(0);
    for command in [&["upgrade"][..], &["upgrade", "--sql"], &["downgrade", "base", "--yes"]] {
        let refused = part.run(command).expect(3).stderr;
        assert!(refused.contains("a part of what was squashed into revision dddd"), "{refused}");
        assert!(refused.contains("files of before the squash"), "{refused}");
    }
    let check = part.run(&["check", "--quick"]).expect(3).stdout;
    assert!(check.contains("cccc ran, and dddd, into which it was squashed, has not"), "{check}");
    // The way out.
    files.iter().zip(&old).for_each(|(path, text)| part.project.write(path, text));
    part.project.write("migrations/dddd.sql", dddd);
    part.run(&["sum"]).expect(0);
    up(&part, "dddd");
    part.run(&["squash", "bbbb:dddd"]).expect(0);
    assert_eq!(part.states(), ["done", "done", "pending"]);
    up(&part, "head");
}

#[tokio::test]
async fn a_script_knows_parts_too() {
    let Some(psql) = psql() else { return };
    let (all, part) = (Site::new("squash_sql_all").await, Site::new("squash_sql_part").await);
    for site in [&all, &part] {
        line(&site.project);
    }
    up(&all, "dddd");
    let before = {
        up(&part, "root");
        schema(&part).await
    };
    up(&part, "cccc");
    all.run(&["squash", "bbbb:dddd"]).expect(0);
    let mut alone =
        all.project.command(&["upgrade", "--sql", "root:dddd", "--through", "contract"]);
    let output = alone.env_remove("DATABASE_URL").output().unwrap();
    let script = String::from_utf8(output.stdout).unwrap();
    let refused = run(&psql, &part, &script).expect(3).stderr;
    assert!(refused.contains("a part of what was squashed into dddd"), "{refused}");
    run(&psql, &all, &script).expect(0);
    let down = all.run(&["downgrade", "--sql", "root"]).expect(0).stdout;
    run(&psql, &all, &down).expect(0);
    assert_eq!(schema(&all).await, before);
    assert!(all.run(&["current"]).expect(0).stdout.starts_with("root"));
    run(&psql, &all, &script).expect(0);
    run(&psql, &all, &down).expect(0);
    assert_eq!(schema(&all).await, before);
    // Stamping takes the parts along.
    up(&all, "dddd");
    all.run(&["stamp", "root"]).expect(0);
    let rows = "SELECT string_agg(revision, ' ' ORDER BY revision) FROM airlock.rollout";
    assert_eq!(all.value(rows).await, "root");
}

#[tokio::test]
async fn stamping_below_takes_the_parts_along() {
    let site = Site::new("squash_stamp").await;
    line(&site.project);
    up(&site, "dddd");
    site.run(&["squash", "bbbb:dddd"]).expect(0);
    site.run(&["stamp", "root"]).expect(0);
    let rows = "SELECT string_agg(revision, ' ' ORDER BY revision) FROM airlock.rollout";
    assert_eq!(site.value(rows).await, "root");
    site.run(&["stamp", "dddd"]).expect(0);
    assert_eq!(site.value(rows).await, "dddd root");
    assert_eq!(site.states(), ["done", "done", "pending"]);
}

#[test]
fn what_cannot_be_one_is_refused_and_nothing_is_written() {
    let project = Project::new();
    line(&project);
    both_ways(&project, "side", "cccc", "CREATE TABLE s (id int);", "DROP TABLE s;");
    let files = || {
        let mut found: Vec<(String, String)> = std::fs::read_dir(project.path("migrations"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
            .collect();
        found.sort();
        found
    };
    let refused = |range: &str, code: i32, words: &[&str]| {
        let before = files();
        let said = project.run(&["squash", range]).expect(code).stderr;
        words.iter().for_each(|word| assert!(said.contains(word), "{word}\n{said}"));
        assert_eq!(before, files());
    };
    refused("bbbb:dddd", 4, &["a branch begins at revision cccc", "side comes after it too"]);
    refused("bbbb", 2, &["is no range"]);
    refused("dddd:dddd", 2, &["nothing to squash"]);
    refused("dddd:bbbb", 2, &["nothing to squash"]);
    both_ways(&project, "join", "last, side", "", "");
    refused("last:join", 4, &["branches come together in revision join"]);
    for id in ["join", "side"] {
        std::fs::remove_file(project.path(&format!("migrations/{id}.sql"))).unwrap();
    }
    // A setting would reach into the next one.
    let set = "SET search_path = public;\nCREATE TABLE e (id int);";
    both_ways(&project, "eeee", "last", set, "DROP TABLE e;");
    both_ways(&project, "ffff", "eeee", "CREATE TABLE f (id int);", "DROP TABLE f;");
    refused("last:ffff", 4, &["would reach into", "migrations/eeee.sql:7"]);
    // One way back among others is missing.
    project.revision("eeee", "last", "CREATE TABLE e (id int);");
    refused("last:ffff", 4, &["eeee has no downgrade section", "--no-downgrade"]);
    project.run(&["squash", "last:ffff", "--no-downgrade", "--dry-run"]).expect(0);
    // Another revision has to run between two of the range.
    let text = project
        .read("migrations/ffff.sql")
        .replace("-- message", "-- depends-on: side\n-- message");
    project.write("migrations/ffff.sql", text);
    both_ways(&project, "side", "last", "CREATE TABLE s (id int);", "DROP TABLE s;");
    refused("last:ffff", 4, &["a branch begins at revision last"]);
    both_ways(&project, "side", "root", "CREATE TABLE s (id int);", "DROP TABLE s;");
    let side = project
        .read("migrations/side.sql")
        .replace("-- message", "-- depends-on: eeee\n-- message");
    project.write("migrations/side.sql", side);
    both_ways(&project, "eeee", "last", "CREATE TABLE e (id int);", "DROP TABLE e;");
    refused("last:ffff", 4, &["cannot stand as one revision", "circle"]);
    std::fs::remove_file(project.path("migrations/side.sql")).unwrap();
    // Two changes of type need a gate between them.
    let types = ["text USING id::text", "bigint USING id::bigint"];
    let change = |ty: &str| format!("ALTER TABLE e ALTER COLUMN id TYPE {ty};");
    both_ways(&project, "ffff", "eeee", &change(types[0]), &change("int USING id::int"));
    both_ways(&project, "gggg", "ffff", &change(types[1]), &change(types[0]));
    refused(
        "ffff:gggg",
        4,
        &["no safe plan", "gggg.sql as it would be:", "blocks the application"],
    );
    std::fs::remove_file(project.path("migrations/gggg.sql")).unwrap();
    // What fails fails.
    both_ways(&project, "ffff", "eeee", "SELECT 1 / 0;", "SELECT 1;");
    refused("last:ffff", 1, &["division by zero"]);
}

#[test]
fn dependants_follow_and_an_interruption_is_finished() {
    let project = Project::new();
    line(&project);
    both_ways(&project, "side", "none", "CREATE TABLE s (id int);", "DROP TABLE s;");
    let side = project
        .read("migrations/side.sql")
        .replace("-- message", "-- depends-on: cccc, root\n-- message");
    project.write("migrations/side.sql", side);
    let bbbb = project.read("migrations/bbbb.sql");
    let cccc = project.read("migrations/cccc.sql");
    project.run(&["sum"]).expect(0);
    let ran = project.run(&["squash", "bbbb:dddd", "--format", "json"]).expect(0).json();
    assert_eq!(ran["changed"], serde_json::json!(["migrations/side.sql"]));
    assert!(project.read("migrations/side.sql").contains("-- depends-on: dddd, root\n"));
    let after = project.read("migrations/airlock.sum");
    // As if it had been killed after the one revision was written: the others are still there.
    project.write("migrations/bbbb.sql", &bbbb);
    project.write("migrations/cccc.sql", &cccc);
    project.write("migrations/airlock.sum", "sum old\n");
    assert!(project.run(&["history"]).expect(2).stderr.contains("run it again: it finishes"));
    let said = project.run(&["squash", "bbbb:dddd"]).expect(0);
    assert!(said.stdout.contains("dddd stands for bbbb, cccc now"), "{}", said.stdout);
    assert_eq!(project.read("migrations/airlock.sum"), after);
    project.run(&["history"]).expect(0);
    // A file that has changed since is not deleted.
    project.write("migrations/bbbb.sql", bbbb.replace("COLUMN m text", "COLUMN m bigint"));
    let refused = project.run(&["squash", "bbbb:dddd"]).expect(4).stderr;
    assert!(refused.contains("bbbb.sql has changed since"), "{refused}");
    std::fs::remove_file(project.path("migrations/bbbb.sql")).unwrap();
    // A branch of git that began at one of them.
    both_ways(&project, "late", "cccc", "CREATE TABLE l (id int);", "DROP TABLE l;");
    let said = project.run(&["heads"]).expect(2).stderr;
    assert!(said.contains("cccc was squashed into dddd") && said.contains("Write dddd"), "{said}");
    std::fs::remove_file(project.path("migrations/late.sql")).unwrap();
    // What was squashed can be squashed again.
    project.run(&["squash", "root:dddd"]).expect(0);
    let text = project.read("migrations/dddd.sql");
    let line = text.lines().find(|line| line.starts_with("-- replaces:")).unwrap();
    assert_eq!(line.matches("dddd=").count(), 2, "{line}");
    assert!(line.contains("root=") && line.contains("bbbb="), "{line}");
    project.run(&["test", "last"]).expect(0);
}

#[test]
fn a_difference_instead_of_the_way_loses_no_statement() {
    let project = Project::new();
    line(&project);
    let lost = project.run(&["squash", "bbbb:dddd", "--diff"]).expect(4).stderr;
    assert!(lost.contains("migrations/cccc.sql:8") && lost.contains("would be lost"), "{lost}");
    both_ways(&project, "eeee", "last", "CREATE TABLE e (a int, b text);", "DROP TABLE e;");
    both_ways(
        &project,
        "ffff",
        "eeee",
        "ALTER TABLE e DROP COLUMN b, ADD COLUMN c text NOT NULL;",
        "",
    );
    both_ways(&project, "gggg", "ffff", "CREATE INDEX e_c ON e (c);", "DROP INDEX e_c;");
    project.run(&["squash", "eeee:gggg", "--diff"]).expect(0);
    let text = project.read("migrations/gggg.sql");
    assert!(!text.contains(" b ") && text.contains("DROP TABLE"), "{text}");
    let tested = project.run(&["test", "--strict"]).expect(0).stdout;
    assert!(tested.contains("6 of 6"), "{tested}");
}
