//! One line for each event, and for those that come often one line every few seconds.

use crate::report::progress;
use crate::run::{Event, Progress};
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a step that goes on and on is heard of.
const TEXT_INTERVAL: Duration = Duration::from_secs(5);
const JSON_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Lines {
    json: bool,
    interval: Duration,
    /// When a frequent event was last shown.
    shown: Mutex<Option<Instant>>,
}

impl Lines {
    pub(super) fn text() -> Self {
        Self { json: false, interval: TEXT_INTERVAL, shown: Mutex::new(None) }
    }

    pub(super) fn json() -> Self {
        Self { json: true, interval: JSON_INTERVAL, shown: Mutex::new(None) }
    }

    /// Whether it is time for another frequent event.
    fn is_due(&self, now: Instant) -> bool {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let due = shown.is_none_or(|at| now.duration_since(at) >= self.interval);
        if due {
            *shown = Some(now);
        }
        due
    }

    fn render(&self, event: &Event) -> Option<String> {
        if self.json { serde_json::to_string(event).ok() } else { progress::line(event) }
    }
}

impl Progress for Lines {
    fn event(&self, event: &Event) {
        if progress::is_frequent(event) && !self.is_due(Instant::now()) {
            return;
        }
        if let Some(line) = self.render(event) {
            // Nobody to tell is no reason to stop.
            let _ = writeln!(anstream::stderr().lock(), "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_events_are_shown_once_an_interval() {
        let lines = Lines::text();
        let start = Instant::now();
        assert!(lines.is_due(start));
        assert!(!lines.is_due(start + TEXT_INTERVAL / 2));
        assert!(lines.is_due(start + TEXT_INTERVAL));
        assert!(!lines.is_due(start + TEXT_INTERVAL));
    }

    #[test]
    fn json_lines_name_their_event() {
        let line = Lines::json().render(&Event::Finished).unwrap();
        assert_eq!(line, r#"{"event":"finished"}"#);
    }
}
