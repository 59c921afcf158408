//! Changing the journal by hand: under the runner lock, in one transaction, and only after another
//! look at it. What is to be changed is the caller's decision.

use super::engine::{connect, finish, read_journal};
use super::error::RunError;
use super::limits::Limits;
use super::outcome::Hooks;
use super::session::{Session, Shared};
use super::{identity, takeover};
use crate::connect::Target;
use crate::error::Error;
use crate::journal::rollout::Applier;
use crate::journal::{Command, Identity, Journal, audit, runner};
use std::time::{Duration, Instant};

/// How long another runner's lock is waited for.
const WAIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(100);

/// Has `decide` look at the journal as nobody else can change it, and writes what it gives. With no
/// commands nothing is written, and no journal is made where there is none.
///
/// # Errors
/// What `decide` refuses; another runner at work; trouble with the database.
pub async fn edit<T>(
    target: &Target,
    limits: &Limits,
    hooks: &Hooks,
    what: &str,
    decide: impl FnOnce(&Journal, &Applier) -> Result<(Vec<Command>, T), Error>,
) -> Result<T, Error> {
    let shared = Shared::new(hooks.stop.clone(), hooks.tap.clone());
    let (work, _) = connect(target, limits, &shared, None).await?;
    lock(&work, &shared).await?;
    let identity = identity(target, what);
    let by = Applier {
        user: format!("{} as {}", identity.os_user, identity.db_user),
        host: identity.host.clone(),
        version: identity.version.clone(),
    };
    let (commands, result) = decide(&read_journal(&work, None).await?, &by)?;
    if !commands.is_empty() {
        takeover::make_journal(&work).await?;
        let written = write(&work, &identity, &commands).await;
        finish(&work, written, what).await?;
    }
    let left = work.write_last(&runner::unlock()).await;
    // A connection that is gone has given the lock back by itself.
    drop(left);
    Ok(result)
}

async fn write(
    work: &Session,
    identity: &Identity,
    commands: &[Command],
) -> Result<(), super::session::Fault> {
    work.control("BEGIN").await?;
    for sql in audit::CREATE {
        work.execute("create audit", sql, &[]).await?;
    }
    // A runner that was taken for dead cannot write any more.
    work.write(&runner::take_over(identity)).await?;
    for command in commands {
        work.write(command).await?;
    }
    work.write(&runner::leave(&identity.runner)).await?;
    work.control("COMMIT").await
}

async fn lock(work: &Session, shared: &Shared) -> Result<(), RunError> {
    let started = Instant::now();
    loop {
        let had = takeover::locked(work).await.map_err(|f| f.doing("take the runner lock"))?;
        if had {
            return Ok(());
        }
        if started.elapsed() > WAIT {
            let holder = takeover::holder(work).await.map_err(|f| f.doing("see who runs"))?;
            return Err(takeover::busy(work, holder).await);
        }
        if !shared.stop.sleep(POLL).await {
            return Err(RunError::Interrupted { step: None, note: None });
        }
    }
}
