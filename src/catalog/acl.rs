//! `aclitem` texts, as `pg_class.relacl` and `pg_attribute.attacl` show them.
//!
//! Source: manual, "Privileges", table 5.1: `a` INSERT, `r` SELECT, `w` UPDATE, `d` DELETE, and so
//! on; `*` behind a letter is the grant option; an empty grantee is PUBLIC; behind `/` stands who gave it.

use std::fmt;

/// One item read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclItem {
    /// `None` for PUBLIC.
    pub grantee: Option<String>,
    /// Letters, and whether each may be given on.
    pub privileges: Vec<(char, bool)>,
    pub grantor: String,
}

/// Privileges by letter, in the order in which the server prints them.
const WORDS: [(char, &str); 10] = [
    ('a', "INSERT"),
    ('r', "SELECT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('X', "EXECUTE"),
    ('U', "USAGE"),
    ('m', "MAINTAIN"),
];

impl AclItem {
    pub fn parse(item: &str) -> Option<Self> {
        let (grantee, rest) = split_name(item)?;
        let rest = rest.strip_prefix('=')?;
        let (letters, grantor) = rest.split_once('/').unwrap_or((rest, ""));
        let mut privileges = Vec::new();
        let mut chars = letters.chars().peekable();
        while let Some(letter) = chars.next() {
            privileges.push((letter, chars.next_if_eq(&'*').is_some()));
        }
        let (grantor, _) = split_name(&format!("{grantor}="))?;
        Some(Self { grantee: (!grantee.is_empty()).then_some(grantee), privileges, grantor })
    }

    /// The privileges in words, where they are known.
    pub fn words(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.privileges.iter().filter_map(|(letter, option)| Some((word(*letter)?, *option)))
    }

    /// Gives `letter` too, with the option to give it on or as it was.
    pub fn give(&mut self, letter: char, option: bool) {
        match self.privileges.iter_mut().find(|(known, _)| *known == letter) {
            Some(known) => known.1 |= option,
            None => self.privileges.push((letter, option)),
        }
        let place = |letter: char| WORDS.iter().position(|(known, _)| *known == letter);
        self.privileges.sort_by_key(|(letter, _)| place(*letter));
    }

    /// Takes `letter` back, or only the option to give it on.
    pub fn take(&mut self, letter: char, only_option: bool) {
        if !only_option {
            return self.privileges.retain(|(known, _)| *known != letter);
        }
        for known in self.privileges.iter_mut().filter(|(known, _)| *known == letter) {
            known.1 = false;
        }
    }
}

impl fmt::Display for AclItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", quoted(self.grantee.as_deref().unwrap_or("")))?;
        for (letter, option) in &self.privileges {
            write!(f, "{letter}{}", if *option { "*" } else { "" })?;
        }
        write!(f, "/{}", quoted(&self.grantor))
    }
}

fn word(letter: char) -> Option<&'static str> {
    WORDS.iter().find(|(known, _)| *known == letter).map(|(_, word)| *word)
}

/// The letter of a privilege as `GRANT` names it.
pub fn letter(word: &str) -> Option<char> {
    WORDS.iter().find(|(_, known)| known.eq_ignore_ascii_case(word)).map(|(letter, _)| *letter)
}

/// Source: `putid` of the server, which quotes for other characters than an identifier's rules.
fn quoted(name: &str) -> String {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The role name at the start, unquoted, and what follows it.
fn split_name(item: &str) -> Option<(String, &str)> {
    let Some(quoted) = item.strip_prefix('"') else {
        let end = item.find('=')?;
        return Some((item[..end].to_owned(), &item[end..]));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AclItem;

    #[test]
    fn items_are_read_and_written() {
        for text in ["app=ar*w/owner", "=r/\"The Owner\"", "\"we\"\"ird=x\"=dDm*/owner"] {
            assert_eq!(AclItem::parse(text).unwrap().to_string(), text);
        }
        let item = AclItem::parse("\"we\"\"ird=x\"=dm*/owner").unwrap();
        assert_eq!(item.grantee.as_deref(), Some("we\"ird=x"));
        assert_eq!(item.words().collect::<Vec<_>>(), [("DELETE", false), ("MAINTAIN", true)]);
    }
}
