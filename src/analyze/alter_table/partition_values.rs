//! Constants of partition keys, as far as they can be compared without the server.

use super::rows::partition_columns;
use crate::analyze::volatility::name_parts;
use crate::catalog::{Catalog, Column, Relation, TypeDef};
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, TypeName, a_const};
use std::cmp::Ordering;

/// The one column of a partition key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// How constants of the key's type compare.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Number,
    Date,
    /// `timestamp`: the same in every time zone.
    Civil,
    /// `timestamp with time zone`, with the zone in which a time without an offset is read, when its
    /// rules are known.
    Instant(Option<TimeZone>),
    /// Equal only when the texts are the same; what comes first is the collation's to say.
    Text,
    Uuid,
    Boolean,
    /// Has more than one text for the same value.
    Other,
}

impl Kind {
    fn of(catalog: &Catalog, column: &Column) -> Self {
        if let Some(name) = &column.user_type {
            return match catalog.types.get(name) {
                Some(TypeDef::Enum { .. }) => Kind::Text,
                Some(_) | None => Kind::Other,
            };
        }
        let type_name = column.type_name.as_str();
        let (plain, _) = type_name.split_once('(').unwrap_or((type_name, ""));
        match plain.trim_end() {
            _ if type_name.ends_with("[]") => Kind::Other,
            "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => {
                Kind::Number
            }
            "date" => Kind::Date,
            "uuid" => Kind::Uuid,
            "boolean" => Kind::Boolean,
            "timestamp without time zone" => Kind::Civil,
            "timestamp with time zone" => Kind::Instant(session_zone(catalog)),
            "timestamp" if type_name.ends_with("without time zone") => Kind::Civil,
            "timestamp" => Kind::Instant(session_zone(catalog)),
            "text" | "character varying" | "name" => Kind::Text,
            _ => Kind::Other,
        }
    }
}

/// The rules of the session's time zone. A server may have a newer edition of them than we do: what
/// that changes are dates far ahead, or of long ago.
fn session_zone(catalog: &Catalog) -> Option<TimeZone> {
    let name = catalog.server.settings.get("TimeZone")?;
    match name.as_str() {
        "UTC" | "Etc/UTC" | "GMT" | "Zulu" => Some(TimeZone::UTC),
        name => TimeZoneDatabase::bundled().get(name).ok(),
    }
}

impl Key {
    pub(super) fn of(catalog: &Catalog, parent: &Relation) -> Option<Self> {
        let [name] = <[String; 1]>::try_from(partition_columns(parent)).ok()?;
        // A key of several columns, or with an expression, has more parts than plain columns.
        if parent.partition_key.as_deref()?.contains(',') {
            return None;
        }
        let kind = Kind::of(catalog, parent.column(&name)?);
        Some(Self { name, kind })
    }

    pub(super) fn value(&self, node: &Node) -> Option<Value> {
        match node.node.as_ref()? {
            NodeEnum::AConst(constant) => match constant.val.as_ref()? {
                a_const::Val::Ival(number) => self.number(f64::from(number.ival)),
                a_const::Val::Fval(number) => self.number(number.fval.parse().ok()?),
                a_const::Val::Sval(text) => self.text(&text.sval),
                a_const::Val::Boolval(truth) => Some(Value::Text(truth.boolval.to_string())),
                a_const::Val::Bsval(_) => None,
            },
            NodeEnum::TypeCast(cast) => {
                self.cast_to(cast.type_name.as_ref()?)?.value(cast.arg.as_deref()?)
            }
            NodeEnum::AExpr(minus) if name_parts(&minus.name) == ["-"] && minus.lexpr.is_none() => {
                match self.value(minus.rexpr.as_deref()?)? {
                    Value::Number(number) => Some(Value::Number(-number)),
                    Value::Text(_) | Value::Other(_) => None,
                }
            }
            _ => None,
        }
    }

    /// How a constant with a cast is read. `None` when it is compared with the key by a function that
    /// reads settings, which proves nothing, or when the cast may change it.
    fn cast_to(&self, target: &TypeName) -> Option<Self> {
        let names = name_parts(&target.names);
        let to = *names.last()?;
        let with = |kind| Some(Self { name: self.name.clone(), kind });
        match (&self.kind, to) {
            (Kind::Date | Kind::Civil, "date") => with(Kind::Date),
            (Kind::Date | Kind::Civil, "timestamp") => with(Kind::Civil),
            (Kind::Instant(_), "timestamptz")
            | (Kind::Number, "int2" | "int4" | "int8" | "numeric" | "float4" | "float8")
            | (Kind::Uuid, "uuid")
            | (Kind::Boolean, "bool")
            | (Kind::Text | Kind::Other, _) => Some(self.clone()),
            (
                Kind::Date
                | Kind::Civil
                | Kind::Instant(_)
                | Kind::Number
                | Kind::Uuid
                | Kind::Boolean,
                _,
            ) => None,
        }
    }

    // Exact up to 2^53, past which no value is given.
    fn number(&self, number: f64) -> Option<Value> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self.kind {
            Kind::Number => (number.abs() < EXACT).then_some(Value::Number(number)),
            _ => Some(Value::Other(number.to_string())),
        }
    }

    fn text(&self, text: &str) -> Option<Value> {
        match &self.kind {
            Kind::Number => self.number(text.trim().parse().ok()?),
            Kind::Date => Some(Value::Number(civil(text, true)?)),
            Kind::Civil => Some(Value::Number(civil(text, false)?)),
            Kind::Instant(zone) => Some(Value::Number(instant(text, zone.as_ref())?)),
            Kind::Text => Some(Value::Text(text.to_owned())),
            Kind::Uuid => {
                let digits = text.chars().filter(char::is_ascii_hexdigit);
                Some(Value::Text(digits.collect::<String>().to_ascii_lowercase()))
            }
            Kind::Boolean => match text {
                "t" | "true" => Some(Value::Text("true".to_owned())),
                "f" | "false" => Some(Value::Text("false".to_owned())),
                _ => None,
            },
            Kind::Other => Some(Value::Other(text.to_owned())),
        }
    }
}

fn special(text: &str) -> Option<f64> {
    match text {
        "infinity" => Some(f64::INFINITY),
        "-infinity" => Some(f64::NEG_INFINITY),
        "epoch" => Some(0.0),
        _ => None,
    }
}

/// A date, or a time without a zone, as microseconds.
fn civil(text: &str, date_only: bool) -> Option<f64> {
    if let Some(special) = special(text) {
        return Some(special);
    }
    let mut time = local(text)?;
    if date_only {
        time = time.date().to_datetime(jiff::civil::Time::midnight());
    }
    micros(TimeZone::UTC.to_timestamp(time).ok()?)
}

/// A date, with or without a time, and without a zone.
fn local(text: &str) -> Option<DateTime> {
    // The server takes a sixtieth second for the next minute, and an offset here for nothing.
    let odd = text.contains(":60") || text.contains(['+', 'Z', 'z', '[']);
    let long = text.matches('-').count() > 2;
    if odd || long { None } else { text.parse().ok() }
}

/// A time with its offset as microseconds since 1970, which compare whatever the notation.
fn instant(text: &str, zone: Option<&TimeZone>) -> Option<f64> {
    if let Some(special) = special(text) {
        return Some(special);
    }
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return micros(stamp);
    }
    // What is skipped or comes twice when clocks are changed is left open.
    micros(zone?.to_ambiguous_timestamp(local(text)?).unambiguous().ok()?)
}

// Exact up to 2^53, past which no value is given.
#[allow(clippy::cast_precision_loss)]
fn micros(stamp: jiff::Timestamp) -> Option<f64> {
    const EXACT: i64 = 1 << 53;
    let micros = stamp.as_microsecond();
    (micros.abs() < EXACT).then_some(micros as f64)
}

/// A constant, as far as it can be compared without the server.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Numbers, and times as microseconds.
    Number(f64),
    Text(String),
    /// Of a type that has several texts for one value.
    Other(String),
}

impl Value {
    /// Which comes first; texts only for equality, because their order depends on the collation.
    pub(super) fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
            (Value::Text(a), Value::Text(b)) | (Value::Other(a), Value::Other(b)) if a == b => {
                Some(Ordering::Equal)
            }
            _ => None,
        }
    }

    /// Whether both are the same value; `None` when that cannot be told.
    pub(super) fn same(&self, other: &Value) -> Option<bool> {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => Some(a == b),
            _ => self.order(other).map(|order| order == Ordering::Equal),
        }
    }

    pub(super) fn is_one_of(&self, all: &[Value]) -> bool {
        all.iter().any(|one| self.same(one) == Some(true))
    }

    pub(super) fn is_none_of(&self, all: &[Value]) -> bool {
        all.iter().all(|one| self.same(one) == Some(false))
    }

    pub(super) fn at_least(&self, other: &Value) -> bool {
        matches!(self.order(other), Some(Ordering::Greater | Ordering::Equal))
    }

    pub(super) fn above(&self, other: &Value) -> bool {
        self.order(other) == Some(Ordering::Greater)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_a_zone_compare_as_instants() {
        let utc = instant("2026-02-01 00:00:00+00", None);
        assert!(utc.is_some());
        assert_eq!(instant("2026-02-01 01:00:00+01", None), utc);
        assert_eq!(instant("2026-01-31 19:30:00-04:30", None), utc);
        assert_eq!(instant("2026-02-01", Some(&TimeZone::UTC)), utc);
        assert_eq!(instant("2026-02-01 00:00:00", Some(&TimeZone::UTC)), utc);
        assert_eq!(instant("2026-02-01", None), None);
        assert_eq!(instant("tomorrow", Some(&TimeZone::UTC)), None);
    }

    #[test]
    fn a_time_without_an_offset_is_read_in_the_zone_of_the_session() {
        let oslo = TimeZoneDatabase::bundled().get("Europe/Oslo").unwrap();
        let at = |text| instant(text, Some(&oslo));
        assert_eq!(at("2026-02-01"), instant("2026-01-31 23:00Z", None));
        assert_eq!(at("2026-07-01 02:00"), instant("2026-07-01 00:00Z", None));
        // Skipped, and there twice.
        assert_eq!(at("2026-03-29 02:30"), None);
        assert_eq!(at("2026-10-25 02:30"), None);
    }

    #[test]
    fn local_times_compare_whatever_the_notation() {
        assert_eq!(civil("2026-02-01", false), civil("2026-02-01 00:00:00", false));
        assert_eq!(civil("2026-02-01 12:30", false), civil("2026-02-01T12:30:00", false));
        assert_eq!(civil("2026-02-01 12:30", true), civil("2026-02-01", true));
        assert_eq!(civil("2026-02-01 12:59:60", false), None);
        assert_eq!(civil("2026-02-01 12:30+01", false), None);
        assert_eq!(civil("today", true), None);
    }
}
