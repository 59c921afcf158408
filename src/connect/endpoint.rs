//! The places at which a server may be: hosts, addresses and ports as libpq pairs them.

use super::target::input;
use crate::error::Error;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

const DEFAULT_PORT: u16 = 5432;

/// Where servers put their socket by default: Debian and Fedora in the first, others in the second.
const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// One of the places at which the server may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: Host,
    pub(super) port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// Directory of the socket.
    Unix(PathBuf),
    /// Name for TLS and the password file, and the address if it is given apart from it.
    Tcp { name: String, address: Option<IpAddr> },
}

impl Endpoint {
    /// As the environment of libpq's programs names it.
    pub(super) fn host_name(&self) -> String {
        match &self.host {
            Host::Unix(directory) => directory.display().to_string(),
            Host::Tcp { name, .. } => name.clone(),
        }
    }

    pub(super) fn is_unix(&self) -> bool {
        matches!(self.host, Host::Unix(_))
    }

    /// As the password file names it.
    pub(super) fn passfile_host(&self) -> String {
        match &self.host {
            Host::Unix(dir) if SOCKET_DIRECTORIES.iter().any(|known| dir == Path::new(known)) => {
                "localhost".to_owned()
            }
            Host::Unix(dir) => dir.display().to_string(),
            Host::Tcp { name, .. } => name.clone(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Unix(dir) => write!(f, "{}/.s.PGSQL.{}", dir.display(), self.port),
            Host::Tcp { name, .. } if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Host::Tcp { name, .. } => write!(f, "{name}:{}", self.port),
        }
    }
}

/// The places that `host`, `hostaddr` and `port` name: lists of the same length, or one port for
/// all of them.
pub(super) fn endpoints(parameters: &mut BTreeMap<String, String>) -> Result<Vec<Endpoint>, Error> {
    let mut list = |key| -> Vec<String> {
        let text: Option<String> = parameters.remove(key);
        text.map(|text| text.split(',').map(|part| part.trim().to_owned()).collect())
            .unwrap_or_default()
    };
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(addresses.len()).max(1);
    for (key, found) in [("host", &hosts), ("hostaddr", &addresses), ("port", &ports)] {
        let one_for_all = key == "port" && found.len() == 1;
        if !found.is_empty() && found.len() != count && !one_for_all {
            return Err(input(format!("{} values of {key} for {count} hosts", found.len())));
        }
    }
    let mut endpoints = Vec::new();
    for i in 0..count {
        let port =
            match ports.get(i).or(ports.first()).map(String::as_str) {
                None | Some("") => DEFAULT_PORT,
                Some(text) => text.parse().ok().filter(|&port| port != 0).ok_or_else(|| {
                    input(format!("port \"{text}\" is not a number from 1 to 65535"))
                })?,
            };
        let address = match addresses.get(i).map(String::as_str) {
            None | Some("") => None,
            Some(text) => Some(
                text.parse::<IpAddr>()
                    .map_err(|_| input(format!("hostaddr \"{text}\" is not an IP address")))?,
            ),
        };
        let hosts: Vec<Host> = match (hosts.get(i).map(String::as_str).unwrap_or(""), address) {
            ("", Some(address)) => {
                vec![Host::Tcp { name: address.to_string(), address: Some(address) }]
            }
            ("", None) => SOCKET_DIRECTORIES.iter().map(|dir| Host::Unix(dir.into())).collect(),
            (dir, None) if dir.starts_with('/') => vec![Host::Unix(dir.into())],
            (name, address) => vec![Host::Tcp { name: name.to_owned(), address }],
        };
        endpoints.extend(hosts.into_iter().map(|host| Endpoint { host, port }));
    }
    Ok(endpoints)
}
