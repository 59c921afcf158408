//! Who holds locks in a database and who waits for them, read once. Changes nothing and queues for
//! nothing.

use crate::lock::LockMode;
use crate::sql::QualifiedName;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_postgres::{Client, Error, Row};

/// Characters of a query that are kept.
const QUERY_CHARS: usize = 500;

/// Sessions of this database, and prepared transactions, that wait for a lock, keep another waiting,
/// hold a relation in a mode that stops writers, or hold one for so long that a change of the schema
/// would have to wait. Without `pg_read_all_stats` the texts and times
/// of other roles are NULL. `pg_blocking_pids` gives 0 for a prepared transaction.
const SESSIONS: &str = "
WITH mine AS (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
waiting AS (
  SELECT pid, pg_catalog.pg_blocking_pids(pid) AS by,
         min(waitstart) AS since
    FROM pg_catalog.pg_locks WHERE NOT granted AND pid IS NOT NULL GROUP BY pid),
strong AS (
  SELECT DISTINCT l.pid FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm', 'v', 'S')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE l.locktype = 'relation' AND l.granted AND l.database = (SELECT oid FROM mine)
     AND n.nspname !~ '^pg_'
     AND (l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
          OR EXISTS (SELECT FROM pg_catalog.pg_stat_activity o WHERE o.pid = l.pid
                        AND o.xact_start < pg_catalog.clock_timestamp() - interval '1 second'))),
wanted AS (
  SELECT pid FROM waiting UNION SELECT pg_catalog.unnest(by) FROM waiting
   UNION SELECT pid FROM strong WHERE pid IS NOT NULL)
SELECT a.pid, coalesce(w.by, '{}') AS blocked_by, a.application_name, a.usename::text AS user_name,
       a.state, a.backend_type, pg_catalog.left(pg_catalog.btrim(a.query), 4000) AS query,
       (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) * 1000)::float8 AS transaction_ms,
       (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - w.since) * 1000)::float8 AS waiting_ms
  FROM pg_catalog.pg_stat_activity a LEFT JOIN waiting w ON w.pid = a.pid
 WHERE a.pid IN (SELECT pid FROM wanted) AND a.pid <> pg_catalog.pg_backend_pid()
   AND (a.datid IS NULL OR a.datid = (SELECT oid FROM mine))";

/// The table-level locks of the application's relations.
const LOCKS: &str = "
SELECT coalesce(l.pid, 0) AS pid, n.nspname::text AS schema, c.relname::text AS name, l.mode, l.granted,
       p.gid
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_class c ON c.oid = l.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_locks x
    ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'
   AND x.virtualtransaction = l.virtualtransaction
  LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
 WHERE l.locktype = 'relation' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.relkind NOT IN ('i', 'I')
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";

/// A session, or with `pid` 0 all prepared transactions together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Session {
    pub pid: i32,
    pub application_name: Option<String>,
    pub user: Option<String>,
    pub state: Option<String>,
    pub backend_type: Option<String>,
    /// Without passwords, and cut.
    pub query: Option<String>,
    pub transaction_ms: Option<f64>,
    pub waiting_ms: Option<f64>,
    /// Strongest mode on each relation.
    pub holds: BTreeMap<QualifiedName, LockMode>,
    pub waits_for: BTreeMap<QualifiedName, LockMode>,
    pub blocked_by: Vec<i32>,
}

impl Session {
    fn is_autovacuum(&self) -> bool {
        self.backend_type.as_deref() == Some("autovacuum worker")
    }

    fn prevents_wraparound(&self) -> bool {
        self.query.as_deref().is_some_and(|query| query.contains("(to prevent wraparound)"))
    }
}

/// What airlock would do if it needed a conflicting lock now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stance {
    /// Autovacuum gives way as soon as somebody waits for it.
    AutovacuumGivesWay,
    /// Over soon: it would queue, for half the stall budget at most.
    WouldQueueBriefly,
    /// It would wait outside the queue until this is over.
    WouldWait,
    /// It would not queue behind others who wait already.
    WouldNotQueue,
}

impl Stance {
    pub fn words(self) -> &'static str {
        match self {
            Stance::AutovacuumGivesWay => "airlock: would go ahead, this autovacuum gives way",
            Stance::WouldQueueBriefly => "airlock: would queue, for half the stall budget at most",
            Stance::WouldWait => "airlock: would wait outside the queue until this is over",
            Stance::WouldNotQueue => "airlock: would not queue behind it",
        }
    }
}

/// What is known of the locks at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Blockers {
    pub sessions: BTreeMap<i32, Session>,
}

impl Blockers {
    /// Looks once.
    ///
    /// # Errors
    /// The server's.
    pub async fn look(client: &Client) -> Result<Self, Error> {
        let mut found = Blockers::default();
        for row in client.query(SESSIONS, &[]).await? {
            let session = session(&row);
            found.sessions.insert(session.pid, session);
        }
        for row in client.query(LOCKS, &[]).await? {
            found.add_lock(&row);
        }
        // Somebody who is blocked by what was gone a moment later.
        let known: BTreeSet<i32> = found.sessions.keys().copied().collect();
        for session in found.sessions.values_mut() {
            session.blocked_by.retain(|pid| known.contains(pid) && *pid != session.pid);
            session.blocked_by.sort_unstable();
            session.blocked_by.dedup();
        }
        Ok(found)
    }

    fn add_lock(&mut self, row: &Row) {
        let pid: i32 = row.get("pid");
        let prepared: Option<String> = row.get("gid");
        if pid == 0 {
            let entry = self.sessions.entry(0).or_insert_with(|| Session {
                pid: 0,
                application_name: None,
                user: None,
                state: Some("prepared transaction".to_owned()),
                backend_type: None,
                query: None,
                transaction_ms: None,
                waiting_ms: None,
                holds: BTreeMap::new(),
                waits_for: BTreeMap::new(),
                blocked_by: Vec::new(),
            });
            if let Some(gid) = prepared {
                entry.query = Some(gid);
            }
        }
        let Some(session) = self.sessions.get_mut(&pid) else { return };
        let Some(mode) = LockMode::from_pg_locks_name(row.get("mode")) else { return };
        let name = QualifiedName::new(row.get::<_, &str>("schema"), row.get::<_, &str>("name"));
        let granted: bool = row.get("granted");
        let side = if granted { &mut session.holds } else { &mut session.waits_for };
        let held = side.entry(name).or_insert(mode);
        *held = mode.max(*held);
    }

    /// Sessions that wait for nobody, those that keep others waiting first, then the oldest.
    pub fn roots(&self) -> Vec<&Session> {
        let mut roots: Vec<&Session> =
            self.sessions.values().filter(|session| session.blocked_by.is_empty()).collect();
        let age = |session: &Session| session.transaction_ms.unwrap_or(0.0);
        roots.sort_by(|a, b| {
            let waits = |session: &Session| self.behind(session.pid).is_empty();
            waits(a).cmp(&waits(b)).then(age(b).total_cmp(&age(a))).then(a.pid.cmp(&b.pid))
        });
        roots
    }

    /// Sessions that wait for `pid` directly, those who wait longest first.
    pub fn behind(&self, pid: i32) -> Vec<&Session> {
        let mut behind: Vec<&Session> =
            self.sessions.values().filter(|session| session.blocked_by.contains(&pid)).collect();
        let wait = |session: &Session| session.waiting_ms.unwrap_or(0.0);
        behind.sort_by(|a, b| wait(b).total_cmp(&wait(a)).then(a.pid.cmp(&b.pid)));
        behind
    }

    /// Sessions that wait for one another: nobody of them is a root. The server ends one of them after
    /// `deadlock_timeout`.
    pub fn in_circles(&self) -> Vec<&Session> {
        let mut reached: BTreeSet<i32> = BTreeSet::new();
        let mut next: Vec<i32> = self.roots().iter().map(|session| session.pid).collect();
        while let Some(pid) = next.pop() {
            if reached.insert(pid) {
                next.extend(self.behind(pid).iter().map(|session| session.pid));
            }
        }
        self.sessions.values().filter(|session| !reached.contains(&session.pid)).collect()
    }

    /// What airlock would do about `session`, with a stall budget of `max_stall`.
    pub fn stance(session: &Session, max_stall: Duration) -> Stance {
        if !session.blocked_by.is_empty() {
            return Stance::WouldNotQueue;
        }
        if session.is_autovacuum() && session.query.is_some() && !session.prevents_wraparound() {
            return Stance::AutovacuumGivesWay;
        }
        let half = max_stall.as_secs_f64() * 500.0;
        let brief = session.state.as_deref() == Some("active")
            && !session.is_autovacuum()
            && session.transaction_ms.is_some_and(|age| age <= half);
        if brief { Stance::WouldQueueBriefly } else { Stance::WouldWait }
    }
}

fn session(row: &Row) -> Session {
    Session {
        pid: row.get("pid"),
        application_name: row
            .get::<_, Option<String>>("application_name")
            .filter(|name| !name.is_empty()),
        user: row.get("user_name"),
        state: row.get("state"),
        backend_type: row.get("backend_type"),
        query: row.get::<_, Option<String>>("query").map(|query| without_passwords(&query)),
        transaction_ms: row.get("transaction_ms"),
        waiting_ms: row.get("waiting_ms"),
        holds: BTreeMap::new(),
        waits_for: BTreeMap::new(),
        blocked_by: row.get("blocked_by"),
    }
}

/// `query` with every password covered (`PASSWORD '…'`, `password=…`, `//user:…@`), cut to
/// [`QUERY_CHARS`].
pub fn without_passwords(query: &str) -> String {
    let mut text = String::new();
    let mut rest = query;
    while let Some(at) = next_secret(rest) {
        text.push_str(&rest[..at.start]);
        text.push_str("***");
        rest = &rest[at.end..];
    }
    text.push_str(rest);
    if text.chars().count() <= QUERY_CHARS {
        return text;
    }
    let kept: String = text.chars().take(QUERY_CHARS).collect();
    format!("{kept}…")
}

/// Where the first secret in `text` stands.
fn next_secret(text: &str) -> Option<std::ops::Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let word = lower.match_indices("password").find_map(|(at, word)| {
        let start = at + word.len();
        let after = &text[start..];
        let value = after.trim_start_matches([' ', '\t', '\n', '=']);
        let from = start + after.len() - value.len();
        let assigned = text[start..from].contains('=');
        // `PASSWORD '…'` with doubled quotes inside, or up to where a text is cut.
        if let Some(quoted) = value.strip_prefix('\'') {
            let end = closing_quote(quoted);
            return (end > 0 && &quoted[..end] != "***").then(|| from + 1..from + 1 + end);
        }
        let end = value.find(|c: char| c.is_whitespace() || c == '\'' || c == '&');
        let end = end.unwrap_or(value.len());
        (assigned && end > 0 && &value[..end] != "***").then(|| from..from + end)
    });
    let url = text.match_indices("://").find_map(|(at, mark)| {
        let start = at + mark.len();
        let rest = &text[start..];
        let end = rest.find(|c: char| c.is_whitespace() || c == '/' || c == '\'');
        let authority = &rest[..end.unwrap_or(rest.len())];
        let (login, _) = authority.rsplit_once('@')?;
        let (user, password) = login.split_once(':')?;
        let from = start + user.len() + 1;
        (!password.is_empty() && password != "***").then(|| from..from + password.len())
    });
    match (word, url) {
        (Some(a), Some(b)) => Some(if a.start <= b.start { a } else { b }),
        (a, b) => a.or(b),
    }
}

fn closing_quote(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\'' {
            if bytes.get(at + 1) != Some(&b'\'') {
                return at;
            }
            at += 1;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_covered_and_nothing_else() {
        for (query, shown) in [
            ("ALTER ROLE a PASSWORD 'se''cret' LOGIN", "ALTER ROLE a PASSWORD '***' LOGIN"),
            ("SELECT 1", "SELECT 1"),
            (
                "CREATE SUBSCRIPTION s CONNECTION 'host=h password=abc user=u'",
                "CREATE SUBSCRIPTION s CONNECTION 'host=h password=*** user=u'",
            ),
            (
                "SELECT dblink('postgresql://me:word@host/db')",
                "SELECT dblink('postgresql://me:***@host/db')",
            ),
            ("UPDATE users SET password = 'x', n = 1", "UPDATE users SET password = '***', n = 1"),
            ("ALTER ROLE a PASSWORD 'cut o", "ALTER ROLE a PASSWORD '***"),
            ("ALTER TABLE t ADD password text", "ALTER TABLE t ADD password text"),
        ] {
            assert_eq!(without_passwords(query), shown);
        }
    }

    #[test]
    fn long_queries_are_cut() {
        let cut = without_passwords(&"é".repeat(QUERY_CHARS + 10));
        assert_eq!(cut.chars().count(), QUERY_CHARS + 1);
    }
}
