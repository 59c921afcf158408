//! `[variables]` and `--set`: the values of the variables of revision files.

use crate::error::{Error, Kind};
use crate::sql::nearest::nearest;
use crate::sql::variables::is_name;
use std::collections::{BTreeMap, BTreeSet};
use toml::Value;

/// Values by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
    /// Those that were typed: a name that no file knows is a mistake there.
    typed: BTreeSet<String>,
}

impl Variables {
    /// # Errors
    /// `Kind::Input` for a name or a value that cannot be one.
    pub(super) fn new(file: BTreeMap<String, Value>, set: &[String]) -> Result<Self, Error> {
        let mut all = Self::default();
        for (name, value) in file {
            let value = match value {
                Value::String(text) => text,
                Value::Integer(number) => number.to_string(),
                Value::Float(number) => number.to_string(),
                Value::Boolean(value) => value.to_string(),
                Value::Datetime(time) => time.to_string(),
                Value::Array(_) | Value::Table(_) => {
                    let message = format!("variable `{name}` of the settings file is no text");
                    return Err(Error::new(Kind::Input, message)
                        .hint("A value is a string, a number, true or false."));
                }
            };
            all.add(&name, value)?;
        }
        for given in set {
            let Some((name, value)) = given.split_once('=') else {
                let message = format!("--set `{given}` gives no value");
                return Err(Error::new(Kind::Input, message)
                    .hint("Write it as --set name=value; the value may be empty."));
            };
            if !all.typed.insert(name.to_owned()) {
                return Err(Error::new(Kind::Input, format!("--set gives `{name}` twice")));
            }
            all.add(name, value.to_owned())?;
        }
        Ok(all)
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), Error> {
        if !is_name(name) {
            return Err(Error::new(Kind::Input, format!("`{name}` cannot be a variable's name"))
                .hint("A name is made of letters, digits and _, and begins with no digit."));
        }
        if value.chars().any(char::is_control) {
            let message = format!("the value of variable `{name}` holds a control character");
            return Err(Error::new(Kind::Input, message)
                .hint("Line breaks and tabs cannot be part of a value."));
        }
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// # Errors
    /// `Kind::Input`: a value was typed for a name that no file declares.
    pub fn refuse_unknown<'r>(
        &self,
        declared: impl IntoIterator<Item = &'r str>,
    ) -> Result<(), Error> {
        if self.typed.is_empty() {
            return Ok(());
        }
        let declared: BTreeSet<&str> = declared.into_iter().collect();
        let Some(unknown) = self.typed.iter().find(|name| !declared.contains(name.as_str())) else {
            return Ok(());
        };
        let known: Vec<&str> = declared.into_iter().collect();
        let error = Error::new(Kind::Input, format!("no revision declares a variable `{unknown}`"));
        Err(match nearest(unknown, &known) {
            Some(near) => error.hint(format!("Did you mean `{near}`?")),
            None => error.hint(format!("A file that uses it says `-- variables: {unknown}`.")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Variables;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_typed_wins_and_nonsense_is_refused() {
        let file = || BTreeMap::from([("a".to_owned(), 1.into()), ("b".to_owned(), "x".into())]);
        let set = |typed: &[&str]| {
            let typed: Vec<String> = typed.iter().map(|text| (*text).to_owned()).collect();
            Variables::new(file(), &typed)
        };
        let all = set(&["b=y=z"]).unwrap();
        let all: Vec<_> = all.values().iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(all, [("a", "1"), ("b", "y=z")]);
        for (typed, word) in
            [("b", "no value"), ("1b=x", "name"), ("b=x\ny", "control"), ("=x", "name")]
        {
            let error = set(&[typed]).expect_err(typed);
            assert!(error.message.contains(word), "{typed}: {error}");
        }
        assert!(set(&["b=1", "b=2"]).is_err());
    }
}
