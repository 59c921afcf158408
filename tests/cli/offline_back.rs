//! `downgrade --sql`: psql runs the script, and what comes of it is what `downgrade` makes.

use crate::downgrade::both_ways;
use crate::offline_sql::{MORE, psql, run};
use crate::site::{STATUS, Site};

/// Revisions that are taken back by their section, by the undo of their plan, and by statements that
/// are derived from the upgrade.
async fn site(name: &str) -> Site {
    let site = Site::new(name).await;
    site.client.batch_execute(MORE).await.unwrap();
    let p = &site.project;
    both_ways(p, "aaaa", "none", STATUS, "ALTER TABLE users DROP COLUMN status;");
    both_ways(
        p,
        "bbbb",
        "aaaa",
        "ALTER TABLE logs RENAME COLUMN line TO \"the 'line'\";",
        "ALTER TABLE logs RENAME COLUMN \"the 'line'\" TO line;",
    );
    // By the undo: an index, a checked constraint, a backfill, and a row that stays.
    p.revision(
        "cccc",
        "bbbb",
        "CREATE INDEX users_name ON users (name);\nALTER TABLE users ADD CHECK (id > 0);",
    );
    p.revision(
        "dddd",
        "cccc",
        "-- airlock: backfill logs.user_id = 1 + id % 1000\n\
         ALTER TABLE logs ADD COLUMN user_id bigint NOT NULL;",
    );
    p.revision("eeee", "dddd", "INSERT INTO touched VALUES (7);");
    // Derived: its contract phase has dropped the old name.
    p.revision("ffff", "eeee", "ALTER TABLE users RENAME COLUMN name TO full_name;");
    // A walk on the way back.
    both_ways(
        p,
        "gggg",
        "ffff",
        "ALTER TABLE logs ADD COLUMN shout text;\nUPDATE logs SET shout = upper(\"the 'line'\");\n\
         ALTER TABLE logs DROP COLUMN \"the 'line'\";",
        "ALTER TABLE logs ADD COLUMN \"the 'line'\" text;\n\
         UPDATE logs SET \"the 'line'\" = lower(shout);\nALTER TABLE logs DROP COLUMN shout;",
    );
    both_ways(p, "hhhh", "gggg", "", "");
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    assert_eq!(site.states(), ["done"; 8]);
    site
}

/// Both databases hold the same, and both journals say so.
async fn assert_same(one: &Site, other: &Site) {
    let urls = [one, other].map(|site| site.project.variable("DATABASE_URL"));
    one.run(&["diff", &urls[0], &urls[1], "--exit-code"]).expect(0);
    for sql in [
        "SELECT pg_catalog.md5(pg_catalog.string_agg(u::text, ',' ORDER BY id)) FROM users u",
        "SELECT pg_catalog.md5(pg_catalog.string_agg(l::text, ',' ORDER BY id)) FROM logs l",
        "SELECT count(*) FROM touched",
        "SELECT pg_catalog.string_agg(concat_ws(' ', revision, parents, state, phase, message, finished_at IS NULL), \
         ',' ORDER BY revision) FROM airlock.rollout",
        "SELECT pg_catalog.string_agg(concat_ws(' ', revision, step, ordinal, phase, kind, state), ',' \
         ORDER BY revision, ordinal) FROM airlock.step",
        "SELECT count(*) FROM airlock.runner",
    ] {
        assert_eq!(one.value(sql).await, other.value(sql).await, "{sql}");
    }
    assert_eq!(one.states(), other.states());
    let current = |site: &Site| site.run(&["current", "--format", "json"]).expect(0).json();
    let ids = |site: &Site| {
        let json = current(site);
        let list = json["current"].as_array().unwrap().clone();
        list.iter().map(|of| of["revision"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(one), ids(other));
}

#[tokio::test]
async fn a_script_ends_where_downgrade_ends() {
    let Some(psql) = psql() else { return };
    let (online, offline) = (site("back_online").await, site("back_offline").await);
    for target in ["gggg", "-2", "aaaa", "base"] {
        online.run(&["downgrade", target, "--yes"]).expect(0);
        let states = offline.states();
        let script = offline.run(&["downgrade", "--sql", target]).expect(0).stdout;
        assert_eq!(offline.states(), states, "printing changes nothing");
        run(&psql, &offline, &script).expect(0);
        assert_same(&online, &offline).await;
        // Again, as a whole: nothing is done twice.
        let before = offline.value("SELECT max(finished_at) FROM airlock.step").await;
        run(&psql, &offline, &script).expect(0);
        assert_eq!(offline.value("SELECT max(finished_at) FROM airlock.step").await, before);
    }
    let said = offline.run(&["downgrade", "--sql", "base"]).expect(0).stdout;
    assert!(said.contains("Nothing to take back"), "{said}");
    // Up by script, down by script, up again with airlock itself.
    let up = offline.run(&["upgrade", "--sql", "--through", "contract"]).expect(0).stdout;
    run(&psql, &offline, &up).expect(0);
    assert_eq!(offline.states(), ["done"; 8]);
    assert_eq!(
        offline.value("SELECT count(*) FROM airlock.rollout WHERE revision LIKE '%-down'").await,
        "0",
        "with a revision that runs again goes the word of its downgrade"
    );
    let down = offline.run(&["downgrade", "--sql", "base"]).expect(0).stdout;
    run(&psql, &offline, &down).expect(0);
    run(&psql, &offline, &up).expect(0);
    run(&psql, &offline, &down).expect(0);
    for _ in 0..2 {
        online.run(&["upgrade", "--through", "contract"]).expect(0);
        online.run(&["downgrade", "base", "--yes"]).expect(0);
    }
    assert_same(&online, &offline).await;
    offline.run(&["upgrade", "--through", "contract"]).expect(0);
    assert_eq!(offline.states(), ["done"; 8]);
}

#[tokio::test]
async fn it_says_how_and_what_goes() {
    let site = site("back_said").await;
    let script = site.run(&["downgrade", "--sql", "base"]).expect(0).stdout;
    for line in [
        " Takes back, in this order:",
        "--   ffff  about ffff",
        "--     derived from its upgrade section",
        "--       ALTER TABLE users RENAME COLUMN full_name TO name;",
        "--     data goes: public.users.status: the values of about 1,000 rows",
        "--     by the undo of its plan",
        "SET LOCAL lock_timeout",
        "Rows that the statement changed stay",
    ] {
        let known =
            script.contains(line) || line.starts_with("Rows") && script.contains("stays done");
        assert!(known, "{line}\n{}", &script[..4000]);
    }
    assert!(!script.contains('\u{1b}'), "no colours in a file");
    site.run(&["downgrade", "--sql", "base", "--dry-run"]).expect(2);
    site.run(&["downgrade", "base", "--catalog", "x"]).expect(2);
}

#[tokio::test]
async fn a_script_that_is_cut_off_goes_on_where_it_stopped() {
    let Some(psql) = psql() else { return };
    let (online, offline) = (site("back_cut_online").await, site("back_cut").await);
    online.run(&["downgrade", "base", "--yes"]).expect(0);
    let script = offline.run(&["downgrade", "--sql", "base"]).expect(0).stdout;
    let cuts: Vec<usize> = script.match_indices("\nCOMMIT;\n").map(|(at, _)| at + 9).collect();
    assert!(cuts.len() > 30, "{}", cuts.len());
    // The backend of a client that is gone keeps its lock for a moment longer.
    let locked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    for cut in cuts.iter().step_by(3) {
        while offline.value(locked).await != "0" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
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
async fn from_a_saved_catalog_and_from_the_revisions_alone() {
    let Some(psql) = psql() else { return };
    let (online, offline) = (site("back_saved_online").await, site("back_saved").await);
    offline.project.write("catalog.json", offline.run(&["catalog"]).expect(0).stdout);
    let alone = |arguments: &[&str]| {
        let mut alone = offline.project.command(&[&["downgrade", "--sql"][..], arguments].concat());
        let output = alone.env_remove("DATABASE_URL").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let saved = alone(&["cccc", "--catalog", "catalog.json"]);
    assert!(saved.contains("taken back by the plan file"), "{}", &saved[..3000]);
    online.run(&["downgrade", "cccc", "--yes"]).expect(0);
    run(&psql, &offline, &saved).expect(0);
    assert_same(&online, &offline).await;

    // The tables that no revision makes are a revision's now, so that a replay has them.
    let first = format!("CREATE TABLE users (id bigint PRIMARY KEY, name text);{MORE};");
    let first = first.replace("ANALYZE;", "").replace("INSERT INTO logs", "-- INSERT INTO logs");
    for site in [&online, &offline] {
        let text = site
            .project
            .read("migrations/aaaa.sql")
            .replace("-- parents: none", "-- parents: zero");
        site.project.write("migrations/aaaa.sql", text);
        site.project.revision("zero", "none", &first);
        site.run(&["stamp", "--purge", "zero"]).expect(0);
        site.run(&["stamp", "cccc"]).expect(0);
    }
    // A revision that was stamped has no plan to take back.
    let script = alone(&["cccc:base"]);
    let refused = run(&psql, &offline, &script).expect(3).stderr;
    assert!(refused.contains("ran with another plan"), "{refused}");
    // By their sections they go.
    for site in [&online, &offline] {
        site.run(&["stamp", "bbbb"]).expect(0);
        site.client
            .batch_execute(
                "DROP INDEX users_name; ALTER TABLE users DROP CONSTRAINT users_id_check",
            )
            .await
            .unwrap();
    }
    online.run(&["downgrade", "zero", "--yes"]).expect(0);
    let script = alone(&["bbbb:zero"]);
    assert!(
        script.contains("public.users.status: the values of an unknown number of rows"),
        "{}",
        &script[..3000]
    );
    assert_eq!(script, alone(&["bbbb:-2"]), "counted from the start of the range");
    run(&psql, &offline, &script).expect(0);
    assert_same(&online, &offline).await;
}

#[tokio::test]
async fn up_and_down_from_the_revisions_alone() {
    let Some(psql) = psql() else { return };
    let site = Site::new("back_alone").await;
    let p = &site.project;
    p.revision("aaaa", "none", "CREATE TABLE a (id bigint PRIMARY KEY, n text);");
    both_ways(
        p,
        "bbbb",
        "aaaa",
        "ALTER TABLE a ADD COLUMN m text;",
        "ALTER TABLE a DROP COLUMN m;",
    );
    p.revision(
        "cccc",
        "bbbb",
        "ALTER TABLE a ALTER COLUMN n SET NOT NULL;\nCREATE INDEX a_m ON a (m);",
    );
    p.revision("dddd", "cccc", "INSERT INTO a VALUES (1, 'x');");
    let alone = |command: &str, range: &str| {
        let mut alone = p.command(&[command, "--sql", range, "--through", "contract"]);
        let output = alone.env_remove("DATABASE_URL").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    // As `alembic upgrade A:B --sql`: what comes after A up to and with B.
    let part = alone("upgrade", "aaaa:cccc");
    assert!(part.contains("==== Revision bbbb") && part.contains("==== Revision cccc"));
    assert!(!part.contains("==== Revision aaaa") && !part.contains("==== Revision dddd"));
    let refused = run(&psql, &site, &part).expect(3).stderr;
    assert!(refused.contains("bbbb comes after others that are not done"), "{refused}");
    run(&psql, &site, &alone("upgrade", "base:aaaa")).expect(0);
    run(&psql, &site, &part).expect(0);
    assert_eq!(site.states(), ["done", "done", "done", "pending"]);
    // From the middle nothing is taken, and what is not there is not taken either.
    let refused = run(&psql, &site, &alone("downgrade", "bbbb:aaaa")).expect(3).stderr;
    assert!(refused.contains("others build on revision bbbb"), "{refused}");
    let refused = run(&psql, &site, &alone("downgrade", "dddd:cccc")).expect(3).stderr;
    assert!(refused.contains("dddd has not run"), "{refused}");
    run(&psql, &site, &alone("upgrade", "cccc:head")).expect(0);
    // The plan of a revision without any way back but the undo of its plan: the one that ran.
    run(&psql, &site, &alone("downgrade", "head:base")).expect(0);
    assert_eq!(site.states(), ["rolled-back"; 4]);
    assert_eq!(site.value("to_regclass('a') IS NULL").await, "true");
    run(&psql, &site, &alone("upgrade", "base:head")).expect(0);
    assert_eq!(site.states(), ["done"; 4]);
    // A script for another version does nothing.
    let wrong = part.replace("/ 10000 <> ", "/ 10000 <> 1");
    assert!(run(&psql, &site, &wrong).expect(3).stderr.contains("this script is for PostgreSQL"));
    p.run(&["downgrade", "--sql", "bbbb:aaaa", "--postgres", "9"]).expect(1);
    for wrong in ["aaaa:bbbb", "bbbb:", ":nonesuch"] {
        p.run(&["downgrade", "--sql", wrong]).expect(2);
    }
    let mut nowhere = p.command(&["downgrade", "--sql", "base"]);
    let output = nowhere.env_remove("DATABASE_URL").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("LATER:EARLIER"), "{said}");
}

#[tokio::test]
async fn it_stops_before_a_phase_and_goes_on_with_either() {
    let Some(psql) = psql() else { return };
    let site = Site::new("back_through").await;
    let up = "ALTER TABLE users RENAME COLUMN name TO full_name;";
    let down = "ALTER TABLE users RENAME COLUMN full_name TO name;";
    both_ways(&site.project, "aaaa", "none", "CREATE TABLE x (id int);", "DROP TABLE x;");
    both_ways(&site.project, "bbbb", "aaaa", up, down);
    site.run(&["upgrade"]).expect(0);
    // One at its gate is taken back by its plan, whatever its section says.
    let script = site.run(&["downgrade", "--sql", "-1"]).expect(0).stdout;
    run(&psql, &site, &script).expect(0);
    assert_eq!(site.states(), ["done", "rolled-back"]);
    assert!(site.has_column("name").await && !site.has_column("full_name").await);
    site.run(&["upgrade", "--through", "contract"]).expect(0);

    let ran = site.run(&["downgrade", "--sql", "base", "--through", "switch"]).expect(0);
    assert!(ran.stderr.contains("when that is done: aaaa"), "{}", ran.stderr);
    let said = run(&psql, &site, &ran.stdout).expect(0).stdout;
    assert!(said.contains("bbbb-down waits before contract"), "{said}");
    assert!(site.has_column("name").await && site.has_column("full_name").await);
    // From half-way no plan can be made for what comes after.
    let rest = site.run(&["downgrade", "--sql", "base"]).expect(0);
    assert!(rest.stderr.contains("not in it, for another script"), "{}", rest.stderr);
    run(&psql, &site, &rest.stdout).expect(0);
    assert_eq!(site.states(), ["done", "rolled-back"]);
    let rest = site.run(&["downgrade", "--sql", "base"]).expect(0).stdout;
    run(&psql, &site, &rest).expect(0);
    assert_eq!(site.states(), ["rolled-back", "rolled-back"]);
    assert!(site.has_column("name").await && !site.has_column("full_name").await);

    // What has no way back is refused before anything is printed.
    site.project.revision("cccc", "bbbb", "ALTER TABLE users DROP COLUMN full_name;");
    site.run(&["upgrade", "--through", "contract"]).expect(0);
    for arguments in [&["downgrade", "--sql", "base"][..], &["downgrade", "--sql", "-1"]] {
        let refused = site.run(arguments).expect(4);
        assert!(refused.stderr.contains("has no downgrade section"), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
}
