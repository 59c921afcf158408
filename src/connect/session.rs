//! An open connection: the client, the task that drives its socket, what the server says aside.

use super::endpoint::{Endpoint, Host};
use super::failure::{attempt_failed, database_error, io_failed, password_missing};
use super::target::{Password, Target};
use super::tls::SslMode;
use crate::error::{Error, Kind};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, CancelToken, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Notices kept until somebody asks for them; older ones are dropped first.
const NOTICES_KEPT: usize = 1000;

/// Notifications that are kept until somebody asks.
const NOTIFICATIONS_KEPT: usize = 64;

/// What the server reports at sign-on and we keep.
const PARAMETERS_KEPT: [&str; 6] = [
    "server_version",
    "server_encoding",
    "in_hot_standby",
    "is_superuser",
    "TimeZone",
    "session_authorization",
];

/// A client and the task that drives its socket. Dropping it aborts the task, which closes the
/// socket at once without a goodbye, as a crash of ours would.
pub struct Connection {
    // Before the client, so that it is dropped first and has no time for a goodbye.
    task: Driver,
    pub client: tokio_postgres::Client,
    notices: Arc<Mutex<VecDeque<DbError>>>,
    notified: Arc<tokio::sync::Notify>,
    /// Channel and payload of notifications that nobody has taken yet.
    heard: Arc<Mutex<VecDeque<(String, String)>>>,
    parameters: BTreeMap<&'static str, String>,
    tls: Option<MakeRustlsConnect>,
}

/// The task that drives the socket; dropping this aborts it.
struct Driver(tokio::task::JoinHandle<()>);

/// Cancels what a connection is doing, from any task and also after the connection was moved.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
}

/// Version of a server, or of server programs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    pub major: u32,
    pub minor: u32,
    /// As reported, for example `15.14 (Debian 15.14-0+deb12u1)`.
    pub text: String,
}

impl ServerVersion {
    /// From the text that the server or `postgres --version` gives: `18.4`, `19beta1`,
    /// `15.14 (Debian …)`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits_end = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let (major, rest) = text.split_at(digits_end(text));
        let minor = rest.strip_prefix('.').map_or("0", |rest| &rest[..digits_end(rest)]);
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().unwrap_or(0),
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Target {
    /// Opens a connection under `application_name`; a name of the user's own (`PGAPPNAME`) is
    /// added in parentheses. Hosts are tried in turn, as by libpq: the next one when a host does
    /// not answer or is starting up, not when it says no.
    ///
    /// # Errors
    /// Server down, refused, wrong password, no such database, TLS trouble: each named, with a hint.
    pub async fn connect(&self, application_name: &str) -> Result<Connection, Error> {
        let mut failures: Vec<Error> = Vec::new();
        for endpoint in &self.endpoints {
            match self.connect_at(endpoint, application_name).await {
                Ok(connection) => return Ok(connection),
                Err(Failure::Final(error) | Failure::Password(error)) => return Err(error),
                Err(Failure::TryNext(error)) => failures.push(error),
            }
        }
        Err(together(failures))
    }

    /// With the password that is known, and when that is not good enough with one that the password
    /// command gives now: it is not asked before the server wants a password.
    async fn connect_at(&self, endpoint: &Endpoint, name: &str) -> Result<Connection, Failure> {
        let known = self.password(endpoint).await.map_err(Failure::Final)?;
        let first = self.within_time(endpoint, name, known.as_ref()).await;
        let Some((command, place)) = self.command(endpoint) else { return first };
        if !matches!(first, Err(Failure::Password(_))) {
            return first;
        }
        let refused = known.as_ref().map(|password| password.text.as_str());
        let given = command.other(&place, refused).await.map_err(Failure::Final)?;
        self.within_time(endpoint, name, Some(&Password::from_command(given))).await
    }

    async fn within_time(
        &self,
        endpoint: &Endpoint,
        name: &str,
        password: Option<&Password>,
    ) -> Result<Connection, Failure> {
        let attempt = self.connect_to(endpoint, name, password);
        tokio::time::timeout(self.timeout, attempt).await.unwrap_or_else(|_| {
            let timed_out = io::ErrorKind::TimedOut.into();
            let error = io_failed(&self.attempt(endpoint, password), &timed_out);
            Err(Failure::TryNext(error.detail(format!("Waited for {:?}.", self.timeout))))
        })
    }

    async fn connect_to(
        &self,
        endpoint: &Endpoint,
        application_name: &str,
        password: Option<&Password>,
    ) -> Result<Connection, Failure> {
        let mut config = self.base.clone();
        config.user(&self.user).dbname(&self.database).port(endpoint.port);
        config.application_name(match &self.application_name {
            Some(own) => format!("{application_name} ({own})"),
            None => application_name.to_owned(),
        });
        if let Some(password) = password {
            config.password(&password.text);
        }
        match &endpoint.host {
            // The server never speaks TLS on a Unix socket, and libpq ignores sslmode there.
            Host::Unix(directory) => {
                config.host_path(directory);
                self.sign_on(endpoint, config, SslMode::Disable, password).await
            }
            Host::Tcp { name, address } => {
                config.host(name);
                let mut last = None;
                for address in self.addresses(endpoint, name, *address).await? {
                    let mut config = config.clone();
                    config.hostaddr(address);
                    match self.sign_on(endpoint, config, self.tls.mode, password).await {
                        Err(Failure::TryNext(error)) => last = Some(Failure::TryNext(error)),
                        done => return done,
                    }
                }
                Err(last.expect("a name that resolves gives an address"))
            }
        }
    }

    async fn addresses(
        &self,
        endpoint: &Endpoint,
        name: &str,
        address: Option<IpAddr>,
    ) -> Result<Vec<IpAddr>, Failure> {
        if let Some(address) = address {
            return Ok(vec![address]);
        }
        let unknown = |cause: String| {
            Failure::TryNext(
                Error::new(Kind::Failed, format!("cannot connect to {endpoint}: unknown host"))
                    .detail(cause)
                    .hint("Is the host name spelled right, and does name resolution work here?"),
            )
        };
        let found = tokio::net::lookup_host((name, endpoint.port))
            .await
            .map_err(|error| unknown(format!("{error}.")))?;
        let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        addresses.dedup();
        if addresses.is_empty() {
            return Err(unknown("The name has no address.".to_owned()));
        }
        Ok(addresses)
    }

    async fn sign_on(
        &self,
        endpoint: &Endpoint,
        mut config: tokio_postgres::Config,
        mode: SslMode,
        password: Option<&Password>,
    ) -> Result<Connection, Failure> {
        config.ssl_mode(mode.for_client());
        let result = if mode == SslMode::Disable {
            config
                .connect(NoTls)
                .await
                .map(|(client, driver)| Connection::new(client, driver, None))
        } else {
            let tls = self.tls.client_config().map_err(Failure::Final)?;
            let tls = MakeRustlsConnect::new(tls);
            let kept = Some(tls.clone());
            config.connect(tls).await.map(|(client, driver)| Connection::new(client, driver, kept))
        };
        match result {
            Ok(connection) => Ok(connection),
            // `prefer` means: rather unencrypted than not at all, also when the handshake fails or
            // pg_hba.conf only lets unencrypted connections in.
            Err(error)
                if mode == SslMode::Prefer
                    && (error.to_string().contains("TLS")
                        || super::sqlstate(&error) == Some("28000")) =>
            {
                Box::pin(self.sign_on(endpoint, config, SslMode::Disable, password)).await
            }
            Err(error) => {
                let shown = attempt_failed(&self.attempt(endpoint, password), &error);
                Err(match super::sqlstate(&error) {
                    Some("28P01") => Failure::Password(shown),
                    None if password_missing(&error) => Failure::Password(shown),
                    None | Some("57P03") => Failure::TryNext(shown),
                    Some(_) => Failure::Final(shown),
                })
            }
        }
    }
}

/// Whether another host is worth an attempt.
enum Failure {
    Final(Error),
    /// The server wants a password, or another one. No other host will do without.
    Password(Error),
    TryNext(Error),
}

/// One error of those of all hosts.
fn together(mut failures: Vec<Error>) -> Error {
    if failures.len() == 1 {
        return failures.remove(0);
    }
    let hint = failures.iter().find_map(|error| error.hint.clone());
    let detail = failures
        .iter()
        .map(|error| match &error.detail {
            Some(detail) => format!("{}. {detail}", error.message),
            None => format!("{}.", error.message),
        })
        .collect::<Vec<_>>()
        .join("\n");
    let mut error = Error::new(Kind::Failed, "no server answers in any of the places tried");
    error.detail = Some(detail);
    error.hint = hint;
    error
}

impl Connection {
    fn new<S, T>(
        client: tokio_postgres::Client,
        mut driver: tokio_postgres::Connection<S, T>,
        tls: Option<MakeRustlsConnect>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let parameters = PARAMETERS_KEPT
            .into_iter()
            .filter_map(|name| Some((name, driver.parameter(name)?.to_owned())))
            .collect();
        let notices = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&notices);
        let notified = Arc::new(tokio::sync::Notify::new());
        let heard = Arc::new(Mutex::new(VecDeque::new()));
        let (wake, said) = (Arc::clone(&notified), Arc::clone(&heard));
        let task = tokio::spawn(async move {
            // An error ends the connection; whoever uses the client gets it as an answer.
            while let Some(Ok(message)) = poll_fn(|cx| driver.poll_message(cx)).await {
                match message {
                    AsyncMessage::Notice(notice) => {
                        let mut kept = lock(&kept);
                        if kept.len() == NOTICES_KEPT {
                            kept.pop_front();
                        }
                        kept.push_back(notice);
                    }
                    AsyncMessage::Notification(one) => {
                        let mut said = lock(&said);
                        if said.len() == NOTIFICATIONS_KEPT {
                            said.pop_front();
                        }
                        said.push_back((one.channel().to_owned(), one.payload().to_owned()));
                        drop(said);
                        wake.notify_one();
                    }
                    _ => {}
                }
            }
        });
        Self { task: Driver(task), client, notices, notified, heard, parameters, tls }
    }

    /// Whether the socket is closed; nothing more can be asked then.
    pub fn closed(&self) -> bool {
        self.task.0.is_finished() || self.client.is_closed()
    }

    /// Waits for a notification of a channel that is listened to; one that came before counts.
    pub async fn notified(&self) {
        self.notified.notified().await;
    }

    /// Channel and payload of the notifications since the last call, oldest first, the last few at most.
    pub fn take_notifications(&self) -> Vec<(String, String)> {
        lock(&self.heard).drain(..).collect()
    }

    /// The notices and warnings since the last call, oldest first, the last thousand at most.
    pub fn take_notices(&self) -> Vec<DbError> {
        lock(&self.notices).drain(..).collect()
    }

    /// What the server reported at sign-on: `server_version`, `server_encoding`, `in_hot_standby`,
    /// `is_superuser`, `TimeZone` or `session_authorization`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Version of the server.
    ///
    /// # Errors
    /// When the server (or a pooler in front of it) reports none that can be read.
    pub fn server_version(&self) -> Result<ServerVersion, Error> {
        let text = self.parameter("server_version").unwrap_or("");
        ServerVersion::parse(text).ok_or_else(|| {
            Error::new(Kind::Failed, format!("cannot read the server's version \"{text}\""))
                .hint("Connect to PostgreSQL itself, not through a pooler.")
        })
    }

    /// What cancels the statement in flight.
    pub fn canceller(&self) -> Canceller {
        Canceller { token: self.client.cancel_token(), tls: self.tls.clone() }
    }

    /// Says goodbye and waits until that is sent. The server ends the session soon after, not
    /// before this returns.
    pub async fn close(self) {
        let Self { client, mut task, .. } = self;
        drop(client);
        // The driver ends by itself once the client is gone; bounded all the same.
        let _ = tokio::time::timeout(super::CONNECT_TIMEOUT, &mut task.0).await;
    }
}

impl Deref for Connection {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.client
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection(closed: {})", self.closed())
    }
}

impl Canceller {
    /// Asks the server to cancel the statement in flight. Whether there was one is not told.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn cancel(&self) -> Result<(), Error> {
        let request = async {
            match &self.tls {
                Some(tls) => self.token.cancel_query(tls.clone()).await,
                None => self.token.cancel_query(NoTls).await,
            }
        };
        match tokio::time::timeout(super::CONNECT_TIMEOUT, request).await {
            Ok(result) => result.map_err(|error| database_error(&error, "cancel the statement")),
            Err(_) => Err(Error::new(Kind::Failed, "could not cancel the statement in time")),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A panic elsewhere leaves the list of notices as it was, which is good enough.
fn lock<T>(queue: &Mutex<VecDeque<T>>) -> MutexGuard<'_, VecDeque<T>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::ServerVersion;

    #[test]
    fn versions_are_read_as_servers_write_them() {
        for (text, major, minor) in [
            ("18.4", 18, 4),
            ("15.14 (Debian 15.14-0+deb12u1)", 15, 14),
            ("19beta1", 19, 0),
            ("14", 14, 0),
        ] {
            let version = ServerVersion::parse(text).unwrap();
            assert_eq!((version.major, version.minor), (major, minor), "{text}");
            assert_eq!(version.to_string(), text);
        }
        assert_eq!(ServerVersion::parse("unknown"), None);
    }
}
