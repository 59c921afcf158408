//! A required phone number for ten thousand users who have none.

use crate::place::{Place, assert_same};

#[tokio::test]
async fn a_required_column_for_existing_rows() {
    let place = Place::new("required_phone").await;
    place.revision(
        "users",
        "none",
        "CREATE TABLE users (id bigint PRIMARY KEY, name text);",
        "DROP TABLE users;",
    );
    place.up("head");
    place
        .execute(
            "INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 10000) g; ANALYZE users",
        )
        .await;
    let before = place.schema().await;

    // As it is written first, and as it fails everywhere else too: there is nothing to put into the rows.
    let naive = "ALTER TABLE users ADD COLUMN phone text NOT NULL;";
    place.revision("phone", "users", naive, "ALTER TABLE users DROP COLUMN phone;");
    let refused = place.run(&["upgrade"]).expect(4).stderr;
    assert!(refused.contains("backfill"), "{refused}");
    assert_same(&before, &place.schema().await, "after the refusal");

    let said = "-- airlock: backfill users.phone = 'unknown'\nALTER TABLE users ADD COLUMN phone text NOT NULL;";
    place.revision("phone", "users", said, "ALTER TABLE users DROP COLUMN phone;");
    place.up("head");
    assert_eq!(place.value("SELECT count(*) FROM users WHERE phone = 'unknown'").await, "10000");
    let failed = place.client.batch_execute("INSERT INTO users VALUES (0, 'x')").await.unwrap_err();
    assert_eq!(failed.as_db_error().unwrap().code().code(), "23502");
    place.down("-1");
    assert_same(&before, &place.schema().await, "after the way back");
    place.up("head");
}
