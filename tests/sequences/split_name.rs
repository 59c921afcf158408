//! `full_name` becomes `first_name` and `last_name`, and back.

use crate::place::{Place, assert_same};

const UP: &str = "\
ALTER TABLE users ADD COLUMN first_name text;
ALTER TABLE users ADD COLUMN last_name text;
UPDATE users SET first_name = split_part(full_name, ' ', 1),
                 last_name = substr(full_name, strpos(full_name, ' ') + 1);
ALTER TABLE users ALTER COLUMN first_name SET NOT NULL;
ALTER TABLE users ALTER COLUMN last_name SET NOT NULL;
ALTER TABLE users DROP COLUMN full_name;";

const DOWN: &str = "\
ALTER TABLE users ADD COLUMN full_name text;
UPDATE users SET full_name = first_name || ' ' || last_name;
ALTER TABLE users ALTER COLUMN full_name SET NOT NULL;
ALTER TABLE users DROP COLUMN first_name;
ALTER TABLE users DROP COLUMN last_name;";

#[tokio::test]
async fn one_column_becomes_two_and_one_again() {
    let place = Place::new("split_name").await;
    let table = "CREATE TABLE users (id bigint PRIMARY KEY, full_name text NOT NULL);";
    place.revision("users", "none", table, "DROP TABLE users;");
    place.revision("split", "users", UP, DOWN);
    place.up("users");
    place
        .execute(
            "INSERT INTO users SELECT g, 'First' || g || ' Last ' || g FROM generate_series(1, 2000) g;
             ANALYZE users",
        )
        .await;
    let (before, names) =
        (place.schema().await, "SELECT md5(string_agg(full_name, ',' ORDER BY id)) FROM users");
    let was = place.value(names).await;

    // On a busy system it stops while both applications can work, and each sees its own columns.
    place.run(&["upgrade"]).expect(0);
    assert_eq!(place.states(), ["done", "at-gate"]);
    place.execute("INSERT INTO users (id, full_name) VALUES (0, 'Old Application')").await;
    assert_eq!(place.value("SELECT first_name FROM users WHERE id = 0").await, "Old");
    place.execute("DELETE FROM users WHERE id = 0").await;
    place
        .run(&["upgrade", "--through", "contract", "--because", "the test is the application"])
        .expect(0);
    assert_eq!(place.value("SELECT last_name FROM users WHERE id = 17").await, "Last 17");

    place.down("-1");
    assert_same(&before, &place.schema().await, "after the way back");
    assert_eq!(place.value(names).await, was);
    place.up("head");
}
