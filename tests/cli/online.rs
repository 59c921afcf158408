//! The whole way on a real server: plan, upgrade, gate, contract, rollback, and every refusal.

use crate::project::Project;
use crate::site::{STATUS, Site, TIMEOUT, cluster};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::process::Stdio;
use std::time::Instant;

#[tokio::test]
async fn a_revision_goes_all_the_way() {
    let site = Site::new("all_the_way").await;
    let verify = "SELECT id FROM users WHERE status IS NULL;";
    site.project.revision_with("aaaa", "none", STATUS, verify);
    site.project.revision("bbbb", "aaaa", "CREATE INDEX users_name ON users (name);");

    let planned = site.run(&["plan"]).expect(0).stdout;
    assert!(planned.contains("as written") && planned.contains("migrate-1"), "{planned}");
    assert!(planned.ends_with("plans/aaaa.toml written\n"), "{planned}");
    let reviewed = site.project.read("plans/aaaa.toml");
    assert!(site.run(&["plan"]).expect(0).stdout.ends_with("plans/aaaa.toml unchanged\n"));
    site.run(&["plan", "--check"]).expect(0);

    // Nothing has run yet; the second has no plan.
    assert_eq!(site.states(), ["pending", "pending"]);
    site.run(&["plan", "bbbb"]).expect(3);

    let ran = site.run(&["upgrade", "--reviewed", "--format", "json"]).expect(3).json();
    assert_eq!(ran["state"], "at-gate");
    assert_eq!(ran["at"]["revision"], "aaaa");
    assert_eq!(ran["waiting"], json!(["bbbb"]));
    assert_eq!(ran["verify_queries_passed"], 1);
    assert_eq!(site.value("SELECT count(*) FROM users WHERE status = upper(name)").await, "1000");
    assert_eq!(site.states(), ["at-gate", "pending"]);

    let status = site.run(&["status"]).expect(0).stdout;
    assert!(status.contains("Then: airlock contract"), "{status}");
    let again = site.run(&["upgrade"]).expect(3).stdout;
    assert!(again.contains("Waiting behind it: bbbb"), "{again}");

    site.run(&["contract"]).expect(0);
    assert!(site.run(&["contract"]).expect(0).stdout.contains("Nothing waits at a gate"));
    let upgraded = site.run(&["upgrade", "--format", "json"]).expect(0).json();
    assert_eq!(upgraded["state"], "up-to-date");
    assert!(site.run(&["upgrade"]).expect(0).stdout.contains("Up to date"));
    assert_eq!(site.states(), ["done", "done"]);
    assert_eq!(
        site.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'users_name'").await,
        "1"
    );
    assert_eq!(site.project.read("plans/aaaa.toml"), reviewed, "what was reviewed is still there");
    assert!(site.project.path("plans/bbbb.toml").is_file());
    assert!(site.run(&["plan"]).expect(0).stdout.contains("Nothing to plan"));
}

#[tokio::test]
async fn through_contract_does_everything_at_once() {
    let site = Site::new("through_contract").await;
    site.project.revision("aaaa", "none", STATUS);
    site.project.revision("bbbb", "aaaa", "ALTER TABLE users DROP COLUMN name;");
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    assert_eq!(site.states(), ["done", "done"]);
    assert!(!site.has_column("name").await);
}

#[tokio::test]
async fn a_target_is_the_last_one_to_run() {
    let site = Site::new("target").await;
    site.project.revision("aaaa", "none", "CREATE INDEX users_a ON users (name);");
    site.project.revision("bbbb", "aaaa", "CREATE INDEX users_b ON users (name);");
    site.run(&["upgrade", "aaa"]).expect(0);
    assert_eq!(site.states(), ["done", "pending"]);
}

#[tokio::test]
async fn a_rollback_takes_everything_back_and_it_can_run_again() {
    let site = Site::new("rollback").await;
    site.project.revision("aaaa", "none", STATUS);
    assert!(site.run(&["rollback"]).expect(0).stdout.contains("Nothing is under way"));
    site.run(&["upgrade"]).expect(0);
    assert!(site.has_column("status").await);
    let ran = site.run(&["rollback", "--format", "json"]).expect(0).json();
    assert_eq!(ran["revisions"][0]["end"]["at"], "rolled-back");
    assert!(!site.has_column("status").await);
    assert_eq!(site.states(), ["rolled-back"]);
    site.run(&["contract", "aaaa"]).expect(3);
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    assert_eq!(site.states(), ["done"]);
    // Contract has begun: too late.
    site.run(&["rollback", "aaaa"]).expect(4);
    assert!(site.has_column("status").await);
}

#[tokio::test]
async fn a_plan_that_does_not_fit_any_more_is_refused() {
    let site = Site::new("does_not_fit").await;
    site.project.revision("aaaa", "none", STATUS);
    assert!(site.run(&["upgrade", "--reviewed"]).expect(3).stderr.contains("is missing"));
    site.run(&["plan", "--check"]).expect(3);
    site.run(&["plan"]).expect(0);

    // Another migration; a comment makes no difference.
    site.project.revision("aaaa", "none", &STATUS.replace("upper", "lower"));
    let ran = site.run(&["upgrade"]).expect(3);
    assert!(ran.stderr.contains("migrations/aaaa.sql has changed"), "{}", ran.stderr);
    let ran = site.run(&["plan", "--check"]).expect(3);
    assert!(ran.stderr.contains("the migration has changed"), "{}", ran.stderr);
    site.project.revision("aaaa", "none", &format!("-- why\n{STATUS}"));
    site.run(&["plan", "--check"]).expect(0);

    assert!(!site.has_column("status").await);
    assert_eq!(site.states(), ["pending"]);
}

#[tokio::test]
async fn a_hostile_plan_file_is_refused_and_nothing_runs() {
    let site = Site::new("hostile").await;
    site.project.revision("aaaa", "none", STATUS);
    site.run(&["plan"]).expect(0);
    let good = site.project.read("plans/aaaa.toml");
    let refused = |text: &[u8], code: i32| {
        site.project.write("plans/aaaa.toml", text);
        site.run(&["upgrade"]).expect(code).stderr
    };
    let edited = refused(good.replace("status IS NULL", "true").as_bytes(), 3);
    assert!(edited.contains("was changed after it was written"), "{edited}");
    let broken = refused(good.replacen("phase = ", "phase == ", 1).as_bytes(), 2);
    assert!(broken.contains("plans/aaaa.toml:"), "{broken}");
    let newer = refused(good.replace("format = 1", "format = 2").as_bytes(), 2);
    assert!(newer.contains("format 2"), "{newer}");
    let cut = refused(&good.as_bytes()[..good.rfind("[[steps]]").unwrap()], 3);
    assert!(cut.contains("was changed after it was written"), "{cut}");
    let torn = refused(&good.as_bytes()[..good.find("why = \"").unwrap() + 8], 2);
    assert!(torn.contains("cannot read plan file"), "{torn}");
    refused(b"\xff\xfe", 2);
    refused(b"", 2);
    refused(&vec![b' '; 17 << 20], 2);
    // A good plan of another revision.
    site.project.write("plans/aaaa.toml", &good);
    site.project.revision("bbbb", "none", STATUS);
    std::fs::rename(site.project.path("plans/aaaa.toml"), site.project.path("plans/bbbb.toml"))
        .unwrap();
    std::fs::remove_file(site.project.path("migrations/aaaa.sql")).unwrap();
    let foreign = site.run(&["upgrade"]).expect(2).stderr;
    assert!(foreign.contains("belongs to revision aaaa"), "{foreign}");
    assert_eq!(site.value("SELECT to_regnamespace('airlock') IS NULL").await, "true");
    assert!(!site.has_column("status").await);
}

#[tokio::test]
async fn a_hazard_that_nobody_allowed_is_refused_with_4() {
    let site = Site::new("hazard").await;
    site.project.revision("aaaa", "none", "DO $$ BEGIN PERFORM 1; END $$;");
    let ran = site.run(&["plan"]).expect(4);
    assert!(ran.stderr.contains("migrations/aaaa.sql:7:1"), "{}", ran.stderr);
    site.run(&["upgrade"]).expect(4);
    assert!(!site.project.path("plans/aaaa.toml").exists());
}

#[tokio::test]
async fn a_lock_that_is_not_had_in_time_exits_with_5_and_names_who_has_it() {
    let site = Site::new("patience").await;
    site.project.revision("aaaa", "none", STATUS);
    let holder = cluster().target("patience").connect("the report").await.unwrap();
    holder.batch_execute("BEGIN; SELECT count(*) FROM users").await.unwrap();
    let ran = site.run(&["upgrade", "--patience", "1s"]).expect(5);
    assert!(ran.stderr.contains("the report"), "{}", ran.stderr);
    assert!(!site.has_column("status").await);
    holder.batch_execute("ROLLBACK").await.unwrap();
    site.run(&["upgrade"]).expect(0);
    assert!(site.has_column("status").await);
}

#[tokio::test]
async fn a_second_runner_is_refused_and_an_interrupted_one_goes_on() {
    let site = Site::new("interrupted").await;
    site.project.revision("aaaa", "none", STATUS);
    let holder = cluster().target("interrupted").connect("test").await.unwrap();
    holder.batch_execute("BEGIN; SELECT count(*) FROM users").await.unwrap();
    let mut first = site
        .project
        .command(&["upgrade", "--patience", "5m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let status = site.run(&["status", "--format", "json"]).expect(0).json();
        if status["runner"]["alive"] == true {
            break;
        }
        assert!(Instant::now() < deadline, "the first runner does not show: {status}");
        assert_eq!(first.try_wait().unwrap(), None, "the first runner has gone");
    }
    let second = site.run(&["upgrade", "--wait", "0s"]).expect(6);
    assert!(second.stderr.contains(&first.id().to_string()), "{}", second.stderr);

    kill(Pid::from_raw(first.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let ended = first.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("run the same command again"), "{said}");

    holder.batch_execute("ROLLBACK").await.unwrap();
    site.run(&["upgrade"]).expect(0);
    assert_eq!(site.states(), ["at-gate"]);
}

#[tokio::test]
async fn a_verification_that_fails_says_what_it_saw() {
    let site = Site::new("verification").await;
    let verify = "SELECT true;\nSELECT id, name FROM users WHERE id < 3 ORDER BY id;";
    let upgrade = "CREATE INDEX users_name ON users (name);";
    site.project.revision_with("aaaa", "none", upgrade, verify);
    let ran = site.run(&["upgrade"]).expect(1);
    assert!(
        ran.stderr.contains("gave 2 rows") && ran.stderr.contains("id = 1, name = n1"),
        "{}",
        ran.stderr
    );
    // A query that would change something cannot.
    let upgrade = "CREATE INDEX users_name2 ON users (name);";
    let verify = "SELECT pg_notify('a', 'b') IS NOT NULL, nextval('s') > 0;";
    site.client.batch_execute("CREATE SEQUENCE s").await.unwrap();
    site.project.revision_with("bbbb", "aaaa", upgrade, verify);
    let ran = site.run(&["upgrade"]).expect(1);
    assert!(ran.stderr.contains("read-only transaction"), "{}", ran.stderr);
}

#[tokio::test]
async fn without_a_database_earlier_revisions_are_replayed() {
    let project = Project::new();
    let create = "CREATE TABLE users (id bigint PRIMARY KEY);\nGRANT SELECT ON users TO \"App\";";
    project.revision("aaaa", "none", create);
    project.revision("bbbb", "aaaa", "ALTER TABLE users ADD COLUMN email text;");
    let ran = project.run(&["plan", "--format", "json"]).expect(0);
    let json = ran.json();
    assert_eq!((&json["revision"], &json["sizes_known"]), (&"bbbb".into(), &false.into()));
    assert!(ran.stderr.contains("sizes are unknown"), "{}", ran.stderr);
    project.run(&["plan", "--check"]).expect(0);
    // A replay that fails points into the earlier file.
    project.revision("aaaa", "none", "CREATE TABLE users (id bigint);\nSELECT 1 FROM nowhere;");
    let ran = project.run(&["plan"]).expect(1);
    assert!(ran.stderr.contains("migrations/aaaa.sql:8:1"), "{}", ran.stderr);
    assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
}

#[tokio::test]
async fn too_little_privilege_is_said_in_one_message() {
    let site = Site::new("privilege").await;
    site.client.batch_execute("CREATE ROLE visitor LOGIN").await.unwrap();
    site.project.revision("aaaa", "none", STATUS);
    let url = format!(
        "postgresql://visitor@/privilege?host={}&port={}",
        cluster().socket_dir().display(),
        cluster().port()
    );
    let ran = site.run(&["upgrade", "--database-url", &url]);
    assert!(matches!(ran.code, Some(1 | 2 | 4)), "{ran:?}");
    assert!(ran.stderr.contains("error: "), "{}", ran.stderr);
    assert!(!site.has_column("status").await);
}

#[tokio::test]
async fn watching_ends_when_nothing_is_under_way() {
    let site = Site::new("watching").await;
    site.project.revision("aaaa", "none", STATUS);
    site.run(&["upgrade"]).expect(0);
    let ran = site.run(&["status", "--watch"]).expect(0);
    assert!(ran.stdout.contains("before contract"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\x1b'), "no terminal, no control sequences");
}

#[tokio::test]
async fn what_is_odd_about_the_folder_is_said_and_stops_nothing() {
    let site = Site::new("odd").await;
    site.project.revision("aaaa", "none", "CREATE INDEX users_a ON users (name);");
    site.project.revision("bbbb", "aaaa", "CREATE INDEX users_b ON users (name);");
    site.run(&["upgrade"]).expect(0);
    site.project.revision("aaaa", "none", "CREATE INDEX users_other ON users (name);");
    site.project.revision("cccc", "aaaa", "CREATE INDEX users_c ON users (name);");
    site.project.revision("bbbb", "cccc", "CREATE INDEX users_b ON users (name);");
    let said = site.run(&["upgrade"]).expect(0).stderr;
    assert!(said.contains("migrations/aaaa.sql has changed since it was run"), "{said}");
    assert!(said.contains("bbbb has run, cccc comes before it and has not"), "{said}");
    assert_eq!(site.states(), ["done", "done", "done"]);
    let history = site.run(&["history"]).expect(0).stdout;
    assert!(history.contains("its file has changed since it was run"), "{history}");
    // A revision that only the database knows.
    std::fs::remove_file(site.project.path("migrations/bbbb.sql")).unwrap();
    let history = site.run(&["history"]).expect(0).stdout;
    assert!(history.contains("its file is not in the folder"), "{history}");
}
