//! Whether a plan hangs together: what `run` relies on without asking again.
//!
//! A plan that this module accepts can still be wrong for the database; it is never malformed.

use super::{Action, Backfill, Change, Check, Phase, Plan, Step, Undo};
use crate::sql::{Shape, parse_expression, quote_ident, shape};
use std::collections::BTreeSet;

/// Most steps that a plan may have; far above what any migration needs.
pub const MAX_STEPS: usize = 10_000;

/// Checks `plan`.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn plan(plan: &Plan) -> Result<(), String> {
    if plan.steps.len() > MAX_STEPS {
        return Err(format!("more than {MAX_STEPS} steps"));
    }
    if plan.revision.id.is_empty() {
        return Err("revision has no id".to_owned());
    }
    for (index, statement) in plan.statements.iter().enumerate() {
        if statement.number != index + 1 {
            return Err(format!(
                "statement {} stands where {} should",
                statement.number,
                index + 1
            ));
        }
    }
    let mut ids = BTreeSet::new();
    let mut phase = Phase::Expand;
    for step in &plan.steps {
        if !ids.insert(&step.id) {
            return Err(format!("two steps have the id {:?}", step.id));
        }
        if step.phase < phase {
            return Err(format!("step {} of phase {} stands after {phase}", step.id, step.phase));
        }
        phase = step.phase;
        self::step(plan, step).map_err(|what| format!("step {:?}: {what}", step.id))?;
    }
    let mut gates = BTreeSet::new();
    for gate in &plan.gates {
        if !gates.insert(gate.before) {
            return Err(format!("two gates stand before {}", gate.before));
        }
        if !plan.steps.iter().any(|step| step.phase == gate.before) {
            return Err(format!("a gate stands before {}, which has no steps", gate.before));
        }
    }
    Ok(())
}

fn step(plan: &Plan, step: &Step) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if step.id.is_empty() || step.id.len() > 63 || !step.id.chars().all(plain) {
        return Err("id is not made of a-z, 0-9 and -".to_owned());
    }
    for number in &step.statements {
        if !plan.statements.iter().any(|statement| statement.number == *number) {
            return Err(format!("stands for statement {number}, which is not there"));
        }
    }
    match &step.action {
        Action::Transaction { sql } => transaction(sql)?,
        Action::Validate { sql } | Action::Statement { sql } | Action::Maintenance { sql } => {
            one_statement(sql)?
        }
        Action::Concurrent { sql, probe, cleanup } => {
            one_statement(sql)?;
            one_query(probe)?;
            one_statement(cleanup)?;
        }
        Action::Backfill(backfill) => self::backfill(backfill)?,
        Action::Verify { check: Check::Query { sql }, .. } => one_query(sql)?,
        Action::Verify { check: Check::Rows { condition, .. }, .. } => {
            parse_expression(condition)
                .map_err(|error| format!("{error} in condition {condition:?}"))?;
        }
    }
    undo(&step.undo)
}

fn undo(undo: &Undo) -> Result<(), String> {
    match undo {
        Undo::Nothing | Undo::Irreversible { .. } => Ok(()),
        Undo::Transaction { sql, .. } => transaction(sql),
        Undo::Concurrent { .. } => concurrent(undo),
        Undo::Validate { .. } => Err("undo is a lone validation".to_owned()),
        Undo::Sequence { parts } => {
            let Some((Undo::Transaction { sql: last, .. }, before)) = parts.split_last() else {
                return Err("undo is a sequence that does not end in a transaction".to_owned());
            };
            for part in before {
                match part {
                    Undo::Transaction { sql, .. } => transaction(sql)?,
                    Undo::Concurrent { .. } => concurrent(part)?,
                    Undo::Validate { sql } => one_statement(sql)?,
                    Undo::Nothing | Undo::Sequence { .. } | Undo::Irreversible { .. } => {
                        return Err("undo is a sequence with a part that undoes nothing".to_owned());
                    }
                }
            }
            transaction(last)
        }
    }
}

fn concurrent(undo: &Undo) -> Result<(), String> {
    let Undo::Concurrent { sql, probe, cleanup } = undo else { return Ok(()) };
    one_statement(sql)?;
    one_query(probe)?;
    one_statement(cleanup)
}

fn transaction(sql: &[String]) -> Result<(), String> {
    if sql.is_empty() {
        return Err("transaction without statements".to_owned());
    }
    sql.iter().try_for_each(|sql| one_statement(sql))
}

/// A text that is more than one statement would be an implicit transaction of its own; one that
/// ends a transaction would part a step from its journal entry.
fn one_statement(sql: &str) -> Result<(), String> {
    match shape(sql)? {
        Shape::TransactionControl => Err(format!("{sql:?} begins or ends a transaction")),
        Shape::Query | Shape::Update { .. } | Shape::Delete { .. } | Shape::Other => Ok(()),
    }
}

fn one_query(sql: &str) -> Result<(), String> {
    match shape(sql)? {
        Shape::Query => Ok(()),
        Shape::TransactionControl | Shape::Update { .. } | Shape::Delete { .. } | Shape::Other => {
            Err(format!("{sql:?} is not a query"))
        }
    }
}

/// A fragment that closes its clause and opens another would make the whole come back in another
/// shape.
fn backfill(backfill: &Backfill) -> Result<(), String> {
    let Backfill { relation, alias, change, predicate, .. } = backfill;
    let alias = quote_ident(alias);
    let clause = |word: &str, list: &Option<String>| {
        list.as_ref().map(|list| format!("\n{word} {list}")).unwrap_or_default()
    };
    let (sql, wanted) = match change {
        Change::Update { set, from } => {
            let from_clause = clause("FROM", from);
            (
                format!("UPDATE {relation} AS {alias}\nSET {set}{from_clause}\nWHERE {predicate}"),
                Shape::Update { sources: from.is_some(), returning: false },
            )
        }
        Change::Delete { using } => {
            let using_clause = clause("USING", using);
            (
                format!("DELETE FROM {relation} AS {alias}{using_clause}\nWHERE {predicate}"),
                Shape::Delete { sources: using.is_some(), returning: false },
            )
        }
    };
    parse_expression(predicate).map_err(|error| format!("{error} in predicate {predicate:?}"))?;
    if shape(&sql)? == wanted { Ok(()) } else { Err(format!("{sql:?} has parts too many")) }
}
