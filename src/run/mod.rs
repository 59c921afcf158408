//! Plan and connection in, effects out: the only module that changes the database.
//!
//! [`execute`] carries a plan out as far as its scope goes, [`rollback`] takes it back while that
//! can be done without loss. Both can be cut off at any instant and called again: what is done is in
//! the [`journal`](crate::journal), committed together with the work. Neither ever makes the
//! application wait for longer than the stall budget, and neither touches anything that the plan
//! does not say.
//!
//! Privileges: the role owns the tables of the plan (or is a member of their owner), may `CREATE` in
//! their schemas, and owns schema `airlock` or may create it. `SELECT` on `pg_stat_activity` of
//! other roles (`pg_read_all_stats`) lets it see how old transactions are and who waits; without it
//! ages are counted from when a transaction was first seen. `SET` on `session_replication_role`
//! (15 and later) is needed only where a backfill must not fire the application's triggers;
//! `pg_signal_backend` only to cancel or terminate blockers. Never superuser.

mod admit;
mod backfill;
mod concurrent;
mod edit;
mod engine;
mod error;
mod error_words;
mod facts;
mod flight;
mod guard;
mod latecomers;
pub mod limits;
mod locks;
mod look;
mod maintenance;
mod outcome;
mod pace;
mod progress;
mod retry;
mod rollback;
mod runner;
mod seen;
mod session;
mod settings;
mod statement;
mod step;
mod stop;
mod takeover;
mod tap;
pub mod throttle;
mod transaction;
mod validate;
pub mod value;
mod verify;

pub use edit::edit;
pub use error::{RunError, ServerError};
pub use limits::{Limits, OnBlocker};
pub use outcome::{End, Hooks, Outcome, Scope};
pub use pace::tune;
pub use progress::{Blocker, Event, Failed, HeldBy, Progress, Silent, StepReport};
pub use seen::Suggestion;
pub use stop::Stop;
pub use tap::{Label, Tap, Verdict};

use crate::connect::Target;
use crate::journal::Identity;
use crate::plan::Plan;
use engine::{Goal, Run};
use pace::Pace;

/// Carries out what of `plan` is not done yet, through the last phase of `scope`.
///
/// # Errors
/// [`RunError`]; unless it says otherwise everything that was reached is in the journal, and the
/// same call goes on from there.
pub async fn execute(
    target: &Target,
    plan: &Plan,
    scope: Scope,
    limits: &Limits,
    hooks: Hooks,
) -> Result<Outcome, RunError> {
    // Boxed, as callers would carry its whole state on their stacks.
    Box::pin(start(target, plan, limits, &hooks).run(Goal::Execute(scope))).await
}

/// Takes back what was done of `plan`, in reverse, unless contract has begun.
///
/// # Errors
/// [`RunError`]; the same call goes on from where it ended.
pub async fn rollback(
    target: &Target,
    plan: &Plan,
    limits: &Limits,
    hooks: Hooks,
) -> Result<Outcome, RunError> {
    Box::pin(start(target, plan, limits, &hooks).run(Goal::RollBack)).await
}

fn start<'a>(target: &'a Target, plan: &'a Plan, limits: &'a Limits, hooks: &'a Hooks) -> Run<'a> {
    Run {
        target,
        plan,
        pace: Pace::new(limits, &hooks.stop),
        hooks,
        identity: identity(target, &plan.revision.id),
        reports: Vec::new(),
        irreversible: Vec::new(),
        progress: 0,
    }
}

/// Who we are, at work on `revision`.
fn identity(target: &Target, revision: &str) -> Identity {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    Identity {
        runner: runner_id(),
        revision: revision.to_owned(),
        pid: i64::from(std::process::id()),
        host: host.unwrap_or_else(|| "unknown".to_owned()),
        os_user: user.map_or_else(|| "unknown".to_owned(), |user| user.name),
        db_user: target.user().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// A random UUID (version 4).
fn runner_id() -> String {
    let mut random = fastrand::Rng::new();
    let bits = (random.u128(..) & !(0xf << 76) | (0x4 << 76)) & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn runner_ids_are_uuids_and_differ() {
        let (a, b) = (super::runner_id(), super::runner_id());
        assert_ne!(a, b);
        assert_eq!(a.len(), 36);
        assert_eq!(&a[14..15], "4");
        assert!("89ab".contains(&a[19..20]), "{a}");
    }
}
