//! `airlock fleet upgrade`: every member up to its first gate, wave by wave.

use super::board::Board;
use super::{find, member};
use crate::cli::args::{Global, Limits};
use crate::cli::output::{Done, Output};
use crate::cli::upgrade::PhaseArg;
use crate::cli::{environment, project, stopping, sum, upgrade};
use crate::config::Settings;
use crate::config::layer::LimitsLayer;
use crate::error::{Error, Kind};
use crate::fleet::{self, Ended, Member};
use crate::plan::Phase;
use crate::report;
use crate::report::fleet::Row;
use crate::telemetry;
use std::sync::Arc;

/// Run pending revisions on every member, canaries first, and halt on the first failure
///
/// Each member is taken as far as `airlock upgrade` would take it. Those at work when one fails are
/// waited for; nothing more begins. The same command goes on: who has everything is passed over.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the group in `[targets]`
    #[arg(value_name = "GROUP")]
    pub group: String,
    /// Last revision to run: id, the beginning of one, path, or `head`
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Last phase to run, gates before it are passed; `contract` does everything
    #[arg(long, value_name = "PHASE", value_enum)]
    pub through: Option<PhaseArg>,
    /// With `--through contract` at a gate: go on although old names are in use; the reason is kept
    #[arg(long, value_name = "REASON")]
    pub because: Option<String>,
    /// Refuse a revision that has no plan file yet instead of making one
    #[arg(long)]
    pub reviewed: bool,
    #[command(flatten)]
    pub limits: Limits,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings_with(LimitsLayer::from(&args.limits))?;
    let group = find::group(&settings, &args.group)?;
    if args.reviewed && !group.schemas.is_empty() {
        return Err(Error::new(Kind::Input, "--reviewed is not for a group with `schemas`")
            .detail("Each schema has a plan of its own, made when its turn comes and kept in its journal."));
    }
    let graph = project::revisions(&settings)?;
    sum::check(&settings, &graph)?;
    // What is wrong with the folder or the target is said once.
    upgrade::wanted(&graph, &[], args.target.as_deref())?;
    let found = find::members(group, &settings).await?;
    let members: Vec<Member> = found.iter().map(|found| found.member.clone()).collect();
    let waves = fleet::waves(group, &members)
        .map_err(|what| Error::new(Kind::Input, format!("[targets.{}]: {what}", group.name)))?;
    let stop = stopping::listen(output)?;
    environment::confirm(&settings, &stop, output).await?;

    // An address can be listened at, and a file written, by one run alone.
    let telemetry =
        telemetry::Settings { textfile: None, listen: None, ..settings.telemetry.clone() };
    let each = Settings { telemetry, ..settings.clone() };
    let all = member::All {
        graph: &graph,
        settings: &each,
        stop: &stop,
        last: args.target.as_deref(),
        wish: upgrade::Wish {
            through: args.through.map(Phase::from),
            because: args.because.as_deref(),
            reviewed: args.reviewed,
        },
    };
    output.say(&report::fleet::waves(&waves, &members));
    let board = Arc::new(Board::default());
    let work = async |place: usize| {
        let name = &members[place].name;
        let progress = board.begin(name);
        let quiet = output.under(name);
        let ended = Box::pin(member::upgrade(&all, &found[place], &quiet, progress)).await;
        board.end(name);
        match &ended {
            Ok(row) => quiet.say(&row.sentence()),
            Err(error) => quiet.say(report::error::text(error).trim_end()),
        }
        ended
    };
    let driven = fleet::drive(&members, &waves, group.jobs, || stop.requested(), work);
    let ended = tokio::select! {
        ended = driven => ended,
        () = board.show(output) => Vec::new(),
    };
    Ok(result(&members, &ended, stop.requested()))
}

fn result(members: &[Member], ended: &[Ended<Row, Error>], stopped: bool) -> Done {
    let mut done = report::fleet::ended(members, ended);
    let failed = ended.iter().find_map(|ended| match ended {
        Ended::Failed(error) => Some(error.kind),
        Ended::Well(_) | Ended::NotBegun => None,
    });
    let waits = ended.iter().any(|ended| matches!(ended, Ended::Well(row) if row.is_behind()));
    let exit = failed.or(stopped.then_some(Kind::Interrupted)).or(waits.then_some(Kind::Drift));
    let mut result = Done::new(std::mem::take(&mut done.0), done.1);
    result.exit = exit;
    result
}
