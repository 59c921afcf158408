//! A fleet on a real server: databases and tenant schemas, one of which fails, and the same command
//! again.

use crate::project::{Project, Ran};
use crate::site::{STATUS, cluster};
use airlock::connect::Connection;
use serde_json::Value;

const CHECKED: &str = "ALTER TABLE users ADD CONSTRAINT users_positive CHECK (id > 0);";

fn url(database: &str) -> String {
    let (socket, port) = (cluster().socket_dir().display(), cluster().port());
    format!("postgresql://postgres@/{database}?host={socket}&port={port}")
}

async fn database(name: &str, setup: &str) -> Connection {
    let target = cluster().create_database(name, None).await.unwrap();
    let client = target.connect("test").await.unwrap();
    client.batch_execute(setup).await.unwrap();
    client
}

fn users(schema: &str) -> String {
    format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         CREATE TABLE {schema}.users (id bigint PRIMARY KEY, name text);
         INSERT INTO {schema}.users SELECT g, 'n' || g FROM generate_series(1, 300) g;
         ANALYZE {schema}.users;"
    )
}

async fn value(client: &Connection, sql: &str) -> String {
    let row = client.query_one(&format!("SELECT ({sql})::text"), &[]).await.unwrap();
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

/// `target:state` of each member, in order.
fn states(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = json["targets"].as_array().unwrap().iter();
    rows.map(|row| format!("{}:{}", text(row, "target"), text(row, "state"))).collect()
}

#[tokio::test]
async fn databases_come_canary_first_and_a_failure_halts_them() {
    let mut project = Project::new();
    let mut clients = Vec::new();
    for name in ["fleet_a", "fleet_b", "fleet_c"] {
        clients.push(database(name, &users("public")).await);
    }
    clients[1].batch_execute("INSERT INTO users VALUES (-1, 'bad')").await.unwrap();
    project.set("FLEET_B", url("fleet_b"));
    project.write("list.sh", format!("echo 'c {}'", url("fleet_c")));
    project.write(
        "airlock.toml",
        format!(
            "[targets.shops]\ndatabases = {{ a = '{}', b = 'env:FLEET_B' }}\n\
             command = 'sh list.sh'\njobs = 1\nwave = 1\ncanary = ['a']\n",
            url("fleet_a"),
        ),
    );
    project.revision("aaaa", "none", CHECKED);
    let status = ["fleet", "status", "shops", "--format", "json"];
    assert_eq!(states(&project.run(&status).expect(3)), ["a:pending", "b:pending", "c:pending"]);

    let ran = project.run(&["fleet", "upgrade", "shops", "--format", "json"]).expect(1);
    assert_eq!(states(&ran), ["a:up-to-date", "b:failed", "c:not-begun"]);
    assert!(ran.stderr.contains("canary (1): a"), "{}", ran.stderr);
    let shown = project.run(&["fleet", "status", "shops"]).expect(3).stdout;
    assert!(shown.contains("aaaa, in migrate") || shown.contains("aaaa, in expand"), "{shown}");
    assert!(project.path("plans/aaaa.toml").is_file(), "the plan of the canary is that of all");
    assert!(!ran.stdout.contains("postgresql://") && !ran.stderr.contains("postgresql://"));

    clients[1].batch_execute("DELETE FROM users WHERE id < 0").await.unwrap();
    let again = project.run(&["fleet", "upgrade", "shops", "--format", "json"]).expect(0);
    assert_eq!(states(&again), ["a:up-to-date", "b:up-to-date", "c:up-to-date"]);
    project.run(&status).expect(0);
    let valid = "SELECT convalidated FROM pg_constraint WHERE conname = 'users_positive'";
    for client in &clients {
        assert_eq!(value(client, valid).await, "true");
        let runs = "SELECT count(*) FROM airlock.rollout";
        assert_eq!(value(client, runs).await, "1");
    }
}

#[tokio::test]
async fn tenant_schemas_have_each_their_own_rollout() {
    let project = Project::new();
    let setup: String = ["t_1", "t_2", "\"t 3\"", "t_old", "public"].map(users).concat();
    let client = database("fleet_tenants", &setup).await;
    client.batch_execute("INSERT INTO t_2.users VALUES (-1, 'bad')").await.unwrap();
    project.write(
        "airlock.toml",
        format!(
            "[targets.tenants]\ndatabases = {{ main = '{}' }}\nschemas = ['t[_ ]*', '!t_old']\n",
            url("fleet_tenants")
        ),
    );
    project.revision("aaaa", "none", CHECKED);
    project.revision_with("bbbb", "aaaa", STATUS, "SELECT 1 FROM users WHERE status IS NULL;");

    let upgrade = ["fleet", "upgrade", "tenants", "--format", "json"];
    let ran = project.run(&upgrade).expect(1);
    // Before the gate of bbbb nothing waits behind it.
    assert_eq!(states(&ran), ["main/t 3:at-gate", "main/t_1:at-gate", "main/t_2:failed"]);
    client.batch_execute("DELETE FROM t_2.users WHERE id < 0").await.unwrap();
    let ran = project.run(&upgrade).expect(0);
    assert_eq!(states(&ran), ["main/t 3:at-gate", "main/t_1:at-gate", "main/t_2:at-gate"]);

    // A command for one database does not choose a tenant.
    let mut alone = Project::new();
    alone.set("DATABASE_URL", url("fleet_tenants"));
    alone.revision("aaaa", "none", CHECKED);
    for command in ["contract", "rollback"] {
        let said = alone.run(&[command]).expect(4).stderr;
        assert!(said.contains("bbbb@t 3, bbbb@t_1, bbbb@t_2"), "{said}");
    }
    alone.run(&["contract", "bbbb@t_1"]).expect(0);
    alone.run(&["rollback", "bbbb@t 3"]).expect(0);
    let now = "SELECT string_agg(revision || ':' || state, ' ' ORDER BY revision COLLATE \"C\")
        FROM airlock.rollout WHERE revision LIKE 'bbbb%'";
    assert_eq!(value(&client, now).await, "bbbb@t 3:rolled-back bbbb@t_1:done bbbb@t_2:at-gate");

    let through = ["fleet", "upgrade", "tenants", "--through", "contract", "--format", "json"];
    let ran = project.run(&through).expect(0);
    assert_eq!(states(&ran), ["main/t 3:up-to-date", "main/t_1:up-to-date", "main/t_2:up-to-date"]);
    for schema in ["t_1", "t_2", "\"t 3\""] {
        let right = format!("SELECT count(*) FROM {schema}.users WHERE status = upper(name)");
        assert_eq!(value(&client, &right).await, "300");
    }
    for schema in ["t_old", "public"] {
        let column = format!(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = '{schema}.users'::regclass \
             AND attname = 'status'"
        );
        assert_eq!(value(&client, &column).await, "0", "{schema} is no member");
    }
    let ids =
        "SELECT string_agg(revision, ' ' ORDER BY revision COLLATE \"C\") FROM airlock.rollout";
    let expected = "aaaa@t 3 aaaa@t_1 aaaa@t_2 bbbb@t 3 bbbb@t_1 bbbb@t_2";
    assert_eq!(value(&client, ids).await, expected);
    let left = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~airlock%'";
    assert_eq!(value(&client, left).await, "0");
    assert!(!project.path("plans/aaaa.toml").exists(), "each schema has its own plan");
    let text = project.run(&["fleet", "status", "tenants"]).expect(0).stdout;
    assert!(text.contains("main/t_2  up-to-date  2 of 2"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_a_fleet_is_said() {
    let project = Project::new();
    let ran = project.run(&["fleet", "upgrade", "none"]).expect(2);
    assert!(ran.stderr.contains("no targets are called none"), "{}", ran.stderr);
    database("fleet_empty", "").await;
    project.write(
        "airlock.toml",
        format!(
            "[targets.g]\ndatabases = {{ x = '{0}' }}\nschemas = ['t_*']\n\
             [targets.h]\ndatabases = {{ x = 'env:NOT_SET_AT_ALL' }}\n\
             [targets.i]\ndatabases = {{ x = '{0}' }}\ncanary = ['y']\n\
             [targets.k]\ncommand = 'true'\n",
            url("fleet_empty")
        ),
    );
    project.revision("aaaa", "none", CHECKED);
    for (group, words) in [
        ("g", "no schema of any database"),
        ("h", "NOT_SET_AT_ALL is not set"),
        ("i", "no member has a name that `canary` gives"),
        ("j", "airlock.toml has: g, h, i, k"),
        ("k", "there is no database in it"),
    ] {
        let ran = project.run(&["fleet", "upgrade", group]).expect(2);
        assert!(ran.stderr.contains(words), "{group}: {}", ran.stderr);
    }
    project.write("migrations/airlock.sum", "sum 00\nbbbb none\n");
    let ran = project.run(&["fleet", "upgrade", "i"]).expect(3);
    assert!(ran.stderr.contains("airlock.sum does not fit"), "{}", ran.stderr);
    let ran = project.run(&["fleet", "upgrade", "g", "--reviewed"]).expect(2);
    assert!(ran.stderr.contains("--reviewed is not for a group"), "{}", ran.stderr);
}
