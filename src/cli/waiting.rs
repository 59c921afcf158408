//! Two runners at once: one works, the other one waits and looks again.

use super::output::Output;
use super::standing;
use crate::connect::{Target, database_error};
use crate::error::{Error, Kind};
use crate::journal::runner::lock_holder;
use crate::journal::{Journal, RolloutState, Value};
use crate::report::status::is_alive;
use crate::run::Stop;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// How often is looked whether the other one is done.
const POLL: Duration = Duration::from_millis(300);

/// How often work is begun anew because somebody else was faster.
const MAX_TURNS: u32 = 100;

/// Waiting for others, of which there may be several one after the other.
pub struct Waiting<'a> {
    target: &'a Target,
    stop: Stop,
    output: &'a Output,
    until: Instant,
    turns: u32,
    said: Option<String>,
}

impl<'a> Waiting<'a> {
    pub fn new(target: &'a Target, stop: Stop, output: &'a Output, longest: Duration) -> Self {
        let until = Instant::now() + longest;
        Self { target, stop, output, until, turns: 0, said: None }
    }

    /// Whether somebody is at work who is to be waited for.
    ///
    /// # Errors
    /// Trouble with the database.
    pub async fn must(&self, journal: &Journal) -> Result<bool, Error> {
        if journal.runner.is_none() || Instant::now() >= self.until {
            return Ok(false);
        }
        let connection = self.target.connect("airlock").await?;
        at_work(&connection, journal).await
    }

    /// The journal as soon as nobody is at work, or when the time is over. Only reads, so that
    /// whoever waits is in nobody's way.
    ///
    /// # Errors
    /// Trouble with the database; a request to stop.
    pub async fn free(&mut self) -> Result<Journal, Error> {
        let connection = self.target.connect("airlock").await?;
        loop {
            let journal = standing::journal(&connection).await?;
            let Some(runner) = &journal.runner else { return Ok(journal) };
            if Instant::now() >= self.until || !at_work(&connection, &journal).await? {
                return Ok(journal);
            }
            let who = &runner.identity;
            if self.said.as_ref() != Some(&who.runner) {
                self.output.say(&format!(
                    "another runner is at work on revision {} ({}@{}, process {}); waiting for it",
                    who.revision, who.os_user, who.host, who.pid
                ));
                self.said = Some(who.runner.clone());
            }
            self.pause().await?;
        }
    }

    /// After `error`: whether to look again, because another runner is, or was, at work on the same.
    /// `before`: the journal that the work was begun with; `ours`: revisions that we have run ourselves.
    ///
    /// # Errors
    /// `error` itself, when it is our own; trouble with the database.
    pub async fn again(
        &mut self,
        error: Error,
        before: &Journal,
        ours: &[String],
    ) -> Result<(), Error> {
        self.turns += 1;
        if Instant::now() >= self.until || self.turns > MAX_TURNS {
            return Err(error);
        }
        let busy = match error.kind {
            Kind::Busy => true,
            Kind::Interrupted | Kind::InUse | Kind::Input => return Err(error),
            Kind::Failed | Kind::Drift | Kind::Refused | Kind::Retry => false,
        };
        let connection = self.target.connect("airlock").await?;
        let now = standing::journal(&connection).await?;
        let alive = at_work(&connection, &now).await?;
        if !busy && !alive && !moved_by_others(before, &now, ours) {
            return Err(error);
        }
        self.pause().await
    }

    async fn pause(&self) -> Result<(), Error> {
        if self.stop.sleep(POLL).await {
            return Ok(());
        }
        Err(Error::new(Kind::Interrupted, "stopped while another runner was at work")
            .detail("Nothing was begun."))
    }
}

/// Whether somebody is at work: shows life, and has a backend that keeps others out. A runner that was killed
/// has none.
///
/// # Errors
/// Trouble with the database.
pub async fn at_work(client: &Client, journal: &Journal) -> Result<bool, Error> {
    if !journal.runner.as_ref().is_some_and(is_alive) {
        return Ok(false);
    }
    let holder = lock_holder();
    let params: Vec<_> = holder.params.iter().map(Value::typed).collect();
    let found = client.query_typed(&holder.sql, &params).await;
    found
        .map(|rows| !rows.is_empty())
        .map_err(|error| database_error(&error, "see whether another runner is at work"))
}

/// Whether a revision has come further than it was, and not by us.
fn moved_by_others(before: &Journal, now: &Journal, ours: &[String]) -> bool {
    now.rollouts.iter().any(|rollout| {
        let other = !ours.contains(&rollout.revision);
        let was = before.rollout(&rollout.revision);
        other
            && rollout.state == RolloutState::Done
            && was.is_none_or(|was| was.state != RolloutState::Done)
    })
}
