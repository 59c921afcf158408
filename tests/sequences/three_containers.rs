//! Three containers of a deploy start `upgrade head` at once, each with files of its own.

use crate::place::Place;
use crate::project::Project;
use std::process::Stdio;

const REVISIONS: [&str; 3] = ["aaaa", "bbbb", "cccc"];

#[tokio::test]
async fn one_works_and_the_others_find_nothing_left_to_do() {
    let place = Place::new("three_containers").await;
    place.execute("CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL)").await;
    place
        .execute("INSERT INTO users SELECT g, 'n' FROM generate_series(1, 20000) g; ANALYZE users")
        .await;
    let containers: Vec<Project> = (0..3)
        .map(|_| {
            let mut project = Project::new();
            project.set("DATABASE_URL", place.project.variable("DATABASE_URL"));
            let mut parent = "none";
            for id in REVISIONS {
                let up = format!(
                    "CREATE TABLE t_{id} (id int);\n-- airlock: marker\nUPDATE users SET name = name || '{id}';"
                );
                project.revision(id, parent, &up);
                parent = id;
            }
            project
        })
        .collect();
    let started: Vec<_> = containers
        .iter()
        .map(|project| {
            let mut command = project.command(&["upgrade", "head"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut worked = 0;
    for child in started {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let done = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{said}");
        worked += usize::from(!done.contains("Up to date"));
    }
    assert!(worked >= 1);
    let once = "SELECT count(*) FROM users WHERE name = 'naaaabbbbcccc'";
    assert_eq!(place.value(once).await, "20000", "each revision has run once");
    assert_eq!(place.value("SELECT count(*) FROM airlock.rollout WHERE state = 'done'").await, "3");
    assert_eq!(place.value("SELECT count(*) FROM airlock.runner").await, "0");
}
