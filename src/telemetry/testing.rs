//! Somebody who listens, for tests.

use crate::run::{Event, Progress};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Keeps what it is told.
#[derive(Default)]
pub(super) struct Said {
    events: Mutex<Vec<Event>>,
    pub(super) beats: AtomicUsize,
}

impl Progress for Said {
    fn event(&self, event: &Event) {
        self.events.lock().unwrap().push(event.clone());
    }

    fn alive(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }
}

impl Said {
    pub(super) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(super) fn notices(&self) -> Vec<String> {
        let text = |event| match event {
            Event::Notice { text } => Some(text),
            _ => None,
        };
        self.events().into_iter().filter_map(text).collect()
    }
}
