//! The process of a hook, and what it starts: all of it goes when the hook is given up, whyever that is.

use super::hook::Hook;
use crate::error::{Error, Kind};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// Characters of what a failed hook said on stderr that are shown.
const SAID_MAX: usize = 300;

/// The process group of a hook: goes, with everything in it, when nobody waits for the hook any more.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw))
    }

    /// The hook has ended by itself: what it left behind it may have meant to.
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Hook {
    /// Starts it and waits for it, for as long as it may take and as anybody wants to know.
    pub(super) async fn call(
        &self,
        message: &str,
        variables: &[(&'static str, String)],
    ) -> Result<(), Error> {
        let name = self.name();
        let failed =
            |why: String| Error::new(Kind::Failed, format!("hook {name} failed")).detail(why);
        let mut child = Command::new(name)
            .args(&self.command[1.min(self.command.len())..])
            .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A ^C at the terminal is for us.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(format!("{error}.")))?;
        if let Some(mut input) = child.stdin.take() {
            let message = format!("{message}\n");
            // In a task, so that one that does not read cannot hold us up.
            tokio::spawn(async move { input.write_all(message.as_bytes()).await });
        }
        let group = Group::of(&child);
        let output = match tokio::time::timeout(self.timeout, child.wait_with_output()).await {
            Ok(output) => output.map_err(|error| failed(format!("{error}.")))?,
            Err(_) => {
                let limit = humantime::format_duration(self.timeout);
                return Err(failed(format!("It took longer than {limit} and was killed.")));
            }
        };
        group.leave();
        if output.status.success() {
            return Ok(());
        }
        let how = match (output.status.code(), output.status.signal()) {
            (Some(code), _) => format!("It ended with {code}."),
            (None, Some(signal)) => format!("It ended by signal {signal}."),
            (None, None) => "It did not end well.".to_owned(),
        };
        let said = String::from_utf8_lossy(&output.stderr);
        let said: String = said.trim().chars().take(SAID_MAX).collect();
        Err(failed(if said.is_empty() { how } else { format!("{how} It said: {said}") }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::{Duration, Instant};

    fn hook(script: &str, timeout: Duration) -> Hook {
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        Hook { on: vec![], command, timeout, required: true }
    }

    #[tokio::test]
    async fn one_that_hangs_is_killed_with_what_it_has_started() {
        let began = Instant::now();
        let timeout = Duration::from_millis(200);
        let error = hook("sleep 60 & wait", timeout).call("{}", &[]).await.unwrap_err();
        assert!(error.detail.unwrap().contains("longer than 200ms"));
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    /// Waits until the process is gone whose id is in `file`.
    async fn gone(file: &Path) {
        let alive = |pid: i32| {
            // One that nobody has waited for yet is no more than a number.
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        for _ in 0..200 {
            if !alive(pid) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{pid} lives on");
    }

    #[tokio::test]
    async fn one_that_nobody_waits_for_any_more_is_killed_with_what_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("cat >/dev/null; sleep 60 & echo $! > {0}; wait", file.display());
        let begun = async {
            while std::fs::read_to_string(&file).unwrap_or_default().trim().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let hook = hook(&script, Duration::from_secs(60));
        tokio::select! {
            _ = hook.call("{}", &[]) => panic!("it has ended"),
            () = begun => {}
        }
        gone(&file).await;
    }
}
