//! One source of settings: flags, environment or file. Each has its own, all have the same shape.

use super::targets::FileTargets;
use super::telemetry::{FileHook, FileLog, FileMetrics};
use super::throttle::FileThrottle;
use super::value;
use crate::error::{Error, Kind};
use crate::run::limits::OnBlocker;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::time::Duration;

/// What one source says about the limits of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LimitsLayer {
    pub max_stall: Option<Duration>,
    pub max_hold: Option<Duration>,
    pub patience: Option<Duration>,
    pub escalate_to: Option<Duration>,
    pub batch_target: Option<Duration>,
    pub bloat_limit: Option<f64>,
    pub jobs: Option<usize>,
    pub on_blocker: Option<OnBlocker>,
    pub blocker_age: Option<Duration>,
}

impl LimitsLayer {
    /// What this layer says, and `below` where it is silent.
    #[must_use]
    pub fn over(self, below: LimitsLayer) -> LimitsLayer {
        LimitsLayer {
            max_stall: self.max_stall.or(below.max_stall),
            max_hold: self.max_hold.or(below.max_hold),
            patience: self.patience.or(below.patience),
            escalate_to: self.escalate_to.or(below.escalate_to),
            batch_target: self.batch_target.or(below.batch_target),
            bloat_limit: self.bloat_limit.or(below.bloat_limit),
            jobs: self.jobs.or(below.jobs),
            on_blocker: self.on_blocker.or(below.on_blocker),
            blocker_age: self.blocker_age.or(below.blocker_age),
        }
    }

    /// From variables named `AIRLOCK_MAX_STALL` and so on.
    ///
    /// # Errors
    /// `Kind::Input` for a value that cannot be read.
    pub fn from_environment(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        Ok(Self {
            max_stall: variable(get, "AIRLOCK_MAX_STALL", value::duration)?,
            max_hold: variable(get, "AIRLOCK_MAX_HOLD", value::duration)?,
            patience: variable(get, "AIRLOCK_PATIENCE", value::duration)?,
            escalate_to: variable(get, "AIRLOCK_ESCALATE_TO", value::duration)?,
            batch_target: variable(get, "AIRLOCK_BATCH_TARGET", value::duration)?,
            bloat_limit: variable(get, "AIRLOCK_BLOAT_LIMIT", value::share)?,
            jobs: variable(get, "AIRLOCK_JOBS", value::jobs)?,
            on_blocker: variable(get, "AIRLOCK_ON_BLOCKER", value::on_blocker)?,
            blocker_age: variable(get, "AIRLOCK_BLOCKER_AGE", value::duration)?,
        })
    }
}

/// An empty variable counts as one that is not set.
fn variable<T>(
    get: &dyn Fn(&str) -> Option<String>,
    name: &str,
    read: fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Error> {
    let Some(text) = get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    read(&text).map(Some).map_err(|what| {
        Error::new(Kind::Input, format!("environment variable {name}: {what}"))
            .detail(format!("Its value is `{text}`."))
    })
}

/// What `airlock.toml` may hold.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileLayer {
    pub(super) database_url: Option<String>,
    /// Name of an environment variable that holds the URL.
    pub(super) database_url_env: Option<String>,
    pub(super) password_command: Option<FilePasswordCommand>,
    #[serde(deserialize_with = "duration")]
    pub(super) password_timeout: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(super) password_max_age: Option<Duration>,
    pub(super) migrations: Option<String>,
    pub(super) plans: Option<String>,
    pub(super) limits: FileLimits,
    pub(super) plan: FilePlan,
    pub(super) report: FileReport,
    pub(super) throttle: FileThrottle,
    pub(super) metrics: FileMetrics,
    pub(super) log: FileLog,
    pub(super) hook: Vec<FileHook>,
    pub(super) revision: FileRevision,
    pub(super) lint: LintSettings,
    pub(super) schema: SchemaSettings,
    /// Only a plan that is there already is run.
    pub(super) reviewed: bool,
    pub(super) confirm: bool,
    pub(super) after: Option<String>,
    pub(super) targets: BTreeMap<String, FileTargets>,
    /// Values of the variables of revision files.
    pub(super) variables: BTreeMap<String, toml::Value>,
    pub(super) env: BTreeMap<String, FileLayer>,
}

/// A script for the shell, or a program with its arguments.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a command: a string for the shell, or a list of program and arguments"
)]
pub(super) enum FilePasswordCommand {
    Script(String),
    Program(Vec<String>),
}

/// `[revision]`: how new revision files look.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileRevision {
    pub(super) template: Option<String>,
}

/// `[schema]`: where the desired schema comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemaSettings {
    /// An SQL file, or a folder of them.
    pub path: Option<String>,
    /// A shell command that prints SQL.
    pub command: Option<String>,
}

/// `[lint]`. Names of tools and hazards are looked up by whoever lints.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LintSettings {
    /// Major version that verdicts are for when no server says it.
    pub postgres: Option<u32>,
    pub tool: Option<String>,
    pub fail_on: Option<String>,
    pub ignore: Vec<LintIgnore>,
    /// Code or name of a hazard → `info`, `warning` or `error`.
    pub severity: BTreeMap<String, String>,
}

/// `[[lint.ignore]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintIgnore {
    pub hazard: String,
    /// Which files, as a pattern; all of them when there is none.
    pub path: Option<String>,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FilePlan {
    pub(super) small_table_rows: Option<u64>,
    #[serde(deserialize_with = "size")]
    pub(super) dual_column_limit: Option<u64>,
}

/// `[report]`: bytes a second.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileReport {
    #[serde(deserialize_with = "size")]
    pub(super) scan_speed: Option<u64>,
    #[serde(deserialize_with = "size")]
    pub(super) write_speed: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileLimits {
    #[serde(deserialize_with = "duration")]
    max_stall: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    max_hold: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    patience: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    escalate_to: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    batch_target: Option<Duration>,
    #[serde(deserialize_with = "share")]
    bloat_limit: Option<f64>,
    jobs: Option<usize>,
    on_blocker: Option<OnBlocker>,
    #[serde(deserialize_with = "duration")]
    blocker_age: Option<Duration>,
}

impl From<FileLimits> for LimitsLayer {
    fn from(file: FileLimits) -> Self {
        Self {
            max_stall: file.max_stall,
            max_hold: file.max_hold,
            patience: file.patience,
            escalate_to: file.escalate_to,
            batch_target: file.batch_target,
            bloat_limit: file.bloat_limit,
            jobs: file.jobs,
            on_blocker: file.on_blocker,
            blocker_age: file.blocker_age,
        }
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    value::duration(&text).map(Some).map_err(D::Error::custom)
}

pub(super) fn share<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a share like \"15%\" or 0.15")]
    enum Share {
        Number(f64),
        Text(String),
    }
    match Share::deserialize(from)? {
        Share::Number(number) => Ok(Some(number)),
        Share::Text(text) => value::share(&text).map(Some).map_err(D::Error::custom),
    }
}

pub(super) fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a size like \"512MB\" or a number of bytes")]
    enum Size {
        Bytes(u64),
        Text(String),
    }
    match Size::deserialize(from)? {
        Size::Bytes(bytes) => Ok(Some(bytes)),
        Size::Text(text) => value::bytes(&text).map(Some).map_err(D::Error::custom),
    }
}
