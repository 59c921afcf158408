//! Events appended to a file, one JSON object a line, in the names of OpenTelemetry's log data
//! model: `timestamp`, `severity_text`, `severity_number`, `body`, `attributes`, `resource`.

use crate::error::{Error, Kind};
use crate::report::progress;
use crate::run::{Event, Progress};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two lines of an event that comes many times a second.
const INTERVAL: Duration = Duration::from_secs(1);

pub struct Log {
    file: File,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When a frequent event was last written.
    written: Option<Instant>,
    revision: Option<String>,
}

impl Log {
    /// # Errors
    /// `Kind::Input` when the file cannot be appended to.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::options().create(true).append(true).open(path).map_err(|error| {
            Error::new(Kind::Input, format!("cannot write the log {}", path.display()))
                .detail(format!("{error}."))
        })?;
        Ok(Self { file, state: Mutex::default() })
    }
}

impl Progress for Log {
    fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if progress::is_frequent(event) {
            if state.written.is_some_and(|at| at.elapsed() < INTERVAL) {
                return;
            }
            state.written = Some(Instant::now());
        }
        if let Event::RunStarted { revision, .. } = event {
            state.revision = Some(revision.clone());
        }
        let record = record(event, state.revision.as_deref(), jiff::Timestamp::now());
        // One write a line, so that several runners may share the file. That it fails (a full disk)
        // is no reason to stop a run.
        let _ = (&self.file).write_all(format!("{record}\n").as_bytes());
    }
}

fn record(event: &Event, revision: Option<&str>, at: jiff::Timestamp) -> Value {
    let (text, number) = match event {
        Event::ConnectionLost { .. }
        | Event::AttemptFailed { .. }
        | Event::BlockerSignalled { .. } => ("WARN", 13),
        Event::Batch { .. } | Event::Verifying { .. } | Event::Building { .. } => ("DEBUG", 5),
        _ => ("INFO", 9),
    };
    let mut attributes = serde_json::to_value(event).unwrap_or_default();
    let body = progress::line(event).map(|line| anstream::adapter::strip_str(&line).to_string());
    let body = body.unwrap_or_else(|| attributes["event"].as_str().unwrap_or_default().to_owned());
    if let (Some(attributes), Some(revision)) = (attributes.as_object_mut(), revision) {
        attributes.insert("revision".to_owned(), json!(revision));
    }
    json!({
        "timestamp": at.to_string(),
        "severity_text": text,
        "severity_number": number,
        "body": body,
        "attributes": attributes,
        "resource": {
            "service.name": "airlock",
            "service.version": env!("CARGO_PKG_VERSION"),
            "process.pid": std::process::id(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_record() {
        let event = Event::ConnectionLost { reason: "gone".into() };
        let mut found = record(&event, Some("aaaa"), jiff::Timestamp::UNIX_EPOCH);
        found["resource"] = json!(null);
        insta::assert_snapshot!(found, @r#"{"timestamp":"1970-01-01T00:00:00Z","severity_text":"WARN","severity_number":13,"body":"connection lost: gone","attributes":{"event":"connection-lost","reason":"gone","revision":"aaaa"},"resource":null}"#);
    }

    #[test]
    fn frequent_events_are_thinned_out_and_lines_are_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Log::open(&path).unwrap();
        for found in 0..10 {
            let step = "a".to_owned();
            log.event(&Event::Verifying { step, blocks_done: 0, blocks_total: 1, found });
        }
        log.event(&Event::Finished);
        drop(log);
        Log::open(&path).unwrap().event(&Event::Finished);
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    }
}
