//! Constants of partition keys, as far as they can be compared without the server.

use super::rows::partition_columns;
use crate::analyze::volatility::name_parts;
use crate::catalog::{Catalog, Relation};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, a_const};
use std::cmp::Ordering;

/// The one column of a partition key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: String,
    /// For `timestamp with time zone`: how a time without an offset is read.
    pub(super) instants: Option<Unstated>,
}

/// What a time without an offset means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unstated {
    Utc,
    /// The time zone of the session, whose rules are not known here.
    Unknown,
}

impl Key {
    pub(super) fn of(catalog: &Catalog, parent: &Relation) -> Option<Self> {
        let [name] = <[String; 1]>::try_from(partition_columns(parent)).ok()?;
        let with_zone = parent.column(&name)?.type_name.ends_with(" with time zone");
        let zone = catalog.server.settings.get("TimeZone").map(String::as_str);
        let unstated = match zone {
            Some("UTC" | "Etc/UTC" | "GMT" | "Zulu") => Unstated::Utc,
            Some(_) | None => Unstated::Unknown,
        };
        Some(Self { name, instants: with_zone.then_some(unstated) })
    }

    pub(super) fn value(&self, node: &Node) -> Option<Value> {
        let found = value(node)?;
        Some(match (&found, self.instants) {
            (Value::Text(text), Some(unstated)) => instant(text, unstated).unwrap_or(found),
            (Value::Text(_) | Value::Number(_), _) => found,
        })
    }
}

/// A time with its offset as microseconds since 1970, which compare whatever the notation.
// Exact up to 2^53, past which no value is given.
#[allow(clippy::cast_precision_loss)]
fn instant(text: &str, unstated: Unstated) -> Option<Value> {
    const EXACT: i64 = 1 << 53;
    let stamp = match text.parse::<jiff::Timestamp>() {
        Ok(stamp) => stamp,
        Err(_) if unstated == Unstated::Utc => {
            let civil: jiff::civil::DateTime = text.parse().ok()?;
            civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        }
        Err(_) => return None,
    };
    let micros = stamp.as_microsecond();
    (micros.abs() < EXACT).then_some(Value::Number(micros as f64))
}

/// A constant, as far as it can be compared without the server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Text(String),
}

impl Value {
    /// Numbers by size; dates and times in ISO notation by their text; other texts only for
    /// equality, because their order depends on the collation.
    pub(super) fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
            (Value::Text(a), Value::Text(b)) if a == b => Some(Ordering::Equal),
            (Value::Text(a), Value::Text(b)) if is_iso(a) && is_iso(b) => Some(a.cmp(b)),
            (Value::Text(_) | Value::Number(_), _) => None,
        }
    }

    pub(super) fn at_least(&self, other: &Value) -> bool {
        matches!(self.order(other), Some(Ordering::Greater | Ordering::Equal))
    }

    pub(super) fn above(&self, other: &Value) -> bool {
        self.order(other) == Some(Ordering::Greater)
    }
}

/// `2024-04-01` or `2024-04-01 12:00:00`, without a time zone.
fn is_iso(text: &str) -> bool {
    let shape = |pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(c, p)| match p {
                b'0' => c.is_ascii_digit(),
                _ => c == p,
            })
    };
    shape("0000-00-00") || shape("0000-00-00 00:00:00")
}

fn value(node: &Node) -> Option<Value> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Ival(number) => Some(Value::Number(f64::from(number.ival))),
            a_const::Val::Fval(number) => number.fval.parse().ok().map(Value::Number),
            a_const::Val::Sval(text) => Some(Value::Text(text_value(&text.sval))),
            a_const::Val::Boolval(truth) => Some(Value::Text(truth.boolval.to_string())),
            a_const::Val::Bsval(_) => None,
        },
        NodeEnum::TypeCast(cast) => value(cast.arg.as_deref()?),
        NodeEnum::AExpr(minus) if name_parts(&minus.name) == ["-"] && minus.lexpr.is_none() => {
            match value(minus.rexpr.as_deref()?)? {
                Value::Number(number) => Some(Value::Number(-number)),
                Value::Text(_) => None,
            }
        }
        _ => None,
    }
}

/// Midnight is printed with and without its time.
fn text_value(text: &str) -> String {
    text.strip_suffix(" 00:00:00").unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_a_zone_compare_as_instants() {
        let utc = instant("2026-02-01 00:00:00+00", Unstated::Unknown);
        assert!(utc.is_some());
        assert_eq!(instant("2026-02-01 01:00:00+01", Unstated::Unknown), utc);
        assert_eq!(instant("2026-01-31 19:30:00-04:30", Unstated::Unknown), utc);
        assert_eq!(instant("2026-02-01", Unstated::Utc), utc);
        assert_eq!(instant("2026-02-01 00:00:00", Unstated::Utc), utc);
        assert_eq!(instant("2026-02-01", Unstated::Unknown), None);
        assert_eq!(instant("tomorrow", Unstated::Utc), None);
    }
}
