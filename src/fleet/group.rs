//! Who belongs to a fleet, as the settings say it.

use std::fmt;

/// `[targets.NAME]`, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub name: String,
    pub sources: Vec<Source>,
    /// Which schemas of each database are members, each for itself; empty: the database is one.
    pub schemas: Vec<Pattern>,
    /// Schemas behind that of a member on its search path.
    pub path: Vec<String>,
    /// Names of members that come first, alone; without any it is the first of all.
    pub canary: Vec<Pattern>,
    /// Most members of a wave; all of the rest when it is not said.
    pub wave: Option<usize>,
    /// Most databases worked on side by side.
    pub jobs: usize,
}

/// Where databases are found.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Database {
        name: String,
        place: Place,
    },
    /// A shell command that prints one database a line: a name, then its place.
    Command(String),
}

/// Where one database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A URL or a `key=value` string, password and all: never shown.
    Text(String),
    /// An environment variable that holds one.
    Variable(String),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Text(_) => f.write_str("Text(…)"),
            Place::Variable(name) => write!(f, "Variable({name})"),
        }
    }
}

impl Source {
    /// The database `name` at `place`, a URL or `env:VARIABLE`.
    ///
    /// # Errors
    /// What is wrong with either, for a person.
    pub fn database(name: String, place: &str) -> Result<Self, String> {
        let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        if name.is_empty() || !name.chars().all(good) {
            return Err(format!("`{name}` is no name for a database (letters, digits, - _ . :)"));
        }
        let place = match place.trim() {
            "" => return Err(format!("the place of database {name} is empty")),
            text => match text.strip_prefix("env:") {
                Some("") => return Err(format!("database {name} names no variable after env:")),
                Some(variable) => Place::Variable(variable.to_owned()),
                None => Place::Text(text.to_owned()),
            },
        };
        Ok(Source::Database { name, place })
    }

    /// What a command printed.
    ///
    /// # Errors
    /// A line that is not a name and a place, for a person; the place is not repeated.
    pub fn printed(text: &str) -> Result<Vec<Self>, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines
            .enumerate()
            .map(|(number, line)| {
                let (name, place) = line.split_once(char::is_whitespace).ok_or_else(|| {
                    format!("line {} is not a name and a place with space between", number + 1)
                })?;
                Self::database(name.to_owned(), place)
            })
            .collect()
    }
}

/// Names with `*`, `?` and `[…]`; with `!` before it, what is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    pattern: glob::Pattern,
    excludes: bool,
}

impl Pattern {
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (rest, excludes) = match text.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let pattern = glob::Pattern::new(rest)
            .map_err(|error| format!("`{text}` is not a pattern: {}", error.msg))?;
        Ok(Self { pattern, excludes })
    }
}

/// Whether a name is in by any of `patterns` and out by none.
pub(super) fn matches(patterns: &[Pattern], name: &str) -> bool {
    let hit =
        |excludes: bool| patterns.iter().any(|p| p.excludes == excludes && p.pattern.matches(name));
    hit(false) && !hit(true)
}

impl Group {
    /// Those of a database's schemas that are members.
    pub fn chosen<'s>(&self, schemas: &'s [String]) -> Vec<&'s str> {
        schemas.iter().map(String::as_str).filter(|name| matches(&self.schemas, name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_choose_and_leave_out() {
        let patterns: Vec<Pattern> =
            ["t_*", "!t_old*"].iter().map(|text| Pattern::parse(text).unwrap()).collect();
        assert!(matches(&patterns, "t_1") && !matches(&patterns, "t_old_1"));
        assert!(!matches(&patterns, "public"));
        assert!(!matches(&[], "t_1"));
    }

    #[test]
    fn a_command_prints_names_and_places() {
        let found = Source::printed("eu  postgresql://h/eu?a=b c\n\nus env:US\n").unwrap();
        assert_eq!(
            found,
            [
                Source::Database {
                    name: "eu".to_owned(),
                    place: Place::Text("postgresql://h/eu?a=b c".to_owned())
                },
                Source::Database { name: "us".to_owned(), place: Place::Variable("US".to_owned()) },
            ]
        );
        let error = Source::printed("postgresql://u:secret@h/d").unwrap_err();
        assert!(error.contains("line 1") && !error.contains("secret"), "{error}");
    }
}
