//! A fingerprint is the same for the same schema, and different for anything that a careless change
//! could lose.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock::catalog::{column_order, data_digest, fingerprint};
use airlock::connect::Connection;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use airlock::sql::QualifiedName;

const SETUP: &str = include_str!("catalog/rich.sql");

/// Small losses and changes, one a line, made one after the other.
const CHANGES: &str = include_str!("catalog/changes.sql");

async fn rich(cluster: &Cluster, database: &str) -> Connection {
    let target = cluster.create_database(database, None).await.unwrap();
    let connection = target.connect("test").await.unwrap();
    connection.batch_execute(SETUP).await.unwrap();
    connection
}

fn cluster(major: u32) -> Cluster {
    Cluster::start(&ClusterOptions { major: Some(major), ..ClusterOptions::default() }).unwrap()
}

#[tokio::test]
async fn every_small_change_shows() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let connection = rich(&cluster, "rich").await;
        let mut before = fingerprint(&connection).await.unwrap();
        for change in CHANGES.lines() {
            connection.batch_execute(change).await.unwrap_or_else(|e| panic!("{change}: {e:?}"));
            let after = fingerprint(&connection).await.unwrap();
            assert!(before != after, "nothing shows on {major}: {change}");
            before = after;
        }
    }
}

#[tokio::test]
async fn the_same_schema_gives_the_same_lines() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let one = rich(&cluster, "one").await;
        let lines = fingerprint(&one).await.unwrap();
        assert!(lines.is_sorted() && lines.len() > 100, "{} lines", lines.len());
        one.batch_execute("DROP SCHEMA app, \"we;rd \"\"name\"\"\" CASCADE; DROP PUBLICATION chosen, everything; DROP OWNED BY reader; DROP ROLE reader").await.unwrap();
        let two = rich(&cluster, "two").await;
        // Neither the session's settings nor the journal nor temporary objects show.
        two.batch_execute(
            "SET search_path = app; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German';
             SET quote_all_identifiers = on; CREATE SCHEMA airlock;
             CREATE TABLE airlock.step (id serial PRIMARY KEY);
             COMMENT ON TABLE airlock.step IS 'x'; COMMENT ON SCHEMA airlock IS 'y';
             COMMENT ON COLUMN airlock.step.id IS 'z'; CREATE TEMP TABLE t (id int PRIMARY KEY);
             COMMENT ON TABLE t IS 'temporary'",
        )
        .await
        .unwrap();
        assert_eq!(lines, fingerprint(&two).await.unwrap());
    }
}

#[tokio::test]
async fn the_order_of_columns_is_told_apart() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let connection = cluster.connect("postgres").await.unwrap();
        let make = |columns: &str| format!("DROP TABLE IF EXISTS t; CREATE TABLE t ({columns})");
        connection.batch_execute(&make("a int, \"B c\" text")).await.unwrap();
        let lines = fingerprint(&connection).await.unwrap();
        assert_eq!(column_order(&connection).await.unwrap(), ["columns of public.t: a, \"B c\""]);
        connection.batch_execute(&make("\"B c\" text, a int")).await.unwrap();
        assert_eq!(lines, fingerprint(&connection).await.unwrap());
        assert_eq!(column_order(&connection).await.unwrap(), ["columns of public.t: \"B c\", a"]);
    }
}

#[tokio::test]
async fn rows_are_compared_whatever_their_order() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let connection = cluster.connect("postgres").await.unwrap();
        connection
            .batch_execute(
                "CREATE TABLE one (a int, \"B\" text, c timestamptz);
                 INSERT INTO one SELECT i, 'x' || i, '2024-01-01 00:00+00' FROM generate_series(1, 50) i;
                 INSERT INTO one VALUES (NULL, '', NULL);
                 CREATE TABLE two (c timestamptz, \"B\" text, a int);
                 INSERT INTO two SELECT c, \"B\", a FROM one ORDER BY random();
                 CREATE TABLE empty (); CREATE SEQUENCE numbers; SELECT nextval('numbers')",
            )
            .await
            .unwrap();
        let of = async |table: &str| {
            data_digest(&connection, &QualifiedName::new("public", table)).await.unwrap()
        };
        let one = of("one").await;
        assert_eq!(one.rows, 51);
        assert_eq!(one, of("two").await);
        connection.batch_execute("SET TimeZone = 'Asia/Tokyo'").await.unwrap();
        assert_eq!(one, of("one").await);
        for change in [
            "UPDATE two SET \"B\" = NULL WHERE a IS NULL",
            "UPDATE two SET a = 2 WHERE a = 1",
            "DELETE FROM two WHERE a = 5",
            "INSERT INTO two SELECT * FROM two WHERE a = 7",
        ] {
            connection.batch_execute(change).await.unwrap();
            let changed = of("two").await;
            assert_ne!(one, changed, "{change}");
            connection
                .batch_execute("TRUNCATE two; INSERT INTO two SELECT c, \"B\", a FROM one")
                .await
                .unwrap();
        }
        assert_eq!(of("empty").await.rows, 0);
        let before = of("numbers").await;
        connection.batch_execute("SELECT nextval('numbers')").await.unwrap();
        assert_ne!(before, of("numbers").await);
        let missing = data_digest(&connection, &QualifiedName::new("public", "no")).await;
        assert!(missing.unwrap_err().message.starts_with("could not read the catalog"));
    }
}
