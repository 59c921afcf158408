//! Repeatable objects: `migrations/repeatable/*.sql`, applied again whenever their meaning has changed.

use crate::site::{STATUS, Site};

fn write(site: &Site, name: &str, text: &str) {
    std::fs::create_dir_all(site.project.path("migrations/repeatable")).unwrap();
    site.project.write(&format!("migrations/repeatable/{name}.sql"), text);
}

fn states(site: &Site) -> Vec<(String, String)> {
    let json = site.run(&["status", "--format", "json"]).expect(0).json();
    let text = |found: &serde_json::Value| found.as_str().unwrap().to_owned();
    let all = json["revisions"].as_array().unwrap().iter();
    all.map(|found| (text(&found["revision"]), text(&found["state"]))).collect()
}

fn state(site: &Site, id: &str) -> String {
    let found = states(site).into_iter().find(|(known, _)| known == id);
    found.map(|(_, state)| state).unwrap_or_default()
}

const GREETING: &str = "CREATE OR REPLACE FUNCTION greeting(who text) RETURNS text LANGUAGE sql
AS $$ SELECT 'hello ' || who $$;\n";

#[tokio::test]
async fn views_and_functions_are_applied_after_the_revisions_and_again_when_they_change() {
    let site = Site::new("repeatable_again").await;
    site.project.revision("aaaa", "none", STATUS);
    // By name the view would come first; it needs the function, and the new column.
    write(
        &site,
        "active",
        "-- depends-on: greeting\nCREATE OR REPLACE VIEW active AS SELECT id, greeting(status) AS said FROM users;\n\
         GRANT SELECT ON active TO PUBLIC;",
    );
    write(&site, "greeting", GREETING);
    assert_eq!(state(&site, "active-again"), "pending");
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    assert_eq!(site.value("SELECT said FROM active WHERE id = 1").await, "hello N1");
    assert_eq!(state(&site, "active-again"), "done");
    let said = site.run(&["upgrade"]).expect(0);
    assert!(said.stdout.contains("Up to date"), "{said:?}");
    site.run(&["check", "--quick"]).expect(0);

    // Comments and layout are no change; another meaning is.
    write(&site, "greeting", &GREETING.replace("CREATE OR", "-- why\ncreate or"));
    let said = site.run(&["upgrade"]).expect(0);
    assert!(said.stdout.contains("Up to date"), "{said:?}");
    write(&site, "greeting", &GREETING.replace("hello", "good day"));
    let shown = site.run(&["status"]).expect(0).stdout;
    assert!(shown.contains("changed") && shown.contains("repeatable"), "{shown}");
    assert_eq!(state(&site, "greeting-again"), "pending");
    let json = site.run(&["check", "--quick", "--format", "json"]).expect(0).json();
    assert_eq!(json["pending"], 1);
    let shown = site.run(&["plan"]).expect(0).stdout;
    assert!(shown.contains("greeting-again"), "{shown}");
    let ran = site.run(&["upgrade", "--format", "json"]).expect(0).json();
    assert_eq!(ran["revisions"].as_array().unwrap().len(), 1, "{ran}");
    assert_eq!(site.value("SELECT said FROM active WHERE id = 1").await, "good day N1");
    // A view gets another column at its end.
    write(
        &site,
        "active",
        "-- depends-on: greeting\nCREATE OR REPLACE VIEW active AS SELECT id, greeting(status) AS said, name FROM users;",
    );
    site.run(&["upgrade"]).expect(0);
    assert_eq!(site.value("SELECT name FROM active WHERE id = 1").await, "n1");
    assert_eq!(site.value("has_table_privilege('public', 'active', 'SELECT')").await, "true");

    // A script does without them, and says so.
    let said = site.run(&["upgrade", "--sql"]).expect(0).stderr;
    assert!(said.contains("repeatable files are not part of the script"), "{said}");

    // They are taken back by their files, and are in nobody's way.
    let said = site.run(&["rollback", "greeting-again"]).expect(4).stderr;
    assert!(said.contains("repeatable object"), "{said}");
    let current = site.run(&["current"]).expect(0).stdout;
    assert!(current.contains("aaaa") && !current.contains("again"), "{current}");
}

#[tokio::test]
async fn one_that_fails_leaves_nothing_half_done_and_runs_once_it_is_mended() {
    let site = Site::new("repeatable_fails").await;
    write(
        &site,
        "two",
        "CREATE OR REPLACE VIEW one AS SELECT id FROM users;\nCREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;",
    );
    site.run(&["upgrade"]).expect(0);
    let broken = "CREATE OR REPLACE VIEW one AS SELECT id, name FROM users;\n\
                  CREATE OR REPLACE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'x'::text $$;";
    write(&site, "two", broken);
    let said = site.run(&["upgrade"]).expect(1).stderr;
    assert!(said.contains("cannot change return type"), "{said}");
    let columns =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'one'::regclass AND attnum > 0";
    assert_eq!(site.value(columns).await, "1", "the view before it is as it was");
    assert_eq!(state(&site, "two-again"), "pending");
    // Revisions are not kept up by it.
    site.project.revision("aaaa", "none", STATUS);
    write(
        &site,
        "two",
        &broken.replace("CREATE OR REPLACE FUNCTION", "DROP FUNCTION f();\nCREATE FUNCTION"),
    );
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    assert_eq!(site.value(columns).await, "2");
    assert_eq!(site.value("f()").await, "x");
}

#[tokio::test]
async fn what_cannot_be_done_in_one_go_is_sent_to_a_revision() {
    let site = Site::new("repeatable_refused").await;
    write(&site, "shape", "CREATE OR REPLACE VIEW shape AS SELECT id, name FROM users;");
    site.run(&["upgrade"]).expect(0);
    for (text, words) in [
        (
            "DROP VIEW shape; CREATE VIEW shape AS SELECT id FROM users;",
            "column name of public.shape would be gone",
        ),
        ("CREATE INDEX users_name ON users (name);", "more than one short transaction"),
        ("UPDATE users SET name = 'x';", "more than one short transaction"),
    ] {
        write(&site, "shape", text);
        let said = site.run(&["upgrade"]).expect(4).stderr;
        assert!(said.contains(words) && said.contains("revision"), "{text}: {said}");
    }
    write(
        &site,
        "shape",
        "DROP VIEW shape; CREATE VIEW shape AS SELECT id, name, 1 AS more FROM users;",
    );
    site.run(&["upgrade"]).expect(0);
    assert_eq!(site.value("SELECT more FROM shape LIMIT 1").await, "1");

    write(&site, "shape", "-- depends-on: nowhere\nSELECT 1;");
    let said = site.run(&["upgrade"]).expect(2).stderr;
    assert!(said.contains("nowhere-again"), "{said}");
    write(&site, "Bad Name", "SELECT 1;");
    let said = site.run(&["heads"]).expect(2).stderr;
    assert!(said.contains("bad_name.sql"), "{said}");
}

#[tokio::test]
async fn where_plans_are_reviewed_so_are_those_of_repeatable_files() {
    let site = Site::new("repeatable_reviewed").await;
    site.project.write("airlock.toml", "reviewed = true\n[variables]\nword = 'hi'\n");
    write(
        &site,
        "greeting",
        &format!("-- variables: word\n{}", GREETING.replace("'hello ' ||", "")),
    );
    write(&site, "said", "-- variables: word\nCREATE VIEW said AS SELECT :'word'::text AS word;");
    let said = site.run(&["upgrade"]).expect(3).stderr;
    assert!(said.contains("plans/repeatable/greeting.toml is missing"), "{said}");
    for object in ["greeting-again", "said-again"] {
        site.run(&["plan", object]).expect(0);
    }
    site.run(&["upgrade"]).expect(0);
    assert_eq!(site.value("SELECT word FROM said").await, "hi");
    // Without a database it is planned on a replay of everything before it.
    let alone = crate::project::Project::new();
    std::fs::create_dir_all(alone.path("migrations/repeatable")).unwrap();
    alone.revision("aaaa", "none", "CREATE TABLE t (a int);");
    alone.write("migrations/repeatable/v.sql", "CREATE OR REPLACE VIEW v AS SELECT a FROM t;");
    alone.run(&["plan", "v-again"]).expect(0);
    alone.run(&["lint"]).expect(0);
}

#[tokio::test]
async fn check_compares_them_with_the_database() {
    let site = Site::new("repeatable_checked").await;
    site.client.batch_execute("DROP TABLE users").await.unwrap();
    site.project.revision("aaaa", "none", "CREATE TABLE t (a int, b int);");
    write(&site, "v", "CREATE OR REPLACE VIEW v AS SELECT a FROM t;");
    site.run(&["upgrade"]).expect(0);
    site.run(&["check"]).expect(0);
    site.client
        .batch_execute("CREATE OR REPLACE VIEW v AS SELECT a + 0 AS a FROM t")
        .await
        .unwrap();
    let said = site.run(&["check"]).expect(3).stdout;
    assert!(said.contains("view"), "{said}");
    let said = site.run(&["downgrade", "base", "--dry-run"]);
    assert!(format!("{said:?}").contains("aaaa"), "{said:?}");
}

#[test]
fn repeatable_migrations_of_flyway_are_imported_as_such() {
    let project = crate::project::Project::new();
    std::fs::create_dir_all(project.path("flyway")).unwrap();
    project.write("flyway/V1__make_t.sql", "CREATE TABLE t (a int);");
    project.write("flyway/R__The_view.sql", "CREATE OR REPLACE VIEW v AS SELECT a FROM t;\n");
    project.write(
        "flyway/R__More.sql",
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n",
    );
    project.run(&["import", "flyway"]).expect(0);
    let view = project.read("migrations/repeatable/the_view.sql");
    assert_eq!(view, "-- depends-on: more\nCREATE OR REPLACE VIEW v AS SELECT a FROM t;\n");
    project.run(&["lint"]).expect(0);
    let listed = project.run(&["history"]).expect(0).stdout;
    assert!(listed.contains("the_view-again"), "{listed}");

    let project = crate::project::Project::new();
    std::fs::create_dir_all(project.path("flyway")).unwrap();
    project.write("flyway/R__a.sql", "SELECT 1;\nSELEC 2;\n");
    let said = project.run(&["import", "flyway"]).expect(2).stderr;
    assert!(said.contains("R__a.sql:2"), "{said}");
}
