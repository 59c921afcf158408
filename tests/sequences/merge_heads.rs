//! Two colleagues add a revision each; the branches are merged, and run on databases that are at different
//! places.

use crate::place::{Place, assert_same};

fn write(place: &Place) {
    place.revision(
        "users",
        "none",
        "CREATE TABLE users (id bigint PRIMARY KEY);",
        "DROP TABLE users;",
    );
    place.revision(
        "phone",
        "users",
        "ALTER TABLE users ADD COLUMN phone text;",
        "ALTER TABLE users DROP COLUMN phone;",
    );
    place.revision(
        "avatar",
        "users",
        "ALTER TABLE users ADD COLUMN avatar text;",
        "ALTER TABLE users DROP COLUMN avatar;",
    );
}

#[tokio::test]
async fn two_heads_are_merged() {
    let mine = Place::new("merge_mine").await;
    write(&mine);
    mine.up("phone");
    let refused = mine.run(&["upgrade"]).expect(2).stderr;
    assert!(refused.contains("several heads") && refused.contains("airlock merge"), "{refused}");
    let merge = ["merge", "-m", "merge phone and avatar", "--rev-id", "merged"];
    mine.run(&merge).expect(0);
    mine.up("head");

    let fresh = Place::new("merge_fresh").await;
    write(&fresh);
    fresh.run(&merge).expect(0);
    fresh.up("head");
    let columns = "SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute \
                   WHERE attrelid = 'users'::regclass AND attnum > 0";
    for place in [&mine, &fresh] {
        assert_eq!(place.value(columns).await, "avatar id phone");
        assert!(place.run(&["current"]).expect(0).stdout.starts_with("merged "));
        place.run(&["check"]).expect(0);
        place.there_and_back_from_here().await;
        // One side only; the other one stays.
        place.down("phone");
        assert_eq!(place.states(), ["done", "done", "done", "rolled-back"]);
        place.down("users");
        assert_eq!(place.value(columns).await.split(' ').next_back(), Some("id"));
        place.up("head");
    }
    assert_same(&mine.schema().await, &fresh.schema().await, "wherever it began");
}
