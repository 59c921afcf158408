//! Taking revisions back that are done: by their section, by their plan, and what is asked before.

use crate::project::Project;
use crate::site::{STATUS, Site};
use serde_json::json;

/// A revision with a downgrade section.
pub fn both_ways(project: &Project, id: &str, parents: &str, up: &str, down: &str) {
    let text = format!(
        "-- revision: {id}\n-- parents: {parents}\n-- message: about {id}\n\
         -- created: 2026-01-01T00:00:00Z\n\n-- upgrade\n{up}\n-- downgrade\n{down}\n"
    );
    project.write(&format!("migrations/{id}.sql"), text);
}

#[tokio::test]
async fn a_section_runs_through_the_planner_and_can_run_again() {
    let site = Site::new("down_section").await;
    let p = &site.project;
    both_ways(p, "aaaa", "none", STATUS, "ALTER TABLE users DROP COLUMN status;");
    both_ways(
        p,
        "bbbb",
        "aaaa",
        "ALTER TABLE users RENAME COLUMN name TO full_name;",
        "ALTER TABLE users RENAME COLUMN full_name TO name;",
    );
    let before =
        site.value("SELECT sum(hashtext(u::text)) FROM (SELECT id, name FROM users) u").await;
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    assert!(site.has_column("full_name").await);

    // Nothing goes with a rename, so nothing is asked.
    let ran = site.run(&["downgrade", "-1", "--format", "json"]).expect(0).json();
    assert_eq!(ran["state"], "downgraded");
    assert!(site.has_column("name").await && !site.has_column("full_name").await);
    assert_eq!(site.states(), ["done", "rolled-back"]);
    assert!(site.run(&["current"]).expect(0).stdout.starts_with("aaaa "));

    let refused = site.run(&["downgrade", "base"]).expect(4).stderr;
    assert!(
        refused.contains("public.users.status") && refused.contains("about 1,000 rows"),
        "{refused}"
    );
    assert!(site.has_column("status").await);
    let dry = site.run(&["downgrade", "base", "--dry-run", "--format", "json"]).expect(0).json();
    assert_eq!(dry["revisions"][0]["losses"][0]["what"], "public.users.status");
    site.run(&["downgrade", "base", "--yes"]).expect(0);
    assert!(!site.has_column("status").await);
    assert!(site.run(&["downgrade", "base"]).expect(0).stdout.contains("Nothing to take back"));

    site.run(&["upgrade", "--through", "contract"]).expect(0);
    assert_eq!(site.states(), ["done", "done"]);
    site.run(&["downgrade", "base", "--yes"]).expect(0);
    assert_eq!(site.states(), ["rolled-back", "rolled-back"]);
    let after =
        site.value("SELECT sum(hashtext(u::text)) FROM (SELECT id, name FROM users) u").await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn without_a_section_the_plan_is_taken_back_where_that_loses_nothing_it_needs() {
    let site = Site::new("down_undo").await;
    let p = &site.project;
    p.revision("aaaa", "none", "CREATE TABLE orders (id bigint);\nCREATE INDEX ON orders (id);");
    p.revision("bbbb", "aaaa", "ALTER TABLE users DROP COLUMN name;");
    p.revision("cccc", "bbbb", "INSERT INTO orders VALUES (1);");
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    // What an INSERT has done stays, and that is said and asked for.
    let asked = site.run(&["downgrade", "-1"]).expect(4).stderr;
    assert!(asked.contains("stays done"), "{asked}");
    site.run(&["downgrade", "-1", "--yes"]).expect(0);
    let refused = site.run(&["downgrade", "-1", "--yes"]).expect(4).stderr;
    assert!(refused.contains("has no downgrade section"), "{refused}");
    assert_eq!(site.states(), ["done", "done", "rolled-back"]);
    site.run(&["stamp", "aaaa"]).expect(0);
    site.run(&["downgrade", "base", "--yes"]).expect(0);
    assert_eq!(site.value("to_regclass('orders')").await, "");
}

#[tokio::test]
async fn one_under_way_is_taken_back_by_its_plan_whatever_its_section_says() {
    let site = Site::new("down_open").await;
    let up = "ALTER TABLE users RENAME COLUMN name TO full_name;";
    both_ways(&site.project, "aaaa", "none", up, "SELECT 1 / 0;");
    site.run(&["upgrade"]).expect(0);
    assert_eq!(site.states(), ["at-gate"]);
    site.run(&["downgrade", "-1", "--yes"]).expect(0);
    assert!(site.has_column("name").await && !site.has_column("full_name").await);
    assert_eq!(site.states(), ["rolled-back"]);
}

#[tokio::test]
async fn a_downgrade_that_stops_half_way_goes_on_or_back() {
    let site = Site::new("down_half").await;
    let up = "ALTER TABLE users RENAME COLUMN name TO full_name;";
    let down = "ALTER TABLE users RENAME COLUMN full_name TO name;";
    both_ways(&site.project, "aaaa", "none", up, down);
    site.project.revision("bbbb", "aaaa", "CREATE TABLE x (id bigint);");
    site.run(&["upgrade", "aaaa", "--through", "contract"]).expect(0);
    let half = site.run(&["downgrade", "base", "--through", "switch"]).expect(0).stdout;
    assert!(half.contains("stands before contract"), "{half}");
    assert!(site.has_column("name").await && site.has_column("full_name").await);
    let refused = site.run(&["upgrade"]).expect(3).stderr;
    assert!(refused.contains("the downgrade of revision aaaa is under way"), "{refused}");
    assert!(site.run(&["status"]).expect(0).stdout.contains("aaaa-down"));
    site.run(&["rollback"]).expect(0);
    assert!(!site.has_column("name").await && site.has_column("full_name").await);
    assert_eq!(site.states(), ["done", "pending"]);

    site.run(&["downgrade", "base", "--through", "migrate"]).expect(0);
    site.run(&["downgrade", "base"]).expect(0);
    assert!(site.has_column("name").await && !site.has_column("full_name").await);
    assert_eq!(site.states(), ["rolled-back", "pending"]);
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    assert_eq!(site.states(), ["done", "done"]);
}

#[tokio::test]
async fn branches_go_back_each_by_itself() {
    let site = Site::new("down_branches").await;
    let p = &site.project;
    let table = |id: &str, parents: &str| {
        let (up, down) = (format!("CREATE TABLE t_{id} (id int);"), format!("DROP TABLE t_{id};"));
        both_ways(p, id, parents, &up, &down);
    };
    table("root", "none");
    table("left", "root");
    table("right", "root");
    table("join", "left, right");
    site.run(&["upgrade"]).expect(0);
    assert!(site.run(&["downgrade", "join-1"]).expect(2).stderr.contains("forks"));
    site.run(&["downgrade", "left"]).expect(0);
    let current = site.run(&["current", "--format", "json"]).expect(0).json();
    assert_eq!(current["current"].as_array().unwrap().len(), 2, "{current}");
    site.run(&["downgrade", "root"]).expect(0);
    assert_eq!(site.states(), ["done", "rolled-back", "rolled-back", "rolled-back"]);
    site.run(&["upgrade", "+2"]).expect(0);
    assert_eq!(site.value("to_regclass('t_join') IS NULL").await, "true");
    site.run(&["downgrade", "nonesuch"]).expect(2);
    site.run(&["downgrade", "join"]).expect(2);
    site.run(&["downgrade", "base"]).expect(0);
    let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 't\\_%' AND relkind = 'r'";
    assert_eq!(site.value(left).await, "0");
}

#[tokio::test]
async fn hooks_stand_before_and_after_and_a_backup_that_fails_stops() {
    let site = Site::new("work_hooks").await;
    let p = &site.project;
    both_ways(p, "aaaa", "none", STATUS, "ALTER TABLE users DROP COLUMN status;");
    let all = "on = ['before-upgrade', 'after-upgrade', 'before-phase', 'after-phase', \
               'before-contract', 'after-contract', 'before-downgrade', 'after-downgrade']";
    p.write(
        "airlock.toml",
        format!("[[hook]]\n{all}\ncommand = ['sh', '-c', 'cat >> told; echo >> told $PGDATABASE {{phase}}']\n"),
    );
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    site.run(&["upgrade"]).expect(0);
    let told: Vec<serde_json::Value> = p
        .read("told")
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<&str> = told.iter().map(|told| told["event"].as_str().unwrap()).collect();
    assert_eq!(events[0], "before-upgrade");
    assert_eq!(*events.last().unwrap(), "after-upgrade");
    assert_eq!(events.iter().filter(|event| event.ends_with("-upgrade")).count(), 2, "{events:?}");
    let expand = events.iter().position(|event| *event == "before-phase").unwrap();
    assert_eq!(told[expand]["phase"], "expand");
    assert!(p.read("told").contains("work_hooks expand"), "{}", p.read("told"));

    p.write(
        "airlock.toml",
        "[[hook]]\non = ['before-downgrade']\ncommand = ['sh', '-c', 'echo no space >&2; exit 1']\n",
    );
    let refused = site.run(&["downgrade", "base", "--yes"]).expect(1).stderr;
    assert!(refused.contains("no space") && refused.contains("Nothing goes on"), "{refused}");
    assert!(site.has_column("status").await);

    p.write(
        "airlock.toml",
        "[[hook]]\non = ['before-contract', 'before-downgrade']\npreset = 'pg_dump'\n",
    );
    let ran = site.run(&["downgrade", "base", "--yes"]);
    // A pg_dump older than the server refuses, and then nothing may have happened.
    let made = p.path("backups").read_dir().map_or(0, |found| {
        found.filter(|file| file.as_ref().unwrap().metadata().unwrap().len() > 0).count()
    });
    match ran.code {
        Some(0) => assert!(made > 0 && !site.has_column("status").await),
        _ => assert!(ran.stderr.contains("pg_dump") && site.has_column("status").await, "{ran:?}"),
    }
    p.write("airlock.toml", "[[hook]]\non = ['done']\npreset = 'pg_dump'\n");
    site.run(&["upgrade"]).expect(2);
}

#[tokio::test]
async fn what_can_be_told_from_the_upgrade_is_derived() {
    let site = Site::new("down_derived").await;
    let up =
        "ALTER TABLE users RENAME TO people;\nALTER TABLE people RENAME COLUMN name TO full_name;";
    site.project.revision("aaaa", "none", up);
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    let shown = site.run(&["downgrade", "base", "--dry-run"]).expect(0).stdout;
    assert!(shown.contains("ALTER TABLE people RENAME TO users;"), "{shown}");
    site.run(&["downgrade", "base"]).expect(0);
    assert!(site.has_column("name").await);
    assert_eq!(site.states(), ["rolled-back"]);
}

#[test]
fn branches_of_git_meet_in_airlock_sum() {
    let project = Project::new();
    let make = |id: &str, more: &[&str]| {
        project.run(&[&["revision", "-m", id, "--rev-id", id][..], more].concat()).expect(0);
    };
    make("root", &[]);
    project.run(&["check"]).expect(0);
    make("left", &[]);
    let left = project.read("migrations/airlock.sum");
    // The other branch has its own file, and git has taken one of the two.
    make("right", &["--head", "root"]);
    project.write("migrations/airlock.sum", &left);
    let said = project.run(&["check"]).expect(3).stdout;
    assert!(said.contains("right (migrations/") && said.contains("is not in it"), "{said}");
    let url = "postgresql://nobody@127.0.0.1:1/none";
    let said = project.run(&["upgrade", "heads", "--database-url", url]).expect(3).stderr;
    assert!(said.contains("airlock sum"), "{said}");
    project.write("migrations/airlock.sum", format!("<<<<<<< HEAD\n{left}"));
    assert!(project.run(&["sum", "--check"]).expect(3).stderr.contains("git's marks"));
    project.run(&["rebase", "right", "--onto", "left"]).expect(0);
    project.run(&["check"]).expect(0);
    let shown = project.run(&["show", "right", "--format", "json"]).expect(0).json();
    assert_eq!(shown["revisions"][0]["parents"], json!(["left"]));
    let circle = project.run(&["rebase", "root", "--onto", "right"]).expect(4).stderr;
    assert!(circle.contains("left, right"), "{circle}");
    std::fs::remove_file(project.path("migrations/airlock.sum")).unwrap();
    project.run(&["check"]).expect(0);
    project.run(&["sum"]).expect(0);
    assert!(project.read("migrations/airlock.sum").contains("\nright left\n"));
}

#[test]
fn a_new_file_goes_through_template_and_formatter() {
    let project = Project::new();
    project.write("new.sql", "-- upgrade\n-- ${message}: say here why\n\n-- downgrade\n");
    project.write(
        "airlock.toml",
        "[revision]\ntemplate = 'new.sql'\n[[hook]]\non = ['revision']\n\
         command = ['sed', '-i', 's/say here why/formatted/', '{path}']\n",
    );
    let made = project.run(&["revision", "-m", "users", "--format", "json"]).expect(0).json();
    let text = project.read(made["path"].as_str().unwrap());
    assert!(text.contains("-- users: formatted\n"), "{text}");
    project.write("new.sql", "no section\n");
    project.run(&["revision", "-m", "broken"]).expect(2);
    assert_eq!(project.run(&["heads"]).expect(0).stdout.lines().count(), 1);
}

#[tokio::test]
async fn what_ran_is_not_rebased() {
    let site = Site::new("rebase_ran").await;
    site.project.revision("aaaa", "none", "CREATE TABLE a (id int);");
    site.project.revision("bbbb", "none", "CREATE TABLE b (id int);");
    site.run(&["upgrade", "bbbb"]).expect(0);
    let refused = site.run(&["rebase", "bbbb", "--onto", "aaaa"]).expect(4).stderr;
    assert!(refused.contains("has run in this database"), "{refused}");
    site.run(&["rebase", "aaaa", "--onto", "bbbb"]).expect(0);
    site.run(&["upgrade"]).expect(0);
    assert_eq!(site.states(), ["done", "done"]);
}
