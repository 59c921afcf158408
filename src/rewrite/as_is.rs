//! Statements that are kept as they are.
//!
//! *In words*: metadata only: one short transaction under the stall budget, with its true lock in
//! the report. What only removes something that the old application may use waits for contract; a
//! statement that re-creates it goes into the same transaction. What reads or writes rows without
//! standing in anyone's way runs as one statement. What would hold a strong lock while it works is
//! refused, and so is what cannot be seen into or is not known, unless a directive allows it.

use super::again;
use super::alternatives;
use super::draft::{Draft, lock_set};
use super::drop_index::path;
use super::inverse;
use super::order;
use super::privileges;
use super::set_not_null;
use super::text::{self, alter};
use crate::analyze::{Impact, Verdict};
use crate::catalog::{Constraint, ConstraintKind, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, RelationLock, Undo, Work, WorkKind};
use crate::sql::directive::AllowedHazard;
use crate::sql::{Diagnostic, QualifiedName, Statement, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType, ObjectType};

pub(super) fn steps(draft: &mut Draft<'_>, statement: &Statement, impact: &Impact) {
    match impact.verdict {
        Verdict::Safe | Verdict::Brief if impact.work.is_empty() => {
            let phase = earliest(draft, statement);
            at_phase(draft, statement, impact, phase);
        }
        Verdict::Safe | Verdict::Brief => long(draft, statement, impact),
        Verdict::Blocking => blocking(draft, statement, impact),
        Verdict::Opaque => {
            if draft.allows(statement, AllowedHazard::Opaque) {
                long(draft, statement, impact);
            } else {
                refuse_unseen(
                    draft,
                    statement,
                    "what this statement does cannot be seen from its text",
                    "opaque",
                );
            }
        }
        Verdict::Unknown => {
            if draft.allows(statement, AllowedHazard::Unknown) {
                at_phase(draft, statement, impact, Phase::Expand);
            } else {
                refuse_unseen(
                    draft,
                    statement,
                    "airlock does not know this statement and does not guess",
                    "unknown",
                );
            }
        }
    }
}

fn refuse_unseen(draft: &mut Draft<'_>, statement: &Statement, message: &str, hazard: &str) {
    draft.refuse(Diagnostic::new(message, statement.span).hint(format!(
        "Write `-- airlock: allow {hazard} \"why\"` above it when you know that it locks and changes nothing that the application needs."
    )));
}

/// Strong lock and long work: only where nobody can be waiting, or where the user says so.
fn blocking(draft: &mut Draft<'_>, statement: &Statement, impact: &Impact) {
    let relations: Vec<QualifiedName> =
        impact.work.iter().map(|work| work.relation.clone()).collect();
    if !relations.is_empty() && relations.iter().all(|relation| draft.is_unused(relation)) {
        let phase = earliest(draft, statement);
        return at_phase(draft, statement, impact, phase);
    }
    if draft.allows(statement, AllowedHazard::Blocking) {
        draft.note(
            NoteKind::Application,
            format!(
                "statement {} holds {} for as long as it works, as was allowed",
                draft.number(),
                strongest(impact)
            ),
        );
        return long(draft, statement, impact);
    }
    let work: Vec<String> = impact.work.iter().map(describe).collect();
    let time = alternatives::cost(draft, &impact.work)
        .map_or_else(String::new, |time| format!(" for {time} (an estimate)"));
    let advice = alternatives::of(draft, statement, impact);
    let why = advice.as_ref().map_or_else(String::new, |advice| format!(" {}", advice.why));
    let choices =
        advice.map_or_else(|| "airlock has no online form for it yet.".to_owned(), |a| a.choices);
    draft.refuse(
        Diagnostic::new("this statement blocks the application while it works", statement.span)
            .label(strongest(impact))
            .detail(format!("It {}, under that lock{time}.{why}", text::listed(&work)))
            .hint(format!("{choices} Or allow it with `-- airlock: allow blocking \"why\"` for a time when the application can wait.")),
    );
}

fn strongest(impact: &Impact) -> String {
    impact
        .locks
        .iter()
        .max_by_key(|lock| lock.mode)
        .map_or("no lock".to_owned(), |lock| format!("{} on {}", lock.mode, lock.relation))
}

fn describe(work: &Work) -> String {
    let verb = match work.kind {
        WorkKind::Scan => "reads all of",
        WorkKind::Validate => "looks up every row of",
        WorkKind::IndexBuild => "builds an index on",
        WorkKind::Rewrite => "rewrites",
        WorkKind::RowChanges => "changes rows of",
    };
    format!("{verb} {}", work.relation)
}

/// One statement that may take its time, in the migrate phase.
pub(super) fn long(draft: &mut Draft<'_>, statement: &Statement, impact: &Impact) {
    let inserted: Vec<QualifiedName> = impact
        .locks
        .iter()
        .filter(|lock| lock.mode == LockMode::RowExclusive)
        .map(|lock| lock.relation.clone())
        .collect();
    let undo = inverse::of(draft, statement);
    draft
        .step(
            Phase::Migrate,
            "runs as it stands: it is in nobody's way, or was allowed",
            Action::Statement { sql: statement.sql.clone() },
        )
        .locks(lockable(impact.locks.clone()))
        .works(impact.work.clone())
        .undo(undo);
    for relation in inserted {
        draft.floors.filled(&relation);
        draft.floors.relation(&relation, Phase::Migrate);
    }
}

fn lockable(locks: Vec<RelationLock>) -> Vec<RelationLock> {
    lock_set(locks.into_iter().map(|lock| (lock.relation, lock.mode)))
}

/// The statement in a short transaction of its own.
pub(super) fn at_phase(
    draft: &mut Draft<'_>,
    statement: &Statement,
    impact: &Impact,
    phase: Phase,
) {
    if writes_rows(statement) {
        return long(draft, statement, impact);
    }
    let locks = requested(draft, impact);
    let late = phase.max(draft.floor()) == Phase::Contract;
    let raised = late && phase != Phase::Contract;
    if (raised || (late && draft.is_together())) && join_contract(draft, statement, &locks) {
        if !raised {
            remember_dropped(draft, statement, Phase::Contract);
        }
        remember_default(draft, statement, Phase::Contract);
        return;
    }
    let undo = if phase.max(draft.floor()) == Phase::Contract {
        Undo::Nothing
    } else {
        inverse::of(draft, statement)
    };
    let why = match impact.verdict {
        Verdict::Unknown => "not known to airlock; allowed".to_owned(),
        _ if impact.locks.is_empty() => "touches nothing that anybody uses".to_owned(),
        _ => "metadata only: milliseconds whatever the size".to_owned(),
    };
    let action = Action::Transaction { sql: vec![statement.sql.clone()] };
    let step = if phase == Phase::Expand && only_adds_columns(statement) {
        draft.additive_step(why, action)
    } else {
        draft.step(phase, why, action)
    };
    step.locks(locks).undo(undo);
    let actual = phase.max(draft.floor());
    let drops = matches!(statement.node, NodeEnum::DropStmt(_) | NodeEnum::TruncateStmt(_));
    if phase == Phase::Contract || (drops && actual > Phase::Expand) {
        remember_dropped(draft, statement, actual);
    }
    remember_default(draft, statement, actual);
}

fn remember_default(draft: &mut Draft<'_>, statement: &Statement, phase: Phase) {
    if let NodeEnum::AlterTableStmt(alter) = &statement.node
        && let Some(name) = super::dispatch::target(draft, alter.relation.as_ref())
    {
        order::default_changed(draft, alter, &name, phase);
    }
}

fn only_adds_columns(statement: &Statement) -> bool {
    let NodeEnum::AlterTableStmt(alter) = &statement.node else { return false };
    alter.cmds.iter().all(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => command.subtype() == AlterTableType::AtAddColumn,
        _ => false,
    })
}

/// A statement that waits for what contract frees joins the transaction that frees it, so that
/// nobody sees the gap.
fn join_contract(draft: &mut Draft<'_>, statement: &Statement, locks: &[RelationLock]) -> bool {
    let number = draft.number();
    let Some(step) = draft.last_of_phase(Phase::Contract) else { return false };
    let Action::Transaction { sql } = &mut step.action else { return false };
    sql.push(statement.sql.clone());
    if !step.statements.contains(&number) {
        step.statements.push(number);
    }
    step.locks =
        lock_set(step.locks.iter().chain(locks).map(|lock| (lock.relation.clone(), lock.mode)));
    true
}

/// Locks that are requested before the statement, or at least looked at: those that somebody could be
/// waiting for. `LOCK TABLE` takes no materialized view and no sequence; the statement locks them
/// itself, when nobody is in the way.
pub(super) fn requested(draft: &Draft<'_>, impact: &Impact) -> Vec<RelationLock> {
    lock_set(
        impact
            .locks
            .iter()
            .filter(|lock| lock.mode >= LockMode::ShareUpdateExclusive)
            .filter(|lock| {
                draft.catalog.relation(&lock.relation).is_some_and(|relation| {
                    matches!(
                        relation.kind,
                        RelationKind::Table
                            | RelationKind::PartitionedTable
                            | RelationKind::View
                            | RelationKind::MaterializedView
                            | RelationKind::Sequence
                    )
                })
            })
            .map(|lock| (lock.relation.clone(), lock.mode)),
    )
}

fn writes_rows(statement: &Statement) -> bool {
    matches!(
        statement.node,
        NodeEnum::InsertStmt(_) | NodeEnum::MergeStmt(_) | NodeEnum::CopyStmt(_)
    )
}

/// Contract for what takes something away from the old application.
fn earliest(draft: &Draft<'_>, statement: &Statement) -> Phase {
    match &statement.node {
        NodeEnum::DropStmt(drop) => match drop.remove_type() {
            ObjectType::ObjectTrigger | ObjectType::ObjectRule => Phase::Expand,
            _ => new_only(draft, statement),
        },
        NodeEnum::TruncateStmt(_) => new_only(draft, statement),
        NodeEnum::GrantStmt(grant) if !grant.is_grant => Phase::Contract,
        NodeEnum::GrantRoleStmt(grant) if !grant.is_grant => Phase::Contract,
        NodeEnum::AlterTableStmt(alter) => {
            let takes_default = alter.cmds.iter().any(|node| match &node.node {
                Some(NodeEnum::AlterTableCmd(command)) => {
                    command.subtype() == AlterTableType::AtColumnDefault && command.def.is_none()
                }
                _ => false,
            });
            let new = super::dispatch::target(draft, alter.relation.as_ref())
                .is_some_and(|name| draft.is_new(&name));
            if takes_default && !new { Phase::Contract } else { Phase::Expand }
        }
        _ => Phase::Expand,
    }
}

/// Nobody else uses what the migration itself has made: it goes, or is emptied, as soon as no earlier
/// statement needs it any more.
fn new_only(draft: &Draft<'_>, statement: &Statement) -> Phase {
    if !privileges::ends_new(draft, statement) {
        return Phase::Contract;
    }
    match &statement.node {
        // A trigger may use it as long as the old application runs.
        NodeEnum::DropStmt(_) if draft.ledger.has_trigger => Phase::Contract,
        NodeEnum::DropStmt(_) => draft.latest_work(),
        _ => Phase::Expand,
    }
}

/// Later statements that name what `phase` drops come after it.
fn remember_dropped(draft: &mut Draft<'_>, statement: &Statement, phase: Phase) {
    match &statement.node {
        NodeEnum::DropStmt(drop) => {
            for object in &drop.objects {
                let last = match &object.node {
                    Some(NodeEnum::ObjectWithArgs(named)) => {
                        super::groups::strings(&named.objname).pop()
                    }
                    Some(NodeEnum::TypeName(named)) => super::groups::strings(&named.names).pop(),
                    Some(NodeEnum::String(name)) => Some(name.sval.clone()),
                    _ => path(object).and_then(|mut path| path.pop()),
                };
                if let Some(word) = last {
                    draft.floors.word(&word, phase);
                }
            }
        }
        NodeEnum::AlterTableStmt(alter) => {
            let name = super::dispatch::target(draft, alter.relation.as_ref());
            for node in &alter.cmds {
                if let (Some(NodeEnum::AlterTableCmd(command)), Some(name)) = (&node.node, &name) {
                    draft.floors.member(name, &command.name, phase);
                    if command.subtype() == AlterTableType::AtColumnDefault && command.def.is_none()
                    {
                        // Without either, an INSERT that leaves the column out fails.
                        draft.together_until(&[&name.name, &command.name, "identity", "add"]);
                    }
                }
            }
        }
        NodeEnum::TruncateStmt(truncate) => {
            for node in &truncate.relations {
                if let Some(NodeEnum::RangeVar(range)) = &node.node {
                    draft.floors.word(&range.relname, phase);
                }
            }
        }
        _ => {}
    }
}

/// `VALIDATE CONSTRAINT` as written.
pub(super) fn validate(
    draft: &mut Draft<'_>,
    part: &Statement,
    relation: &QualifiedName,
    constraint: &str,
    impact: &Impact,
) {
    if impact.work.is_empty() {
        return at_phase(draft, part, impact, Phase::Migrate);
    }
    draft
        .step(
            Phase::Migrate,
            format!("existing rows are checked for {constraint} while the application goes on"),
            Action::Validate {
                sql: alter(relation, &format!("VALIDATE CONSTRAINT {}", quote_ident(constraint))),
            },
        )
        .locks(lockable(impact.locks.clone()))
        .works(impact.work.clone());
}

/// `DROP CONSTRAINT`: a check is only relaxed; a key may be relied on (`ON CONFLICT`, cascades).
pub(super) fn drop_constraint(
    draft: &mut Draft<'_>,
    part: &Statement,
    relation: &QualifiedName,
    command: &AlterTableCmd,
    impact: &Impact,
) {
    let found =
        draft.catalog.relation(relation).and_then(|table| table.constraint(&command.name)).cloned();
    let Some(found) = found else { return at_phase(draft, part, impact, Phase::Expand) };
    if draft.is_new(relation) {
        return at_phase(draft, part, impact, Phase::Expand);
    }
    match found.kind {
        ConstraintKind::Check => relax_check(draft, part, relation, &found, impact),
        ConstraintKind::NotNull => {
            let undo = found
                .columns
                .first()
                .map_or(Undo::Nothing, |column| set_not_null::restore(draft, relation, column));
            let locks = requested(draft, impact);
            draft
                .step(
                    Phase::Expand,
                    format!("{} goes: both applications can write what it forbade", found.name),
                    Action::Transaction { sql: vec![part.sql.clone()] },
                )
                .locks(locks)
                .undo(undo);
        }
        ConstraintKind::ForeignKey
        | ConstraintKind::PrimaryKey
        | ConstraintKind::Unique
        | ConstraintKind::Exclude
        | ConstraintKind::Trigger => {
            let mut brief = impact.clone();
            brief.verdict = Verdict::Brief;
            at_phase(draft, part, &brief, Phase::Contract);
            draft.floors.member(relation, &found.name, Phase::Contract);
            let kind = match found.kind {
                ConstraintKind::PrimaryKey => Some(again::Kind::PrimaryKey),
                ConstraintKind::Unique => Some(again::Kind::Unique),
                ConstraintKind::ForeignKey => Some(again::Kind::ForeignKey),
                ConstraintKind::Check
                | ConstraintKind::NotNull
                | ConstraintKind::Exclude
                | ConstraintKind::Trigger => None,
            };
            if let Some(kind) = kind {
                draft.remember_dropped(relation, &found.name, kind, &part.sql);
            }
            draft.gate(
                Phase::Contract,
                format!("no running application relies on {} of {relation}", found.name),
            );
        }
    }
}

fn relax_check(
    draft: &mut Draft<'_>,
    part: &Statement,
    relation: &QualifiedName,
    found: &Constraint,
    impact: &Impact,
) {
    let locks = requested(draft, impact);
    let quoted = quote_ident(&found.name);
    let add = alter(relation, &format!("ADD CONSTRAINT {quoted} {} NOT VALID", found.definition));
    let drop = alter(relation, &format!("DROP CONSTRAINT IF EXISTS {quoted}"));
    let validate = alter(relation, &format!("VALIDATE CONSTRAINT {quoted}"));
    let undo = if found.validated {
        Undo::Sequence {
            parts: vec![
                Undo::Transaction { sql: vec![drop, add], locks: locks.clone() },
                Undo::Validate { sql: validate.clone() },
                // Nothing is left to do by then: the transaction is there for the journal's sake.
                Undo::Transaction { sql: vec![validate], locks: Vec::new() },
            ],
        }
    } else {
        Undo::Transaction { sql: vec![drop, add], locks: locks.clone() }
    };
    draft
        .step(
            Phase::Expand,
            format!("{} goes: both applications can write what it forbade", found.name),
            Action::Transaction { sql: vec![part.sql.clone()] },
        )
        .locks(locks)
        .undo(undo);
    draft.remember_dropped(relation, &found.name, again::Kind::Check, &part.sql);
}
