//! Notifications: a command of the user's that gets JSON on its standard input when something
//! happens.
//!
//! A hook that fails, or takes too long, is said and changes nothing, unless it is `required`.

use crate::connect::Target;
use crate::error::Error;
use crate::run::{Event, HeldBy, Progress};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Time between two signs of life while a hook is waited for.
const BEAT: Duration = Duration::from_secs(1);

/// What is true of every required hook that work did not wait for.
const REACHED: &str = "It is required; the work itself is in the journal, as it was reached.";

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
    /// Hears what becomes of them.
    told: Arc<dyn Progress>,
    /// What hooks of work are given to reach.
    database: Option<Target>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    revision: Option<String>,
    held: Option<HeldBy>,
    /// Called on the way, and not waited for then.
    under_way: JoinSet<Option<Error>>,
    /// The first of those that failed and are required: it counts at the end.
    failed: Option<Error>,
}

impl Progress for Hooks {
    fn event(&self, event: &Event) {
        let (occasion, more) = {
            let mut state = self.state();
            match event {
                Event::RunStarted { revision, .. } | Event::RollbackStarted { revision, .. } => {
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
    pub fn new(all: Vec<Hook>, told: Arc<dyn Progress>) -> Self {
        Self { all, told, database: None, state: Mutex::default() }
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
        let state = self.state();
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
            let told = Arc::clone(&self.told);
            self.state().under_way.spawn(async move {
                let error = hook.call(&message, &[]).await.err()?;
                told.event(&hook.failed(occasion, &error));
                hook.required.then_some(error)
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for those called on the way.
    async fn settle(&self) {
        let mut under_way = std::mem::take(&mut self.state().under_way);
        while let Some(ended) = under_way.join_next().await {
            if let Ok(Some(error)) = ended {
                self.state().failed.get_or_insert(error);
            }
        }
    }

    /// The end of the work: waits for those called on the way.
    ///
    /// # Errors
    /// One of them failed and is required. That is said once.
    pub async fn settled(&self) -> Result<(), Error> {
        self.settle().await;
        let failed = self.state().failed.take();
        failed.map_or(Ok(()), |error| Err(error.hint(REACHED)))
    }

    /// Shows, without an end, that we wait for a hook and for nothing else.
    async fn beat(&self) -> Infallible {
        loop {
            self.told.alive();
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Calls the hooks and waits for them, also for those called on the way.
    ///
    /// # Errors
    /// A required hook failed; but not one for `failed`: why the run failed is worth more than that somebody
    /// could not be told.
    pub async fn call(&self, occasion: Occasion, more: &Value) -> Result<(), Error> {
        if let Some(revision) = more["revision"].as_str() {
            self.state().revision = Some(revision.to_owned());
        }
        self.settle().await;
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
            let filled = hook.filled(&message, database);
            let ended = tokio::select! {
                ended = filled.call(&message, &variables) => ended,
                never = self.beat() => match never {},
            };
            match ended {
                Ok(()) => {}
                Err(error) if hook.required && occasion != Occasion::Failed => {
                    return Err(error.hint(match occasion {
                        _ if occasion.is_before() => {
                            "Nothing goes on without it. Once its cause is gone, the same command goes on."
                        }
                        Occasion::Start => "It is required: nothing was begun.",
                        _ => REACHED,
                    }));
                }
                Err(error) => self.told.event(&hook.failed(occasion, &error)),
            }
        }
        Ok(())
    }
}

impl Hook {
    pub(super) fn name(&self) -> &str {
        self.command.first().map(String::as_str).unwrap_or_default()
    }

    fn failed(&self, on: Occasion, error: &Error) -> Event {
        Event::HookFailed {
            hook: self.name().to_owned(),
            on: on.name(),
            reason: error.detail.clone().unwrap_or_default(),
            required: self.required,
        }
    }

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Silent;
    use crate::telemetry::testing::Said;
    use std::sync::atomic::Ordering;

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
    async fn one_called_on_the_way_is_said_at_once_and_counts_at_the_end_when_required() {
        for required in [false, true] {
            let said = Arc::new(Said::default());
            let hook = Hook { on: vec![Occasion::Paused], ..hook("exit 3", required) };
            let hooks = Hooks::new(vec![hook], said.clone());
            let by = HeldBy::Pause;
            let step = "a".to_owned();
            hooks.event(&Event::HeldBack { step, by, reasons: vec![], held_ms: 0.0 });
            hooks.call(Occasion::Done, &json!({})).await.unwrap();
            let events = said.events();
            assert!(matches!(&events[..], [Event::HookFailed { on: "paused", .. }]), "{events:?}");
            assert_eq!(hooks.settled().await.is_err(), required);
            assert!(hooks.settled().await.is_ok(), "once is enough");
        }
    }

    #[tokio::test]
    async fn a_failure_to_tell_of_a_failure_is_said_and_no_more() {
        let said = Arc::new(Said::default());
        let hook = Hook { on: vec![Occasion::Failed], ..hook("exit 3", true) };
        let hooks = Hooks::new(vec![hook], said.clone());
        hooks.call(Occasion::Failed, &json!({})).await.unwrap();
        let events = said.events();
        assert!(matches!(&events[..], [Event::HookFailed { on: "failed", .. }]), "{events:?}");
    }

    #[tokio::test]
    async fn whoever_waits_for_a_hook_shows_life() {
        let said = Arc::new(Said::default());
        let hooks = Hooks::new(vec![hook("sleep 1.5", true)], said.clone());
        hooks.call(Occasion::Gate, &json!({})).await.unwrap();
        assert_eq!(said.beats.load(Ordering::Relaxed), 2);
    }
}
