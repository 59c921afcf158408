//! Connecting as a person does: by URL, over TCP and TLS, with passwords from every place, and every
//! way in which that fails, against a real server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock::connect::{Connection, Environment, PasswordCommand, Target};
use airlock::error::{Error, Kind};
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

const PASSWORD: &str = "p@ss/w:rd s3cret";

/// One server for all tests of this file, gone with the process.
struct Server {
    cluster: Cluster,
    /// Certificates of the client's side; `Server` is never dropped, so the folder is the cluster's.
    files: PathBuf,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

async fn server() -> &'static Server {
    SERVER.get_or_init(Server::start).await
}

/// An authority, and a certificate of it in files named after `name`.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn issue(&self, subject: &str, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, subject);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

impl Server {
    async fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let cluster = Cluster::start(&ClusterOptions {
            major: test_versions().unwrap().last().copied(),
            settings: [("listen_addresses", "127.0.0.1"), ("port", &port.to_string())]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..ClusterOptions::default()
        })
        .unwrap();

        let data = cluster.data_dir();
        let files = cluster.socket_dir().to_owned();
        let authority = Authority::new();
        let (certificate, key) = authority.issue("server", &["localhost"]);
        let (client, client_key) = authority.issue("certified", &[]);
        let (alone, alone_key) = {
            let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            (certified.cert.pem(), certified.signing_key.serialize_pem())
        };
        let owner = std::fs::metadata(data).unwrap();
        for (name, text) in [
            ("server.crt", &certificate),
            ("server.key", &key),
            ("alone.crt", &alone),
            ("alone.key", &alone_key),
            ("ca.crt", &authority.pem),
        ] {
            write(&data.join(name), text);
            chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        write(&files.join("ca.crt"), &authority.pem);
        write(&files.join("alone.crt"), &alone);
        write(&files.join("other.crt"), &Authority::new().pem);
        write(&files.join("client.crt"), &client);
        write(&files.join("client.key"), &client_key);

        std::fs::write(
            data.join("pg_hba.conf"),
            "local all postgres trust\n\
             host all plain 127.0.0.1/32 scram-sha-256\n\
             host all rotated 127.0.0.1/32 scram-sha-256\n\
             host all limited 127.0.0.1/32 trust\n\
             hostssl all certified 127.0.0.1/32 cert\n\
             hostnossl all unencrypted 127.0.0.1/32 trust\n",
        )
        .unwrap();
        let this = Self { cluster, files };
        this.administer(&format!(
            "CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE certified LOGIN; \
             CREATE ROLE unencrypted LOGIN; CREATE ROLE limited LOGIN CONNECTION LIMIT 0; \
             CREATE DATABASE app;"
        ))
        .await;
        for sql in ["ALTER SYSTEM SET ssl = on", "ALTER SYSTEM SET ssl_ca_file = 'ca.crt'"] {
            this.administer(sql).await;
        }
        this.cluster.restart().unwrap();
        this
    }

    async fn administer(&self, sql: &str) {
        let connection = self.cluster.connect("postgres").await.unwrap();
        for statement in sql.split_inclusive(';') {
            connection.batch_execute(statement).await.unwrap();
        }
    }

    fn url(&self, user: &str, host: &str, rest: &str) -> String {
        format!("postgresql://{user}@{host}:{}/app?{rest}", self.cluster.port())
    }

    fn file(&self, name: &str) -> String {
        self.files.join(name).display().to_string()
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Environment { variables: variables.collect(), home: None, user: Some("me".into()) }
}

async fn connect(url: &str, variables: &[(&str, &str)]) -> Result<Connection, Error> {
    Target::parse_with(url, &environment(variables))?.connect("test").await
}

async fn refused(url: &str, variables: &[(&str, &str)]) -> Error {
    let error = connect(url, variables).await.expect_err(url);
    let shown = format!("{error:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    error
}

/// Whether the session is encrypted.
async fn encrypted(connection: &Connection) -> bool {
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    connection.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn the_password_comes_from_the_url_the_environment_or_the_password_file() {
    let server = server().await;
    let url = server.url("plain:p%40ss%2Fw%3Ard%20s3cret", "127.0.0.1", "");
    connect(&url, &[]).await.unwrap();

    let bare = server.url("plain", "127.0.0.1", "");
    connect(&bare, &[("PGPASSWORD", PASSWORD)]).await.unwrap();

    let file = server.files.join("pgpass");
    write(&file, "127.0.0.1:*:app:plain:p@ss/w\\:rd s3cret\n");
    let passfile = [("PGPASSFILE", file.to_str().unwrap())];
    connect(&bare, &passfile).await.unwrap();

    let missing = refused(&bare, &[]).await;
    assert!(
        missing.message.ends_with("the server wants a password and there is none"),
        "{missing}"
    );
    let wrong = refused(&bare, &[("PGPASSWORD", "wrong s3cret")]).await;
    assert!(wrong.detail.unwrap().contains("28P01"));
    assert!(wrong.hint.unwrap().contains("PGPASSWORD"));

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let target = Target::parse_with(&bare, &environment(&passfile)).unwrap();
    assert!(target.warnings()[0].contains("can be read by others"), "{:?}", target.warnings());
    let unused = target.connect("test").await.unwrap_err();
    assert!(unused.message.contains("there is none"), "{unused}");
}

/// A command that counts its runs in `runs` before it does what `script` says.
struct Counted {
    folder: tempfile::TempDir,
    command: PasswordCommand,
}

impl Counted {
    fn new(script: &str, max_age: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs").display().to_string();
        let argv = ["sh", "-c", &format!("echo run >> '{runs}'; {script}")].map(str::to_owned);
        let command = PasswordCommand::program(argv.to_vec(), Duration::from_secs(5), max_age);
        Self { folder, command }
    }

    fn runs(&self) -> usize {
        let said = std::fs::read_to_string(self.folder.path().join("runs"));
        said.map_or(0, |text| text.lines().count())
    }

    fn target(&self, url: &str, variables: &[(&str, &str)]) -> Target {
        let target = Target::parse_with(url, &environment(variables)).unwrap();
        target.with_password_command(Some(&self.command))
    }

    async fn refused(&self, url: &str) -> Error {
        let error = self.target(url, &[]).connect("test").await.expect_err(url);
        let shown = format!("{error:?} {:?}", self.command);
        assert!(!shown.contains("s3cret"), "{shown}");
        error
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_command_gives_the_password_when_nothing_else_does() {
    let server = server().await;
    let bare = server.url("plain", "127.0.0.1", "");
    let port = server.cluster.port();
    // It is told whose password is wanted; what follows the first line is nobody's business.
    let script = format!(
        "test \"$PGHOST $PGPORT $PGDATABASE $PGUSER\" = '127.0.0.1 {port} app plain' || exit 9; \
         printf '%s\\r\\nmore\\n' '{PASSWORD}'"
    );
    let command = Counted::new(&script, HOUR);
    let target = command.target(&bare, &[]);
    let opened = futures_util::future::join_all((0..5).map(|_| target.connect("test"))).await;
    assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    command.target(&bare, &[]).connect("test").await.unwrap();
    assert_eq!(command.runs(), 1, "one that is young enough is used again");
    let variables = target.libpq_environment().await.unwrap();
    assert!(variables.contains(&("PGPASSWORD", PASSWORD.to_owned())));

    // A password that is given wins, also one that is wrong; a server that asks for none gets none.
    let unused = Counted::new(&script, HOUR);
    unused.target(&bare, &[("PGPASSWORD", PASSWORD)]).connect("test").await.unwrap();
    let given = unused.target(&bare, &[("PGPASSWORD", "wrong")]).connect("test").await;
    assert!(given.unwrap_err().hint.unwrap().contains("PGPASSWORD"));
    let socket = server.cluster.socket_dir().display().to_string();
    let local = format!("host={socket} port={port} user=postgres dbname=app");
    unused.target(&local, &[]).connect("test").await.unwrap();
    assert_eq!(unused.runs(), 0);
}

#[tokio::test]
async fn a_token_is_asked_for_again_when_it_is_old_or_refused() {
    let server = server().await;
    let bare = server.url("plain", "127.0.0.1", "");
    let aged = Counted::new(&format!("echo '{PASSWORD}'"), Duration::ZERO);
    for runs in 1..=3 {
        aged.target(&bare, &[]).connect("test").await.unwrap();
        assert_eq!(aged.runs(), runs);
    }

    // The first token is one that is no good any more once it has worked.
    let token = tempfile::NamedTempFile::new().unwrap();
    let script = format!("cat '{}'", token.path().display());
    let rotated = Counted::new(&script, HOUR);
    server.administer("CREATE ROLE rotated LOGIN PASSWORD 'one s3cret'").await;
    let url = server.url("rotated", "localhost", "sslmode=disable");
    std::fs::write(token.path(), "one s3cret").unwrap();
    rotated.target(&url, &[]).connect("test").await.unwrap();
    server.administer("ALTER ROLE rotated PASSWORD 'two s3cret'").await;
    std::fs::write(token.path(), "two s3cret\n").unwrap();
    rotated.target(&url, &[]).connect("test").await.unwrap();
    assert_eq!(rotated.runs(), 2);
    // One that stays wrong is tried once more and not for ever.
    std::fs::write(token.path(), "three s3cret\n").unwrap();
    server.administer("ALTER ROLE rotated PASSWORD 'four s3cret'").await;
    let error = rotated.refused(&url).await;
    assert!(error.detail.unwrap().contains("28P01"));
    assert_eq!(rotated.runs(), 3);
}

#[tokio::test]
async fn a_password_command_that_does_not_work_says_why_and_shows_nothing_it_printed() {
    let server = server().await;
    let bare = server.url("plain", "127.0.0.1", "");
    for (script, words) in [
        ("echo wrong-s3cret", "the password command"),
        ("echo s3cret; echo 'no vault' >&2; exit 3", "ended with 3. It said: no vault"),
        ("kill -9 $$", "signal 9"),
        ("true", "first line is empty"),
        ("echo; echo s3cret", "first line is empty"),
        ("printf 's3cret\\377\\n'", "not UTF-8"),
        ("yes s3cret | head -c 100000 | tr -d '\\n'", "longer than"),
    ] {
        let error = Counted::new(script, HOUR).refused(&bare).await;
        assert_eq!(error.kind, Kind::Failed);
        assert!(format!("{error:?}").contains(words), "{script}: {error:?}");
    }
    let missing = PasswordCommand::program(vec!["/no/such".into()], HOUR, HOUR);
    let target = Target::parse_with(&bare, &environment(&[])).unwrap();
    let error = target.clone().with_password_command(Some(&missing)).connect("test").await;
    assert_eq!(error.unwrap_err().message, "password command /no/such failed");

    let began = Instant::now();
    let hangs = PasswordCommand::script("sleep 60 & wait", Duration::from_millis(300), HOUR);
    let error = target.with_password_command(Some(&hangs)).connect("test").await.unwrap_err();
    assert!(error.detail.unwrap().contains("longer than 300ms"));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn each_refusal_of_the_server_is_named() {
    let server = server().await;
    let password = [("PGPASSWORD", PASSWORD)];
    for (url, code, word) in [
        (server.url("nobody", "127.0.0.1", ""), "28000", "pg_hba.conf"),
        (server.url("limited", "127.0.0.1", ""), "53300", "idle sessions"),
        (server.url("plain", "127.0.0.1", "dbname=missing"), "3D000", "createdb missing"),
    ] {
        let error = refused(&url, &password).await;
        assert_eq!(error.kind, Kind::Failed);
        assert!(error.detail.as_ref().unwrap().contains(code), "{error:?}");
        assert!(error.hint.as_ref().unwrap().contains(word), "{error:?}");
        assert!(error.message.contains("127.0.0.1"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    // It accepts, and then says nothing.
    let silent = refused(&format!("postgres://127.0.0.1:{port}/?connect_timeout=1"), &[]).await;
    assert!(silent.message.ends_with("no answer in time"), "{silent}");
    drop(free);
    let closed = refused(&format!("postgres://127.0.0.1:{port}"), &[]).await;
    assert!(closed.message.ends_with("connection refused"), "{closed}");
    assert!(closed.hint.unwrap().contains("listen_addresses"));
    let unknown = refused("postgres://no-such-host.invalid", &[]).await;
    assert!(unknown.message.ends_with("unknown host"), "{unknown}");
    let socket = refused("host=/nonexistent port=1", &[]).await;
    assert!(
        socket.message.contains("/nonexistent/.s.PGSQL.1: there is no such socket"),
        "{socket}"
    );
    assert!(socket.hint.unwrap().contains("Is the server running"));
}

#[tokio::test]
async fn the_next_host_is_tried_when_one_does_not_answer() {
    let server = server().await;
    let port = server.cluster.port();
    let url = format!("host=/nonexistent,127.0.0.1 port={port} user=plain dbname=app");
    let connection = connect(&url, &[("PGPASSWORD", PASSWORD)]).await.unwrap();
    assert!(!connection.closed());
    let none = refused(&format!("host=/nonexistent,/neither port={port}"), &[]).await;
    let detail = none.detail.unwrap();
    assert!(detail.contains("/nonexistent") && detail.contains("/neither"), "{detail}");
    // A host that says no ends it: a second one with the same name would be another database.
    let no = refused(&url, &[("PGPASSWORD", "wrong s3cret")]).await;
    assert!(no.detail.unwrap().contains("28P01"));
}

#[tokio::test]
async fn tls_is_used_and_verified_as_sslmode_says() {
    let server = server().await;
    let password = [("PGPASSWORD", PASSWORD)];
    let (good, other) = (server.file("ca.crt"), server.file("other.crt"));
    let direct = ("localhost", "sslmode=require&sslnegotiation=direct".to_owned(), Ok(true));
    for (host, parameters, expected) in [
        ("localhost", "sslmode=disable".to_owned(), Ok(false)),
        ("localhost", String::new(), Ok(true)),
        ("localhost", "sslmode=require".to_owned(), Ok(true)),
        ("localhost", format!("sslmode=require&sslrootcert={good}"), Ok(true)),
        ("localhost", format!("sslmode=require&sslrootcert={other}"), Err("not trusted")),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={good}"), Ok(true)),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={other}"), Err("not trusted")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={good}"), Ok(true)),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={good}"), Ok(true)),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={good}"), Err("another host name")),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert=/nonexistent".to_owned(),
            Err("cannot read"),
        ),
        ("localhost", "sslmode=verify-ca".to_owned(), Err("no root certificate")),
        ("localhost", "sslmode=require&sslrootcert=system".to_owned(), Err("verify-full")),
        ("localhost", "sslmode=sometimes".to_owned(), Err("not known")),
        ("localhost", "sslnegotiation=direct".to_owned(), Err("needs sslmode=require")),
    ]
    .into_iter()
    .chain((server.cluster.major() >= 17).then_some(direct))
    {
        let url = server.url("plain", host, &parameters);
        match (connect(&url, &password).await, expected) {
            (Ok(connection), Ok(tls)) => assert_eq!(encrypted(&connection).await, tls, "{url}"),
            (Err(error), Err(words)) => assert!(error.message.contains(words), "{url}: {error:?}"),
            (result, _) => panic!("{url}: {result:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn prefer_does_without_tls_where_the_server_wants_none() {
    let server = server().await;
    let connection = connect(&server.url("unencrypted", "127.0.0.1", ""), &[]).await.unwrap();
    assert!(!encrypted(&connection).await);
    let error = refused(&server.url("unencrypted", "127.0.0.1", "sslmode=require"), &[]).await;
    assert!(error.detail.unwrap().contains("28000"));
}

#[tokio::test]
async fn a_client_certificate_signs_on_without_a_password_and_cancels() {
    let server = server().await;
    let (certificate, key) = (server.file("client.crt"), server.file("client.key"));
    let url = server.url(
        "certified",
        "localhost",
        &format!(
            "sslmode=verify-full&sslrootcert={}&sslcert={certificate}&sslkey={key}",
            server.file("ca.crt")
        ),
    );
    let connection = connect(&url, &[]).await.unwrap();
    let canceller = connection.canceller();
    let (slept, cancelled) = tokio::join!(connection.batch_execute("SELECT pg_sleep(60)"), async {
        let other = server.cluster.connect("postgres").await.unwrap();
        let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        while other.query_one(sleeping, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
        canceller.cancel().await
    });
    cancelled.unwrap();
    assert!(slept.unwrap_err().to_string().contains("db error"));

    let open = server.files.join("open.key");
    std::fs::copy(&key, &open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = refused(&url.replace("client.key", "open.key"), &[]).await;
    assert!(error.hint.unwrap().contains("chmod 0600"));
    let without = server.url("certified", "localhost", "sslmode=require");
    assert!(refused(&without, &[]).await.message.contains("certificate"));
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_when_it_is_the_root_file() {
    let own = Server::start().await;
    own.administer(
        "ALTER SYSTEM SET ssl_cert_file = 'alone.crt'; ALTER SYSTEM SET ssl_key_file = 'alone.key';",
    )
    .await;
    own.cluster.restart().unwrap();
    let password = [("PGPASSWORD", PASSWORD)];
    let tls = format!("sslmode=verify-full&sslrootcert={}", own.file("alone.crt"));
    assert!(
        encrypted(&connect(&own.url("plain", "localhost", &tls), &password).await.unwrap()).await
    );
    let error = refused(&own.url("plain", "127.0.0.1", &tls), &password).await;
    assert!(error.message.contains("another host name"), "{error:?}");

    // And a server without TLS at all.
    own.administer("ALTER SYSTEM SET ssl = off").await;
    own.cluster.restart().unwrap();
    let plain = connect(&own.url("plain", "localhost", ""), &password).await.unwrap();
    assert!(!encrypted(&plain).await);
    let error = refused(&own.url("plain", "localhost", "sslmode=require"), &password).await;
    assert!(error.message.contains("does not offer TLS"), "{error:?}");
}

#[tokio::test]
async fn the_session_says_who_it_is() {
    let server = server().await;
    let variables = [("PGPASSWORD", PASSWORD), ("PGAPPNAME", "release 7"), ("PGDATABASE", "no")];
    let connection = connect(&server.url("plain", "127.0.0.1", ""), &variables).await.unwrap();
    let row = connection
        .query_one("SELECT current_setting('application_name'), current_database()", &[])
        .await
        .unwrap();
    assert_eq!((row.get(0), row.get(1)), ("test (release 7)", "app"));
}
