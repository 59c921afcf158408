//! Evidence from what was seen now and what was counted at an earlier look.
//!
//! Counters only grow, and `pg_stat_statements` keeps texts from before the deploy. What counts is
//! the difference to an earlier look, taken when the gate was reached or when contract was last tried.

use super::text::Found;
use super::{Certainty, Evidence, Object, Source, Use};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long the old names have to be unused before the counts say anything, seconds.
pub const QUIET_SECONDS: i64 = 30;

/// Most uses that are kept of one kind and certainty: a screen full says as much as a book.
const KEPT: usize = 20;

/// What only grows, as it stood at one look.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Calls of each statement that uses an old name, by role and query id.
    pub statements: BTreeMap<String, i64>,
    /// Rows written through an old name, by sequence.
    pub writes: BTreeMap<String, i64>,
    /// When `pg_stat_statements` began to count anew, microseconds since 1970.
    pub counting_since: Option<i64>,
    /// How often it has dropped statements for want of room.
    pub evictions: Option<i64>,
}

/// A look that is in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    pub at: jiff::Timestamp,
    pub counts: Counts,
}

/// A statement of `pg_stat_statements` that uses an old name.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub key: String,
    pub role: String,
    pub text: String,
    pub calls: i64,
    pub found: Found,
}

/// A session whose statement, the last or the present one, uses an old name.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub who: String,
    pub text: String,
    /// A statement or transaction is under way.
    pub busy: bool,
    pub started: Option<jiff::Timestamp>,
    pub found: Found,
}

/// Rows written through `object`, as a sequence has counted them.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    pub sequence: String,
    pub object: Object,
    pub rows: i64,
}

/// Everything that one look saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub objects: Vec<Object>,
    /// Dependants and functions: they are there or they are not.
    pub uses: Vec<Use>,
    pub sessions: Vec<Session>,
    pub statements: Vec<Statement>,
    pub written: Vec<Written>,
    pub counting_since: Option<i64>,
    pub evictions: Option<i64>,
    pub unseen: Vec<String>,
}

impl Seen {
    /// What the next look is compared with.
    pub fn counts(&self) -> Counts {
        Counts {
            statements: self.statements.iter().map(|s| (s.key.clone(), s.calls)).collect(),
            writes: self.written.iter().map(|w| (w.sequence.clone(), w.rows)).collect(),
            counting_since: self.counting_since,
            evictions: self.evictions,
        }
    }
}

/// The look to compare with: the newest one that is old enough to say something, else the oldest.
pub fn base(looks: &[Look], now: jiff::Timestamp) -> Option<&Look> {
    let age = |look: &&Look| now.as_second() - look.at.as_second();
    looks
        .iter()
        .filter(|look| age(look) >= QUIET_SECONDS)
        .max_by_key(|look| look.at)
        .or_else(|| looks.iter().min_by_key(|look| look.at))
}

/// Puts `seen` and the counts of `base` together.
pub fn judge(seen: Seen, base: Option<&Look>, now: jiff::Timestamp) -> Evidence {
    let watched = base.map(|look| now.as_second() - look.at.as_second());
    let counted_anew = base.is_some_and(|look| {
        seen.counting_since.is_some() && seen.counting_since != look.counts.counting_since
    });
    let mut unseen = seen.unseen;
    let evictions = base.and_then(|look| look.counts.evictions).zip(seen.evictions);
    if evictions.is_some_and(|(before, after)| after > before && !counted_anew) {
        unseen.push(
            "pg_stat_statements has dropped statements for want of room since then \
             (pg_stat_statements.max): calls may be missing."
                .to_owned(),
        );
    }
    let mut used_before = false;
    let mut uses = seen.uses;
    for statement in seen.statements {
        let known = base.filter(|_| !counted_anew);
        let before = known.and_then(|look| look.counts.statements.get(&statement.key)).copied();
        // Fewer calls than before: the entry was dropped and made again in between.
        let before = before.filter(|before| *before <= statement.calls).unwrap_or(0);
        let since = statement.calls - before;
        let certain = statement.found.values().any(|c| *c == Certainty::Certain);
        used_before |= certain && statement.calls > 0;
        if since > 0 {
            let who = Some(format!("role {}", statement.role));
            let count = base.is_some().then(|| since.unsigned_abs());
            uses.extend(each(&statement.found, Source::Statement, who, &statement.text, count));
        }
    }
    for session in seen.sessions {
        let since = base.and_then(|look| session.started.map(|started| started > look.at));
        let current = session.busy || since == Some(true);
        for mut found in
            each(&session.found, Source::Session, Some(session.who.clone()), &session.text, None)
        {
            if !current {
                found.certainty = Certainty::Possible;
            }
            uses.push(found);
        }
    }
    for written in seen.written {
        let before = base.and_then(|look| look.counts.writes.get(&written.sequence)).copied();
        let since = written.rows - before.unwrap_or(0);
        used_before |= written.rows > 0;
        if since > 0 {
            uses.push(Use {
                object: written.object,
                source: Source::Writes,
                certainty: Certainty::Certain,
                who: None,
                what: "rows were written through it".to_owned(),
                count: Some(since.unsigned_abs()),
            });
        }
    }
    uses.sort_by_key(|found| {
        (
            std::cmp::Reverse(found.certainty),
            found.source,
            std::cmp::Reverse(found.count),
            found.object.clone(),
        )
    });
    let mut kept: BTreeMap<(Certainty, Source), usize> = BTreeMap::new();
    uses.retain(|found| {
        let count = kept.entry((found.certainty, found.source)).or_default();
        *count += 1;
        *count <= KEPT
    });
    for ((certainty, _), count) in kept.iter().filter(|(_, count)| **count > KEPT) {
        let word = if *certainty == Certainty::Certain { "certain" } else { "possible" };
        unseen.push(format!("{} more {word} uses of this kind are left out.", count - KEPT));
    }
    let certain = uses.iter().any(|found| found.certainty == Certainty::Certain);
    let wait = watched.map(|watched| QUIET_SECONDS - watched).filter(|wait| *wait > 0);
    Evidence {
        retired: seen.objects,
        since: base.map(|look| look.at),
        watched_seconds: watched,
        uses,
        unseen,
        look_again_in_seconds: wait.filter(|_| used_before && !certain),
    }
}

fn each(
    found: &Found,
    source: Source,
    who: Option<String>,
    what: &str,
    count: Option<u64>,
) -> Vec<Use> {
    found
        .iter()
        .map(|(object, certainty)| Use {
            object: object.clone(),
            source,
            certainty: *certainty,
            who: who.clone(),
            what: what.to_owned(),
            count,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::QualifiedName;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    fn column() -> Object {
        Object::Column(QualifiedName::new("public", "t"), "a".to_owned())
    }

    fn seen(calls: i64, rows: i64) -> Seen {
        Seen {
            objects: vec![column()],
            statements: vec![Statement {
                key: "app/1".into(),
                role: "app".into(),
                text: "SELECT a FROM t".into(),
                calls,
                found: Found::from([(column(), Certainty::Certain)]),
            }],
            written: vec![Written { sequence: "s".into(), object: column(), rows }],
            ..Seen::default()
        }
    }

    fn look(second: i64, calls: i64, rows: i64) -> Look {
        Look { at: at(second), counts: seen(calls, rows).counts() }
    }

    #[test]
    fn only_what_was_used_since_the_look_counts() {
        let gate = look(1_000, 50, 7);
        assert!(judge(seen(50, 7), Some(&gate), at(1_100)).is_clean());
        let calls = judge(seen(53, 7), Some(&gate), at(1_100));
        assert!(!calls.is_clean());
        assert_eq!(calls.uses[0].count, Some(3));
        let writes = judge(seen(50, 9), Some(&gate), at(1_100));
        assert_eq!((writes.uses[0].source, writes.uses[0].count), (Source::Writes, Some(2)));
        // Nobody has looked before: what the numbers say is not known.
        assert!(!judge(seen(50, 0), None, at(1_100)).is_clean());
        assert!(judge(seen(0, 0), None, at(1_100)).is_clean());
    }

    #[test]
    fn a_moment_without_use_says_nothing_about_names_that_were_in_use() {
        let gate = look(1_000, 50, 7);
        let soon = judge(seen(50, 7), Some(&gate), at(1_010));
        assert_eq!(soon.look_again_in_seconds, Some(20));
        assert!(!soon.is_clean());
        let unused = look(1_000, 0, 0);
        assert!(judge(seen(0, 0), Some(&unused), at(1_000)).is_clean());
    }

    #[test]
    fn numbers_that_began_anew_are_compared_with_nothing() {
        let gate = look(1_000, 50, 0);
        let mut anew = seen(2, 0);
        assert_eq!(judge(anew.clone(), Some(&gate), at(1_100)).uses[0].count, Some(2));
        anew = seen(60, 0);
        anew.counting_since = Some(at(1_050).as_microsecond());
        assert_eq!(judge(anew, Some(&gate), at(1_100)).uses[0].count, Some(60));
    }

    #[test]
    fn a_session_that_sits_idle_since_before_is_only_possible() {
        let gate = look(1_000, 0, 0);
        let session = |busy, started| Seen {
            sessions: vec![Session {
                who: "app".into(),
                text: "SELECT a FROM t".into(),
                busy,
                started: Some(at(started)),
                found: Found::from([(column(), Certainty::Certain)]),
            }],
            ..Seen::default()
        };
        assert!(judge(session(false, 900), Some(&gate), at(1_100)).is_clean());
        assert!(!judge(session(false, 1_010), Some(&gate), at(1_100)).is_clean());
        assert!(!judge(session(true, 900), Some(&gate), at(1_100)).is_clean());
    }

    #[test]
    fn the_newest_look_that_says_something_is_the_base() {
        let looks = [look(1_000, 1, 0), look(2_000, 2, 0), look(2_090, 3, 0)];
        assert_eq!(base(&looks, at(2_100)).map(|look| look.at), Some(at(2_000)));
        assert_eq!(base(&looks[2..], at(2_100)).map(|look| look.at), Some(at(2_090)));
        assert_eq!(base(&[], at(2_100)), None);
    }
}
