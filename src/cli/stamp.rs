//! `airlock stamp`: writes down where the database is, and runs nothing.

use super::args::Global;
use super::output::{Done, Output};
use super::{environment, project, standing, stopping};
use crate::error::{Error, Kind};
use crate::journal::rollout::Applier;
use crate::journal::stamp::{self, Stamped};
use crate::journal::{Command, Journal, RolloutState, audit};
use crate::revision::{Graph, Revision, RevisionId, Targets};
use crate::run::{self, Hooks};
use serde_json::json;
use std::collections::BTreeSet;

/// Write down that the database is at a revision, without running anything
///
/// Every revision up to the target counts as done from now on, and none after it. For a database that
/// was changed by other means. Each revision whose state changes is noted in airlock.audit.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the database is: `head`, `base`, an id or the beginning of one, a label, …
    #[arg(value_name = "TARGET", required = true, allow_negative_numbers = true)]
    pub targets: Vec<String>,
    /// Forget everything that the database knows of revisions first, half-done rollouts included
    #[arg(long)]
    pub purge: bool,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    let target = settings.target()?;
    let hooks = Hooks { stop: stopping::listen(output)?, ..Hooks::default() };
    environment::confirm(&settings, &hooks.stop, output).await?;
    let decide = |journal: &Journal, by: &Applier| decide(&args, &graph, journal, by);
    let changed = run::edit(&target, &settings.limits, &hooks, "stamp", decide).await?;
    for name in &changed.half_done {
        output.say(&format!(
            "warning: {name} was half done; what it left in the schema stays there \
             (`airlock check` lists it)"
        ));
    }
    let mut text = String::new();
    for id in &changed.added {
        text.push_str(&format!("{id}  counts as done\n"));
    }
    for id in &changed.removed {
        text.push_str(&format!("{id}  counts as not run\n"));
    }
    if text.is_empty() {
        text.push_str("The database is there already.\n");
    }
    let json = json!({ "added": changed.added, "removed": changed.removed });
    Ok(Done::new(text, json))
}

#[derive(Default)]
struct Changed {
    added: Vec<String>,
    removed: Vec<String>,
    half_done: Vec<String>,
}

/// What was squashed into a revision comes and goes with it.
fn parts(graph: &Graph, journal: &Journal, id: &RevisionId) -> Vec<Command> {
    let revision = graph.get(id.as_str());
    let squashed = revision.map(Revision::replaced).unwrap_or_default();
    let there = squashed.into_iter().filter(|part| journal.rollout(part.as_str()).is_some());
    there.map(|part| stamp::forget(part.as_str())).collect()
}

fn decide(
    args: &Args,
    graph: &Graph,
    journal: &Journal,
    by: &Applier,
) -> Result<(Vec<Command>, Changed), Error> {
    let before = standing::applied(journal);
    let targets = Targets::new(graph).with(&before);
    let mut tips: Vec<&Revision> = Vec::new();
    for text in &args.targets {
        tips.extend(targets.place(text)?);
    }
    let mut changed = Changed::default();
    let mut commands = Vec::new();
    let open = journal.rollouts.iter().filter(|rollout| standing::is_open(rollout));
    changed.half_done = open.map(|rollout| rollout.revision.clone()).collect();
    if args.purge {
        let known: Vec<&str> = journal.rollouts.iter().map(|r| r.revision.as_str()).collect();
        if !known.is_empty() {
            commands.push(stamp::purge());
            commands.push(audit::enter("purge", None, &known.join(" "), by));
        }
        changed.removed = before.iter().map(RevisionId::to_string).collect();
    } else if !changed.half_done.is_empty() {
        let message = format!("revision {} is under way", changed.half_done.join(", "));
        return Err(Error::new(Kind::Refused, message).hint(
            "Finish it (`airlock upgrade`, `airlock contract`) or take it back (`airlock rollback`). \
             With --purge it is forgotten, and what it left in the schema stays.",
        ));
    }
    let wanted = graph.closure(tips.iter().map(|revision| &revision.id));
    let wanted_ids: BTreeSet<&RevisionId> = wanted.iter().map(|revision| &revision.id).collect();
    let is_there = |id: &RevisionId| !args.purge && before.contains(id);
    if !args.purge {
        // What ran after the target, and with `base` everything.
        let after = match tips[..] {
            [] => graph.revisions().iter().collect(),
            _ => graph.dependants(tips.iter().map(|revision| &revision.id)),
        };
        let unknown = before.iter().filter(|id| graph.get(id.as_str()).is_none());
        let unknown: Vec<&RevisionId> = unknown.filter(|_| tips.is_empty()).collect();
        let gone = after.iter().map(|revision| &revision.id).chain(unknown);
        for id in gone.filter(|id| is_there(id) && !wanted_ids.contains(id)) {
            commands.push(stamp::forget(id.as_str()));
            commands.extend(parts(graph, journal, id));
            commands.push(audit::enter("unstamp", Some(id.as_str()), "", by));
            changed.removed.push(id.to_string());
        }
    }
    for revision in wanted.iter().filter(|revision| !is_there(&revision.id)) {
        let digest = revision.digest().map_err(|error| project::sql_error(revision, error))?;
        let stamped = Stamped {
            id: revision.id.to_string(),
            parents: revision.parents.iter().map(RevisionId::to_string).collect(),
            message: revision.message.clone(),
            digest,
        };
        if !args.purge {
            commands.extend(parts(graph, journal, &revision.id));
        }
        commands.extend(stamp::stamp(&stamped, by));
        commands.push(audit::enter(
            "stamp",
            Some(revision.id.as_str()),
            &args.targets.join(" "),
            by,
        ));
        changed.removed.retain(|id| id != revision.id.as_str());
        let was = journal.rollout(revision.id.as_str());
        if was.is_none_or(|rollout| rollout.state != RolloutState::Done) {
            changed.added.push(revision.id.to_string());
        }
    }
    Ok((commands, changed))
}
