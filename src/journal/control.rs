//! Orders from other terminals: pause, cancel, and settings changed while a run is under way.
//!
//! An order stays until it is taken back or its time is over, whatever becomes of the runner. The
//! runner looks for orders several times a second, and at once when it is notified.

use super::command::{Command, Hits, Value};
use serde::Serialize;

/// Key of the order to begin nothing new. Its value is the reason, for people.
pub const PAUSE: &str = "pause";

/// Key of the order to stop at once. Its value is the uuid of the runner that is meant.
pub const CANCEL: &str = "cancel";

/// Channel on which a change of the orders is announced.
pub const CHANNEL: &str = "airlock_control";

/// Listens for changes.
pub const LISTEN: &str = "LISTEN airlock_control";

/// Whether the table of orders is there. One row, one boolean.
pub const EXISTS: &str = "SELECT pg_catalog.to_regclass('airlock.control') IS NOT NULL";

/// An order in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Order {
    pub key: String,
    pub value: String,
    /// Who gave it, for people.
    pub set_by: String,
    pub set_at: jiff::Timestamp,
    pub expires_at: Option<jiff::Timestamp>,
}

/// Gives an order, or changes it. `revision`: it ends when another revision runs. `seconds`: how
/// long it holds.
pub fn set(
    key: &str,
    value: &str,
    by: &str,
    revision: Option<&str>,
    seconds: Option<f64>,
) -> Command {
    Command::new(
        "give an order",
        "INSERT INTO airlock.control (key, value, set_by, revision, expires_at) \
         VALUES ($1, $2, $3, $4, CASE WHEN $5 > 0 THEN pg_catalog.clock_timestamp() \
                                      + pg_catalog.make_interval(secs => $5) END) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, set_by = excluded.set_by, \
         revision = excluded.revision, set_at = excluded.set_at, expires_at = excluded.expires_at",
        vec![
            Value::text(key),
            Value::text(value),
            Value::text(by),
            Value::OptionalText(revision.map(str::to_owned)),
            Value::Double(seconds.unwrap_or_default()),
        ],
        Hits::Some,
    )
}

/// Takes an order back.
pub fn clear(key: &str) -> Command {
    Command::new(
        "take an order back",
        "DELETE FROM airlock.control WHERE key = $1",
        vec![Value::text(key)],
        Hits::Any,
    )
}

/// Announces that the orders have changed.
pub fn notify() -> Command {
    Command::new(
        "announce orders",
        "SELECT pg_catalog.pg_notify($1, '')",
        vec![Value::text(CHANNEL)],
        Hits::Any,
    )
}

/// Orders in force for `revision`; with `None`, all of them.
pub fn read(revision: Option<&str>) -> Command {
    Command::new(
        "read orders",
        READ,
        vec![Value::OptionalText(revision.map(str::to_owned))],
        Hits::Any,
    )
}

const READ: &str = "SELECT key, value, set_by, \
    (pg_catalog.date_part('epoch', set_at) * 1000000)::bigint AS set_at, \
    (pg_catalog.date_part('epoch', expires_at) * 1000000)::bigint AS expires_at \
    FROM airlock.control \
    WHERE (expires_at IS NULL OR expires_at > pg_catalog.clock_timestamp()) \
    AND (revision IS NULL OR $1 IS NULL OR revision = $1) ORDER BY key";

/// A row of [`read`] as a value.
pub fn order(row: &tokio_postgres::Row) -> Order {
    Order {
        key: row.get("key"),
        value: row.get("value"),
        set_by: row.get("set_by"),
        set_at: super::timestamp(row.get("set_at")),
        expires_at: row.get::<_, Option<i64>>("expires_at").map(super::timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_listens_where_the_other_speaks() {
        assert_eq!(LISTEN, format!("LISTEN {CHANNEL}"));
        assert_eq!(notify().params, [Value::text(CHANNEL)]);
    }
}
