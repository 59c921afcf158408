//! The shop of the pages on a server, with rows.

use airlock::connect::Connection;
use airlock::sandbox::{Cluster, ClusterOptions};

const TABLES: &str = include_str!("../../src/hazard/shop.sql");

/// Everything has rows but `archive`; the sequence of `orders` is past its half.
const ROWS: &str = "
INSERT INTO users (login, name, bio, nick, contact, feeling, age)
SELECT 'l' || g, 'n' || g, 'b', 'k' || g, 'a@b' || g, 'happy', 30 FROM generate_series(1, 500) g;
INSERT INTO orders (id, user_id, code, total, placed_at, doc)
SELECT g, 1, 'c' || g, g, now(), '{}' FROM generate_series(1, 500) g;
INSERT INTO shipments (id, order_code, order_id, user_id, weight)
SELECT g, 'c' || g, g, 1, 1 FROM generate_series(1, 500) g;
INSERT INTO events SELECT '2024-05-05', 'x' FROM generate_series(1, 500);
INSERT INTO events_2025 SELECT '2025-05-05', 'x' FROM generate_series(1, 500);
INSERT INTO events_2026 SELECT date '2026-01-01' + g / 2, 'x' FROM generate_series(1, 500) g;
INSERT INTO metrics SELECT '2024-05-05', 1 FROM generate_series(1, 500);
INSERT INTO metrics SELECT '2000-05-05', 1 FROM generate_series(1, 500);
INSERT INTO metrics_2025 SELECT '2025-05-05', 1 FROM generate_series(1, 500);
REFRESH MATERIALIZED VIEW totals;
SELECT setval('orders_id_seq', 1500000000);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_broken_idx'::regclass;
ALTER DATABASE shop SET TimeZone = 'Europe/Oslo'";

/// A server with the shop as database `shop`, to be copied.
pub(crate) async fn open(major: u32) -> Cluster {
    let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
    let cluster = Cluster::start(&options).unwrap();
    let shop = cluster.create_database("shop", None).await.unwrap();
    let connection = shop.connect("hazards").await.unwrap();
    connection.batch_execute("CREATE ROLE shopkeeper").await.unwrap();
    connection.batch_execute(TABLES).await.unwrap();
    connection.batch_execute(ROWS).await.unwrap();
    connection.batch_execute("ANALYZE").await.unwrap();
    connection.close().await;
    cluster
}

/// A connection to a fresh copy of the shop.
pub(crate) async fn copy(cluster: &Cluster) -> Connection {
    cluster.drop_database("work").await.unwrap();
    let target = cluster.create_database("work", Some("shop")).await.unwrap();
    let connection = target.connect("hazards").await.unwrap();
    connection.batch_execute("SET TimeZone = 'Europe/Oslo'").await.unwrap();
    connection
}
