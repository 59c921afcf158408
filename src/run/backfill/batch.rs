//! One batch: a range of blocks, changed and journaled in one short transaction.

use super::course::{Part, Slice};
use super::walk::Lane;
use crate::journal::walk::Range;
use crate::plan::{Backfill, Change};
use crate::run::error::RunError;
use crate::run::guard::SAMPLE_BATCH;
use crate::run::progress::Failed;
use crate::run::retry::{QUERY_CANCELED, enforced_at, is_lock_trouble};
use crate::run::session::{Fault, Sent};
use crate::run::settings::as_setting;
use crate::sql::quote_ident;
use std::time::{Duration, Instant};

/// How a batch ended.
pub(super) enum Batch {
    Committed {
        rows: u64,
        /// Of these, whose new versions are in the blocks of the old ones, if that was asked for.
        kept: u64,
        time: Duration,
    },
    /// Rolled back; worth another attempt, with fewer blocks.
    Failed { reason: Failed, blocked_by: Vec<i32> },
    /// The file of the table is no longer the one that is walked.
    Moved,
    /// The table is no longer there under its name.
    Gone,
}

/// The statement that changes the rows in blocks `from` to before `to` of `table` (quoted), or those
/// in a `slice` of them.
fn statement(
    backfill: &Backfill,
    table: &str,
    (from, to): (i64, i64),
    slice: Option<Slice>,
) -> String {
    let alias = quote_ident(&backfill.alias);
    let list = |word: &str, list: &Option<String>| {
        list.as_ref().map(|list| format!("\n{word} {list}")).unwrap_or_default()
    };
    // Line ends after what the plan gives: it may close with a comment.
    let head = match &backfill.change {
        Change::Update { set, from } => {
            format!("UPDATE ONLY {table} AS {alias}\nSET {set}{}", list("FROM", from))
        }
        Change::Delete { using } => {
            format!("DELETE FROM ONLY {table} AS {alias}{}", list("USING", using))
        }
    };
    let predicate = match slice {
        None => format!("(\n{}\n)", backfill.predicate),
        // The last byte that is sent of a tid is the lower half of the number in its block, so that
        // slices of a block are of one size. In a CASE, as the planner would have what is cheap
        // first, and the predicate may cost more than the change.
        Some(Slice { number, of }) => format!(
            "CASE WHEN pg_catalog.int4and(pg_catalog.get_byte(pg_catalog.tidsend({alias}.ctid), 5), {}) = {number} \
             THEN (\n{}\n) ELSE false END",
            of - 1,
            backfill.predicate
        ),
    };
    format!(
        "{head}\nWHERE {alias}.ctid >= '({from},0)'::pg_catalog.tid \
         AND {alias}.ctid < '({to},0)'::pg_catalog.tid\nAND {predicate}"
    )
}

/// Runs one batch of `range`: the blocks of `part` to before `to`. `untold`: rows of the batches
/// before it that the journal has not heard of.
pub(super) async fn run(
    lane: &Lane<'_>,
    range: &Range,
    part: &Part,
    to: i64,
    untold: u64,
) -> Result<Batch, RunError> {
    let from = part.from;
    let limits = lane.shared.pace.limits();
    // A single block is not stopped for taking long: there is nothing smaller to try.
    let patient = to - from <= 1;
    let timeout = if patient { "0".to_owned() } else { as_setting(limits.max_hold) };
    lane.set_statement_timeout(&timeout).await?;

    let sql = statement(lane.shared.backfill, &range.relation_name, (from, to), part.slice);
    let untold = i64::try_from(untold).unwrap_or(i64::MAX);
    // Blocks are done after the visit that leaves no row.
    let position = if part.slice.is_none() { to } else { range.next_block };
    let journal = lane.shared.walk.advance(range, position, untold);
    let gauge = part.gauged.then_some(range.relation);
    let what = format!("batch {from}..{to} of {}", range.relation_name);

    let began = Instant::now();
    let enforce = enforced_at(&limits, limits.max_stall);
    let watch = lane.shared.guard.watch(lane.session.pid, SAMPLE_BATCH, Some(enforce));
    let result = async {
        let sent = lane.session.pipeline(&what, &sql, &journal, gauge).await?;
        if sent.hit == 1 {
            lane.session.control("COMMIT").await?;
        }
        Ok(sent)
    }
    .await;
    let time = began.elapsed();
    let observed = watch.end().await;
    lane.shared.tally.stall(observed.worst);

    let fault = match result {
        Ok(Sent { rows, hit: 1, kept }) => return Ok(Batch::Committed { rows, kept, time }),
        Ok(_) => {
            lane.roll_back().await?;
            return misplaced(lane, range).await;
        }
        Err(fault @ (Fault::Lost(_) | Fault::Cut)) => return Err(fault.doing(what)),
        Err(fault) => fault,
    };
    lane.roll_back().await?;
    let reason = match fault.sqlstate() {
        Some("40P01") => Failed::Deadlock,
        Some(code) if is_lock_trouble(code) => Failed::Lock,
        Some(QUERY_CANCELED) if observed.stalled => Failed::Stall,
        Some(QUERY_CANCELED) if !patient && time >= limits.max_hold => Failed::Hold,
        Some(QUERY_CANCELED) => Failed::Cancelled,
        // The table has another name by now, or is gone. If it is neither, something is missing that
        // the change itself uses, and would be missing again.
        Some("42P01" | "3F000")
            if lane.name_now(range.relation).await?.as_ref() != Some(&range.relation_name) =>
        {
            return Ok(Batch::Gone);
        }
        Some(_) | None => {
            return Err(fault.doing(format!("change rows in step {}", lane.shared.walk.step)));
        }
    };
    Ok(Batch::Failed { reason, blocked_by: observed.blocked_by })
}

/// The journal's position was not there to be moved: the file was replaced, or the runner was.
async fn misplaced(lane: &Lane<'_>, range: &Range) -> Result<Batch, RunError> {
    let found = lane
        .session
        .rows(
            "file of the table",
            "SELECT pg_catalog.pg_relation_filenode($1::bigint::oid::pg_catalog.regclass)",
            &[crate::journal::Value::BigInt(i64::from(range.relation))],
        )
        .await
        .map_err(|fault| fault.doing("find the file of a table"))?;
    let filenode = found.first().and_then(|row| row.get::<_, Option<u32>>(0));
    match filenode {
        Some(filenode) if filenode == range.filenode => Err(RunError::Replaced { refused: None }),
        Some(_) => Ok(Batch::Moved),
        None => Ok(Batch::Gone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::QualifiedName;

    fn backfill(change: Change) -> Backfill {
        Backfill {
            relation: QualifiedName::new("public", "t"),
            alias: "Row".into(),
            change,
            predicate: "b IS NULL -- still to do".into(),
            fires_triggers: false,
            repeat: false,
        }
    }

    #[test]
    fn a_batch_is_a_range_of_blocks_and_the_predicate() {
        let update = backfill(Change::Update { set: "b = a".into(), from: None });
        assert_eq!(
            statement(&update, "public.t", (8, 16), None),
            "UPDATE ONLY public.t AS \"Row\"\nSET b = a\n\
             WHERE \"Row\".ctid >= '(8,0)'::pg_catalog.tid \
             AND \"Row\".ctid < '(16,0)'::pg_catalog.tid\nAND (\nb IS NULL -- still to do\n)"
        );
        let joined = backfill(Change::Update { set: "b = o.b".into(), from: Some("o".into()) });
        assert!(statement(&joined, "s.t", (0, 1), None).contains("\nFROM o\nWHERE "));
        let delete = backfill(Change::Delete { using: Some("o".into()) });
        assert!(
            statement(&delete, "s.t", (0, 1), None)
                .starts_with("DELETE FROM ONLY s.t AS \"Row\"\nUSING o\nWHERE ")
        );
    }

    #[test]
    fn a_slice_is_chosen_before_the_predicate_is_evaluated() {
        let update = backfill(Change::Update { set: "b = a".into(), from: None });
        let slice = Some(Slice { number: 3, of: 8 });
        let sql = statement(&update, "public.t", (8, 16), slice);
        assert!(
            sql.ends_with(
                "AND CASE WHEN pg_catalog.int4and(pg_catalog.get_byte(pg_catalog.tidsend(\"Row\".ctid), 5), 7) = 3 \
                 THEN (\nb IS NULL -- still to do\n) ELSE false END"
            ),
            "{sql}"
        );
    }
}
