//! Orders from other terminals: pause, cancel, and settings changed while a run is under way.
//!
//! An order stays until it is taken back or its time is over, whatever becomes of the runner. The
//! runner looks for orders several times a second, and at once when it is notified.

use super::command::{Command, Hits, Value};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Key of the order to begin nothing new. Its value is the reason, for people.
pub const PAUSE: &str = "pause";

/// Key of the order to stop at once. Its value is the uuid of the runner that is meant.
pub const CANCEL: &str = "cancel";

/// Channel on which a change of the orders is announced.
pub const CHANNEL: &str = "airlock_control";

/// Channel on which the runner says which orders it follows and which it does not: an [`Answer`] as
/// JSON.
pub const ANSWERS: &str = "airlock_answer";

/// Listens for answers.
pub const LISTEN_ANSWERS: &str = "LISTEN airlock_answer";

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
    /// The revision that it is for; `None` for whichever runs.
    pub revision: Option<String>,
    pub set_at: jiff::Timestamp,
    pub expires_at: Option<jiff::Timestamp>,
}

/// What a runner says to the orders when they have changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Key and value.
    pub followed: Vec<(String, String)>,
    pub refused: Vec<Refused>,
}

/// An order that does not go with the runner's other limits, and is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    pub key: String,
    pub value: String,
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}", self.key, self.value, self.why)
    }
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

/// Puts an order back that another one had replaced, unless there is one of its key again.
pub fn restore(order: &Order) -> Command {
    let seconds = |time: jiff::Timestamp| Value::Double(time.as_microsecond() as f64 / 1e6);
    Command::new(
        "put an order back",
        "INSERT INTO airlock.control (key, value, set_by, revision, set_at, expires_at) \
         VALUES ($1, $2, $3, $4, pg_catalog.to_timestamp($5), \
                 CASE WHEN $6 > 0 THEN pg_catalog.to_timestamp($6) END) \
         ON CONFLICT (key) DO NOTHING",
        vec![
            Value::text(&order.key),
            Value::text(&order.value),
            Value::text(&order.set_by),
            Value::OptionalText(order.revision.clone()),
            seconds(order.set_at),
            order.expires_at.map_or(Value::Double(0.0), seconds),
        ],
        Hits::Any,
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

/// Takes an order back if it is still the one that was refused.
pub fn refuse(refused: &Refused) -> Command {
    Command::new(
        "take a refused order back",
        "DELETE FROM airlock.control WHERE key = $1 AND value = $2",
        vec![Value::text(&refused.key), Value::text(&refused.value)],
        Hits::Any,
    )
}

/// Deletes orders whose time is over.
pub fn tidy() -> Command {
    Command::new(
        "delete orders that are over",
        "DELETE FROM airlock.control WHERE expires_at <= pg_catalog.clock_timestamp()",
        vec![],
        Hits::Any,
    )
}

/// Answers whoever has changed the orders.
///
/// A payload is shorter than 8000 bytes (manual, "NOTIFY"); an answer that is longer is not given.
pub fn answer(answer: &Answer) -> Option<Command> {
    let payload = serde_json::to_string(answer).ok().filter(|text| text.len() < PAYLOAD_MAX)?;
    Some(Command::new(
        "answer orders",
        "SELECT pg_catalog.pg_notify($1, $2)",
        vec![Value::text(ANSWERS), Value::text(&payload)],
        Hits::Any,
    ))
}

const PAYLOAD_MAX: usize = 8000;

/// Announces that the orders have changed.
pub fn notify() -> Command {
    Command::new(
        "announce orders",
        "SELECT pg_catalog.pg_notify($1, '')",
        vec![Value::text(CHANNEL)],
        Hits::Any,
    )
}

/// Orders in force for `revision`; with `None`, for any that is under way. A cancel is in force
/// while the runner that it names is there.
pub fn read(revision: Option<&str>) -> Command {
    Command::new(
        "read orders",
        READ,
        vec![Value::OptionalText(revision.map(str::to_owned))],
        Hits::Any,
    )
}

// Whoever writes SQL may write times that a computer's clock does not reach.
const READ: &str = "SELECT c.key, c.value, c.set_by, c.revision, \
    (pg_catalog.date_part('epoch', LEAST(GREATEST(c.set_at, '0001-01-01 00:00:00+00'), \
        '9999-12-30 00:00:00+00')) * 1000000)::bigint AS set_at, \
    CASE WHEN c.expires_at < 'infinity' THEN (pg_catalog.date_part('epoch', \
        LEAST(c.expires_at, '9999-12-30 00:00:00+00')) * 1000000)::bigint END AS expires_at \
    FROM airlock.control AS c \
    WHERE (c.expires_at IS NULL OR c.expires_at > pg_catalog.clock_timestamp()) \
    AND (c.revision IS NULL OR c.revision = $1 OR ($1 IS NULL AND ( \
        EXISTS (SELECT FROM airlock.rollout AS r WHERE r.revision = c.revision \
            AND r.state IN ('running', 'at-gate', 'rolling-back')) \
        OR EXISTS (SELECT FROM airlock.runner AS n WHERE n.revision = c.revision)))) \
    AND (c.key <> 'cancel' \
        OR EXISTS (SELECT FROM airlock.runner AS n WHERE n.runner::text = c.value)) \
    ORDER BY c.key";

/// A row of [`read`] as a value.
pub fn order(row: &tokio_postgres::Row) -> Order {
    Order {
        key: row.get("key"),
        value: row.get("value"),
        set_by: row.get("set_by"),
        revision: row.get("revision"),
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
