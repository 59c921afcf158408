//! How far physical standbys are behind in replaying.
//!
//! `pg_stat_replication.replay_lag` alone does not do: it stands still while replay is paused or
//! stuck, because it is measured only when a standby reports progress. So we remember when the
//! primary was at which position, and a standby's lag is the age of the position that it has
//! replayed, or what the server says if that is more.

use super::{Measure, seconds};
use crate::run::session::{Fault, Session};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Positions that are remembered: hours at the usual interval.
const POSITIONS_MAX: usize = 20_000;

const QUERY: &str = "\
SELECT r.application_name, r.client_addr::text AS client, r.state,
       (pg_catalog.pg_current_wal_lsn() - '0/0'::pg_catalog.pg_lsn)::float8 AS here,
       (r.replay_lsn - '0/0'::pg_catalog.pg_lsn)::float8 AS replayed,
       (pg_catalog.date_part('epoch', r.replay_lag))::float8 AS lag
FROM (SELECT) AS one
LEFT JOIN pg_catalog.pg_stat_replication AS r
  ON r.state IS DISTINCT FROM 'backup'
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s
                 WHERE s.active_pid = r.pid AND s.slot_type = 'logical')";

pub(super) struct Signal {
    limit: Duration,
    wanted: Vec<String>,
    /// Standbys that were there once, and how many of that name: one that goes away is no good news.
    known: BTreeMap<String, usize>,
    positions: Positions,
}

/// Where the primary was when.
#[derive(Default)]
struct Positions(VecDeque<(Instant, f64)>);

impl Positions {
    fn add(&mut self, now: Instant, position: f64) {
        if self.0.len() == POSITIONS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((now, position));
    }

    /// Since when at least the primary has been past `position`.
    fn behind(&self, position: f64, now: Instant) -> Duration {
        let past = self.0.iter().find(|(_, at)| *at > position);
        past.map(|(when, _)| now.duration_since(*when)).unwrap_or_default()
    }
}

impl Signal {
    pub(super) fn new(limit: Duration, wanted: &[String]) -> Self {
        let (known, positions) = (BTreeMap::new(), Positions::default());
        Self { limit, wanted: wanted.to_vec(), known, positions }
    }

    /// Goes on where one with another limit was: what it knows of the standbys stays known.
    pub(super) fn after(self, before: Self) -> Self {
        Self { known: before.known, positions: before.positions, ..self }
    }

    pub(super) async fn read(
        &mut self,
        session: &Session,
    ) -> Result<Result<Measure, String>, Fault> {
        let rows = session.rows("replica lag", QUERY, &[]).await?;
        let now = Instant::now();
        if let Some(here) = rows.iter().find_map(|row| row.get::<_, Option<f64>>("here")) {
            self.positions.add(now, here);
        }
        let mut found = Vec::new();
        for row in &rows {
            let Some(name) = row.get::<_, Option<String>>("application_name") else { continue };
            let client: Option<String> = row.get("client");
            let (state, replayed) =
                (row.get::<_, Option<String>>("state"), row.get::<_, Option<f64>>("replayed"));
            if state.is_none() {
                return Ok(Err(super::task::HIDDEN.to_owned()));
            }
            let shown = if name.is_empty() { client.unwrap_or_default() } else { name };
            let lag = row.get::<_, Option<f64>>("lag").unwrap_or_default();
            found.push((shown, replayed, Duration::from_secs_f64(lag.max(0.0))));
        }
        Ok(self.judge(&found, now))
    }

    /// `found`: name, replayed position, and lag as the server sees it.
    fn judge(
        &mut self,
        found: &[(String, Option<f64>, Duration)],
        now: Instant,
    ) -> Result<Measure, String> {
        let mut there: BTreeMap<&String, usize> = BTreeMap::new();
        for (name, replayed, _) in found {
            // Who receives the log without replaying it (pg_basebackup, pg_receivewal) is no standby,
            // unless it is named or was one before.
            let known = self.wanted.contains(name) || self.known.contains_key(name);
            if known || replayed.is_some() {
                *there.entry(name).or_default() += 1;
            }
        }
        if let Some(missing) = self.wanted.iter().find(|name| !there.contains_key(name)) {
            return Err(format!("standby {missing} is not connected"));
        }
        if self.wanted.is_empty() {
            let is_there = |name| there.get(name).copied().unwrap_or_default();
            if let Some((gone, count)) = self.known.iter().find(|(name, n)| is_there(*name) < **n) {
                let left = match (is_there(gone), count) {
                    (0, 1) => String::new(),
                    (left, count) => format!(" ({left} of {count} of that name are left)"),
                };
                return Err(format!(
                    "standby {gone} has disconnected{left}; if it shall not come back, name the \
                     others in replicas"
                ));
            }
            let there: Vec<_> = there.iter().map(|(name, n)| ((*name).clone(), *n)).collect();
            self.known.extend(there);
        }
        let mut worst = Measure::calm();
        for (name, replayed, lag) in found {
            if !self.wanted.is_empty() && !self.wanted.contains(name) {
                continue;
            }
            let Some(replayed) = replayed else {
                if !self.wanted.contains(name) && !self.known.contains_key(name) {
                    continue;
                }
                return Err(format!("standby {name} does not tell what it has replayed"));
            };
            let behind = self.positions.behind(*replayed, now);
            // The server's figure is of the last progress; with nothing left to replay it is past.
            let lag = if behind.is_zero() { behind } else { behind.max(*lag) };
            let (lag_s, limit_s) = (lag.as_secs_f64(), self.limit.as_secs_f64());
            if worst.text.is_empty() || lag_s / limit_s > worst.pressure {
                let (shown, limit) = (seconds(lag), seconds(self.limit));
                let text = format!("standby {name} is {shown} behind (limit {limit})");
                worst = Measure::of(lag_s, limit_s, text);
            }
        }
        Ok(worst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn standby(name: &str, replayed: f64) -> (String, Option<f64>, Duration) {
        (name.to_owned(), Some(replayed), Duration::ZERO)
    }

    #[test]
    fn a_standby_that_replays_nothing_falls_behind_whatever_the_server_says() {
        let start = Instant::now();
        let mut signal = Signal::new(LIMIT, &[]);
        for second in 0..20 {
            signal.positions.add(start + Duration::from_secs(second), 1000.0 * second as f64);
        }
        let now = start + Duration::from_secs(20);
        let at = |signal: &mut Signal, replayed| {
            signal.judge(&[standby("a", replayed)], now).unwrap().pressure
        };
        assert_eq!(at(&mut signal, 19_000.0), 0.0, "nothing left to replay");
        assert_eq!(at(&mut signal, 14_000.0), 0.5);
        assert_eq!(at(&mut signal, 0.0), 1.9);
        // Further behind than we can know: at least since we began.
        assert_eq!(at(&mut signal, -5.0), 2.0);
    }

    #[test]
    fn the_servers_figure_counts_when_it_is_more() {
        let start = Instant::now();
        let mut signal = Signal::new(LIMIT, &[]);
        signal.positions.add(start, 1000.0);
        let slow = ("a".to_owned(), Some(500.0), Duration::from_secs(30));
        let found = signal.judge(&[slow], start + Duration::from_secs(1)).unwrap();
        assert_eq!(found.pressure, 3.0);
        assert_eq!(found.text, "standby a is 30.0 s behind (limit 10.0 s)");
        // It was slow once, and has caught up.
        let idle = ("a".to_owned(), Some(1000.0), Duration::from_secs(30));
        assert_eq!(signal.judge(&[idle], start + Duration::from_secs(1)).unwrap().pressure, 0.0);
    }

    #[test]
    fn one_that_is_gone_or_tells_nothing_is_not_taken_for_calm() {
        let now = Instant::now();
        let mut signal = Signal::new(LIMIT, &[]);
        assert!(signal.judge(&[], now).is_ok(), "there may be none");
        assert!(signal.judge(&[standby("a", 0.0)], now).is_ok());
        assert!(signal.judge(&[], now).unwrap_err().contains("a has disconnected"));
        let mute = |name: &str| (name.to_owned(), None, Duration::ZERO);
        assert!(signal.judge(&[mute("a")], now).is_err());
        // A backup comes and goes.
        let mut backup = Signal::new(LIMIT, &[]);
        assert!(backup.judge(&[mute("pg_basebackup"), standby("a", 0.0)], now).is_ok());
        assert!(backup.judge(&[standby("a", 0.0)], now).is_ok());
        let mut named = Signal::new(LIMIT, &["pg_receivewal".to_owned()]);
        assert!(named.judge(&[mute("pg_receivewal")], now).is_err());

        // Of two with the same name one goes.
        let mut two = Signal::new(LIMIT, &[]);
        let both = [standby("walreceiver", 0.0), standby("walreceiver", 0.0)];
        assert!(two.judge(&both, now).is_ok());
        assert!(two.judge(&both[..1], now).unwrap_err().contains("1 of 2"));
        let mut raised = Signal::new(2 * LIMIT, &[]).after(two);
        assert!(raised.judge(&both[..1], now).is_err(), "another limit has forgotten it");
        assert!(raised.judge(&both, now).is_ok());

        let mut named = Signal::new(LIMIT, &["b".to_owned()]);
        assert!(named.judge(&[standby("a", 0.0)], now).unwrap_err().contains("standby b"));
        named.positions.add(now, 10.0);
        let later = now + Duration::from_secs(30);
        let both = [standby("a", 0.0), standby("b", 10.0)];
        assert_eq!(named.judge(&both, later).unwrap().pressure, 0.0, "a does not count");
    }
}
