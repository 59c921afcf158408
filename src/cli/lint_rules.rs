//! What `[lint]` of the settings says, looked up: hazards by code or name, patterns, severities.

use crate::config::{LintIgnore, LintSettings};
use crate::error::{Error, Kind};
use crate::hazard::{self, Hazard, Severity};
use crate::lint::Rules;
use crate::lint::input::{TOOLS, Tool};
use crate::lint::suppress::Ignore;
use clap::ValueEnum;
use std::collections::BTreeMap;

/// Version that verdicts are for when nothing says it: the newest that is known.
pub const DEFAULT_POSTGRES: u32 = 18;
const OLDEST_POSTGRES: u32 = 14;

/// From which severity on a finding makes the command fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

impl FailOn {
    /// Whether findings up to `worst` fail.
    pub fn fails(self, worst: Option<Severity>) -> bool {
        let least = match self {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Info => Severity::Info,
            FailOn::Never => return false,
        };
        worst.is_some_and(|worst| worst >= least)
    }

    /// # Errors
    /// `Kind::Input` for another word.
    pub fn from_settings(text: &str) -> Result<Self, Error> {
        FailOn::from_str(text, false).map_err(|_| {
            bad(format!("lint.fail_on is `{text}`"), "Write error, warning, info or never.")
        })
    }
}

/// Whether `[lint]` makes sense, for whoever reads the settings.
///
/// # Errors
/// `Kind::Input`: a name or a number that there is not.
pub fn check(settings: &LintSettings) -> Result<(), Error> {
    rules(settings)?;
    settings.fail_on.as_deref().map(FailOn::from_settings).transpose()?;
    settings.tool.as_deref().map(tool).transpose()?;
    settings.postgres.map_or(Ok(()), version)
}

/// # Errors
/// `Kind::Input` for a tool that is not known.
pub fn tool(name: &str) -> Result<Tool, Error> {
    Tool::from_name(name).ok_or_else(|| {
        let known = TOOLS.map(|(name, _)| name).join(", ");
        bad(format!("lint.tool is `{name}`"), &format!("Known are {known}."))
    })
}

/// # Errors
/// `Kind::Input` for a server that the model does not know.
pub fn version(version: u32) -> Result<(), Error> {
    if (OLDEST_POSTGRES..=DEFAULT_POSTGRES).contains(&version) {
        return Ok(());
    }
    let hint = format!("Versions {OLDEST_POSTGRES} to {DEFAULT_POSTGRES} are known.");
    Err(bad(format!("lint.postgres is {version}"), &hint))
}

/// # Errors
/// `Kind::Input`: a hazard, pattern or severity that there is not, a reason that is empty.
pub fn rules(settings: &LintSettings) -> Result<Rules, Error> {
    let ignores = settings.ignore.iter().map(ignore).collect::<Result<_, _>>()?;
    let mut severities = BTreeMap::new();
    for (name, severity) in &settings.severity {
        let found = hazard(name, "lint.severity")?;
        severities.insert(found.code, self::severity(severity, name)?);
    }
    Ok(Rules { ignores, severities })
}

fn ignore(written: &LintIgnore) -> Result<Ignore, Error> {
    let hazard = hazard(&written.hazard, "lint.ignore")?;
    if written.reason.trim().is_empty() {
        let message = format!("[[lint.ignore]] of {} has an empty reason", written.hazard);
        return Err(bad(message, "Write why: it is shown wherever the finding is."));
    }
    let path = written.path.as_deref().map(|text| {
        glob::Pattern::new(text)
            .map_err(|error| bad(format!("[[lint.ignore]]: `{text}` is not a pattern"), error.msg))
    });
    Ok(Ignore { hazard, path: path.transpose()?, reason: written.reason.clone() })
}

fn hazard(name: &str, place: &str) -> Result<&'static Hazard, Error> {
    hazard::find(name).ok_or_else(|| {
        bad(format!("{place}: unknown hazard `{name}`"), "`airlock explain` lists the hazards.")
    })
}

fn severity(text: &str, name: &str) -> Result<Severity, Error> {
    let all = [Severity::Info, Severity::Warning, Severity::Error];
    all.into_iter().find(|severity| severity.name() == text).ok_or_else(|| {
        bad(format!("lint.severity of {name} is `{text}`"), "Write error, warning or info.")
    })
}

fn bad(message: String, hint: &str) -> Error {
    Error::new(Kind::Input, message).hint(hint)
}
