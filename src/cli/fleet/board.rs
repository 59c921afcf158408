//! What each member of a fleet is at, for the line that is shown every few seconds.

use crate::cli::output::Output;
use crate::report::progress;
use crate::run::{Event, Progress};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often those at work are shown.
const INTERVAL: Duration = Duration::from_secs(10);

/// Members at work, and what they said last.
#[derive(Default)]
pub(super) struct Board {
    at_work: Mutex<BTreeMap<String, String>>,
}

impl Board {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> T {
        work(&mut self.at_work.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `name` begins; who listens to its run.
    pub(super) fn begin(self: &Arc<Self>, name: &str) -> Arc<dyn Progress> {
        self.with(|all| all.insert(name.to_owned(), String::new()));
        Arc::new(Reporter { board: Arc::clone(self), name: name.to_owned() })
    }

    pub(super) fn end(&self, name: &str) {
        self.with(|all| all.remove(name));
    }

    /// Shows those at work every few seconds; never ends.
    pub(super) async fn show(&self, output: &Output) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let lines: Vec<String> = self.with(|all| {
                let said = all.iter().filter(|(_, said)| !said.is_empty());
                said.map(|(name, said)| format!("{name}: {said}")).collect()
            });
            for line in lines {
                output.say(&line);
            }
        }
    }
}

struct Reporter {
    board: Arc<Board>,
    name: String,
}

impl Progress for Reporter {
    fn event(&self, event: &Event) {
        if let Some(line) = progress::line(event) {
            self.board.with(|all| {
                if let Some(said) = all.get_mut(&self.name) {
                    line.trim().clone_into(said);
                }
            });
        }
    }
}
