//! What a migration says of its transaction and its session.
//!
//! *In words*: each step of a plan is a transaction of its own, and a run may go on after a death on
//! another connection, next to others that build and fill. So nothing may live in a session. A plain
//! `BEGIN … COMMIT` is left out, and so are settings that airlock makes itself or that change nothing
//! which stays. Settings that values depend on are kept in the plan, and every connection of the run
//! makes them. `ROLLBACK` and savepoints, temporary objects, cursors, prepared statements, locks of
//! the session and other settings are refused.

mod settings;
mod strings;
mod temporary;

use super::draft::Draft;
use super::error::Refusal;
use crate::error::Kind;
use crate::plan::NoteKind;
use crate::sql::setting::{called, setting};
use crate::sql::walk::walk_some;
use crate::sql::{Diagnostic, Script, Span, Statement};
use pg_query::protobuf::{Node, TransactionStmt, TransactionStmtKind, a_const};
use pg_query::{NodeEnum, NodeRef};
use settings::Settings;
pub(super) use settings::is_read_by_values;
use std::collections::BTreeMap;
pub(super) use strings::ambiguous;

/// Functions whose effect, or answer, belongs to the connection that calls them.
const LOCKS: [&str; 13] = [
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_advisory_unlock",
    "pg_advisory_unlock_all",
    "pg_advisory_unlock_shared",
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
    "pg_export_snapshot",
    "setseed",
];

const EACH_STEP: &str = "Each step of a plan is a transaction of its own.";
const CONNECTIONS: &str =
    "A run has several connections, and goes on with others after an interruption.";

/// What is kept of the session: settings for every connection of the run.
///
/// # Errors
/// Every statement that a plan cannot stand for, with its place.
pub(super) fn check(script: &Script) -> Result<BTreeMap<String, String>, Vec<Refusal>> {
    let mut check = Check { open: None, settings: Settings::default(), refusals: Vec::new() };
    script.statements.iter().for_each(|statement| check.statement(statement));
    if let Some(span) = check.open {
        check.refuse(
            Diagnostic::new("this transaction never ends", span)
                .detail("As written nothing of what follows would stay.")
                .hint("Write COMMIT at its end, or leave BEGIN out."),
        );
    }
    let Check { settings, mut refusals, .. } = check;
    let kept = settings.finish(&mut refusals);
    if refusals.is_empty() { Ok(kept) } else { Err(refusals) }
}

/// What [`super::plan`] will refuse of `script` whatever the database: that which lives in a
/// transaction or a session.
pub fn of_session(script: &Script) -> Vec<Diagnostic> {
    let refused = check(script).err().unwrap_or_default();
    refused.into_iter().map(|refusal| refusal.diagnostic).collect()
}

/// The same of `BEGIN`, `COMMIT` and their kin alone.
pub fn of_transactions(script: &Script) -> Vec<Diagnostic> {
    let is_control = |of: &&Statement| matches!(of.node, NodeEnum::TransactionStmt(_));
    let statements = script.statements.iter().filter(is_control).cloned().collect();
    of_session(&Script { statements, ..script.clone() })
}

/// Whether the statement is only about transaction or session, and so no step of the plan; it has
/// passed [`check`].
pub(super) fn leave_out(draft: &mut Draft<'_>, statement: &Statement) -> bool {
    if let NodeEnum::TransactionStmt(control) = &statement.node {
        draft.note(
            NoteKind::Information,
            "BEGIN and COMMIT of the migration are left out: each step has a transaction of its own",
        );
        if let Some(level) = isolation(control) {
            draft.note(
                NoteKind::Information,
                format!(
                    "{level} of the migration is left out: each step sees what is committed when it runs"
                ),
            );
        }
        return true;
    }
    if matches!(statement.node, NodeEnum::ConstraintsSetStmt(_)) {
        draft.note(
            NoteKind::Information,
            "SET CONSTRAINTS … IMMEDIATE of the migration is left out: each step checks at its end",
        );
        return true;
    }
    let Some(found) = setting(&statement.node) else { return false };
    if let Some(note) = settings::note(&found.name) {
        draft.note(NoteKind::Information, note);
    }
    true
}

struct Check {
    /// The `BEGIN` of the transaction that is open.
    open: Option<Span>,
    settings: Settings,
    refusals: Vec<Refusal>,
}

impl Check {
    fn refuse(&mut self, diagnostic: Diagnostic) {
        self.refusals.push(Refusal { kind: Kind::Refused, diagnostic });
    }

    fn statement(&mut self, statement: &Statement) {
        let span = statement.span;
        match &statement.node {
            NodeEnum::TransactionStmt(control) => return self.transaction(control, span),
            NodeEnum::ConstraintsSetStmt(set) => {
                if set.deferred {
                    self.refuse(
                        Diagnostic::new("SET CONSTRAINTS … DEFERRED reaches no other statement", span)
                            .detail(EACH_STEP)
                            .hint("Write the statements in an order in which each keeps the constraints, or as one statement (WITH … INSERT …)."),
                    );
                }
                return;
            }
            _ => {}
        }
        if let Some(found) = setting(&statement.node) {
            if let Some(wrong) = self.settings.read(&found, span, self.open.is_some()) {
                self.refusals.push(wrong);
            }
            return;
        }
        self.settings.other_statement();
        if let Some(what) = temporary::object(&statement.node) {
            self.refuse(
                Diagnostic::new(format!("{what} is gone with its connection"), span)
                    .detail(CONNECTIONS)
                    .hint("Use an ordinary object, of an unlogged table for instance (CREATE UNLOGGED TABLE), and drop it at the end of the migration; or do all of it in one DO block."),
            );
        }
        if let Some((what, hint)) = about_session(&statement.node) {
            self.refuse(
                Diagnostic::new(format!("{what} holds only for the connection that runs it"), span)
                    .detail(CONNECTIONS)
                    .hint(hint),
            );
        }
        for (function, hint) in calls(&statement.node) {
            self.refuse(
                Diagnostic::new(
                    format!("{function}() is about the connection that calls it"),
                    span,
                )
                .detail(CONNECTIONS)
                .hint(hint),
            );
        }
    }

    fn transaction(&mut self, control: &TransactionStmt, span: Span) {
        use TransactionStmtKind as Kind;
        let refused = |message: &str, hint: &str| {
            Some(Diagnostic::new(message, span).detail(EACH_STEP).hint(hint))
        };
        let wrong = match control.kind() {
            Kind::TransStmtBegin | Kind::TransStmtStart => {
                if is_read_only(control) {
                    refused(
                        "a migration in a READ ONLY transaction changes nothing",
                        "Leave READ ONLY out.",
                    )
                } else if self.open.replace(span).is_some() {
                    refused(
                        "a transaction is open already",
                        "Leave this BEGIN out, or COMMIT before it.",
                    )
                } else {
                    None
                }
            }
            Kind::TransStmtCommit if control.chain => refused(
                "AND CHAIN carries a transaction on into the next",
                "Write COMMIT, and BEGIN after it.",
            ),
            Kind::TransStmtCommit => {
                self.settings.committed();
                if self.open.take().is_some() {
                    None
                } else {
                    refused(
                        "no transaction is open here",
                        "Leave this COMMIT out, or write BEGIN where the transaction begins.",
                    )
                }
            }
            Kind::TransStmtRollback => {
                self.open = None;
                refused(
                    "ROLLBACK takes back what a plan does for good",
                    "Leave it out, with the statements that are not to stay. `airlock rollback` takes back a whole rollout.",
                )
            }
            Kind::TransStmtSavepoint | Kind::TransStmtRelease | Kind::TransStmtRollbackTo => {
                refused(
                    "a plan knows no savepoints",
                    "Leave them out, with the statements that are not to stay.",
                )
            }
            Kind::TransStmtPrepare
            | Kind::TransStmtCommitPrepared
            | Kind::TransStmtRollbackPrepared => {
                self.open = None;
                refused(
                    "a prepared transaction is not part of a migration",
                    "Write plain statements, with BEGIN and COMMIT around them or without.",
                )
            }
            Kind::Undefined => refused("airlock does not know this statement", "Leave it out."),
        };
        if let Some(wrong) = wrong {
            self.refuse(wrong);
        }
    }
}

/// The modes of a `BEGIN`, each with its value.
fn modes(control: &TransactionStmt) -> impl Iterator<Item = (&str, &Node)> {
    control.options.iter().filter_map(|option| match &option.node {
        Some(NodeEnum::DefElem(mode)) => Some((mode.defname.as_str(), mode.arg.as_deref()?)),
        _ => None,
    })
}

fn is_read_only(control: &TransactionStmt) -> bool {
    modes(control).any(|(name, value)| name == "transaction_read_only" && is_true(value))
}

fn is_true(value: &Node) -> bool {
    match &value.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Ival(number)) => number.ival != 0,
            Some(a_const::Val::Boolval(boolean)) => boolean.boolval,
            Some(a_const::Val::Sval(_) | a_const::Val::Fval(_) | a_const::Val::Bsval(_)) | None => {
                false
            }
        },
        _ => false,
    }
}

/// The level of isolation when the transaction asks for more than the usual one.
fn isolation(control: &TransactionStmt) -> Option<String> {
    modes(control).filter(|(name, _)| *name == "transaction_isolation").find_map(|(_, value)| {
        match &value.node {
            Some(NodeEnum::AConst(constant)) => match &constant.val {
                Some(a_const::Val::Sval(level)) => {
                    let level = level.sval.to_uppercase();
                    (!level.starts_with("READ")).then(|| format!("ISOLATION LEVEL {level}"))
                }
                _ => None,
            },
            _ => None,
        }
    })
}

/// Statements about the session as such, and what to write in their place.
fn about_session(node: &NodeEnum) -> Option<(&'static str, &'static str)> {
    const QUERY: &str = "Write the statement itself in its place.";
    const CURSOR: &str = "Write one statement over all rows, or a loop in a DO block.";
    const NOBODY: &str = "Leave it out: nobody hears it.";
    match node {
        NodeEnum::PrepareStmt(_) => Some(("PREPARE", QUERY)),
        NodeEnum::ExecuteStmt(_) => Some(("EXECUTE", QUERY)),
        NodeEnum::DeallocateStmt(_) => Some(("DEALLOCATE", "Leave it out.")),
        NodeEnum::CreateTableAsStmt(create) => {
            create.query.as_ref().and_then(|query| about_session(query.node.as_ref()?))
        }
        NodeEnum::ExplainStmt(explain) => {
            explain.query.as_ref().and_then(|query| about_session(query.node.as_ref()?))
        }
        NodeEnum::DeclareCursorStmt(_) => Some(("DECLARE", CURSOR)),
        NodeEnum::FetchStmt(_) => Some(("FETCH", CURSOR)),
        NodeEnum::ClosePortalStmt(_) => Some(("CLOSE", CURSOR)),
        NodeEnum::ListenStmt(_) => Some(("LISTEN", NOBODY)),
        NodeEnum::UnlistenStmt(_) => Some(("UNLISTEN", NOBODY)),
        NodeEnum::DiscardStmt(_) => {
            Some(("DISCARD", "Leave it out: the connections of a run are its own."))
        }
        NodeEnum::LoadStmt(_) => Some((
            "LOAD",
            "Let every session load it: `ALTER DATABASE … SET session_preload_libraries = …`.",
        )),
        _ => None,
    }
}

/// Calls that belong to the session, in a statement that runs them (a view or a default only names
/// them).
fn calls(node: &NodeEnum) -> Vec<(String, &'static str)> {
    let root = match node {
        NodeEnum::SelectStmt(_)
        | NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_) => Some(node),
        NodeEnum::CreateTableAsStmt(create) => below(create.query.as_deref()),
        NodeEnum::CopyStmt(copy) => below(copy.query.as_deref()),
        NodeEnum::ExplainStmt(explain) => below(explain.query.as_deref()),
        _ => None,
    };
    let mut names: Vec<&str> = Vec::new();
    if let Some(root) = root {
        walk_some(root.to_ref(), |node| {
            if let NodeRef::FuncCall(call) = node {
                names.push(called(call));
            }
            true
        });
    }
    let drawn = names.contains(&"nextval");
    let hint = |name: &str| match name {
        "set_config" => Some("Write it as a statement of its own: SET name = 'value'."),
        "currval" | "lastval" if !drawn => Some(
            "Take the number in the statement that draws it: WITH new AS (INSERT … RETURNING id) INSERT … SELECT … FROM new.",
        ),
        name if LOCKS.contains(&name) => {
            Some("Leave it out: airlock itself lets only one run into a database at a time.")
        }
        _ => None,
    };
    let mut found: Vec<(String, &'static str)> =
        names.iter().filter_map(|name| Some(((*name).to_owned(), hint(name)?))).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn below(node: Option<&Node>) -> Option<&NodeEnum> {
    node.and_then(|node| node.node.as_ref())
}

#[cfg(test)]
mod tests;
