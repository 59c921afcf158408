//! The locks of a step: which relations they are on, waiting outside the queue until nobody is in
//! the way, and taking them one by one under the stall budget.

use super::error::RunError;
use super::limits::{Limits, OnBlocker};
use super::look::{Holder, QUERY, Strictness, Wanted, in_the_way};
use super::progress::{Blocker, Event, Failed};
use super::retry::for_holding;
use super::runner::Runner;
use super::seen::{Seen, Suggestion};
use super::session::Fault;
use super::settings::as_setting;
use crate::journal::Value;
use crate::lock::{LockMode, depth};
use crate::plan::RelationLock;
use crate::sql::quote_ident;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// First and longest pause between two looks.
const LOOK_MIN: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_millis(100);

/// Shortest time between two reports of blockers.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// Shortest time between two signals to the same blocker.
const SIGNAL_INTERVAL: Duration = Duration::from_secs(5);

/// Blockers that are named.
const NAMED_MAX: usize = 5;

/// A relation of a step's locks that exists.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub wanted: Wanted,
    /// What takes the lock ahead, if anything does. Otherwise (a sequence, an index, a table on which
    /// the role has too few privileges) the statement itself takes it, under the timeout.
    pub ahead: Option<String>,
}

impl Resolved {
    fn is_table(&self) -> bool {
        self.ahead.as_ref().is_some_and(|sql| sql.starts_with("LOCK TABLE ONLY "))
    }
}

/// The statement that takes the lock and does nothing else. `LOCK TABLE` of a view would lock, with
/// the privileges of the view's owner, whatever the view reads (manual, "LOCK"); a view is given the
/// owner that it has, which locks it alone.
fn ahead(name: &str, mode: LockMode, table: bool, view_owner: Option<&str>) -> Option<String> {
    match view_owner {
        Some(owner) if mode == LockMode::AccessExclusive => {
            Some(format!("ALTER VIEW {name} OWNER TO {}", quote_ident(owner)))
        }
        _ => table.then(|| format!("LOCK TABLE ONLY {name} IN {mode} MODE")),
    }
}

/// Looks the relations of `locks` up, and puts them into the order in which they are requested; one
/// that does not exist is left out: a statement of the step creates it.
pub(super) async fn resolve(
    runner: &Runner<'_>,
    locks: &[RelationLock],
) -> Result<Vec<Resolved>, Fault> {
    let column = |f: fn(&RelationLock) -> &str| {
        Value::Texts(locks.iter().map(|lock| f(lock).to_owned()).collect())
    };
    let rows = runner
        .work
        .rows(
            "find relations",
            &format!(
                "SELECT n.place, c.oid, \
                 CASE WHEN c.relkind = 'v' AND pg_catalog.pg_has_role(c.relowner, 'USAGE') \
                     THEN pg_catalog.pg_get_userbyid(c.relowner)::text END AS view_owner, \
                 c.relkind IN ('r', 'p') AND (pg_catalog.has_table_privilege(c.oid, 'UPDATE') \
                     OR pg_catalog.has_table_privilege(c.oid, 'DELETE') \
                     OR pg_catalog.has_table_privilege(c.oid, 'TRUNCATE')) AS lockable \
                 FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) \
                      WITH ORDINALITY \
                      AS n (schema, name, place) \
                 JOIN pg_catalog.pg_namespace AS s ON s.nspname = n.schema \
                 JOIN pg_catalog.pg_class AS c ON c.relnamespace = s.oid AND c.relname = n.name \
                 ORDER BY {}, n.place",
                depth("c.oid")
            ),
            &[column(|l| &l.relation.schema), column(|l| &l.relation.name)],
        )
        .await?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let place = usize::try_from(row.get::<_, i64>("place")).ok()?.checked_sub(1)?;
            let lock = locks.get(place)?;
            let (oid, name) = (row.get("oid"), lock.relation.to_string());
            let ahead = ahead(&name, lock.mode, row.get("lockable"), row.get("view_owner"));
            Some(Resolved { wanted: Wanted { oid, name, mode: lock.mode }, ahead })
        })
        .collect())
}

/// What is known of a wait that goes on over several attempts.
pub(super) struct Wait {
    pub started: Instant,
    pub attempts: u64,
    pub reason: Option<Failed>,
    pub seen: Seen,
    /// Who was in the way when that was last known.
    pub last: Vec<Blocker>,
    /// The relations waited for, quoted.
    pub relations: Vec<String>,
    reported: Option<Instant>,
    signalled: HashMap<i32, Instant>,
}

impl Wait {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            attempts: 0,
            reason: None,
            seen: Seen::default(),
            last: Vec::new(),
            relations: Vec::new(),
            reported: None,
            signalled: HashMap::new(),
        }
    }

    /// The error when patience has run out; nothing has changed.
    pub(super) fn not_had(&self, step: &str, limits: &Limits) -> RunError {
        RunError::LockNotHad {
            step: step.to_owned(),
            relations: self.relations.clone(),
            blockers: self.last.clone(),
            attempts: self.attempts,
            waited: self.started.elapsed(),
            reason: self.reason,
            suggestion: self.suggestion(limits).map(Box::new),
            on_blocker: limits.on_blocker,
        }
    }

    /// `None` too when what is in the way is older already than any that ended, or when the budget was as
    /// large.
    fn suggestion(&self, limits: &Limits) -> Option<Suggestion> {
        let found = self.seen.suggestion(for_holding(limits))?;
        let oldest = self.last.iter().map(|blocker| blocker.age_ms).fold(0.0, f64::max);
        let enough = |budget: Duration| budget.as_secs_f64() * 1000.0 > oldest;
        (enough(found.budget) && found.ceiling > limits.max_stall).then_some(found)
    }
}

/// Waits, without queueing, until nobody is in the way of `wanted`.
pub(super) async fn wait_for_way(
    runner: &mut Runner<'_>,
    step: &str,
    wanted: &[Wanted],
    wait: &mut Wait,
    strictness: impl Fn(Duration, &Seen) -> Strictness,
) -> Result<(), RunError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let began = Instant::now();
    let mut pause = LOOK_MIN;
    runner.pace.work_on(wanted.iter().map(|w| w.oid).collect());
    let oids = Value::BigInts(wanted.iter().map(|w| i64::from(w.oid)).collect());
    loop {
        // Who is held back gives nobody's lock away by waiting, and loses no patience.
        wait.started += runner.pass(step).await?;
        let rows = runner
            .work
            .rows("look", QUERY, std::slice::from_ref(&oids))
            .await
            .map_err(|fault| fault.doing("look who holds locks"))?;
        let holders: Vec<Holder> = rows.iter().map(Holder::from_row).collect();
        wait.seen.update(&holders, wanted, Instant::now());
        let strictness = strictness(wait.started.elapsed(), &wait.seen);
        let found = in_the_way(&holders, wanted, strictness, &wait.seen);
        if found.is_empty() {
            break;
        }
        wait.last = found.iter().take(NAMED_MAX).map(|(h, age)| h.describe(*age, wanted)).collect();
        if wait.started.elapsed() > runner.limits().patience {
            runner.figures.waited += began.elapsed();
            return Err(wait.not_had(step, &runner.limits()));
        }
        if wait.reported.is_none_or(|last| last.elapsed() >= REPORT_INTERVAL) {
            wait.reported = Some(Instant::now());
            let budget = match strictness {
                Strictness::Brief { budget, .. } => budget,
                Strictness::Long => Duration::ZERO,
            };
            runner.event(Event::Waiting {
                step: step.to_owned(),
                blockers: wait.last.clone(),
                waited_ms: wait.started.elapsed().as_secs_f64() * 1000.0,
                budget_ms: budget.as_secs_f64() * 1000.0,
            });
            runner.guard.activity(&format!("step {step}: waiting for {}", wait.last[0]));
        }
        if runner.limits().on_blocker != OnBlocker::Wait {
            let blocker_age = runner.limits().blocker_age;
            for (holder, _) in found.iter().filter(|(_, age)| *age >= blocker_age) {
                signal(runner, step, holder, wanted, &mut wait.signalled).await?;
            }
        }
        runner.hooks.stop.sleep(pause).await;
        pause = pause.mul_f64(1.3).min(LOOK_MAX);
    }
    runner.figures.waited += began.elapsed();
    Ok(())
}

/// Cancels or terminates a blocker, as the user has asked, if it is one that may be and still is in
/// the transaction that is in the way.
async fn signal(
    runner: &Runner<'_>,
    step: &str,
    holder: &Holder,
    wanted: &[Wanted],
    signalled: &mut HashMap<i32, Instant>,
) -> Result<(), RunError> {
    let (function, signal) = match runner.limits().on_blocker {
        OnBlocker::Wait => return Ok(()),
        OnBlocker::Cancel => ("pg_cancel_backend", "cancel"),
        OnBlocker::Terminate => ("pg_terminate_backend", "terminate"),
    };
    let Some(pid) = holder.pid else { return Ok(()) };
    if let Some(why) = holder.spared() {
        if signalled.insert(pid, Instant::now()).is_none() {
            runner.notice(format!("no {signal} for pid {pid}: {why}; end it yourself"));
        }
        return Ok(());
    }
    if signalled.get(&pid).is_some_and(|last| last.elapsed() < SIGNAL_INTERVAL) {
        return Ok(());
    }
    signalled.insert(pid, Instant::now());
    let sql = format!(
        "SELECT pg_catalog.{function}(a.pid) FROM pg_catalog.pg_stat_activity AS a \
         WHERE a.pid = $1::bigint::int AND a.xact_start <= pg_catalog.clock_timestamp() \
         - pg_catalog.make_interval(secs => $2)"
    );
    let age = runner.limits().blocker_age.as_secs_f64();
    let params = [Value::BigInt(i64::from(pid)), Value::Double(age)];
    match runner.work.rows("signal blocker", &sql, &params).await {
        Ok(rows) if rows.is_empty() => Ok(()),
        Ok(_) => {
            let blocker = holder.describe(holder.age.unwrap_or_default(), wanted);
            runner.event(Event::BlockerSignalled { step: step.to_owned(), blocker, signal });
            Ok(())
        }
        // Too little privilege to signal it: said, and waited for like the others.
        Err(Fault::Server(error)) => {
            runner.notice(format!("could not {signal} pid {pid}: {}", error.message));
            Ok(())
        }
        Err(fault) => Err(fault.doing("signal a blocker")),
    }
}

/// From so many locks on after the first they are requested by groups: each statement is a round trip,
/// and the application waits behind the first lock while the others are taken.
const GROUPED_FROM: usize = 16;
const GROUP: usize = 64;

/// Requests the locks in order, inside the transaction, in `budget` altogether; gives the time that
/// is left of it, and in `first` when the first was had. A relation that cannot be locked ahead is
/// left to the statement.
pub(super) async fn take(
    runner: &Runner<'_>,
    resolved: &[Resolved],
    budget: Duration,
    first: &mut Option<Instant>,
) -> Result<Duration, Fault> {
    let mut left = budget;
    for (what, sql) in requests(resolved) {
        if first.is_none() {
            // Nobody can wait for us in a circle while we hold nothing yet: this one may take longer
            // than a deadlock check of the server.
            set_timeout(runner, left).await?;
        } else {
            set_lock_timeout(runner, left).await?;
        }
        let began = Instant::now();
        runner.work.execute(&format!("lock {what}"), &sql, &[]).await?;
        first.get_or_insert_with(Instant::now);
        left = left.saturating_sub(began.elapsed());
    }
    Ok(left)
}

/// What is locked by each statement, and the statement. In a group the timeout holds for each of its
/// locks; the guard sees to it that all together do not take longer than the budget.
fn requests(resolved: &[Resolved]) -> Vec<(String, String)> {
    let ahead: Vec<&Resolved> = resolved.iter().filter(|one| one.ahead.is_some()).collect();
    let one = |resolved: &Resolved| {
        (resolved.wanted.name.clone(), resolved.ahead.clone().unwrap_or_default())
    };
    let Some((first, rest)) = ahead.split_first() else { return Vec::new() };
    let mut all = vec![one(first)];
    if rest.len() < GROUPED_FROM {
        all.extend(rest.iter().map(|resolved| one(resolved)));
        return all;
    }
    let of_a_kind = |a: &&Resolved, b: &&Resolved| {
        a.is_table() && b.is_table() && a.wanted.mode == b.wanted.mode
    };
    for group in rest.chunk_by(of_a_kind).flat_map(|kind| kind.chunks(GROUP)) {
        match group {
            [alone] => all.push(one(alone)),
            several => {
                let names: Vec<String> =
                    several.iter().map(|one| format!("ONLY {}", one.wanted.name)).collect();
                let mode = several[0].wanted.mode;
                let sql = format!("LOCK TABLE {} IN {mode} MODE", names.join(", "));
                let what = format!("{} and {} more", several[0].wanted.name, several.len() - 1);
                all.push((what, sql));
            }
        }
    }
    all
}

/// Bounds what the next statement waits for a lock. Never less than a millisecond, and always less
/// than the server's deadlock timeout.
pub(super) async fn set_lock_timeout(runner: &Runner<'_>, time: Duration) -> Result<(), Fault> {
    set_timeout(runner, runner.server.lock_timeout(time)).await
}

async fn set_timeout(runner: &Runner<'_>, time: Duration) -> Result<(), Fault> {
    let timeout = as_setting(time);
    runner.work.control(&format!("SET LOCAL lock_timeout = {timeout}")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(number: usize, mode: LockMode) -> Resolved {
        let name = format!("public.t{number}");
        let ahead = ahead(&name, mode, true, None);
        Resolved { wanted: Wanted { oid: number as u32, name, mode }, ahead }
    }

    #[test]
    fn many_locks_are_requested_by_groups_after_the_first() {
        let mode = LockMode::AccessExclusive;
        let few: Vec<Resolved> = (0..10).map(|n| table(n, mode)).collect();
        assert_eq!(requests(&few).len(), 10);
        let mut many: Vec<Resolved> = (0..200).map(|n| table(n, mode)).collect();
        many[100] = Resolved { ahead: None, ..many[100].clone() };
        let view = "ALTER VIEW public.t150 OWNER TO app".to_owned();
        many[150] = Resolved { ahead: Some(view.clone()), ..many[150].clone() };
        many.extend((200..230).map(|n| table(n, LockMode::ShareRowExclusive)));
        let all = requests(&many);
        assert_eq!(all[0].1, "LOCK TABLE ONLY public.t0 IN ACCESS EXCLUSIVE MODE");
        assert!(
            all[1].1.starts_with("LOCK TABLE ONLY public.t1, ONLY public.t2, "),
            "{}",
            all[1].1
        );
        assert!(all.iter().any(|(_, sql)| *sql == view));
        // 1, then 2 and a part of 1 to 149, the view, 49 tables, and 30 in the other mode.
        assert_eq!(all.len(), 1 + 3 + 1 + 1 + 1);
        let mut asked: Vec<String> = Vec::new();
        for (_, sql) in &all {
            let names = sql.split_whitespace().filter(|word| word.starts_with("public."));
            asked.extend(names.map(|name| name.trim_end_matches(',').to_owned()));
        }
        let wanted = many.iter().filter(|one| one.ahead.is_some());
        let wanted: Vec<String> = wanted.map(|one| one.wanted.name.clone()).collect();
        assert_eq!(asked, wanted, "in order, each once");
    }
}
