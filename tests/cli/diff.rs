//! `diff`, `revision --autogenerate`, `check` and `test` as a user meets them, on real servers.

use crate::project::Project;
use airlock::sandbox::{Cluster, ClusterOptions};

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text);";

fn url(cluster: &Cluster, database: &str) -> String {
    let (folder, port) = (cluster.socket_dir().display(), cluster.port());
    format!("postgresql://postgres@/{database}?host={folder}&port={port}")
}

/// The one revision file that is not among `known`.
fn new_file(project: &Project, known: &[&str]) -> String {
    let entries = std::fs::read_dir(project.path("migrations")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut new = names.filter(|name| name.ends_with(".sql") && !known.contains(&name.as_str()));
    let found = new.next().expect("a revision was made");
    assert_eq!(new.next(), None);
    format!("migrations/{found}")
}

#[test]
fn a_generated_revision_leads_to_the_desired_schema_and_back() {
    let project = Project::new();
    project.write("airlock.toml", "[schema]\npath = \"schema.sql\"\n");
    project.revision("aaaaaaaaaaaa", "none", USERS);
    project.write(
        "schema.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(30), phone text);
         CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users);
         CREATE INDEX orders_user ON orders (user_id);",
    );
    project.run(&["check"]).expect(3);
    project.run(&["revision", "--autogenerate", "-m", "orders"]).expect(0);
    let text = project.read(&new_file(&project, &["aaaaaaaaaaaa.sql"]));
    for part in ["ADD COLUMN phone text;", "CREATE INDEX orders_user", "DROP TABLE public.orders;"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let tested = project.run(&["test"]).expect(0);
    assert!(tested.stdout.contains("1 of 2 revisions go up, down and up again"), "{tested:?}");
    project.run(&["test", "--strict"]).expect(1);
    project.run(&["check"]).expect(0);
    let again = project.run(&["revision", "--autogenerate", "-m", "nothing"]).expect(0);
    assert!(again.stdout.contains("Nothing is missing"), "{again:?}");
}

#[test]
fn a_rename_is_asked_for() {
    let project = Project::new();
    project.write("old.sql", USERS);
    project.write("new.sql", "CREATE TABLE users (id bigint PRIMARY KEY, full_name text);");
    let asked = project.run(&["diff", "old.sql", "new.sql"]).expect(4);
    let line = "--rename public.users.name=public.users.full_name";
    assert!(asked.stderr.contains(line), "{asked:?}");
    let renamed = ["diff", "old.sql", "new.sql", "--sql", "--rename", "users.name=users.full_name"];
    let renamed = project.run(&renamed).expect(0);
    assert_eq!(renamed.stdout, "ALTER TABLE public.users RENAME COLUMN name TO full_name;\n");
    let dropped = project.run(&["diff", "old.sql", "new.sql", "--drop", "users.name"]).expect(0);
    assert!(dropped.stdout.contains("loses its values"), "{dropped:?}");
    project.write(
        "note.sql",
        "-- airlock: renamed-from users to people\n-- airlock: renamed-from users.name to people.näme\n\
         CREATE TABLE people (id bigint CONSTRAINT users_pkey PRIMARY KEY, näme text);",
    );
    let noted = project.run(&["diff", "old.sql", "note.sql", "--sql"]).expect(0);
    // From 18 on a NOT NULL has a name, which is renamed too.
    let renames = "ALTER TABLE public.users RENAME TO people;\n\
                   ALTER TABLE public.people RENAME COLUMN name TO \"näme\";\n";
    assert!(noted.stdout.starts_with(renames), "{noted:?}");
    project.write("bad.sql", "-- airlock: renamed-from users\nCREATE TABLE t (a int);");
    project.run(&["diff", "old.sql", "bad.sql"]).expect(2);
    project.run(&["diff", "old.sql", "new.sql", "--rename", "users"]).expect(2);
    project.run(&["diff", "old.sql", "nowhere.sql"]).expect(2);
    project.run(&["diff", "old.sql"]).expect(2);
}

#[test]
fn a_column_that_needs_a_value_stops_the_plan_until_it_has_one() {
    let project = Project::new();
    project.revision("aaaaaaaaaaaa", "none", USERS);
    let wanted = "CREATE TABLE users (id bigint PRIMARY KEY, name text, phone text NOT NULL);";
    project.write("schema.sql", wanted);
    let args = ["diff", "revisions", "schema.sql", "--sql"];
    let open = project.run(&args).expect(0);
    assert!(open.stdout.contains("-- airlock: backfill public.users.phone =\n"), "{open:?}");
    project.write("schema.sql", format!("-- airlock: backfill users.phone = ''\n{wanted}"));
    let given = project.run(&args).expect(0);
    assert!(given.stdout.contains("-- airlock: backfill public.users.phone = ''\n"), "{given:?}");
}

#[test]
fn a_command_may_print_the_desired_schema() {
    let project = Project::new();
    project.write("airlock.toml", "[schema]\ncommand = \"cat models.txt\"\n");
    project.write("models.txt", USERS);
    let found = project.run(&["diff", "--format", "json"]).expect(0).json();
    assert_eq!(found["upgrade"][0]["name"], "public.users");
    project.run(&["diff", "--exit-code"]).expect(3);
    project.write("airlock.toml", "[schema]\ncommand = \"echo no models >&2; exit 7\"\n");
    let failed = project.run(&["diff"]).expect(1);
    assert!(failed.stderr.contains("no models"), "{failed:?}");
}

#[test]
fn files_of_a_folder_may_be_in_any_order() {
    let project = Project::new();
    std::fs::create_dir_all(project.path("schema/tables")).unwrap();
    project.write("schema/a.sql", "CREATE VIEW named AS SELECT name FROM users;");
    project.write("schema/tables/users.sql", USERS);
    project.write("one.sql", format!("{USERS} CREATE VIEW named AS SELECT name FROM users;"));
    project.run(&["diff", "schema", "one.sql", "--exit-code"]).expect(0);
    project.write("schema/broken.sql", "CREATE VIEW broken AS SELECT x FROM nowhere;");
    let broken = project.run(&["diff", "schema", "one.sql"]).expect(1);
    assert!(broken.stderr.contains("schema/broken.sql"), "{broken:?}");
}

#[test]
fn a_downgrade_that_takes_nothing_back_is_named() {
    let project = Project::new();
    project.revision("aaaaaaaaaaaa", "none", USERS);
    project.write(
        "migrations/b.sql",
        "-- revision: bbbbbbbbbbbb\n-- parents: aaaaaaaaaaaa\n-- message: b\n\
         -- created: 2026-01-02T00:00:00Z\n\n-- upgrade\nALTER TABLE users ADD a int, ADD b int;\n\
         -- downgrade\nALTER TABLE users DROP a;\n",
    );
    let tested = project.run(&["test"]).expect(1);
    assert!(tested.stderr.contains("the downgrade of revision bbbbbbbbbbbb"), "{tested:?}");
    assert!(tested.stderr.contains("+ column public.users.b"), "{tested:?}");
}

#[tokio::test]
async fn check_sees_what_somebody_changed_by_hand() {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    let target = cluster.create_database("live", None).await.unwrap();
    let mut project = Project::new();
    project.set("DATABASE_URL", url(&cluster, "live"));
    project.revision("aaaaaaaaaaaa", "none", USERS);
    project.run(&["upgrade"]).expect(0);
    let clean = project.run(&["check"]).expect(0);
    assert!(!clean.stdout.contains("pending"), "{clean:?}");
    let live = target.connect("by hand").await.unwrap();
    live.batch_execute(
        "CREATE INDEX by_hand ON users (name); CREATE ROLE app; ALTER TABLE users OWNER TO app",
    )
    .await
    .unwrap();
    let drifted = project.run(&["check"]).expect(3);
    assert!(drifted.stdout.contains("+ index public.by_hand"), "{drifted:?}");
    project.run(&["check", "--quick"]).expect(0);
    let found = project.run(&["diff", "revisions", "database", "--sql"]).expect(0);
    assert_eq!(found.stdout, "CREATE INDEX by_hand ON public.users USING btree (name);\n");
    // A failed build leaves an invalid index behind.
    live.batch_execute("INSERT INTO users VALUES (1, 'a'), (2, 'a')").await.unwrap();
    let failed = live.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY twice ON users (name)").await;
    assert!(failed.is_err());
    let left = project.run(&["check", "--quick"]).expect(3);
    assert!(left.stdout.contains("index twice is invalid"), "{left:?}");
    project.revision("aaaaaaaaaaaa", "none", "CREATE TABLE users (id bigint PRIMARY KEY, n text);");
    let changed = project.run(&["check", "--quick"]).expect(3);
    assert!(changed.stdout.contains("has changed since it ran"), "{changed:?}");
}

#[tokio::test]
async fn heads_and_current_say_where_one_is() {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    cluster.create_database("live", None).await.unwrap();
    let mut project = Project::new();
    project.set("DATABASE_URL", url(&cluster, "live"));
    assert!(project.run(&["current"]).expect(0).stdout.contains("No revision has run"));
    project.revision("aaaaaaaaaaaa", "none", USERS);
    project.run(&["upgrade"]).expect(0);
    project.run(&["current", "--check-heads"]).expect(0);
    project.revision("bbbbbbbbbbbb", "aaaaaaaaaaaa", "ALTER TABLE users ADD a int;");
    assert!(project.run(&["current", "--check-heads"]).expect(3).stdout.contains("bbbbbbbbbbbb"));
    assert!(project.run(&["heads"]).expect(0).stdout.starts_with("bbbbbbbbbbbb"));
    project.revision("cccccccccccc", "aaaaaaaaaaaa", "ALTER TABLE users ADD c int;");
    let several = project.run(&["heads", "--format", "json"]).expect(3).json();
    assert_eq!(several["heads"].as_array().unwrap().len(), 2);
    // Where the database stands is known though the folder is in disorder.
    project.revision("dddddddddddd", "eeeeeeeeeeee", "SELECT 1;");
    project.run(&["heads"]).expect(2);
    assert!(project.run(&["current"]).expect(0).stdout.starts_with("aaaaaaaaaaaa"));
}
