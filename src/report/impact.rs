//! The lock-impact table: what each statement would do as written, and what the plan does instead.

use super::estimate::{self, Speed};
use super::{BAD, BOLD, CARE, FAINT, GOOD, one_line, styled};
use crate::catalog::Catalog;
use crate::lock::LockMode;
use crate::plan::{Action, Plan, RelationLock, Step, Work, WorkKind};
use anstyle::Style;
use serde_json::{Value, json};
use std::time::Duration;

const STATEMENT_CHARS: usize = 90;
const COLUMNS: [&str; 7] = ["", "lock", "relation", "reads", "writes", "work", "time"];

/// What times are estimated from.
type Known<'a> = (Option<&'a Catalog>, Speed);

/// One line of the table.
#[derive(Clone)]
struct Row {
    who: String,
    lock: String,
    relation: String,
    reads: Wait,
    writes: Wait,
    work: String,
    time: String,
}

/// What a lock means for the statements that it conflicts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// They do not conflict.
    No,
    /// For milliseconds, whatever the size.
    Brief,
    /// For as long as the work takes.
    Long,
}

impl Wait {
    fn of(conflicts: bool, long: bool) -> Wait {
        match (conflicts, long) {
            (false, _) => Wait::No,
            (true, false) => Wait::Brief,
            (true, true) => Wait::Long,
        }
    }

    fn words(self) -> (&'static str, Style) {
        match self {
            Wait::No => ("go on", GOOD),
            Wait::Brief => ("wait briefly", CARE),
            Wait::Long => ("BLOCKED", BAD),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Wait::No => "no",
            Wait::Brief => "briefly",
            Wait::Long => "blocked",
        }
    }
}

/// The table of `plan`; sizes and times from `catalog` where it knows them.
pub fn text(plan: &Plan, catalog: Option<&Catalog>, speed: Speed) -> String {
    let mut blocks: Vec<(String, Vec<Row>)> = Vec::new();
    if plan.statements.is_empty() && plan.steps.is_empty() {
        return "It holds no statement.\n".to_owned();
    }
    for statement in &plan.statements {
        let heading = format!(
            "{} {}  {}",
            styled(&format!("{}.", statement.number), BOLD),
            styled(&one_line(&statement.sql, STATEMENT_CHARS), BOLD),
            styled(&format!("line {}", statement.line), FAINT),
        );
        let mut rows =
            rows("as written", &statement.locks, &statement.work, true, (catalog, speed));
        let steps =
            plan.steps.iter().filter(|step| step.statements.first() == Some(&statement.number));
        for step in steps {
            rows.extend(step_rows(step, (catalog, speed)));
        }
        blocks.push((heading, rows));
    }
    let rest: Vec<Row> = plan
        .steps
        .iter()
        .filter(|step| step.statements.is_empty())
        .flat_map(|step| step_rows(step, (catalog, speed)))
        .collect();
    if !rest.is_empty() {
        blocks.push((styled("for all of them", BOLD), rest));
    }
    render(&blocks)
}

fn step_rows(step: &Step, known: Known<'_>) -> Vec<Row> {
    rows(&step.id, &step.locks, &step.work, is_one_transaction(&step.action), known)
}

/// Whether the locks are held until all of the work is done.
pub(super) fn is_one_transaction(action: &Action) -> bool {
    match action {
        Action::Transaction { .. }
        | Action::Validate { .. }
        | Action::Concurrent { .. }
        | Action::Statement { .. } => true,
        Action::Backfill(_) | Action::Verify { .. } | Action::Maintenance { .. } => false,
    }
}

fn rows(
    who: &str,
    locks: &[RelationLock],
    work: &[Work],
    held_through: bool,
    (catalog, speed): Known<'_>,
) -> Vec<Row> {
    let long = held_through && !work.is_empty();
    let time = match (work.is_empty(), estimate::total(work, catalog, speed)) {
        (true, _) if locks.len() >= MANY => {
            let each = u32::try_from(locks.len()).unwrap_or(u32::MAX);
            format!("~ {} ms", EACH.saturating_mul(each).as_millis())
        }
        (true, _) => "ms".to_owned(),
        (false, Some(time)) => estimate::words(time),
        (false, None) => "grows with size".to_owned(),
    };
    let work = work.iter().map(|work| work_words(work, catalog)).collect::<Vec<_>>().join(", ");
    let row = |lock: Option<&RelationLock>| Row {
        who: who.to_owned(),
        lock: lock.map_or("none", |lock| lock.mode.sql()).to_owned(),
        relation: lock.map(|lock| one_line(&lock.relation.to_string(), 40)).unwrap_or_default(),
        reads: Wait::of(lock.is_some_and(|lock| lock.mode.blocks_reads()), long),
        writes: Wait::of(lock.is_some_and(|lock| lock.mode.blocks_writes()), long),
        work: work.clone(),
        time: time.clone(),
    };
    // Weak locks beside a strong one say nothing that a reader needs.
    let matters = |lock: &&RelationLock| lock.mode > LockMode::AccessShare;
    let mut rows: Vec<Row> = locks.iter().filter(matters).map(|lock| row(Some(lock))).collect();
    if rows.is_empty() {
        rows.push(row(locks.first()));
    }
    let mut rows = shortened(rows);
    for repeated in rows.iter_mut().skip(1) {
        repeated.who.clear();
        repeated.work.clear();
        repeated.time.clear();
    }
    rows
}

/// Of many relations that are locked alike the first, and how many more there are: two thousand
/// partitions say no more than eight.
fn shortened(rows: Vec<Row>) -> Vec<Row> {
    let mut out: Vec<Row> = Vec::new();
    for alike in rows.chunk_by(|a, b| a.lock == b.lock && a.lock != "none") {
        if alike.len() <= ALIKE_MAX {
            out.extend_from_slice(alike);
            continue;
        }
        out.extend_from_slice(&alike[..ALIKE_SHOWN]);
        let relation = format!("and {} more", alike.len() - ALIKE_SHOWN);
        out.push(Row { relation, ..alike[ALIKE_SHOWN].clone() });
    }
    out
}

/// From so many relations on, those of a mode that are not shown are counted; and how many are shown.
const ALIKE_MAX: usize = 12;
const ALIKE_SHOWN: usize = 8;

/// From so many relations on it is no longer milliseconds that a change of the catalogs takes, about
/// so long for each (257 ms were measured for ADD COLUMN on a parent of 2,000 partitions).
const MANY: usize = 200;
const EACH: Duration = Duration::from_micros(130);

pub(super) fn work_words(work: &Work, catalog: Option<&Catalog>) -> String {
    let what = match work.kind {
        WorkKind::Scan => "scan",
        WorkKind::Validate => "validate",
        WorkKind::IndexBuild => "index build",
        WorkKind::Rewrite => "rewrite",
        WorkKind::RowChanges => "row changes",
    };
    match catalog.and_then(|catalog| estimate::bytes(work, catalog)) {
        Some(bytes) => format!("{what} {}", estimate::size(bytes)),
        None => what.to_owned(),
    }
}

/// Columns as wide as their widest cell over all blocks, headings across.
fn render(blocks: &[(String, Vec<Row>)]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(COLUMNS);
    let rows = blocks.iter().flat_map(|(_, rows)| rows);
    for row in rows {
        let (reads, writes) = (row.reads.words().0, row.writes.words().0);
        table.add_row([&row.who, &row.lock, &row.relation, reads, writes, &row.work, &row.time]);
    }
    // Each row is exactly one line: nothing wraps and no cell holds a newline.
    let mut lines = table.lines();
    let mut out = String::new();
    let head = lines.next().unwrap_or_default();
    out.push_str(&format!("{}\n", styled(head.trim_end(), FAINT)));
    for (heading, rows) in blocks {
        out.push_str(&format!("{heading}\n"));
        for row in rows {
            let line = lines.next().unwrap_or_default();
            out.push_str(&format!("{}\n", coloured(line.trim_end(), row)));
        }
    }
    out
}

/// Colours the words of `reads` and `writes` within a finished line.
fn coloured(line: &str, row: &Row) -> String {
    let mut out = String::new();
    let mut rest = line;
    for wait in [row.reads, row.writes] {
        let (words, style) = wait.words();
        if let Some((before, after)) = rest.split_once(words) {
            out.push_str(before);
            out.push_str(&styled(words, style));
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The same as JSON: `statements` as written, `steps` as planned.
pub fn json(plan: &Plan, catalog: Option<&Catalog>, speed: Speed) -> Value {
    let statements: Vec<Value> = plan
        .statements
        .iter()
        .map(|statement| {
            let mut value = json!({
                "number": statement.number,
                "line": statement.line,
                "sql": statement.sql,
            });
            extend(&mut value, impact(&statement.locks, &statement.work, true, (catalog, speed)));
            value
        })
        .collect();
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| {
            let mut value = json!({
                "id": step.id,
                "phase": step.phase.name(),
                "statements": step.statements,
                "why": step.why,
            });
            let held = is_one_transaction(&step.action);
            extend(&mut value, impact(&step.locks, &step.work, held, (catalog, speed)));
            value
        })
        .collect();
    json!({ "statements": statements, "steps": steps })
}

fn impact(locks: &[RelationLock], work: &[Work], held: bool, (catalog, speed): Known<'_>) -> Value {
    let long = held && !work.is_empty();
    let locks: Vec<Value> = locks
        .iter()
        .map(|lock| {
            json!({
                "relation": lock.relation.to_string(),
                "mode": lock.mode.sql(),
                "reads_wait": Wait::of(lock.mode.blocks_reads(), long).name(),
                "writes_wait": Wait::of(lock.mode.blocks_writes(), long).name(),
            })
        })
        .collect();
    let seconds = estimate::total(work, catalog, speed).map(|time: Duration| time.as_secs_f64());
    let work: Vec<Value> = work
        .iter()
        .map(|work| {
            json!({
                "kind": work.kind,
                "relation": work.relation.to_string(),
                "bytes": catalog.and_then(|catalog| estimate::bytes(work, catalog)),
            })
        })
        .collect();
    json!({ "locks": locks, "work": work, "estimated_seconds": seconds })
}

fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, more) {
        fields.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_partitions_are_counted_and_take_their_time() {
        let lock = |number: usize| RelationLock {
            relation: format!("public.t{number}").parse().unwrap(),
            mode: LockMode::AccessExclusive,
        };
        let shown = |count: usize| {
            let locks: Vec<RelationLock> = (0..count).map(lock).collect();
            rows("1", &locks, &[], true, (None, Speed::default()))
        };
        assert_eq!(shown(12).len(), 12);
        let many = shown(2_000);
        assert_eq!(many.len(), 9);
        assert_eq!(many[8].relation, "and 1992 more");
        assert_eq!((shown(12)[0].time.as_str(), many[0].time.as_str()), ("ms", "~ 260 ms"));
    }
}
