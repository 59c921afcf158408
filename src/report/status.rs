//! Where every revision stands: `history` in a line each, `status` with the steps of what is under
//! way and the runner at work.

use super::{BAD, BOLD, CARE, FAINT, GOOD, one_line, printable, styled};
use crate::journal::control::{CANCEL, Order, PAUSE};
use crate::journal::{Journal, Pose, Rollout, RolloutState, Runner, StepRecord, StepState};
use crate::plan::{Gate, file};
use crate::revision::{Graph, Revision};
use anstyle::Style;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A heartbeat older than this means that the runner is gone (it beats every second).
const STALE_HEARTBEAT_MS: i64 = 15_000;
const MESSAGE_CHARS: usize = 60;

/// A revision and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub revision: String,
    pub message: String,
    /// Path of its file; `None` when the database knows it and the folder does not.
    pub path: Option<String>,
    /// `None` when no database was asked.
    pub state: Option<State>,
    /// The upgrade section is not the one that was run, or is being run.
    pub changed: bool,
    pub rollout: Option<Rollout>,
    /// What it is beside others, in words: `head`, `current`.
    pub marks: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Pending,
    Started(RolloutState),
}

/// Every revision of the folder in order, then those that only the journal knows.
/// `look` tells of each whether it is still what ran ([`Revision::ran_as`]).
pub fn standings(graph: &Graph, journal: Option<&Journal>, look: Look<'_>) -> Vec<Standing> {
    standings_of(graph, journal, look, None)
}

/// Of revisions, each with the digest of what ran: whether it is still that. With a thousand files this is
/// most of the work, so the caller decides on how many processors.
pub type Look<'a> = &'a dyn Fn(&[(&Revision, &str)]) -> Vec<bool>;

/// The same of those whose ids end with `ending`; of none of them without it.
pub fn standings_of(
    graph: &Graph,
    journal: Option<&Journal>,
    look: Look<'_>,
    ending: Option<&str>,
) -> Vec<Standing> {
    let changed = changed(graph, journal, look);
    let mut found: Vec<Standing> = graph
        .revisions()
        .iter()
        .map(|revision| {
            let rollout = journal.and_then(|journal| journal.rollout(revision.id.as_str()));
            Standing {
                revision: revision.id.to_string(),
                message: revision.message.clone(),
                path: Some(revision.path.clone()),
                state: journal.map(|_| {
                    rollout.map_or(State::Pending, |rollout| State::Started(rollout.state))
                }),
                changed: changed.contains(revision.id.as_str()),
                rollout: rollout.cloned(),
                marks: Vec::new(),
            }
        })
        .collect();
    // Of what was squashed the revision that took its place speaks, unless a part alone is there.
    let done = |id: &str| {
        let rollout = journal.and_then(|journal| journal.rollout(id));
        rollout.is_some_and(|rollout| rollout.state == RolloutState::Done)
    };
    let squashed: BTreeMap<&str, bool> = graph
        .revisions()
        .iter()
        .filter(|revision| !revision.replaces.is_empty())
        .flat_map(|revision| {
            let whole = done(revision.id.as_str());
            revision.replaced().into_iter().map(move |part| (part.as_str(), whole))
        })
        .collect();
    for rollout in journal.iter().flat_map(|journal| &journal.rollouts) {
        let listed = match ending {
            Some(ending) => rollout.revision.ends_with(ending),
            None => rollout.repeats().is_none(),
        };
        if !listed {
            continue;
        }
        let whole = squashed.get(&*rollout.revision);
        if whole.is_some_and(|whole| *whole || rollout.state == RolloutState::RolledBack) {
            continue;
        }
        // A downgrade that is over has left its word with the revision itself.
        let of = rollout.downgrades();
        if of.is_some() && !is_open(rollout) {
            continue;
        }
        if graph.get(&rollout.revision).is_none() {
            found.push(Standing {
                revision: rollout.revision.clone(),
                message: rollout.message.clone(),
                path: of.and_then(|of| graph.get(of)).map(|revision| revision.path.clone()),
                state: Some(State::Started(rollout.state)),
                changed: false,
                rollout: Some(rollout.clone()),
                marks: Vec::new(),
            });
        }
    }
    found
}

/// The revisions whose upgrade section is not the one that has run. Only those are looked at that have
/// something to be compared with.
fn changed<'g>(graph: &'g Graph, journal: Option<&Journal>, look: Look<'_>) -> BTreeSet<&'g str> {
    let run = |revision: &'g Revision| {
        let rollout = journal?.rollout(revision.id.as_str())?;
        let counts = rollout.state != RolloutState::RolledBack;
        counts.then_some((revision, rollout.migration_digest.as_str()))
    };
    let run: Vec<(&Revision, &str)> = graph.revisions().iter().filter_map(run).collect();
    let same = look(&run);
    let differ = run.iter().zip(same).filter(|(_, same)| !same);
    differ.map(|((revision, _), _)| revision.id.as_str()).collect()
}

/// Whether a runner is at work, as far as its heartbeat tells.
pub fn is_alive(runner: &Runner) -> bool {
    runner.heartbeat_age_ms < STALE_HEARTBEAT_MS
}

pub(super) fn words(standing: &Standing) -> (String, Style) {
    let phase = standing.rollout.as_ref().map(|rollout| rollout.phase.name()).unwrap_or_default();
    match standing.state {
        None => ("unknown".to_owned(), FAINT),
        Some(State::Pending) => ("pending".to_owned(), CARE),
        Some(State::Started(state)) => match state {
            RolloutState::Running => (format!("in {phase}"), CARE),
            RolloutState::AtGate => (format!("before {phase}"), CARE),
            RolloutState::Done if standing.rollout.as_ref().is_some_and(Rollout::is_stamped) => {
                ("stamped".to_owned(), GOOD)
            }
            RolloutState::Done => ("done".to_owned(), GOOD),
            RolloutState::RollingBack => ("rolling back".to_owned(), BAD),
            RolloutState::RolledBack => ("rolled back".to_owned(), CARE),
        },
    }
}

/// One line for each revision.
pub fn history_text(standings: &[Standing]) -> String {
    if standings.is_empty() {
        return "There are no revisions.\n".to_owned();
    }
    let mut out = String::new();
    let id_width = standings.iter().map(|standing| standing.revision.len()).max().unwrap_or(0);
    for standing in standings {
        let (state, style) = words(standing);
        let padding = " ".repeat(16_usize.saturating_sub(state.len()));
        let id = format!("{:<id_width$}", standing.revision);
        let message = one_line(&standing.message, MESSAGE_CHARS);
        let finished = standing
            .rollout
            .as_ref()
            .and_then(|rollout| rollout.finished_at)
            .map(|at| styled(&format!("  {}", at.strftime("%F %R")), FAINT))
            .unwrap_or_default();
        let marks = match standing.marks.join(", ") {
            none if none.is_empty() => none,
            marks => styled(&format!("  ({})", printable(&marks)), BOLD),
        };
        out.push_str(&format!(
            "{id}  {}{padding}  {message}{marks}{finished}\n",
            styled(&state, style)
        ));
        if standing.path.is_none() {
            out.push_str(&format!("{:id_width$}  its file is not in the folder\n", ""));
        }
        if standing.changed {
            out.push_str(&format!(
                "{:id_width$}  {}\n",
                "",
                styled("its file has changed since it was run", BAD)
            ));
        }
    }
    out
}

/// The same as JSON.
pub fn history_json(standings: &[Standing]) -> Value {
    json!({ "revisions": standings.iter().map(standing_json).collect::<Vec<_>>() })
}

pub(super) fn state_name(standing: &Standing) -> &'static str {
    match standing.state {
        None => "unknown",
        Some(State::Pending) => "pending",
        Some(State::Started(state)) => state.name(),
    }
}

fn standing_json(standing: &Standing) -> Value {
    let rollout = standing.rollout.as_ref();
    json!({
        "revision": standing.revision,
        "message": standing.message,
        "path": standing.path,
        "state": state_name(standing),
        "phase": rollout.map(|rollout| rollout.phase.name()),
        "changed": standing.changed,
        "marks": standing.marks,
        "started_at": rollout.map(|rollout| rollout.started_at.to_string()),
        "finished_at": rollout.and_then(|rollout| rollout.finished_at).map(|at| at.to_string()),
    })
}

/// Whether nothing is under way.
pub fn is_quiet(standings: &[Standing], journal: &Journal) -> bool {
    let under_way = |standing: &Standing| {
        matches!(
            standing.state,
            Some(State::Started(RolloutState::Running | RolloutState::RollingBack))
        )
    };
    !standings.iter().any(under_way) && !journal.runner.as_ref().is_some_and(is_alive)
}

/// The revisions, the steps of those under way, and the runner.
pub fn text(standings: &[Standing], journal: &Journal) -> String {
    let mut out = history_text(standings);
    for standing in standings {
        let Some(rollout) = standing.rollout.as_ref().filter(|rollout| is_open(rollout)) else {
            continue;
        };
        out.push_str(&format!("\n{}\n", styled(&format!("steps of {}", rollout.revision), BOLD)));
        for step in &rollout.steps {
            out.push_str(&step_line(step));
        }
        if let Some(next) = next(rollout, journal) {
            out.push_str(&format!("{next}\n"));
        }
    }
    if let Some(runner) = &journal.runner {
        out.push_str(&format!("\n{}\n", runner_line(runner)));
    }
    if !journal.orders.is_empty() {
        out.push_str(&format!("\n{}\n", styled("orders", BOLD)));
        journal.orders.iter().for_each(|order| out.push_str(&order_line(order)));
    }
    out
}

/// An order in force, with who gave it and how to take it back.
pub fn order_line(order: &Order) -> String {
    let value = one_line(&order.value, 100);
    let (what, back) = match order.key.as_str() {
        PAUSE if value.is_empty() => ("pause".to_owned(), "airlock resume".to_owned()),
        PAUSE => (format!("pause: {value}"), "airlock resume".to_owned()),
        CANCEL => ("cancel".to_owned(), String::new()),
        key => {
            let key = one_line(key, 40);
            (format!("{key} = {value}"), format!("airlock tune {key} --reset"))
        }
    };
    let by = one_line(&order.set_by, 80);
    let since = order.set_at.strftime("%F %T UTC");
    let until = order.expires_at.map(|at| format!(" until {}", at.strftime("%F %T UTC")));
    let back = if back.is_empty() { back } else { format!("; back: {back}") };
    format!("  {what} (by {by}, {since}{}{back})\n", until.unwrap_or_default())
}

fn is_open(rollout: &Rollout) -> bool {
    match rollout.state {
        RolloutState::Running | RolloutState::AtGate | RolloutState::RollingBack => true,
        RolloutState::Done | RolloutState::RolledBack => false,
    }
}

fn step_line(step: &StepRecord) -> String {
    let (state, style) = match step.state {
        StepState::Pending => ("pending", FAINT),
        StepState::Running => ("running", CARE),
        StepState::Done => ("done", GOOD),
        StepState::Undone => ("taken back", CARE),
    };
    let padding = " ".repeat(10_usize.saturating_sub(state.len()));
    let mut facts = Vec::new();
    if let Some(walk) = step.walk.filter(|_| step.state == StepState::Running) {
        let percent = (walk.blocks_done * 100).checked_div(walk.blocks_total).unwrap_or(100);
        let (done, total) = (walk.blocks_done, walk.blocks_total);
        facts.push(format!("{percent} % ({done} of {total} blocks)"));
    }
    let rows = step.walk.map_or(step.rows, |walk| walk.rows);
    if rows > 0 {
        facts.push(format!("{rows} rows"));
    }
    if step.worst_stall_ms > 0.0 {
        facts.push(format!("longest wait behind us {:.0} ms", step.worst_stall_ms));
    }
    // Each batch of a backfill is an attempt too.
    if step.attempts > step.batches.max(1) {
        facts.push(format!("{} attempts", step.attempts));
    }
    if let Some(detail) = &step.detail {
        facts.push(one_line(detail, 100));
    }
    let line = format!(
        "  {:<14}{:<13}{}{padding}  {}",
        step.step,
        step.kind,
        styled(state, style),
        facts.join(", ")
    );
    format!("{}\n", line.trim_end())
}

/// What a person has to do for the rollout to go on.
fn next(rollout: &Rollout, journal: &Journal) -> Option<String> {
    let nobody = !journal.runner.as_ref().is_some_and(is_alive);
    match rollout.state {
        RolloutState::AtGate => Some(what_now(rollout.phase.name(), gate(rollout).as_ref())),
        RolloutState::Running => {
            nobody.then(|| "Nobody is at work. To go on: airlock upgrade".to_owned())
        }
        RolloutState::RollingBack => {
            nobody.then(|| "Nobody is at work. To go on: airlock rollback".to_owned())
        }
        RolloutState::Done | RolloutState::RolledBack => None,
    }
}

/// The gate that the rollout stands before, from the plan that it runs.
fn gate(rollout: &Rollout) -> Option<Gate> {
    let plan = file::from_toml(&rollout.plan).ok()?;
    plan.gates.into_iter().find(|gate| gate.before == rollout.phase)
}

/// What to do at a gate.
pub fn what_now(phase: &str, gate: Option<&Gate>) -> String {
    match gate {
        Some(gate) => {
            let until = printable(&gate.until);
            let next = match phase {
                "contract" => "airlock contract".to_owned(),
                earlier => format!("airlock upgrade --through {earlier}"),
            };
            format!("Stopped before {phase} until: {until}\nThen: {next}")
        }
        None => format!("Stopped before {phase}. To go on: airlock upgrade"),
    }
}

fn runner_line(runner: &Runner) -> String {
    let who = &runner.identity;
    let seconds = runner.heartbeat_age_ms as f64 / 1_000.0;
    let since = runner.started_at.strftime("%F %T UTC");
    let who = printable(&format!("{}@{}, process {}", who.os_user, who.host, who.pid));
    if is_alive(runner) {
        let activity = one_line(&runner.activity, 200);
        let (word, style) = match runner.state {
            Pose::Working | Pose::Busy => ("runner at work:", GOOD),
            Pose::Throttled => ("runner throttled:", CARE),
            Pose::Paused => ("runner paused:", CARE),
        };
        let reason = runner.reason.as_ref().map(|why| format!("\n  {}", one_line(why, 400)));
        let reason = reason.unwrap_or_default();
        format!("{} {who}, since {since}: {activity}{reason}", styled(word, style))
    } else {
        format!(
            "{} {who}, since {since}; no sign of life for {seconds:.0} s",
            styled("runner gone:", BAD)
        )
    }
}

/// The same as JSON.
pub fn json(standings: &[Standing], journal: &Journal) -> Value {
    let revisions: Vec<Value> = standings
        .iter()
        .map(|standing| {
            let mut value = standing_json(standing);
            let steps = standing.rollout.as_ref().map(|rollout| &rollout.steps);
            value["steps"] = json!(steps);
            value["gate"] = json!(
                standing
                    .rollout
                    .as_ref()
                    .filter(|rollout| rollout.state == RolloutState::AtGate)
                    .and_then(gate)
            );
            value
        })
        .collect();
    let runner = journal.runner.as_ref().map(|runner| {
        let mut value = json!(runner);
        value["alive"] = json!(is_alive(runner));
        value
    });
    json!({ "revisions": revisions, "runner": runner, "orders": journal.orders })
}
