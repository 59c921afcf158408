//! From a revision and a catalog to a plan, and whether a plan file still fits.

use super::project;
use crate::catalog::{Catalog, Need, facts, load};
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::journal::downgrade_id;
use crate::plan::{Plan, PlannedRevision, file};
use crate::revision::{Revision, RevisionId};
use crate::rewrite;
use crate::sql::{Script, canonical};
use tokio_postgres::Client;

/// The plan of `revision` against the database of `client`, and as much of its catalog as that takes.
///
/// # Errors
/// As [`plan`], and trouble with the database.
pub async fn against(
    client: &Client,
    revision: &Revision,
    settings: &Settings,
) -> Result<(Plan, Catalog), Error> {
    let catalog = catalog(client, &[revision]).await?;
    match plan(revision, &catalog, settings) {
        Ok(plan) => Ok((plan, catalog)),
        // What is said of a name that is missing takes all the others.
        Err(_) if catalog.relations.are_partial() => {
            let catalog = load::load(client).await?;
            Ok((plan(revision, &catalog, settings)?, catalog))
        }
        Err(error) => Err(error),
    }
}

/// As much of the catalog as the plans of `revisions` need, one on top of the other.
///
/// # Errors
/// SQL that cannot be read, with its place; trouble with the database.
pub async fn catalog(client: &Client, revisions: &[&Revision]) -> Result<Catalog, Error> {
    let (mut text, mut statements) = (String::new(), Vec::new());
    for revision in revisions {
        let script = revision.upgrade_script();
        let script = script.map_err(|error| project::sql_error(revision, error))?;
        statements.extend(script.statements);
        text.push_str(&revision.text[revision.upgrade.clone()]);
        text.push('\n');
    }
    match Need::of(&text, &statements) {
        Some(need) => load::load_needed(client, &need).await,
        None => load::load(client).await,
    }
}

/// The plan of `revision` against a database that looks like `catalog`.
///
/// # Errors
/// Everything that is wrong with the revision's SQL, or that has no safe form, with its place.
pub fn plan(revision: &Revision, catalog: &Catalog, settings: &Settings) -> Result<Plan, Error> {
    let in_file = |error| project::sql_error(revision, error);
    let script = revision.upgrade_script().map_err(in_file)?;
    // Found now rather than when everything else has run.
    revision.verify_queries().map_err(in_file)?;
    let planned = PlannedRevision {
        id: revision.id.to_string(),
        parents: revision.parents.iter().map(RevisionId::to_string).collect(),
        message: revision.message.clone(),
        digest: revision.digest().map_err(in_file)?,
    };
    rewrite::plan(&script, catalog, planned, &settings.planning)
        .and_then(|plan| match revision.is_whole() {
            true => rewrite::one_transaction(plan, &script, catalog, revision.is_seed()),
            false => Ok(plan),
        })
        .map_err(|error| project::diagnostics(revision, error.kind(), error.diagnostics()))
}

/// The plan of the downgrade section of `revision`, which in the journal has an id of its own.
///
/// # Errors
/// As [`plan`].
pub fn downgrade(
    revision: &Revision,
    script: &Script,
    catalog: &Catalog,
    settings: &Settings,
) -> Result<Plan, Error> {
    let planned = PlannedRevision {
        id: downgrade_id(revision.id.as_str()),
        parents: vec![revision.id.to_string()],
        message: format!("downgrade of: {}", revision.message),
        digest: canonical::digest(script),
    };
    rewrite::plan(script, catalog, planned, &settings.planning)
        .map_err(|error| project::diagnostics(revision, error.kind(), error.diagnostics()))
}

/// Refuses a plan that was made for another text of the migration.
///
/// # Errors
/// `Kind::Drift` when the migration has changed since.
pub fn fits_migration(plan: &Plan, revision: &Revision) -> Result<(), Error> {
    let digest = revision.digest().map_err(|error| project::sql_error(revision, error))?;
    if digest == plan.revision.digest {
        return Ok(());
    }
    let message = format!("the plan of revision {} was made for another migration", revision.id);
    Err(Error::new(Kind::Drift, message)
        .detail(format!("The upgrade section of {} has changed since.", revision.path))
        .hint(format!("Make the plan again and review it: `airlock plan {}`.", revision.id)))
}

/// The same for a plan by which `revision` has been started: another one cannot take its place.
///
/// # Errors
/// As [`fits_migration`].
pub fn fits_started(plan: &Plan, revision: &Revision) -> Result<(), Error> {
    fits_migration(plan, revision).map_err(|error| {
        if error.kind != Kind::Drift {
            return error;
        }
        error.hint(format!(
            "It has been started: take it back first (`airlock rollback`), then `airlock plan {}` makes the plan of the new text. Or put the old text back, and go on.",
            revision.id
        ))
    })
}

/// Why `written` is not what would be planned now; empty when it is.
pub fn differences(written: &Plan, now: &Plan) -> Vec<String> {
    let now = &as_laid_out_in(now, written);
    if written.digest == now.digest {
        return Vec::new();
    }
    let mut found = Vec::new();
    if written.revision.digest != now.revision.digest {
        found.push("the migration has changed".to_owned());
    } else if written.revision != now.revision {
        found.push("the revision's header has changed".to_owned());
    }
    if written.server != now.server {
        found.push(format!("PostgreSQL {} was planned for, now {}", written.server, now.server));
    }
    found.extend(facts::differences(&written.facts, &now.facts));
    if found.is_empty() {
        found.push("sizes, settings, layout or airlock itself have changed".to_owned());
    }
    found
}

/// `now` with the places and the layout of the statements of `written`: a comment above a statement
/// moves it and changes nothing.
fn as_laid_out_in(now: &Plan, written: &Plan) -> Plan {
    let mut same = now.clone();
    if now.revision.digest == written.revision.digest {
        for (statement, earlier) in same.statements.iter_mut().zip(&written.statements) {
            statement.line = earlier.line;
            statement.sql.clone_from(&earlier.sql);
        }
        same.digest = file::digest(&same);
    }
    same
}
