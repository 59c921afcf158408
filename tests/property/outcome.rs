//! One case, both ways, in two databases of one server.

use crate::case::{self, Case};
use crate::check_equivalence::allowed;
use crate::compare::{State, assert_nothing_left};
use crate::engine;
use crate::server::{self, Server};
use airlock::plan::Phase;
use airlock::run::{End, Hooks};
use std::sync::Arc;

/// How a case ended.
#[derive(Debug)]
pub enum Ended {
    Same,
    /// The migration as written fails, and so does the plan, or there is none.
    Senseless(String),
    /// As written it works; the planner refuses it.
    Refused(String),
    Failed(String),
}

impl Ended {
    pub fn name(&self) -> &'static str {
        match self {
            Ended::Same => "same",
            Ended::Senseless(_) => "senseless",
            Ended::Refused(_) => "refused",
            Ended::Failed(_) => "failed",
        }
    }
}

/// Runs the case `text` both ways; a panic of anything below is a failure.
pub async fn check(major: u32, text: &str) -> Ended {
    let case = match case::parse("generated", text) {
        Ok(case) => case,
        // The shrinker leaves sections empty.
        Err(why) => return Ended::Senseless(format!("no case file: {why}")),
    };
    let server = server::server(major).await;
    let task = tokio::spawn(async move { both_ways(server, case).await });
    match task.await {
        Ok(ended) => ended,
        Err(error) => {
            let panic = error.into_panic();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            Ended::Failed(text.unwrap_or_else(|| "a panic".to_owned()))
        }
    }
}

async fn both_ways(server: Arc<Server>, mut case: Case) -> Ended {
    // Its own template: the server keeps templates by name.
    case.name = format!("generated {}", fastrand::u64(..));
    if let Some(why) = setup_fails(&server, &case).await {
        return Ended::Senseless(format!("setup: {why}"));
    }
    let written = server.database(&case).await;
    let connection = written.connect().await;
    let mut broken = None;
    for sql in case::split(&case.text[case.migration.clone()]).unwrap() {
        if let Err(error) = connection.batch_execute(&sql).await {
            let why = error.as_db_error().map_or(error.to_string(), |e| e.message().to_owned());
            broken = Some(format!("{sql}: {why}"));
            break;
        }
    }
    connection.close().await;
    let planned = server.database(&case).await;
    let plan = match (engine::plan(&planned, &case).await, &broken) {
        (Ok(plan), _) => plan,
        (Err(_), Some(why)) => return Ended::Senseless(why.clone()),
        (Err(refused), None) => return Ended::Refused(refused.text),
    };
    let outcome = engine::execute(&planned, &plan, Phase::Contract, &Hooks::default()).await;
    let ended = match (outcome, broken) {
        (Ok(outcome), None) if outcome.end == End::Finished => {
            let expected = State::read(&written, &case).await;
            let found = State::read(&planned, &case).await;
            found.assert_is(&expected, allowed(&plan), "the plan gives something else");
            assert_nothing_left(&planned, &case).await;
            Ended::Same
        }
        (Ok(outcome), None) => Ended::Failed(format!("ended at {:?}", outcome.end)),
        (Ok(_), Some(why)) => Ended::Failed(format!("as written it fails, as a plan not: {why}")),
        (Err(error), None) => {
            let plan = airlock::plan::file::to_toml(&plan);
            Ended::Failed(format!("the run fails: {}\n{plan}", engine::explain(error)))
        }
        (Err(_), Some(why)) => Ended::Senseless(why),
    };
    written.drop().await;
    planned.drop().await;
    ended
}

async fn setup_fails(server: &Server, case: &Case) -> Option<String> {
    let name = format!("try_{}", fastrand::u64(..));
    let target = server.cluster.create_database(&name, None).await.unwrap();
    let connection = target.connect("setup").await.unwrap();
    let mut why = None;
    for sql in &case.setup {
        if let Err(error) = connection.batch_execute(sql).await {
            let text = error.as_db_error().map_or(error.to_string(), |e| e.message().to_owned());
            why = Some(format!("{sql}: {text}"));
            break;
        }
    }
    connection.close().await;
    server.cluster.drop_database(&name).await.unwrap();
    why
}
