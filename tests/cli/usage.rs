//! The usage gate: who still uses the old names, and what contract does about it.

use crate::site::Site;
use airlock::connect::Connection;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use std::sync::OnceLock;

const RENAME: &str = "ALTER TABLE users RENAME COLUMN name TO full_name;";

/// A server with `pg_stat_statements`.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let major = test_versions().unwrap().into_iter().max();
        let settings =
            vec![("shared_preload_libraries".to_owned(), "pg_stat_statements".to_owned())];
        Cluster::start(&ClusterOptions { major, settings, ..ClusterOptions::default() }).unwrap()
    })
}

/// A site whose revision waits at its gate, and an application on it.
async fn at_gate(database: &str, upgrade: &str) -> (Site, Connection) {
    let site = Site::on(cluster(), database).await;
    let role = format!("app_{database}");
    let sql = format!(
        "CREATE EXTENSION pg_stat_statements; CREATE ROLE {role} LOGIN; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON users TO {role}"
    );
    site.client.batch_execute(&sql).await.unwrap();
    site.project.revision("aaaa", "none", upgrade);
    site.run(&["upgrade"]).expect(0);
    let application =
        cluster().target(database).with_user(&role, None).connect("shop").await.unwrap();
    (site, application)
}

impl Site {
    /// As if so much time had passed since the looks so far.
    async fn later(&self) {
        let sql = "UPDATE airlock.usage SET looked_at = looked_at - interval '10 min'";
        self.client.batch_execute(sql).await.unwrap();
        // Sessions and statements are as old.
    }
}

#[tokio::test]
async fn statements_and_writes_keep_the_gate_closed_until_they_end() {
    let (site, application) = at_gate("usage_statements", RENAME).await;
    site.later().await;
    application.batch_execute("SELECT id FROM users WHERE name = 'n1'").await.unwrap();
    let write = "UPDATE users SET name = 'old ' || id WHERE id < 4";
    application.batch_execute(write).await.unwrap();
    application.batch_execute("INSERT INTO users (id, name) VALUES (5000, 'x')").await.unwrap();
    application.batch_execute("UPDATE users SET full_name = 'new' WHERE id = 9").await.unwrap();
    application.batch_execute("INSERT INTO users (id) VALUES (5001)").await.unwrap();

    let status = site.run(&["status"]).expect(0).stdout;
    assert!(status.contains("4 rows were written through it in the last 10 min"), "{status}");
    let refused = site.run(&["contract"]).expect(7);
    assert!(refused.stderr.contains("old names are still in use"), "{}", refused.stderr);
    assert!(refused.stderr.contains("1 calls in the last 10 min by role app_"), "{refused:?}");
    assert!(refused.stderr.contains("SELECT id FROM users WHERE name = $1"), "{refused:?}");
    assert!(!refused.stderr.contains("full_name ="), "the new name is no use: {refused:?}");
    assert!(site.has_column("name").await);
    assert_eq!(site.states(), ["at-gate"]);

    // Nothing since, but only for a moment.
    application.batch_execute("SELECT 1").await.unwrap();
    let json = site.run(&["status", "--format", "json"]).expect(0).json();
    assert_eq!(json["usage"]["clean"], false);
    site.later().await;
    let done = site.run(&["contract"]).expect(0);
    assert!(done.stderr.contains("no certain use in the last 10 min"), "{done:?}");
    assert!(!site.has_column("name").await);
    let left = "SELECT count(*) FROM pg_class WHERE relkind = 'S' \
                AND relnamespace = 'airlock'::regnamespace";
    assert_eq!(site.value(left).await, "0", "the counter went with the column");
}

#[tokio::test]
async fn a_short_silence_is_no_proof() {
    let (site, application) = at_gate("usage_silence", RENAME).await;
    site.client.batch_execute("SELECT name FROM users WHERE id = 1").await.unwrap();
    application.batch_execute("SELECT 1").await.unwrap();
    site.run(&["contract"]).expect(7);
    site.client.batch_execute("SELECT 1").await.unwrap();
    // A look that is old enough to say something is older than the last use.
    let refused = site.run(&["contract"]).expect(7);
    assert!(refused.stderr.contains("still in use"), "{}", refused.stderr);
    site.later().await;
    site.run(&["contract"]).expect(0);
}

#[tokio::test]
async fn a_function_that_uses_the_old_name_keeps_it_closed() {
    let (site, _application) = at_gate("usage_function", RENAME).await;
    let sql = "CREATE FUNCTION greet(i bigint) RETURNS text LANGUAGE plpgsql AS \
               $$ BEGIN RETURN (SELECT 'hi ' || name FROM users WHERE id = i); END $$; \
               CREATE TABLE pets (name text); \
               CREATE FUNCTION pet() RETURNS text LANGUAGE sql AS 'SELECT name FROM pets'";
    site.client.batch_execute(sql).await.unwrap();
    site.later().await;
    site.client.batch_execute("SELECT 1").await.unwrap();
    let refused = site.run(&["contract"]).expect(7);
    assert!(refused.stderr.contains("function public.greet(i bigint)"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("public.pet"), "{}", refused.stderr);
    site.client.batch_execute("DROP FUNCTION greet").await.unwrap();
    site.run(&["contract"]).expect(0);
}

#[tokio::test]
async fn a_view_that_came_since_is_seen_before_contract_fails_on_it() {
    let (site, _application) = at_gate("usage_view", "ALTER TABLE users DROP COLUMN name;").await;
    site.client.batch_execute("CREATE VIEW names AS SELECT name FROM users").await.unwrap();
    site.later().await;
    let refused = site.run(&["contract"]).expect(7);
    assert!(refused.stderr.contains("public.names hangs on it"), "{}", refused.stderr);
}

#[tokio::test]
async fn a_session_in_a_transaction_is_seen() {
    let (site, application) = at_gate("usage_session", RENAME).await;
    site.later().await;
    application.batch_execute("BEGIN; SELECT name FROM users WHERE id = 7").await.unwrap();
    let refused = site.run(&["contract"]).expect(7);
    assert!(refused.stderr.contains("shop, role app_usage_session"), "{}", refused.stderr);
    assert!(refused.stderr.contains("idle in transaction"), "{}", refused.stderr);
    application.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn a_reason_opens_the_gate_and_is_kept() {
    let (site, application) = at_gate("usage_because", RENAME).await;
    application.batch_execute("UPDATE users SET name = 'x' WHERE id = 1").await.unwrap();
    site.run(&["contract"]).expect(7);
    site.run(&["contract", "--because", "  "]).expect(2);
    site.run(&["upgrade", "--through", "contract"]).expect(7);
    let done = site.run(&["contract", "--because", "only the nightly report"]).expect(0);
    assert!(done.stderr.contains("contract runs all the same"), "{done:?}");
    let kept = "SELECT string_agg(because, ',') FROM airlock.usage WHERE verdict = 'overridden'";
    assert_eq!(site.value(kept).await, "only the nightly report");
    assert_eq!(site.states(), ["done"]);
}

#[tokio::test]
async fn a_rollback_takes_the_counter_back() {
    let (site, application) = at_gate("usage_rollback", RENAME).await;
    application.batch_execute("UPDATE users SET name = 'x' WHERE id = 1").await.unwrap();
    site.run(&["rollback"]).expect(0);
    let left = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'airlock'::regnamespace";
    assert_eq!(site.value(left).await, "0");
    let left = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'users'::regclass";
    assert_eq!(site.value(left).await, "0");
}

/// A site with functions, whose revision renames one of them and waits at its gate.
async fn function_at_gate(database: &str) -> (Site, Connection) {
    let site = Site::on(cluster(), database).await;
    let role = format!("app_{database}");
    let sql = format!(
        "CREATE EXTENSION pg_stat_statements; CREATE ROLE {role} LOGIN; GRANT SELECT ON users TO {role}; \
         CREATE FUNCTION price(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2'; \
         CREATE FUNCTION unlike(i int) RETURNS int LANGUAGE sql AS 'SELECT i'; \
         CREATE VIEW before AS SELECT price(5) AS p FROM users; \
         CREATE FUNCTION uses_other() RETURNS int LANGUAGE sql AS 'SELECT unlike(1)'"
    );
    site.client.batch_execute(&sql).await.unwrap();
    site.project.revision("aaaa", "none", "ALTER FUNCTION price(int) RENAME TO cost_of;");
    site.run(&["upgrade"]).expect(0);
    let application =
        cluster().target(database).with_user(&role, None).connect("shop").await.unwrap();
    (site, application)
}

#[tokio::test]
async fn calls_of_a_renamed_function_keep_the_gate_closed() {
    let (site, application) = function_at_gate("usage_calls").await;
    site.later().await;
    application.batch_execute("SELECT cost_of(4)").await.unwrap();
    application.batch_execute("SELECT id FROM users WHERE price(3) > id").await.unwrap();
    application.batch_execute("SELECT 1").await.unwrap();
    let refused = site.run(&["contract"]).expect(7);
    assert!(refused.stderr.contains("WHERE price($1) > id"), "{refused:?}");
    assert!(!refused.stderr.contains("cost_of($"), "the new name is no use: {refused:?}");
    assert!(!refused.stderr.contains("before"), "it has followed the rename: {refused:?}");
    site.later().await;
    site.run(&["contract"]).expect(0);
    let left = "SELECT string_agg(proname, ',' ORDER BY proname) FROM pg_proc \
                WHERE proname IN ('price', 'cost_of')";
    assert_eq!(site.value(left).await, "cost_of");
}

#[tokio::test]
async fn what_hangs_on_the_old_name_of_a_function_keeps_the_gate_closed() {
    let (site, _application) = function_at_gate("usage_hanging").await;
    let gives = |what: &str| format!("CREATE {what}");
    for (create, drop, shown) in [
        (gives("VIEW v AS SELECT price(1) AS p"), "DROP VIEW v", "view v hangs on it"),
        (
            gives("MATERIALIZED VIEW m AS SELECT price(1) AS p"),
            "DROP MATERIALIZED VIEW m",
            "materialized view m hangs on it",
        ),
        (
            gives("TABLE d (a int DEFAULT price(7))"),
            "DROP TABLE d",
            "default value for column a of table d",
        ),
        (
            gives("TABLE k (a int CONSTRAINT dear CHECK (price(a) > 1))"),
            "DROP TABLE k",
            "constraint dear on table k",
        ),
        (gives("INDEX by_price ON users (price(id::int))"), "DROP INDEX by_price", "by_price"),
        (
            gives("FUNCTION parsed() RETURNS int BEGIN ATOMIC SELECT price(2); END"),
            "DROP FUNCTION parsed",
            "function parsed()",
        ),
        (
            gives("POLICY cheap ON users USING (price(1) > 0)"),
            "DROP POLICY cheap ON users",
            "policy cheap on table users",
        ),
        (
            gives("FUNCTION greet() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN price(1); END'"),
            "DROP FUNCTION greet",
            "function public.greet()",
        ),
        (
            gives(
                "FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id := price(1); RETURN NEW; END'",
            ),
            "DROP FUNCTION fired",
            "function public.fired()",
        ),
        // Which of two functions of one name a call means is not known: it is shown, with another that is certain.
        (
            gives(
                "FUNCTION price(i text) RETURNS int LANGUAGE sql AS 'SELECT price(1)'; CREATE VIEW v AS SELECT price(1) AS p",
            ),
            "DROP VIEW v; DROP FUNCTION price(text)",
            "function public.price(i text)",
        ),
    ] {
        site.client.batch_execute(&create).await.unwrap();
        site.later().await;
        site.client.batch_execute("SELECT 1").await.unwrap();
        let refused = site.run(&["contract"]).expect(7);
        assert!(refused.stderr.contains(shown), "{create}: {}", refused.stderr);
        assert!(!refused.stderr.contains("uses_other"), "{}", refused.stderr);
        site.client.batch_execute(drop).await.unwrap();
    }
    site.later().await;
    site.client.batch_execute("SELECT 1").await.unwrap();
    site.run(&["contract"]).expect(0);
}

#[tokio::test]
async fn a_function_that_is_not_what_was_planned_stops_the_plan() {
    let (site, _application) = function_at_gate("usage_replaced").await;
    // Somebody gives the old name a life of its own: contract would drop that.
    let own = "CREATE OR REPLACE FUNCTION price(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 3'";
    site.client.batch_execute(own).await.unwrap();
    site.later().await;
    let refused = site.run(&["contract", "--because", "nobody calls it"]).expect(3);
    assert!(refused.stderr.contains("function public.price(integer): was"), "{refused:?}");

    // Before the first phase, with the plan as it was reviewed.
    let site = Site::on(cluster(), "usage_replaced_2").await;
    let make = |body: &str| {
        format!("CREATE OR REPLACE FUNCTION price(i int) RETURNS int LANGUAGE sql AS '{body}'")
    };
    site.client.batch_execute(&make("SELECT i")).await.unwrap();
    site.project.revision("aaaa", "none", "ALTER FUNCTION price(int) RENAME TO cost_of;");
    site.run(&["plan"]).expect(0);
    site.client.batch_execute(&make("SELECT i + 1")).await.unwrap();
    let refused = site.run(&["upgrade", "--reviewed"]).expect(3);
    assert!(refused.stderr.contains("function public.price(integer): was"), "{refused:?}");
    site.client.batch_execute("DROP FUNCTION price").await.unwrap();
    let refused = site.run(&["upgrade", "--reviewed"]).expect(3);
    assert!(refused.stderr.contains("is now `absent`"), "{refused:?}");
    site.client.batch_execute(&make("SELECT i")).await.unwrap();
    site.client
        .batch_execute("CREATE FUNCTION cost_of(int) RETURNS int LANGUAGE sql AS 'SELECT 1'")
        .await
        .unwrap();
    let refused = site.run(&["upgrade", "--reviewed"]).expect(3);
    assert!(
        refused.stderr.contains("signature of function public.cost_of(integer)"),
        "{refused:?}"
    );
    site.client.batch_execute("DROP FUNCTION cost_of").await.unwrap();
    site.run(&["upgrade", "--reviewed"]).expect(0);
}

#[tokio::test]
async fn views_that_have_followed_a_rename_are_no_use_of_the_old_name() {
    let site = Site::on(cluster(), "usage_followed").await;
    let sql = "CREATE EXTENSION pg_stat_statements; \
               CREATE VIEW names AS SELECT id, name FROM users; \
               CREATE MATERIALIZED VIEW kept AS SELECT name FROM users; \
               CREATE TABLE users_of (id int, name text); \
               ALTER TABLE users ADD UNIQUE (name); \
               ALTER TABLE users_of ADD FOREIGN KEY (name) REFERENCES users (name)";
    site.client.batch_execute(sql).await.unwrap();
    let rename = format!("-- airlock: rename dual-column\n{RENAME}");
    site.project.revision("aaaa", "none", &rename);
    site.run(&["upgrade"]).expect(0);
    site.later().await;
    site.client.batch_execute("SELECT name FROM names LIMIT 1").await.unwrap();
    site.client.batch_execute("CREATE VIEW late AS SELECT name FROM users").await.unwrap();
    let refused = site.run(&["contract"]).expect(7);
    assert!(refused.stderr.contains("public.late hangs on it"), "{}", refused.stderr);
    for followed in ["public.names", "public.kept", "users_of"] {
        assert!(!refused.stderr.contains(followed), "{followed}: {}", refused.stderr);
    }
    site.client.batch_execute("DROP VIEW late").await.unwrap();
    site.later().await;
    site.client.batch_execute("SELECT 1").await.unwrap();
    site.run(&["contract"]).expect(0);
    assert!(!site.has_column("name").await);
    assert_eq!(site.value("SELECT count(name) > 0 FROM names").await, "true");
}
