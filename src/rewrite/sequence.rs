//! How a sequence counts, as the statement that makes it count so again.

use super::dispatch::target;
use super::draft::Draft;
use crate::catalog::Sequence;
use crate::plan::Undo;
use pg_query::NodeEnum;
use pg_query::protobuf::AlterSeqStmt;

/// Options of `ALTER SEQUENCE` that change how it counts, not where it stands or to whom it belongs.
const COUNTING: [&str; 7] = ["as", "increment", "minvalue", "maxvalue", "start", "cache", "cycle"];

/// The undo of `ALTER SEQUENCE`, where the catalog tells how the sequence counts.
pub(super) fn back(draft: &Draft<'_>, alter: &AlterSeqStmt) -> Option<Undo> {
    let Some(name) = target(draft, alter.sequence.as_ref()) else { return Some(Undo::Nothing) };
    if draft.is_new(&name) {
        return Some(Undo::Nothing);
    }
    let counts = draft.catalog.relation(&name)?.sequence.filter(|counts| counts.width > 0)?;
    let only_counting = alter.options.iter().all(|option| match &option.node {
        Some(NodeEnum::DefElem(option)) => COUNTING.contains(&option.defname.as_str()),
        _ => false,
    });
    only_counting.then(|| Undo::Transaction {
        sql: vec![format!("ALTER SEQUENCE {name} {}", all(&counts))],
        locks: Vec::new(),
    })
}

/// Type and every option.
fn all(counts: &Sequence) -> String {
    let of = match counts.width {
        2 => "smallint",
        4 => "integer",
        _ => "bigint",
    };
    let cycle = if counts.cycle { "CYCLE" } else { "NO CYCLE" };
    format!(
        "AS {of} START WITH {} INCREMENT BY {} MINVALUE {} MAXVALUE {} CACHE {} {cycle}",
        counts.start, counts.increment, counts.min_value, counts.max_value, counts.cache
    )
}
