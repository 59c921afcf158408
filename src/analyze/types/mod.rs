//! Types as a statement writes them and as the catalog prints them.
//!
//! [`change`] says which changes of a column's type leave its stored values as they are,
//! [`cast`] which the server makes without being told how.

mod cast;
mod change;
mod extensions;

pub(super) use cast::is_assignable;
pub(super) use change::{change_is_free, index_survives, never_converts};

use super::resolve::{Context, is_system_schema};
use super::volatility::name_parts;
use super::{Absent, AnalyzeError};
use crate::catalog::{Catalog, TypeDef};
use crate::sql::{Diagnostic, QualifiedName, grammar};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, TypeName, a_const};
use std::cell::RefCell;
use std::collections::HashMap;

/// Every base type of `pg_catalog` (14 to 18) by its own name.
const BUILT_IN: &str = " aclitem any anyarray anycompatible anycompatiblearray \
    anycompatiblemultirange anycompatiblenonarray anycompatiblerange anyelement anyenum \
    anymultirange anynonarray anyrange bit bool box bpchar bytea char cid cidr circle cstring date \
    datemultirange daterange event_trigger fdw_handler float4 float8 gtsvector index_am_handler \
    inet int2 int2vector int4 int4multirange int4range int8 int8multirange int8range internal \
    interval json jsonb jsonpath language_handler line lseg macaddr macaddr8 money name numeric \
    nummultirange numrange oid oidvector path pg_lsn pg_node_tree pg_snapshot point polygon record \
    refcursor regclass regcollation regconfig regdictionary regnamespace regoper regoperator \
    regproc regprocedure regrole regtype table_am_handler text tid time timestamp timestamptz \
    timetz trigger tsm_handler tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector \
    txid_snapshot unknown uuid varbit varchar void xid xid8 xml ";

/// A type as a column has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnType {
    pub(super) base: Base,
    /// Type modifiers as written, for example precision and scale.
    modifiers: Vec<i32>,
    pub(super) array: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// A type of `pg_catalog`, by its own name (`int4`, `varchar`).
    BuiltIn(String),
    User(QualifiedName),
}

impl ColumnType {
    fn built_in(&self) -> Option<&str> {
        match &self.base {
            Base::BuiltIn(name) if !self.array => Some(name),
            Base::BuiltIn(_) | Base::User(_) => None,
        }
    }

    fn without_modifiers(mut self) -> Self {
        self.modifiers.clear();
        self
    }
}

/// The serial pseudo-types stand for an integer with a sequence.
pub(super) fn is_serial(written: &TypeName) -> bool {
    matches!(
        name_parts(&written.names)[..],
        ["serial" | "serial2" | "serial4" | "serial8" | "bigserial" | "smallserial"]
    )
}

/// The type that `written` means, `None` when there is no such type.
fn resolve(written: &TypeName, catalog: &Catalog) -> Option<ColumnType> {
    let (schema, name) = match name_parts(&written.names)[..] {
        [name] => (None, name),
        [schema, name] | [_, schema, name] => (Some(schema), name),
        _ => return None,
    };
    let built_in = || {
        let listed = BUILT_IN.contains(&format!(" {name} ")) || name.starts_with("pg_");
        (listed || schema == Some("information_schema")).then(|| Base::BuiltIn(name.to_owned()))
    };
    let user = |schema: &str| {
        let name = QualifiedName::new(schema, name);
        // A table's rows have a type of the same name.
        (catalog.types.contains_key(&name) || catalog.relations.contains_key(&name))
            .then_some(Base::User(name))
    };
    let of_extension = || {
        let schema = schema.or_else(|| catalog.creation_schema())?;
        extensions::brings(name, catalog).then(|| Base::User(QualifiedName::new(schema, name)))
    };
    let base = match schema {
        Some(schema) if is_system_schema(schema) => built_in()?,
        Some(schema) => user(schema).or_else(of_extension)?,
        None => built_in()
            .or_else(|| catalog.server.search_path.iter().find_map(|schema| user(schema)))
            .or_else(of_extension)?,
    };
    Some(ColumnType {
        base,
        modifiers: written.typmods.iter().filter_map(integer).collect(),
        array: !written.array_bounds.is_empty(),
    })
}

fn integer(node: &Node) -> Option<i32> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Ival(value)) => Some(value.ival),
            _ => None,
        },
        _ => None,
    }
}

/// A type as `format_type` prints it.
pub(super) fn printed(text: &str, catalog: &Catalog) -> Option<ColumnType> {
    thread_local! {
        /// The same few types come again and again.
        static PARSED: RefCell<HashMap<String, Option<TypeName>>> = RefCell::default();
    }
    const MAX_KEPT: usize = 1_000;
    PARSED.with_borrow_mut(|parsed| {
        if parsed.len() > MAX_KEPT {
            parsed.clear();
        }
        if !parsed.contains_key(text) {
            parsed.insert(text.to_owned(), parse(text));
        }
        resolve(parsed.get(text)?.as_ref()?, catalog)
    })
}

fn parse(text: &str) -> Option<TypeName> {
    let tree = grammar::parse(&format!("SELECT NULL::{text}")).ok()?;
    let Some(NodeEnum::SelectStmt(select)) = tree.stmts.into_iter().next()?.stmt?.node else {
        return None;
    };
    let Some(NodeEnum::ResTarget(target)) = select.target_list.into_iter().next()?.node else {
        return None;
    };
    match target.val?.node {
        Some(NodeEnum::TypeCast(cast)) => cast.type_name,
        _ => None,
    }
}

impl Context<'_, '_> {
    /// The type that `written` means.
    pub(super) fn column_type(&self, written: &TypeName) -> Result<ColumnType, AnalyzeError> {
        resolve(written, self.catalog).ok_or_else(|| {
            let parts = name_parts(&written.names);
            let span = self.span_at(written.location);
            if let [schema, _] = parts[..]
                && !self.catalog.schemas.contains(schema)
                && !is_system_schema(schema)
            {
                return self.no_schema(schema, span);
            }
            let name = parts.last().copied().unwrap_or_default();
            // What is missing from an assumed catalog is no mistake that a hint could help with.
            let built_in = if self.catalog.assumed { "" } else { BUILT_IN };
            let known: Vec<&str> = built_in
                .split_whitespace()
                .chain(self.catalog.types.keys().map(|name| name.name.as_str()))
                .collect();
            let message = format!("type \"{}\" does not exist", parts.join("."));
            let diagnostic = Diagnostic::new(message, span).label("not in the catalog");
            let schema = parts.len().checked_sub(2).map(|at| parts[at].to_owned());
            let absent = Absent::Type { schema, name: name.to_owned() };
            let diagnostic = match crate::sql::nearest::nearest(name, &known) {
                Some(close) => diagnostic.hint(format!("Did you mean \"{close}\"?")),
                None => match extensions::unseen(self.catalog) {
                    Some(extension) => diagnostic.hint(format!("If extension {extension} brings it: create that in a revision before this one.")),
                    None => diagnostic,
                },
            };
            AnalyzeError::Missing(diagnostic, Box::new(absent))
        })
    }
}

/// Whether a value of the type that prints as `from` is converted to the other one when it is stored;
/// `None` when that cannot be known.
pub fn is_assigned(from: &str, to: &str, catalog: &Catalog) -> Option<bool> {
    is_assignable(&printed(from, catalog)?, &printed(to, catalog)?, catalog)
}

/// Whether storing a value of this type runs a check: a domain with constraints, itself or below.
pub(super) fn is_constrained(of: &ColumnType, catalog: &Catalog) -> bool {
    domain(of, catalog).is_some_and(|(base, constrained)| {
        constrained || base.is_some_and(|base| is_constrained(&base, catalog))
    })
}

/// The base type of a domain, and whether the domain has constraints of its own.
fn domain(of: &ColumnType, catalog: &Catalog) -> Option<(Option<ColumnType>, bool)> {
    let Base::User(name) = &of.base else { return None };
    match catalog.types.get(name)? {
        TypeDef::Domain { base, not_null, checks, .. } if !of.array => {
            Some((printed(base, catalog), *not_null || !checks.is_empty()))
        }
        _ => None,
    }
}

/// The type below all domains.
pub(super) fn underlying(of: &ColumnType, catalog: &Catalog) -> ColumnType {
    let mut found = of.clone();
    while let Some((Some(base), _)) = domain(&found, catalog) {
        found = base;
    }
    found
}
