//! How long it takes to plan a migration of ten statements against a loaded catalog, from SQL text
//! to the bytes of the plan file. The catalog is that of a real server.

use airlock::catalog::{self, Catalog};
use airlock::plan::{self, PlannedRevision};
use airlock::rewrite::{self, Options};
use airlock::sandbox::{Cluster, ClusterOptions};
use airlock::sql::{self, canonical};
use criterion::Criterion;
use std::hint::black_box;

const SETUP: &str = "
CREATE TABLE countries (code text PRIMARY KEY);
CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, first_name text NOT NULL, last_name text NOT NULL, phone text, country text);
CREATE INDEX users_phone_idx ON users (phone);
INSERT INTO users SELECT g, 'e' || g, 'f', 'l', 'p' || g, 'NO' FROM generate_series(1, 20000) AS g;
INSERT INTO countries VALUES ('NO');
ANALYZE;
";

const MIGRATION: &str = "
ALTER TABLE users ADD COLUMN status text;
UPDATE users SET status = CASE WHEN country = 'NO' THEN 'home' ELSE 'abroad' END;
ALTER TABLE users ALTER COLUMN status SET NOT NULL;
CREATE INDEX users_country_idx ON users (country);
ALTER TABLE users ADD CONSTRAINT users_country_fkey FOREIGN KEY (country) REFERENCES countries (code);
ALTER TABLE users ADD CONSTRAINT users_email_check CHECK (email <> '');
ALTER TABLE users RENAME COLUMN phone TO phone_number;
ALTER TABLE users ADD COLUMN full_name text;
UPDATE users SET full_name = first_name || ' ' || last_name;
ALTER TABLE users DROP COLUMN first_name, DROP COLUMN last_name;
";

fn load() -> Catalog {
    let cluster = Cluster::start(&ClusterOptions::default()).expect("a server starts");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let client = cluster.target("postgres").connect("bench").await.expect("connects");
        client.batch_execute(SETUP).await.expect("the setup runs");
        catalog::load(&client).await.expect("the catalog loads")
    })
}

fn plan_from_text(catalog: &Catalog) -> String {
    let script = sql::parse(MIGRATION, 0..MIGRATION.len()).expect("the migration parses");
    let revision = PlannedRevision {
        id: "0123456789ab".to_owned(),
        parents: Vec::new(),
        message: "ten statements".to_owned(),
        digest: canonical::digest(&script),
    };
    let plan = rewrite::plan(&script, catalog, revision, &Options::default()).expect("it plans");
    plan::file::to_toml(&plan)
}

fn main() {
    let catalog = load();
    let mut criterion = Criterion::default().configure_from_args().sample_size(50);
    criterion.bench_function("plan ten statements", |bencher| {
        bencher.iter(|| black_box(plan_from_text(black_box(&catalog))));
    });
    criterion.final_summary();
}
