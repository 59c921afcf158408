//! The rollout that guides spread over five days and as many deploys (add `email_v2`, write both, copy, read the
//! new one, drop the old one), as one revision.

use crate::place::Place;

#[tokio::test]
async fn five_days_are_one_revision() {
    let place = Place::new("email_rollout").await;
    let table = "CREATE TABLE users (id bigint PRIMARY KEY, email varchar(50) NOT NULL);";
    place.revision("users", "none", table, "DROP TABLE users;");
    place.revision(
        "email_v2",
        "users",
        "ALTER TABLE users ADD COLUMN email_v2 text;
         UPDATE users SET email_v2 = lower(email);
         ALTER TABLE users ALTER COLUMN email_v2 SET NOT NULL;
         CREATE UNIQUE INDEX users_email_v2 ON users (email_v2);
         ALTER TABLE users DROP COLUMN email;",
        "ALTER TABLE users ADD COLUMN email varchar(50);
         UPDATE users SET email = email_v2;
         ALTER TABLE users ALTER COLUMN email SET NOT NULL;
         ALTER TABLE users DROP COLUMN email_v2;",
    );
    place.up("users");
    place
        .execute(
            "INSERT INTO users SELECT g, 'User' || g || '@Example.org' FROM generate_series(1, 5000) g;
             ANALYZE users",
        )
        .await;

    // Day one to four: one command. The old application writes the old column, and the new one follows.
    place.run(&["upgrade"]).expect(0);
    assert_eq!(place.states(), ["done", "at-gate"]);
    place.execute("INSERT INTO users (id, email) VALUES (0, 'Late@Example.org')").await;
    place.execute("UPDATE users SET email = 'New@Example.org' WHERE id = 1").await;
    let all = "SELECT count(*) FROM users WHERE email_v2 = lower(email)";
    assert_eq!(place.value(all).await, "5001");
    let status = place.run(&["status"]).expect(0).stdout;
    assert!(status.contains("airlock contract"), "{status}");

    // Day five: the new application is everywhere.
    place.run(&["contract", "--because", "the test was the old application"]).expect(0);
    assert_eq!(place.states(), ["done", "done"]);
    assert_eq!(place.value("SELECT email_v2 FROM users WHERE id = 0").await, "late@example.org");
    let columns = "SELECT string_agg(attname, ' ') FROM pg_attribute \
                   WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped";
    assert_eq!(place.value(columns).await, "id email_v2");
    let left = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'users'::regclass";
    assert_eq!(place.value(left).await, "0", "nothing of the rollout is left");

    place.down("-1");
    assert_eq!(place.value("SELECT email FROM users WHERE id = 1").await, "new@example.org");
    place.up("head");
}
