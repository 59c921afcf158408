//! What the pages say of PostgreSQL, seen on every version: the parts that the lock model, which has
//! tests of its own, does not cover.

use crate::shop;
use airlock::connect::{Connection, sqlstate};
use airlock::sandbox::test_versions;

/// SQLSTATE of a statement that fails.
async fn refused(connection: &Connection, sql: &str) -> String {
    let error = connection.batch_execute(sql).await.expect_err(sql);
    sqlstate(&error).unwrap().to_owned()
}

/// The modes that this session holds on a relation after `sql` in a transaction.
async fn held(connection: &Connection, sql: &str, relation: &str) -> Vec<String> {
    connection.batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
    let modes = connection
        .query(
            "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND granted
              AND relation = $1::text::regclass AND mode <> 'AccessShareLock' ORDER BY mode",
            &[&relation],
        )
        .await
        .unwrap();
    connection.batch_execute("ROLLBACK").await.unwrap();
    modes.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_pages_say_what_servers_do() {
    for major in test_versions().unwrap() {
        let cluster = shop::open(major).await;
        let connection = shop::copy(&cluster).await;

        // AL037: nothing changes, the lock is taken all the same.
        for sql in [
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS age int",
            "ALTER TABLE users DROP COLUMN IF EXISTS nowhere",
            "ALTER TABLE users DROP CONSTRAINT IF EXISTS nowhere",
            "ALTER TABLE users ALTER login SET NOT NULL",
        ] {
            assert_eq!(
                held(&connection, sql, "users").await,
                ["AccessExclusiveLock"],
                "{major} {sql}"
            );
        }
        let sql = "CREATE INDEX IF NOT EXISTS users_login_key ON users (login)";
        assert_eq!(held(&connection, sql, "users").await, ["ShareLock"], "{major}");
        // AL005: the table on the other side of a foreign key.
        let sql = "ALTER TABLE orders ALTER code TYPE text";
        let modes = held(&connection, sql, "shipments").await;
        assert!(modes.contains(&"AccessExclusiveLock".to_owned()), "{major}: {modes:?}");

        // AL060: whatever the change of the columns is.
        for change in [
            "ALTER TABLE shipments ADD COLUMN note text",
            "ALTER TABLE shipments ALTER order_id TYPE bigint",
            "ALTER TABLE shipments DROP COLUMN note",
        ] {
            connection.batch_execute("PREPARE s AS SELECT * FROM shipments").await.unwrap();
            connection.batch_execute("EXECUTE s").await.unwrap();
            connection.batch_execute(change).await.unwrap();
            assert_eq!(refused(&connection, "EXECUTE s").await, "0A000", "{major} {change}");
            connection.batch_execute("DEALLOCATE s").await.unwrap();
        }

        // AL054, and an enum that is as new as its value.
        let sql = "BEGIN; ALTER TYPE mood ADD VALUE 'x'; \
                   ALTER TABLE users ALTER feeling SET DEFAULT 'x'";
        assert_eq!(refused(&connection, sql).await, "55P04", "{major}");
        connection.batch_execute("ROLLBACK").await.unwrap();
        let sql = "BEGIN; CREATE TYPE m AS ENUM ('a'); ALTER TYPE m ADD VALUE 'x'; SELECT 'x'::m";
        if major >= 17 {
            connection.batch_execute(sql).await.unwrap();
        } else {
            assert_eq!(refused(&connection, sql).await, "55P04", "{major}");
        }
        connection.batch_execute("ROLLBACK").await.unwrap();

        // AL058: reported as done, and still not valid.
        let sql = "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_broken_idx ON users (nick)";
        connection.batch_execute(sql).await.unwrap();
        let sql = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_broken_idx'::regclass";
        let valid: bool = connection.query_one(sql, &[]).await.unwrap().get(0);
        assert!(!valid, "{major}");

        // AL066.
        let upsert =
            "INSERT INTO users (login, age) VALUES ('l1', 1) ON CONFLICT (login) DO NOTHING";
        connection.batch_execute(upsert).await.unwrap();
        connection.batch_execute("DROP INDEX CONCURRENTLY users_login_key").await.unwrap();
        assert_eq!(refused(&connection, upsert).await, "42P10", "{major}");

        // AL068.
        let insert = "INSERT INTO orders (id) VALUES (1000)";
        connection.batch_execute(insert).await.unwrap();
        connection.batch_execute("ALTER TABLE orders ALTER status DROP DEFAULT").await.unwrap();
        assert_eq!(refused(&connection, &insert.replace("1000", "1001")).await, "23502", "{major}");

        // AL071.
        let distinct = "SELECT DISTINCT * FROM events_2026";
        connection.batch_execute(distinct).await.unwrap();
        connection.batch_execute("ALTER TABLE events_2026 ADD extra json").await.unwrap();
        assert_eq!(refused(&connection, distinct).await, "42883", "{major}");

        connection.close().await;
    }
}
