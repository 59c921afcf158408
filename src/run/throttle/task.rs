//! Reads the signals again and again, on a connection of its own, and tells the pace.

use super::stall::Stalls;
use super::{Level, Measure, Settings, Unreadable, judge};
use super::{
    Query, Window, archive, autovacuum, backends, file, oldest_xmin, query, replica_lag, slots,
    stall, wal_rate, window,
};
use crate::connect::Target;
use crate::run::error::RunError;
use crate::run::flight::Flights;
use crate::run::limits::Limits;
use crate::run::pace::{Pace, Reading};
use crate::run::session::{Fault, Session, Shared};
use crate::run::settings::{Use, prepare};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time that one reading may take before the connection counts as lost.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Time between two looks at whether there is anything to read.
const IDLE: Duration = Duration::from_secs(1);

/// Why a signal cannot be read when the server keeps it from us.
pub(super) const HIDDEN: &str =
    "the server hides it from this role (GRANT pg_monitor or pg_read_all_stats to it)";

enum Signal {
    ReplicaLag(replica_lag::Signal),
    Slots(u64),
    WalRate(wal_rate::Signal),
    Archive(u64),
    Backends(f64, u32),
    OldestXmin(u64),
    Autovacuum,
    Stall(Duration),
    File(file::Signal),
    Windows(Vec<Window>),
    Query(Query),
}

struct Reader {
    signal: Signal,
    was_high: bool,
}

impl Signal {
    /// As in `airlock.toml`.
    fn name(&self) -> &str {
        match self {
            Signal::ReplicaLag(_) => "replica_lag",
            Signal::Slots(_) => "slot_bytes",
            Signal::WalRate(_) => "wal_rate",
            Signal::Archive(_) => "archive_backlog",
            Signal::Backends(..) => "active_backends_per_core",
            Signal::OldestXmin(_) => "oldest_xmin",
            Signal::Autovacuum => "autovacuum",
            Signal::Stall(_) => "stall",
            Signal::File(_) => "file",
            Signal::Windows(_) => "windows",
            Signal::Query(query) => &query.name,
        }
    }

    async fn read(&mut self, source: &Source<'_>) -> Result<Result<Measure, String>, Fault> {
        let session = match self {
            Signal::Stall(limit) => {
                return Ok(Ok(source
                    .pace
                    .stalls(|stalls: &mut Stalls| stall::read(*limit, stalls, Instant::now()))));
            }
            Signal::File(signal) => return Ok(signal.read().await),
            Signal::Windows(windows) => {
                return Ok(Ok(window::read(windows, jiff::Timestamp::now())));
            }
            _ => match &source.session {
                Ok(session) => session,
                Err(why) => return Ok(Err(why.clone())),
            },
        };
        match self {
            Signal::ReplicaLag(signal) => signal.read(session).await,
            Signal::Slots(limit) => slots::read(*limit, session).await.map(Ok),
            Signal::WalRate(signal) => signal.read(session).await,
            Signal::Archive(limit) => archive::read(*limit, session).await.map(Ok),
            Signal::Backends(most, cores) => backends::read(*most, *cores, session).await,
            Signal::OldestXmin(limit) => oldest_xmin::read(*limit, session).await,
            Signal::Autovacuum => autovacuum::read(&source.pace.tables(), session).await,
            Signal::Query(query) => query::read(query, session).await,
            Signal::Stall(_) | Signal::File(_) | Signal::Windows(_) => Ok(Ok(Measure::calm())),
        }
    }

    /// With its own settings, and what `before` has learned.
    fn after(self, before: Signal) -> Self {
        match (self, before) {
            (Signal::ReplicaLag(new), Signal::ReplicaLag(old)) => {
                Signal::ReplicaLag(new.after(old))
            }
            (Signal::WalRate(new), Signal::WalRate(old)) => Signal::WalRate(new.after(old)),
            (Signal::File(new), Signal::File(old)) if new.path == old.path => Signal::File(old),
            (new, _) => new,
        }
    }

    fn needs_server(&self) -> bool {
        !matches!(self, Signal::Stall(_) | Signal::File(_) | Signal::Windows(_))
    }
}

/// Where a round of readings comes from.
struct Source<'a> {
    pace: &'a Pace,
    session: Result<Session, String>,
}

/// One reader for each threshold. What those `before` have learned stays, whatever else was changed: a
/// standby that has gone stays gone, and what was high is high until it is well below.
fn readers(settings: &Settings, before: Vec<Reader>) -> Vec<Reader> {
    let lag = |limit| Signal::ReplicaLag(replica_lag::Signal::new(limit, &settings.replicas));
    let backends = settings.active_backends_per_core.zip(settings.cores);
    let signals = [
        settings.replica_lag.map(lag),
        settings.slot_bytes.map(Signal::Slots),
        settings.wal_rate.map(|limit| Signal::WalRate(wal_rate::Signal::new(limit))),
        settings.archive_backlog.map(Signal::Archive),
        backends.map(|(most, cores)| Signal::Backends(most, cores)),
        settings.oldest_xmin.map(Signal::OldestXmin),
        settings.autovacuum.then_some(Signal::Autovacuum),
        settings.stall.map(Signal::Stall),
        settings.file.clone().map(|path| Signal::File(file::Signal::new(path))),
        (!settings.windows.is_empty()).then(|| Signal::Windows(settings.windows.clone())),
    ];
    let queries = settings.queries.iter().cloned().map(Signal::Query);
    let mut before: BTreeMap<String, Reader> =
        before.into_iter().map(|reader| (reader.signal.name().to_owned(), reader)).collect();
    let all = signals.into_iter().flatten().chain(queries);
    all.map(|signal| match before.remove(signal.name()) {
        Some(old) => Reader { signal: signal.after(old.signal), was_high: old.was_high },
        None => Reader { signal, was_high: false },
    })
    .collect()
}

/// The task; it ends when this is dropped.
pub(in crate::run) struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts reading. The connection is made when there is something to ask.
pub(in crate::run) fn start(target: &Target, pace: &Pace, shared: &Shared) -> Task {
    // Not tapped, and it goes on when the user insists: it never works on anything.
    let shared = Shared {
        stop: crate::run::Stop::new(),
        tap: None,
        cut: Arc::clone(&shared.cut),
        flights: Flights::default(),
    };
    Task(tokio::spawn(read_on(target.clone(), pace.clone(), shared)))
}

async fn read_on(target: Target, pace: Pace, shared: Shared) {
    let mut known: Option<Arc<Settings>> = None;
    let mut all = Vec::new();
    let mut kept = None;
    while !shared.is_cut() {
        let limits = pace.limits();
        if known.as_ref() != Some(&limits.throttle) {
            all = readers(&limits.throttle, std::mem::take(&mut all));
            known = Some(Arc::clone(&limits.throttle));
        }
        if all.is_empty() {
            kept = None;
            pace.read(Reading::calm());
            pace.changed_within(IDLE).await;
            continue;
        }
        let asks = all.iter().any(|reader| reader.signal.needs_server());
        let session = match kept.take() {
            Some(session) => Ok(session),
            None if asks => connect(&target, &limits, &shared).await,
            None => Err(String::new()),
        };
        let mut source = Source { pace: &pace, session };
        let reading = round(&mut all, &mut source, limits.throttle.unreadable).await;
        kept = source.session.ok();
        pace.read(reading);
        pace.changed_within(limits.throttle.interval).await;
    }
}

async fn connect(target: &Target, limits: &Limits, shared: &Shared) -> Result<Session, String> {
    let connected = async {
        let connection = target.connect("airlock throttle").await.map_err(RunError::Connect)?;
        let doing = "set up the connection for signals";
        let session =
            Session::new(connection, shared.clone()).await.map_err(|fault| fault.doing(doing))?;
        prepare(&session, limits, Use::Signals).await?;
        Ok(session)
    };
    connected.await.map_err(|error: RunError| error.to_string())
}

/// Reads every signal once.
async fn round(all: &mut [Reader], source: &mut Source<'_>, unreadable: Unreadable) -> Reading {
    let mut reading = Reading::calm();
    for reader in all {
        let read = match tokio::time::timeout(READ_TIMEOUT, reader.signal.read(source)).await {
            Ok(read) => read,
            Err(_) => Err(Fault::Lost("no answer in time".to_owned())),
        };
        let measure = match read {
            Ok(Ok(measure)) => Ok(measure),
            Ok(Err(why)) => Err(why),
            Err(Fault::Server(error)) if error.sqlstate == "42501" => {
                Err(format!("{} (GRANT pg_monitor to this role)", error.message))
            }
            Err(Fault::Server(error)) => Err(error.message.clone()),
            Err(Fault::Lost(why)) => {
                // The others are not asked on a connection that is gone.
                source.session = Err(why.clone());
                Err(why)
            }
            Err(Fault::Cut | Fault::Insisted | Fault::Refused(_)) => {
                Err("it was cut off".to_owned())
            }
        };
        reader.take(measure, unreadable, &mut reading);
    }
    reading
}

impl Reader {
    /// Adds what was read to the reading.
    fn take(
        &mut self,
        measure: Result<Measure, String>,
        unreadable: Unreadable,
        reading: &mut Reading,
    ) {
        let name = self.signal.name();
        match measure {
            Ok(measure) => match judge(self.was_high, measure.pressure) {
                Level::Fine => self.was_high = false,
                Level::Slow(share) => {
                    self.was_high = false;
                    reading.slow(share, format!("{name}: {}", measure.text));
                }
                Level::High => {
                    self.was_high = true;
                    reading.high.push(format!("{name}: {}", measure.text));
                }
            },
            Err(why) => match unreadable {
                Unreadable::Wait => {
                    reading
                        .high
                        .push(format!("{name} cannot be read, which counts as high: {why}"));
                }
                Unreadable::Ignore => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_counts_as_high_unless_told_otherwise() {
        let mut reader = Reader { signal: Signal::Slots(1), was_high: false };
        let mut reading = Reading::calm();
        reader.take(Err("no such thing".into()), Unreadable::Wait, &mut reading);
        assert_eq!(
            reading.high,
            ["slot_bytes cannot be read, which counts as high: no such thing"]
        );
        let mut reading = Reading::calm();
        reader.take(Err("no such thing".into()), Unreadable::Ignore, &mut reading);
        assert!(reading.high.is_empty());
    }

    #[test]
    fn the_slowest_pace_that_a_signal_asks_for_counts() {
        let mut reading = Reading::calm();
        for pressure in [0.6, 0.9, 0.7] {
            let mut reader = Reader { signal: Signal::Autovacuum, was_high: false };
            let measure = Measure { pressure, text: format!("at {pressure}") };
            reader.take(Ok(measure), Unreadable::Wait, &mut reading);
        }
        let (share, why) = reading.slow.unwrap();
        assert!((0.71..0.73).contains(&share), "{share}");
        assert_eq!(why, "autovacuum: at 0.9");
        assert!(reading.high.is_empty());
    }

    #[test]
    fn one_reader_for_each_threshold() {
        assert!(readers(&Settings::default(), Vec::new()).is_empty());
        let settings = Settings {
            replica_lag: Some(IDLE),
            cores: Some(2),
            active_backends_per_core: Some(1.0),
            queries: vec![Query { name: "carts".into(), sql: "SELECT 1".into(), max: 1.0 }],
            ..Settings::default()
        };
        let before = readers(&settings, Vec::new());
        let names: Vec<_> = before.iter().map(|r| r.signal.name().to_owned()).collect();
        assert_eq!(names, ["replica_lag", "active_backends_per_core", "carts"]);

        let before = before.into_iter().map(|reader| Reader { was_high: true, ..reader }).collect();
        let settings = Settings { autovacuum: true, active_backends_per_core: None, ..settings };
        let after = readers(&settings, before);
        let high: Vec<_> = after.iter().map(|r| (r.signal.name(), r.was_high)).collect();
        assert_eq!(high, [("replica_lag", true), ("autovacuum", false), ("carts", true)]);
    }
}
