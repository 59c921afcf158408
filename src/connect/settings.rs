//! What fills in a connection string: a service file, libpq's environment variables, defaults.
//!
//! The order is libpq's: the text itself, then the service, then the environment, then defaults
//! (PostgreSQL manual, "Connection Service File" and "Environment Variables").

use crate::error::{Error, Kind};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where a connection string's gaps are filled from; the process's own, or a test's.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub variables: BTreeMap<String, String>,
    pub home: Option<PathBuf>,
    /// Name of the operating-system user.
    pub user: Option<String>,
}

/// libpq's variables and the parameters that they stand for.
const VARIABLES: [(&str, &str); 18] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
];

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let text = |value: OsString| value.into_string().ok();
        let names = VARIABLES.iter().map(|(name, _)| *name).chain([
            "PGSERVICE",
            "PGSERVICEFILE",
            "PGSYSCONFDIR",
        ]);
        Self {
            variables: names
                .filter_map(|name| Some((name.to_owned(), text(std::env::var_os(name)?)?)))
                .collect(),
            home: std::env::home_dir(),
            user: nix::unistd::User::from_uid(nix::unistd::geteuid())
                .ok()
                .flatten()
                .map(|user| user.name),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `~/.postgresql/<name>`, where libpq keeps certificates and keys.
    pub(super) fn postgresql_file(&self, name: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(".postgresql").join(name))
    }
}

/// The parameters of `text` with everything filled in that the service or the environment say.
/// An empty value counts as none.
pub(super) fn fill_in(
    pairs: Vec<(String, String)>,
    environment: &Environment,
) -> Result<BTreeMap<String, String>, Error> {
    let mut parameters: BTreeMap<String, String> = pairs.into_iter().collect();
    parameters.retain(|_, value| !value.is_empty());
    let service = parameters
        .remove("service")
        .or_else(|| environment.variable("PGSERVICE").map(str::to_owned));
    if let Some(service) = service {
        for (key, value) in service_entries(&service, environment)? {
            parameters.entry(key).or_insert(value);
        }
    }
    for (variable, key) in VARIABLES {
        // Each by itself, as in libpq: a host in the text does not keep PGPORT out.
        if let Some(value) = environment.variable(variable) {
            parameters.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    Ok(parameters)
}

/// The entries of `[name]` in the first service file that has that section.
fn service_entries(name: &str, environment: &Environment) -> Result<Vec<(String, String)>, Error> {
    let own = environment
        .variable("PGSERVICEFILE")
        .map(PathBuf::from)
        .or_else(|| Some(environment.home.as_ref()?.join(".pg_service.conf")));
    let system = environment.variable("PGSYSCONFDIR").map(|d| Path::new(d).join("pg_service.conf"));
    let debian = Some(PathBuf::from("/etc/postgresql-common/pg_service.conf"));
    let mut searched = Vec::new();
    for path in [own, system, debian].into_iter().flatten() {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if let Some(entries) = section(&text, name) {
            return entries.map_err(|line| {
                Error::new(Kind::Input, format!("cannot read the service file {}", path.display()))
                    .detail(format!("Line {line} is not of the form key=value."))
            });
        }
        searched.push(path.display().to_string());
    }
    Err(Error::new(Kind::Input, format!("there is no connection service \"{name}\""))
        .detail(format!("Looked for a section [{name}] in {}.", searched.join(", ")))
        .hint("Name the database with --database-url, or add the service to ~/.pg_service.conf."))
}

/// The pairs of a section, `Err(line)` when one of its lines cannot be read, `None` when there is
/// no such section.
fn section(text: &str, name: &str) -> Option<Result<Vec<(String, String)>, usize>> {
    let header = format!("[{name}]");
    let mut lines = text.lines().map(str::trim).enumerate().skip_while(|(_, line)| *line != header);
    lines.next()?;
    let entries = lines
        .take_while(|(_, line)| !line.starts_with('['))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, line)| match line.split_once('=') {
            Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
            None => Err(index + 1),
        });
    Some(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::{Environment, fill_in, section};

    #[test]
    fn text_before_service_before_environment() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "[other]\nhost=no\n[app]\n# note\nhost = s\nport=1\ndbname=s\n",
        )
        .unwrap();
        let environment = Environment {
            variables: [
                ("PGSERVICEFILE", file.path().to_str().unwrap()),
                ("PGSERVICE", "app"),
                ("PGHOST", "e"),
                ("PGPORT", "2"),
                ("PGUSER", "e"),
                ("PGPASSWORD", ""),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
            ..Environment::default()
        };
        let pairs = vec![("dbname".to_owned(), "t".to_owned()), ("host".to_owned(), String::new())];
        let filled = fill_in(pairs, &environment).unwrap();
        let filled: Vec<_> = filled.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(filled, [("dbname", "t"), ("host", "s"), ("port", "1"), ("user", "e")]);
    }

    #[test]
    fn a_service_that_is_not_there_is_an_error() {
        let pairs = vec![("service".to_owned(), "nowhere".to_owned())];
        let error = fill_in(pairs, &Environment::default()).unwrap_err();
        assert!(error.message.contains("nowhere"), "{error}");
    }

    #[test]
    fn a_line_that_is_no_pair_is_named() {
        assert_eq!(section("[a]\nhost=x\nnonsense\n", "a"), Some(Err(3)));
        assert_eq!(section("[a]\nhost=x\n", "b"), None);
    }
}
