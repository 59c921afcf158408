//! `password_command` of `airlock.toml`, with a server that wants passwords.

use crate::project::Project;
use airlock::sandbox::{Cluster, ClusterOptions};

const PASSWORD: &str = "t0ken-s3cret";

/// A server on which role `migrator` needs a password.
async fn guarded() -> Cluster {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    std::fs::write(
        cluster.data_dir().join("pg_hba.conf"),
        "local all postgres trust\nlocal all migrator scram-sha-256\n",
    )
    .unwrap();
    let connection = cluster.connect("postgres").await.unwrap();
    connection
        .batch_execute(&format!(
            "CREATE ROLE migrator LOGIN PASSWORD '{PASSWORD}';
             GRANT ALL ON DATABASE postgres TO migrator;
             CREATE SCHEMA shop AUTHORIZATION migrator;
             SELECT pg_reload_conf();"
        ))
        .await
        .unwrap();
    cluster
}

#[tokio::test]
async fn an_environment_gets_its_password_from_a_command() {
    let cluster = guarded().await;
    let project = Project::new();
    let settings = |command: &str| {
        format!(
            "password_command = 'exit 7'\n[log]\nfile = 'log.jsonl'\n\
             [[hook]]\non = ['before-upgrade']\ncommand = ['sh', '-c', 'test \"$PGPASSWORD\" = {PASSWORD}']\n\
             [env.production]\n\
             database_url = 'postgresql://migrator@/postgres?host={}&port={}'\n{command}\n",
            cluster.socket_dir().display(),
            cluster.port()
        )
    };
    project.revision("aaaa", "none", "CREATE TABLE shop.orders (id bigint PRIMARY KEY);");
    let upgrade = ["upgrade", "--env", "production"];

    project
        .write("airlock.toml", settings("password_command = ['sh', '-c', 'echo no >&2; exit 3']"));
    let said = project.run(&upgrade).expect(1).stderr;
    assert!(said.contains("password command sh failed"), "{said}");
    assert!(said.contains("It ended with 3. It said: no"), "{said}");

    let counted = format!("password_command = 'echo run >> runs; echo {PASSWORD}'");
    project.write("airlock.toml", settings(&counted));
    let ran = project.run(&upgrade).expect(0);
    assert_eq!(project.read("runs"), "run\n", "one run serves every connection");
    let kept = [ran.stdout, ran.stderr, project.read("log.jsonl"), project.read("plans/aaaa.toml")];
    assert!(kept.iter().all(|text| !text.contains(PASSWORD)), "{kept:?}");

    // What is left of the top does for other environments, and says so.
    project.write("airlock.toml", settings(""));
    let said = project.run(&["status", "--env", "production"]).expect(1).stderr;
    assert!(said.contains("password command failed") && said.contains("ended with 7"), "{said}");
    for (command, word) in [
        ("password_command = []", "names no program"),
        ("password_command = ' '", "is empty"),
        ("password_command = 1", "expected a command"),
        ("password_command = 'x'\npassword_timeout = '0s'", "password_timeout"),
    ] {
        project.write("airlock.toml", settings(command));
        let said = project.run(&["status", "--env", "production"]).expect(2).stderr;
        assert!(said.contains(word), "{command}: {said}");
    }
    let said = {
        project.write("airlock.toml", "password_max_age = '1m'\n");
        project.run(&["heads"]).expect(2).stderr
    };
    assert!(said.contains("no password_command"), "{said}");
}
