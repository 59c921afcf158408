//! What an environment asks for before its database is changed: that somebody says its name, and that
//! the same plan has run somewhere else first.

use super::output::Output;
use super::standing;
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::journal::RolloutState;
use crate::plan::Plan;
use crate::run::Stop;
use std::io::{BufRead, IsTerminal};
use std::time::Duration;
use tokio::sync::oneshot;

/// How often a question looks whether it has been interrupted.
const LOOK: Duration = Duration::from_millis(100);

/// Sees to it that whoever changes the database means this environment. Asks on a terminal.
///
/// # Errors
/// `Kind::Refused`: another name was given, or none; `Kind::Interrupted`.
pub async fn confirm(settings: &Settings, stop: &Stop, output: &Output) -> Result<(), Error> {
    let Some(environment) = &settings.environment else {
        return match &settings.confirmed {
            None => Ok(()),
            Some(said) => {
                Err(refused(format!("--confirm says `{said}`, and no environment is chosen"))
                    .hint(format!("Choose it too: --env {said}.")))
            }
        };
    };
    let name = &environment.name;
    let said = match &settings.confirmed {
        Some(said) => Some(said.clone()),
        None if !environment.confirm => return Ok(()),
        None if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => {
            let target = settings.target()?.redacted();
            output.say(&format!(
                "This changes {target}, environment {name}. Type its name to go on:"
            ));
            Some(line(stop).await?)
        }
        None => None,
    };
    match said {
        Some(said) if said == *name => Ok(()),
        Some(said) => {
            Err(refused(format!("`{said}` was confirmed, and the environment is {name}")))
        }
        None => Err(refused(format!("environment {name} asks for confirmation"))
            .detail("Its settings say confirm = true, and there is no terminal to ask on.")
            .hint(format!("Add --confirm {name}."))),
    }
}

fn refused(message: String) -> Error {
    Error::new(Kind::Refused, message)
}

/// A line from the terminal.
pub async fn line(stop: &Stop) -> Result<String, Error> {
    let (send, mut answer) = oneshot::channel();
    // A thread of its own: a task would keep the program from ending while nobody types.
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().lock().read_line(&mut line);
        let _ = send.send(line.trim().to_owned());
    });
    loop {
        tokio::select! {
            line = &mut answer => return Ok(line.unwrap_or_default()),
            () = tokio::time::sleep(LOOK) => {}
        }
        if stop.requested() {
            return Err(Error::new(Kind::Interrupted, "stopped before anything was changed"));
        }
    }
}

/// Refuses a plan that has not run in the environment that comes before this one. `whole`: contract
/// included.
///
/// # Errors
/// `Kind::Drift`: it has not run there, or another one has; whatever keeps that from being found out.
pub async fn came_through(settings: &Settings, plan: &Plan, whole: bool) -> Result<(), Error> {
    let after = settings.environment.as_ref().and_then(|environment| environment.after.as_ref());
    let Some(after) = after else { return Ok(()) };
    let (id, earlier) = (&plan.revision.id, &after.name);
    let connection = after.target()?.connect("airlock").await?;
    let journal = standing::journal(&connection).await?;
    connection.close().await;
    let drift =
        |message: String, detail: &str| Error::new(Kind::Drift, message).detail(detail.to_owned());
    let there = journal.rollout(id);
    let come = |state: RolloutState| match state {
        RolloutState::Done => true,
        RolloutState::AtGate => !whole,
        RolloutState::Running | RolloutState::RollingBack | RolloutState::RolledBack => false,
    };
    match there {
        Some(rollout) if rollout.plan_digest != plan.digest => Err(drift(
            format!("the plan of revision {id} is not the one that ran in {earlier}"),
            &format!("Here it is {}, there {}.", short(&plan.digest), short(&rollout.plan_digest)),
        )
        .hint("Run the plan file that ran there, or review the new one there first.")),
        Some(rollout) if come(rollout.state) => Ok(()),
        Some(rollout) => Err(drift(
            format!("revision {id} has not come through in {earlier}"),
            &format!("It is {} there.", rollout.state.name()),
        )
        .hint(format!("Finish it there first: `airlock upgrade --env {earlier}`."))),
        None => Err(drift(
            format!("revision {id} has not run in {earlier}"),
            "The settings say that plans run there first (after).",
        )
        .hint(format!("Run it there first: `airlock upgrade --env {earlier}`."))),
    }
}

/// The beginning of a digest, which is enough to tell two apart.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
