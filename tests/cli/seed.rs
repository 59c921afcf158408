//! `airlock seed`: rows for chosen environments, never for one that a seed does not name.

use crate::site::Site;

async fn site(name: &str) -> Site {
    let site = Site::new(name).await;
    let url = site.project.variable("DATABASE_URL");
    site.project.write(
        "airlock.toml",
        format!(
            "[variables]\nadmin = 'root'\n[env.development]\ndatabase_url = '{url}'\n\
             [env.production]\ndatabase_url = '{url}'\n"
        ),
    );
    std::fs::create_dir_all(site.project.path("migrations/seeds")).unwrap();
    site
}

fn write(site: &Site, name: &str, text: &str) {
    site.project.write(&format!("migrations/seeds/{name}.sql"), text);
}

async fn names(site: &Site) -> String {
    site.value("SELECT string_agg(name, ',' ORDER BY id) FROM users WHERE id > 1000").await
}

const DEVELOPMENT: [&str; 3] = ["seed", "--env", "development"];

#[tokio::test]
async fn a_seed_goes_in_once_and_only_where_it_belongs() {
    let site = site("seed_once").await;
    let admin = "-- environments: development, staging\n-- variables: admin\n\
                 INSERT INTO users VALUES (1001, :'admin');\nINSERT INTO users VALUES (1002, 'second');";
    write(&site, "admin", admin);
    let said = site.run(&["seed"]).expect(4).stderr;
    assert!(said.contains("no environment is chosen"), "{said}");
    let said = site.run(&["seed", "admin", "--env", "production"]).expect(4).stderr;
    assert!(said.contains("is not for environment production"), "{said}");
    let said = site.run(&["seed", "--env", "production"]).expect(0).stdout;
    assert!(said.contains("Nothing to put in"), "{said}");
    assert_eq!(names(&site).await, "");
    site.run(&["upgrade", "--env", "development"]).expect(0);
    assert_eq!(names(&site).await, "", "upgrade puts no seed in");

    let status = |environment: &str| site.run(&["status", "--env", environment]).expect(0).stdout;
    assert!(status("development").contains("admin-seed"));
    assert!(!status("production").contains("admin-seed"), "pending where it never runs");
    site.run(&DEVELOPMENT).expect(0);
    assert_eq!(names(&site).await, "root,second");
    let said = site.run(&DEVELOPMENT).expect(0).stdout;
    assert!(said.contains("Nothing to put in"), "{said}");

    // Another text of it is not put in a second time, and that is said.
    write(&site, "admin", &admin.replace("second", "third"));
    let said = site.run(&DEVELOPMENT).expect(0).stderr;
    assert!(said.contains("has changed since it was put in"), "{said}");
    assert_eq!(names(&site).await, "root,second");
    site.run(&["check", "--quick"]).expect(0);
    let current = site.run(&["current"]).expect(0).stdout;
    assert!(!current.contains("seed"), "{current}");
}

#[tokio::test]
async fn one_that_may_goes_in_again_and_one_that_fails_leaves_nothing() {
    let site = site("seed_again").await;
    let text = "-- environments: development\n-- again: yes\n-- depends-on: zero\n\
                INSERT INTO users VALUES (1001, 'a') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name;";
    write(&site, "again", text);
    write(&site, "zero", "-- environments: development\nINSERT INTO users VALUES (1000 + 1, 'z');");
    site.run(&DEVELOPMENT).expect(0);
    assert_eq!(names(&site).await, "a", "the one that it depends on came first");
    write(&site, "again", &text.replace("'a'", "'b'"));
    site.run(&DEVELOPMENT).expect(0);
    assert_eq!(names(&site).await, "b");

    let broken = "-- environments: development\nINSERT INTO users VALUES (1005, 'x');\n\
                  INSERT INTO users VALUES (1001, 'twice');";
    write(&site, "broken", broken);
    let said = site.run(&DEVELOPMENT).expect(1).stderr;
    assert!(said.contains("duplicate key"), "{said}");
    assert_eq!(names(&site).await, "b");
    write(&site, "broken", &broken.replace("(1001", "(1006"));
    site.run(&DEVELOPMENT).expect(0);
    assert_eq!(names(&site).await, "b,x,twice");
}

#[tokio::test]
async fn a_seed_that_does_not_say_where_it_belongs_is_refused() {
    let site = site("seed_header").await;
    write(&site, "admin", "INSERT INTO users VALUES (1001, 'x');");
    let said = site.run(&DEVELOPMENT).expect(2).stderr;
    assert!(said.contains("-- environments"), "{said}");
    write(&site, "admin", "-- enviroments: development\nINSERT INTO users VALUES (1001, 'x');");
    let said = site.run(&DEVELOPMENT).expect(2).stderr;
    assert!(said.contains("did you mean `environments`?"), "{said}");
    let said = site.run(&["seed", "--env", "elsewhere"]).expect(2).stderr;
    assert!(said.contains("no environment `elsewhere`"), "{said}");
    assert_eq!(names(&site).await, "");
}
