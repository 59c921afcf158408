//! One member of a fleet: its revisions, where it stands, and taking it further.

use super::find::Found;
use crate::cli::output::Output;
use crate::cli::rollout::Session;
use crate::cli::{standing, upgrade};
use crate::config::Settings;
use crate::error::Error;
use crate::journal::{self, Journal, RolloutState};
use crate::report::fleet::{Reached, Row};
use crate::revision::{Graph, Replaced, Revision, RevisionId};
use crate::run::{Progress, RunError, Stop};
use std::sync::Arc;
use tokio_postgres::Client;

/// The revisions of the folder as the member's journal knows them: a schema has each under an id of
/// its own, because the journal is that of the database.
///
/// # Errors
/// None that the folder itself did not have.
pub(super) fn revisions(graph: &Graph, found: &Found) -> Result<Graph, Error> {
    let Some(schema) = &found.member.schema else { return Ok(graph.clone()) };
    let own = |revision: &Revision| Revision {
        id: revision.id.of_schema(schema),
        parents: revision.parents.iter().map(|id| id.of_schema(schema)).collect(),
        replaces: revision
            .replaces
            .iter()
            .map(|of| Replaced { id: of.id.of_schema(schema), ..of.clone() })
            .collect(),
        ..revision.clone()
    };
    Ok(Graph::build(graph.revisions().iter().map(own).collect())?)
}

/// What the journal says of the revisions in `graph`.
async fn journal(client: &Client, graph: &Graph) -> Result<Journal, Error> {
    let mut ids: Vec<&str> = graph.revisions().iter().map(|of| of.id.as_str()).collect();
    let squashed = graph.revisions().iter().flat_map(Revision::replaced);
    ids.extend(squashed.map(RevisionId::as_str));
    journal::read_of(client, &ids).await.map_err(|error| RunError::from(error).into())
}

/// Where the member stands.
///
/// # Errors
/// Trouble with the database.
pub(super) async fn look(graph: &Graph, found: &Found) -> Result<Row, Error> {
    let graph = revisions(graph, found)?;
    let connection = found.target.connect("airlock fleet").await?;
    let journal = journal(&connection, &graph).await?;
    Ok(row(&graph, &journal))
}

fn row(graph: &Graph, journal: &Journal) -> Row {
    let done = graph.revisions().iter().filter(|r| standing::is_done(journal, &r.id)).count();
    let open = graph.revisions().iter().find_map(|revision| {
        let rollout = standing::rollout(journal, &revision.id)?;
        (rollout.state != RolloutState::Done).then_some((revision, rollout))
    });
    let reached = match open {
        Some((revision, rollout)) => {
            let path = revision.stem().to_owned();
            match rollout.state {
                RolloutState::AtGate => Reached::AtGate { revision: path, before: rollout.phase },
                RolloutState::Running => Reached::Under { revision: path, phase: rollout.phase },
                RolloutState::RollingBack | RolloutState::RolledBack | RolloutState::Done => {
                    Reached::RollingBack { revision: path }
                }
            }
        }
        None if done == graph.revisions().len() => Reached::UpToDate,
        None => Reached::Pending,
    };
    Row { done, total: graph.revisions().len(), reached }
}

/// What holds for every member of a run.
pub(super) struct All<'a> {
    pub(super) graph: &'a Graph,
    pub(super) settings: &'a Settings,
    pub(super) stop: &'a Stop,
    /// The last revision to run.
    pub(super) last: Option<&'a str>,
    pub(super) wish: upgrade::Wish<'a>,
}

/// Runs what is pending, as `airlock upgrade` does, and says where the member stands then.
///
/// # Errors
/// Whatever stops the upgrade.
pub(super) async fn upgrade(
    all: &All<'_>,
    found: &Found,
    output: &Output,
    progress: Arc<dyn Progress>,
) -> Result<Row, Error> {
    let graph = revisions(all.graph, found)?;
    let target = found.target.clone();
    let own_plans = found.member.schema.is_some();
    let mut session = Session::beside(all.settings, output, target, progress, all.stop, own_plans)?;
    let ended = go_on(all, &graph, &mut session).await;
    session.end(ended).await
}

async fn go_on(all: &All<'_>, graph: &Graph, session: &mut Session<'_>) -> Result<Row, Error> {
    let connection = session.connect().await?;
    let before = journal(&connection, graph).await?;
    let revisions = graph.revisions().iter();
    let applied: Vec<RevisionId> = revisions
        .filter(|revision| standing::is_done(&before, &revision.id))
        .map(|revision| revision.id.clone())
        .collect();
    let wanted = upgrade::wanted(graph, &applied, all.last)?;
    let pending: Vec<&Revision> =
        wanted.into_iter().filter(|found| !standing::is_done(&before, &found.id)).collect();
    upgrade::warn(graph, &before, session.output);
    if let Some(first) = pending.first() {
        upgrade::refuse_other_rollouts(&before, first)?;
        upgrade::proceed(session, &pending, &before, &all.wish).await?;
    }
    // A new connection: the server may have been started again meanwhile.
    let after = journal(&*session.connect().await?, graph).await?;
    Ok(row(graph, &after))
}
