//! An enum type and a column of it, with a value more later.

use crate::place::Place;

#[tokio::test]
async fn an_enum_and_a_column_of_it() {
    let place = Place::new("enum_status").await;
    place.revision(
        "users",
        "none",
        "CREATE TABLE users (id bigint PRIMARY KEY);",
        "DROP TABLE users;",
    );
    place.revision(
        "status",
        "users",
        "CREATE TYPE user_status AS ENUM ('active', 'inactive', 'banned');
         ALTER TABLE users ADD COLUMN status user_status NOT NULL DEFAULT 'active';",
        "ALTER TABLE users DROP COLUMN status;
         DROP TYPE user_status;",
    );
    place.up("users");
    place.execute("INSERT INTO users SELECT generate_series(1, 1000); ANALYZE users").await;
    let before = place.schema().await;
    place.up("head");
    assert_eq!(place.value("SELECT count(*) FROM users WHERE status = 'active'").await, "1000");
    place.execute("UPDATE users SET status = 'banned' WHERE id = 1").await;
    place.down("-1");
    crate::place::assert_same(&before, &place.schema().await, "without the enum");
    assert_eq!(
        place.value("SELECT count(*) FROM pg_type WHERE typname = 'user_status'").await,
        "0"
    );
    place.up("head");

    // A value more, used only by what runs afterwards.
    place.revision("pending", "status", "ALTER TYPE user_status ADD VALUE 'pending';", "");
    place.up("head");
    place.execute("UPDATE users SET status = 'pending' WHERE id = 2").await;
}
