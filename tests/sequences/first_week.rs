//! The tutorial's first week: users, a phone number, a flag, orders with a foreign key, an index, a rename, a
//! longer varchar; one revision each, all up and all down.

use crate::place::{Place, assert_same};

const WEEK: [(&str, &str, &str); 7] = [
    (
        "users",
        "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
         name text NOT NULL, email text NOT NULL, code varchar(20));",
        "DROP TABLE users;",
    ),
    ("phone", "ALTER TABLE users ADD COLUMN phone text;", "ALTER TABLE users DROP COLUMN phone;"),
    (
        "verified",
        "ALTER TABLE users ADD COLUMN is_verified boolean NOT NULL DEFAULT false;",
        "ALTER TABLE users DROP COLUMN is_verified;",
    ),
    (
        "orders",
        "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
         user_id bigint NOT NULL REFERENCES users (id), placed_at timestamptz NOT NULL DEFAULT now());",
        "DROP TABLE orders;",
    ),
    ("email", "CREATE UNIQUE INDEX users_email ON users (email);", "DROP INDEX users_email;"),
    (
        "full_name",
        "ALTER TABLE users RENAME COLUMN name TO full_name;",
        "ALTER TABLE users RENAME COLUMN full_name TO name;",
    ),
    (
        "longer",
        "ALTER TABLE users ALTER COLUMN code TYPE varchar(30);",
        "ALTER TABLE users ALTER COLUMN code TYPE varchar(20);",
    ),
];

#[tokio::test]
async fn all_up_and_all_down() {
    let place = Place::new("first_week").await;
    let mut parent = "none";
    for (id, up, down) in WEEK {
        place.revision(id, parent, up, down);
        parent = id;
    }
    let mut schemas = vec![place.schema().await];
    for (day, (id, _, _)) in WEEK.iter().enumerate() {
        place.up("+1");
        assert!(place.run(&["current"]).expect(0).stdout.starts_with(id), "day {day}");
        schemas.push(place.schema().await);
        if day == 0 {
            place
                .execute(
                    "INSERT INTO users (name, email, code)
                     SELECT 'n' || g, g || '@example.org', 'c' || g FROM generate_series(1, 500) g;
                     ANALYZE users",
                )
                .await;
        }
    }
    place.execute("INSERT INTO orders (user_id) SELECT id FROM users").await;
    assert_eq!(
        place.value("SELECT full_name FROM users WHERE email = '7@example.org'").await,
        "n7"
    );

    for (day, (id, _, _)) in WEEK.iter().enumerate().rev() {
        place.down("-1");
        assert_same(&schemas[day], &place.schema().await, &format!("{id} taken back"));
        if day == 6 {
            assert_eq!(
                place.value("SELECT count(*) FROM users WHERE code = 'c' || id").await,
                "500"
            );
        }
        if day == 1 {
            assert_eq!(
                place.value("SELECT count(*) FROM users WHERE name = 'n' || id").await,
                "500"
            );
        }
    }
    assert!(place.run(&["current"]).expect(0).stdout.contains("No revision has run"));
    place.up("head");
    assert_same(&schemas[7], &place.schema().await, "up again");
}
