//! WAL that the server writes a second, for whomever: what standbys, slots and the archive have to
//! carry away.

use super::{Measure, bytes};
use crate::run::session::{Fault, Session};
use std::time::Instant;

/// Shortest time over which a rate says anything.
const SPAN_MIN: f64 = 0.05;

#[derive(Default)]
pub(super) struct Signal {
    limit: f64,
    last: Option<(Instant, f64)>,
}

impl Signal {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit: limit as f64, last: None }
    }

    /// Goes on where one with another limit was.
    pub(super) fn after(self, before: Self) -> Self {
        Self { last: before.last, ..self }
    }

    pub(super) async fn read(
        &mut self,
        session: &Session,
    ) -> Result<Result<Measure, String>, Fault> {
        let sql = "SELECT (pg_catalog.pg_current_wal_insert_lsn() \
                   - '0/0'::pg_catalog.pg_lsn)::float8";
        let position: f64 = session.row("WAL position", sql, &[]).await?.get(0);
        Ok(self.measure(Instant::now(), position))
    }

    fn measure(&mut self, now: Instant, position: f64) -> Result<Measure, String> {
        let Some((when, before)) = self.last.replace((now, position)) else {
            return Err("the rate is known after a second reading".to_owned());
        };
        let rate = (position - before) / now.duration_since(when).as_secs_f64().max(SPAN_MIN);
        let (shown, limit) = (bytes(rate), bytes(self.limit));
        let text = format!("the server writes {shown} of WAL a second (limit {limit})");
        Ok(Measure::of(rate, self.limit, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_rate_needs_two_positions() {
        let mut signal = Signal::new(1 << 20);
        let start = Instant::now();
        assert!(signal.measure(start, 7e9).is_err());
        let two = Duration::from_secs(2);
        let found = signal.measure(start + two, 7e9 + 4.0 * 1_048_576.0).unwrap();
        assert_eq!(found.pressure, 2.0);
        assert_eq!(found.text, "the server writes 2.0 MB of WAL a second (limit 1.0 MB)");
        assert_eq!(signal.measure(start + 2 * two, 7e9 + 4.0 * 1_048_576.0).unwrap().pressure, 0.0);
    }
}
