//! `airlock lint` with a database, or with the catalog saved from one.

use crate::site::Site;
use serde_json::Value;

const PENDING: &str = "CREATE INDEX users_name ON users (name);\n\
    ALTER TABLE users ALTER COLUMN name SET NOT NULL;\n\
    CREATE TABLE fresh (id bigint REFERENCES users);\nALTER TABLE fresh ADD CHECK (id > 0);\n";

fn schema_of(site: &Site, command: &str) -> jsonschema::Validator {
    jsonschema::validator_for(&site.run(&["schema", command]).expect(0).json()).unwrap()
}

#[tokio::test]
async fn a_saved_catalog_says_what_the_database_says() {
    let site = Site::new("lint_catalog").await;
    site.project.write("pending.sql", PENDING);
    let url = site.project.variable("DATABASE_URL");
    let saved = site.run(&["catalog"]).expect(0).stdout;
    site.project.write("catalog.json", &saved);
    let lint = |more: &[&str]| {
        let arguments = [&["lint", "pending.sql", "--format", "json"], more].concat();
        site.run(&arguments).expect(4).json()
    };
    let live = lint(&["--database-url", &url]);
    let from_file = lint(&["--catalog", "catalog.json"]);
    assert_eq!((&live["catalog"], &from_file["catalog"]), (&"database".into(), &"catalog".into()));
    assert_eq!(live["statements"], from_file["statements"]);
    assert_eq!(live["postgres"], from_file["postgres"]);
    let verdicts: Vec<&Value> =
        live["statements"].as_array().unwrap().iter().map(|s| &s["verdict"]).collect();
    assert_eq!(verdicts, ["blocking", "blocking", "brief", "safe"]);
    // DATABASE_URL is set, and does not count.
    assert_eq!(lint(&[])["catalog"], "files");

    // Reading and writing again gives the same bytes.
    let value: Value = serde_json::from_str(&saved).unwrap();
    let catalog: airlock::catalog::Catalog =
        serde_json::from_value(value["catalog"].clone()).unwrap();
    assert_eq!(serde_json::to_value(&catalog).unwrap(), value["catalog"]);
    assert_eq!(catalog, airlock::catalog::load(&site.client).await.unwrap());
}

#[tokio::test]
async fn what_a_known_database_does_not_have_is_an_error() {
    let site = Site::new("lint_missing").await;
    site.project.write("pending.sql", "ALTER TABLE userz ADD COLUMN a int;\nSELECT 1;\n");
    let url = site.project.variable("DATABASE_URL");
    let ran = site.run(&["lint", "pending.sql", "--database-url", &url]).expect(2);
    assert!(ran.stdout.contains("Did you mean \"users\"?"), "{}", ran.stdout);
    site.run(&["lint", "pending.sql"]).expect(0);
}

#[tokio::test]
async fn what_an_earlier_block_may_have_made_is_no_error() {
    let site = Site::new("lint_block").await;
    let block = "DO $$ BEGIN EXECUTE 'ALTER TABLE users ADD COLUMN made int'; END $$;\n";
    let change = "ALTER TABLE users ALTER COLUMN made SET DEFAULT 1;\n";
    let url = site.project.variable("DATABASE_URL");
    let lint = |name: &str, text: &str, code| {
        site.project.write(name, text);
        site.run(&["lint", name, "--database-url", &url, "--format", "json"]).expect(code).json()
    };
    lint("alone.sql", change, 2);
    let found = lint("after.sql", &format!("{block}{change}"), 0);
    assert_eq!(found["statements"][1]["locks"][0]["relation"], "public.users");
    assert_eq!(found["statements"][1]["locks"][0]["mode"], "ACCESS EXCLUSIVE");
}

#[tokio::test]
async fn plan_shows_its_statements_as_the_schema_says() {
    let site = Site::new("lint_plan").await;
    site.project.revision("aaaa", "none", PENDING);
    let plan = site.run(&["plan", "--format", "json"]).expect(0).json();
    let errors: Vec<String> =
        schema_of(&site, "plan").iter_errors(&plan).map(|e| format!("{e}")).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{plan:#}");
    let statements = plan["statements"].as_array().unwrap();
    assert_eq!(statements.len(), 4);
    assert_eq!(statements[0]["builds"], serde_json::json!(["public.users"]));
    let check = site.run(&["plan", "--check", "--format", "json"]).expect(0).json();
    assert!(schema_of(&site, "plan").is_valid(&check));
}
