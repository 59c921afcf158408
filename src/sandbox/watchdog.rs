//! A tiny shell process that outlives us by a moment: when we are gone without a goodbye (SIGKILL,
//! abort, a runner's timeout), it stops the server and removes the folder.
//!
//! It reads a pipe whose only writing end is ours. The system closes that end when we end, however
//! that happens, and the end of file is the signal.

use crate::error::{Error, Kind};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Reads `pid N` (the server to look after; 0 for none) and `done` (nothing is left to do). At end of
/// file it asks for an immediate shutdown, waits ten seconds at most, kills, and removes the folder.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
pid=0
while read -r word value; do
  case $word in
    pid) pid=$value ;;
    done) exit 0 ;;
  esac
done
if [ "$pid" -gt 1 ]; then
  kill -QUIT "$pid"
  tries=0
  while kill -0 "$pid" && [ "$tries" -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -KILL "$pid"
fi
# What is still writing there (initdb, the sessions of a killed server) gets a moment to end.
tries=0
until rm -rf -- "$1" || [ "$tries" -ge 100 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
"#;

pub(super) struct Watchdog {
    child: Child,
}

impl Watchdog {
    pub(super) fn start(folder: &Path) -> Result<Self, Error> {
        let child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "airlock-watchdog"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .current_dir("/")
            .spawn()
            .map_err(|error| {
                Error::new(Kind::Failed, "cannot start /bin/sh").detail(format!("{error}."))
            })?;
        Ok(Self { child })
    }

    /// The server to stop when we are gone; `None` when there is none now.
    pub(super) fn look_after(&mut self, pid: Option<u32>) {
        self.tell(&format!("pid {}\n", pid.unwrap_or(0)));
    }

    /// Nothing is left to look after: the process ends.
    pub(super) fn dismiss(&mut self) {
        self.tell("done\n");
        self.child.stdin.take();
        // Its next line of script is `exit`.
        let _ = self.child.wait();
    }

    fn tell(&mut self, line: &str) {
        if let Some(pipe) = &mut self.child.stdin {
            // If it was killed there is nobody left to tell, and nothing that could be done.
            let _ = pipe.write_all(line.as_bytes());
        }
    }
}
