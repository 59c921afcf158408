//! `trace`, `verify` and `locks` as a user meets them, on real servers.

use crate::project::Project;
use airlock::sandbox::{Cluster, ClusterOptions};
use std::time::{Duration, Instant};

const SETUP: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text);
    INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 100) g;
    CREATE INDEX users_name ON users (name);";

fn project() -> Project {
    let project = Project::new();
    project.write("setup.sql", SETUP);
    project
}

#[test]
fn a_trace_shows_what_is_locked_and_that_the_model_says_so() {
    let project = project();
    project.write(
        "change.sql",
        "BEGIN;
         ALTER TABLE users ADD COLUMN status text;
         ALTER TABLE users ALTER COLUMN id TYPE numeric;
         CREATE INDEX CONCURRENTLY ON users (status);
         DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$;
         COMMIT;",
    );
    let ran = project.run(&["trace", "change.sql", "--setup", "setup.sql"]).expect(0);
    for line in [
        "ACCESS EXCLUSIVE  public.users",
        "rewrites: public.users",
        "server: rewriting table \"users\"",
        "SHARE UPDATE EXCLUSIVE  public.users",
        "the model cannot see what it does",
        "left out",
        "4 observed; the model says the same",
    ] {
        assert!(ran.stdout.contains(line), "{line} is not in\n{}", ran.stdout);
    }
    let json = project.run(&["trace", "change.sql", "--setup", "setup.sql", "--format", "json"]);
    let json = json.expect(0).json();
    assert_eq!(json["differing"], 0);
    let rewrite = &json["statements"][2];
    assert_eq!(rewrite["result"], "same");
    assert_eq!(rewrite["observed"]["rewritten"][0], "public.users");
    assert_eq!(json["statements"][3]["seen_from"], "outside");
}

#[test]
fn what_a_trigger_does_is_no_difference_and_is_told() {
    let project = project();
    project.write(
        "setup.sql",
        format!(
            "{SETUP} CREATE TABLE log (at timestamptz);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.log VALUES (now()); RETURN NULL; END';
             CREATE TRIGGER users_note AFTER UPDATE ON users EXECUTE FUNCTION note();"
        ),
    );
    project.write("change.sql", "UPDATE users SET name = 'x' WHERE id = 1;");
    let ran = project.run(&["trace", "change.sql", "--setup", "setup.sql"]).expect(0);
    for line in [
        "ROW EXCLUSIVE  public.log",
        "fires users_note of public.users: what that locks is not told by the model",
        "1 observed; the model says the same",
    ] {
        assert!(ran.stdout.contains(line), "{line} is not in\n{}", ran.stdout);
    }
}

#[test]
fn a_statement_that_locks_the_catalogs_is_given_up_soon() {
    let project = project();
    project.write("change.sql", "SELECT 1;\nREINDEX SYSTEM;");
    let before = Instant::now();
    let ran = project.run(&["trace", "change.sql", "--setup", "setup.sql"]);
    assert!(before.elapsed() < Duration::from_secs(60), "{:?}", before.elapsed());
    // 14 and 15 want the name of the database, and servers differ in when they come to which
    // catalog: whether it can be watched is not certain, that it ends is.
    if ran.code != Some(0) {
        let words = ["cannot be watched", "refused by the server", "syntax"];
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(words.iter().any(|word| said.contains(word)), "{said}");
    }
}

#[test]
fn a_statement_that_fails_ends_the_trace() {
    let project = project();
    project.write(
        "change.sql",
        "INSERT INTO users VALUES (1, 'again');\nALTER TABLE users ADD COLUMN status text;",
    );
    let ran = project.run(&["trace", "change.sql", "--setup", "setup.sql"]).expect(1);
    assert!(ran.stdout.contains("refused by the server: duplicate key"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("ADD COLUMN"), "{}", ran.stdout);
    project.run(&["trace", "nothing.sql"]).expect(2);
    project.run(&["trace", "change.sql", "--setup", "nothing.sql"]).expect(2);
    project.run(&["trace", "change.sql", "--allow-tables"]).expect(2);
}

#[tokio::test]
async fn a_scratch_database_with_tables_is_left_alone() {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    let target = cluster.create_database("scratch", None).await.unwrap();
    let client = target.connect("test").await.unwrap();
    client.batch_execute("CREATE TABLE precious (a int)").await.unwrap();
    let url = url(&cluster, "scratch");
    let project = project();
    project.write("change.sql", "DROP TABLE precious;");
    let ran = project.run(&["trace", "change.sql", "--scratch-url", &url]).expect(2);
    assert!(ran.stderr.contains("has 1 relations"), "{}", ran.stderr);
    project.run(&["trace", "change.sql", "--scratch-url", &url, "--allow-tables"]).expect(0);
    let left = client.query_one("SELECT to_regclass('precious') IS NULL", &[]).await.unwrap();
    assert!(left.get::<_, bool>(0));
}

fn url(cluster: &Cluster, database: &str) -> String {
    let (folder, port) = (cluster.socket_dir().display(), cluster.port());
    format!("postgresql://postgres@/{database}?host={folder}&port={port}")
}

#[test]
fn a_plan_comes_to_the_same_end_as_its_migration() {
    let project = project();
    project.write(
        "change.sql",
        "ALTER TABLE users ADD COLUMN status text;
         UPDATE users SET status = upper(name);
         ALTER TABLE users ALTER COLUMN status SET NOT NULL;",
    );
    let ran = project.run(&["verify", "change.sql", "--setup", "setup.sql"]).expect(0);
    assert!(ran.stdout.contains("comes to the same end"), "{}", ran.stdout);
    // No two runs have these in common, and that is said of the rows.
    project.write(
        "random.sql",
        "ALTER TABLE users ADD COLUMN r float8;\n\
         -- airlock: allow unbatched \"small\"\nUPDATE users SET r = random();",
    );
    let args = ["verify", "random.sql", "--setup", "setup.sql", "--format", "json"];
    let json = project.run(&args).expect(1).json();
    assert_eq!(json["equal"], false);
    assert_eq!(json["data"][0], "public.users has other values in its rows");
    assert!(json["only_written"].as_array().unwrap().is_empty());
}

#[test]
fn earlier_revisions_are_the_setup_of_a_revision() {
    let project = Project::new();
    project.revision("aaaaaaaaaaaa", "none", "CREATE TABLE users (id bigint PRIMARY KEY);");
    project.revision("bbbbbbbbbbbb", "aaaaaaaaaaaa", "ALTER TABLE users ADD COLUMN a int;");
    let ran = project.run(&["verify", "migrations/bbbbbbbbbbbb.sql"]).expect(0);
    assert!(ran.stderr.contains("after 1 earlier revision"), "{}", ran.stderr);
    project.run(&["trace", "bbbb"]).expect(0);
    project.run(&["trace", "cccc"]).expect(2);
}

#[tokio::test]
async fn locks_shows_who_holds_and_who_waits() {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    let target = cluster.create_database("busy", None).await.unwrap();
    let setup = target.connect("setup").await.unwrap();
    setup.batch_execute("CREATE TABLE t (a int); CREATE TABLE u (a int)").await.unwrap();
    let mut project = Project::new();
    project.set("DATABASE_URL", url(&cluster, "busy"));
    let quiet = project.run(&["locks"]).expect(0);
    assert!(quiet.stdout.contains("Nobody waits"), "{}", quiet.stdout);

    let holder = target.connect("reporting").await.unwrap();
    holder.batch_execute("BEGIN; SELECT * FROM t").await.unwrap();
    let first = target.connect("deploy").await.unwrap();
    let second = target.connect("shop").await.unwrap();
    let first = tokio::spawn(async move {
        first.batch_execute("ALTER TABLE t ADD COLUMN b int /* password='hidden' */").await
    });
    waits(&setup, 1).await;
    let second = tokio::spawn(async move { second.batch_execute("SELECT a FROM t").await });
    waits(&setup, 2).await;

    let ran = project.run(&["locks"]).expect(0);
    let order = ["reporting", "holds ACCESS SHARE on public.t", "would wait outside the queue"];
    let order = order.iter().chain(&["deploy", "waits for ACCESS EXCLUSIVE on public.t", "shop"]);
    let mut from = 0;
    for words in order {
        let found = ran.stdout[from..].find(words);
        from += found.unwrap_or_else(|| panic!("{words} is not in its place in\n{}", ran.stdout));
    }
    assert!(ran.stdout.contains("2 waiting") && !ran.stdout.contains("hidden"), "{}", ran.stdout);
    let json = project.run(&["locks", "--format", "json"]).expect(0).json();
    let sessions = json["sessions"].as_array().unwrap();
    let of = |name: &str| sessions.iter().find(|s| s["application_name"] == name).unwrap();
    assert_eq!(of("shop")["blocked_by"][0], of("deploy")["pid"]);
    assert_eq!(of("deploy")["blocked_by"][0], of("reporting")["pid"]);
    assert_eq!(of("deploy")["airlock"], "would-not-queue");
    assert!(of("deploy")["waiting_ms"].as_f64().unwrap() > 0.0);

    holder.batch_execute("COMMIT").await.unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

/// Until so many sessions wait for a lock.
async fn waits(client: &airlock::connect::Connection, wanted: i64) {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(30) {
        let sql = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted";
        if client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{wanted} sessions never waited");
}

#[test]
fn a_database_is_brought_over_and_not_touched() {
    let cluster = Cluster::start(&ClusterOptions { major: Some(15), ..ClusterOptions::default() });
    let cluster = cluster.unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let live = runtime.block_on(async {
        let target = cluster.create_database("live", None).await.unwrap();
        let connection = target.connect("test").await.unwrap();
        connection
            .batch_execute(
                "CREATE ROLE owner_of_shop; CREATE SCHEMA \"Shop\" AUTHORIZATION owner_of_shop;
                 CREATE TYPE mood AS ENUM ('fine', 'so so');
                 CREATE TABLE \"Shop\".customers (id serial PRIMARY KEY, name text NOT NULL, mood mood,
                     loud text GENERATED ALWAYS AS (upper(name)) STORED);
                 CREATE TABLE \"Shop\".orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                     customer int NOT NULL REFERENCES \"Shop\".customers);
                 INSERT INTO \"Shop\".customers (name) SELECT 'n\t\\' || i FROM generate_series(1, 500) i;
                 INSERT INTO \"Shop\".orders (customer) SELECT 501 - i FROM generate_series(1, 500) i;
                 ALTER TABLE \"Shop\".orders OWNER TO owner_of_shop;",
            )
            .await
            .unwrap();
        connection
    });
    let project = Project::new();
    project.write(
        "change.sql",
        "ALTER TABLE \"Shop\".orders ADD CONSTRAINT positive CHECK (customer > 0);
         ALTER TABLE \"Shop\".customers ALTER COLUMN id TYPE bigint;
         INSERT INTO \"Shop\".customers (name, mood) VALUES ('new', 'fine');",
    );
    let url = url(&cluster, "live");
    let arguments = ["trace", "change.sql", "--like", &url, "--rows", "20"];
    let ran = project.run(&arguments).expect(0);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for words in [
        "2 tables and 60 rows",
        "reads: \"Shop\".orders",
        "rewrites: \"Shop\".customers",
        "model says the same",
    ] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    project.write(
        "check.sql",
        "ALTER TABLE \"Shop\".orders ADD CONSTRAINT positive CHECK (customer > 0);",
    );
    project.run(&["verify", "check.sql", "--like", &url, "--rows", "5"]).expect(0);
    let arguments = ["trace", "change.sql", "--like", &url, "--postgres", "14"];
    let refused = project.run(&arguments).expect(2);
    assert!(refused.stderr.contains("PostgreSQL 14, the database's is 15"), "{}", refused.stderr);
    let left: i64 = runtime.block_on(async {
        let count =
            live.query_one("SELECT count(*) FROM pg_constraint WHERE conname = 'positive'", &[]);
        let found = count.await.unwrap().get(0);
        live.close().await;
        found
    });
    assert_eq!(left, 0);
}
