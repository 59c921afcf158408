//! Networks that swallow packets, servers that fail over, poolers in between: through a proxy of the
//! test's own.

use crate::crash::{SETUP, check, limits, whole};
use crate::support::{Db, SOON, backfill, exclusive, plan, recorded, start};
use airlock::connect::Target;
use airlock::error::Error;
use airlock::run::{End, Event, Limits, RunError};
use airlock::sandbox::Cluster;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

const FORWARD: u8 = 0;
/// Takes everything and passes nothing on, in both directions; sockets stay open.
const SWALLOW: u8 = 1;
/// Passes on what we send, and swallows the answers.
const SWALLOW_ANSWERS: u8 = 2;

/// Between a client on TCP and a server on a Unix socket.
struct Proxy {
    port: u16,
    mode: Arc<AtomicU8>,
    /// Connections that were swallowed stay so: TCP would send again, a proxy cannot.
    generation: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn socket(cluster: &Cluster) -> PathBuf {
    cluster.socket_dir().join(format!(".s.PGSQL.{}", cluster.port()))
}

impl Proxy {
    async fn start(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, generation) = (Arc::new(AtomicU8::new(FORWARD)), Arc::new(AtomicUsize::new(0)));
        let (path, of_task, born) = (socket(cluster), mode.clone(), generation.clone());
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (path, mode, born) = (path.clone(), of_task.clone(), born.clone());
                tokio::spawn(async move {
                    let age = born.load(Ordering::SeqCst);
                    let Ok(server) = UnixStream::connect(path).await else { return };
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    let (m, b) = (mode.clone(), born.clone());
                    tokio::join!(
                        pump(from_client, to_server, move || {
                            let mode = m.load(Ordering::SeqCst);
                            let doomed = b.load(Ordering::SeqCst) != age;
                            mode == SWALLOW || doomed && mode != SWALLOW_ANSWERS
                        }),
                        pump(from_server, to_client, move || {
                            mode.load(Ordering::SeqCst) != FORWARD
                                || born.load(Ordering::SeqCst) != age
                        })
                    );
                });
            }
        });
        Self { port, mode, generation, task }
    }

    fn target(&self, database: &str) -> Target {
        let port = self.port;
        let url = format!("postgresql://postgres@127.0.0.1:{port}/{database}?sslmode=disable");
        Target::parse(&url).unwrap()
    }

    /// From now on; what is connected now never gets through again.
    fn swallow(&self, mode: u8) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.mode.store(mode, Ordering::SeqCst);
    }

    fn heal(&self) {
        self.mode.store(FORWARD, Ordering::SeqCst);
    }
}

async fn pump(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    swallows: impl Fn() -> bool,
) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        match from.read(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(_) if swallows() => {}
            Ok(n) => {
                if to.write_all(&bytes[..n]).await.is_err() {
                    break;
                }
            }
        }
    }
    let _ = to.shutdown().await;
}

fn newest() -> (u32, Cluster) {
    let major = airlock::sandbox::test_versions().unwrap().into_iter().max().unwrap();
    (major, start(major))
}

/// A run through the proxy, which swallows in `mode` for `time` at the first event that is `at`.
async fn partitioned(mode: u8, time: Duration, at: impl Fn(&Event) -> bool) {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    let proxy = Proxy::start(&cluster).await;
    let name = db.text("SELECT current_database()::text").await;
    let through = Db { target: proxy.target(&name), major };
    let (recorder, hooks) = recorded();
    let (whole, limits) = (whole(major), Limits { patience: Duration::from_secs(90), ..limits() });
    let cut = async {
        recorder.until("the moment", at).await;
        proxy.swallow(mode);
        // What was on its way has arrived by then; after that nobody who hears nothing shows life.
        tokio::time::sleep(time / 2).await;
        let beats = recorder.beats();
        assert!(beats > 0, "it gave none before");
        tokio::time::sleep(time / 2).await;
        assert_eq!(recorder.beats(), beats);
        proxy.heal();
        Instant::now()
    };
    let (outcome, healed) = tokio::join!(through.execute_with(&whole, &limits, hooks), cut);
    let outcome = outcome.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(outcome.end, End::Finished);
    assert!(healed.elapsed() < Duration::from_secs(60), "{:?}", healed.elapsed());
    let lost = recorder.events().iter().any(|e| matches!(e, Event::ConnectionLost { .. }));
    assert!(lost, "it did not notice");
    check(&db, "partitioned").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_in_the_middle_of_a_run_is_noticed_and_survived() {
    let at = |event: &Event| matches!(event, Event::Batch { .. });
    partitioned(SWALLOW, Duration::from_secs(3), at).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_do_not_arrive_are_not_waited_for() {
    let at =
        |event: &Event| matches!(event, Event::StepStarted { step, .. } if step == "migrate-2");
    partitioned(SWALLOW_ANSWERS, Duration::from_secs(1), at).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_reached_any_more_ends_the_run() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, SETUP).await;
    let proxy = Proxy::start(&cluster).await;
    let name = db.text("SELECT current_database()::text").await;
    let url = format!(
        "postgresql://postgres@127.0.0.1:{}/{name}?sslmode=disable&connect_timeout=2",
        proxy.port
    );
    let through = Db { target: Target::parse(&url).unwrap(), major };
    let (recorder, hooks) = recorded();
    let (whole, limits) = (whole(major), Limits { patience: Duration::from_secs(2), ..limits() });
    let cut = async {
        recorder.until("a batch", |event| matches!(event, Event::Batch { .. })).await;
        proxy.swallow(SWALLOW);
        Instant::now()
    };
    let (error, since) = tokio::join!(through.execute_with(&whole, &limits, hooks), cut);
    let shown = Error::from(error.unwrap_err());
    assert!(since.elapsed() < Duration::from_secs(60), "{:?}: {shown:?}", since.elapsed());
    // Straight to the server it goes on, past the backends that were left there.
    let rest = db.execute(&self::whole(major), &crate::crash::limits()).await.unwrap();
    assert_eq!(rest.end, End::Finished);
    check(&db, "cut off for good").await;
}

fn whole_backfill(major: u32) -> airlock::plan::Plan {
    plan(major, vec![backfill("migrate-1", "t", "b = a", "t.b IS NULL")])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_in_the_middle_of_a_backfill_is_survived() {
    let (major, primary) = newest();
    let setup = "CREATE TABLE t (id int PRIMARY KEY, a text, b text);
        INSERT INTO t SELECT g, repeat('x', 200), NULL FROM generate_series(1, 40000) AS g;
        ANALYZE t";
    let db = Db::on(&primary, major, setup).await;
    let name = db.text("SELECT current_database()::text").await;
    let standby = primary.start_standby("heir", &[]).await.unwrap();
    let streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    let deadline = Instant::now() + SOON;
    while db.number(streams).await == 0 {
        assert!(Instant::now() < deadline, "it does not stream");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let url = format!(
        "host={},{} user=postgres dbname={name} target_session_attrs=read-write",
        primary.socket_dir().display(),
        standby.socket_dir().display()
    );
    let both = Db { target: Target::parse(&url).unwrap(), major };
    let (recorder, hooks) = recorded();
    let plan = whole_backfill(major);
    let throttle = airlock::run::throttle::Settings { ratio: 0.9, ..Default::default() };
    let slow = Limits { throttle: Arc::new(throttle), ..Limits::default() };
    let fail_over = async {
        let halfway = |event: &Event| {
            matches!(event, Event::Batch { blocks_done, blocks_total, .. }
                if blocks_done * 3 > *blocks_total)
        };
        recorder.until("a third of it", halfway).await;
        primary.kill();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let heir = standby.connect("postgres").await.unwrap();
        heir.batch_execute("SELECT pg_promote()").await.unwrap();
    };
    let (outcome, ()) = tokio::join!(both.execute_with(&plan, &slow, hooks), fail_over);
    let outcome = outcome.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(outcome.end, End::Finished);
    let left = both.number("SELECT count(*) FROM t WHERE b IS DISTINCT FROM a").await;
    assert_eq!(left, 0);
    let rows = both.number("SELECT count(*) FROM t").await;
    assert_eq!(rows, 40_000);
    assert!(recorder.events().iter().any(|e| matches!(e, Event::Reconnected { .. })));
}

/// How a pooler in transaction mode hands out its connections to the server.
#[derive(Clone, Copy)]
enum Pool {
    /// Every client has two, in turn.
    InTurn,
    /// All clients share one while nobody is in a transaction, as PgBouncer does when it is idle.
    One,
}

/// A pooler in transaction mode: every transaction may go to another backend. It speaks as much of
/// the protocol as that takes: where a message ends, and in which state a backend is.
async fn pooler(cluster: &Cluster, pool: Pool) -> (u16, tokio::task::JoinHandle<()>) {
    type Servers = Arc<tokio::sync::Mutex<Vec<UnixStream>>>;
    let one: Servers = Arc::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let path = socket(cluster);
    let task = tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let path = path.clone();
            let shared = one.clone();
            tokio::spawn(async move {
                let length = client.read_u32().await?;
                let mut startup = vec![0; length as usize - 4];
                client.read_exact(&mut startup).await?;
                let (mine, count) = match pool {
                    Pool::InTurn => (Servers::default(), 2),
                    Pool::One => (shared, 1),
                };
                let mut greeted = Vec::new();
                for _ in 0..count {
                    let mut server = UnixStream::connect(&path).await?;
                    server.write_u32(length).await?;
                    server.write_all(&startup).await?;
                    let (greeting, _) = until_ready(&mut server).await?;
                    if greeted.is_empty() {
                        greeted = greeting;
                    }
                    let mut servers = mine.lock().await;
                    if servers.len() < count {
                        servers.push(server);
                    }
                }
                client.write_all(&greeted).await?;
                let mut at = 0;
                let mut held = None;
                loop {
                    // Waits for the first message, then for the server of this transaction.
                    let mut first = [0];
                    client.peek(&mut first).await?;
                    let mut servers = match held.take() {
                        Some(held) => held,
                        None => mine.clone().lock_owned().await,
                    };
                    // Up to the message after which the server answers.
                    loop {
                        let kind = client.read_u8().await?;
                        let length = client.read_u32().await?;
                        let mut body = vec![0; length as usize - 4];
                        client.read_exact(&mut body).await?;
                        let server = &mut servers[at];
                        server.write_u8(kind).await?;
                        server.write_u32(length).await?;
                        server.write_all(&body).await?;
                        match kind {
                            b'S' | b'Q' => break,
                            b'X' => return std::io::Result::Ok(()),
                            _ => {}
                        }
                    }
                    let (answer, state) = until_ready(&mut servers[at]).await?;
                    client.write_all(&answer).await?;
                    if state == b'I' {
                        at = (at + 1) % count;
                    } else {
                        held = Some(servers);
                    }
                }
            });
        }
    });
    (port, task)
}

/// The server's messages up to `ReadyForQuery`, and the state of the transaction in that.
async fn until_ready(server: &mut UnixStream) -> std::io::Result<(Vec<u8>, u8)> {
    let mut all = Vec::new();
    loop {
        let kind = server.read_u8().await?;
        let length = server.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        server.read_exact(&mut body).await?;
        all.push(kind);
        all.extend(length.to_be_bytes());
        all.extend(&body);
        if kind == b'Z' {
            return Ok((all, body[0]));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_transaction_mode_is_refused_before_anything_is_done() {
    let (major, cluster) = newest();
    let db = Db::on(&cluster, major, "CREATE TABLE t (id int)").await;
    let name = db.text("SELECT current_database()::text").await;
    for pool in [Pool::InTurn, Pool::One] {
        let (port, task) = pooler(&cluster, pool).await;
        let url = format!("postgresql://postgres@127.0.0.1:{port}/{name}?sslmode=disable");
        let pooled = Db { target: Target::parse(&url).unwrap(), major };
        let plan = plan(major, vec![exclusive("expand-1", "t", &["ALTER TABLE t ADD c int"])]);
        let error = pooled.execute(&plan, &Limits::default()).await.unwrap_err();
        assert!(matches!(error, RunError::Pooled | RunError::SettingLost { .. }), "{error}");
        let shown = Error::from(error);
        assert!(shown.hint.unwrap().contains("not through a pooler"));
        task.abort();
    }
    let journal = "SELECT count(*) FROM pg_namespace WHERE nspname = 'airlock'";
    assert_eq!(db.number(journal).await, 0);
}
