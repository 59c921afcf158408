//! `baseline` and `upgrade --adopt`: databases that were there before airlock.

use crate::project::Project;
use crate::site::{Site, cluster};

const SCHEMA: &str = "
    CREATE SCHEMA shop;
    CREATE TYPE shop.state AS ENUM ('new', 'it''s paid');
    CREATE DOMAIN shop.email AS text CHECK (VALUE LIKE '%@%');
    CREATE TABLE shop.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email shop.email NOT NULL UNIQUE,
      \"Full Name\" text DEFAULT 'nobody''s', tags text[] NOT NULL DEFAULT '{}', made timestamptz NOT NULL DEFAULT now());
    CREATE TABLE shop.orders (id serial PRIMARY KEY, customer bigint NOT NULL REFERENCES shop.customers ON DELETE CASCADE,
      state shop.state NOT NULL DEFAULT 'new', cents int CHECK (cents >= 0), dollars numeric GENERATED ALWAYS AS (cents / 100.0) STORED);
    CREATE INDEX orders_open ON shop.orders (customer) INCLUDE (cents) WHERE state = 'new';
    CREATE TABLE shop.events (at date NOT NULL, what jsonb) PARTITION BY RANGE (at);
    CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE TABLE shop.events_rest PARTITION OF shop.events DEFAULT;
    CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.made := now(); RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.touch();
    CREATE VIEW shop.open_orders AS SELECT o.id, c.email FROM shop.orders o JOIN shop.customers c ON c.id = o.customer;
    CREATE MATERIALIZED VIEW shop.totals AS SELECT customer, sum(cents) AS cents FROM shop.orders GROUP BY 1;
    CREATE UNIQUE INDEX ON shop.totals (customer);
    ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON shop.orders FOR SELECT USING (customer > 0);
    COMMENT ON TABLE shop.orders IS 'what was -- ordered; ''really''';
    GRANT SELECT ON shop.customers TO PUBLIC;";

/// A database of its own for the project of another site.
async fn database(name: &str, sql: &str) -> String {
    let target = cluster().create_database(name, None).await.unwrap();
    let client = target.connect("test").await.unwrap();
    client.batch_execute(sql).await.unwrap();
    url(name)
}

fn url(name: &str) -> String {
    let (folder, port) = (cluster().socket_dir().display(), cluster().port());
    format!("postgresql://postgres@/{name}?host={folder}&port={port}")
}

#[tokio::test]
async fn a_baseline_makes_the_same_schema_elsewhere() {
    let site = Site::new("baseline").await;
    site.client.batch_execute(SCHEMA).await.unwrap();
    let made = site.run(&["baseline", "--rev-id", "base_1", "--format", "json"]).expect(0).json();
    assert_eq!(
        (made["revision"].as_str(), made["stamped"].as_bool()),
        (Some("base_1"), Some(true))
    );
    assert_eq!(site.states(), ["done"]);
    assert_eq!(
        site.value("SELECT act || ' ' || revision FROM airlock.audit").await,
        "baseline base_1"
    );
    assert!(site.run(&["upgrade"]).expect(0).stdout.contains("Up to date"));
    site.run(&["check"]).expect(0);

    // A new database: every statement of it has a plan, and the end is the same.
    let other = database("baseline_other", "").await;
    let ran = site.run(&["upgrade", "--database-url", &other, "--through", "contract"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let live = site.project.variable("DATABASE_URL");
    site.run(&["diff", &live, &other, "--exit-code"]).expect(0);

    // Once is enough.
    let said = site.run(&["baseline"]).expect(2).stderr;
    assert!(said.contains("there are revisions already"), "{said}");
    let mut elsewhere = Project::new();
    elsewhere.set("DATABASE_URL", live);
    let said = elsewhere.run(&["baseline"]).expect(3).stderr;
    assert!(said.contains("has revision base_1 already"), "{said}");
    // A dry one leaves the database alone.
    let mut dry = Project::new();
    dry.set("DATABASE_URL", database("baseline_dry", SCHEMA).await);
    dry.run(&["baseline", "--no-stamp"]).expect(0);
    assert!(dry.run(&["current"]).expect(0).stdout.contains("No revision has run."));
    dry.run(&["upgrade", "--adopt"]).expect(0);
    assert!(dry.run(&["current"]).expect(0).stdout.contains("baseline"));
}

/// What a partition, an extension and a table of a type have of their own.
#[tokio::test]
async fn check_and_baseline_keep_what_is_a_partitions_own() {
    const MADE: &str =
        "CREATE TABLE par (k int NOT NULL, ts date NOT NULL) PARTITION BY RANGE (ts);
        CREATE TABLE pre (k int NOT NULL, ts date NOT NULL);
        ALTER TABLE par ATTACH PARTITION pre FOR VALUES FROM (MINVALUE) TO ('2019-01-01');";
    const MORE: &str =
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER tp BEFORE INSERT ON par FOR EACH ROW EXECUTE FUNCTION f();
        ALTER TABLE pre DISABLE TRIGGER tp;
        CREATE TYPE pair AS (a int, b text);
        CREATE TABLE typed OF pair (a WITH OPTIONS PRIMARY KEY);
        CREATE EXTENSION pg_trgm;
        COMMENT ON EXTENSION pg_trgm IS 'for the search';";
    let live = database("own_live", "").await;
    let mut project = Project::new();
    project.set("DATABASE_URL", live.clone());
    project.revision("aaaa", "none", MADE);
    project.run(&["upgrade", "--through", "contract"]).expect(0);
    project.run(&["check"]).expect(0);

    let elsewhere = database("own_elsewhere", &format!("{MADE}{MORE}")).await;
    let mut other = Project::new();
    other.set("DATABASE_URL", elsewhere.clone());
    other.run(&["baseline"]).expect(0);
    other.run(&["check"]).expect(0);
    let restored = database("own_restored", "").await;
    let ran = other.run(&["upgrade", "--database-url", &restored, "--through", "contract"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    other.run(&["diff", &elsewhere, &restored, "--exit-code"]).expect(0);
    let client = cluster().connect("own_restored").await.unwrap();
    let found = client
        .query_one(
            "SELECT (SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint
                      WHERE conrelid = 'pre'::regclass AND contype = 'n'),
                    (SELECT tgenabled::text FROM pg_trigger WHERE tgrelid = 'pre'::regclass),
                    (SELECT obj_description(oid, 'pg_extension') FROM pg_extension
                      WHERE extname = 'pg_trgm'),
                    (SELECT reloftype::regtype::text FROM pg_class WHERE relname = 'typed')",
            &[],
        )
        .await
        .unwrap();
    // Before 18 a NOT NULL has no name.
    if let Some(names) = found.get::<_, Option<&str>>(0) {
        assert_eq!(names, "pre_k_not_null pre_ts_not_null");
    }
    let others = [1, 2, 3].map(|at| found.get::<_, &str>(at));
    assert_eq!(others, ["D", "for the search", "pair"]);
}

const STEPS: [(&str, &str, &str); 4] = [
    ("aaaa", "none", "CREATE TABLE users (id bigint PRIMARY KEY, name text);"),
    (
        "bbbb",
        "aaaa",
        "CREATE INDEX users_name ON users (name);\nINSERT INTO users VALUES (1, 'root');",
    ),
    ("cccc", "bbbb", "UPDATE users SET name = 'Root' WHERE id = 1;"),
    ("dddd", "cccc", "ALTER TABLE users ADD COLUMN email text;"),
];

#[tokio::test]
async fn adoption_finds_where_each_database_is() {
    let project = Project::new();
    for (id, parents, sql) in STEPS {
        project.revision(id, parents, sql);
    }
    let state = |url: &str| -> Vec<String> {
        let json =
            project.run(&["history", "--format", "json", "--database-url", url]).expect(0).json();
        let revisions = json["revisions"].as_array().unwrap().clone();
        revisions.iter().map(|of| of["state"].as_str().unwrap().to_owned()).collect()
    };
    let adopt = |url: &str, code: i32| {
        let ran =
            project.run(&["upgrade", "--adopt", "--through", "contract", "--database-url", url]);
        let ran = ran.expect(code);
        format!("{}{}", ran.stdout, ran.stderr)
    };
    let fresh = database("adopt_fresh", "").await;
    adopt(&fresh, 0);
    assert_eq!(state(&fresh), ["done"; 4]);
    // Tracked: only what is pending, which is nothing.
    assert!(adopt(&fresh, 0).contains("Up to date"));

    // Another tool brought it to the first, and keeps a table of its own there.
    let first = "CREATE TABLE users (id bigint PRIMARY KEY, name text);
                 CREATE TABLE schema_migrations (version text PRIMARY KEY)";
    let first = database("adopt_first", first).await;
    let said = adopt(&first, 0);
    assert!(said.contains("schema_migrations is another tool's record"), "{said}");
    assert!(said.contains("aaaa"), "{said}");
    assert_eq!(state(&first), ["done"; 4]);

    // The second and the third differ in rows alone: not guessed.
    let between = "CREATE TABLE users (id bigint PRIMARY KEY, name text);
                   CREATE INDEX users_name ON users (name);";
    let between = database("adopt_between", between).await;
    let said = adopt(&between, 3);
    assert!(said.contains("bbbb, cccc") && said.contains("airlock stamp bbbb"), "{said}");
    assert_eq!(state(&between), ["pending"; 4]);
    project.run(&["stamp", "bbbb", "--database-url", &between]).expect(0);
    adopt(&between, 0);
    assert_eq!(state(&between), ["done"; 4]);

    // Nowhere near.
    let odd = "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(9), born date)";
    let odd = database("adopt_odd", odd).await;
    let said = adopt(&odd, 3);
    assert!(said.contains("The nearest is aaaa") && said.contains("born"), "{said}");
    assert_eq!(state(&odd), ["pending"; 4]);
}

#[tokio::test]
async fn what_another_tool_made_is_taken_over() {
    let project = Project::new();
    std::fs::create_dir(project.path("db")).unwrap();
    let up = [
        (
            "000001_users",
            "CREATE TABLE users (id bigint PRIMARY KEY, name text);",
            "DROP TABLE users;",
        ),
        (
            "000002_name",
            "BEGIN;\nCREATE INDEX users_name ON users (name);\nCOMMIT;",
            "DROP INDEX users_name;",
        ),
        (
            "000003_email",
            "ALTER TABLE users ADD COLUMN email text;",
            "ALTER TABLE users DROP COLUMN email;",
        ),
    ];
    for (name, sql, down) in up {
        project.write(&format!("db/{name}.up.sql"), sql);
        project.write(&format!("db/{name}.down.sql"), down);
    }
    // A database that golang-migrate has brought to the second.
    let there = format!(
        "{}{} CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean)",
        up[0].1, up[1].1
    );
    let there = database("imported", &there).await;

    assert!(
        project
            .run(&["import", "db", "--dry-run"])
            .expect(0)
            .stdout
            .contains("3 revisions would be written")
    );
    let made = project.run(&["import", "db", "--format", "json"]).expect(0).json();
    assert_eq!(made["tool"], "GolangMigrate");
    assert_eq!(made["revisions"].as_array().unwrap().len(), 3);
    assert!(project.run(&["history"]).expect(0).stdout.contains("email"));
    project.run(&["test"]).expect(0);
    let said = project.run(&["upgrade", "--adopt", "--database-url", &there]).expect(0);
    assert!(said.stderr.contains("the database is at 000002"), "{said:?}");
    let fresh = database("imported_fresh", "").await;
    project.run(&["upgrade", "--adopt", "--database-url", &fresh]).expect(0);
    project.run(&["check", "--database-url", &fresh]).expect(0);

    // Once is enough; programs are none of ours.
    assert!(
        project.run(&["import", "db"]).expect(2).stderr.contains("there are revisions already")
    );
    let other = Project::new();
    other.write("00001_x.go", "package migrations");
    assert!(
        other.run(&["import", "00001_x.go"]).expect(2).stderr.contains("are programs, not SQL")
    );
    other.write("V1__a.sql", "CREATE TABLE ${x}.t ();");
    let said = other.run(&["import", "V1__a.sql"]).expect(2).stderr;
    assert!(said.contains("V1__a.sql:1:1") && said.contains("Flyway puts a value"), "{said}");
    other.run(&["import", "nowhere"]).expect(2);
    assert_eq!(std::fs::read_dir(other.path("migrations")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_changed_text_is_accepted_with_a_reason_only() {
    let site = Site::new("repair").await;
    site.project.revision("aaaa", "none", "CREATE INDEX users_name ON users (name);");
    assert!(
        site.run(&["repair", "aaaa", "--because", "x"]).expect(3).stderr.contains("has not run")
    );
    site.run(&["upgrade"]).expect(0);
    assert!(
        site.run(&["repair", "aaaa", "--because", "x"])
            .expect(0)
            .stdout
            .contains("has not changed")
    );
    site.project.revision("aaaa", "none", "CREATE INDEX IF NOT EXISTS users_name ON users (name);");
    assert!(site.run(&["check", "--quick"]).expect(3).stdout.contains("has changed since it ran"));
    site.run(&["repair", "aaaa"]).expect(2);
    site.run(&["repair", "aaaa", "--because", " "]).expect(2);
    site.run(&["repair", "aaa", "--because", "it runs twice now"]).expect(0);
    site.run(&["check", "--quick"]).expect(0);
    let kept =
        site.value("SELECT act || ' ' || revision || ' ' || detail FROM airlock.audit").await;
    assert!(kept.starts_with("repair aaaa it runs twice now: "), "{kept}");
    // One that is under way is not touched.
    site.project.revision("bbbb", "aaaa", crate::site::STATUS);
    site.run(&["upgrade"]).expect(0);
    assert!(
        site.run(&["repair", "bbbb", "--because", "x"]).expect(4).stderr.contains("is at-gate")
    );
}

#[tokio::test]
async fn a_dump_makes_the_schema_and_is_always_the_same() {
    let site = Site::new("dump").await;
    site.client.batch_execute(SCHEMA).await.unwrap();
    let sql = site.run(&["dump"]).expect(0).stdout;
    site.run(&["dump", "--output", "schema.sql"]).expect(0);
    assert_eq!(site.project.read("schema.sql").trim_end(), sql.trim_end());
    site.run(&["dump", "--output", "schema.sql", "--check"]).expect(0);
    site.run(&["diff", "database", "schema.sql", "--exit-code"]).expect(0);
    site.client.batch_execute("ALTER TABLE users ADD COLUMN more int").await.unwrap();
    assert!(
        site.run(&["dump", "-o", "schema.sql", "--check"]).expect(3).stderr.contains("any more")
    );
}
