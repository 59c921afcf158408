//! A deploy script with `set -e`: a migration that fails stops it, and the application is not started.

use crate::place::Place;

const SCRIPT: &str =
    "set -e\n\"$AIRLOCK\" upgrade head --through contract\necho started >> app.log\n";

fn deploy(place: &Place) -> Option<i32> {
    let mut command = place.project.command(&[]);
    let program = command.get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", SCRIPT]).current_dir(command.get_current_dir().unwrap());
    shell.env("AIRLOCK", program);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.arg("unused");
    shell.status().unwrap().code()
}

#[tokio::test]
async fn it_stops_on_failure_and_goes_on_once_that_is_mended() {
    let place = Place::new("deploy").await;
    place.revision(
        "users",
        "none",
        "CREATE TABLE users (id bigint, name text);",
        "DROP TABLE users;",
    );
    assert_eq!(deploy(&place), Some(0));
    place.execute("INSERT INTO users VALUES (1, 'a'), (1, 'b'); ANALYZE users").await;
    place.revision(
        "index",
        "users",
        "CREATE INDEX users_name ON users (name);",
        "DROP INDEX users_name;",
    );
    let unique = "CREATE UNIQUE INDEX users_id ON users (id);";
    place.revision("unique", "index", unique, "DROP INDEX users_id;");
    place.revision("later", "unique", "CREATE TABLE later (id bigint);", "DROP TABLE later;");
    assert_eq!(deploy(&place), Some(1));
    assert_eq!(place.project.read("app.log"), "started\n", "the application was not started");
    assert_eq!(
        place.value("to_regclass('users_name') IS NOT NULL").await,
        "true",
        "what came before is done"
    );
    assert_eq!(
        place.value("to_regclass('later') IS NULL").await,
        "true",
        "what comes after is not"
    );
    let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
    assert_eq!(place.value(invalid).await, "0", "no broken index is left");

    place.execute("UPDATE users SET id = 2 WHERE name = 'b'").await;
    assert_eq!(deploy(&place), Some(0));
    assert_eq!(place.states(), ["done", "done", "done", "done"]);
    assert_eq!(place.project.read("app.log"), "started\nstarted\n");
}
