//! The timeline of one relation: when it is locked, and who waits then.

use super::{Act, Time, Wait};
use crate::lock::LockMode;
use crate::plan::{Gate, Phase, WorkKind};
use crate::sql::QualifiedName;

/// What happens to one relation, in order.
#[derive(Debug, Default)]
pub struct Lane {
    pub stretches: Vec<Stretch>,
}

#[derive(Debug)]
pub enum Stretch {
    Touch(Touch),
    /// Work goes on elsewhere.
    Elsewhere(Time),
    /// The run stops until somebody lets it go on.
    Gate(Phase),
}

/// A time in which the relation is locked or worked on.
#[derive(Debug)]
pub struct Touch {
    pub act: String,
    pub short: String,
    /// `None` when the relation is only read.
    pub lock: Option<LockMode>,
    pub reads: Wait,
    pub writes: Wait,
    /// What is done to this relation.
    pub work: Vec<WorkKind>,
    pub time: Time,
}

impl Lane {
    pub fn touches(&self) -> impl Iterator<Item = &Touch> {
        self.stretches.iter().filter_map(|stretch| match stretch {
            Stretch::Touch(touch) => Some(touch),
            Stretch::Elsewhere(_) | Stretch::Gate(_) => None,
        })
    }

    /// Whether the length of every stretch is known.
    pub fn is_to_scale(&self) -> bool {
        self.stretches.iter().all(|stretch| match stretch {
            Stretch::Touch(Touch { time, .. }) | Stretch::Elsewhere(time) => *time != Time::Unknown,
            Stretch::Gate(_) => true,
        })
    }
}

/// The timeline of `relation` through `acts`; `gates` stand before the first act of their phase or of
/// a later one.
pub(super) fn lane(acts: &[Act<'_>], relation: &QualifiedName, gates: &[Gate]) -> Lane {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut gates: Vec<Phase> = gates.iter().map(|gate| gate.before).collect();
    gates.sort_unstable();
    let mut gates = gates.into_iter().peekable();
    for act in acts {
        while let Some(gate) = gates.next_if(|gate| act.phase.is_some_and(|phase| *gate <= phase)) {
            stretches.push(Stretch::Gate(gate));
        }
        match touch(act, relation) {
            Some(touch) => stretches.push(Stretch::Touch(touch)),
            None => elsewhere(&mut stretches, act.time),
        }
    }
    Lane { stretches }
}

fn touch(act: &Act<'_>, relation: &QualifiedName) -> Option<Touch> {
    let lock = act.locks.iter().find(|lock| lock.relation == *relation).map(|lock| lock.mode);
    let work: Vec<WorkKind> =
        act.work.iter().filter(|work| work.relation == *relation).map(|work| work.kind).collect();
    // Being read by the work on another relation says nothing that a reviewer needs.
    let matters = lock.is_some_and(|mode| mode > LockMode::AccessShare) || !work.is_empty();
    matters.then(|| {
        let rows = work.contains(&WorkKind::RowChanges);
        Touch {
            act: act.name.clone(),
            short: act.short.clone(),
            lock,
            reads: lock.map_or(Wait::No, |mode| Wait::of_reads(mode, act.is_long())),
            writes: lock.map_or(Wait::No, |mode| Wait::of_writes(mode, act.is_long(), rows)),
            work,
            time: act.time,
        }
    })
}

/// Adds time spent elsewhere to the last stretch of its kind; moments leave no trace.
fn elsewhere(stretches: &mut Vec<Stretch>, time: Time) {
    if time == Time::Moment {
        return;
    }
    match (stretches.last_mut(), time) {
        (Some(Stretch::Elsewhere(Time::About(sum))), Time::About(more)) => *sum += more,
        (Some(Stretch::Elsewhere(sum)), _) => *sum = Time::Unknown,
        (Some(_) | None, time) => stretches.push(Stretch::Elsewhere(time)),
    }
}
