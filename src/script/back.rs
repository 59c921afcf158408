//! Revisions taken back by a script: as `airlock downgrade` does it, the last one first.

use super::text::{block, comment, echo};
use super::{Bounds, head, journal, last_phase, refuse, refuse_open, refuse_unlike, step};
use super::{foot, list, session, settings_back, steps, stop_at};
use crate::journal::downgrade_id;
use crate::plan::{Phase, Plan, file};
use crate::sql::quote_literal;

/// How a revision is taken back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum By<'a> {
    /// By a plan of its own, which stands in the journal as a rollout of its own.
    Downgrade {
        plan: &'a Plan,
        /// The last phase that the script runs.
        through: Phase,
        /// Refused where the revision was stamped: the statements were told from its upgrade.
        derived: bool,
    },
    /// By the way back of each step of the plan that ran.
    Undo(&'a Plan),
}

/// One revision to take back.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken<'a> {
    pub revision: &'a str,
    pub message: &'a str,
    pub by: By<'a>,
    /// What a reader has to know: how, and which data goes.
    pub remarks: Vec<String>,
    /// What was squashed into it and goes with it.
    pub replaces: Vec<String>,
    pub parents: Vec<String>,
}

/// The script that takes `taken` back in order, for a server of version `server`. `version` is
/// airlock's own.
pub fn downgrade(taken: &[Taken<'_>], server: u32, bounds: &Bounds, version: &str) -> String {
    let bounds = &bounds.clone().bounded();
    let mut what = "Takes back, in this order:\n".to_owned();
    for one in taken {
        what.push_str(&comment(&format!("  {}  {}", one.revision, one.message)));
        one.remarks.iter().for_each(|line| what.push_str(&comment(&format!("    {line}"))));
    }
    let mut script = head(&what, server, bounds, version);
    for one in taken {
        revision(one, bounds, version, &mut script);
    }
    script.push_str(&foot());
    script
}

fn revision(one: &Taken<'_>, bounds: &Bounds, version: &str, script: &mut String) {
    script.push_str(&format!("\n-- ==== Revision {} back\n", one.revision));
    script.push_str(&comment(one.message));
    one.remarks.iter().for_each(|line| script.push_str(&comment(line)));
    let id = quote_literal(one.revision);
    let absent = format!("NOT EXISTS (SELECT FROM airlock.rollout WHERE revision = {id})");
    let has_not_run = format!("revision {} has not run in this database", one.revision);
    script.push_str(&block("", &refuse(&absent, &has_not_run)));
    let is_there = format!(
        "EXISTS (SELECT FROM airlock.rollout WHERE revision = {id} AND state <> 'rolled-back')"
    );
    script.push_str(&journal::gset(&is_there, "airlock_there"));
    script.push_str("\\if :airlock_there\n");
    script.push_str(&echo(&format!("revision {} back", one.revision)));
    script.push_str(&fold(one));
    match one.by {
        By::Downgrade { plan, through, derived } => {
            section(one, plan, (through, derived), bounds, version, script);
        }
        By::Undo(plan) => undo(plan, bounds, script),
    }
    script.push_str("\\else\n");
    script.push_str(&echo(&format!("revision {} is not there any more", one.revision)));
    script.push_str("\\endif\n");
}

/// What ran in parts that were squashed counts as having run as one.
fn fold(one: &Taken<'_>) -> String {
    if one.replaces.is_empty() {
        return String::new();
    }
    let id = quote_literal(one.revision);
    let downs: Vec<String> = one.replaces.iter().map(|part| downgrade_id(part)).collect();
    let parts = [&one.replaces[..], &downs[..]].concat();
    let done =
        format!("EXISTS (SELECT FROM airlock.rollout WHERE revision = {id} AND state = 'done')");
    format!(
        "BEGIN;\nUPDATE airlock.rollout SET parents = ARRAY[{}]::text[] WHERE revision = {id};\n\
         DELETE FROM airlock.rollout WHERE revision IN ({}) AND {done};\nCOMMIT;\n",
        list(&one.parents),
        list(&parts)
    )
}

/// No revision is taken from under another one.
fn refuse_children(revision: &str) -> String {
    refuse(
        &format!(
            "EXISTS (SELECT FROM airlock.rollout WHERE {} = ANY (parents) AND state <> 'rolled-back'\n    \
             AND revision NOT LIKE '%-down')",
            quote_literal(revision)
        ),
        &format!("others build on revision {}: take them back first", revision),
    )
}

fn section(
    one: &Taken<'_>,
    plan: &Plan,
    (through, derived): (Phase, bool),
    bounds: &Bounds,
    version: &str,
    script: &mut String,
) {
    let (id, back) = (quote_literal(one.revision), quote_literal(&plan.revision.id));
    script.push_str(&session(plan));
    let of = |condition: &str| {
        format!("EXISTS (SELECT FROM airlock.rollout WHERE revision = {id} AND {condition})")
    };
    let mut body = refuse(
        &of("state <> 'done'"),
        &format!("revision {} is under way: finish it, or take it back by its plan", one.revision),
    );
    if derived {
        let what = format!("revision {} was stamped, so nobody knows what it did", one.revision);
        body.push_str(&refuse(&of("plan = ''"), &what));
    }
    script.push_str(&block("", &body));
    script.push_str(&journal::gset(
        &format!(
            "NOT EXISTS (SELECT FROM airlock.rollout WHERE revision = {back}\n    \
             AND state IN ('running', 'at-gate', 'rolling-back'))"
        ),
        "airlock_new",
    ));
    script.push_str("\\if :airlock_new\n");
    let body = [refuse_open(&plan.revision.id), refuse_children(one.revision), refuse_unlike(plan)];
    script.push_str(&block("", &body.concat()));
    script.push_str(&journal::enter(plan, &file::to_toml(plan), version));
    script.push_str("\\else\n");
    script.push_str(&journal::same_plan(plan));
    script.push_str("\\endif\n");
    steps(plan, through, bounds, script);
    match plan.steps.iter().map(|step| step.phase).find(|phase| *phase > through) {
        None => {
            let done = journal::finish(&plan.revision.id, last_phase(plan));
            let gone = journal::taken_back(one.revision);
            script.push_str(&format!("BEGIN;\n{done}{gone}COMMIT;\n"));
        }
        Some(before) => stop_at(plan, before, script),
    }
    script.push_str(&settings_back(plan));
}

fn undo(plan: &Plan, bounds: &Bounds, script: &mut String) {
    let revision = &plan.revision.id;
    let (id, digest) = (quote_literal(revision), quote_literal(&plan.digest));
    script.push_str(&session(plan));
    // Where there is nothing to take back every plan is the same.
    let same = match plan.steps.is_empty() {
        true => String::new(),
        false => refuse(
            &format!(
                "NOT EXISTS (SELECT FROM airlock.rollout WHERE revision = {id} AND plan_digest = {digest})"
            ),
            &format!(
                "revision {revision} ran with another plan than the one that this script takes back"
            ),
        ),
    };
    let body = [
        same,
        refuse(
            &format!(
                "EXISTS (SELECT FROM airlock.step WHERE revision = {id} AND phase = 'contract' AND state <> 'pending')"
            ),
            &format!("contract of revision {revision} has begun, and what it drops is gone"),
        ),
        refuse_open(revision),
        refuse_children(revision),
    ];
    script.push_str(&block("", &body.concat()));
    script.push_str(&journal::roll_back(revision));
    for step in plan.steps.iter().rev() {
        step::write_undo(plan, step, bounds, script);
    }
    let first = plan.steps.iter().map(|step| step.phase).min().unwrap_or(Phase::Expand);
    script.push_str(&journal::rolled_back(revision, first));
    script.push_str(&settings_back(plan));
}
