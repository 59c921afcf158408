//! `SIGKILL`: the program is killed again and again at instants that it does not choose, while clients
//! write. Run once more it goes on, no statement of a client fails, and nothing that a client has
//! written is lost.

use crate::site::{Site, TIMEOUT, cluster};
use airlock::catalog;
use airlock::connect::Connection;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ROWS: i64 = 40_000;

/// Clients, each with rows of its own, so that it knows what they have to hold.
const CLIENTS: i64 = 3;
const THINK_TIME: Duration = Duration::from_millis(2);

/// Killed at most so often on the way to the gate, and again behind it.
const KILLS: usize = 12;
const ALIVE_MAX_MS: u64 = 700;

const SETUP: &str = "
    TRUNCATE users;
    ALTER TABLE users ADD COLUMN points int NOT NULL DEFAULT 0, ADD COLUMN mail text;
    INSERT INTO users SELECT g, 'n' || g, 0, 'm' || g FROM generate_series(1, 40000) AS g;
    ANALYZE users";

const MIGRATION: &str = "
    ALTER TABLE users ADD COLUMN status text;
    UPDATE users SET status = upper(name);
    ALTER TABLE users ALTER COLUMN status SET NOT NULL;
    CREATE INDEX users_points ON users (points);
    ALTER TABLE users ADD CONSTRAINT some_points CHECK (points >= 0);
    ALTER TABLE users RENAME COLUMN mail TO email;";

/// Counts up `points` of its own rows and writes the mail address, until told to stop; what each of
/// its rows has to hold.
async fn client(client: Connection, number: i64, stop: Arc<AtomicBool>) -> Vec<(i64, i32)> {
    let mut expected = std::collections::BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let id = fastrand::i64(0..ROWS / CLIENTS) * CLIENTS + number + 1;
        if id > ROWS {
            continue;
        }
        let points = expected.entry(id).or_insert(0);
        *points += 1;
        let sql = format!(
            "UPDATE users SET points = points + 1, mail = 'p{points}' WHERE id = {id} RETURNING 1"
        );
        let rows = client.query(&sql, &[]).await;
        assert_eq!(rows.unwrap_or_else(|error| panic!("{sql}: {error:?}")).len(), 1, "{sql}");
        tokio::time::sleep(THINK_TIME).await;
    }
    client.close().await;
    expected.into_iter().collect()
}

/// Runs the command, killing it; then lets it end. How often it was killed.
async fn until_done(site: &Site, arguments: &[&str], code: i32) -> usize {
    for kills in 0..KILLS {
        let mut child = site
            .project
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(5..ALIVE_MAX_MS))).await;
        child.kill().unwrap();
        let ended = child.wait_with_output().unwrap();
        match ended.status.code() {
            // Killed; or refused while the server still sees to what the one before had sent.
            None | Some(6) => {}
            Some(ended) if ended == code => return kills,
            Some(_) => panic!("{}", String::from_utf8_lossy(&ended.stderr)),
        }
    }
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let ran = site.run(arguments);
        if ran.code != Some(6) || Instant::now() > deadline {
            ran.expect(code);
            return KILLS;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been() {
    let written = Site::new("killed_as_written").await;
    written.client.batch_execute(SETUP).await.unwrap();
    written.client.batch_execute(MIGRATION).await.unwrap();

    let site = Site::new("killed").await;
    site.client.batch_execute(SETUP).await.unwrap();
    site.project.revision("aaaa", "none", MIGRATION);
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let connection = cluster().target("killed").connect("client").await.unwrap();
        clients.push(tokio::spawn(client(connection, number, stop.clone())));
    }
    let mut kills = until_done(&site, &["upgrade"], 0).await;
    assert_eq!(site.states(), ["at-gate"]);
    stop.store(true, Ordering::Relaxed);
    let mut expected = Vec::new();
    for client in clients {
        expected.extend(client.await.unwrap());
    }
    assert!(expected.len() > 100, "the clients hardly wrote: {}", expected.len());
    kills += until_done(&site, &["contract", "--because", "the clients have ended"], 0).await;
    assert!(kills > 0, "it was never killed");
    assert_eq!(site.states(), ["done"]);

    let rows = site
        .client
        .query("SELECT id, points, email FROM users WHERE points > 0 ORDER BY id", &[])
        .await
        .unwrap();
    let found: Vec<(i64, i32)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    expected.sort_unstable();
    assert_eq!(found, expected, "after {kills} kills");
    for row in &rows {
        assert_eq!(row.get::<_, String>(2), format!("p{}", row.get::<_, i32>(1)));
    }
    let wrong = site.value("SELECT count(*) FROM users WHERE status <> upper(name)").await;
    assert_eq!(wrong, "0");
    let untouched = "SELECT count(*) FROM users WHERE points = 0 AND email <> 'm' || id";
    assert_eq!(site.value(untouched).await, "0");
    assert_eq!(
        catalog::fingerprint(&site.client).await.unwrap(),
        catalog::fingerprint(&written.client).await.unwrap(),
        "after {kills} kills"
    );
}
