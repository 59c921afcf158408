//! `airlock seed`: rows for chosen environments, once for each database.

use super::args::{Global, Limits};
use super::output::{Done, Output};
use super::rollout::Session;
use super::{project, repeatables, standing};
use crate::config::Settings;
use crate::config::layer::LimitsLayer;
use crate::error::{Error, Kind};
use crate::journal::{self, Journal};
use crate::report::status::{self, Standing, State};
use crate::revision::seed::{self, Seed};
use crate::revision::{Graph, Revision};
use serde_json::json;

/// Put rows for the chosen environment into its database, once
///
/// Seeds are files in `migrations/seeds/`; each names the environments that it is for (`-- environments:
/// development, staging`) and is refused in any other. Without a name, those that are for the chosen environment and have not
/// been put in; one that says `-- again: yes` also when it has changed. Each is one transaction.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of seeds, without folder and .sql
    #[arg(value_name = "SEED")]
    pub seeds: Vec<String>,
    /// Refuse a seed that has no plan file yet instead of making one
    #[arg(long)]
    pub reviewed: bool,
    #[command(flatten)]
    pub limits: Limits,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings_with(LimitsLayer::from(&args.limits))?;
    project::revisions(&settings)?;
    let all = read(&settings)?;
    let Some(environment) = &settings.environment else {
        return Err(Error::new(Kind::Refused, "no environment is chosen")
            .detail("Seeds are for the environments that they name, and for no other database.")
            .hint("Choose one: --env development. Its settings stand below [env.development]."));
    };
    let name = environment.name.as_str();
    let wanted = chosen(&args.seeds, &all, name)?;
    let mut session = Session::begin(&settings, output)?;
    let ended = put_in(&wanted, name, args.reviewed, &mut session).await;
    session.end(ended).await
}

async fn put_in(
    wanted: &[&Seed],
    environment: &str,
    reviewed: bool,
    session: &mut Session<'_>,
) -> Result<Done, Error> {
    let journal = standing::journal(&*session.connect().await?).await?;
    for seed in wanted {
        match stand(seed, &journal) {
            Stand::Pending => {
                let applied = repeatables::apply(session, &seed.revision, reviewed).await;
                if let Err(error) = applied {
                    return Err(session.failed(error));
                }
            }
            Stand::Changed => session.output.say(&format!(
                "{} has changed since it was put in, and is put in once (`-- again: yes` would put it in again)",
                seed.revision.path
            )),
            Stand::Done => {}
        }
    }
    if session.ran().is_empty() {
        let text = format!("Nothing to put in for environment {environment}.");
        return Ok(Done::new(text, json!({ "state": "up-to-date", "revisions": [] })));
    }
    Ok(session.done("", "seeded"))
}

/// Those of `names`, or all that are for `environment`.
fn chosen<'a>(
    names: &[String],
    all: &'a [Seed],
    environment: &str,
) -> Result<Vec<&'a Seed>, Error> {
    let is_for = |seed: &Seed| seed.environments.iter().any(|named| named == environment);
    if names.is_empty() {
        return Ok(all.iter().filter(|seed| is_for(seed)).collect());
    }
    for name in names {
        let Some(seed) = all.iter().find(|seed| seed.revision.stem() == name) else {
            let known: Vec<&str> = all.iter().map(|seed| seed.revision.stem()).collect();
            return Err(Error::new(Kind::Input, format!("there is no seed `{name}`"))
                .detail(format!("Known are: {}.", known.join(", "))));
        };
        if !is_for(seed) {
            let message = format!("seed {name} is not for environment {environment}");
            return Err(Error::new(Kind::Refused, message).detail(format!(
                "{} is for {}.",
                seed.revision.path,
                seed.environments.join(", ")
            )));
        }
    }
    // In their own order, which is that of what they depend on.
    Ok(all.iter().filter(|seed| names.iter().any(|name| name == seed.revision.stem())).collect())
}

/// Every seed of the project, those that others depend on first.
///
/// # Errors
/// A file that cannot be read or is none; dependencies that do not exist or go round in a circle.
pub fn read(settings: &Settings) -> Result<Vec<Seed>, Error> {
    let mut seeds = Vec::new();
    for path in repeatables::files(settings, seed::FOLDER)? {
        let (shown, text) = project::read_sql(&path)?;
        seeds.push(seed::read(&shown, &text, settings.variables.values())?);
    }
    let graph = Graph::build(seeds.iter().map(|seed| seed.revision.clone()).collect())?;
    let place =
        |seed: &Seed| graph.revisions().iter().position(|revision| revision.id == seed.revision.id);
    seeds.sort_by_key(place);
    Ok(seeds)
}

enum Stand {
    Pending,
    Done,
    /// Put in, and another text by now.
    Changed,
}

fn stand(seed: &Seed, journal: &Journal) -> Stand {
    if repeatables::is_applied(&seed.revision, journal) {
        return Stand::Done;
    }
    let done = standing::is_done(journal, &seed.revision.id);
    if done && !seed.again { Stand::Changed } else { Stand::Pending }
}

/// Where the seeds stand that are for the chosen environment, or were put in.
///
/// # Errors
/// None that reading them did not have.
pub fn standings(
    all: &[Seed],
    known: &Journal,
    settings: &Settings,
) -> Result<Vec<Standing>, Error> {
    let environment = settings.environment.as_ref().map(|environment| environment.name.as_str());
    let revisions: Vec<Revision> = all.iter().map(|seed| seed.revision.clone()).collect();
    let mut list = status::standings_of(
        &Graph::build(revisions)?,
        Some(known),
        &standing::still_as_run,
        Some(journal::SEED),
    );
    list.retain_mut(|standing| {
        let seed = all.iter().find(|seed| seed.revision.id.as_str() == standing.revision);
        standing.marks.push("seed".to_owned());
        let Some(seed) = seed else { return true };
        standing.marks.push(format!("for {}", seed.environments.join(", ")));
        if let Stand::Pending = stand(seed, known) {
            standing.state = Some(State::Pending);
            standing.changed = false;
        }
        let is_for = environment.is_some_and(|name| seed.environments.iter().any(|of| of == name));
        is_for || standing.state != Some(State::Pending)
    });
    Ok(list)
}
