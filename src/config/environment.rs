//! `[env.NAME]`: settings of one environment over those that all share.
//!
//! An environment may set whatever the file may set. Tables are laid over each other key by key; a
//! list takes the place of the list below it.

use super::DatabaseUrl;
use super::layer::FileLayer;
use crate::connect::PasswordCommand;
use crate::error::{Error, Kind};
use crate::sql::nearest::nearest;
use serde::Deserialize;
use toml::{Table, Value};

/// The environment that was asked for, and what it asks for itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    pub name: String,
    /// Whoever changes its database types the environment's name first.
    pub confirm: bool,
    /// The environment in which a plan has to have run before it may run here.
    pub after: Option<Earlier>,
}

/// An environment in which a plan runs first.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    pub name: String,
    pub(super) url: DatabaseUrl,
    pub(super) password_command: Option<PasswordCommand>,
}

/// The keys of which one takes the place of the other.
const DATABASE: [&str; 2] = ["database_url", "database_url_env"];

/// The settings of the file `text` (already known to be readable) with those of environment `name`
/// over them.
///
/// # Errors
/// `Kind::Input` when the file has no such environment.
pub(super) fn overlaid(path: &str, text: &str, name: &str) -> Result<FileLayer, Error> {
    let unreadable = |error: toml::de::Error| {
        Error::new(Kind::Input, format!("cannot read {path}")).detail(error.message().to_owned())
    };
    let mut file: Table = text.parse().map_err(unreadable)?;
    let environments = match file.remove("env") {
        Some(Value::Table(environments)) => environments,
        _ => Table::new(),
    };
    let names: Vec<&str> = environments.keys().map(String::as_str).collect();
    let Some(Value::Table(chosen)) = environments.get(name) else {
        return Err(unknown(path, name, &names));
    };
    if DATABASE.iter().any(|key| chosen.contains_key(*key)) {
        DATABASE.iter().for_each(|key| drop(file.remove(*key)));
    }
    lay_over(&mut file, chosen.clone());
    FileLayer::deserialize(file).map_err(unreadable)
}

fn unknown(path: &str, name: &str, names: &[&str]) -> Error {
    let error = Error::new(Kind::Input, format!("{path} has no environment `{name}`"));
    if names.is_empty() {
        return error.hint(format!("Write its settings below [env.{name}]."));
    }
    let known = names.join(", ");
    match nearest(name, names) {
        Some(near) => {
            error.detail(format!("Known are {known}.")).hint(format!("Did you mean `{near}`?"))
        }
        None => error.detail(format!("Known are {known}.")),
    }
}

fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => lay_over(old, new),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

/// Refuses what makes no sense where it stands.
///
/// # Errors
/// `Kind::Input` with the setting and where it belongs.
pub(super) fn check(path: &str, file: &FileLayer) -> Result<(), Error> {
    let refuse = |what: String, hint: &str| {
        Err(Error::new(Kind::Input, format!("{path}: {what}")).hint(hint.to_owned()))
    };
    let only_there = "It belongs below [env.NAME]: one environment asks for it, not all.";
    if file.confirm {
        return refuse("confirm stands outside of an environment".to_owned(), only_there);
    }
    if file.after.is_some() {
        return refuse("after stands outside of an environment".to_owned(), only_there);
    }
    for (name, layer) in &file.env {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            let what = format!("`{name}` cannot be the name of an environment");
            return refuse(what, "Names are made of letters, digits, - and _.");
        }
        if !layer.env.is_empty() {
            let what = format!("environment {name} has environments of its own");
            return refuse(what, "Write [env.NAME] with one name.");
        }
        if layer.database_url.is_some() && layer.database_url_env.is_some() {
            let what = format!("environment {name} names its database twice");
            return refuse(what, "Keep database_url or database_url_env.");
        }
        match &layer.after {
            Some(earlier) if earlier == name => {
                let what = format!("environment {name} comes after itself");
                return refuse(what, "Name the environment in which plans run first.");
            }
            Some(earlier) if !file.env.contains_key(earlier) => {
                let names: Vec<&str> = file.env.keys().map(String::as_str).collect();
                return Err(unknown(path, earlier, &names));
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}
