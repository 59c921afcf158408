//! What a run tells other programs: metrics for Prometheus, a log in JSON, notifications by hook.
//!
//! Everything here listens to the events of a run and says them in another form. None of it can make
//! a run fail but a hook that is `required`.

mod endpoint;
pub mod hook;
pub mod log;
pub mod metrics;
mod process;
mod textfile;

use crate::connect::Target;
use crate::error::Error;
use crate::run::{Event, Progress};
use hook::{Hook, Hooks};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Where telemetry goes; nowhere by default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// `[metrics]`: a file for the textfile collector of node_exporter.
    pub textfile: Option<PathBuf>,
    /// `[metrics]`: an address at which `GET /metrics` is answered.
    pub listen: Option<SocketAddr>,
    /// `[log]`: a file to which events are appended.
    pub log: Option<PathBuf>,
    /// `[[hook]]`
    pub hooks: Vec<Hook>,
}

/// Everything that listens to a run.
pub struct Telemetry {
    all: Vec<Arc<dyn Progress>>,
    pub hooks: Arc<Hooks>,
    _textfile: Option<textfile::Writer>,
    _endpoint: Option<endpoint::Server>,
}

impl Telemetry {
    /// Starts what is asked for, beside `shown`, which shows the run to a person. `database` is for hooks that
    /// work on it.
    ///
    /// # Errors
    /// A log that cannot be opened, a file that cannot be written, an address that can never be listened at.
    pub fn start(
        settings: &Settings,
        shown: Arc<dyn Progress>,
        database: Target,
    ) -> Result<Self, Error> {
        let mut all: Vec<Arc<dyn Progress>> = vec![Arc::clone(&shown)];
        if let Some(path) = &settings.log {
            all.push(Arc::new(log::Log::open(path, shown)?));
        }
        let metrics = Arc::new(metrics::Metrics::default());
        if settings.textfile.is_some() || settings.listen.is_some() {
            all.push(Arc::clone(&metrics) as Arc<dyn Progress>);
        }
        // All that hear of what goes wrong with telemetry itself.
        let told: Arc<dyn Progress> = Arc::new(Tee(all.clone()));
        let textfile = settings.textfile.as_ref();
        let textfile = textfile
            .map(|path| textfile::Writer::start(path, &metrics, Arc::clone(&told)))
            .transpose()?;
        let endpoint =
            settings.listen.map(|at| endpoint::Server::start(at, &metrics, &*told)).transpose()?;
        let hooks = Arc::new(Hooks::new(settings.hooks.clone(), told).with(database));
        if !settings.hooks.is_empty() {
            all.push(Arc::clone(&hooks) as Arc<dyn Progress>);
        }
        Ok(Self { all, hooks, _textfile: textfile, _endpoint: endpoint })
    }

    /// What a run is to tell its events.
    pub fn progress(&self) -> Arc<dyn Progress> {
        Arc::new(Tee(self.all.clone()))
    }
}

/// Tells several.
struct Tee(Vec<Arc<dyn Progress>>);

impl Progress for Tee {
    fn event(&self, event: &Event) {
        for one in &self.0 {
            one.event(event);
        }
    }

    fn alive(&self) {
        for one in &self.0 {
            one.alive();
        }
    }
}

#[cfg(test)]
mod testing;
