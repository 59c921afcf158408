//! `upgrade --sql`: psql runs the script, and what comes of it is what `upgrade` makes.

use crate::project::{Project, Ran};
use crate::site::{STATUS, Site, TIMEOUT, cluster};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// psql of this machine.
pub fn psql() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::split_paths(&path).map(|folder| folder.join("psql"));
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/psql")))
        .collect();
    found.sort();
    let psql = named.chain(found.into_iter().rev()).find(|path| path.is_file());
    if psql.is_none() {
        eprintln!("SKIPPED: there is no psql on this machine");
    }
    psql
}

/// Runs a script on the site's database.
pub fn run(psql: &Path, site: &Site, script: &str) -> Ran {
    site.project.write("script.sql", script);
    let output = Command::new(psql)
        .args(["-X", "-q", "-f", "script.sql"])
        .arg(site.project.variable("DATABASE_URL"))
        .current_dir(site.project.path(""))
        .env("PGCONNECT_TIMEOUT", "10")
        .output()
        .unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub const MORE: &str = "
    CREATE TABLE logs (id bigint NOT NULL, at date NOT NULL, line text, \"Level %s\" int) PARTITION BY RANGE (at);
    CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
    INSERT INTO logs SELECT g, '2026-01-01'::date + g % 59, repeat('x', g % 90), g % 5 FROM generate_series(1, 20000) g;
    CREATE TABLE touched (n bigint);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO touched VALUES (NEW.id); RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE UPDATE ON logs FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
    ANALYZE";

const REVISIONS: [(&str, &str); 6] = [
    ("aaaa", STATUS),
    (
        "bbbb",
        "CREATE INDEX users_name ON users (name);\nCREATE UNIQUE INDEX users_status ON users (status, id);",
    ),
    ("cccc", "ALTER TABLE users RENAME COLUMN name TO \"full 'name'\";"),
    (
        "dddd",
        "-- airlock: backfill logs.user_id = 1 + id % 1000\n\
         ALTER TABLE logs ADD COLUMN user_id bigint NOT NULL;\n\
         ALTER TABLE users ADD CHECK (id > 0);",
    ),
    ("eeee", "-- airlock: batch\nDELETE FROM logs WHERE \"Level %s\" = 3 AND line LIKE '%x%';"),
    ("ffff", "ALTER TABLE users ALTER COLUMN status TYPE varchar(100);"),
];

fn revisions(project: &Project) {
    let mut parent = "none";
    for (id, sql) in REVISIONS {
        let verify = if id == "aaaa" { "SELECT count(*) > 0 FROM users;" } else { "" };
        project.revision_with(id, parent, sql, verify);
        parent = id;
    }
}

/// A site with the tables of [`MORE`] and every revision, none of them run.
async fn site(name: &str) -> Site {
    let site = Site::new(name).await;
    site.client.batch_execute(MORE).await.unwrap();
    revisions(&site.project);
    site
}

/// A saved catalog as an older airlock wrote it.
fn without_revisions(saved: &str) -> String {
    let mut saved: serde_json::Value = serde_json::from_str(saved).unwrap();
    assert!(saved.as_object_mut().unwrap().remove("revisions").is_some());
    saved.to_string()
}

/// Both databases hold the same, and both journals say so.
async fn assert_same(one: &Site, other: &Site) {
    let urls = [one, other].map(|site| site.project.variable("DATABASE_URL"));
    one.run(&["diff", &urls[0], &urls[1], "--exit-code"]).expect(0);
    for sql in [
        "SELECT pg_catalog.md5(pg_catalog.string_agg(u::text, ',' ORDER BY id)) FROM users u",
        "SELECT pg_catalog.md5(pg_catalog.string_agg(l::text, ',' ORDER BY id)) FROM logs l",
        "SELECT count(*) FROM touched",
        "SELECT pg_catalog.string_agg(revision || state || phase || message, ',' ORDER BY revision) FROM airlock.rollout",
        "SELECT pg_catalog.string_agg(concat_ws(' ', revision, step, ordinal, phase, kind, state), ',' \
         ORDER BY revision, ordinal) FROM airlock.step",
        "SELECT count(*) FROM airlock.runner",
    ] {
        assert_eq!(one.value(sql).await, other.value(sql).await, "{sql}");
    }
    assert_eq!(one.states(), other.states());
}

#[tokio::test]
async fn a_script_ends_where_upgrade_ends() {
    let Some(psql) = psql() else { return };
    let (online, offline) = (site("sql_online").await, site("sql_offline").await);
    online.run(&["upgrade", "--through", "contract"]).expect(0);
    let script = offline.run(&["upgrade", "--sql", "--through", "contract"]).expect(0).stdout;
    assert_eq!(offline.states(), ["pending"; 6], "printing changes nothing");
    run(&psql, &offline, &script).expect(0);
    assert_same(&online, &offline).await;
    assert!(offline.run(&["upgrade"]).expect(0).stdout.contains("Up to date"));
    assert!(offline.run(&["upgrade", "--sql"]).expect(0).stdout.contains("Nothing is pending"));
    // Again, as a whole: nothing is done twice.
    let before = offline.value("SELECT max(finished_at) FROM airlock.step").await;
    run(&psql, &offline, &script).expect(0);
    assert_eq!(offline.value("SELECT max(finished_at) FROM airlock.step").await, before);
}

/// By name the partitions would come first, and meet an application's statement halfway.
#[tokio::test]
async fn a_script_asks_for_parents_before_their_partitions() {
    let Some(psql) = psql() else { return };
    let site = Arc::new(Site::new("sql_order").await);
    let setup = "CREATE TABLE z (k int) PARTITION BY RANGE (k);
                 CREATE TABLE a PARTITION OF z FOR VALUES FROM (0) TO (9);
                 INSERT INTO z SELECT g % 9 FROM generate_series(1, 100) g";
    site.client.batch_execute(setup).await.unwrap();
    site.project.revision("aaaa", "none", "ALTER TABLE z ADD COLUMN n int;");
    let script = site.run(&["upgrade", "--sql"]).expect(0).stdout;
    let reader = cluster().target("sql_order").connect("reader").await.unwrap();
    reader.batch_execute("BEGIN; LOCK TABLE ONLY z IN ACCESS SHARE MODE").await.unwrap();
    let ran = {
        let site = site.clone();
        tokio::task::spawn_blocking(move || run(&psql, &site, &script))
    };
    let held = "SELECT string_agg(h.relation::regclass::text, ' ') FROM pg_locks w \
                JOIN pg_locks h ON h.pid = w.pid AND h.granted AND h.relation = 'a'::regclass \
                WHERE w.relation = 'z'::regclass AND NOT w.granted";
    let waits = "SELECT count(*) FROM pg_locks WHERE relation = 'z'::regclass AND NOT granted";
    let mut seen = 0;
    let began = std::time::Instant::now();
    while seen < 3 {
        assert!(began.elapsed() < TIMEOUT, "the script is not seen to wait: {seen}");
        assert_eq!(
            site.value(held).await,
            "",
            "a partition is held while its parent is waited for"
        );
        seen += usize::from(site.value(waits).await != "0");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    reader.batch_execute("COMMIT").await.unwrap();
    ran.await.unwrap().expect(0);
    assert_eq!(site.value("SELECT count(n) FROM z").await, "0", "the column is there");
}

#[tokio::test]
async fn a_script_that_is_cut_off_goes_on_where_it_stopped() {
    let Some(psql) = psql() else { return };
    let (online, offline) = (site("cut_online").await, site("cut_offline").await);
    online.run(&["upgrade", "--through", "contract"]).expect(0);
    let script = offline.run(&["upgrade", "--sql", "--through", "contract"]).expect(0).stdout;
    // Places at which a transaction has just ended.
    let cuts: Vec<usize> = script.match_indices("\nCOMMIT;\n").map(|(at, _)| at + 9).collect();
    assert!(cuts.len() > 40, "{}", cuts.len());
    for cut in cuts.iter().step_by(4) {
        let ran = run(&psql, &offline, &script[..*cut]);
        assert!(
            ran.code == Some(0) || ran.stderr.contains("reached EOF without finding"),
            "{ran:?}"
        );
    }
    run(&psql, &offline, &script).expect(0);
    assert_same(&online, &offline).await;
}

#[tokio::test]
async fn a_walk_that_is_cut_off_goes_on_with_either() {
    let Some(psql) = psql() else { return };
    let mut site = site("sql_walk").await;
    site.project.set("AIRLOCK_PATIENCE", "1s");
    let script = site.run(&["upgrade", "--sql", "--through", "contract"]).expect(0).stdout;
    let (before, _) = script.split_once("-- Step migrate-1").unwrap();
    run(&psql, &site, before).expect(0);
    let other = airlock::connect::Target::parse(&site.project.variable("DATABASE_URL")).unwrap();
    let other = other.connect("test").await.unwrap();
    other.batch_execute("BEGIN; SELECT FROM users WHERE id = 900 FOR UPDATE").await.unwrap();
    let stuck = run(&psql, &site, &script).expect(3).stderr;
    assert!(stuck.contains("rows of public.users are locked by others"), "{stuck}");
    let done = site.value("SELECT next_block FROM airlock.walk").await;
    assert!(done.parse::<i64>().unwrap() > 0, "{done}");
    assert_eq!(site.states()[0], "running");
    other.batch_execute("ROLLBACK").await.unwrap();
    // airlock itself goes on with what a script has begun, and a script with what airlock has done.
    site.run(&["upgrade", "aaaa", "--through", "migrate"]).expect(0);
    assert_eq!(site.value("SELECT count(*) FROM users WHERE status = upper(name)").await, "1000");
    run(&psql, &site, &script).expect(0);
    assert_eq!(site.states(), ["done"; 6]);
}

#[tokio::test]
async fn a_script_stops_at_the_gate_and_contract_goes_on() {
    let Some(psql) = psql() else { return };
    let site = site("sql_gate").await;
    let ran = site.run(&["upgrade", "--sql"]).expect(0);
    assert!(ran.stderr.contains("not in it: bbbb"), "{}", ran.stderr);
    let said = run(&psql, &site, &ran.stdout).expect(0).stdout;
    assert!(said.contains("revision aaaa waits before contract"), "{said}");
    assert_eq!(site.states()[..2], ["at-gate", "pending"]);
    site.run(&["upgrade", "--sql"]).expect(3);
    site.run(&["contract"]).expect(0);
    // The next one, from the file of a catalog and without any database: the same script.
    let online = site.run(&["upgrade", "--sql"]).expect(0).stdout;
    site.project.write("catalog.json", site.run(&["catalog"]).expect(0).stdout);
    let mut alone = site.project.command(&["upgrade", "--sql", "--catalog", "catalog.json"]);
    let output = alone.env_remove("DATABASE_URL").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), online);
    run(&psql, &site, &online).expect(0);
    assert_eq!(site.states()[..3], ["done", "done", "at-gate"]);
    // With another one under way, a script of a later one refuses.
    let saved = site.run(&["catalog"]).expect(0).stdout;
    site.project.write("catalog.json", without_revisions(&saved));
    let from = ["--catalog", "catalog.json"];
    let later =
        site.run(&[&["upgrade", "--sql", "cccc:dddd"], &from[..]].concat()).expect(0).stdout;
    let refused = run(&psql, &site, &later).expect(3).stderr;
    assert!(refused.contains("another revision is under way"), "{refused}");
}

#[tokio::test]
async fn a_script_refuses_what_upgrade_refuses() {
    let Some(psql) = psql() else { return };
    let site = site("sql_refuses").await;
    // A backfill that stands for no UPDATE of the migration.
    site.project.revision(
        "aaaa",
        "none",
        "-- airlock: backfill users.status = upper(name)\n\
         ALTER TABLE users ADD COLUMN status text NOT NULL;",
    );
    let script = site.run(&["upgrade", "--sql", "--through", "contract"]).expect(0).stdout;
    // A revision whose parents have not run.
    site.project.revision("bbbb", "aaaa", "CREATE INDEX users_name ON users (name);");
    let saved = site.run(&["catalog"]).expect(0).stdout;
    site.project.write("catalog.json", &saved);
    let ran = site.run(&["upgrade", "--sql", "aaaa:bbbb", "--catalog", "catalog.json"]).expect(3);
    assert!(ran.stderr.contains("is of a database that has no revision"), "{}", ran.stderr);
    site.project.write("catalog.json", without_revisions(&saved));
    let late = ["upgrade", "--sql", "aaaa:bbbb", "--catalog", "catalog.json"];
    let late = site.run(&late).expect(0).stdout;
    let refused = run(&psql, &site, &late).expect(3).stderr;
    assert!(refused.contains("bbbb comes after others that are not done"), "{refused}");
    // A trigger that would fire, for a role that cannot help it.
    let url = site.project.variable("DATABASE_URL");
    site.client
        .batch_execute(
            "CREATE ROLE sql_migrator LOGIN; GRANT CREATE, TEMP ON DATABASE sql_refuses TO sql_migrator;
             ALTER TABLE users OWNER TO sql_migrator; ALTER TABLE logs OWNER TO sql_migrator;
             GRANT CREATE ON SCHEMA public TO sql_migrator; GRANT ALL ON SCHEMA airlock TO sql_migrator;
             GRANT ALL ON ALL TABLES IN SCHEMA airlock TO sql_migrator",
        )
        .await
        .unwrap();
    let migrator = url.replace("postgres@", "sql_migrator@");
    site.project.write("script.sql", &script);
    let output = Command::new(&psql)
        .args(["-X", "-q", "-f", "script.sql", &migrator])
        .current_dir(site.project.path(""))
        .output()
        .unwrap();
    let refused = String::from_utf8(output.stderr).unwrap();
    assert!(refused.contains("would fire for rows of public.users: touch"), "{refused}");
    assert_eq!(output.status.code(), Some(3));
    // A runner at work keeps the script out.
    site.client.batch_execute("SELECT pg_advisory_lock(27419012907361131)").await.unwrap();
    let refused = run(&psql, &site, &script).expect(3).stderr;
    assert!(refused.contains("another runner of airlock is at work"), "{refused}");
}
