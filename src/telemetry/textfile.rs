//! Metrics in a file, for the textfile collector of node_exporter: whole or not at all.

use super::metrics::Metrics;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time between two writings.
const INTERVAL: Duration = Duration::from_secs(2);

pub(super) struct Writer {
    path: PathBuf,
    metrics: Arc<Metrics>,
    task: tokio::task::JoinHandle<()>,
}

impl Writer {
    pub(super) fn start(path: &Path, metrics: &Arc<Metrics>) -> Self {
        let (of_task, to) = (Arc::clone(metrics), path.to_owned());
        let task = tokio::spawn(async move {
            loop {
                write(&to, &of_task.render());
                tokio::time::sleep(INTERVAL).await;
            }
        });
        Self { path: path.to_owned(), metrics: Arc::clone(metrics), task }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
        // How it ended.
        write(&self.path, &self.metrics.render());
    }
}

/// A file that cannot be written is no reason to stop a run: `last_event_timestamp_seconds` of the
/// one that stays tells how old it is.
fn write(path: &Path, text: &str) {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    // node_exporter reads files that end in .prom; the temporary one does not.
    let file = tempfile::Builder::new()
        .prefix(".airlock-")
        .suffix(".tmp")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")));
    if let Ok(mut file) = file
        && file.write_all(text.as_bytes()).is_ok()
    {
        let _ = file.persist(path);
    }
}
