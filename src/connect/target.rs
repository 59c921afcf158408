//! Where a database is: a connection string with its gaps filled, ready to be connected to.

use super::command::{PasswordCommand, Place};
use super::endpoint::{Endpoint, Host, endpoints};
use super::failure::Attempt;
use super::passfile::Passfile;
use super::settings::{Environment, fill_in};
use super::tls::{SslMode, TlsSettings};
use super::{CONNECT_TIMEOUT, conninfo};
use crate::error::{Error, Kind};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Parameters that the driver understands and that we hand on as they are.
const HANDED_ON: [&str; 8] = [
    "options",
    "sslnegotiation",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

/// Parameters of libpq that change nothing for us.
const IGNORED: [&str; 7] = [
    "fallback_application_name",
    "client_encoding",
    "gssencmode",
    "sslcompression",
    "sslsni",
    "krbsrvname",
    "gsslib",
];

/// A database that can be connected to. Its `Display` and `Debug` never show a password.
#[derive(Clone)]
pub struct Target {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) user: String,
    pub(super) database: String,
    password: Option<Password>,
    passfile: Arc<Passfile>,
    command: Option<PasswordCommand>,
    /// Parameters that need no thought of ours.
    pub(super) base: tokio_postgres::Config,
    pub(super) application_name: Option<String>,
    pub(super) tls: TlsSettings,
    pub(super) timeout: Duration,
    warnings: Vec<String>,
}

/// A password and where it came from.
#[derive(Clone)]
pub(super) struct Password {
    pub(super) text: String,
    source: Cow<'static, str>,
}

impl Password {
    pub(super) fn from_command(text: String) -> Self {
        Self { text, source: "the password command".into() }
    }
}

impl Target {
    /// From a `postgresql://` URL or a `key=value` string; service file, libpq's environment
    /// variables, password file and defaults fill in what is missing. An empty text is fine.
    ///
    /// # Errors
    /// `Kind::Input` when the text, or what fills it in, cannot be read.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_with(text, &Environment::of_process())
    }

    /// [`Target::parse`] with another environment than this process's.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn parse_with(text: &str, environment: &Environment) -> Result<Self, Error> {
        let pairs = conninfo::parse(text)?;
        let password_in_text =
            pairs.iter().any(|(key, value)| key == "password" && !value.is_empty());
        let mut parameters = fill_in(pairs, environment)?;
        let mut warnings = Vec::new();

        let tls = TlsSettings::take(&mut parameters, environment)?;
        let endpoints = endpoints(&mut parameters)?;
        let user =
            parameters.remove("user").or_else(|| environment.user.clone()).ok_or_else(|| {
                input("no user name is given and this process's user has none".into())
                    .hint("Name the user in the URL or with PGUSER.")
            })?;
        let database = parameters.remove("dbname").unwrap_or_else(|| user.clone());
        let source =
            if password_in_text { "the database URL" } else { "PGPASSWORD or the service file" };
        let password =
            parameters.remove("password").map(|text| Password { text, source: source.into() });
        let passfile = parameters
            .remove("passfile")
            .map(PathBuf::from)
            .or_else(|| Some(environment.home.as_ref()?.join(".pgpass")));
        let passfile = match passfile {
            Some(path) if password.is_none() => Passfile::load(&path, &mut warnings),
            _ => Passfile::default(),
        };
        let application_name = parameters.remove("application_name");
        let timeout = match number(&mut parameters, "connect_timeout")? {
            Some(0) | None => CONNECT_TIMEOUT,
            Some(seconds) => Duration::from_secs(seconds),
        };
        let base = base_config(parameters)?;
        Ok(Self {
            endpoints,
            user,
            database,
            password,
            passfile: Arc::new(passfile),
            command: None,
            base,
            application_name,
            tls,
            timeout,
            warnings,
        })
    }

    /// A database behind the socket in `directory`, whatever the environment says.
    pub fn unix_socket(directory: &Path, port: u16, user: &str, database: &str) -> Self {
        Self {
            endpoints: vec![Endpoint { host: Host::Unix(directory.to_owned()), port }],
            user: user.to_owned(),
            database: database.to_owned(),
            password: None,
            passfile: Arc::default(),
            command: None,
            base: tokio_postgres::Config::new(),
            application_name: None,
            tls: TlsSettings::off(),
            timeout: CONNECT_TIMEOUT,
            warnings: Vec::new(),
        }
    }

    /// The same server and user, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self { database: name.to_owned(), ..self.clone() }
    }

    /// The same database, another user; a password given for the first one is not used.
    #[must_use]
    pub fn with_user(&self, name: &str, password: Option<&str>) -> Self {
        let password =
            password.map(|text| Password { text: text.to_owned(), source: "the caller".into() });
        Self { user: name.to_owned(), password, ..self.clone() }
    }

    /// The same database with another search path than the role's; `path` as `SET` takes it.
    #[must_use]
    pub fn with_search_path(&self, path: &str) -> Self {
        let mut options = self.base.get_options().unwrap_or_default().to_owned();
        options.push_str(" -c search_path=");
        for c in path.chars() {
            // The server takes the options apart at spaces (`pg_split_opts`).
            if c.is_whitespace() || c == '\\' {
                options.push('\\');
            }
            options.push(c);
        }
        let mut same = self.clone();
        same.base.options(options.trim_start());
        same
    }

    /// The same database; `command` gives the password where nothing else does.
    #[must_use]
    pub fn with_password_command(self, command: Option<&PasswordCommand>) -> Self {
        Self { command: command.cloned(), ..self }
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn ssl_mode(&self) -> SslMode {
        self.tls.mode
    }

    /// Every place that is tried, for a person: `db.example:5432`, `/tmp/.s.PGSQL.5432`.
    pub fn host_for_display(&self) -> String {
        self.endpoints.iter().map(Endpoint::to_string).collect::<Vec<_>>().join(", ")
    }

    /// What a person should know about how the text was read: a password file that is not used.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The same place for a program of PostgreSQL's own, as environment variables: a password on its
    /// command line would be seen by everyone on the machine.
    ///
    /// # Errors
    /// The password command has given a password before, it is too old by now, and the command failed.
    pub async fn libpq_environment(&self) -> Result<Vec<(&'static str, String)>, Error> {
        let hosts: Vec<String> = self.endpoints.iter().map(Endpoint::host_name).collect();
        let addresses = self.endpoints.iter().map(|endpoint| match &endpoint.host {
            Host::Unix(_) | Host::Tcp { address: None, .. } => String::new(),
            Host::Tcp { address: Some(address), .. } => address.to_string(),
        });
        let addresses: Vec<String> = addresses.collect();
        let ports = self.endpoints.iter().map(|endpoint| endpoint.port.to_string());
        let mut variables = vec![
            ("PGHOST", hosts.join(",")),
            ("PGPORT", ports.collect::<Vec<_>>().join(",")),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
        ];
        if addresses.iter().any(|address| !address.is_empty()) {
            variables.push(("PGHOSTADDR", addresses.join(",")));
        }
        for endpoint in &self.endpoints {
            if let Some(password) = self.password(endpoint).await? {
                variables.push(("PGPASSWORD", password.text));
                break;
            }
        }
        variables.extend(self.tls.libpq_environment());
        Ok(variables)
    }

    /// User, place and database without the password; also what `Display` shows.
    pub fn redacted(&self) -> String {
        format!("{} as {} at {}", self.database, self.user, self.host_for_display())
    }

    /// The password that is given for `endpoint`.
    fn given(&self, endpoint: &Endpoint) -> Option<Password> {
        if self.password.is_some() {
            return self.password.clone();
        }
        let host = endpoint.passfile_host();
        let found = self.passfile.password(&host, endpoint.port, &self.database, &self.user)?;
        let source = format!("the password file {}", self.passfile.path.display()).into();
        Some(Password { text: found.to_owned(), source })
    }

    /// The command that has to be asked when the server at `endpoint` wants a password, with what it
    /// is asked for.
    pub(super) fn command(&self, endpoint: &Endpoint) -> Option<(&PasswordCommand, Place)> {
        let command = self.command.as_ref().filter(|_| self.given(endpoint).is_none())?;
        let host = endpoint.host_name();
        let (database, user) = (self.database.clone(), self.user.clone());
        Some((command, Place { host, port: endpoint.port, database, user }))
    }

    /// The password to begin with at `endpoint`: one that is given, or that the command has given
    /// before.
    ///
    /// # Errors
    /// The command was asked again, because what it gave is too old, and failed.
    pub(super) async fn password(&self, endpoint: &Endpoint) -> Result<Option<Password>, Error> {
        match self.command(endpoint) {
            None => Ok(self.given(endpoint)),
            Some((command, place)) => Ok(command.known(&place).await?.map(Password::from_command)),
        }
    }

    pub(super) fn attempt(&self, endpoint: &Endpoint, password: Option<&Password>) -> Attempt<'_> {
        Attempt {
            place: endpoint.to_string(),
            unix: endpoint.is_unix(),
            user: &self.user,
            database: &self.database,
            password_source: password.map(|password| password.source.to_string()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}, {:?})", self.redacted(), self.tls.mode)
    }
}

pub(super) fn input(message: String) -> Error {
    Error::new(Kind::Input, message)
}

fn number(parameters: &mut BTreeMap<String, String>, key: &str) -> Result<Option<u64>, Error> {
    let Some(text) = parameters.remove(key) else { return Ok(None) };
    text.trim()
        .parse()
        .map(Some)
        .map_err(|_| input(format!("{key} \"{text}\" is not a number of seconds")))
}

/// In seconds, and the driver's names where it takes no other; what the URL says wins.
const TCP_DEFAULTS: [(&str, &str); 3] =
    [("keepalives_idle", "10"), ("keepalives_interval", "5"), ("tcp_user_timeout", "20")];

/// The driver's configuration from the parameters that are left; an unknown one is an error.
fn base_config(parameters: BTreeMap<String, String>) -> Result<tokio_postgres::Config, Error> {
    let mut text = String::new();
    // A server that is gone without a goodbye is noticed within half a minute, not after hours.
    for (key, value) in TCP_DEFAULTS {
        if !parameters.contains_key(key) {
            text.push_str(&format!("{key}={value} "));
        }
    }
    for (key, value) in parameters {
        let (key, value) = match (key.as_str(), value.as_str()) {
            ("keepalives_count", _) => ("keepalives_retries", value),
            // We write, so a server that takes writes is what either of them means for us.
            ("target_session_attrs", "primary") => {
                ("target_session_attrs", "read-write".to_owned())
            }
            // Milliseconds for libpq, seconds for the driver.
            ("tcp_user_timeout", milliseconds) => {
                let milliseconds: u64 = milliseconds
                    .parse()
                    .map_err(|_| input("tcp_user_timeout is not a number".into()))?;
                ("tcp_user_timeout", milliseconds.div_ceil(1000).to_string())
            }
            (key, _) if HANDED_ON.contains(&key) => (key, value),
            (key, _) if IGNORED.contains(&key) => continue,
            (key, _) => {
                return Err(input(format!("the connection parameter \"{key}\" is not known"))
                    .hint(
                        "Take it out of the URL. The names are libpq's, such as host or sslmode.",
                    ));
            }
        };
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        text.push_str(&format!("{key}='{value}' "));
    }
    text.parse().map_err(|error| {
        input(format!("cannot read the database URL: {}", super::failure::chain(&error)))
    })
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Environment, Host, Target};
    use crate::error::{Error, Kind};
    use std::time::Duration;

    fn parse(text: &str) -> Result<Target, Error> {
        let environment = Environment { user: Some("me".to_owned()), ..Environment::default() };
        Target::parse_with(text, &environment)
    }

    #[test]
    fn nothing_said_is_the_local_server_as_this_user() {
        let target = parse("").unwrap();
        assert_eq!((target.user(), target.database()), ("me", "me"));
        assert_eq!(
            target.host_for_display(),
            "/var/run/postgresql/.s.PGSQL.5432, /tmp/.s.PGSQL.5432"
        );
    }

    #[test]
    fn lists_of_hosts_addresses_and_ports_go_together() {
        let target = parse("host=a,/run,::1 hostaddr=10.0.0.1,, port=1,,3").unwrap();
        let tcp = |name: &str, address: Option<&str>| Host::Tcp {
            name: name.to_owned(),
            address: address.map(|address| address.parse().unwrap()),
        };
        assert_eq!(
            target.endpoints,
            [
                Endpoint { host: tcp("a", Some("10.0.0.1")), port: 1 },
                Endpoint { host: Host::Unix("/run".into()), port: 5432 },
                Endpoint { host: tcp("::1", None), port: 3 },
            ]
        );
        assert_eq!(target.host_for_display(), "a:1, /run/.s.PGSQL.5432, [::1]:3");
        assert_eq!(parse("host=a,b port=9").unwrap().host_for_display(), "a:9, b:9");
    }

    #[test]
    fn no_way_of_showing_a_target_shows_the_password() {
        let target = parse("postgres://u:s3cret@h/d").unwrap();
        for shown in [format!("{target}"), format!("{target:?}"), target.redacted()] {
            assert!(!shown.contains("s3cret") && shown.contains('u'), "{shown}");
        }
        assert_eq!(target.redacted(), "d as u at h:5432");
        let endpoint = &target.endpoints[0];
        assert_eq!(target.given(endpoint).unwrap().text, "s3cret");
        assert!(target.with_user("v", None).given(endpoint).is_none());
        assert_eq!(target.with_database("e").given(endpoint).unwrap().text, "s3cret");
    }

    #[test]
    fn what_makes_no_sense_is_bad_input() {
        for (text, word) in [
            ("host=a,b port=1,2,3", "3 values of port for 2 hosts"),
            ("host=a hostaddr=1.2.3.4,1.2.3.5", "1 values of host for 2 hosts"),
            ("port=0", "port"),
            ("port=65536", "port"),
            ("host=a hostaddr=a", "hostaddr"),
            ("connect_timeout=soon", "connect_timeout"),
            ("schema=public", "\"schema\" is not known"),
            ("sslcrl=x", "\"sslcrl\" is not known"),
            ("channel_binding=x", "channel_binding"),
            ("target_session_attrs=standby", "target_session_attrs"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind, Kind::Input, "{text}");
            assert!(error.message.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn parameters_of_libpq_are_translated_for_the_driver() {
        let target = parse(
            "host=h options='-c a=\\'b\\'' keepalives_count=3 tcp_user_timeout=1500 \
             target_session_attrs=primary gssencmode=prefer connect_timeout=3",
        )
        .unwrap();
        assert_eq!(target.base.get_options(), Some("-c a='b'"));
        assert_eq!(target.base.get_keepalives_retries(), Some(3));
        assert_eq!(target.base.get_tcp_user_timeout(), Some(&Duration::from_secs(2)));
        assert_eq!(target.timeout, Duration::from_secs(3));
    }
}
