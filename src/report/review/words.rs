//! The sentences that every form of the report uses.

use super::super::estimate;
use super::{Extent, Review, Subject, Time, Touch, Wait};
use crate::catalog::{Catalog, Relation, RelationKind};
use crate::plan::{Action, Backfill, Change, Check, NoteKind, Phase, Plan, Step, Undo, WorkKind};

/// `~7 min`.
pub fn time(time: Time) -> String {
    match time {
        Time::Moment => "milliseconds".to_owned(),
        Time::About(time) => estimate::words(time),
        Time::Unknown => "grows with size".to_owned(),
    }
}

pub fn extent(extent: Extent) -> String {
    match extent {
        Extent::Never => "never".to_owned(),
        Extent::Moments(1) => "milliseconds".to_owned(),
        Extent::Moments(count) => format!("milliseconds, {count} times"),
        Extent::About(time) => estimate::words(time),
        Extent::Unknown => "grows with size".to_owned(),
    }
}

/// Both kinds of waiting in one phrase: `reads and writes blocked`.
pub fn waits(reads: Wait, writes: Wait) -> &'static str {
    match (reads, writes) {
        (Wait::Blocked, _) => "reads and writes blocked",
        (_, Wait::Blocked) => "writes blocked",
        (_, Wait::Rows) => "writes to changed rows blocked",
        (Wait::Brief, _) => "reads and writes wait briefly",
        (_, Wait::Brief) => "writes wait briefly",
        (Wait::No | Wait::Rows, Wait::No) => "nobody waits",
    }
}

/// What is done to the relation.
pub fn work(touch: &Touch) -> String {
    let what = |kind: &WorkKind| match kind {
        WorkKind::Scan => "reads all of it",
        WorkKind::Validate => "checks every row",
        WorkKind::IndexBuild => "builds an index",
        WorkKind::Rewrite => "rewrites it",
        WorkKind::RowChanges => "changes rows",
    };
    match touch.work.as_slice() {
        [] if touch.time != Time::Moment => "works elsewhere".to_owned(),
        [] => "metadata".to_owned(),
        work => work.iter().map(what).collect::<Vec<_>>().join(", "),
    }
}

pub fn lock(touch: &Touch) -> &'static str {
    touch.lock.map_or("none", crate::lock::LockMode::sql)
}

/// `table, 20 GB and 6 GB of indexes, about 3.2 million rows`.
pub fn size(relation: &Relation, catalog: &Catalog) -> String {
    let kind = match relation.kind {
        RelationKind::Table => "table",
        RelationKind::PartitionedTable => "partitioned table",
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized view",
        RelationKind::ForeignTable => "foreign table",
        RelationKind::Sequence => "sequence",
        RelationKind::CompositeType => "composite type",
    };
    let holds_rows = matches!(
        relation.kind,
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::MaterializedView
    );
    if !holds_rows {
        return kind.to_owned();
    }
    if !catalog.sizes_known {
        return format!("{kind}, size unknown");
    }
    if relation.empty {
        return format!("{kind}, empty");
    }
    let mut text = format!("{kind}, {}", estimate::size(relation.table_bytes));
    if relation.index_bytes > 0 {
        text.push_str(&format!(" and {} of indexes", estimate::size(relation.index_bytes)));
    }
    match relation.estimated_rows {
        Some(rows) => text.push_str(&format!(", about {}", estimate::rows(rows))),
        None => text.push_str(", never analyzed"),
    }
    if relation.kind == RelationKind::PartitionedTable {
        text.push_str(&format!(", {} partitions", catalog.leaves(relation).len()));
    }
    text
}

/// `2 statements as written become 7 steps in 3 phases`.
pub fn shape(plan: &Plan) -> String {
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    };
    let phases = Phase::ALL.iter().filter(|phase| plan.steps.iter().any(|s| s.phase == **phase));
    format!(
        "{} as written, {} in {} as planned",
        count(plan.statements.len(), "statement"),
        count(plan.steps.len(), "step"),
        count(phases.count(), "phase"),
    )
}

/// What the phase is for.
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "Adds what the new application needs, under short locks.",
        Phase::Migrate => "Fills, builds and validates while the application goes on.",
        Phase::Switch => "Moves names, under short locks.",
        Phase::Contract => "Drops what only the old application needs.",
    }
}

/// What the application has to do before the phase.
pub fn needs(plan: &Plan, phase: Phase) -> Vec<String> {
    plan.gates
        .iter()
        .filter(|gate| gate.before == phase)
        .flat_map(|gate| gate.until.split("; "))
        .map(sentence)
        .collect()
}

/// Notes on what the application must not do, or must bear, on the way.
pub fn application_notes(plan: &Plan) -> impl Iterator<Item = String> {
    plan.notes.iter().filter(|note| note.kind == NoteKind::Application).map(|n| sentence(&n.text))
}

/// The other notes, with their kind.
pub fn other_notes(plan: &Plan) -> impl Iterator<Item = String> {
    plan.notes.iter().filter_map(|note| {
        let kind = match note.kind {
            NoteKind::ColumnOrder => "Column order: ",
            NoteKind::Inheritance => "Inheritance: ",
            NoteKind::Irreversible => "Cannot be taken back: ",
            NoteKind::Triggers => "Triggers: ",
            NoteKind::Information => return Some(sentence(&note.text)),
            NoteKind::Application => return None,
        };
        Some(format!("{kind}{}", stopped(&note.text)))
    })
}

/// With a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next();
    // A name or a piece of SQL keeps its case.
    let word = text.split_whitespace().next().unwrap_or_default();
    let is_word = word.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == ',');
    match first {
        Some(first) if is_word => {
            stopped(&format!("{}{}", first.to_ascii_uppercase(), chars.as_str()))
        }
        _ => stopped(text),
    }
}

/// With a full stop.
pub fn stopped(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?', ':']) { text.to_owned() } else { format!("{text}.") }
}

/// What the step does, and the SQL in it.
pub fn action(step: &Step) -> (&'static str, Vec<String>) {
    match &step.action {
        Action::Transaction { sql } => ("one short transaction", sql.clone()),
        Action::Validate { sql } => ("under a weak lock", vec![sql.clone()]),
        Action::Concurrent { sql, .. } => ("outside a transaction", vec![sql.clone()]),
        Action::Backfill(backfill) => ("in batches", vec![batch(backfill)]),
        Action::Verify { relation, check, .. } => {
            let sql = match check {
                Check::Rows { alias, condition } => {
                    let alias = crate::sql::quote_ident(alias);
                    format!("SELECT count(*) FROM {relation} AS {alias}\nWHERE {condition}")
                }
                Check::Query { sql } => sql.clone(),
            };
            ("a check that must count nothing", vec![sql])
        }
        Action::Statement { sql } => ("as written, in one transaction", vec![sql.clone()]),
        Action::Maintenance { sql } => ("outside a transaction", vec![sql.clone()]),
    }
}

fn batch(backfill: &Backfill) -> String {
    let Backfill { relation, alias, change, predicate, .. } = backfill;
    let alias = crate::sql::quote_ident(alias);
    match change {
        Change::Update { set, from } => {
            let from = from.as_ref().map(|from| format!("\nFROM {from}")).unwrap_or_default();
            format!("UPDATE {relation} AS {alias}\nSET {set}{from}\nWHERE {predicate}")
        }
        Change::Delete { using } => {
            let using = using.as_ref().map(|using| format!("\nUSING {using}")).unwrap_or_default();
            format!("DELETE FROM {relation} AS {alias}{using}\nWHERE {predicate}")
        }
    }
}

/// How the step is taken back, and the SQL of that.
pub fn undo(step: &Step) -> (String, Vec<String>) {
    if step.phase == Phase::Contract {
        return ("Not once contract has begun.".to_owned(), Vec::new());
    }
    let mut sql = Vec::new();
    collect(&step.undo, &mut sql);
    let words = match &step.undo {
        Undo::Nothing => "Nothing to do.".to_owned(),
        Undo::Transaction { .. } => "In one short transaction.".to_owned(),
        Undo::Concurrent { .. } => "Outside a transaction, blocking nobody.".to_owned(),
        Undo::Validate { .. } => "Under a weak lock.".to_owned(),
        Undo::Sequence { parts } => format!("In {} parts, each repeatable.", parts.len()),
        Undo::Irreversible { why } => format!("Cannot be taken back: {}", stopped(why)),
    };
    (words, sql)
}

fn collect(undo: &Undo, found: &mut Vec<String>) {
    match undo {
        Undo::Nothing | Undo::Irreversible { .. } => {}
        Undo::Transaction { sql, .. } => found.extend(sql.iter().cloned()),
        Undo::Concurrent { sql, .. } | Undo::Validate { sql } => found.push(sql.clone()),
        Undo::Sequence { parts } => parts.iter().for_each(|part| collect(part, found)),
    }
}

/// Where the times come from, in a sentence.
pub fn basis(review: &Review<'_>) -> String {
    if !review.sizes_known() {
        return "Sizes are unknown here, so no time can be told.".to_owned();
    }
    let Subject { speed, .. } = review.subject;
    format!(
        "Times are estimates: live sizes, at {} a second read and {} a second written. They tell \
         seconds from minutes from hours, no more.",
        estimate::size(speed.scan),
        estimate::size(speed.write),
    )
}
