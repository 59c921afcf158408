//! Metrics, log and hooks of a real run.

use crate::site::{STATUS, Site};
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
        "[[hook]]\non = ['failed']\ncommand = ['sh', '-c', 'cat >> told; exit 1']\nrequired = true\n",
    );
    site.client
        .batch_execute("CREATE TABLE y (id int); INSERT INTO y VALUES (1), (1)")
        .await
        .unwrap();
    site.project.revision("bbbb", "none", "CREATE UNIQUE INDEX u ON y (id);");
    std::fs::remove_file(site.project.path("migrations/aaaa.sql")).unwrap();
    let ran = site.run(&["upgrade"]).expect(1);
    assert!(ran.stderr.contains("not unique"), "{ran:?}");
    let told = lines(&site.project.read("told"));
    assert_eq!(told[0]["event"], "failed");
    assert!(told[0]["error"]["message"].as_str().unwrap().contains("not unique"), "{}", told[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_answered_over_http_while_it_runs_and_a_pause_is_told() {
    let site = Site::new("telemetry_http").await;
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    site.project.revision("zzzz", "none", "CREATE TABLE z (id int);");
    site.run(&["upgrade"]).expect(0);
    site.run(&["pause", "for the test"]).expect(0);
    site.project.revision("aaaa", "zzzz", STATUS);
    site.project.write(
        "airlock.toml",
        format!(
            "[metrics]\nlisten = '{free}'\n[[hook]]\non = ['paused', 'resumed']\n\
             command = ['sh', '-c', 'cat >> told']\n"
        ),
    );
    let child = site
        .project
        .command(&["upgrade"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let get = |path: &str| {
        let mut stream = std::net::TcpStream::connect(free).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    };
    let deadline = Instant::now() + crate::site::TIMEOUT;
    let answer = loop {
        let answer = get("/metrics").unwrap_or_default();
        if answer.contains("airlock_held_back{by=\"pause\"} 1") {
            break answer;
        }
        assert!(Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(get("/").unwrap().starts_with("HTTP/1.1 404"));
    site.run(&["resume"]).expect(0);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = lines(&site.project.read("told"));
    assert_eq!(told[0]["event"], "paused");
    assert!(told[0]["reasons"][0].as_str().unwrap().contains("for the test"), "{}", told[0]);
    assert_eq!(told[1]["event"], "resumed");
}
