//! The graph of revisions as a user meets it: targets, branches, merge, stamp.

use crate::project::Project;
use crate::site::Site;
use serde_json::json;

fn two_branches(project: &Project) {
    project.revision("root", "none", "CREATE TABLE t (id bigint);");
    project.revision("left", "root", "ALTER TABLE t ADD COLUMN a text;");
    project.revision("right", "root", "ALTER TABLE t ADD COLUMN b text;");
}

#[test]
fn branches_are_made_named_and_merged() {
    let project = Project::new();
    project.revision("root", "none", "CREATE TABLE t (id bigint);");
    let make = |more: &[&str]| {
        let arguments = [&["revision", "-m", "x", "--format", "json"], more].concat();
        project.run(&arguments)
    };
    make(&["--rev-id", "left"]).expect(0);
    // Within a second, and with the same message.
    make(&["--rev-id", "cart_1", "--head", "root", "--branch-label", "cart"]).expect(0);
    make(&["--rev-id", "cart"]).expect(2);
    let several = project.run(&["revision", "-m", "which one"]).expect(2).stderr;
    assert!(several.contains("airlock merge") && several.contains("--head left"), "{several}");
    let next = ["revision", "-m", "more", "--rev-id", "cart_2", "--head", "cart@head"];
    project.run(&[&next[..], &["--depends-on", "left"]].concat()).expect(0);

    let branches = project.run(&["branches"]).expect(0).stdout;
    assert!(
        branches.contains("root  about root\n") && branches.contains("  -> left  x\n"),
        "{branches}"
    );
    assert!(branches.contains("cart: cart_1  x"), "{branches}");
    let shown = project.run(&["show", "cart+1", "--format", "json"]).expect(0).json();
    assert_eq!(shown["revisions"][0]["depends_on"], json!(["left"]));
    assert_eq!(shown["revisions"][0]["parents"], json!(["cart_1"]));

    let merged = project.run(&["merge", "-m", "both", "--rev-id", "both", "--format", "json"]);
    assert_eq!(merged.expect(0).json()["parents"], json!(["left", "cart_2"]));
    assert!(project.run(&["heads"]).expect(0).stdout.starts_with("both"));
    assert!(project.run(&["merge"]).expect(0).stdout.contains("one line already"));
    let history = project.run(&["history", "-r", "cart:", "--verbose"]).expect(0).stdout;
    assert!(history.contains("(label cart)") && history.contains("(head, merge)"), "{history}");
    assert!(!history.contains("about root"), "{history}");
}

#[test]
fn a_merge_of_branches_that_touch_the_same_is_refused_with_both_places() {
    let project = Project::new();
    two_branches(&project);
    project.run(&["merge"]).expect(0);

    let project = Project::new();
    two_branches(&project);
    project.revision("more", "right", "SELECT 1;\nALTER TABLE t ALTER COLUMN a SET NOT NULL;");
    let refused = project.run(&["merge"]).expect(4).stderr;
    assert!(
        refused.contains("public.t.a: migrations/left.sql:7 and migrations/more.sql:8"),
        "{refused}"
    );
    project.run(&["merge", "--because", "the column is there by then"]).expect(0);
    let merged = project.run(&["show", "--source"]).expect(0).stdout;
    assert!(merged.contains("the column is there by then"), "{merged}");
}

#[test]
fn what_cannot_be_meant_says_what_can() {
    let project = Project::new();
    two_branches(&project);
    for (arguments, words) in [
        (&["show", "head"][..], "several heads"),
        (&["show", "nonesuch"], "no revision is called `nonesuch`"),
        (&["show", "root+1"], "forks: left, right"),
        (&["show", "current"], "counts from where a database is"),
        (&["history", "-r", "lft:"], "did you mean `left`"),
        (&["show", "base"], "is no revision"),
    ] {
        let said = project.run(arguments).expect(2).stderr;
        assert!(said.to_lowercase().contains(words), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_damaged_folder_leaves_current_usable() {
    let site = Site::new("damaged_folder").await;
    site.project.revision("aaaa", "none", "CREATE TABLE t (id bigint);");
    site.run(&["upgrade"]).expect(0);
    for (id, parents, words) in [
        ("aaaa2", "gone", "a parent that does not exist: gone"),
        ("aaaa3", "aaaa3", "go round in a circle"),
    ] {
        site.project.revision(id, parents, "");
        let said = site.run(&["history"]).expect(2).stderr;
        assert!(said.contains(words), "{said}");
        site.run(&["upgrade"]).expect(2);
        assert!(site.run(&["current"]).expect(0).stdout.starts_with("aaaa "));
        std::fs::remove_file(site.project.path(&format!("migrations/{id}.sql"))).unwrap();
    }
    let copy = site.project.read("migrations/aaaa.sql");
    site.project.write("migrations/copy.sql", copy);
    assert!(site.run(&["heads"]).expect(2).stderr.contains("two revisions have the id aaaa"));
    assert!(site.run(&["current", "--verbose"]).expect(0).stdout.contains("damaged_folder as"));
}

#[tokio::test]
async fn targets_count_from_the_database() {
    let site = Site::new("targets").await;
    for (id, parent) in [("aaaa", "none"), ("bbbb", "aaaa"), ("cccc", "bbbb")] {
        site.project.revision(id, parent, &format!("CREATE TABLE {id} (id bigint);"));
    }
    site.run(&["upgrade", "+1"]).expect(0);
    assert_eq!(site.states(), ["done", "pending", "pending"]);
    site.run(&["upgrade", "-1"]).expect(2);
    assert!(site.run(&["upgrade", "+3"]).expect(2).stderr.contains("There are 2"));
    site.run(&["upgrade", "aaaa+1"]).expect(0);
    assert_eq!(site.states(), ["done", "done", "pending"]);
    let history = site.run(&["history", "-r", "-1:current", "-i"]).expect(0).stdout;
    assert!(history.contains("bbbb") && history.contains("(current)"), "{history}");
    assert!(!history.contains("cccc"), "{history}");
    site.run(&["upgrade", "heads"]).expect(0);
    site.run(&["current", "--check-heads"]).expect(0);
}

#[tokio::test]
async fn several_heads_can_be_run_by_name() {
    let site = Site::new("several_heads").await;
    two_branches(&site.project);
    let refused = site.run(&["upgrade"]).expect(2).stderr;
    assert!(refused.contains("upgrade heads"), "{refused}");
    site.run(&["upgrade", "right"]).expect(0);
    site.run(&["upgrade", "heads"]).expect(0);
    let current = site.run(&["current", "--format", "json"]).expect(0).json();
    assert_eq!(current["current"].as_array().unwrap().len(), 2);
    site.run(&["merge", "--rev-id", "both"]).expect(0);
    site.run(&["upgrade"]).expect(0);
    assert!(site.run(&["current"]).expect(0).stdout.starts_with("both "));
}

#[tokio::test]
async fn a_stamp_runs_nothing_and_leaves_a_trace() {
    let site = Site::new("stamp").await;
    for (id, parent) in [("aaaa", "none"), ("bbbb", "aaaa"), ("cccc", "bbbb")] {
        site.project.revision(id, parent, &format!("CREATE TABLE {id} (id bigint);"));
    }
    let stamped = site.run(&["stamp", "bbbb", "--format", "json"]).expect(0).json();
    assert_eq!(stamped["added"], json!(["aaaa", "bbbb"]));
    assert_eq!(site.value("to_regclass('aaaa')").await, "");
    assert!(site.run(&["history"]).expect(0).stdout.contains("stamped"));
    assert!(site.run(&["stamp", "bbbb"]).expect(0).stdout.contains("there already"));
    site.run(&["upgrade"]).expect(0);
    assert_eq!(site.value("to_regclass('cccc')").await, "cccc");
    let back = site.run(&["stamp", "aaaa", "--format", "json"]).expect(0).json();
    assert_eq!(back["removed"], json!(["bbbb", "cccc"]));
    assert_eq!(site.states(), ["done", "pending", "pending"]);
    site.run(&["stamp", "--purge", "head"]).expect(0);
    assert_eq!(site.states(), ["done", "done", "done"]);
    site.run(&["stamp", "base"]).expect(0);
    assert!(site.run(&["current"]).expect(0).stdout.contains("No revision has run"));
    let acts = "SELECT string_agg(DISTINCT act, ' ' ORDER BY act) FROM airlock.audit";
    assert_eq!(site.value(acts).await, "purge stamp unstamp");
}

#[tokio::test]
async fn a_rollout_under_way_is_not_stamped_over() {
    let site = Site::new("stamp_open").await;
    site.project.revision("aaaa", "none", crate::site::STATUS);
    site.run(&["upgrade"]).expect(0);
    assert!(site.run(&["stamp", "head"]).expect(4).stderr.contains("under way"));
    let purged = site.run(&["stamp", "--purge", "base"]).expect(0).stderr;
    assert!(purged.contains("aaaa was half done"), "{purged}");
    assert_eq!(site.states(), ["pending"]);
}
