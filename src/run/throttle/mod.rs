//! Signals by which a run slows down or waits before anybody is hurt: one file for each.
//!
//! A signal is a number beside its threshold, the *pressure*: below a half nothing happens, from
//! there the walk of a backfill slows down, at 1 everything waits that has not begun, until the
//! pressure is well below again. What cannot be read counts as high. Never changes anything on the
//! server, and never decides what a run does: [`pace`](super::pace) asks.

mod archive;
mod autovacuum;
mod backends;
mod file;
mod oldest_xmin;
mod query;
mod replica_lag;
mod slots;
pub(super) mod stall;
pub(super) mod task;
mod wal_rate;
pub mod window;

pub use query::Query;
pub use window::Window;

use std::path::PathBuf;
use std::time::Duration;

/// Pressure from which the walk slows down.
const SLOW_FROM: f64 = 0.5;

/// Share of the time that the walk stands still just below the threshold.
const SLOW_MOST: f64 = 0.9;

/// A signal that was high stays high until its pressure is down here.
const CALM: f64 = 0.8;

/// Thresholds; a signal without one is not read. `airlock.toml` fills it in `config`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Time between two readings.
    pub interval: Duration,
    pub unreadable: Unreadable,
    /// Share of the time (0 to 0.99) that the walk of a backfill stands still, whatever the signals
    /// say.
    pub ratio: f64,
    /// How far behind a physical standby may be in replaying.
    pub replica_lag: Option<Duration>,
    /// Standbys that must be there, by `application_name`. Empty: those that are.
    pub replicas: Vec<String>,
    /// Bytes of WAL that a replication slot may keep back.
    pub slot_bytes: Option<u64>,
    /// Bytes of WAL a second that the server may write, by anybody.
    pub wal_rate: Option<u64>,
    /// Files of WAL that may wait to be archived.
    pub archive_backlog: Option<u64>,
    /// Client backends at work for each of `cores`, airlock's own not counted.
    pub active_backends_per_core: Option<f64>,
    /// Processors of the server. It does not tell.
    pub cores: Option<u32>,
    /// Transactions that may have begun since the oldest one whose row versions are still kept.
    pub oldest_xmin: Option<u64>,
    /// Wait while autovacuum is at work on a table of the step.
    pub autovacuum: bool,
    /// Longest wait of another backend behind us in the last seconds.
    pub stall: Option<Duration>,
    /// Wait while this file exists on the runner's machine.
    pub file: Option<PathBuf>,
    /// Work only within one of these. Empty: at any time.
    pub windows: Vec<Window>,
    pub queries: Vec<Query>,
}

/// What a signal that cannot be read means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    Wait,
    Ignore,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            unreadable: Unreadable::Wait,
            ratio: 0.0,
            replica_lag: None,
            replicas: Vec::new(),
            slot_bytes: None,
            wal_rate: None,
            archive_backlog: None,
            active_backends_per_core: None,
            cores: None,
            oldest_xmin: None,
            autovacuum: false,
            stall: None,
            file: None,
            windows: Vec::new(),
            queries: Vec::new(),
        }
    }
}

impl Settings {
    /// Whether there is nothing to read.
    pub(super) fn is_idle(&self) -> bool {
        let nothing = Settings {
            interval: self.interval,
            unreadable: self.unreadable,
            ratio: self.ratio,
            cores: self.cores,
            ..Settings::default()
        };
        *self == nothing
    }

    /// Why the settings make no sense.
    ///
    /// # Errors
    /// The setting and its bounds in words.
    pub fn check(&self) -> Result<(), String> {
        let show = humantime::format_duration;
        if !(INTERVAL_MIN..=INTERVAL_MAX).contains(&self.interval) {
            let (least, most) = (show(INTERVAL_MIN), show(INTERVAL_MAX));
            return Err(format!(
                "interval is {}; it must be between {least} and {most}",
                show(self.interval)
            ));
        }
        if !(0.0..=RATIO_MAX).contains(&self.ratio) {
            let (given, most) = (self.ratio * 100.0, RATIO_MAX * 100.0);
            return Err(format!(
                "ratio is {given}%; it must be between 0% and {most}% (`airlock pause` stops it)"
            ));
        }
        if self.active_backends_per_core.is_some_and(|most| !(most > 0.0 && most.is_finite())) {
            return Err("active_backends_per_core must be above 0".to_owned());
        }
        if self.active_backends_per_core.is_some() && self.cores.is_none() {
            return Err(
                "active_backends_per_core needs cores, the number of processors of the server"
                    .to_owned(),
            );
        }
        let zero = [
            ("replica_lag", self.replica_lag.is_some_and(|most| most.is_zero())),
            ("slot_bytes", self.slot_bytes == Some(0)),
            ("wal_rate", self.wal_rate == Some(0)),
            ("archive_backlog", self.archive_backlog == Some(0)),
            ("cores", self.cores == Some(0)),
            ("oldest_xmin", self.oldest_xmin == Some(0)),
            ("stall", self.stall.is_some_and(|most| most.is_zero())),
        ];
        if let Some((name, _)) = zero.iter().find(|(_, zero)| *zero) {
            return Err(format!("{name} must be above 0"));
        }
        if !self.replicas.is_empty() && self.replica_lag.is_none() {
            return Err("replicas are named, and there is no replica_lag to hold them to".into());
        }
        for query in &self.queries {
            query.check()?;
        }
        Ok(())
    }
}

const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// Largest share of the time that a walk may be told to stand still.
pub const RATIO_MAX: f64 = 0.99;

/// A signal beside its threshold.
#[derive(Debug, Clone, PartialEq)]
struct Measure {
    /// 1 at the threshold.
    pressure: f64,
    /// What was read, and the threshold: `replica a is 7.2 s behind (limit 5 s)`.
    text: String,
}

impl Measure {
    /// Nothing to say.
    fn calm() -> Self {
        Self { pressure: 0.0, text: String::new() }
    }

    fn of(value: f64, limit: f64, text: String) -> Self {
        Self { pressure: value / limit, text }
    }
}

/// What a pressure means for a signal that was high before, or was not.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Level {
    Fine,
    /// Share of the time to stand still.
    Slow(f64),
    High,
}

fn judge(was_high: bool, pressure: f64) -> Level {
    // A number that is none compares with nothing, and must not pass for calm.
    if pressure.is_nan() || pressure >= 1.0 || (was_high && pressure > CALM) {
        Level::High
    } else if pressure > SLOW_FROM {
        Level::Slow((pressure - SLOW_FROM) / (1.0 - SLOW_FROM) * SLOW_MOST)
    } else {
        Level::Fine
    }
}

/// `1.5 GB`, in powers of 1024 like the settings.
fn bytes(n: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let (mut n, mut unit) = (n.max(0.0), 0);
    while n >= 1024.0 && unit + 1 < units.len() {
        n /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && n < 100.0);
    format!("{n:.digits$} {}", units[unit])
}

/// `7.2 s`, `12 min`.
fn seconds(time: Duration) -> String {
    let s = time.as_secs_f64();
    match s {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 120.0 => format!("{s:.1} s"),
        s => format!("{:.0} min", s / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_slows_then_stops_and_lets_go_later_than_it_took_hold() {
        assert_eq!(judge(false, 0.4), Level::Fine);
        assert_eq!(judge(false, 0.5), Level::Fine);
        assert_eq!(judge(false, 0.75), Level::Slow(0.45));
        assert!(matches!(judge(false, 0.999), Level::Slow(share) if share < 0.9));
        assert_eq!(judge(false, 1.0), Level::High);
        assert_eq!(judge(true, 0.9), Level::High);
        assert!(matches!(judge(true, 0.8), Level::Slow(_)));
        assert_eq!(judge(true, 0.1), Level::Fine);
        assert_eq!(judge(false, f64::NAN), Level::High);
        assert_eq!(judge(false, f64::INFINITY), Level::High);
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(bytes(512.0), "512 B");
        assert_eq!(bytes(1536.0 * 1024.0), "1.5 MB");
        assert_eq!(bytes(200.0 * 1024.0 * 1024.0 * 1024.0), "200 GB");
        assert_eq!(seconds(Duration::from_millis(40)), "40 ms");
        assert_eq!(seconds(Duration::from_millis(7_240)), "7.2 s");
        assert_eq!(seconds(Duration::from_secs(720)), "12 min");
    }

    #[test]
    fn settings_without_a_threshold_read_nothing() {
        let idle = Settings { ratio: 0.5, cores: Some(4), ..Settings::default() };
        assert!(idle.is_idle());
        assert!(!Settings { autovacuum: true, ..idle }.is_idle());
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let good = Settings::default;
        for (bad, word) in [
            (Settings { ratio: 1.0, ..good() }, "pause"),
            (Settings { ratio: f64::NAN, ..good() }, "ratio"),
            (Settings { interval: Duration::from_millis(1), ..good() }, "interval"),
            (Settings { active_backends_per_core: Some(2.0), ..good() }, "cores"),
            (Settings { wal_rate: Some(0), ..good() }, "wal_rate"),
            (Settings { replicas: vec!["a".into()], ..good() }, "replica_lag"),
        ] {
            assert!(bad.check().unwrap_err().contains(word), "{bad:?}");
        }
        assert_eq!(good().check(), Ok(()));
    }
}
