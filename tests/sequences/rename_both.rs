//! A table and one of its columns are renamed together, and back.

use crate::place::{Place, assert_same};

#[tokio::test]
async fn a_table_and_its_column() {
    let place = Place::new("rename_both").await;
    let table = "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
                 CREATE INDEX users_name ON users (name);";
    place.revision("users", "none", table, "DROP TABLE users;");
    place.revision(
        "people",
        "users",
        "ALTER TABLE users RENAME TO people;
         ALTER TABLE people RENAME COLUMN name TO full_name;",
        "ALTER TABLE people RENAME COLUMN full_name TO name;
         ALTER TABLE people RENAME TO users;",
    );
    place.up("users");
    place
        .execute(
            "INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 1500) g; ANALYZE users",
        )
        .await;
    let before = place.schema().await;
    place.run(&["upgrade"]).expect(0);
    // Both names, until the old application is gone.
    assert_eq!(place.value("SELECT count(*) FROM people WHERE full_name = 'n3'").await, "1");
    assert_eq!(place.value("SELECT count(*) FROM users WHERE name = 'n3'").await, "1");
    place.run(&["contract", "--because", "the test was the old application"]).expect(0);
    assert_eq!(place.value("to_regclass('users') IS NULL").await, "true");
    place.down("-1");
    assert_same(&before, &place.schema().await, "after the way back");
    assert_eq!(place.value("SELECT count(*) FROM users WHERE name = 'n' || id").await, "1500");
    place.up("head");
}
