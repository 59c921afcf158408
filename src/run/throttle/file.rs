//! A file on the runner's machine that means "not now" while it exists; its first line says why.

use super::Measure;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot::{Receiver, channel};

/// Characters of the file that are shown.
const SHOWN_MAX: u64 = 200;

/// How long the file system may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

pub(super) struct Signal {
    pub path: PathBuf,
    /// A look that the file system has not answered yet.
    under_way: Option<Receiver<Result<Measure, String>>>,
}

impl Signal {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, under_way: None }
    }

    /// Looks from a thread of its own, which nobody waits for at the end: a mount whose server is gone,
    /// or a pipe, may keep it for ever.
    pub(super) async fn read(&mut self) -> Result<Measure, String> {
        let mut answer = match self.under_way.take() {
            Some(answer) => answer,
            None => {
                let (tell, answer) = channel();
                let path = self.path.clone();
                std::thread::spawn(move || {
                    // Whoever asked may have gone.
                    let _ = tell.send(read(&path));
                });
                answer
            }
        };
        match tokio::time::timeout(ANSWERS_WITHIN, &mut answer).await {
            Ok(Ok(measure)) => measure,
            Ok(Err(_)) => Err(format!("{} could not be looked at", self.path.display())),
            Err(_) => {
                self.under_way = Some(answer);
                Err(format!("the file system does not answer for {}", self.path.display()))
            }
        }
    }
}

fn read(path: &Path) -> Result<Measure, String> {
    let text = match std::fs::File::open(path) {
        Ok(file) => {
            let mut start = Vec::new();
            // That it is there counts, also when its words cannot be read.
            let _ = file.take(SHOWN_MAX).read_to_end(&mut start);
            String::from_utf8_lossy(&start).into_owned()
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Measure::calm()),
        Err(error) => return Err(error.to_string()),
    };
    let why = text.lines().next().unwrap_or_default().trim();
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    Ok(Measure { pressure: 1.0, text: format!("the file {} exists{why}", path.display()) })
}

#[cfg(test)]
mod tests {
    use super::{Signal, read};

    #[test]
    fn a_file_stops_while_it_exists_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stop");
        assert_eq!(read(&path).unwrap().pressure, 0.0);
        std::fs::write(&path, "incident 17\nmore").unwrap();
        let found = read(&path).unwrap();
        assert_eq!(found.pressure, 1.0);
        assert!(found.text.ends_with("exists: incident 17"), "{}", found.text);
        // A path below a file cannot be looked up: neither there nor not there.
        assert!(read(&path.join("below")).is_err());
    }

    #[tokio::test]
    async fn a_file_system_that_does_not_answer_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut signal = Signal::new(pipe.clone());
        for _ in 0..2 {
            assert!(signal.read().await.unwrap_err().contains("does not answer"));
        }
        // Somebody writes into it: the look that was under way is the one that is answered.
        let writes = tokio::task::spawn_blocking(move || std::fs::write(pipe, "late"));
        assert!(signal.read().await.unwrap().text.ends_with(": late"));
        writes.await.unwrap().unwrap();
    }
}
