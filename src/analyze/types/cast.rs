//! Which types PostgreSQL converts by itself when a value is stored (assignment casts): without one,
//! `ALTER COLUMN … TYPE` needs `USING`.
//!
//! Source: `pg_cast` of 14 and 18, which agree, and the manual, "Value Storage": every type goes into
//! a string type through its text form, arrays element by element, domains as their base type.

use super::{BUILT_IN, Base, ColumnType, underlying};
use crate::catalog::{Catalog, TypeDef};

/// `from>to …`: the assignment and implicit casts between different built-in types, but for those
/// into string types, between the numbers, and of object identifiers.
const CASTS: &str = " bit>varbit box>polygon bpchar>char cidr>inet date>timestamp \
    date>timestamptz inet>cidr int4>money int8>money interval>time json>jsonb jsonb>json \
    macaddr8>macaddr macaddr>macaddr8 money>numeric numeric>money path>polygon point>box \
    polygon>path text>char text>regclass time>interval time>timetz timestamp>date timestamp>time \
    timestamp>timestamptz timestamptz>date timestamptz>time timestamptz>timestamp \
    timestamptz>timetz timetz>time varbit>bit varchar>char varchar>regclass ";

/// The types of category "string", but for domains over them.
const STRINGS: [&str; 4] = ["text", "varchar", "bpchar", "name"];

const NUMBERS: [&str; 6] = ["int2", "int4", "int8", "float4", "float8", "numeric"];

/// Whether a value of `from` is converted to `to` when it is stored; `None` when that cannot be known:
/// somebody has made casts, or a type comes from an extension.
pub(in crate::analyze) fn is_assignable(
    from: &ColumnType,
    to: &ColumnType,
    catalog: &Catalog,
) -> Option<bool> {
    let (from, to) = (underlying(from, catalog), underlying(to, catalog));
    if from.base == to.base && from.array == to.array {
        return Some(true);
    }
    if !is_known(&from, catalog) || !is_known(&to, catalog) {
        return None;
    }
    // Before 15 "char" was a string type too.
    let is_string =
        |name: &str| STRINGS.contains(&name) || (name == "char" && catalog.server.major() < 15);
    if to.built_in().is_some_and(is_string) {
        return Some(true);
    }
    if from.array != to.array {
        return Some(false);
    }
    match (&from.base, &to.base) {
        (Base::BuiltIn(from), Base::BuiltIn(to)) => Some(is_listed(from, to)),
        // In arrays the text form of an element serves too.
        (_, Base::BuiltIn(to)) if is_string(to) => Some(true),
        _ if catalog.user_casts => None,
        _ => Some(false),
    }
}

fn is_known(of: &ColumnType, catalog: &Catalog) -> bool {
    match &of.base {
        Base::BuiltIn(name) => BUILT_IN.split_whitespace().any(|known| known == name),
        Base::User(name) => match catalog.types.get(name) {
            Some(TypeDef::Enum { .. } | TypeDef::Composite | TypeDef::Range) => true,
            Some(TypeDef::Domain { .. } | TypeDef::Other) => false,
            None => catalog.relations.contains_key(name),
        },
    }
}

fn is_listed(from: &str, to: &str) -> bool {
    let number = |name: &str| NUMBERS.contains(&name);
    let registered = |name: &str| name.starts_with("reg");
    let integer = |name: &str| matches!(name, "int2" | "int4" | "int8");
    STRINGS.contains(&to)
        || (number(from) && number(to))
        || (integer(from) && (to == "oid" || registered(to)))
        || (from == "oid" && (matches!(to, "int4" | "int8") || registered(to)))
        || (registered(from) && matches!(to, "int4" | "int8" | "oid"))
        || (from == "regoper" && to == "regoperator")
        || (from == "regoperator" && to == "regoper")
        || (from == "regproc" && to == "regprocedure")
        || (from == "regprocedure" && to == "regproc")
        || CASTS.contains(&format!(" {from}>{to} "))
}
