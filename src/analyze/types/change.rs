//! Which changes of a column's type leave its stored values as they are.
//!
//! A change is free when the conversion does nothing to a stored value: the same type with a length
//! or precision that is not smaller, or a cast that PostgreSQL calls binary-coercible (`pg_cast`
//! with `castmethod = 'b'`; see the manual, "CREATE CAST", WITHOUT FUNCTION). What is not known to
//! be free is a rewrite. Says nothing of constraints on the column.

use super::{BUILT_IN, Base, ColumnType, is_constrained, resolve, underlying};
use crate::analyze::volatility::name_parts;
use crate::catalog::Catalog;
use pg_query::NodeEnum;
use pg_query::protobuf::Node;

/// Whether changing column `column` from `from` to `to` leaves every stored value as it is.
pub(in crate::analyze) fn change_is_free(
    column: &str,
    from: &ColumnType,
    to: &ColumnType,
    using: Option<&Node>,
    catalog: &Catalog,
) -> bool {
    let converted = match using {
        None => Some(from.clone()),
        Some(expression) => converted_by(expression, column, from, catalog),
    };
    converted.is_some_and(|from| cast_is_free(&from, to, catalog))
}

/// Whether the assignment cast refuses every value but NULL: `bit(n)` to another length.
pub(in crate::analyze) fn never_converts(from: &ColumnType, to: &ColumnType) -> bool {
    let bits = |of: &ColumnType| of.built_in() == Some("bit");
    bits(from) && bits(to) && !to.modifiers.is_empty() && from.modifiers != to.modifiers
}

/// The type of `USING` when it is the column itself under casts that do nothing.
fn converted_by(
    expression: &Node,
    column: &str,
    from: &ColumnType,
    catalog: &Catalog,
) -> Option<ColumnType> {
    match expression.node.as_ref()? {
        NodeEnum::ColumnRef(reference) => {
            (name_parts(&reference.fields).last() == Some(&column)).then(|| from.clone())
        }
        NodeEnum::CollateClause(clause) => {
            converted_by(clause.arg.as_deref()?, column, from, catalog)
        }
        NodeEnum::TypeCast(cast) => {
            let inner = converted_by(cast.arg.as_deref()?, column, from, catalog)?;
            let target = resolve(cast.type_name.as_ref()?, catalog)?;
            cast_is_free(&inner, &target, catalog).then_some(target)
        }
        _ => None,
    }
}

fn cast_is_free(from: &ColumnType, to: &ColumnType, catalog: &Catalog) -> bool {
    if from == to {
        return true;
    }
    if is_constrained(to, catalog) {
        return false;
    }
    let (from, to) = (underlying(from, catalog), underlying(to, catalog));
    if from.array || to.array {
        return from.array == to.array
            && from.base == to.base
            && (to.modifiers.is_empty() || from.modifiers == to.modifiers);
    }
    if from.base == to.base {
        return modifiers_fit(&from, &to);
    }
    let same_storage = match (from.built_in(), to.built_in()) {
        (Some(a), Some(b)) => binary_coercible(a, b, catalog),
        (Some(a), None) => extension_type(&to, catalog) == Some("citext") && is_text(a),
        (None, Some(b)) => {
            extension_type(&from, catalog) == Some("citext") && (is_text(b) || b == "bpchar")
        }
        (None, None) => false,
    };
    // The cast gives the bare type; a length is applied to that.
    same_storage && modifiers_fit(&to.clone().without_modifiers(), &to)
}

fn is_text(name: &str) -> bool {
    matches!(name, "text" | "varchar")
}

/// `citext`, when that is what the type is.
fn extension_type<'t>(of: &'t ColumnType, catalog: &Catalog) -> Option<&'t str> {
    match &of.base {
        Base::User(name) if catalog.extensions.contains(&name.name) => Some(&name.name),
        Base::User(_) | Base::BuiltIn(_) => None,
    }
}

fn binary_coercible(from: &str, to: &str, catalog: &Catalog) -> bool {
    let numbered = |name: &str| matches!(name, "oid" | "int4");
    let registered = |name: &str| name.starts_with("reg");
    match (from, to) {
        ("text" | "varchar" | "xml", "text" | "varchar" | "bpchar")
        | ("cidr", "inet")
        | ("bit", "varbit")
        | ("varbit", "bit")
        | ("regproc", "regprocedure")
        | ("regprocedure", "regproc")
        | ("regoper", "regoperator")
        | ("regoperator", "regoper") => true,
        ("timestamp", "timestamptz") | ("timestamptz", "timestamp") => session_is_utc(catalog),
        _ => {
            (numbered(from) && (numbered(to) || registered(to)))
                || (registered(from) && numbered(to))
        }
    }
}

/// Whether the session's time zone is always at offset zero, so that `timestamp` and `timestamptz`
/// have the same stored value.
fn session_is_utc(catalog: &Catalog) -> bool {
    let zone = catalog.server.settings.get("TimeZone").map(|zone| zone.to_ascii_lowercase());
    let Some(zone) = zone else { return false };
    let zone = zone.strip_prefix("etc/").unwrap_or(&zone);
    matches!(zone, "utc" | "uct" | "gmt" | "greenwich" | "universal" | "zulu")
        || is_zero_offset(zone)
}

/// A zone in POSIX form, its name and its offset (`gmt0`, `<+00>-00`), whose offset is nothing.
fn is_zero_offset(zone: &str) -> bool {
    let offset = match zone.strip_prefix('<') {
        Some(rest) => rest.split_once('>').map(|(_, offset)| offset),
        None => Some(zone.trim_start_matches(|c: char| c.is_ascii_alphabetic())),
    };
    let offset = offset.map(|offset| offset.trim_start_matches(['+', '-']));
    offset
        .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| matches!(c, '0' | ':')))
}

/// Whether every value of `from` is one of `to` as it stands, the two being the same base type.
fn modifiers_fit(from: &ColumnType, to: &ColumnType) -> bool {
    let (Some(kind), old, new) = (to.built_in(), &from.modifiers[..], &to.modifiers[..]) else {
        return to.modifiers.is_empty() || from.modifiers == to.modifiers;
    };
    if new.is_empty() || old == new {
        return true;
    }
    match kind {
        "varchar" | "varbit" => matches!((old, new), ([old], [new]) if new >= old),
        "numeric" => {
            let digits = |of: &[i32]| match *of {
                [precision] => Some((precision, 0)),
                [precision, scale] => Some((precision, scale)),
                _ => None,
            };
            match (digits(old), digits(new)) {
                (Some((p1, s1)), Some((p2, s2))) => s1 == s2 && p2 >= p1,
                _ => false,
            }
        }
        "timestamp" | "timestamptz" | "time" | "timetz" => match (old, new) {
            (_, [new]) if *new >= MAX_PRECISION => true,
            ([old], [new]) => new >= old,
            _ => false,
        },
        "interval" => interval_fits(old, new),
        _ => false,
    }
}

/// Digits of a second that date and time types keep at most.
const MAX_PRECISION: i32 = 6;

/// The fields of an interval are the bits of its first modifier; all of them for plain `interval`.
fn interval_fits(old: &[i32], new: &[i32]) -> bool {
    // From seconds to years, with the bits that the server's `INTERVAL_MASK` gives them.
    const FIELDS: [i32; 6] = [12, 11, 10, 3, 1, 2];
    const ALL: i32 = 0x7FFF;
    let least = |mask: i32| {
        if mask == ALL {
            0
        } else {
            FIELDS.iter().position(|bit| mask & (1 << bit) != 0).unwrap_or(0)
        }
    };
    let read = |of: &[i32]| match *of {
        [] => (0, MAX_PRECISION),
        [mask] => (least(mask), MAX_PRECISION),
        [mask, precision, ..] => (least(mask), precision),
    };
    let ((old_field, old_precision), (new_field, new_precision)) = (read(old), read(new));
    new_field <= old_field
        && (old_field > 0 || new_precision >= MAX_PRECISION || new_precision >= old_precision)
}

/// Whether an index on a column that goes from `from` to `to` without a rewrite stays as it is: its
/// operator class must be the same, which the default ones of text and varchar, or of the `reg`
/// types and `oid`, are. Polymorphic ones (arrays, enums, ranges) want the very same type.
pub(in crate::analyze) fn index_survives(
    from: &ColumnType,
    to: &ColumnType,
    method: &str,
    catalog: &Catalog,
) -> bool {
    let (old, new) = (underlying(from, catalog), underlying(to, catalog));
    let class = |of: &ColumnType| match of.built_in() {
        Some("varchar" | "text") => Some("text"),
        Some("cidr" | "inet") => Some("inet"),
        Some(name) if name == "oid" || name.starts_with("reg") => Some("oid"),
        Some("int4range" | "int8range" | "numrange" | "tsrange" | "tstzrange" | "daterange")
        | None => None,
        Some(name) => BUILT_IN.split_whitespace().find(|known| *known == name),
    };
    match (class(&old), class(&new)) {
        (Some(old), Some(new)) => old == new,
        // These methods store something else than the column's type (a hash, an element), which the
        // server takes for a change.
        _ if matches!(method, "hash" | "gin") => false,
        _ => from.base == to.base && from.array == to.array,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::types::printed;
    use crate::catalog::TypeDef;
    use crate::sql::QualifiedName;

    fn catalog(zone: &str) -> Catalog {
        let mut catalog = Catalog::default();
        catalog.server.search_path = vec!["public".into()];
        catalog.server.settings.insert("TimeZone".into(), zone.into());
        let mut domain = |name: &str, base: &str, not_null: bool, checks: &[&str]| {
            let domain = TypeDef::Domain {
                base: base.into(),
                not_null,
                default: None,
                checks: checks.iter().map(|check| (*check).to_owned()).collect(),
            };
            catalog.types.insert(QualifiedName::new("public", name), domain);
        };
        domain("plain", "text", false, &[]);
        domain("strict", "text", false, &["c CHECK ((VALUE <> ''::text))"]);
        domain("nested", "public.strict", false, &[]);
        domain("short", "character varying(10)", false, &[]);
        catalog
            .types
            .insert(QualifiedName::new("public", "mood"), TypeDef::Enum { labels: vec![] });
        catalog
    }

    fn free(from: &str, to: &str) -> bool {
        free_in("UTC", from, to)
    }

    fn free_in(zone: &str, from: &str, to: &str) -> bool {
        let catalog = catalog(zone);
        let of = |text| printed(text, &catalog).unwrap_or_else(|| panic!("{text} is a type"));
        change_is_free("c", &of(from), &of(to), None, &catalog)
    }

    fn free_using(from: &str, to: &str, using: &str) -> bool {
        let catalog = catalog("UTC");
        let of = |text| printed(text, &catalog).unwrap();
        let using = crate::sql::parse_expression(using).unwrap();
        change_is_free("c", &of(from), &of(to), Some(&using), &catalog)
    }

    /// Observed on servers 14 to 18, each pair by `ALTER TABLE … ALTER COLUMN … TYPE`.
    #[test]
    fn pairs_that_leave_values_alone() {
        for (from, to) in [
            ("varchar(10)", "varchar(20)"),
            ("varchar(10)", "varchar"),
            ("varchar(10)", "text"),
            ("text", "varchar"),
            ("text", "plain"),
            ("plain", "varchar"),
            ("strict", "text"),
            ("nested", "plain"),
            ("short", "varchar(12)"),
            ("char(10)", "bpchar"),
            ("numeric(10,2)", "numeric(12,2)"),
            ("numeric(10,2)", "decimal"),
            ("timestamp(3)", "timestamp"),
            ("timestamp", "timestamp(6)"),
            ("timestamp(3)", "timestamptz"),
            ("timestamp", "timestamptz(6)"),
            ("time(3)", "time(4)"),
            ("timetz(3)", "timetz"),
            ("interval(3)", "interval(5)"),
            ("interval", "interval(6)"),
            ("interval year to month", "interval"),
            ("interval year to month", "interval month"),
            ("interval year to month", "interval(3)"),
            ("interval day to second(3)", "interval day to second(5)"),
            ("interval day to second(3)", "interval second(3)"),
            ("interval day to second(3)", "interval hour to second(3)"),
            ("bit(5)", "varbit"),
            ("varbit(5)", "varbit(10)"),
            ("int", "oid"),
            ("oid", "regclass"),
            ("regclass", "int"),
            ("xml", "varchar"),
            ("cidr", "inet"),
            ("varchar(10)[]", "varchar[]"),
            ("text[]", "text[][]"),
            ("numeric(10,2)[]", "numeric[]"),
            ("mood", "mood"),
        ] {
            assert!(free(from, to), "{from} to {to}");
        }
    }

    #[test]
    fn pairs_that_rewrite() {
        for (from, to) in [
            ("varchar(10)", "varchar(5)"),
            ("varchar(10)", "name"),
            ("varchar", "varchar(10)"),
            ("text", "strict"),
            ("text", "nested"),
            ("plain", "strict"),
            ("char(10)", "char(20)"),
            ("char(10)", "text"),
            ("numeric(10,2)", "numeric(12,4)"),
            ("numeric(10,2)", "numeric(8,2)"),
            ("numeric", "numeric(10,2)"),
            ("timestamp", "timestamp(3)"),
            ("timestamp(3)", "timestamptz(3)"),
            ("time(3)", "timetz"),
            ("interval(3)", "interval(2)"),
            ("interval", "interval year to month"),
            ("interval year to month", "interval year"),
            ("bit(5)", "varbit(10)"),
            ("bit(5)", "bit(10)"),
            ("varbit", "varbit(10)"),
            ("int", "bigint"),
            ("bigint", "oid"),
            ("inet", "cidr"),
            ("varchar(10)[]", "varchar(20)[]"),
            ("varchar[]", "text[]"),
            ("int[]", "oid[]"),
            ("json", "jsonb"),
            ("mood", "text"),
            ("date", "timestamp"),
            ("bytea", "text"),
        ] {
            assert!(!free(from, to), "{from} to {to}");
        }
    }

    #[test]
    fn time_zones_count() {
        for (zone, expected) in [
            ("Europe/Oslo", false),
            ("Etc/UTC", true),
            ("gmt", true),
            ("Etc/GMT+5", false),
            ("Etc/GMT-0", true),
            ("<+00>-00", true),
            ("<+09>-09", false),
        ] {
            assert_eq!(free_in(zone, "timestamp", "timestamptz"), expected, "{zone}");
        }
    }

    #[test]
    fn using_is_free_when_it_is_the_column() {
        assert!(free_using("varchar(10)", "text", "c::varchar(20)"));
        assert!(free_using("varchar(10)", "text", "t.c COLLATE \"C\""));
        assert!(free_using("int", "regclass", "c::oid::regclass"));
        assert!(!free_using("varchar(10)", "text", "c::varchar(5)"));
        assert!(!free_using("varchar(10)", "varchar(20)", "c::text"));
        assert!(!free_using("text", "text", "lower(c)"));
        assert!(!free_using("text", "text", "other"));
    }

    #[test]
    fn indexes_survive_within_an_operator_class() {
        let catalog = catalog("UTC");
        let survives = |from, to| {
            let of = |text| printed(text, &catalog).unwrap();
            index_survives(&of(from), &of(to), "btree", &catalog)
        };
        assert!(survives("varchar(10)", "text"));
        assert!(survives("plain", "varchar"));
        assert!(survives("oid", "regclass"));
        assert!(survives("cidr", "inet"));
        assert!(!survives("int", "oid"));
        assert!(!survives("timestamp", "timestamptz"));
        assert!(survives("text[]", "text[]"));
        assert!(!survives("bit(5)", "varbit"));
    }
}
