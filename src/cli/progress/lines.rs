//! One line for each event, and for those that come often one line every few seconds.

use crate::report::progress;
use crate::run::{Event, Progress};
use std::io::Write;
use std::mem::{Discriminant, discriminant};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a step that goes on and on is heard of.
const TEXT_INTERVAL: Duration = Duration::from_secs(5);
const JSON_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Lines {
    json: bool,
    interval: Duration,
    /// When a frequent event was last shown, and of which kind.
    shown: Mutex<Option<(Instant, Discriminant<Event>)>>,
}

impl Lines {
    pub(super) fn text() -> Self {
        Self { json: false, interval: TEXT_INTERVAL, shown: Mutex::new(None) }
    }

    pub(super) fn json() -> Self {
        Self { json: true, interval: JSON_INTERVAL, shown: Mutex::new(None) }
    }

    /// Whether it is time for the event; for a frequent one of another kind than the last it always is.
    fn is_due(&self, event: &Event, now: Instant) -> bool {
        let kind = discriminant(event);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if !progress::is_frequent(event) {
            if matches!(event, Event::GoesOn { .. }) {
                // Being held back once more is news.
                *shown = None;
            }
            return true;
        }
        let due =
            shown.is_none_or(|(at, last)| last != kind || now.duration_since(at) >= self.interval);
        if due {
            *shown = Some((now, kind));
        }
        due
    }

    fn render(&self, event: &Event) -> Option<String> {
        if self.json { serde_json::to_string(event).ok() } else { progress::line(event) }
    }
}

impl Progress for Lines {
    fn event(&self, event: &Event) {
        if !self.is_due(event, Instant::now()) {
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
        let checks =
            Event::Verifying { step: "a".to_owned(), blocks_done: 0, blocks_total: 0, found: 0 };
        assert!(lines.is_due(&checks, start));
        assert!(!lines.is_due(&checks, start + TEXT_INTERVAL / 2));
        assert!(lines.is_due(&checks, start + TEXT_INTERVAL));
        assert!(!lines.is_due(&checks, start + TEXT_INTERVAL));
        let held = Event::HeldBack {
            step: "a".to_owned(),
            by: crate::run::HeldBy::Pause,
            reasons: vec![],
            held_ms: 0.0,
        };
        assert!(lines.is_due(&held, start + TEXT_INTERVAL), "news");
        assert!(!lines.is_due(&held, start + TEXT_INTERVAL));
        let goes_on = Event::GoesOn { step: "a".to_owned(), held_ms: 1.0 };
        assert!(lines.is_due(&goes_on, start + TEXT_INTERVAL));
        assert!(lines.is_due(&held, start + TEXT_INTERVAL), "held back once more");
    }

    #[test]
    fn json_lines_name_their_event() {
        let line = Lines::json().render(&Event::Finished).unwrap();
        assert_eq!(line, r#"{"event":"finished"}"#);
    }
}
