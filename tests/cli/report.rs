//! `plan --report` and `report`.

use crate::project::Project;
use crate::site::{STATUS, Site};
use serde_json::json;

#[tokio::test]
async fn a_plan_can_be_written_as_a_page_and_for_a_pull_request() {
    let site = Site::new("report").await;
    site.project.revision("aaaa", "none", STATUS);
    let files = ["--report", "out/impact.html", "--report", "impact.md"];
    let planned = site.run(&[&["plan", "--format", "json"][..], &files].concat()).expect(0).json();
    assert_eq!(planned["reports"], json!(["out/impact.html", "impact.md"]));
    let page = site.project.read("out/impact.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("about 1000 rows"), "{page}");
    let text = site.project.read("impact.md");
    assert!(text.starts_with("## Lock impact: about aaaa\n"), "{text}");
    assert!(text.contains("#### `public.users`") && text.contains("migrate-1"), "{text}");

    let again = site.run(&[&["plan"][..], &files].concat()).expect(0).stdout;
    assert!(again.ends_with("out/impact.html written\nimpact.md written\n"), "{again}");
    assert_eq!(site.project.read("out/impact.html"), page);
    assert_eq!(site.project.read("impact.md"), text);
}

#[test]
fn a_report_of_an_unknown_kind_is_refused_before_anything_starts() {
    let project = Project::new();
    for arguments in [
        &["plan", "--report", "impact.pdf"][..],
        &["plan", "--report", ""],
        &["plan", "--check", "--report", "impact.md"],
    ] {
        let ran = project.run(arguments).expect(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
    }
}

#[tokio::test]
async fn all_pending_revisions_stand_on_one_page() {
    let site = Site::new("report_all").await;
    site.project.revision("aaaa", "none", STATUS);
    site.project.revision("bbbb", "aaaa", "CREATE INDEX users_status ON users (status);");
    let made = site.run(&["report", "-o", "all.md", "--format", "json"]).expect(0).json();
    assert_eq!(made["revisions"][1]["revision"], "bbbb", "{made}");
    let text = site.project.read("all.md");
    assert!(text.contains("impact: about aaaa") && text.contains("impact: about bbbb"), "{text}");
    assert!(!site.project.path("plans/aaaa.toml").exists());

    // One of them, on top of the other.
    site.run(&["report", "bbbb", "-o", "one.html"]).expect(0);
    let page = site.project.read("one.html");
    assert!(page.contains("about bbbb") && !page.contains("about aaaa"), "{page}");

    site.run(&["upgrade"]).expect(3);
    assert!(site.run(&["report", "-o", "all.md"]).expect(3).stderr.contains("at-gate"));
    site.run(&["contract"]).expect(0);
    site.run(&["upgrade"]).expect(0);
    let nothing = site.run(&["report", "-o", "all.md"]).expect(0).stdout;
    assert!(nothing.contains("Nothing to report"), "{nothing}");
    site.run(&["report", "bbbb", "-o", "all.md"]).expect(3);
}

#[tokio::test]
async fn speeds_can_be_measured() {
    let site = Site::new("report_measure").await;
    site.project.revision("aaaa", "none", STATUS);
    // About 20 MB, so that there is something to read.
    let more = "INSERT INTO users SELECT g, 'n' || g FROM generate_series(1001, 400000) g";
    site.client.batch_execute(&format!("{more}; ANALYZE users")).await.unwrap();
    let before = site.run(&["plan"]).expect(0).stdout;
    let file = site.project.read("plans/aaaa.toml");
    let ran = site.run(&["plan", "--measure", "--report", "a.md", "--format", "json"]).expect(0);
    let planned = ran.json();
    let speed = |what: &str| planned["measured"][what]["bytes_per_second"].as_u64().unwrap();
    assert_eq!(planned["measured"]["scan"]["relation"], "public.users", "{planned}");
    assert!(planned["measured"]["scan"]["bytes"].as_u64().unwrap() <= 32 << 20);
    // Any server reads and writes more than a megabyte and less than a terabyte in a second.
    for speed in [speed("scan"), speed("write")] {
        assert!((1 << 20..1 << 40).contains(&speed), "{planned}");
    }
    let said = airlock::report::estimate::size(speed("write"));
    let report = site.project.read("a.md");
    assert!(report.contains(&format!("{said} a second written")), "{said}: {report}");
    assert!(!before.contains("temporary table"));
    // The plan is the same, and nothing is left on the server.
    assert_eq!(site.project.read("plans/aaaa.toml"), file);
    let left = "SELECT count(*) FROM pg_class WHERE relname = 'airlock_measure'";
    assert_eq!(site.value(left).await, "0");
    let text = site.run(&["report", "--measure", "-o", "b.md"]).expect(0);
    assert!(text.stderr.contains("reading: ") && text.stderr.contains("writing: "), "{text:?}");
}

#[test]
fn nothing_is_measured_without_a_database() {
    let project = Project::new();
    for arguments in [&["plan", "--measure"][..], &["report", "--measure", "-o", "a.md"]] {
        let ran = project.run(arguments).expect(2);
        assert!(ran.stderr.contains("--measure needs a database"), "{ran:?}");
    }
}
