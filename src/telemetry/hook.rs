//! Notifications: a command of the user's that gets JSON on its standard input when something
//! happens.
//!
//! A hook that fails, or takes too long, is said and changes nothing, unless it is `required`.

use crate::connect::Target;
use crate::error::{Error, Kind};
use crate::run::{Event, HeldBy, Progress};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinHandle;

/// Characters of what a failed hook said on stderr that are shown.
const SAID_MAX: usize = 300;

/// `[[hook]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    pub on: Vec<Occasion>,
    /// Program and arguments; no shell. In arguments `{path}`, `{revision}`, `{phase}`, `{database}` and
    /// `{time}` stand for what is known of the occasion.
    pub command: Vec<String>,
    pub timeout: Duration,
    /// Its failure is the command's failure.
    pub required: bool,
}

/// When a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A run is about to start; a required hook can prevent it.
    Start,
    /// Everything before a gate is done.
    Gate,
    /// A revision is done.
    Done,
    RolledBack,
    /// A run ended with an error.
    Failed,
    /// Somebody has paused it.
    Paused,
    /// A signal holds it back.
    Throttled,
    /// It goes on.
    Resumed,
    /// The file of a new revision was written.
    Revision,
    /// Before the first of what is pending, and after the last that could be run.
    BeforeUpgrade,
    AfterUpgrade,
    BeforeDowngrade,
    AfterDowngrade,
    /// Before and after each phase of each revision.
    BeforePhase,
    AfterPhase,
    /// Before and after what cannot be taken back.
    BeforeContract,
    AfterContract,
}

impl Occasion {
    /// Those for which a run stops after each phase.
    pub const OF_PHASES: [Occasion; 4] = [
        Occasion::BeforePhase,
        Occasion::AfterPhase,
        Occasion::BeforeContract,
        Occasion::AfterContract,
    ];

    /// Whether work waits for the hook, which may be long: a backup, for example.
    pub fn is_work(self) -> bool {
        match self {
            Occasion::BeforeUpgrade
            | Occasion::AfterUpgrade
            | Occasion::BeforeDowngrade
            | Occasion::AfterDowngrade
            | Occasion::BeforePhase
            | Occasion::AfterPhase
            | Occasion::BeforeContract
            | Occasion::AfterContract => true,
            Occasion::Start
            | Occasion::Gate
            | Occasion::Done
            | Occasion::RolledBack
            | Occasion::Failed
            | Occasion::Paused
            | Occasion::Throttled
            | Occasion::Resumed
            | Occasion::Revision => false,
        }
    }

    /// Whether nothing has been done yet that the failure of a hook could not prevent.
    pub fn is_before(self) -> bool {
        matches!(
            self,
            Occasion::BeforeUpgrade
                | Occasion::BeforeDowngrade
                | Occasion::BeforePhase
                | Occasion::BeforeContract
        )
    }

    /// As in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Occasion::Start => "start",
            Occasion::Gate => "gate",
            Occasion::Done => "done",
            Occasion::RolledBack => "rolled-back",
            Occasion::Failed => "failed",
            Occasion::Paused => "paused",
            Occasion::Throttled => "throttled",
            Occasion::Resumed => "resumed",
            Occasion::Revision => "revision",
            Occasion::BeforeUpgrade => "before-upgrade",
            Occasion::AfterUpgrade => "after-upgrade",
            Occasion::BeforeDowngrade => "before-downgrade",
            Occasion::AfterDowngrade => "after-downgrade",
            Occasion::BeforePhase => "before-phase",
            Occasion::AfterPhase => "after-phase",
            Occasion::BeforeContract => "before-contract",
            Occasion::AfterContract => "after-contract",
        }
    }
}

/// The hooks of a run.
pub struct Hooks {
    all: Vec<Hook>,
    shown: Arc<dyn Progress>,
    /// What hooks of work are given to reach.
    database: Option<Target>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    revision: Option<String>,
    held: Option<HeldBy>,
    /// Called on the way, and not waited for then.
    under_way: Vec<JoinHandle<()>>,
}

impl Progress for Hooks {
    fn event(&self, event: &Event) {
        let (occasion, more) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::RunStarted { revision, .. } => {
                    state.revision = Some(revision.clone());
                    return;
                }
                Event::HeldBack { step, by, reasons, .. } if state.held != Some(*by) => {
                    state.held = Some(*by);
                    let occasion = match by {
                        HeldBy::Pause => Occasion::Paused,
                        HeldBy::Throttle => Occasion::Throttled,
                    };
                    (occasion, json!({ "step": step, "reasons": reasons }))
                }
                Event::GoesOn { step, held_ms } => {
                    state.held = None;
                    (Occasion::Resumed, json!({ "step": step, "held_ms": held_ms }))
                }
                _ => return,
            }
        };
        self.tell(occasion, &more);
    }
}

impl Hooks {
    pub fn new(all: Vec<Hook>, shown: Arc<dyn Progress>) -> Self {
        Self { all, shown, database: None, state: Mutex::default() }
    }

    /// `database` is for hooks that work on it.
    #[must_use]
    pub fn with(self, database: Target) -> Self {
        Self { database: Some(database), ..self }
    }

    /// Whether anything is called then.
    pub fn wants(&self, occasion: Occasion) -> bool {
        self.of(occasion).next().is_some()
    }

    fn of(&self, occasion: Occasion) -> impl Iterator<Item = &Hook> {
        self.all.iter().filter(move |hook| hook.on.contains(&occasion))
    }

    fn message(&self, occasion: Occasion, more: &Value) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut message = json!({
            "event": occasion.name(),
            "at": jiff::Timestamp::now().to_string(),
            "revision": state.revision,
            "host": nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()),
            "pid": std::process::id(),
        });
        if let (Some(message), Some(more)) = (message.as_object_mut(), more.as_object()) {
            message.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        message.to_string()
    }

    /// Calls the hooks without waiting for them: in the middle of a run.
    fn tell(&self, occasion: Occasion, more: &Value) {
        let message = self.message(occasion, more);
        for hook in self.of(occasion) {
            let (hook, message) = (hook.clone(), message.clone());
            let shown = Arc::clone(&self.shown);
            let called = tokio::spawn(async move {
                if let Err(error) = hook.call(&message, &[]).await {
                    shown.event(&Event::Notice { text: remark(&error) });
                }
            });
            self.state.lock().unwrap_or_else(PoisonError::into_inner).under_way.push(called);
        }
    }

    /// Calls the hooks and waits for them, also for those called on the way.
    ///
    /// # Errors
    /// A required hook failed.
    pub async fn call(&self, occasion: Occasion, more: &Value) -> Result<(), Error> {
        let under_way = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(revision) = more["revision"].as_str() {
                state.revision = Some(revision.to_owned());
            }
            std::mem::take(&mut state.under_way)
        };
        for called in under_way {
            let _ = called.await;
        }
        let message = self.message(occasion, more);
        let variables = match &self.database {
            // Asked for now: a password of hours ago may be no good any more.
            Some(database) if occasion.is_work() && self.wants(occasion) => {
                database.libpq_environment().await?
            }
            _ => Vec::new(),
        };
        let database = self.database.as_ref().map_or("", Target::database);
        for hook in self.of(occasion) {
            match hook.filled(&message, database).call(&message, &variables).await {
                Ok(()) => {}
                Err(error) if hook.required => {
                    return Err(error.hint(match occasion {
                        _ if occasion.is_before() => {
                            "Nothing goes on without it. Once its cause is gone, the same command goes on."
                        }
                        Occasion::Start => "It is required: nothing was begun.",
                        _ => {
                            "It is required; the work itself is in the journal, as it was reached."
                        }
                    }));
                }
                Err(error) => self.shown.event(&Event::Notice { text: remark(&error) }),
            }
        }
        Ok(())
    }
}

fn remark(error: &Error) -> String {
    let detail = error.detail.as_deref().unwrap_or_default();
    format!("{}: {detail}", error.message)
}

impl Hook {
    /// The hook with what is known in place of the names in braces.
    fn filled(&self, message: &str, database: &str) -> Self {
        let known: Value = serde_json::from_str(message).unwrap_or_default();
        let text = |name: &str| known[name].as_str().unwrap_or("all").to_owned();
        let time = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
        let fill = |argument: &String| {
            argument
                .replace("{path}", &text("path"))
                .replace("{revision}", &text("revision"))
                .replace("{phase}", &text("phase"))
                .replace("{database}", database)
                .replace("{time}", &time)
        };
        Self { command: self.command.iter().map(fill).collect(), ..self.clone() }
    }

    async fn call(&self, message: &str, variables: &[(&'static str, String)]) -> Result<(), Error> {
        let name = self.command.first().map(String::as_str).unwrap_or_default();
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
        let pid = child.id();
        let output = match tokio::time::timeout(self.timeout, child.wait_with_output()).await {
            Ok(output) => output.map_err(|error| failed(format!("{error}.")))?,
            Err(_) => {
                // What it has started goes with it.
                if let Some(group) = pid.and_then(|pid| i32::try_from(pid).ok()) {
                    let group = nix::unistd::Pid::from_raw(group);
                    let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
                }
                let limit = humantime::format_duration(self.timeout);
                return Err(failed(format!("It took longer than {limit} and was killed.")));
            }
        };
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
    use crate::run::Silent;
    use std::time::Instant;

    fn hook(script: &str, required: bool) -> Hook {
        Hook {
            on: vec![Occasion::Gate],
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            timeout: Duration::from_secs(5),
            required,
        }
    }

    async fn called(hook: Hook) -> Result<(), Error> {
        let hooks = Hooks::new(vec![hook], Arc::new(Silent));
        hooks.call(Occasion::Gate, &json!({ "revision": "aaaa", "before": "contract" })).await
    }

    #[tokio::test]
    async fn a_hook_gets_the_occasion_on_its_input() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("said");
        called(hook(&format!("cat > {}", path.display()), true)).await.unwrap();
        let said: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(said["event"], "gate");
        assert_eq!(said["revision"], "aaaa");
        assert_eq!(said["before"], "contract");
    }

    #[tokio::test]
    async fn a_failure_counts_only_when_the_hook_is_required() {
        assert!(called(hook("exit 3", false)).await.is_ok());
        let error = called(hook("echo no >&2; exit 3", true)).await.unwrap_err();
        assert_eq!(error.detail.as_deref(), Some("It ended with 3. It said: no"));
        let missing = Hook { command: vec!["/no/such/program".into()], ..hook("", true) };
        assert!(called(missing).await.is_err());
        // One that does not read its input is none the worse.
        assert!(called(hook("exec <&-; exit 0", true)).await.is_ok());
    }

    #[tokio::test]
    async fn one_that_hangs_is_killed_with_what_it_has_started() {
        let began = Instant::now();
        let timeout = Duration::from_millis(200);
        let error = called(Hook { timeout, ..hook("sleep 60 & wait", true) }).await.unwrap_err();
        assert!(error.detail.unwrap().contains("longer than 200ms"));
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
