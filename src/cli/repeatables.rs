//! Repeatable objects: files in `migrations/repeatable/` that are applied again, after the revisions,
//! whenever what they say has changed.

use super::project::{self, read_sql};
use super::rollout::Session;
use super::{environment, planning, standing};
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::journal::{self, Journal};
use crate::plan::{Phase, Plan};
use crate::report::status::{self, Standing, State};
use crate::revision::{Graph, Revision, repeatable};
use std::io::ErrorKind;
use std::path::PathBuf;

/// Every repeatable file of the project, those that others depend on first.
///
/// # Errors
/// A file that cannot be read or is none; dependencies that do not exist or go round in a circle.
pub fn read(settings: &Settings) -> Result<Graph, Error> {
    let paths = files(settings, repeatable::FOLDER)?;
    let read = paths.iter().map(|path| {
        let (shown, text) = read_sql(path)?;
        Ok(repeatable::read(&shown, &text, settings.variables.values())?)
    });
    Ok(Graph::build(read.collect::<Result<Vec<_>, Error>>()?)?)
}

/// The SQL files in `folder` within the folder of the revisions; none when it is not there.
///
/// # Errors
/// The file system's.
pub fn files(settings: &Settings, folder: &str) -> Result<Vec<PathBuf>, Error> {
    let folder = settings.migrations.join(folder);
    match std::fs::read_dir(&folder) {
        Ok(entries) => project::sql_files(&folder, entries),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            let message = format!("cannot read folder {}", folder.display());
            Err(Error::new(Kind::Input, message).detail(format!("{error}.")))
        }
    }
}

/// Whether what the file says has been applied, and nothing else since.
pub fn is_applied(revision: &Revision, journal: &Journal) -> bool {
    standing::is_done(journal, &revision.id)
        && journal.rollout(revision.id.as_str()).is_some_and(|rollout| {
            revision.digest().ok().as_ref() == Some(&rollout.migration_digest)
        })
}

/// Those that have to be applied, in order.
pub fn pending<'a>(all: &'a Graph, journal: &Journal) -> Vec<&'a Revision> {
    all.revisions().iter().filter(|revision| !is_applied(revision, journal)).collect()
}

/// Where each stands: done, or pending, also when an earlier text of it has run.
pub fn standings(all: &Graph, known: Option<&Journal>) -> Vec<Standing> {
    let look = &standing::still_as_run;
    let mut list = status::standings_of(all, known, look, Some(journal::AGAIN));
    for standing in &mut list {
        if let (Some(revision), Some(known)) = (all.get(&standing.revision), known)
            && !is_applied(revision, known)
        {
            standing.state = Some(State::Pending);
            if standing.changed {
                standing.marks.push("changed".to_owned());
            }
        }
        standing.changed = false;
        standing.marks.push("repeatable".to_owned());
    }
    list
}

/// Applies the first of `pending`; it takes effect as a whole or not at all.
///
/// # Errors
/// SQL that cannot be planned, a plan that was not reviewed where that is asked for, whatever stops the run.
pub async fn apply(
    session: &mut Session<'_>,
    revision: &Revision,
    reviewed: bool,
) -> Result<(), Error> {
    session.go_on()?;
    let plan = plan(session, revision, reviewed).await?;
    environment::came_through(session.settings, &plan, false).await?;
    session.execute(plan, Some(revision), Phase::Contract).await.map(|_| ())
}

async fn plan(session: &Session<'_>, revision: &Revision, reviewed: bool) -> Result<Plan, Error> {
    let settings = session.settings;
    if reviewed || settings.reviewed {
        let path = project::plan_path(settings, revision).display().to_string();
        let hint = format!("Make it and review it: `airlock plan {}`.", revision.id);
        let plan = project::read_plan(settings, revision)?.ok_or_else(|| {
            Error::new(Kind::Drift, format!("plan file {path} is missing"))
                .detail("With --reviewed, or reviewed = true in the settings, only a plan that is there already is run.")
                .hint(hint)
        })?;
        planning::fits_migration(&plan, revision)?;
        return Ok(plan);
    }
    let (plan, _) = planning::against(&*session.connect().await?, revision, settings).await?;
    // One that says the same and was reviewed stays, layout and all.
    let written = project::read_plan(settings, revision).ok().flatten();
    if let Some(written) = written.filter(|of| planning::differences(of, &plan).is_empty()) {
        return Ok(written);
    }
    project::write_plan(settings, revision, &plan)?;
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use crate::journal;

    #[test]
    fn journal_and_files_speak_of_the_same_ids() {
        use crate::revision::{repeatable, seed};
        assert_eq!([journal::AGAIN, journal::SEED], [repeatable::AGAIN, seed::SEED]);
    }
}
