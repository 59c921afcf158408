//! The table of the demo, its rows and its migrations.

use super::measure::failed;
use crate::error::{Error, Kind};
use crate::revision::{self, Revision};
use crate::sandbox::Cluster;

/// Database on which airlock works.
pub const WITH_AIRLOCK: &str = "with_airlock";
/// Database on which the migrations run as written.
pub const AS_WRITTEN: &str = "as_written";

/// The shipped examples, the first of which creates the table.
const FILES: [(&str, &str); 5] = [
    (
        "migrations/20260105090000_create_customers.sql",
        include_str!("../../migrations/20260105090000_create_customers.sql"),
    ),
    (
        "migrations/20260112090000_give_every_customer_a_status.sql",
        include_str!("../../migrations/20260112090000_give_every_customer_a_status.sql"),
    ),
    (
        "migrations/20260119090000_find_customers_by_country.sql",
        include_str!("../../migrations/20260119090000_find_customers_by_country.sql"),
    ),
    (
        "migrations/20260126090000_call_the_phone_a_phone_number.sql",
        include_str!("../../migrations/20260126090000_call_the_phone_a_phone_number.sql"),
    ),
    (
        "migrations/20260202090000_keep_one_full_name.sql",
        include_str!("../../migrations/20260202090000_keep_one_full_name.sql"),
    ),
];

/// The revisions in order.
///
/// # Errors
/// Never for the shipped files; a broken build would show here.
pub fn revisions() -> Result<Vec<Revision>, Error> {
    FILES
        .iter()
        .map(|(path, text)| {
            revision::file::read(path, text)
                .map_err(|e| Error::new(Kind::Failed, format!("{path}: {e}")))
        })
        .collect()
}

/// Creates the table with `rows` rows, and a copy of the database.
pub async fn create(cluster: &Cluster, rows: u64) -> Result<(), Error> {
    let admin = cluster.target("postgres").connect("airlock demo").await?;
    admin
        .batch_execute(&format!("CREATE DATABASE {WITH_AIRLOCK}"))
        .await
        .map_err(|e| failed(&e, "create the database of the demo"))?;
    {
        let shop = cluster.target(WITH_AIRLOCK).connect("airlock demo").await?;
        let first = revisions()?.remove(0);
        for statement in first.upgrade_script().map_err(|e| broken(&e))?.statements {
            shop.batch_execute(&statement.sql)
                .await
                .map_err(|e| failed(&e, "create the table of the demo"))?;
        }
        let fill = format!(
            "INSERT INTO customers (email, first_name, last_name, phone, country, last_seen) \
             SELECT 'customer' || g || '@example.org', 'First' || g % 1000, 'Last' || g, \
             CASE WHEN g % 3 = 0 THEN NULL ELSE '+47 ' || g END, \
             (ARRAY['NO','SE','DK','FI','IS'])[g % 5 + 1], now() - g % 1000 * interval '1 hour' \
             FROM generate_series(1, {rows}) AS g"
        );
        shop.batch_execute(&fill).await.map_err(|e| failed(&e, "fill the table of the demo"))?;
        shop.batch_execute("VACUUM (ANALYZE) customers")
            .await
            .map_err(|e| failed(&e, "vacuum the table of the demo"))?;
    }
    // The server refuses to copy a database that still has a session.
    for _ in 0..100 {
        let copy =
            format!("CREATE DATABASE {AS_WRITTEN} TEMPLATE {WITH_AIRLOCK} STRATEGY file_copy");
        let old = format!("CREATE DATABASE {AS_WRITTEN} TEMPLATE {WITH_AIRLOCK}");
        let sql = if cluster.major() >= 15 { copy } else { old };
        match admin.batch_execute(&sql).await {
            Ok(()) => return Ok(()),
            Err(e) if crate::connect::sqlstate(&e) == Some("55006") => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(e) => return Err(failed(&e, "copy the database of the demo")),
        }
    }
    Err(Error::new(Kind::Failed, "the database of the demo stayed in use"))
}

fn broken(error: &crate::sql::SqlError) -> Error {
    Error::new(Kind::Failed, format!("a shipped migration does not parse: {error}"))
}
