//! Keeping a walk from blowing the table up: a vacuum whenever it has passed a share of the
//! blocks, so that later batches write into the space that earlier ones freed.

use super::walk::{Lane, lock};
use crate::journal::Value;
use crate::journal::walk::Range;
use crate::run::error::RunError;
use crate::run::guard::sample;
use crate::run::progress::{Blocker, Event};
use crate::run::retry::QUERY_CANCELED;
use crate::run::runner::as_ms;
use crate::run::session::Fault;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Least number of changed blocks that is worth a vacuum.
const BLOCKS_MIN: i64 = 1000;

/// Part of the patience for which a walk pauses when an old snapshot keeps a vacuum from freeing
/// anything; then it goes on, at the pace that these pauses give.
const PAUSE_SHARE: u32 = 10;

/// Time between two looks at old snapshots.
const POLL: Duration = Duration::from_millis(250);

/// Time between two looks at whether another lane's vacuum is done.
const LANE_POLL: Duration = Duration::from_millis(20);

const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What a walk has left behind in one table.
#[derive(Debug, Clone, Default)]
pub(super) struct Bloat {
    /// Size of the table, in blocks.
    total: i64,
    /// Blocks, as many as the row versions that left theirs since the last vacuum would fill.
    pub blocks: i64,
    /// After how many a vacuum is due.
    pub limit: i64,
    /// A transaction id before those of the batches since then; `None` until it was asked for.
    pub since: Option<String>,
    /// A lane vacuums; `blocks` counts on for the others.
    pub busy: bool,
}

impl Bloat {
    /// Of a table of `total` blocks of which `done` are walked already, by a runner before us: how
    /// long ago its last vacuum was is guessed as if it had kept to the same limit.
    pub(super) fn new(total: i64, done: i64, share: f64) -> Self {
        let mut bloat = Self { total, blocks: 0, limit: 0, since: None, busy: false };
        bloat.bound(share);
        bloat.blocks = done % bloat.limit;
        bloat
    }

    /// The share of the table that may be left behind, which may be changed on the way.
    fn bound(&mut self, share: f64) {
        self.limit = ((self.total as f64 * share.max(0.0)) as i64).max(BLOCKS_MIN);
    }
}

/// What is to be done after a batch.
enum Next {
    GoOn,
    /// A stretch begins: note where in the order of transactions.
    Note,
    /// A stretch ends; it began after this transaction id.
    Vacuum(Option<String>),
    /// Another lane vacuums, and this one has come far enough ahead of it.
    Wait,
}

impl Bloat {
    fn count(&mut self, blocks: i64) -> Next {
        self.blocks += blocks;
        if self.blocks < self.limit {
            return if self.since.is_none() { Next::Note } else { Next::GoOn };
        }
        if self.busy {
            return Next::Wait;
        }
        self.busy = true;
        self.blocks = 0;
        Next::Vacuum(self.since.take())
    }
}

/// Counts a batch, from which row versions as of `moved` blocks went to other ones, and vacuums when
/// it is time.
pub(super) async fn after_batch(
    lane: &Lane<'_>,
    range: &Range,
    moved: i64,
) -> Result<(), RunError> {
    let mut blocks = if moved == 0 { return Ok(()) } else { moved };
    let bloat = |f: &mut dyn FnMut(&mut Bloat)| {
        lock(&lane.shared.tally.bloat).get_mut(&range.relation).map(f);
    };
    let share = lane.shared.pace.limits().bloat_limit;
    loop {
        let mut next = Next::GoOn;
        bloat(&mut |bloat| {
            bloat.bound(share);
            next = bloat.count(blocks);
        });
        match next {
            Next::GoOn => return Ok(()),
            Next::Note => {
                let now = next_transaction(lane).await?;
                bloat(&mut |bloat| bloat.since = Some(now.clone()));
                return Ok(());
            }
            Next::Vacuum(since) => {
                let result = run(lane, range, since).await;
                bloat(&mut |bloat| {
                    bloat.busy = false;
                    if matches!(result, Ok(Ended::CutShort)) {
                        // As soon as the walk goes on.
                        bloat.blocks = bloat.limit;
                    }
                });
                return result.map(drop);
            }
            Next::Wait => {
                blocks = 0;
                lane.heed_stop()?;
                if lane.shared.tally.halt.load(Ordering::Relaxed) {
                    return Ok(());
                }
                lane.shared.hooks.stop.sleep(LANE_POLL).await;
            }
        }
    }
}

/// A transaction id that no transaction so far has.
async fn next_transaction(lane: &Lane<'_>) -> Result<String, RunError> {
    let sql = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.xid\
               ::text";
    lane.session
        .row("next transaction", sql, &[])
        .await
        .map(|row| row.get(0))
        .map_err(|fault| fault.doing("read the transaction counter"))
}

/// How a vacuum ended.
enum Ended {
    Well,
    /// Somebody has asked for a pause.
    CutShort,
}

async fn run(lane: &Lane<'_>, range: &Range, since: Option<String>) -> Result<Ended, RunError> {
    let shared = lane.shared;
    if let Some(since) = since {
        wait_for_snapshots(lane, range, &since).await?;
    }
    let (step, relation) = (shared.walk.step.clone(), range.relation_name.clone());
    shared
        .hooks
        .progress
        .event(&Event::VacuumStarted { step: step.clone(), relation: relation.clone() });
    let began = Instant::now();
    lane.set_statement_timeout("0").await?;
    lane.session.notices();
    let watch = shared.guard.report(lane.session.pid, &step, &shared.hooks.progress);
    // Never truncates: that would take ACCESS EXCLUSIVE. Skips a table that somebody else vacuums.
    let sql =
        format!("VACUUM (TRUNCATE false, INDEX_CLEANUP on, PARALLEL 0, SKIP_LOCKED) {relation}");
    let stop = &shared.hooks.stop;
    let canceller = lane.session.canceller();
    let vacuum = lane.session.execute("vacuum", &sql, &[]);
    tokio::pin!(vacuum);
    // A vacuum may be cut short at any time; the walk stops or waits right after.
    let result = loop {
        tokio::select! {
            biased;
            result = &mut vacuum => break result,
            () = stop.soon() => {}
            () = shared.pace.changed_within(POLL) => if !shared.pace.paused() {
                continue;
            }
        }
        let _ = canceller.cancel().await;
        break vacuum.await;
    };
    shared.tally.stall(watch.end().await.worst);
    match result {
        Ok(_) => {}
        Err(fault @ (Fault::Lost(_) | Fault::Cut)) => return Err(fault.doing("vacuum")),
        Err(fault) => {
            lane.heed_stop()?;
            if shared.pace.paused() && fault.sqlstate() == Some(QUERY_CANCELED) {
                let text = format!("vacuum of {relation} is put off by the pause");
                shared.hooks.progress.event(&Event::Notice { text });
                return Ok(Ended::CutShort);
            }
            return Err(fault.doing(format!("vacuum {relation}")));
        }
    }
    let skipped = lane.session.notices().iter().any(|notice| notice.code().code() == "55P03");
    if skipped {
        let text = format!("{relation} is locked or being vacuumed by somebody else");
        shared.hooks.progress.event(&Event::Notice { text });
    } else {
        shared.tally.vacuums.fetch_add(1, Ordering::Relaxed);
    }
    let elapsed_ms = as_ms(began.elapsed());
    shared.hooks.progress.event(&Event::VacuumFinished { step, relation, elapsed_ms });
    Ok(Ended::Well)
}

/// Pauses, within bounds, while a snapshot is older than anything that the vacuum could free.
async fn wait_for_snapshots(lane: &Lane<'_>, range: &Range, since: &str) -> Result<(), RunError> {
    let shared = lane.shared;
    let began = Instant::now();
    let mut reported: Option<Instant> = None;
    loop {
        lane.heed_stop()?;
        let holders = snapshot_holders(lane, since).await?;
        if holders.is_empty() {
            return Ok(());
        }
        if reported.is_none_or(|last| last.elapsed() >= REPORT_INTERVAL) {
            reported = Some(Instant::now());
            shared.hooks.progress.event(&Event::SnapshotHeld {
                step: shared.walk.step.clone(),
                relation: range.relation_name.clone(),
                holders: holders.clone(),
                waited_ms: as_ms(began.elapsed()),
            });
        }
        if began.elapsed() > shared.pace.limits().patience / PAUSE_SHARE {
            let text = format!(
                "{} grows: vacuum cannot free space because of {}",
                range.relation_name, holders[0]
            );
            shared.hooks.progress.event(&Event::Notice { text });
            return Ok(());
        }
        shared.hooks.stop.sleep(POLL).await;
    }
}

/// Who needs row versions from before `since`: sessions, prepared transactions, replication slots.
/// Vacuums and concurrent builds hold nothing up.
async fn snapshot_holders(lane: &Lane<'_>, since: &str) -> Result<Vec<Blocker>, RunError> {
    let sql = "
SELECT a.pid, a.application_name, a.usename::text AS user_name,
       CASE WHEN a.backend_type = 'walsender' THEN 'standby with feedback' ELSE a.state END AS state,
       a.backend_type, pg_catalog.left(pg_catalog.btrim(a.query), 120) AS query,
       (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) * 1000)::float8
           AS age_ms
FROM pg_catalog.pg_stat_activity AS a
WHERE GREATEST(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid))
      > pg_catalog.age($1::text::pg_catalog.xid)
  AND a.pid <> pg_catalog.pg_backend_pid()
  AND (a.datname = $2 OR a.backend_type = 'walsender')
  AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum AS v WHERE v.pid = a.pid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS i WHERE i.pid = a.pid)
UNION ALL
SELECT NULL, NULL, p.owner::text, 'prepared transaction', NULL, p.gid,
       (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared) * 1000)::float8
FROM pg_catalog.pg_prepared_xacts AS p
WHERE p.database = $2
  AND pg_catalog.age(p.transaction) > pg_catalog.age($1::text::pg_catalog.xid)
UNION ALL
SELECT NULL, NULL, NULL, 'replication slot', NULL, s.slot_name::text, NULL
FROM pg_catalog.pg_replication_slots AS s
WHERE pg_catalog.age(s.xmin) > pg_catalog.age($1::text::pg_catalog.xid)";
    let params = [Value::text(since), Value::text(lane.shared.database)];
    let rows = lane
        .session
        .rows("old snapshots", sql, &params)
        .await
        .map_err(|fault| fault.doing("look for old snapshots"))?;
    Ok(rows.iter().map(sample::backend).collect())
}

#[cfg(test)]
mod tests {
    use super::{Bloat, Next};

    #[test]
    fn one_lane_vacuums_and_the_others_wait_when_they_are_a_stretch_ahead() {
        let mut bloat = Bloat::new(10_000, 0, 0.15);
        assert!(matches!(bloat.count(100), Next::Note));
        bloat.since = Some("7".into());
        assert!(matches!(bloat.count(1000), Next::GoOn));
        assert!(matches!(bloat.count(400), Next::Vacuum(Some(since)) if since == "7"));
        assert!(matches!(bloat.count(1499), Next::Note));
        assert!(matches!(bloat.count(1), Next::Wait));
        bloat.busy = false;
        assert!(matches!(bloat.count(0), Next::Vacuum(None)));
    }

    #[test]
    fn a_walk_that_is_taken_up_again_counts_on() {
        let fresh = Bloat::new(100_000, 0, 0.15);
        assert_eq!((fresh.blocks, fresh.limit), (0, 15_000));
        assert_eq!(Bloat::new(100_000, 40_000, 0.15).blocks, 10_000);
        assert_eq!(Bloat::new(2_000, 0, 0.15).limit, 1000, "small tables are not worth it");
    }
}
