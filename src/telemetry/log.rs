//! Events appended to a file, one JSON object a line, in the names of OpenTelemetry's log data
//! model: `timestamp`, `severity_text`, `severity_number`, `body`, `attributes`, `resource`.

use crate::error::{Error, Kind};
use crate::report::progress;
use crate::run::{Event, HeldBy, Progress};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::mem::{Discriminant, discriminant};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two lines of an event that comes many times a second, for each kind of event.
const INTERVAL: Duration = Duration::from_secs(1);

pub struct Log {
    path: PathBuf,
    file: File,
    /// Whom it is said when it cannot be written.
    told: Arc<dyn Progress>,
    state: Mutex<State>,
}

/// What is thinned out by itself: a pause is not the same as throttling.
type Sort = (Discriminant<Event>, Option<HeldBy>);

#[derive(Default)]
struct State {
    /// When a frequent event of a sort was last written.
    written: HashMap<Sort, Instant>,
    revision: Option<String>,
    /// The step at work, for what does not say it itself.
    step: Option<String>,
    said: bool,
}

impl State {
    /// Whether the event is to be written. The first of its sort always is, and again after what ends such a
    /// state: a line that says that work goes on is never without the one that says why it stood still.
    fn is_due(&mut self, event: &Event, now: Instant) -> bool {
        match event {
            Event::GoesOn { .. } => self.written.retain(|(_, by), _| by.is_none()),
            Event::StepStarted { .. } => self.written.clear(),
            _ => {}
        }
        if !progress::is_frequent(event) {
            return true;
        }
        let by = match event {
            Event::HeldBack { by, .. } => Some(*by),
            _ => None,
        };
        let sort = (discriminant(event), by);
        let due = self.written.get(&sort).is_none_or(|at| now.duration_since(*at) >= INTERVAL);
        if due {
            if by.is_some() {
                // Whoever held it back before does so no more.
                self.written.retain(|(_, by), _| by.is_none());
            }
            self.written.insert(sort, now);
        }
        due
    }

    fn follow(&mut self, event: &Event) {
        match event {
            Event::RunStarted { revision, .. } | Event::RollbackStarted { revision, .. } => {
                self.revision = Some(revision.clone());
                self.step = None;
            }
            Event::StepStarted { step, .. } => self.step = Some(step.clone()),
            Event::StepFinished { .. } => self.step = None,
            _ => {}
        }
    }
}

impl Log {
    /// What goes wrong later is said to `told`.
    ///
    /// # Errors
    /// `Kind::Input` when the file cannot be appended to.
    pub fn open(path: &Path, told: Arc<dyn Progress>) -> Result<Self, Error> {
        let file = File::options().create(true).append(true).open(path).map_err(|error| {
            Error::new(Kind::Input, format!("cannot write the log {}", path.display()))
                .detail(format!("{error}."))
        })?;
        Ok(Self { path: path.to_owned(), file, told, state: Mutex::default() })
    }
}

impl Progress for Log {
    fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.is_due(event, Instant::now()) {
            return;
        }
        state.follow(event);
        let record = record(event, &state, jiff::Timestamp::now());
        // One write a line, so that several runners may share the file. That it fails (a full disk)
        // is no reason to stop a run.
        let Err(error) = (&self.file).write_all(format!("{record}\n").as_bytes()) else { return };
        if !std::mem::replace(&mut state.said, true) {
            let text = format!("the log {} cannot be written: {error}", self.path.display());
            self.told.event(&Event::Notice { text });
        }
    }
}

fn record(event: &Event, state: &State, at: jiff::Timestamp) -> Value {
    let (text, number) = match event {
        // Whoever stops a run knows of it.
        Event::RunFailed { kind, .. } if *kind != Kind::Interrupted.name() => ("ERROR", 17),
        Event::HookFailed { required: true, .. } => ("ERROR", 17),
        Event::RunFailed { .. } | Event::HookFailed { .. } => ("WARN", 13),
        Event::ConnectionLost { .. }
        | Event::AttemptFailed { .. }
        | Event::BlockerSignalled { .. } => ("WARN", 13),
        Event::Batch { .. } | Event::Verifying { .. } | Event::Building { .. } => ("DEBUG", 5),
        _ => ("INFO", 9),
    };
    let mut attributes = serde_json::to_value(event).unwrap_or_default();
    let body = match event {
        Event::RunFailed { message, .. } => Some(message.clone()),
        _ => progress::line(event).map(|line| anstream::adapter::strip_str(&line).to_string()),
    };
    let body = body.unwrap_or_else(|| attributes["event"].as_str().unwrap_or_default().to_owned());
    match (event, &state.revision, &state.step) {
        // It says itself what it is about, which may be none that has started.
        (Event::RunFailed { revision, step: None, .. }, at, Some(step)) if revision == at => {
            attributes["step"] = json!(step);
        }
        (Event::RunFailed { .. }, _, _) | (_, None, _) => {}
        (_, Some(revision), _) => attributes["revision"] = json!(revision),
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
    use crate::run::Silent;
    use crate::telemetry::testing::Said;

    fn open(path: &Path) -> Log {
        Log::open(path, Arc::new(Silent)).unwrap()
    }

    fn events(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        let name =
            |line| serde_json::from_str::<Value>(line).unwrap()["attributes"]["event"].clone();
        text.lines().map(|line| name(line).as_str().unwrap().to_owned()).collect()
    }

    fn held(by: HeldBy) -> Event {
        Event::HeldBack { step: "a".to_owned(), by, reasons: vec![], held_ms: 1.0 }
    }

    fn checks(found: u64) -> Event {
        Event::Verifying { step: "a".to_owned(), blocks_done: 0, blocks_total: 1, found }
    }

    fn starts() -> Event {
        Event::StepStarted {
            step: "a".to_owned(),
            phase: crate::plan::Phase::Migrate,
            kind: "validate",
            why: String::new(),
            resumed: false,
        }
    }

    #[test]
    fn an_event_is_a_record() {
        let event = Event::ConnectionLost { reason: "gone".into() };
        let state = State { revision: Some("aaaa".into()), ..State::default() };
        let mut found = record(&event, &state, jiff::Timestamp::UNIX_EPOCH);
        found["resource"] = json!(null);
        insta::assert_snapshot!(found, @r#"{"timestamp":"1970-01-01T00:00:00Z","severity_text":"WARN","severity_number":13,"body":"connection lost: gone","attributes":{"event":"connection-lost","reason":"gone","revision":"aaaa"},"resource":null}"#);
    }

    #[test]
    fn a_failure_is_an_error_with_the_step_at_work() {
        let mut state = State::default();
        state.follow(&starts());
        let failed = |kind: Kind| Event::RunFailed {
            revision: None,
            kind: kind.name(),
            exit_code: kind.exit_code(),
            message: "could not run it".to_owned(),
            detail: None,
            hint: Some("Try again.".to_owned()),
            step: None,
            sqlstate: Some("57014".to_owned()),
        };
        let found = record(&failed(Kind::Failed), &state, jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(
            (&found["severity_text"], &found["body"]),
            (&json!("ERROR"), &json!("could not run it"))
        );
        let more = &found["attributes"];
        assert_eq!((&more["step"], &more["sqlstate"]), (&json!("a"), &json!("57014")));
        let stopped = record(&failed(Kind::Interrupted), &state, jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(stopped["severity_text"], "WARN");
    }

    #[test]
    fn frequent_events_are_thinned_out_and_lines_are_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = open(&path);
        (0..10).for_each(|found| log.event(&checks(found)));
        log.event(&Event::Finished);
        drop(log);
        open(&path).event(&Event::Finished);
        assert_eq!(events(&path), ["verifying", "finished", "finished"]);
    }

    #[test]
    fn no_kind_of_event_swallows_the_first_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = open(&path);
        let goes_on = Event::GoesOn { step: "a".to_owned(), held_ms: 1.0 };
        log.event(&checks(0));
        for event in [held(HeldBy::Pause), held(HeldBy::Throttle), held(HeldBy::Pause)] {
            log.event(&event);
            log.event(&event);
        }
        log.event(&goes_on);
        log.event(&checks(1));
        log.event(&held(HeldBy::Pause));
        log.event(&goes_on);
        log.event(&starts());
        log.event(&checks(2));
        let (held, goes_on) = ("held-back", "goes-on");
        assert_eq!(
            events(&path),
            ["verifying", held, held, held, goes_on, held, goes_on, "step-started", "verifying"]
        );
    }

    #[test]
    fn a_log_that_cannot_be_written_any_more_is_said_once() {
        let said = Arc::new(Said::default());
        let log = Log::open(Path::new("/dev/full"), said.clone()).unwrap();
        log.event(&Event::Finished);
        log.event(&Event::Finished);
        let notices = said.notices();
        assert!(notices.len() == 1 && notices[0].contains("/dev/full"), "{notices:?}");
    }
}
