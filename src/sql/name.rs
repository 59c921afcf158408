//! Identifiers: the one place where airlock quotes them.
//!
//! Never builds a statement; gives the pieces that others put into one.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The longest identifier that PostgreSQL keeps, in bytes (`NAMEDATALEN - 1`).
pub const MAX_IDENTIFIER_BYTES: usize = 63;

/// `name` as it may stand in SQL: as it is when it is a plain lower-case word that is no keyword
/// of any kind but unreserved, else in double quotes.
pub fn quote_ident(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn write_ident(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if is_plain(name) { f.write_str(name) } else { f.write_str(&quote_ident(name)) }
}

/// `text` as a string literal, correct whatever `standard_conforming_strings` says.
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

fn is_plain(name: &str) -> bool {
    let word = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let Some((first, rest)) = name.as_bytes().split_first() else { return false };
    let mut digits = false;
    let plain = word(first)
        && rest.iter().all(|byte| {
            digits |= byte.is_ascii_digit();
            word(byte) || byte.is_ascii_digit()
        });
    // No keyword has a digit in it.
    plain && (digits || !super::grammar::is_quoted_keyword(name))
}

/// A name derived from `parts` joined by `_`, never over 63 bytes: when it would be, the middle is
/// cut and a digest of the whole is put in, so that two long names that differ stay different.
pub fn derived_name(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let whole = parts.join("_");
    if whole.len() <= MAX_IDENTIFIER_BYTES {
        return whole;
    }
    let digest = Sha256::digest(whole.as_bytes());
    let tag: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut end = MAX_IDENTIFIER_BYTES - tag.len() - 1;
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{tag}", &whole[..end])
}

/// A schema and a name in it. Both are the real names, not their quoted spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QualifiedName {
    pub schema: String,
    pub name: String,
}

impl QualifiedName {
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// The same schema, another name.
    pub fn sibling(&self, name: impl Into<String>) -> Self {
        Self::new(self.schema.clone(), name)
    }
}

/// A schema and a name: finds a [`QualifiedName`] in an ordered map without making one.
pub trait NameParts {
    fn parts(&self) -> (&str, &str);
}

impl NameParts for QualifiedName {
    fn parts(&self) -> (&str, &str) {
        (&self.schema, &self.name)
    }
}

impl NameParts for (&str, &str) {
    fn parts(&self) -> (&str, &str) {
        *self
    }
}

impl<'a> Borrow<dyn NameParts + 'a> for QualifiedName {
    fn borrow(&self) -> &(dyn NameParts + 'a) {
        self
    }
}

impl PartialEq for dyn NameParts + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn NameParts + '_ {}

impl PartialOrd for dyn NameParts + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of [`QualifiedName`], which `Borrow` demands.
impl Ord for dyn NameParts + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

/// The quoted spelling, ready to stand in SQL.
impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_ident(f, &self.schema)?;
        f.write_str(".")?;
        write_ident(f, &self.name)
    }
}

/// What stands where a qualified name should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a schema-qualified name")]
pub struct BadName(pub String);

/// A part of a dotted name as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePart {
    /// Without its quotes, else not folded.
    pub text: String,
    pub quoted: bool,
}

/// The parts of a dotted name, quoted or not; `None` when it is none.
pub fn split_name(text: &str) -> Option<Vec<NamePart>> {
    let mut parts = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        let mut part = String::new();
        let quoted = chars.next_if_eq(&'"').is_some();
        if quoted {
            loop {
                match chars.next()? {
                    '"' if chars.next_if_eq(&'"').is_some() => part.push('"'),
                    '"' => break,
                    other => part.push(other),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != '.') {
                if c == '"' || c.is_whitespace() {
                    return None;
                }
                part.push(c);
            }
        }
        if part.is_empty() {
            return None;
        }
        parts.push(NamePart { text: part, quoted });
        match chars.next() {
            None => return Some(parts),
            Some('.') => {}
            Some(_) => return None,
        }
    }
}

/// Reads the quoted spelling back: what would be folded is no such spelling.
impl FromStr for QualifiedName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName(text.to_owned());
        let folds = |part: &NamePart| !part.quoted && part.text.contains(char::is_uppercase);
        let parts = split_name(text).ok_or_else(bad)?;
        match <[NamePart; 2]>::try_from(parts) {
            Ok(parts) if parts.iter().any(folds) => Err(bad()),
            Ok([schema, name]) => Ok(Self { schema: schema.text, name: name.text }),
            Err(_) => Err(bad()),
        }
    }
}

impl Serialize for QualifiedName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QualifiedName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_need_it_are_quoted() {
        assert_eq!(quote_ident("users"), "users");
        assert_eq!(quote_ident("Users"), "\"Users\"");
        assert_eq!(quote_ident("order"), "\"order\"");
        assert_eq!(quote_ident("we;rd \"name\""), "\"we;rd \"\"name\"\"\"");
        assert_eq!(quote_ident("größe"), "\"größe\"");
        assert_eq!(quote_ident(""), "\"\"");
    }

    #[test]
    fn qualified_names_round_trip() {
        for (schema, name) in [("public", "t"), ("we.ird", "na\"me"), ("S", "select"), ("é", "x y")]
        {
            let written = QualifiedName::new(schema, name);
            assert_eq!(written.to_string().parse::<QualifiedName>(), Ok(written));
        }
        for bad in ["", "t", "a.b.c", "a..b", "\"a", "a.B", "a.b c", "\"a\"x.b"] {
            assert!(bad.parse::<QualifiedName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn derived_names_fit_and_stay_apart() {
        let long = "é".repeat(40);
        let a = derived_name(&[&long, "a"]);
        let b = derived_name(&[&long, "b"]);
        assert!(a.len() <= MAX_IDENTIFIER_BYTES && b.len() <= MAX_IDENTIFIER_BYTES);
        assert_ne!(a, b);
        assert_eq!(derived_name(&["t", "c"]), "t_c");
    }

    #[test]
    fn literals_keep_quotes_and_backslashes() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\b"), "E'a\\\\b'");
    }
}
