//! The settings that can be changed while a run is under way: their names, and how a word becomes
//! a value. Pure.

use crate::journal::control::Refused;
use crate::run::limits::Limits;
use crate::run::throttle::Settings;
use crate::run::value;
use std::sync::Arc;

/// A setting that can be tuned.
pub struct Key {
    pub name: &'static str,
    /// For people, with an example.
    pub what: &'static str,
    set: fn(&mut Limits, &str) -> Result<(), String>,
}

impl Key {
    /// Whether a word is a value of this key, whatever the other limits are.
    ///
    /// # Errors
    /// Why it is none.
    pub fn check(&self, text: &str) -> Result<(), String> {
        (self.set)(&mut Limits::default(), text)
    }
}

/// What ends a threshold.
const OFF: &str = "off";

fn threshold<T>(
    text: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if text == OFF { Ok(None) } else { read(text).map(Some) }
}

fn throttle(limits: &mut Limits) -> &mut Settings {
    Arc::make_mut(&mut limits.throttle)
}

fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "not a number".to_owned())
}

fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        OFF => Ok(false),
        _ => Err("not one of on, off".to_owned()),
    }
}

/// Every setting that can be tuned. Those of `[throttle]` can be switched off, which is how one says
/// that a signal which cannot be read shall not count.
pub const KEYS: [Key; 20] = [
    Key {
        name: "max_stall",
        what: "longest time an application statement may wait because of us: 50ms",
        set: |l, text| {
            l.max_stall = value::duration(text)?;
            l.batch_target = l.batch_target.min(l.max_stall / 2);
            Ok(())
        },
    },
    Key {
        name: "max_hold",
        what: "longest time a short transaction may hold its locks: 2s",
        set: |l, text| value::duration(text).map(|time| l.max_hold = time),
    },
    Key {
        name: "patience",
        what: "longest time to try for the locks of one step: 10m",
        set: |l, text| value::duration(text).map(|time| l.patience = time),
    },
    Key {
        name: "escalate_to",
        what: "ceiling of the stall budget: 500ms, or off",
        set: |l, text| threshold(text, value::duration).map(|time| l.escalate_to = time),
    },
    Key {
        name: "batch_target",
        what: "aim for the duration of a batch: 25ms",
        set: |l, text| value::duration(text).map(|time| l.batch_target = time),
    },
    Key {
        name: "bloat_limit",
        what: "share of dead rows before a vacuum: 15%",
        set: |l, text| value::share(text).map(|share| l.bloat_limit = share),
    },
    Key {
        name: "jobs",
        what: "block ranges walked side by side: 2",
        set: |l, text| value::jobs(text).map(|jobs| l.jobs = jobs),
    },
    Key {
        name: "on_blocker",
        what: "what to do about an old transaction in the way: wait, cancel, terminate",
        set: |l, text| value::on_blocker(text).map(|action| l.on_blocker = action),
    },
    Key {
        name: "blocker_age",
        what: "age from which on_blocker acts: 1m",
        set: |l, text| value::duration(text).map(|time| l.blocker_age = time),
    },
    Key {
        name: "throttle_ratio",
        what: "share of the time that a backfill stands still: 50%",
        set: |l, text| value::share(text).map(|share| throttle(l).ratio = share),
    },
    Key {
        name: "replica_lag",
        what: "how far a standby may be behind: 10s, or off",
        set: |l, text| {
            let limit = threshold(text, value::duration)?;
            throttle(l).replica_lag = limit;
            if limit.is_none() {
                throttle(l).replicas.clear();
            }
            Ok(())
        },
    },
    Key {
        name: "slot_bytes",
        what: "WAL that a replication slot may keep back: 10GB, or off",
        set: |l, text| threshold(text, value::bytes).map(|limit| throttle(l).slot_bytes = limit),
    },
    Key {
        name: "wal_rate",
        what: "WAL that the server may write a second: 50MB, or off",
        set: |l, text| threshold(text, value::bytes).map(|limit| throttle(l).wal_rate = limit),
    },
    Key {
        name: "archive_backlog",
        what: "files of WAL that may wait to be archived: 100, or off",
        set: |l, text| {
            threshold(text, value::count).map(|limit| throttle(l).archive_backlog = limit)
        },
    },
    Key {
        name: "active_backends_per_core",
        what: "backends at work for each processor: 2, or off",
        set: |l, text| {
            threshold(text, number).map(|limit| throttle(l).active_backends_per_core = limit)
        },
    },
    Key {
        name: "oldest_xmin",
        what: "age of the oldest snapshot in transactions: 10000000, or off",
        set: |l, text| threshold(text, value::count).map(|limit| throttle(l).oldest_xmin = limit),
    },
    Key {
        name: "autovacuum",
        what: "wait while autovacuum works on the table: on or off",
        set: |l, text| on_off(text).map(|on| throttle(l).autovacuum = on),
    },
    Key {
        name: "stall",
        what: "longest wait behind us in the last seconds: 20ms, or off",
        set: |l, text| threshold(text, value::duration).map(|limit| throttle(l).stall = limit),
    },
    Key {
        name: "windows",
        what: "when work may be done: off, to work at any time",
        set: |l, text| match text {
            OFF => {
                throttle(l).windows.clear();
                Ok(())
            }
            _ => Err("it can only be switched off here".to_owned()),
        },
    },
    Key {
        name: "queries",
        what: "queries of the settings file: off",
        set: |l, text| match text {
            OFF => {
                throttle(l).queries.clear();
                Ok(())
            }
            _ => Err("they can only be switched off here".to_owned()),
        },
    },
];

/// The key of that name, with `-` as good as `_`.
pub fn key(name: &str) -> Option<&'static Key> {
    let name = name.trim_start_matches("--").replace('-', "_");
    KEYS.iter().find(|key| key.name == name)
}

/// `base` with `tunes` on top, in the order of [`KEYS`], and what cannot be followed. When the whole
/// makes no sense, as much of it as does: one order that does not fit does not undo the others.
pub fn apply(base: &Limits, tunes: &[(String, String)]) -> (Limits, Vec<Refused>) {
    let refuse = |(name, value): (&str, &str), why: String| Refused {
        key: name.to_owned(),
        value: value.to_owned(),
        why,
    };
    let mut refused: Vec<Refused> = Vec::new();
    for (name, value) in tunes.iter().filter(|(name, _)| key(name).is_none()) {
        refused.push(refuse((name, value), "cannot be tuned".to_owned()));
    }
    let mut left: Vec<(&Key, &str)> = Vec::new();
    for key in &KEYS {
        for (_, value) in tunes.iter().filter(|(name, _)| name == key.name) {
            match key.check(value) {
                Ok(()) => left.push((key, value)),
                Err(why) => refused.push(refuse((key.name, value), why)),
            }
        }
    }
    let with = |limits: &Limits, some: &[(&Key, &str)]| {
        let mut limits = limits.clone();
        some.iter().try_for_each(|(key, value)| (key.set)(&mut limits, value))?;
        limits.check().map(|()| limits)
    };
    if let Ok(limits) = with(base, &left) {
        return (limits, refused);
    }
    let mut limits = base.clone();
    loop {
        let before = left.len();
        left.retain(|one| match with(&limits, &[*one]) {
            Ok(more) => {
                limits = more;
                false
            }
            Err(_) => true,
        });
        // One that did not fit may, beside those that came after it.
        if left.is_empty() || left.len() == before {
            break;
        }
    }
    for (key, value) in left {
        let why = with(&limits, &[(key, value)]).err().unwrap_or_default();
        refused.push(refuse((key.name, value), why));
    }
    (limits, refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn on(base: &Limits, tunes: &[(&str, &str)]) -> (Limits, Vec<String>) {
        let tunes: Vec<_> = tunes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let (limits, refused) = apply(base, &tunes);
        (limits, refused.iter().map(ToString::to_string).collect())
    }

    fn tuned(tunes: &[(&str, &str)]) -> (Limits, Vec<String>) {
        on(&Limits::default(), tunes)
    }

    #[test]
    fn every_key_takes_the_example_that_it_gives() {
        for key in &KEYS {
            let example = key.what.rsplit(": ").next().unwrap();
            let value = example.split([',', ' ']).next().unwrap();
            key.check(value).unwrap_or_else(|why| panic!("{}: {why}", key.name));
            assert!(key.check("nonsense").is_err(), "{}", key.name);
        }
    }

    #[test]
    fn a_lower_stall_budget_brings_the_batches_down_with_it() {
        let (limits, refused) = tuned(&[("max_stall", "10ms")]);
        assert!(refused.is_empty(), "{refused:?}");
        assert_eq!(limits.batch_target, Duration::from_millis(5));
        // Given by itself it counts, in whatever order they are told.
        let (limits, _) = tuned(&[("batch_target", "8ms"), ("max_stall", "10ms")]);
        assert_eq!(limits.batch_target, Duration::from_millis(8));
    }

    #[test]
    fn one_that_does_not_fit_leaves_the_others_in_force() {
        let (limits, refused) =
            tuned(&[("jobs", "3"), ("batch_target", "9s"), ("throttle_ratio", "99%")]);
        assert_eq!((limits.jobs, limits.throttle.ratio), (3, 0.99));
        assert_eq!(limits.batch_target, Limits::default().batch_target);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].contains("batch_target = 9s: batch_target is 9s"), "{refused:?}");
        let (limits, refused) = tuned(&[("jobs", "3"), ("colour", "red")]);
        assert_eq!(limits.jobs, 3);
        assert_eq!(refused, ["colour = red: cannot be tuned"]);
    }

    #[test]
    fn orders_that_need_each_other_are_followed_together() {
        let base = Limits { escalate_to: Some(Duration::from_millis(100)), ..Limits::default() };
        let (limits, refused) =
            on(&base, &[("max_stall", "200ms"), ("escalate_to", "1s"), ("jobs", "900")]);
        assert_eq!(limits.max_stall, Duration::from_millis(200));
        assert_eq!(limits.escalate_to, Some(Duration::from_secs(1)));
        assert_eq!(refused.len(), 1, "{refused:?}");
    }

    #[test]
    fn names_are_as_in_the_file_or_as_the_flag() {
        assert_eq!(key("max-stall").map(|key| key.name), Some("max_stall"));
        assert_eq!(key("--max-stall").map(|key| key.name), Some("max_stall"));
        assert!(key("stall_max").is_none());
    }
}
