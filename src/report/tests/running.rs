//! Reports about what runs or has run.

use super::{plain, plan_of_two_statements};
use crate::journal::{
    Identity, Journal, Pose, Rollout, RolloutState, Runner, StepRecord, StepState, WalkProgress,
};
use crate::plan::{Phase, file};
use crate::report::{progress, run, status};
use crate::revision::{Graph, Revision, file as revision_file};
use crate::run::{Blocker, End, Event, Failed, HeldBy, Outcome, StepReport};

fn graph() -> Graph {
    let file = |id: &str, parents: &str, upgrade: &str| {
        let text = format!(
            "-- revision: {id}\n-- parents: {parents}\n-- message: about {id}\n\
             -- created: 2026-01-01T00:00:00Z\n-- upgrade\n{upgrade}\n"
        );
        revision_file::read(&format!("migrations/{id}.sql"), &text).unwrap()
    };
    let first = file("aaaa", "none", "SELECT 1;");
    let gated = file("a1b2c3d4e5f6", "aaaa", "SELECT 2;");
    let last = file("cccc", "a1b2c3d4e5f6", "SELECT 3;");
    Graph::build(vec![first, gated, last]).unwrap()
}

fn step(id: &str, phase: Phase, kind: &str, state: StepState) -> StepRecord {
    StepRecord {
        step: id.to_owned(),
        phase,
        kind: kind.to_owned(),
        state,
        started_at: None,
        finished_at: None,
        attempts: 1,
        waited_ms: 0.0,
        held_ms: 0.0,
        worst_stall_ms: 0.0,
        rows: 0,
        batches: 0,
        vacuums: 0,
        detail: None,
        walk: None,
    }
}

fn rollout(revision: &str, state: RolloutState, phase: Phase) -> Rollout {
    let digest = graph().get(revision).map(|found| found.digest().unwrap());
    Rollout {
        revision: revision.to_owned(),
        parents: vec![],
        message: format!("about {revision}"),
        plan_digest: String::new(),
        migration_digest: digest.unwrap_or_default(),
        plan: "the text of a plan".to_owned(),
        state,
        phase,
        started_at: jiff::Timestamp::UNIX_EPOCH,
        finished_at: None,
        applied_by: "someone".to_owned(),
        applied_from: "host".to_owned(),
        applied_with: "0.1.0".to_owned(),
        facts: None,
        steps: vec![],
    }
}

/// One revision done under another text, one at work, one of which the folder knows nothing.
fn journal() -> Journal {
    let mut done = rollout("aaaa", RolloutState::Done, Phase::Contract);
    done.migration_digest = "of another text".to_owned();
    done.finished_at = Some("2026-01-02T03:04:00Z".parse().unwrap());
    let mut at_work = rollout("a1b2c3d4e5f6", RolloutState::Running, Phase::Migrate);
    let mut walking = step("migrate-1", Phase::Migrate, "backfill", StepState::Running);
    walking.walk = Some(WalkProgress { blocks_done: 43, blocks_total: 100, rows: 4_321, pass: 1 });
    walking.worst_stall_ms = 3.4;
    walking.attempts = 2;
    at_work.steps = vec![
        step("expand-1", Phase::Expand, "transaction", StepState::Done),
        walking,
        step("contract-1", Phase::Contract, "transaction", StepState::Pending),
    ];
    let runner = Runner {
        identity: Identity {
            runner: "r".to_owned(),
            revision: "a1b2c3d4e5f6".to_owned(),
            pid: 4_711,
            host: "db-admin".to_owned(),
            os_user: "alice".to_owned(),
            db_user: "owner".to_owned(),
            version: "0.1.0".to_owned(),
        },
        started_at: jiff::Timestamp::UNIX_EPOCH,
        heartbeat_at: jiff::Timestamp::UNIX_EPOCH,
        heartbeat_age_ms: 300,
        activity: "step migrate-1\x1b[2J".to_owned(),
        state: Pose::Working,
        reason: None,
    };
    let gone = rollout("dddd", RolloutState::RolledBack, Phase::Expand);
    Journal { rollouts: vec![done, at_work, gone], runner: Some(runner), orders: vec![] }
}

fn still_as_run(asked: &[(&Revision, &str)]) -> Vec<bool> {
    asked.iter().map(|(revision, digest)| revision.ran_as(digest)).collect()
}

#[test]
fn status_shows_steps_under_way_and_who_is_at_work() {
    let journal = journal();
    let standings = status::standings(&graph(), Some(&journal), &still_as_run);
    insta::assert_snapshot!(plain(&status::text(&standings, &journal)));
    assert!(!status::is_quiet(&standings, &journal));
}

#[test]
fn status_as_json() {
    let journal = journal();
    let standings = status::standings(&graph(), Some(&journal), &still_as_run);
    let json = status::json(&standings, &journal);
    let states: Vec<&str> = json["revisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|revision| revision["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["done", "running", "pending", "rolled-back"]);
    assert_eq!(json["revisions"][0]["changed"], true);
    assert_eq!(json["revisions"][1]["steps"][1]["walk"]["blocks_done"], 43);
    assert_eq!(json["runner"]["alive"], true);
    assert_eq!(json["runner"]["host"], "db-admin");
}

#[test]
fn at_a_gate_status_says_what_it_waits_for() {
    let mut plan = plan_of_two_statements();
    plan.digest = file::digest(&plan);
    let mut journal = journal();
    journal.runner = None;
    journal.rollouts[1].state = RolloutState::AtGate;
    journal.rollouts[1].phase = Phase::Contract;
    journal.rollouts[1].plan = file::to_toml(&plan);
    let standings = status::standings(&graph(), Some(&journal), &still_as_run);
    let text = plain(&status::text(&standings, &journal));
    assert!(text.contains("before contract"), "{text}");
    assert!(text.contains("until: the new version is out\nThen: airlock contract"), "{text}");
    assert!(status::is_quiet(&standings, &journal));
    let json = status::json(&standings, &journal);
    assert_eq!(json["revisions"][1]["gate"]["before"], "contract");
}

#[test]
fn a_runner_without_a_heartbeat_is_gone() {
    let mut journal = journal();
    journal.runner.as_mut().unwrap().heartbeat_age_ms = 60_000;
    let text = plain(&status::text(&[], &journal));
    assert!(text.contains("runner gone: alice@db-admin, process 4711"), "{text}");
    assert!(text.contains("no sign of life for 60 s"), "{text}");
}

#[test]
fn a_runner_that_is_held_back_says_why() {
    let mut journal = journal();
    let runner = journal.runner.as_mut().unwrap();
    (runner.state, runner.reason) = (Pose::Throttled, Some("slot_bytes: much".to_owned()));
    let text = plain(&status::text(&[], &journal));
    assert!(text.contains("runner throttled: alice@db-admin"), "{text}");
    assert!(text.contains("\n  slot_bytes: much\n"), "{text}");
}

#[test]
fn without_a_database_no_state_is_claimed() {
    let standings = status::standings(&graph(), None, &still_as_run);
    let json = status::history_json(&standings);
    assert_eq!(json["revisions"][0]["state"], "unknown");
    assert!(plain(&status::history_text(&[])).contains("no revisions"));
}

fn report(step: &str, rows: u64) -> StepReport {
    StepReport {
        step: step.to_owned(),
        phase: Phase::Migrate,
        attempts: 3,
        waited_ms: 1_234.5,
        held_ms: 8.2,
        worst_stall_ms: 12.0,
        rows,
        batches: rows / 100,
        vacuums: 0,
        elapsed_ms: 65_432.1,
    }
}

fn outcome(end: End) -> Outcome {
    Outcome {
        revision: "a1b2c3d4e5f6".to_owned(),
        end,
        steps: vec![report("expand-1", 0), report("migrate-1", 123_456)],
        irreversible: vec![],
    }
}

#[test]
fn the_result_of_a_run_is_a_table_and_what_to_do_now() {
    let plan = plan_of_two_statements();
    insta::assert_snapshot!(plain(&run::text(&plan, &outcome(End::Gate(Phase::Contract)))));
    let nothing = Outcome { steps: vec![], ..outcome(End::Finished) };
    assert!(plain(&run::text(&plan, &nothing)).contains("no lock was taken"));
    let mut back = outcome(End::RolledBack);
    back.irreversible = vec![("migrate-1".to_owned(), "rows were deleted".to_owned())];
    let back = plain(&run::text(&plan, &back));
    assert!(back.contains("stays: migrate-1: rows were deleted\nrolled back: 2 steps"), "{back}");
}

#[test]
fn the_result_of_a_run_as_json() {
    let json = run::json(&plan_of_two_statements(), &outcome(End::Gate(Phase::Contract)));
    assert_eq!(json["end"], serde_json::json!({ "at": "gate", "before": "contract" }));
    assert_eq!(json["gate"]["until"], "the new version is out");
    assert_eq!(json["worst_stall_ms"], 12.0);
    assert_eq!(json["steps"][1]["rows"], 123_456);
}

#[test]
fn events_as_lines() {
    let step = || "migrate-1".to_owned();
    let relation = || "public.users".to_owned();
    let blocker = || Blocker {
        pid: Some(7),
        application_name: Some("report".to_owned()),
        user: Some("bob".to_owned()),
        age_ms: 4_000.0,
        state: "idle in transaction".to_owned(),
        query: Some("SELECT *\nFROM users".to_owned()),
        relation: Some(relation()),
    };
    let events = [
        Event::RunStarted {
            revision: "aaaa".to_owned(),
            through: Phase::Switch,
            steps_done: 1,
            steps_total: 4,
        },
        Event::StepStarted {
            step: step(),
            phase: Phase::Migrate,
            kind: "backfill",
            why: "fill the rows\nthat exist".to_owned(),
            resumed: true,
        },
        Event::StepFinished { report: report("migrate-1", 500) },
        Event::Waiting {
            step: step(),
            blockers: vec![blocker()],
            waited_ms: 2_500.0,
            budget_ms: 50.0,
        },
        Event::AttemptFailed {
            step: step(),
            attempt: 2,
            reason: Failed::Lock,
            pause_ms: 120.0,
            blockers: vec![],
        },
        Event::Batch {
            step: step(),
            relation: relation(),
            blocks_done: 50,
            blocks_total: 200,
            rows: 5_000,
            batch_blocks: 10,
            batch_rows: 900,
            batch_ms: 24.0,
            rows_per_second: 36_000.0,
            pass: 1,
            slowed: 0.5,
            slowed_by: Some("replica_lag: standby a is 7.5 s behind".to_owned()),
        },
        Event::HeldBack {
            step: step(),
            by: HeldBy::Throttle,
            reasons: vec!["slot_bytes: a\n".to_owned(), "stall: b".to_owned()],
            held_ms: 2_500.0,
        },
        Event::GoesOn { step: step(), held_ms: 61_000.0 },
        Event::Building {
            step: step(),
            phase: "building index: scanning table".to_owned(),
            blocks_done: 0,
            blocks_total: 0,
            tuples_done: 0,
            tuples_total: 0,
            lockers_done: 0,
            lockers_total: 1,
            blockers: vec![blocker(); 5],
        },
        Event::ConnectionLost { reason: "closed \x1b[31m".to_owned() },
        Event::WalkRestarted { step: step(), relation: relation(), restarts: 1 },
    ];
    let lines: Vec<String> =
        events.iter().map(|event| plain(&progress::line(event).unwrap())).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(progress::position(&events[5]), Some((50, 200)));
    assert_eq!(progress::position(&events[8]), None);
    assert_eq!(progress::line(&Event::Finished), None);
}
