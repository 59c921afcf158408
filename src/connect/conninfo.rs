//! The text of a connection string, cut into `key`, `value` pairs: `postgresql://` URLs and
//! `key=value` strings as libpq reads them. Knows no meaning of the keys and does no I/O.
//!
//! No error shown here repeats a part of the text: it may hold a password.

use crate::error::{Error, Kind};

/// Why a connection string cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConninfoError {
    #[error("word {number} has no '='")]
    MissingEquals { number: usize },
    #[error("the value of \"{key}\" has no closing quote")]
    UnclosedQuote { key: String },
    #[error("the {part} has a '%' that is not followed by two hexadecimal digits")]
    BadPercent { part: &'static str },
    #[error("the {part} is not valid UTF-8 after percent-decoding")]
    NotUtf8 { part: &'static str },
    #[error("the {part} has a zero byte in it")]
    ZeroByte { part: &'static str },
    #[error("an IPv6 address in the host part has no closing ']'")]
    UnclosedBracket,
    #[error("there is something between ']' and the port or the end of the host")]
    AfterBracket,
    #[error("a parameter after '?' has no '='")]
    ParameterWithoutValue,
    #[error("it starts with \"{scheme}://\"")]
    OtherScheme { scheme: String },
}

impl From<ConninfoError> for Error {
    fn from(error: ConninfoError) -> Self {
        let hint = match &error {
            ConninfoError::MissingEquals { .. } | ConninfoError::UnclosedQuote { .. } => {
                "Write postgresql://user@host:port/database, or key=value pairs such as \
                 host=localhost dbname=app, with single quotes around values that have spaces."
            }
            ConninfoError::BadPercent { .. }
            | ConninfoError::NotUtf8 { .. }
            | ConninfoError::ZeroByte { .. } => {
                "Percent-encode special characters in a URL: % is %25, @ is %40, / is %2F, : is %3A, \
                 ? is %3F."
            }
            ConninfoError::UnclosedBracket | ConninfoError::AfterBracket => {
                "Write an IPv6 address as [::1]:5432."
            }
            ConninfoError::ParameterWithoutValue => {
                "Write parameters as ?key=value&key=value, with & in a value encoded as %26."
            }
            ConninfoError::OtherScheme { .. } => "Use postgresql:// or postgres://.",
        };
        Error::new(Kind::Input, format!("cannot read the database URL: {error}")).hint(hint)
    }
}

/// The pairs in the order of the text; a later one of the same key counts.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    let text = text.trim();
    for scheme in ["postgresql://", "postgres://"] {
        if let Some(rest) = text.strip_prefix(scheme) {
            return parse_url(rest);
        }
    }
    match text.split_once("://") {
        Some((scheme, _))
            if scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) =>
        {
            Err(ConninfoError::OtherScheme { scheme: scheme.to_owned() })
        }
        _ => parse_words(text),
    }
}

fn parse_url(rest: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    let mut pairs = Vec::new();
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (rest, None),
    };
    // The last '@': a password with an '@' that nobody encoded is still understood.
    let hosts = match authority.rsplit_once('@') {
        Some((userinfo, hosts)) => {
            let (user, password) = match userinfo.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (userinfo, None),
            };
            push(&mut pairs, "user", decode(user, "user name")?);
            if let Some(password) = password {
                push(&mut pairs, "password", decode(password, "password")?);
            }
            hosts
        }
        None => authority,
    };
    parse_hosts(hosts, &mut pairs)?;
    if let Some(path) = path {
        push(&mut pairs, "dbname", decode(path, "database name")?);
    }
    for parameter in query.into_iter().flat_map(|query| query.split('&')) {
        if parameter.is_empty() {
            continue;
        }
        let (key, value) = parameter.split_once('=').ok_or(ConninfoError::ParameterWithoutValue)?;
        let key = decode(key, "name of a parameter")?;
        let value = decode(value, "value of a parameter")?;
        // libpq accepts this spelling of the JDBC driver, and so do we.
        if key == "ssl" && value == "true" {
            push(&mut pairs, "sslmode", "require".to_owned());
        } else {
            push(&mut pairs, &key, value);
        }
    }
    Ok(pairs)
}

/// `host1:port1,[::1]:port2` as one `host` and one `port` list.
fn parse_hosts(text: &str, pairs: &mut Vec<(String, String)>) -> Result<(), ConninfoError> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for part in text.split(',') {
        let (host, port) = if let Some(inner) = part.strip_prefix('[') {
            let (address, after) = inner.split_once(']').ok_or(ConninfoError::UnclosedBracket)?;
            match after.strip_prefix(':') {
                Some(port) => (address, port),
                None if after.is_empty() => (address, ""),
                None => return Err(ConninfoError::AfterBracket),
            }
        } else {
            part.split_once(':').unwrap_or((part, ""))
        };
        hosts.push(decode(host, "host")?);
        ports.push(decode(port, "port")?);
    }
    if hosts.iter().any(|host| !host.is_empty()) {
        push(pairs, "host", hosts.join(","));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        push(pairs, "port", ports.join(","));
    }
    Ok(())
}

fn push(pairs: &mut Vec<(String, String)>, key: &str, value: String) {
    pairs.push((key.to_owned(), value));
}

fn decode(text: &str, part: &'static str) -> Result<String, ConninfoError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(ConninfoError::BadPercent { part });
        };
        bytes.push((high * 16 + low) as u8);
    }
    if bytes.contains(&0) {
        return Err(ConninfoError::ZeroByte { part });
    }
    String::from_utf8(bytes).map_err(|_| ConninfoError::NotUtf8 { part })
}

fn parse_words(text: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    let mut pairs = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(pairs);
        }
        let mut key = String::new();
        while let Some(c) = rest.next_if(|&c| c != '=' && !c.is_whitespace()) {
            key.push(c);
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if key.is_empty() || rest.next_if_eq(&'=').is_none() {
            return Err(ConninfoError::MissingEquals { number: pairs.len() + 1 });
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = rest.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        let mut closed = !quoted;
        while let Some(c) = rest.next_if(|&c| quoted || !c.is_whitespace()) {
            match c {
                '\'' if quoted => {
                    closed = true;
                    break;
                }
                '\\' => value.extend(rest.next()),
                c => value.push(c),
            }
        }
        if !closed {
            return Err(ConninfoError::UnclosedQuote { key });
        }
        pairs.push((key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::{ConninfoError, parse};

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap()
    }

    fn strings(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_full_url() {
        assert_eq!(
            pairs("postgresql://a%40b:p%3Aw@h:5433/my%2Fdb?sslmode=verify-full&options=-c%20x%3D1"),
            strings(&[
                ("user", "a@b"),
                ("password", "p:w"),
                ("host", "h"),
                ("port", "5433"),
                ("dbname", "my/db"),
                ("sslmode", "verify-full"),
                ("options", "-c x=1"),
            ])
        );
    }

    #[test]
    fn several_hosts_and_ipv6() {
        assert_eq!(
            pairs("postgres://h1,[::1]:5433,%2Frun%2Fpg/db"),
            strings(&[("host", "h1,::1,/run/pg"), ("port", ",5433,"), ("dbname", "db")])
        );
    }

    #[test]
    fn a_url_may_leave_everything_out() {
        assert_eq!(pairs("postgresql://"), []);
        assert_eq!(pairs("postgresql:///db"), strings(&[("dbname", "db")]));
        assert_eq!(
            pairs("postgres://?host=/x&ssl=true"),
            strings(&[("host", "/x"), ("sslmode", "require")])
        );
    }

    #[test]
    fn an_unencoded_at_sign_in_the_password_is_understood() {
        assert_eq!(
            pairs("postgres://u:p@ss@h"),
            strings(&[("user", "u"), ("password", "p@ss"), ("host", "h")])
        );
    }

    #[test]
    fn words_with_quotes_and_escapes() {
        assert_eq!(
            pairs(r"host = localhost  password='it\'s \\ here' dbname=a\ b user=''"),
            strings(&[
                ("host", "localhost"),
                ("password", r"it's \ here"),
                ("dbname", "a b"),
                ("user", ""),
            ])
        );
        assert_eq!(pairs("  "), []);
    }

    #[test]
    fn what_cannot_be_read_is_named_without_repeating_it() {
        for (text, expected) in [
            ("password=se cret", ConninfoError::MissingEquals { number: 2 }),
            ("=x", ConninfoError::MissingEquals { number: 1 }),
            ("password='secret", ConninfoError::UnclosedQuote { key: "password".into() }),
            ("postgres://u:secret%zz@h", ConninfoError::BadPercent { part: "password" }),
            ("postgres://u:secret%4", ConninfoError::BadPercent { part: "port" }),
            ("postgres://%ff@h", ConninfoError::NotUtf8 { part: "user name" }),
            ("postgres://h/%00", ConninfoError::ZeroByte { part: "database name" }),
            ("postgres://[::1/db", ConninfoError::UnclosedBracket),
            ("postgres://[::1]x/db", ConninfoError::AfterBracket),
            ("postgres://h?secret", ConninfoError::ParameterWithoutValue),
            ("mysql://u:secret@h", ConninfoError::OtherScheme { scheme: "mysql".into() }),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
