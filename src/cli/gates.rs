//! How far a rollout may go without anybody saying more. Pure.

use crate::journal::{Rollout, RolloutState};
use crate::plan::{Phase, Plan};

/// The last phase that may run now; `None` when the rollout stands before a gate.
///
/// A gate in front of a phase that has begun was passed when it began.
pub fn through(plan: &Plan, rollout: Option<&Rollout>) -> Option<Phase> {
    let closed = |gate: Phase| match rollout {
        Some(rollout) if rollout.state == RolloutState::Running => gate > rollout.phase,
        Some(rollout) => gate >= rollout.phase,
        None => true,
    };
    let next = plan.gates.iter().map(|gate| gate.before).filter(|gate| closed(*gate)).min();
    let Some(next) = next else { return Some(Phase::Contract) };
    let last = Phase::ALL.into_iter().rfind(|phase| *phase < next)?;
    let stands_there = rollout
        .is_some_and(|rollout| rollout.state == RolloutState::AtGate && rollout.phase == next);
    (!stands_there).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{FORMAT, Gate, PlannedRevision};

    fn plan(gates: &[Phase]) -> Plan {
        let revision = PlannedRevision {
            id: "aaaa".to_owned(),
            parents: vec![],
            message: String::new(),
            digest: String::new(),
        };
        let gates = gates
            .iter()
            .map(|before| Gate { before: *before, until: "it is time".to_owned() })
            .collect();
        Plan {
            format: FORMAT,
            revision,
            server: 18,
            search_path: vec![],
            settings: std::collections::BTreeMap::new(),
            digest: String::new(),
            notes: vec![],
            gates,
            statements: vec![],
            steps: vec![],
            facts: vec![],
        }
    }

    fn rollout(state: RolloutState, phase: Phase) -> Rollout {
        Rollout {
            revision: "aaaa".to_owned(),
            parents: vec![],
            message: String::new(),
            plan_digest: String::new(),
            migration_digest: String::new(),
            plan: String::new(),
            state,
            phase,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            finished_at: None,
            applied_by: String::new(),
            applied_from: String::new(),
            applied_with: String::new(),
            facts: None,
            steps: vec![],
        }
    }

    #[test]
    fn a_new_rollout_runs_up_to_the_first_gate() {
        assert_eq!(through(&plan(&[]), None), Some(Phase::Contract));
        assert_eq!(through(&plan(&[Phase::Contract]), None), Some(Phase::Switch));
        assert_eq!(through(&plan(&[Phase::Contract, Phase::Switch]), None), Some(Phase::Migrate));
        assert_eq!(through(&plan(&[Phase::Expand]), None), None);
    }

    #[test]
    fn a_gate_stops_until_somebody_says_more() {
        let plan = plan(&[Phase::Switch, Phase::Contract]);
        let at_gate = |phase| through(&plan, Some(&rollout(RolloutState::AtGate, phase)));
        assert_eq!(at_gate(Phase::Switch), None);
        assert_eq!(at_gate(Phase::Contract), None);
        // Stopped there by `--through`, where the plan has no gate.
        assert_eq!(at_gate(Phase::Migrate), Some(Phase::Migrate));
    }

    #[test]
    fn an_interrupted_run_goes_on_up_to_the_next_gate() {
        let plan = plan(&[Phase::Switch, Phase::Contract]);
        let running = |phase| through(&plan, Some(&rollout(RolloutState::Running, phase)));
        assert_eq!(running(Phase::Expand), Some(Phase::Migrate));
        assert_eq!(running(Phase::Migrate), Some(Phase::Migrate));
        assert_eq!(running(Phase::Switch), Some(Phase::Switch), "that gate was passed");
        assert_eq!(running(Phase::Contract), Some(Phase::Contract));
    }
}
