//! What `pause`, `resume`, `tune` and `cancel` share: giving orders through the journal, and seeing
//! whether the runner follows.

use super::args::Global;
use super::standing;
use crate::config::Settings;
use crate::connect::{Connection, database_error};
use crate::error::{Error, Kind};
use crate::journal::control::{Answer, Order};
use crate::journal::{Command, Journal, RolloutState, Runner, Value, control};
use crate::report::status;
use std::time::{Duration, Instant};

/// Time between two looks at what the runner does.
const POLL: Duration = Duration::from_millis(50);

/// How long a runner may take to follow before we say that it has not yet.
pub const FOLLOWS_WITHIN: Duration = Duration::from_secs(3);

/// A connection to the journal of a database in which something was run before.
pub struct Steering {
    pub settings: Settings,
    connection: Connection,
    pub journal: Journal,
}

impl Steering {
    /// # Errors
    /// No database, or none in which anything was run.
    pub async fn begin(global: &Global) -> Result<Self, Error> {
        let settings = global.settings()?;
        let connection = settings.target()?.connect("airlock control").await?;
        let journal = standing::journal(&connection).await?;
        let row = connection.query_typed_one(control::EXISTS, &[]).await;
        if !row.map_err(|error| database_error(&error, READING))?.get::<_, bool>(0) {
            return Err(Error::new(Kind::Drift, "this database has no journal that takes orders")
                .hint("The first `airlock upgrade` makes it."));
        }
        Ok(Self { settings, connection, journal })
    }

    /// The runner at work, if it shows signs of life.
    pub fn runner(&self) -> Option<&Runner> {
        self.journal.runner.as_ref().filter(|runner| status::is_alive(runner))
    }

    /// The revision under way.
    ///
    /// # Errors
    /// Nothing is under way.
    pub fn revision(&self) -> Result<&str, Error> {
        let open = |state| match state {
            RolloutState::Running | RolloutState::AtGate | RolloutState::RollingBack => true,
            RolloutState::Done | RolloutState::RolledBack => false,
        };
        let at_work = self.runner().map(|runner| runner.identity.revision.as_str());
        let rollouts = &self.journal.rollouts;
        let rollout = || rollouts.iter().rfind(|r| open(r.state)).map(|r| r.revision.as_str());
        at_work.or_else(rollout).ok_or_else(|| {
            Error::new(Kind::Drift, "nothing is under way")
                .hint("Limits of a run that is yet to start are flags of `airlock upgrade`.")
        })
    }

    /// Gives an order, and tells the runner that there is one.
    ///
    /// # Errors
    /// The database's.
    pub async fn order(
        &self,
        key: &str,
        value: &str,
        revision: Option<&str>,
        time: Option<Duration>,
    ) -> Result<(), Error> {
        let seconds = time.map(|time| time.as_secs_f64());
        self.write(&control::tidy()).await?;
        self.write(&control::set(key, value, &whoami(), revision, seconds)).await?;
        self.announce().await
    }

    /// Takes an order back; whether there was one.
    ///
    /// # Errors
    /// The database's.
    pub async fn take_back(&self, key: &str) -> Result<bool, Error> {
        let there = self.write(&control::clear(key)).await? > 0;
        self.announce().await?;
        Ok(there)
    }

    /// Puts an order back that one which was refused had replaced.
    ///
    /// # Errors
    /// The database's.
    pub async fn restore(&self, order: &Order) -> Result<(), Error> {
        self.write(&control::restore(order)).await?;
        self.announce().await
    }

    async fn announce(&self) -> Result<(), Error> {
        self.write(&control::notify()).await.map(drop)
    }

    async fn write(&self, command: &Command) -> Result<u64, Error> {
        let typed: Vec<_> = command.params.iter().map(Value::typed).collect();
        let written = self.connection.execute_typed(&command.sql, &typed).await;
        written.map_err(|error| database_error(&error, command.label))
    }

    /// From now on what the runner says to orders is heard.
    ///
    /// # Errors
    /// The database's.
    pub async fn listen(&self) -> Result<(), Error> {
        let listening = self.connection.batch_execute(control::LISTEN_ANSWERS).await;
        listening.map_err(|error| database_error(&error, "listen for answers"))
    }

    /// The first answer that is as `wanted`, of those that come within [`FOLLOWS_WITHIN`].
    pub async fn answer(&self, wanted: impl Fn(&Answer) -> bool) -> Option<Answer> {
        let heard = async {
            loop {
                for (_, payload) in self.connection.take_notifications() {
                    match serde_json::from_str(&payload) {
                        Ok(answer) if wanted(&answer) => return answer,
                        // Of another one, or of a newer airlock.
                        Ok(_) | Err(_) => {}
                    }
                }
                self.connection.notified().await;
            }
        };
        tokio::time::timeout(FOLLOWS_WITHIN, heard).await.ok()
    }

    /// Looks until what the runner does is as `wanted`, for `time` at most; whether it is. The runner
    /// as last seen stays in the journal of this value.
    ///
    /// # Errors
    /// The database's.
    pub async fn follow(
        &mut self,
        time: Duration,
        wanted: impl Fn(Option<&Runner>) -> bool,
    ) -> Result<bool, Error> {
        let deadline = Instant::now() + time;
        loop {
            let rows = self.connection.query_typed(&crate::journal::runner::read().sql, &[]).await;
            let rows = rows.map_err(|error| database_error(&error, READING))?;
            self.journal.runner = rows.first().map(crate::journal::runner::runner);
            if wanted(self.runner()) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

const READING: &str = "read the journal in schema airlock";

/// Who gives the order, for people.
fn whoami() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    let user = user.map_or_else(|| "unknown".to_owned(), |user| user.name);
    format!("{user}@{}", host.unwrap_or_else(|| "unknown".to_owned()))
}
