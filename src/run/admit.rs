//! What the journal says about running a plan: whether it is new, goes on, is done, or must not
//! run. Pure.

use super::error::RunError;
use crate::journal::{JournalError, Rollout, RolloutState, StepState};
use crate::plan::{FORMAT, Phase, Plan, Step, check};

/// How a plan is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Not in the journal, or nothing of what is there has an effect in the database.
    Start,
    /// Started before; `at_gate` when it stopped there in good order.
    GoOn { at_gate: bool },
    /// Every step is done.
    Done,
}

/// Whether `plan` may run, given what the journal has of its revision.
pub(super) fn admit(plan: &Plan, rollout: Option<&Rollout>) -> Result<Admission, RunError> {
    let Some(rollout) = rollout else { return Ok(Admission::Start) };
    match rollout.state {
        RolloutState::RolledBack => return Ok(Admission::Start),
        RolloutState::RollingBack => {
            return Err(RunError::RollingBack { revision: rollout.revision.clone() });
        }
        // What was stamped meanwhile is not run.
        RolloutState::Done if rollout.is_stamped() => return Ok(Admission::Done),
        RolloutState::Running | RolloutState::AtGate | RolloutState::Done => {}
    }
    if let Err(changed) = same_plan(plan, rollout) {
        // What a repeatable file said before is replaced; it is one transaction, so never half done.
        if rollout.repeats().is_some() {
            return Ok(Admission::Start);
        }
        // A first step whose locks were not had, for example: nothing speaks against a new plan.
        return if has_effect(rollout) { Err(changed) } else { Ok(Admission::Start) };
    }
    for step in &plan.steps {
        if rollout.step(&step.id).is_none() {
            let what = format!("step {} of revision {} is missing", step.id, rollout.revision);
            return Err(JournalError::Damaged { what }.into());
        }
    }
    Ok(match rollout.state {
        RolloutState::Done => Admission::Done,
        RolloutState::AtGate => Admission::GoOn { at_gate: true },
        RolloutState::Running | RolloutState::RollingBack | RolloutState::RolledBack => {
            Admission::GoOn { at_gate: false }
        }
    })
}

/// Whether the plan is the one that was started.
pub(super) fn same_plan(plan: &Plan, rollout: &Rollout) -> Result<(), RunError> {
    let pairs = [
        ("migration", &rollout.migration_digest, &plan.revision.digest),
        ("plan", &rollout.plan_digest, &plan.digest),
    ];
    for (what, started, given) in pairs {
        if started != given {
            return Err(RunError::PlanChanged {
                revision: rollout.revision.clone(),
                what,
                started: started.clone(),
                given: given.clone(),
            });
        }
    }
    Ok(())
}

/// Whether any step has left something in the database: done, or begun when it does not commit as
/// a whole.
fn has_effect(rollout: &Rollout) -> bool {
    rollout.steps.iter().any(|step| match step.state {
        StepState::Pending => false,
        StepState::Done | StepState::Undone => true,
        StepState::Running => {
            matches!(step.kind.as_str(), "concurrent" | "backfill" | "maintenance")
        }
    })
}

/// The first phase, at most `through`, with a step that is not done.
pub(super) fn next_phase(plan: &Plan, rollout: &Rollout, through: Phase) -> Option<Phase> {
    pending(plan, rollout).map(|step| step.phase).find(|phase| *phase <= through)
}

/// The steps that are not done, in order.
pub(super) fn pending<'a>(plan: &'a Plan, rollout: &'a Rollout) -> impl Iterator<Item = &'a Step> {
    plan.steps
        .iter()
        .filter(|step| rollout.step(&step.id).is_none_or(|r| r.state != StepState::Done))
}

/// Refuses a plan that cannot be carried out as it stands, whoever wrote it.
pub(super) fn check_plan(plan: &Plan, server_major: u32) -> Result<(), RunError> {
    if plan.format != FORMAT {
        let what = format!("its format is {}, this airlock knows {FORMAT}", plan.format);
        return Err(RunError::BadPlan { what });
    }
    if plan.server != server_major {
        return Err(RunError::ServerMajor { planned: plan.server, found: server_major });
    }
    check::plan(plan).map_err(|what| RunError::BadPlan { what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::StepRecord;
    use crate::plan::{Action, PlannedRevision, Undo};

    fn plan() -> Plan {
        let step = |id: &str, phase| Step {
            id: id.into(),
            phase,
            statements: vec![],
            why: String::new(),
            action: Action::Transaction { sql: vec!["SELECT 1".into()] },
            locks: vec![],
            work: vec![],
            undo: Undo::Nothing,
        };
        Plan {
            format: FORMAT,
            revision: PlannedRevision {
                id: "r".into(),
                parents: vec![],
                message: String::new(),
                digest: "m".into(),
            },
            server: 15,
            search_path: vec![],
            settings: std::collections::BTreeMap::new(),
            digest: "p".into(),
            notes: vec![],
            gates: vec![],
            statements: vec![],
            steps: vec![step("expand-1", Phase::Expand), step("contract-1", Phase::Contract)],
            facts: vec![],
        }
    }

    fn rollout(state: RolloutState, steps: [StepState; 2]) -> Rollout {
        let plan = plan();
        let steps = plan.steps.iter().zip(steps).map(|(step, state)| StepRecord {
            step: step.id.clone(),
            phase: step.phase,
            kind: "transaction".into(),
            state,
            started_at: None,
            finished_at: None,
            attempts: 0,
            waited_ms: 0.0,
            held_ms: 0.0,
            worst_stall_ms: 0.0,
            rows: 0,
            batches: 0,
            vacuums: 0,
            detail: None,
            walk: None,
        });
        Rollout {
            revision: "r".into(),
            parents: vec![],
            message: String::new(),
            plan_digest: "p".into(),
            migration_digest: "m".into(),
            plan: "its plan".into(),
            state,
            phase: Phase::Expand,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            finished_at: None,
            applied_by: String::new(),
            applied_from: String::new(),
            applied_with: String::new(),
            facts: None,
            steps: steps.collect(),
        }
    }

    #[test]
    fn a_plan_is_new_goes_on_or_is_done() {
        use StepState::{Done, Pending, Running};
        let plan = plan();
        let met = |state, steps| admit(&plan, Some(&rollout(state, steps))).unwrap();
        assert_eq!(admit(&plan, None).unwrap(), Admission::Start);
        assert_eq!(
            met(RolloutState::Running, [Running, Pending]),
            Admission::GoOn { at_gate: false }
        );
        assert_eq!(met(RolloutState::AtGate, [Done, Pending]), Admission::GoOn { at_gate: true });
        assert_eq!(met(RolloutState::Done, [Done, Done]), Admission::Done);
        assert_eq!(met(RolloutState::RolledBack, [Pending, Pending]), Admission::Start);
    }

    #[test]
    fn another_plan_is_refused_once_something_is_done() {
        let mut other = plan();
        other.digest = "q".into();
        let untouched = rollout(RolloutState::Running, [StepState::Running, StepState::Pending]);
        assert_eq!(admit(&other, Some(&untouched)).unwrap(), Admission::Start);
        let begun = rollout(RolloutState::Running, [StepState::Done, StepState::Pending]);
        let refused = admit(&other, Some(&begun)).unwrap_err();
        assert!(matches!(&refused, RunError::PlanChanged { what: "plan", .. }), "{refused}");

        other.revision.digest = "n".into();
        let refused = admit(&other, Some(&begun)).unwrap_err();
        assert!(matches!(&refused, RunError::PlanChanged { what: "migration", .. }), "{refused}");

        let mut building = untouched;
        building.steps[0].kind = "concurrent".into();
        assert!(admit(&other, Some(&building)).is_err(), "may have left an index");
    }

    #[test]
    fn a_rollback_under_way_is_not_run_over() {
        let rolling = rollout(RolloutState::RollingBack, [StepState::Done, StepState::Pending]);
        assert!(matches!(admit(&plan(), Some(&rolling)), Err(RunError::RollingBack { .. })));
    }

    #[test]
    fn the_next_phase_is_the_first_with_work_in_scope() {
        use StepState::{Done, Pending};
        let plan = plan();
        let at =
            |steps, through| next_phase(&plan, &rollout(RolloutState::Running, steps), through);
        assert_eq!(at([Pending, Pending], Phase::Contract), Some(Phase::Expand));
        assert_eq!(at([Done, Pending], Phase::Switch), None);
        assert_eq!(at([Done, Pending], Phase::Contract), Some(Phase::Contract));
        assert_eq!(at([Done, Done], Phase::Contract), None);
    }

    #[test]
    fn plans_that_cannot_be_carried_out_are_refused() {
        assert!(check_plan(&plan(), 15).is_ok());
        assert!(matches!(
            check_plan(&plan(), 16),
            Err(RunError::ServerMajor { planned: 15, found: 16 })
        ));
        let mut twice = plan();
        twice.steps[1].id = "expand-1".into();
        assert!(matches!(check_plan(&twice, 15), Err(RunError::BadPlan { .. })));
        let mut backwards = plan();
        backwards.steps.reverse();
        assert!(matches!(check_plan(&backwards, 15), Err(RunError::BadPlan { .. })));
    }
}
