//! `[env.NAME]`: which database is meant, who has to say so, and what has to have run elsewhere first.

use crate::site::{STATUS, Site};

/// Two databases with the same schema, and a project that knows both.
async fn two(name: &str) -> (Site, Site) {
    let mut production = Site::new(&format!("{name}_production")).await;
    let staging = Site::new(&format!("{name}_staging")).await;
    let (url, staging_url) =
        (production.project.variable("DATABASE_URL"), staging.project.variable("DATABASE_URL"));
    production.project.write(
        "airlock.toml",
        format!(
            "[env.staging]\ndatabase_url = '{staging_url}'\n\
             [env.production]\ndatabase_url_env = 'PRODUCTION'\nconfirm = true\n\
             reviewed = true\nafter = 'staging'\n"
        ),
    );
    production.project.set("PRODUCTION", url);
    (production, staging)
}

#[tokio::test]
async fn a_plan_goes_from_staging_to_production_or_not_at_all() {
    let (production, staging) = two("promoted").await;
    production.project.revision("aaaa", "none", STATUS);
    let on = |environment: &str, arguments: &[&str], code: i32| {
        let mut all = vec!["--env", environment];
        all.extend(arguments);
        let ran = production.run(&all).expect(code);
        format!("{}{}", ran.stdout, ran.stderr)
    };
    let sure = ["--confirm", "production"];

    // DATABASE_URL says production, --env says staging: staging it is.
    let said = on("production", &["upgrade", "--confirm", "production"], 3);
    assert!(said.contains("plan file plans/aaaa.toml is missing"), "{said}");
    on("staging", &["plan"], 0);
    let said = on("production", &[&["upgrade"], &sure[..]].concat(), 3);
    assert!(said.contains("revision aaaa has not run in staging"), "{said}");
    on("staging", &["upgrade"], 0);
    assert!(staging.has_column("status").await && !production.has_column("status").await);

    // Nobody says that it is meant, or something else.
    let said = on("production", &["upgrade"], 4);
    assert!(said.contains("Add --confirm production."), "{said}");
    let said = on("production", &["upgrade", "--confirm", "staging"], 4);
    assert!(said.contains("the environment is production"), "{said}");
    assert!(!production.has_column("status").await);
    on("production", &[&["upgrade"], &sure[..]].concat(), 0);
    assert!(production.has_column("status").await);

    // Contract too has to have come through there.
    let contract = [&["contract", "--because", "a test"], &sure[..]].concat();
    let said = on("production", &contract, 3);
    assert!(said.contains("It is at-gate there."), "{said}");
    on("staging", &["contract"], 0);
    on("production", &contract, 0);

    // Another plan than the one that ran there.
    production.project.revision("bbbb", "aaaa", "CREATE INDEX users_name ON users (name);");
    on("staging", &["upgrade"], 0);
    std::fs::remove_file(production.project.path("plans/bbbb.toml")).unwrap();
    production.project.revision("bbbb", "aaaa", "CREATE INDEX users_names ON users (name);");
    on("production", &["plan"], 0);
    let said = on("production", &[&["upgrade"], &sure[..]].concat(), 3);
    assert!(said.contains("is not the one that ran in staging"), "{said}");
    assert_eq!(production.value("to_regclass('users_names')").await, "");
}

#[tokio::test]
async fn an_environment_that_is_not_there_is_named() {
    let (production, _staging) = two("unknown_environment").await;
    let said = production.run(&["history", "--env", "produktion"]).expect(2).stderr;
    assert!(said.contains("Did you mean `production`?"), "{said}");
    let said = production.run(&["upgrade", "--confirm", "production"]);
    // Nothing is pending, so nothing is asked.
    assert!(said.expect(0).stdout.contains("Up to date"));
    production.project.revision("aaaa", "none", STATUS);
    let said = production.run(&["upgrade", "--confirm", "production"]).expect(4).stderr;
    assert!(said.contains("no environment is chosen"), "{said}");
}
