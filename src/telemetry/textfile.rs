//! Metrics in a file, for the textfile collector of node_exporter: whole or not at all.

use super::metrics::Metrics;
use crate::error::{Error, Kind};
use crate::run::{Event, Progress};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Time between two writings.
const INTERVAL: Duration = Duration::from_secs(2);

pub(super) struct Writer {
    file: Arc<Target>,
    task: tokio::task::JoinHandle<()>,
}

struct Target {
    path: PathBuf,
    metrics: Arc<Metrics>,
    /// Whom it is said when it cannot be written.
    told: Arc<dyn Progress>,
    said: AtomicBool,
}

impl Writer {
    /// # Errors
    /// `Kind::Input` when the file cannot be written.
    pub(super) fn start(
        path: &Path,
        metrics: &Arc<Metrics>,
        told: Arc<dyn Progress>,
    ) -> Result<Self, Error> {
        let refused = |why: std::io::Error| {
            Error::new(Kind::Input, format!("cannot write the metrics {}", path.display()))
                .detail(format!("{why}."))
        };
        // What is there stays until there is something to say.
        beside(path).map_err(refused)?;
        if path.is_dir() {
            return Err(refused(std::io::ErrorKind::IsADirectory.into()));
        }
        let file = Arc::new(Target {
            path: path.to_owned(),
            metrics: Arc::clone(metrics),
            told,
            said: AtomicBool::new(false),
        });
        let of_task = Arc::clone(&file);
        let task = tokio::spawn(async move {
            loop {
                of_task.write();
                tokio::time::sleep(INTERVAL).await;
            }
        });
        Ok(Self { file, task })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
        // How it ended.
        self.file.write();
    }
}

impl Target {
    /// Nothing as long as nothing has begun: the file may be that of the run that this one waits for.
    ///
    /// A file that cannot be written any more is said once, and no reason to stop a run: the heartbeat in the
    /// one that stays tells how old it is.
    fn write(&self) {
        if !self.metrics.has_begun() {
            return;
        }
        let Err(error) = replace(&self.path, &self.metrics.render()) else { return };
        if !self.said.swap(true, Ordering::AcqRel) {
            let text = format!("the metrics {} cannot be written: {error}", self.path.display());
            self.told.event(&Event::Notice { text });
        }
    }
}

/// An empty file in the folder of `path`, which goes again by itself.
fn beside(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    // node_exporter reads files that end in .prom; the temporary one does not.
    tempfile::Builder::new()
        .prefix(".airlock-")
        .suffix(".tmp")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Phase;
    use crate::telemetry::testing::Said;

    fn begun() -> Arc<Metrics> {
        let metrics = Arc::new(Metrics::default());
        let (revision, through) = ("aaaa".to_owned(), Phase::Switch);
        metrics.event(&Event::RunStarted { revision, through, steps_done: 0, steps_total: 1 });
        metrics
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_an_error_at_once_and_later_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let said = Arc::new(Said::default());
        let start = |path: &Path| Writer::start(path, &begun(), said.clone());
        for wrong in [Path::new("/nonexistent/x.prom"), folder.path()] {
            let refused = start(wrong).err().unwrap();
            assert_eq!(refused.kind, Kind::Input);
            assert!(refused.message.contains("cannot write the metrics"), "{refused:?}");
        }
        let inside = folder.path().join("gone");
        std::fs::create_dir(&inside).unwrap();
        let writer = start(&inside.join("x.prom")).unwrap();
        writer.task.abort();
        writer.file.write();
        assert!(inside.join("x.prom").is_file() && said.notices().is_empty());
        std::fs::remove_dir_all(&inside).unwrap();
        writer.file.write();
        drop(writer);
        assert_eq!(said.notices().len(), 1, "{:?}", said.notices());
    }

    #[tokio::test]
    async fn a_run_that_has_not_begun_leaves_the_file_to_the_one_at_work() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.prom");
        drop(Writer::start(&path, &Arc::default(), Arc::new(Said::default())).unwrap());
        assert!(!path.exists());
        drop(Writer::start(&path, &begun(), Arc::new(Said::default())).unwrap());
        assert!(std::fs::read_to_string(path).unwrap().contains("airlock_heartbeat"));
    }
}
