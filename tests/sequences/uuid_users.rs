//! A table with UUID keys and two composite indexes, made at once and on rows that are there.

use crate::place::Place;

#[tokio::test]
async fn uuid_keys_and_composite_indexes() {
    let place = Place::new("uuid_users").await;
    place.revision(
        "users",
        "none",
        "CREATE TABLE users (
             id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
             tenant_id uuid NOT NULL,
             email text NOT NULL,
             created_at timestamptz NOT NULL DEFAULT now()
         );
         CREATE UNIQUE INDEX users_tenant_email ON users (tenant_id, lower(email));",
        "DROP TABLE users;",
    );
    place.revision(
        "recent",
        "users",
        "CREATE INDEX users_tenant_created ON users (tenant_id, created_at DESC);",
        "DROP INDEX users_tenant_created;",
    );
    place.up("users");
    place
        .execute(
            "INSERT INTO users (tenant_id, email)
             SELECT gen_random_uuid(), 'U' || g FROM generate_series(1, 3000) g; ANALYZE users",
        )
        .await;
    place.up("head");
    let valid = "SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND indisvalid";
    assert_eq!(place.value(valid).await, "3");
    place.there_and_back_from_here().await;
}
