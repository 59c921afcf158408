//! `total_dollars numeric` becomes `total_cents bigint`, and back, to the cent.

use crate::place::{Place, assert_same};

const UP: &str = "\
ALTER TABLE orders ADD COLUMN total_cents bigint;
UPDATE orders SET total_cents = (total_dollars * 100)::bigint;
ALTER TABLE orders ALTER COLUMN total_cents SET NOT NULL;
ALTER TABLE orders DROP COLUMN total_dollars;";

const DOWN: &str = "\
ALTER TABLE orders ADD COLUMN total_dollars numeric(12, 2);
UPDATE orders SET total_dollars = total_cents / 100.0;
ALTER TABLE orders ALTER COLUMN total_dollars SET NOT NULL;
ALTER TABLE orders DROP COLUMN total_cents;";

#[tokio::test]
async fn dollars_and_cents_both_ways() {
    let place = Place::new("cents").await;
    let table =
        "CREATE TABLE orders (id bigint PRIMARY KEY, total_dollars numeric(12, 2) NOT NULL);";
    place.revision("orders", "none", table, "DROP TABLE orders;");
    place.revision("cents", "orders", UP, DOWN);
    place.up("orders");
    place
        .execute(
            "INSERT INTO orders SELECT g, g * 1.07 + 0.01 FROM generate_series(1, 20000) g; ANALYZE orders",
        )
        .await;
    let before = place.schema().await;
    let sum = place.value("SELECT sum(total_dollars) FROM orders").await;
    place.up("head");
    assert_eq!(
        place.value("SELECT (sum(total_cents) / 100.0)::numeric(20, 2) FROM orders").await,
        sum
    );
    place.execute("INSERT INTO orders VALUES (0, 1999)").await;
    place.down("-1");
    assert_same(&before, &place.schema().await, "after the way back");
    assert_eq!(place.value("SELECT total_dollars FROM orders WHERE id = 0").await, "19.99");
    place.execute("DELETE FROM orders WHERE id = 0").await;
    assert_eq!(place.value("SELECT sum(total_dollars) FROM orders").await, sum);
    place.up("head");
}
