//! Type names as `format_type` prints them, from the parse tree.
//!
//! Pure. Knows the types of `pg_catalog` by name; everything else is looked up in the catalog.

use super::{Catalog, TypeDef};
use crate::sql::{QualifiedName, quote_ident};
use pg_query::protobuf::{Node, TypeName, a_const, node};

/// `type_name` as the server prints it with an empty search path, for example
/// `character varying(10)`, `timestamp(3) with time zone`, `app.mood[]`. A type that nobody knows
/// stays as it is written.
pub fn type_name(type_name: &TypeName, catalog: &Catalog) -> String {
    let element = match resolve(type_name, catalog) {
        Resolved::BuiltIn(name) => built_in(&name, &modifiers(&type_name.typmods)),
        Resolved::User(name) => format!("{name}{}", parenthesized(&modifiers(&type_name.typmods))),
        Resolved::Unknown(names) => {
            let quoted: Vec<String> = names.iter().map(|name| quote_ident(name)).collect();
            format!("{}{}", quoted.join("."), parenthesized(&modifiers(&type_name.typmods)))
        }
    };
    if type_name.array_bounds.is_empty() { element } else { format!("{element}[]") }
}

/// The type (or the element type of an array) when it is not built in.
pub fn user_type(type_name: &TypeName, catalog: &Catalog) -> Option<QualifiedName> {
    match resolve(type_name, catalog) {
        Resolved::User(name) => Some(name),
        Resolved::BuiltIn(_) | Resolved::Unknown(_) => None,
    }
}

/// `serial` and its kin: the type of the column, for a column that gets a sequence of its own.
pub fn serial_type(type_name: &TypeName) -> Option<&'static str> {
    let names = strings(&type_name.names);
    let [name] = names.as_slice() else { return None };
    if !type_name.array_bounds.is_empty() {
        return None;
    }
    match name.as_str() {
        "smallserial" | "serial2" => Some("smallint"),
        "serial" | "serial4" => Some("integer"),
        "bigserial" | "serial8" => Some("bigint"),
        _ => None,
    }
}

/// `attstorage` that a column of this type has by itself.
pub fn default_storage(type_name: &str, catalog: &Catalog) -> char {
    let element = type_name.split('(').next().unwrap_or(type_name).trim();
    if type_name.ends_with("[]") {
        return 'x';
    }
    if let Ok(name) = type_name.parse::<QualifiedName>() {
        return match catalog.types.get(&name) {
            Some(TypeDef::Enum { .. }) => 'p',
            Some(TypeDef::Domain { base, .. }) => default_storage(base, catalog),
            Some(TypeDef::Composite | TypeDef::Range | TypeDef::Other) | None => 'x',
        };
    }
    match element {
        "numeric" | "inet" | "cidr" => 'm',
        "bit" | "bit varying" | "bpchar" | "bytea" | "character" | "character varying" | "json"
        | "jsonb" | "jsonpath" | "path" | "polygon" | "refcursor" | "text" | "tsvector"
        | "txid_snapshot" | "xml" => 'x',
        range if range.ends_with("range") => 'x',
        _ => 'p',
    }
}

enum Resolved {
    /// `pg_type.typname` of a type in `pg_catalog`.
    BuiltIn(String),
    User(QualifiedName),
    Unknown(Vec<String>),
}

/// Types of `pg_catalog` that a column can have (14 to 18), as `pg_type` calls them. They hide
/// types and tables of the same name in other schemas.
const BUILT_IN: &str = " aclitem bit bool box bpchar bytea char cid cidr circle date datemultirange \
     daterange float4 float8 gtsvector inet int2 int2vector int4 int4multirange int4range int8 \
     int8multirange int8range interval json jsonb jsonpath line lseg macaddr macaddr8 money name \
     numeric nummultirange numrange oid oidvector path pg_lsn pg_snapshot point polygon record \
     refcursor regclass regcollation regconfig regdictionary regnamespace regoper regoperator \
     regproc regprocedure regrole regtype text tid time timestamp timestamptz timetz trigger \
     tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector txid_snapshot uuid varbit \
     varchar void xid xid8 xml ";

fn resolve(type_name: &TypeName, catalog: &Catalog) -> Resolved {
    let names = strings(&type_name.names);
    match names.as_slice() {
        [name] if is_built_in(name) => Resolved::BuiltIn(name.clone()),
        [schema, name] if schema == "pg_catalog" => Resolved::BuiltIn(name.clone()),
        [.., schema, name] => Resolved::User(QualifiedName::new(schema, name)),
        [name] => catalog
            .server
            .search_path
            .iter()
            .map(|schema| QualifiedName::new(schema, name))
            .find(|name| catalog.types.contains_key(name) || catalog.relations.contains_key(name))
            .map_or_else(|| Resolved::Unknown(names.clone()), Resolved::User),
        [] => Resolved::Unknown(Vec::new()),
    }
}

fn is_built_in(name: &str) -> bool {
    !name.contains(' ') && BUILT_IN.contains(&format!(" {name} "))
}

fn built_in(name: &str, modifiers: &[String]) -> String {
    let with = |word: &str| format!("{word}{}", parenthesized(modifiers));
    match name {
        "bool" => "boolean".to_owned(),
        "int2" => "smallint".to_owned(),
        "int4" => "integer".to_owned(),
        "int8" => "bigint".to_owned(),
        "float4" => "real".to_owned(),
        "float8" => "double precision".to_owned(),
        "varchar" => with("character varying"),
        "varbit" => with("bit varying"),
        "bpchar" if !modifiers.is_empty() => with("character"),
        "bit" if modifiers.is_empty() => "\"bit\"".to_owned(),
        "bit" => with("bit"),
        "numeric" => match modifiers {
            [precision] => format!("numeric({precision},0)"),
            _ => with("numeric"),
        },
        "time" => format!("{} without time zone", with("time")),
        "timetz" => format!("{} with time zone", with("time")),
        "timestamp" => format!("{} without time zone", with("timestamp")),
        "timestamptz" => format!("{} with time zone", with("timestamp")),
        "interval" => interval(modifiers),
        // A keyword that the server prints bare.
        "json" | "xml" | "point" => name.to_owned(),
        other => format!("{}{}", quote_ident(other), parenthesized(modifiers)),
    }
}

/// `INTERVAL_MASK` of the fields, and the digits of seconds after it.
fn interval(modifiers: &[String]) -> String {
    const FULL_RANGE: u32 = 0x7FFF;
    let mask = modifiers.first().and_then(|mask| mask.parse().ok()).unwrap_or(FULL_RANGE);
    let digits = modifiers.get(1).map(|digits| format!("({digits})")).unwrap_or_default();
    let (month, year, day, hour, minute, second) =
        (1 << 1, 1 << 2, 1 << 3, 1 << 10, 1 << 11, 1 << 12);
    let fields = match mask {
        m if m == year => " year",
        m if m == month => " month",
        m if m == day => " day",
        m if m == hour => " hour",
        m if m == minute => " minute",
        m if m == second => " second",
        m if m == year | month => " year to month",
        m if m == day | hour => " day to hour",
        m if m == day | hour | minute => " day to minute",
        m if m == day | hour | minute | second => " day to second",
        m if m == hour | minute => " hour to minute",
        m if m == hour | minute | second => " hour to second",
        m if m == minute | second => " minute to second",
        _ => "",
    };
    format!("interval{fields}{digits}")
}

fn parenthesized(modifiers: &[String]) -> String {
    if modifiers.is_empty() { String::new() } else { format!("({})", modifiers.join(",")) }
}

/// Type modifiers as text: numbers, and words for types of extensions.
fn modifiers(list: &[Node]) -> Vec<String> {
    list.iter().filter_map(modifier).collect()
}

fn modifier(item: &Node) -> Option<String> {
    match item.node.as_ref()? {
        node::Node::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Ival(number) => Some(number.ival.to_string()),
            a_const::Val::Fval(number) => Some(number.fval.clone()),
            a_const::Val::Sval(text) => Some(text.sval.clone()),
            a_const::Val::Boolval(_) | a_const::Val::Bsval(_) => None,
        },
        node::Node::ColumnRef(word) => strings(&word.fields).pop(),
        // A negative number: the scale of a numeric on 15 and later.
        node::Node::AExpr(negative) if negative.lexpr.is_none() => {
            Some(format!("-{}", modifier(negative.rexpr.as_deref()?)?))
        }
        _ => None,
    }
}

/// The strings of a list of `String` nodes.
pub(super) fn strings(list: &[Node]) -> Vec<String> {
    list.iter()
        .filter_map(|item| match &item.node {
            Some(node::Node::String(text)) => Some(text.sval.clone()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        catalog.server.search_path = vec!["My Schema".into(), "public".into()];
        let mood = TypeDef::Enum { labels: Vec::new() };
        catalog.types.insert(QualifiedName::new("My Schema", "mood"), mood.clone());
        catalog.types.insert(QualifiedName::new("public", "point"), mood);
        catalog
    }

    fn of(written: &str) -> String {
        let parsed = crate::sql::grammar::parse(&format!("SELECT NULL::{written}")).unwrap();
        let Some(node::Node::SelectStmt(select)) =
            parsed.stmts[0].stmt.as_ref().unwrap().node.as_ref()
        else {
            panic!()
        };
        let Some(node::Node::ResTarget(target)) = &select.target_list[0].node else { panic!() };
        let Some(node::Node::TypeCast(cast)) = &target.val.as_ref().unwrap().node else { panic!() };
        type_name(cast.type_name.as_ref().unwrap(), &catalog())
    }

    #[test]
    fn spellings_of_one_type_become_one_name() {
        for (written, printed) in [
            ("int", "integer"),
            ("int4", "integer"),
            ("pg_catalog.int4", "integer"),
            ("varchar(10)", "character varying(10)"),
            ("varchar", "character varying"),
            ("char", "character(1)"),
            ("char(3)[]", "character(3)[]"),
            ("bpchar", "bpchar"),
            ("\"char\"", "\"char\""),
            ("timestamptz(3)", "timestamp(3) with time zone"),
            ("timestamp", "timestamp without time zone"),
            ("time with time zone", "time with time zone"),
            ("numeric(10,2)", "numeric(10,2)"),
            ("decimal(10)", "numeric(10,0)"),
            ("dec", "numeric"),
            ("numeric(3,-2)", "numeric(3,-2)"),
            ("float(20)", "real"),
            ("float", "double precision"),
            ("bit", "bit(1)"),
            ("bit varying(5)", "bit varying(5)"),
            ("interval", "interval"),
            ("interval(2)", "interval(2)"),
            ("interval day to second(3)", "interval day to second(3)"),
            ("interval year to month", "interval year to month"),
            ("int[3][4]", "integer[]"),
            ("jsonb", "jsonb"),
            ("json", "json"),
            ("mood", "\"My Schema\".mood"),
            ("mood[]", "\"My Schema\".mood[]"),
            ("\"My Schema\".\"mood\"", "\"My Schema\".mood"),
            ("point", "point"),
            ("public.point", "public.point"),
            ("geometry(Point,4326)", "geometry(point,4326)"),
        ] {
            assert_eq!(of(written), printed, "{written}");
        }
    }
}
