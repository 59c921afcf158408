//! Who is in the way of our locks: decided from one reading of `pg_locks`, without queueing.
//!
//! The decision is pure; [`QUERY`] is what it is made from.

use super::progress::Blocker;
use super::seen::Seen;
use crate::lock::LockMode;
use std::time::Duration;

/// Holders of, and waiters for, table locks on the given relations, other than ourselves, with
/// what there is to know of them. Without `pg_read_all_stats` most columns are NULL for the
/// sessions of other roles. A prepared transaction has no session; its transaction id, which it
/// keeps locked too, leads to its name.
pub(super) const QUERY: &str = "\
SELECT l.relation, l.pid, l.virtualtransaction AS vxid, l.mode, l.granted,
       a.application_name, a.usename::text AS user_name, a.state, a.backend_type,
       pg_catalog.left(pg_catalog.btrim(a.query), 120) AS query,
       (pg_catalog.date_part('epoch', c.now - a.xact_start) * 1000)::float8 AS age_ms,
       (pg_catalog.date_part('epoch', c.now - a.state_change) * 1000)::float8 AS state_age_ms,
       p.gid, p.owner::text AS prepared_by,
       (pg_catalog.date_part('epoch', c.now - p.prepared) * 1000)::float8 AS prepared_age_ms,
       (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.oid = a.usesysid) AS superuser
FROM (SELECT pg_catalog.clock_timestamp() AS now) AS c
CROSS JOIN pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
LEFT JOIN pg_catalog.pg_locks AS x
       ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'
      AND x.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_catalog.pg_prepared_xacts AS p ON p.transaction = x.transactionid
WHERE l.locktype = 'relation' AND l.relation::bigint = ANY ($1)
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
                    WHERE d.datname = pg_catalog.current_database())
  AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()";

/// A relation that is to be locked.
/// What stands for the state of a prepared transaction, which no session has.
pub(super) const PREPARED: &str = "prepared transaction";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub oid: u32,
    /// Quoted, for people and for `LOCK TABLE`.
    pub name: String,
    pub mode: LockMode,
}

/// One row of [`QUERY`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Holder {
    pub relation: u32,
    pub pid: Option<i32>,
    /// With `pid`, identifies the transaction.
    pub vxid: String,
    /// `None` for a mode that is not a table lock's.
    pub mode: Option<LockMode>,
    pub granted: bool,
    pub application_name: Option<String>,
    pub user: Option<String>,
    pub state: Option<String>,
    pub backend_type: Option<String>,
    pub query: Option<String>,
    pub age: Option<Duration>,
    /// Time since `state` was entered.
    pub state_age: Option<Duration>,
    /// Name of the prepared transaction.
    pub prepared: Option<String>,
    /// `None` when it cannot be known.
    pub superuser: Option<bool>,
}

impl Holder {
    pub(super) fn from_row(row: &tokio_postgres::Row) -> Self {
        let time = |column| row.get::<_, Option<f64>>(column).map(milliseconds);
        let gid: Option<String> = row.get("gid");
        Self {
            relation: row.get("relation"),
            pid: row.get("pid"),
            vxid: row.get("vxid"),
            mode: LockMode::from_pg_locks_name(row.get("mode")),
            granted: row.get("granted"),
            application_name: row.get("application_name"),
            user: row.get::<_, Option<String>>("user_name").or_else(|| row.get("prepared_by")),
            state: row.get("state"),
            backend_type: row.get("backend_type"),
            query: row.get("query"),
            age: time("age_ms").or_else(|| time("prepared_age_ms")),
            state_age: time("state_age_ms"),
            prepared: gid.or_else(|| {
                row.get::<_, Option<i32>>("pid").is_none().then(|| "unknown".to_owned())
            }),
            superuser: row.get("superuser"),
        }
    }

    pub(super) fn conflicts(&self, wanted: &[Wanted]) -> bool {
        wanted.iter().any(|w| {
            w.oid == self.relation && self.mode.is_some_and(|mode| mode.conflicts_with(w.mode))
        })
    }

    pub(super) fn is_autovacuum(&self) -> bool {
        self.backend_type.as_deref() == Some("autovacuum worker")
    }

    /// Autovacuum that does not give way to a waiting lock request.
    fn prevents_wraparound(&self) -> bool {
        self.query.as_deref().is_some_and(|q| q.contains("(to prevent wraparound)"))
    }

    /// An autovacuum that is cancelled by the deadlock check of whoever waits for it.
    pub(super) fn gives_way(&self) -> bool {
        self.is_autovacuum() && self.query.is_some() && !self.prevents_wraparound()
    }

    /// Idle in its transaction for longer than `time`, the moment between two statements of a busy one.
    pub(super) fn idles_for(&self, time: Duration) -> bool {
        self.state.as_deref().is_some_and(|state| state.starts_with("idle in transaction"))
            && self.state_age.is_none_or(|age| age > time)
    }

    /// Why it is not cancelled or terminated, even when the user asks for that: it is a superuser's,
    /// replication, a background process, another airlock, a prepared transaction, or one whose role
    /// cannot be seen.
    pub(super) fn spared(&self) -> Option<&'static str> {
        if self.pid.is_none() {
            Some("it is a prepared transaction")
        } else if self.backend_type.is_none() {
            Some("this role may not see whose it is")
        } else if self.backend_type.as_deref() != Some("client backend") {
            Some("it is no client's")
        } else if self.application_name.as_deref().is_some_and(|name| name.starts_with("airlock")) {
            Some("it is another airlock's")
        } else {
            match self.superuser {
                Some(true) => Some("it is a superuser's"),
                Some(false) => None,
                None => Some("this role may not see whose it is"),
            }
        }
    }

    pub(super) fn describe(&self, age: Duration, wanted: &[Wanted]) -> Blocker {
        let state = if self.prepared.is_some() {
            PREPARED.to_owned()
        } else if self.is_autovacuum() && self.prevents_wraparound() {
            "autovacuum to prevent wraparound".to_owned()
        } else if self.is_autovacuum() {
            "autovacuum".to_owned()
        } else if !self.granted {
            "waiting for a lock".to_owned()
        } else {
            self.state.clone().unwrap_or_else(|| "in a transaction".to_owned())
        };
        Blocker {
            pid: self.pid,
            application_name: self.application_name.clone(),
            user: self.user.clone(),
            age_ms: age.as_secs_f64() * 1000.0,
            state,
            query: self.prepared.clone().or_else(|| self.query.clone()),
            relation: wanted.iter().find(|w| w.oid == self.relation).map(|w| w.name.clone()),
        }
    }
}

/// Milliseconds as a duration; what is negative or no number counts as none.
pub(super) fn milliseconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value / 1000.0).unwrap_or_default()
}

/// What is in the way of every lock that has its locks looked at in this manner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Before a short transaction: nobody may be older than `waiting`, the part of `budget` in which
    /// the locks have to be had, idle in its transaction, prepared, vacuuming, or waiting already. With
    /// `vacuum_yields`, an autovacuum that gives way to us as soon as we ask is not in the way. With
    /// `foresee`, where enough transactions were seen to end, what is left of those that hold
    /// locks counts, and not their age or what they do.
    Brief { budget: Duration, waiting: Duration, vacuum_yields: bool, foresee: bool },
    /// Before a long statement under a weak lock: nobody may hold a conflicting lock. Autovacuum
    /// does not count: it gives way to whoever waits for it, and a waiting weak lock keeps no
    /// reader or writer waiting.
    Long,
}

/// The holders that are in the way, oldest first, one for each transaction.
pub(super) fn in_the_way<'a>(
    holders: &'a [Holder],
    wanted: &[Wanted],
    strictness: Strictness,
    seen: &Seen,
) -> Vec<(&'a Holder, Duration)> {
    let mut found: Vec<(&Holder, Duration)> = Vec::new();
    for holder in holders {
        if !holder.conflicts(wanted) {
            continue;
        }
        let age = seen.age(holder);
        let hinders = match strictness {
            Strictness::Brief { budget, waiting, vacuum_yields, foresee } => {
                if holder.granted && vacuum_yields && holder.gives_way() {
                    false
                } else {
                    !holder.granted
                        || holder.prepared.is_some()
                        || holder.is_autovacuum()
                        || match seen.left(holder).filter(|_| foresee) {
                            Some(left) if left <= waiting => false,
                            // One that has only begun is likelier one of the many short ones.
                            Some(_) => {
                                age > budget.saturating_sub(waiting) || holder.idles_for(budget / 4)
                            }
                            None => age > waiting || holder.idles_for(budget / 4),
                        }
                }
            }
            Strictness::Long => {
                holder.granted
                    && holder.mode >= Some(LockMode::ShareUpdateExclusive)
                    && !holder.is_autovacuum()
            }
        };
        let known = found.iter().any(|(h, _)| h.pid == holder.pid && h.vxid == holder.vxid);
        if hinders && !known {
            found.push((holder, age));
        }
    }
    found.sort_by_key(|(_, age)| std::cmp::Reverse(*age));
    found
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::time::Instant;

    pub(in crate::run) const BRIEF: Strictness = Strictness::Brief {
        budget: Duration::from_millis(50),
        waiting: Duration::from_millis(25),
        vacuum_yields: false,
        foresee: false,
    };
    const YIELDING: Strictness = Strictness::Brief {
        budget: Duration::from_millis(50),
        waiting: Duration::from_millis(25),
        vacuum_yields: true,
        foresee: false,
    };

    pub(in crate::run) fn holder(mode: LockMode, age_ms: Option<u64>) -> Holder {
        Holder {
            relation: 7,
            pid: Some(100),
            vxid: "3/1".into(),
            mode: Some(mode),
            granted: true,
            application_name: Some("app".into()),
            user: Some("app".into()),
            state: Some("active".into()),
            backend_type: Some("client backend".into()),
            query: Some("SELECT 1".into()),
            age: age_ms.map(Duration::from_millis),
            state_age: Some(Duration::ZERO),
            prepared: None,
            superuser: Some(false),
        }
    }

    fn hinders(holder: Holder, mode: LockMode, strictness: Strictness) -> bool {
        let wanted = [Wanted { oid: 7, name: "public.t".into(), mode }];
        let holders = [holder];
        let mut seen = Seen::default();
        seen.update(&holders, &wanted, Instant::now());
        !in_the_way(&holders, &wanted, strictness, &seen).is_empty()
    }

    fn brief(holder: Holder) -> bool {
        hinders(holder, LockMode::AccessExclusive, BRIEF)
    }

    #[test]
    fn only_what_lasts_is_in_the_way_of_a_brief_lock() {
        let young = holder(LockMode::AccessShare, Some(5));
        assert!(!brief(young.clone()));
        assert!(brief(holder(LockMode::AccessShare, Some(26))));
        assert!(brief(Holder { granted: false, ..young.clone() }));
        assert!(brief(Holder { prepared: Some("gid".into()), ..young.clone() }));

        let vacuum = Holder { backend_type: Some("autovacuum worker".into()), ..young.clone() };
        assert!(brief(vacuum.clone()));
        let yields = YIELDING;
        let mode = LockMode::AccessExclusive;
        assert!(!hinders(vacuum.clone(), mode, yields));
        let query = Some("autovacuum: VACUUM public.t (to prevent wraparound)".to_owned());
        assert!(hinders(Holder { query, ..vacuum.clone() }, mode, yields));
        assert!(hinders(Holder { query: None, ..vacuum }, mode, yields), "cannot be seen");

        let idle = Holder { state: Some("idle in transaction".into()), ..young };
        assert!(!brief(idle.clone()), "between two statements of a busy transaction");
        assert!(brief(Holder { state_age: Some(Duration::from_millis(13)), ..idle.clone() }));
        assert!(brief(Holder { state_age: None, ..idle }));
    }

    #[test]
    fn other_relations_and_modes_that_go_together_do_not_count() {
        let old = holder(LockMode::AccessShare, Some(9_000));
        assert!(!brief(Holder { relation: 8, ..old.clone() }));
        let strictness = BRIEF;
        assert!(!hinders(old.clone(), LockMode::ShareRowExclusive, strictness));
        assert!(hinders(
            Holder { mode: Some(LockMode::RowExclusive), ..old },
            LockMode::ShareRowExclusive,
            strictness
        ));
    }

    #[test]
    fn a_long_weak_lock_minds_only_its_like() {
        let mode = LockMode::ShareUpdateExclusive;
        let build = holder(mode, Some(1));
        assert!(hinders(build.clone(), mode, Strictness::Long));
        let vacuum = Holder { backend_type: Some("autovacuum worker".into()), ..build };
        assert!(!hinders(vacuum, mode, Strictness::Long));
        assert!(!hinders(holder(LockMode::RowExclusive, Some(9_000)), mode, Strictness::Long));
    }

    #[test]
    fn the_oldest_is_named_first_and_each_transaction_once() {
        let wanted = [Wanted { oid: 7, name: "public.t".into(), mode: LockMode::AccessExclusive }];
        let a = holder(LockMode::AccessShare, Some(100));
        let b = Holder { pid: Some(101), ..holder(LockMode::RowExclusive, Some(200)) };
        let holders = [a.clone(), Holder { mode: Some(LockMode::RowShare), ..a }, b];
        let found = in_the_way(&holders, &wanted, BRIEF, &Seen::default());
        assert_eq!(found.iter().map(|(h, _)| h.pid).collect::<Vec<_>>(), [Some(101), Some(100)]);
    }

    #[test]
    fn only_plain_clients_of_ordinary_roles_may_be_signalled() {
        let plain = holder(LockMode::AccessShare, Some(1));
        assert_eq!(plain.spared(), None);
        for spared in [
            Holder { superuser: Some(true), ..plain.clone() },
            Holder { superuser: None, ..plain.clone() },
            Holder { backend_type: Some("walsender".into()), ..plain.clone() },
            Holder { backend_type: None, ..plain.clone() },
            Holder { application_name: Some("airlock (x)".into()), ..plain.clone() },
            Holder { pid: None, ..plain.clone() },
        ] {
            assert!(spared.spared().is_some(), "{spared:?}");
        }
    }
}
