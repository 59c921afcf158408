//! What the driver reports, in words for a person: nothing that the server said is lost.

use crate::error::{Error, Kind};
use rustls::CertificateError;
use std::error::Error as _;
use std::io;
use tokio_postgres::error::{DbError, ErrorPosition, Severity};

/// An error of the server or of the connection to it, while `doing` something ("create the index").
/// The message is `could not <doing>: <the server's message>`; the detail keeps SQLSTATE, DETAIL,
/// position and context, the hint the server's own.
pub fn database_error(e: &tokio_postgres::Error, doing: &str) -> Error {
    let Some(server) = e.as_db_error() else {
        let error = Error::new(Kind::Failed, format!("could not {doing}: {}", chain(e)));
        return if is_connection_lost(e) {
            error.detail("The connection to the server was lost.")
        } else {
            error
        };
    };
    let mut error = Error::new(Kind::Failed, format!("could not {doing}: {}", server.message()))
        .detail(server_detail(server))
        .origin(None, Some(server.code().code()));
    if let Some(hint) = server.hint() {
        error = error.hint(hint);
    }
    error
}

/// SQLSTATE and everything else that the server said, except its message and hint.
pub(super) fn server_detail(server: &DbError) -> String {
    let mut lines = vec![format!("SQLSTATE {}.", server.code().code())];
    lines.extend(server.detail().map(str::to_owned));
    match server.position() {
        Some(ErrorPosition::Original(position)) => {
            lines.push(format!("At character {position} of the statement."));
        }
        Some(ErrorPosition::Internal { position, query }) => {
            lines.push(format!("At character {position} of: {query}"));
        }
        None => {}
    }
    lines.extend(server.where_().map(|context| format!("Context: {context}")));
    lines.join("\n")
}

/// SQLSTATE of an error that the server reported.
pub fn sqlstate(e: &tokio_postgres::Error) -> Option<&str> {
    e.code().map(tokio_postgres::error::SqlState::code)
}

/// Whether the connection is gone, so that nothing more can be asked on it: the socket is closed,
/// or the server ended the session (`57P01` administrator, `57P02` crash, `57P03` starting up, an
/// idle timeout: everything it calls FATAL).
pub fn is_connection_lost(e: &tokio_postgres::Error) -> bool {
    match e.as_db_error() {
        Some(server) => match server.parsed_severity() {
            Some(Severity::Fatal | Severity::Panic) => true,
            _ => server.code().code().starts_with("08"),
        },
        None => {
            e.is_closed()
                || e.source()
                    .and_then(|source| source.downcast_ref::<io::Error>())
                    .is_some_and(|error| error.kind() != io::ErrorKind::InvalidInput)
        }
    }
}

/// The error and its causes in one line.
pub(super) fn chain(e: &tokio_postgres::Error) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(error) = source {
        let message = error.to_string();
        // Some layers repeat the one below them.
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        source = error.source();
    }
    text
}

/// Whether the server asked for a password and none was given.
pub(super) fn password_missing(e: &tokio_postgres::Error) -> bool {
    e.as_db_error().is_none() && chain(e).contains("password missing")
}

/// Who could not be reached, for the words of a failed attempt.
pub(super) struct Attempt<'a> {
    /// `host:port`, or the directory of a socket and its number.
    pub(super) place: String,
    pub(super) unix: bool,
    pub(super) user: &'a str,
    pub(super) database: &'a str,
    /// Where the password came from, if there was one.
    pub(super) password_source: Option<String>,
}

/// A connection attempt that failed.
pub(super) fn attempt_failed(attempt: &Attempt<'_>, e: &tokio_postgres::Error) -> Error {
    let cannot = format!("cannot connect to {}", attempt.place);
    if let Some(server) = e.as_db_error() {
        return rejected(attempt, &cannot, server);
    }
    let shown = e.to_string();
    let cause = chain(e);
    let error = |cause: &str| Error::new(Kind::Failed, format!("{cannot}: {cause}"));
    if password_missing(e) {
        return error("the server wants a password and there is none").hint(
            "Put it into ~/.pgpass (host:port:database:user:password, mode 0600), into PGPASSWORD \
             or into the URL, or have password_command in airlock.toml print it.",
        );
    }
    if shown.contains("TLS") || cause.contains("does not support TLS") {
        return tls_failed(&error, &cause, certificate_error(e));
    }
    let io = e.source().and_then(|source| source.downcast_ref::<io::Error>());
    match io {
        Some(io) => io_failed(attempt, io),
        None => error(&cause),
    }
}

fn tls_failed(
    error: &dyn Fn(&str) -> Error,
    cause: &str,
    certificate: Option<&CertificateError>,
) -> Error {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        UnknownIssuer,
    };
    let (what, hint) = match certificate {
        Some(NotValidForName | NotValidForNameContext { .. }) => (
            "the server's certificate is for another host name",
            "Connect under a name in the certificate's subjectAltName, or use sslmode=verify-ca.",
        ),
        Some(UnknownIssuer | BadSignature) => (
            "the server's certificate comes from an authority that is not trusted",
            "Name the authority's certificate with sslrootcert=.",
        ),
        Some(Expired | ExpiredContext { .. }) => (
            "the server's certificate has expired",
            "Renew it, and look at the clock of this machine.",
        ),
        _ if cause.contains("does not support TLS") => (
            "the server does not offer TLS",
            "Set ssl = on at the server, or use sslmode=prefer if the network can be trusted.",
        ),
        _ => (
            "TLS failed",
            "Look at sslmode, sslrootcert, sslcert and sslkey; the server's log may say more.",
        ),
    };
    error(what).detail(format!("{cause}.")).hint(hint)
}

/// What is wrong with the server's certificate, if that is what a handshake failed on.
fn certificate_error(e: &tokio_postgres::Error) -> Option<&CertificateError> {
    let io = e.source()?.downcast_ref::<io::Error>()?;
    match io.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => Some(error),
        _ => None,
    }
}

/// An attempt that ended before the server said anything.
pub(super) fn io_failed(attempt: &Attempt<'_>, io: &io::Error) -> Error {
    let error = |cause: &str| {
        Error::new(Kind::Failed, format!("cannot connect to {}: {cause}", attempt.place))
    };
    let running = if attempt.unix {
        "Is the server running, and does it have its socket there? Name another place with \
         --database-url or PGHOST."
    } else {
        "Is the server running on that host, and does it accept TCP connections on that port \
         (listen_addresses, firewall)?"
    };
    match io.kind() {
        io::ErrorKind::ConnectionRefused => error("connection refused").hint(running),
        io::ErrorKind::NotFound if attempt.unix => error("there is no such socket").hint(running),
        io::ErrorKind::TimedOut => error("no answer in time").hint(running),
        io::ErrorKind::PermissionDenied if attempt.unix => {
            error("permission denied").hint("The directory of the socket belongs to another user.")
        }
        io::ErrorKind::UnexpectedEof => {
            error("the server closed the connection").hint("Its log says why.")
        }
        _ => error(&io.to_string()).hint(running),
    }
}

/// The server answered, and said no.
fn rejected(attempt: &Attempt<'_>, cannot: &str, server: &DbError) -> Error {
    let (user, database) = (attempt.user, attempt.database);
    let hint = match server.code().code() {
        "28P01" => Some(match &attempt.password_source {
            Some(source) => {
                format!("The password for user \"{user}\" came from {source}. Is it the right one?")
            }
            None => format!("No password was given for user \"{user}\"."),
        }),
        "28000" => Some(format!(
            "Does the role \"{user}\" exist, and does pg_hba.conf let it into \"{database}\" from \
             here with this method and with or without TLS?"
        )),
        "3D000" => Some(format!(
            "Create it (createdb {database}), or name another one in the URL or with PGDATABASE."
        )),
        "53300" => Some(
            "Wait until sessions have ended, raise max_connections or close idle sessions.".into(),
        ),
        "57P03" => Some("The server is starting up or shutting down. Try again soon.".into()),
        "42501" => Some(format!("GRANT CONNECT ON DATABASE to \"{user}\".")),
        _ => None,
    };
    let hint = match (server.hint(), hint) {
        (Some(theirs), Some(ours)) => Some(format!("{theirs} {ours}")),
        (Some(theirs), None) => Some(theirs.to_owned()),
        (None, ours) => ours,
    };
    let mut error = Error::new(Kind::Failed, format!("{cannot}: {}", server.message()))
        .detail(server_detail(server));
    error.hint = hint;
    error
}
