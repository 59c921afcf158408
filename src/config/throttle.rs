//! `[throttle]` of `airlock.toml`.

use super::layer::{duration, share, size};
use crate::error::{Error, Kind};
use crate::run::throttle::{Query, Settings, Unreadable, Window};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileThrottle {
    #[serde(deserialize_with = "duration")]
    interval: Option<Duration>,
    unreadable: Option<Unreadable>,
    #[serde(deserialize_with = "share")]
    ratio: Option<f64>,
    #[serde(deserialize_with = "duration")]
    replica_lag: Option<Duration>,
    replicas: Vec<String>,
    #[serde(deserialize_with = "size")]
    slot_bytes: Option<u64>,
    #[serde(deserialize_with = "size")]
    wal_rate: Option<u64>,
    archive_backlog: Option<u64>,
    active_backends_per_core: Option<f64>,
    cores: Option<u32>,
    oldest_xmin: Option<u64>,
    autovacuum: bool,
    #[serde(deserialize_with = "duration")]
    stall: Option<Duration>,
    file: Option<PathBuf>,
    #[serde(deserialize_with = "windows")]
    windows: Vec<Window>,
    query: Vec<Query>,
}

impl FileThrottle {
    /// # Errors
    /// `Kind::Input` for settings that make no sense together.
    pub(super) fn settings(self) -> Result<Settings, Error> {
        let default = Settings::default();
        let settings = Settings {
            interval: self.interval.unwrap_or(default.interval),
            unreadable: self.unreadable.unwrap_or(default.unreadable),
            ratio: self.ratio.unwrap_or(default.ratio),
            replica_lag: self.replica_lag,
            replicas: self.replicas,
            slot_bytes: self.slot_bytes,
            wal_rate: self.wal_rate,
            archive_backlog: self.archive_backlog,
            active_backends_per_core: self.active_backends_per_core,
            cores: self.cores,
            oldest_xmin: self.oldest_xmin,
            autovacuum: self.autovacuum,
            stall: self.stall,
            file: self.file,
            windows: self.windows,
            queries: self.query,
        };
        settings.check().map_err(|what| {
            Error::new(Kind::Input, format!("[throttle]: {what}"))
                .hint("docs/throttle.md describes every signal.")
        })?;
        Ok(settings)
    }
}

fn windows<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Window>, D::Error> {
    /// Reads each by itself, so that an error has the place of its window.
    struct One(Window);

    impl<'de> Deserialize<'de> for One {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let text = String::deserialize(from)?;
            Window::parse(&text).map(One).map_err(D::Error::custom)
        }
    }

    Ok(Vec::<One>::deserialize(from)?.into_iter().map(|one| one.0).collect())
}
