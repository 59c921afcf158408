//! What runs on every pull request: is a migration missing, and does each go up, down and up again?

use crate::place::Place;

#[tokio::test]
async fn a_missing_migration_and_a_wrong_downgrade_are_found() {
    let place = Place::new("ci").await;
    place.revision(
        "users",
        "none",
        "CREATE TABLE users (id bigint PRIMARY KEY);",
        "DROP TABLE users;",
    );
    place.project.write("airlock.toml", "[schema]\npath = 'schema.sql'\n");
    place.project.write("schema.sql", "CREATE TABLE users (id bigint PRIMARY KEY);\n");
    place.up("head");
    place.run(&["check"]).expect(0);
    place.run(&["test", "--strict"]).expect(0);

    // A developer changes the models and forgets the migration.
    place.project.write("schema.sql", "CREATE TABLE users (id bigint PRIMARY KEY, phone text);\n");
    let missing = place.run(&["check"]).expect(3).stdout;
    assert!(missing.contains("phone"), "{missing}");
    place.run(&["revision", "--autogenerate", "-m", "phone", "--rev-id", "phone"]).expect(0);
    place.run(&["test", "--strict"]).expect(0);
    place.up("head");
    place.run(&["check"]).expect(0);
    place.run(&["current", "--check-heads"]).expect(0);

    // A downgrade that is none.
    place.revision("wrong", "phone", "ALTER TABLE users ADD COLUMN a int;", "SELECT 1;");
    let found = place.run(&["test"]).expect(1).stderr;
    assert!(found.contains("revision wrong") && found.contains("users"), "{found}");
}
