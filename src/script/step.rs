//! One step of a plan as a script runs it.

use super::text::{block, comment, dollar, echo, statement};
use super::{Bounds, journal, ms, rows, usual_timeouts};
use crate::lock::depth;
use crate::plan::{Action, Check, Plan, RelationLock, Step, Undo};
use crate::sql::quote_literal;

/// The procedure that takes locks, in the order of [`depth`]. A relation that is not there is passed over: the step makes it. So
/// is what `LOCK TABLE` does not take: the statements lock it themselves, under the timeout.
pub(super) fn lock_procedure(bounds: &Bounds) -> String {
    let body = format!(
        "
DECLARE
  deadline timestamptz := pg_catalog.clock_timestamp() + '{} ms'::interval;
  wanted record;
BEGIN
  LOOP
    BEGIN
      FOR wanted IN
        SELECT c.oid::pg_catalog.regclass AS relation, n.mode
        FROM ROWS FROM (pg_catalog.unnest(names), pg_catalog.unnest(modes)) WITH ORDINALITY AS n (name, mode, place)
        JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(n.name) AND c.relkind IN ('r', 'p')
        ORDER BY {}, n.place
      LOOP
        EXECUTE pg_catalog.format('LOCK TABLE ONLY %s IN %s MODE', wanted.relation, wanted.mode);
      END LOOP;
      EXIT;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF pg_catalog.clock_timestamp() > deadline THEN RAISE; END IF;
      PERFORM pg_catalog.pg_sleep(0.1 + 0.4 * pg_catalog.random());
    END;
  END LOOP;
END
",
        ms(bounds.patience),
        depth("c.oid")
    );
    format!(
        "CREATE PROCEDURE pg_temp.airlock_lock(names text[], modes text[]) LANGUAGE plpgsql AS {};\n",
        dollar(&body)
    )
}

fn locks(locks: &[RelationLock]) -> String {
    if locks.is_empty() {
        return String::new();
    }
    let list = |f: &dyn Fn(&RelationLock) -> String| {
        locks.iter().map(|lock| quote_literal(&f(lock))).collect::<Vec<_>>().join(", ")
    };
    format!(
        "CALL pg_temp.airlock_lock(ARRAY[{}], ARRAY[{}]);\n",
        list(&|lock| lock.relation.to_string()),
        list(&|lock| lock.mode.to_string())
    )
}

/// Adds `step` to the script, inside the condition that it is still to be done.
pub(super) fn write(plan: &Plan, step: &Step, bounds: &Bounds, script: &mut String) {
    let revision = &plan.revision.id;
    script.push('\n');
    script.push_str(&comment(&format!("Step {}: {}", step.id, step.why)));
    script.push_str(&journal::todo(revision, &step.id));
    script.push_str("\\if :airlock_todo\n");
    script.push_str(&echo(&format!("{}: {}", step.id, step.why)));
    script.push_str(&journal::start(revision, &step.id, step.phase));
    let done = journal::done(revision, &step.id);
    match &step.action {
        Action::Transaction { sql } => script.push_str(&brief(sql, &step.locks, &done, bounds)),
        Action::Validate { sql } => script.push_str(&long(sql, &done)),
        Action::Statement { sql } => script.push_str(&format!(
            "BEGIN;\nSET LOCAL statement_timeout = 0;\n{}{done}COMMIT;\n",
            statement(sql)
        )),
        Action::Maintenance { sql } => script.push_str(&format!(
            "SET lock_timeout = 0;\nSET statement_timeout = 0;\n{}{done}",
            statement(sql)
        )),
        Action::Concurrent { sql, probe, cleanup } => {
            script.push_str(&concurrent(&step.id, sql, probe, cleanup, bounds));
            script.push_str(&done);
        }
        Action::Backfill(backfill) => {
            script.push_str(&rows::backfill(plan, &step.id, backfill, bounds));
            script.push_str(&journal::done_walking(revision, &step.id));
        }
        Action::Verify { relation, check, meaning } => {
            script.push_str(&match check {
                Check::Query { sql } => rows::verify_count(sql, meaning, bounds),
                Check::Rows { alias, condition } => {
                    rows::verify_rows(relation, alias, condition, meaning, bounds)
                }
            });
            script.push_str(&done);
        }
    }
    script.push_str("\\endif\n");
}

/// A short transaction under the stall budget; `done` is the journal's word.
fn brief(sql: &[String], wanted: &[RelationLock], done: &str, bounds: &Bounds) -> String {
    let (stall, hold) = (ms(bounds.max_stall / 2), ms(bounds.max_hold));
    let work: String = sql.iter().map(|sql| statement(sql)).collect();
    format!(
        "BEGIN;\nSET LOCAL lock_timeout = '{stall}ms';\nSET LOCAL statement_timeout = 0;\n{}\
         SET LOCAL statement_timeout = '{hold}ms';\n{work}{done}COMMIT;\n",
        locks(wanted)
    )
}

/// A long statement under weak locks.
fn long(sql: &str, done: &str) -> String {
    format!(
        "BEGIN;\nSET LOCAL lock_timeout = 0;\nSET LOCAL statement_timeout = 0;\n{}{done}COMMIT;\n",
        statement(sql)
    )
}

/// Adds the way back of `step` to the script, inside the condition that the step is there.
pub(super) fn write_undo(plan: &Plan, step: &Step, bounds: &Bounds, script: &mut String) {
    let revision = &plan.revision.id;
    script.push('\n');
    script.push_str(&comment(&format!("Step {} back: {}", step.id, step.why)));
    // What commits as a whole and was cut off has left nothing.
    let traces = match &step.action {
        Action::Concurrent { .. } | Action::Backfill(_) | Action::Maintenance { .. } => true,
        Action::Transaction { .. }
        | Action::Validate { .. }
        | Action::Verify { .. }
        | Action::Statement { .. } => false,
    };
    script.push_str(&journal::is_there(revision, &step.id, traces));
    script.push_str("\\if :airlock_todo\n");
    script.push_str(&echo(&format!("{} back", step.id)));
    let undone = journal::undone(revision, &step.id);
    match &step.undo {
        Undo::Nothing => script.push_str(&undone),
        Undo::Irreversible { why } => {
            script.push_str(&echo(&format!("stays: {why}")));
            script.push_str(&undone);
        }
        Undo::Transaction { .. } | Undo::Concurrent { .. } | Undo::Validate { .. } => {
            script.push_str(&undo(&step.id, &step.undo, &undone, bounds));
        }
        Undo::Sequence { parts } => {
            for (index, part) in parts.iter().enumerate() {
                let last = index + 1 == parts.len();
                let word = if last { undone.as_str() } else { "" };
                script.push_str(&undo(&step.id, part, word, bounds));
            }
            if parts.is_empty() {
                script.push_str(&undone);
            }
        }
    }
    script.push_str("\\endif\n");
    if !traces {
        script.push_str(&journal::undone_unfinished(revision, &step.id));
    }
}

/// One part of a way back.
fn undo(step: &str, undo: &Undo, word: &str, bounds: &Bounds) -> String {
    match undo {
        Undo::Transaction { sql, locks } => brief(sql, locks, word, bounds),
        Undo::Validate { sql } => long(sql, word),
        Undo::Concurrent { sql, probe, cleanup } => {
            format!("{}{word}", concurrent(step, sql, probe, cleanup, bounds))
        }
        // The plan's check lets none of these be a part.
        Undo::Nothing | Undo::Irreversible { .. } | Undo::Sequence { .. } => word.to_owned(),
    }
}

/// Probe, clear away, build, probe.
fn concurrent(step: &str, sql: &str, probe: &str, cleanup: &str, bounds: &Bounds) -> String {
    let probe = probe.trim_end().trim_end_matches(';');
    let is = |answer: &str| format!("({probe}\n) = '{answer}'");
    let wrong =
        quote_literal(&format!("step {step} was carried out and its probe does not say so"));
    let check = block(
        "",
        &format!(
            "  IF NOT {} THEN\n    RAISE EXCEPTION USING MESSAGE = {wrong};\n  END IF;\n",
            is("done")
        ),
    );
    // No lock timeout: these locks keep no reader or writer waiting.
    format!(
        "SET lock_timeout = 0;\nSET statement_timeout = 0;\n{}\\if :airlock_half_done\n{}\\endif\n{}\
         \\if :airlock_absent\n{}\\endif\n{check}{}",
        journal::gset(&is("half-done"), "airlock_half_done"),
        statement(cleanup),
        journal::gset(&is("absent"), "airlock_absent"),
        statement(sql),
        usual_timeouts(bounds),
    )
}
