//! Metrics, log and hooks of a real run.

use crate::site::{STATUS, Site};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn spawn(site: &Site, arguments: &[&str]) -> Child {
    site.project.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// An address that was free a moment ago.
fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn get(at: SocketAddr, path: &str) -> Option<String> {
    let mut stream = std::net::TcpStream::connect(at).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The value of a metric without labels.
fn metric<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_tells_metrics_log_and_hooks() {
    let site = Site::new("telemetry").await;
    site.project.revision("aaaa", "none", STATUS);
    site.project.write(
        "airlock.toml",
        "[metrics]\ntextfile = 'airlock.prom'\n[log]\nfile = 'run.log'\n\
         [[hook]]\non = ['start', 'gate', 'done', 'failed']\n\
         command = ['sh', '-c', 'cat >> told']\nrequired = true\n\
         [[hook]]\non = ['gate']\ncommand = ['/no/such/program']\n",
    );
    let ran = site.run(&["upgrade"]).expect(0);
    assert!(ran.stderr.contains("hook /no/such/program failed"), "{}", ran.stderr);
    let told = lines(&site.project.read("told"));
    let events: Vec<_> = told.iter().map(|t| t["event"].as_str().unwrap()).collect();
    let end = if site.states() == ["done"] { "done" } else { "gate" };
    assert_eq!(events, ["start", end]);
    assert_eq!(told[1]["revision"], "aaaa");
    assert!(told[1]["worst_stall_ms"].is_number(), "{}", told[1]);

    let metrics = site.project.read("airlock.prom");
    let state = format!("airlock_rollout_state{{revision=\"aaaa\",state=\"{end}\"}} 1");
    assert!(metrics.contains(&state), "{metrics}");
    assert!(metrics.contains("airlock_rows_changed_total 1000"), "{metrics}");

    let log = lines(&site.project.read("run.log"));
    assert!(log.len() > 5, "{log:?}");
    assert_eq!(log[0]["attributes"]["event"], "run-started");
    assert!(log.iter().all(|record| record["timestamp"].is_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_required_hook_can_prevent_a_run_and_hears_of_its_failure() {
    let site = Site::new("telemetry_required").await;
    site.project.revision("aaaa", "none", "CREATE TABLE x (id int);");
    site.project.write(
        "airlock.toml",
        "[[hook]]\non = ['start']\ncommand = ['sh', '-c', 'echo not today >&2; exit 1']\nrequired = true\n",
    );
    let ran = site.run(&["upgrade"]).expect(1);
    assert!(
        ran.stderr.contains("not today") && ran.stderr.contains("nothing was begun"),
        "{ran:?}"
    );
    assert_eq!(site.value("to_regclass('airlock.rollout') IS NULL").await, "true");

    site.project.write(
        "airlock.toml",
        "[log]\nfile = 'run.log'\n\
         [[hook]]\non = ['failed']\ncommand = ['sh', '-c', 'cat >> told; exit 1']\nrequired = true\n",
    );
    site.client
        .batch_execute("CREATE TABLE y (id int); INSERT INTO y VALUES (1), (1)")
        .await
        .unwrap();
    site.project.revision("bbbb", "none", "CREATE UNIQUE INDEX u ON y (id);");
    std::fs::remove_file(site.project.path("migrations/aaaa.sql")).unwrap();
    let ran = site.run(&["upgrade"]).expect(1);
    assert!(ran.stderr.contains("not unique"), "{ran:?}");
    assert_eq!(ran.stderr.matches("hook sh failed: It ended with 1.").count(), 1, "{ran:?}");
    let log = lines(&site.project.read("run.log"));
    let (hook, last) = (&log[log.len() - 2], &log[log.len() - 1]);
    assert_eq!(hook["attributes"]["event"], "hook-failed");
    assert_eq!((&last["severity_text"], &last["severity_number"]), (&json!("ERROR"), &json!(17)));
    assert!(last["body"].as_str().unwrap().contains("not unique"), "{last}");
    let failed = &last["attributes"];
    assert_eq!((&failed["revision"], &failed["sqlstate"]), (&json!("bbbb"), &json!("23505")));
    assert!(failed["step"].is_string() && failed["hint"].is_string(), "{failed}");
    let told = lines(&site.project.read("told"));
    assert_eq!(told[0]["event"], "failed");
    assert!(told[0]["error"]["message"].as_str().unwrap().contains("not unique"), "{}", told[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_answered_over_http_while_it_runs_and_a_pause_is_told() {
    let site = Site::new("telemetry_http").await;
    let free = free();
    site.project.revision("zzzz", "none", "CREATE TABLE z (id int);");
    site.run(&["upgrade"]).expect(0);
    site.run(&["pause", "for the test"]).expect(0);
    site.project.revision("aaaa", "zzzz", STATUS);
    site.project.write(
        "airlock.toml",
        format!(
            "[metrics]\nlisten = '{free}'\n[[hook]]\non = ['paused', 'resumed']\n\
             command = ['sh', '-c', 'cat >> told; exit 3']\nrequired = true\n"
        ),
    );
    let child = spawn(&site, &["upgrade"]);
    let deadline = Instant::now() + crate::site::TIMEOUT;
    let answer = loop {
        let answer = get(free, "/metrics").unwrap_or_default();
        if answer.contains("airlock_held_back{by=\"pause\"} 1") {
            break answer;
        }
        assert!(Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(get(free, "/").unwrap().starts_with("HTTP/1.1 404"));
    // Another runner has no address to listen at, and waits all the same.
    for (command, code) in [(&["upgrade", "--wait", "1s"][..], 6), (&["rollback"], 6)] {
        let other = site.run(command).expect(code);
        assert!(other.stderr.contains("is in use"), "{other:?}");
    }
    site.run(&["resume"]).expect(0);
    // The work is done; that nobody could be told counts at its end.
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("hook sh failed") && said.contains("It is required"), "{said}");
    assert!(site.states().iter().all(|state| state != "running"));
    let told = lines(&site.project.read("told"));
    assert_eq!(told[0]["event"], "paused");
    assert!(told[0]["reasons"][0].as_str().unwrap().contains("for the test"), "{}", told[0]);
    assert_eq!(told[1]["event"], "resumed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_use_stops_no_run_and_what_can_never_work_does() {
    let site = Site::new("telemetry_in_use").await;
    site.project.revision("aaaa", "none", "CREATE TABLE x (id int);");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    for wrong in ["listen = '192.0.2.1:9187'", "textfile = '/nonexistent/x.prom'"] {
        site.project.write("airlock.toml", format!("[metrics]\n{wrong}\n"));
        let ran = site.run(&["upgrade"]).expect(2);
        assert!(ran.stderr.contains("cannot"), "{ran:?}");
    }
    site.project.write("airlock.toml", format!("[metrics]\nlisten = '{at}'\n"));
    let ran = site.run(&["upgrade"]).expect(0);
    assert_eq!(ran.stderr.matches("is in use").count(), 1, "{ran:?}");
    assert_eq!(site.states(), ["done"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_tells_its_revision_and_a_lock_that_is_not_had_is_an_error_in_the_log() {
    let site = Site::new("telemetry_rollback").await;
    site.project.revision("aaaa", "none", STATUS);
    site.project
        .write("airlock.toml", "[metrics]\ntextfile = 'airlock.prom'\n[log]\nfile = 'run.log'\n");
    let other = crate::site::cluster().target("telemetry_rollback").connect("other").await.unwrap();
    other.batch_execute("BEGIN; SELECT FROM users LIMIT 1").await.unwrap();
    site.run(&["upgrade", "--patience", "1s"]).expect(5);
    let log = lines(&site.project.read("run.log"));
    let last = &log[log.len() - 1];
    assert_eq!(last["severity_text"], "ERROR", "{last}");
    assert_eq!(
        (&last["attributes"]["kind"], &last["attributes"]["exit_code"]),
        (&json!("retry"), &json!(5))
    );
    assert!(last["attributes"]["step"].is_string(), "{last}");
    other.batch_execute("ROLLBACK").await.unwrap();

    site.run(&["upgrade"]).expect(0);
    std::fs::remove_file(site.project.path("run.log")).unwrap();
    site.run(&["rollback"]).expect(0);
    let log = lines(&site.project.read("run.log"));
    let started = &log[0]["attributes"];
    assert_eq!(started["event"], "rollback-started");
    assert!(log.iter().all(|record| record["attributes"]["revision"] == "aaaa"), "{log:?}");
    let metrics = site.project.read("airlock.prom");
    let state = "airlock_rollout_state{revision=\"aaaa\",state=\"rolled-back\"} 1";
    assert!(metrics.contains(state), "{metrics}");
    assert_eq!(metric(&metrics, "airlock_steps"), Some(&*started["steps_total"].to_string()));
    assert_eq!(metric(&metrics, "airlock_steps"), metric(&metrics, "airlock_steps_done"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_validation_has_a_heartbeat() {
    let site = Site::new("telemetry_heartbeat").await;
    // About five seconds for the table.
    site.client
        .batch_execute(
            "CREATE FUNCTION slow(bigint) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep(0.005); RETURN true; END $$",
        )
        .await
        .unwrap();
    let sql = "ALTER TABLE users ADD CONSTRAINT positive CHECK (slow(id));";
    site.project.revision("aaaa", "none", sql);
    let at = free();
    site.project.write("airlock.toml", format!("[metrics]\nlisten = '{at}'\n"));
    let mut child = spawn(&site, &["upgrade"]);
    let (mut beats, mut events) = (BTreeSet::new(), BTreeSet::new());
    let deadline = Instant::now() + crate::site::TIMEOUT;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline);
        let text = get(at, "/metrics").unwrap_or_default();
        if text.contains("kind=\"validate\"") {
            let value = |name| metric(&text, name).unwrap().to_owned();
            beats.insert(value("airlock_heartbeat_timestamp_seconds"));
            events.insert(value("airlock_last_event_timestamp_seconds"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(child.wait().unwrap().success());
    assert!(beats.len() > 5, "{beats:?}");
    assert!(events.len() < beats.len() / 2, "{events:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_that_is_stopped_goes_with_what_it_has_started() {
    let site = Site::new("telemetry_group").await;
    site.project.revision("aaaa", "none", "CREATE TABLE x (id int);");
    site.project.write(
        "airlock.toml",
        "[[hook]]\non = ['before-phase']\n\
         command = ['sh', '-c', 'cat >/dev/null; sleep 60 & echo $! > pid; wait']\n",
    );
    let child = spawn(&site, &["upgrade"]);
    let pid = || std::fs::read_to_string(site.project.path("pid")).unwrap_or_default();
    let deadline = Instant::now() + crate::site::TIMEOUT;
    while pid().trim().is_empty() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let stat = format!("/proc/{}/stat", pid().trim());
    let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    while lives() {
        assert!(Instant::now() < deadline, "it lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn an_error_while_watching_is_one_document_on_a_line() {
    let mut project = crate::project::Project::new();
    project.set("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none");
    for command in ["status", "locks"] {
        let ran = project.run(&[command, "--watch", "--format", "json"]);
        assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
        assert!(ran.json()["error"]["message"].is_string());
    }
}
