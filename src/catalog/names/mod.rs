//! The names that the server gives to constraints, indexes, sequences and statistics objects which
//! a statement leaves unnamed.
//!
//! Pure. Follows the server's own rules (`makeObjectName`, `ChooseRelationName`,
//! `ChooseConstraintName`, `ChooseIndexName` in its source), collisions included; so the catalog
//! has to be complete, or know the names of what it leaves out. Tested against real servers in
//! `tests/catalog_names.rs`.

mod expression;

pub use expression::expression_name;

use super::{Catalog, ConstraintKind, Relation, TypeDef};
use crate::sql::QualifiedName;
use crate::sql::name::MAX_IDENTIFIER_BYTES;
use pg_query::protobuf::{
    ConstrType, Constraint, CreateStatsStmt, IndexElem, IndexStmt, Node, node,
};

/// `first_second_label`, shortened where needed: bytes go from the longer of the two names, never
/// from the label.
pub fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let mut first_bytes = first.len();
    let mut second_bytes = second.map_or(0, str::len);
    let overhead = label.len() + 1 + usize::from(second.is_some());
    let available = MAX_IDENTIFIER_BYTES.saturating_sub(overhead);
    while first_bytes + second_bytes > available {
        if first_bytes > second_bytes {
            first_bytes -= 1;
        } else {
            second_bytes -= 1;
        }
    }
    let mut name = clipped(first, first_bytes).to_owned();
    if let Some(second) = second {
        name.push('_');
        name.push_str(clipped(second, second_bytes));
    }
    name.push('_');
    name.push_str(label);
    name
}

/// At most `bytes` of `text`, whole characters.
fn clipped(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The first of `label`, `label1`, `label2`, … that makes a name which is not `taken`.
fn first_free(
    first: &str,
    second: Option<&str>,
    label: &str,
    taken: impl Fn(&str) -> bool,
) -> String {
    let mut name = object_name(first, second, label);
    let mut pass = 0_u32;
    while taken(&name) {
        pass += 1;
        name = object_name(first, second, &format!("{label}{pass}"));
    }
    name
}

/// A free name for a sequence or index in `schema`; for an index behind a constraint it must be
/// free as a constraint name too.
pub fn relation_name(
    catalog: &Catalog,
    schema: &str,
    first: &str,
    second: Option<&str>,
    label: &str,
    is_constraint: bool,
) -> String {
    first_free(first, second, label, |name| {
        catalog.name_is_taken(&QualifiedName::new(schema, name))
            || (is_constraint && constraint_exists(catalog, schema, name))
    })
}

/// The sequence behind a `serial` or identity column.
pub fn sequence_name(catalog: &Catalog, table: &QualifiedName, column: &str) -> String {
    relation_name(catalog, &table.schema, &table.name, Some(column), "seq", false)
}

/// The `NOT NULL` constraint of a column (version 18). `others` are names that constraints of the
/// same statement have taken.
pub fn not_null_name(
    catalog: &Catalog,
    table: &QualifiedName,
    column: &str,
    others: &[String],
) -> String {
    free_constraint_name(catalog, table, Some(column), "not_null", others)
}

fn free_constraint_name(
    catalog: &Catalog,
    table: &QualifiedName,
    second: Option<&str>,
    label: &str,
    others: &[String],
) -> String {
    first_free(&table.name, second, label, |name| {
        others.iter().any(|other| other == name) || constraint_exists(catalog, &table.schema, name)
    })
}

/// An unnamed check of a domain.
pub fn domain_check_name(catalog: &Catalog, domain: &QualifiedName) -> String {
    free_constraint_name(catalog, domain, None, "check", &[])
}

/// Whether a constraint of any table or domain in `schema` has this name.
fn constraint_exists(catalog: &Catalog, schema: &str, name: &str) -> bool {
    let of_table = catalog
        .relations
        .perhaps_with(name)
        // Hardly any name is the same: the schema is looked at last.
        .any(|relation| relation.constraint(name).is_some() && relation.name.schema == schema);
    of_table
        || catalog.relations.others_have_constraint(schema, name)
        || catalog.types.iter().any(|(type_name, definition)| match definition {
            TypeDef::Domain { checks, .. } => {
                type_name.schema == schema && checks.iter().any(|check| has_name(check, name))
            }
            TypeDef::Enum { .. } | TypeDef::Composite | TypeDef::Range | TypeDef::Other => false,
        })
}

/// Whether `check` ("name CHECK (…)") is the one of this name.
pub(super) fn has_name(check: &str, name: &str) -> bool {
    check.strip_prefix(name).is_some_and(|rest| rest.starts_with(" CHECK ("))
}

/// The name of the index that `statement` makes on `table`: as written, or as the server chooses.
pub fn index_name(catalog: &Catalog, table: &QualifiedName, statement: &IndexStmt) -> String {
    if !statement.idxname.is_empty() {
        return truncated(&statement.idxname);
    }
    let columns = index_columns(&statement.index_params, &statement.index_including_params);
    chosen_index_name(catalog, table, &columns, None)
}

/// The name of an index over columns of these names (those of expressions included); `constraint`
/// tells of which kind of constraint it is part.
pub fn chosen_index_name(
    catalog: &Catalog,
    table: &QualifiedName,
    columns: &[String],
    constraint: Option<ConstraintKind>,
) -> String {
    let addition = addition(columns);
    let (second, label) = match constraint {
        Some(ConstraintKind::PrimaryKey) => (None, "pkey"),
        Some(ConstraintKind::Exclude) => (Some(addition.as_str()), "excl"),
        Some(
            ConstraintKind::Unique
            | ConstraintKind::Check
            | ConstraintKind::NotNull
            | ConstraintKind::ForeignKey
            | ConstraintKind::Trigger,
        ) => (Some(addition.as_str()), "key"),
        None => (Some(addition.as_str()), "idx"),
    };
    relation_name(catalog, &table.schema, &table.name, second, label, constraint.is_some())
}

/// What the server calls the columns of an index: the column's name, or one made from the
/// expression, with a number where it stood before.
pub fn index_columns(keys: &[Node], include: &[Node]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for element in keys.iter().chain(include) {
        if let Some(node::Node::IndexElem(element)) = &element.node {
            let name = unique_among(&names, &element_name(element));
            names.push(name);
        }
    }
    names
}

fn element_name(element: &IndexElem) -> String {
    if !element.indexcolname.is_empty() {
        return element.indexcolname.clone();
    }
    if !element.name.is_empty() {
        return element.name.clone();
    }
    let named = element.expr.as_deref().and_then(expression_name);
    named.unwrap_or_else(|| "expr".to_owned())
}

fn unique_among(names: &[String], name: &str) -> String {
    let mut candidate = name.to_owned();
    let mut number = 0_u32;
    while names.contains(&candidate) {
        number += 1;
        let suffix = number.to_string();
        candidate = format!("{}{suffix}", clipped(name, MAX_IDENTIFIER_BYTES - suffix.len()));
    }
    candidate
}

/// Column names joined by `_`; no more of them once the length of an identifier is passed.
fn addition(columns: &[String]) -> String {
    let mut joined = String::new();
    for column in columns {
        if !joined.is_empty() {
            joined.push('_');
        }
        joined.push_str(column);
        if joined.len() > MAX_IDENTIFIER_BYTES {
            break;
        }
    }
    joined
}

/// The name of the constraint that a clause at table level makes on `table`: its own or the one that
/// the server chooses. Empty when the clause makes no constraint.
pub fn constraint_name(catalog: &Catalog, table: &QualifiedName, clause: &Constraint) -> String {
    catalog
        .relation(table)
        .and_then(|relation| clause_name(catalog, relation, clause, None, &[]))
        .unwrap_or_else(|| truncated(&clause.conname))
}

/// The `NOT NULL` constraint that version 18 makes for a column of `table`.
pub fn not_null_constraint(catalog: &Catalog, table: &QualifiedName, column: &str) -> String {
    not_null_name(catalog, table, column, &[])
}

/// The name of the constraint that a constraint clause makes on `relation`: as written, or as the
/// server chooses. `column` is the column whose definition the clause is part of; `others` are
/// names that checks and not-null constraints of the same statement have taken. `None` when the
/// clause makes no constraint (`DEFAULT`, `NULL`, and `NOT NULL` before version 18).
pub fn clause_name(
    catalog: &Catalog,
    relation: &Relation,
    clause: &Constraint,
    column: Option<&str>,
    others: &[String],
) -> Option<String> {
    let kind = constraint_kind(clause)?;
    if kind == ConstraintKind::NotNull && catalog.server.major() < 18 {
        return None;
    }
    if !clause.conname.is_empty() {
        return Some(truncated(&clause.conname));
    }
    let table = &relation.name;
    Some(match kind {
        ConstraintKind::Check => {
            let columns = check_columns(relation, clause.raw_expr.as_deref());
            let second = match columns.as_slice() {
                [one] => Some(one.as_str()),
                _ => None,
            };
            free_constraint_name(catalog, table, second, "check", others)
        }
        ConstraintKind::NotNull => {
            let keys = key_columns(&clause.keys, column);
            not_null_name(catalog, table, keys.first().map_or("", String::as_str), others)
        }
        ConstraintKind::ForeignKey => {
            let columns = addition(&key_columns(&clause.fk_attrs, column));
            free_constraint_name(catalog, table, Some(&columns), "fkey", others)
        }
        // With an index that exists, the constraint takes its name.
        _ if !clause.indexname.is_empty() => truncated(&clause.indexname),
        ConstraintKind::Exclude => {
            chosen_index_name(catalog, table, &exclusion_columns(clause), Some(kind))
        }
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Trigger => {
            let mut columns = key_columns(&clause.keys, column);
            columns.extend(key_columns(&clause.including, None));
            chosen_index_name(catalog, table, &columns, Some(kind))
        }
    })
}

/// Which constraint a clause makes, if any.
pub fn constraint_kind(clause: &Constraint) -> Option<ConstraintKind> {
    match clause.contype() {
        ConstrType::ConstrCheck => Some(ConstraintKind::Check),
        ConstrType::ConstrNotnull => Some(ConstraintKind::NotNull),
        ConstrType::ConstrForeign => Some(ConstraintKind::ForeignKey),
        ConstrType::ConstrPrimary => Some(ConstraintKind::PrimaryKey),
        ConstrType::ConstrUnique => Some(ConstraintKind::Unique),
        ConstrType::ConstrExclusion => Some(ConstraintKind::Exclude),
        ConstrType::Undefined
        | ConstrType::ConstrNull
        | ConstrType::ConstrDefault
        | ConstrType::ConstrIdentity
        | ConstrType::ConstrGenerated
        | ConstrType::ConstrAttrDeferrable
        | ConstrType::ConstrAttrNotDeferrable
        | ConstrType::ConstrAttrDeferred
        | ConstrType::ConstrAttrImmediate
        | ConstrType::ConstrAttrEnforced
        | ConstrType::ConstrAttrNotEnforced => None,
    }
}

/// Columns of a key as a clause lists them, or the column that the clause stands at.
pub fn key_columns(list: &[Node], column: Option<&str>) -> Vec<String> {
    let listed: Vec<String> = list
        .iter()
        .filter_map(|item| match &item.node {
            Some(node::Node::String(name)) => Some(name.sval.clone()),
            _ => None,
        })
        .collect();
    if listed.is_empty() { column.map(str::to_owned).into_iter().collect() } else { listed }
}

/// Names of the elements of an `EXCLUDE` clause, `INCLUDE` columns after them.
pub fn exclusion_columns(clause: &Constraint) -> Vec<String> {
    let elements = exclusion_elements(clause);
    let mut names: Vec<String> = Vec::new();
    let included = key_columns(&clause.including, None);
    for name in elements.iter().map(|element| element_name(element)).chain(included) {
        let name = unique_among(&names, &name);
        names.push(name);
    }
    names
}

/// The elements of an `EXCLUDE` clause: each is an index element with an operator.
pub fn exclusion_elements(clause: &Constraint) -> Vec<&IndexElem> {
    clause
        .exclusions
        .iter()
        .filter_map(|pair| match &pair.node {
            Some(node::Node::List(pair)) => pair.items.first()?.node.as_ref(),
            _ => None,
        })
        .filter_map(|element| match element {
            node::Node::IndexElem(element) => Some(element.as_ref()),
            _ => None,
        })
        .collect()
}

/// The columns of `relation` that the expression of a check reads, in the order in which it first
/// mentions them.
pub fn check_columns(relation: &Relation, expression: Option<&Node>) -> Vec<String> {
    let mentioned = expression.map(super::expression::column_names).unwrap_or_default();
    mentioned.into_iter().filter(|name| relation.column(name).is_some()).collect()
}

/// The name of an extended statistics object on `table`, with its schema.
pub fn statistics_name(
    catalog: &Catalog,
    table: &QualifiedName,
    statement: &CreateStatsStmt,
) -> QualifiedName {
    let written = key_columns(&statement.defnames, None);
    match written.as_slice() {
        [.., schema, name] => return QualifiedName::new(schema, truncated(name)),
        [name] => {
            let schema = catalog.creation_schema().unwrap_or(&table.schema);
            return QualifiedName::new(schema, truncated(name));
        }
        [] => {}
    }
    let columns: Vec<String> = statement
        .exprs
        .iter()
        .filter_map(|item| match &item.node {
            Some(node::Node::StatsElem(element)) if !element.name.is_empty() => {
                Some(element.name.clone())
            }
            Some(node::Node::StatsElem(_)) => Some("expr".to_owned()),
            _ => None,
        })
        .collect();
    let name = first_free(&table.name, Some(&addition(&columns)), "stat", |name| {
        catalog
            .relations
            .values()
            .flat_map(|relation| &relation.statistics)
            .any(|object| object.name.schema == table.schema && object.name.name == name)
    });
    table.sibling(name)
}

/// Puts the constraint that a clause at table level makes into the catalog, under the name that it
/// gets, so that what comes after it is named apart from it.
pub fn reserve(catalog: &mut Catalog, table: &QualifiedName, clause: &Constraint) {
    super::apply::add_constraint(catalog, table, clause);
}

/// An identifier as the server keeps it.
pub fn truncated(name: &str) -> String {
    clipped(name, MAX_IDENTIFIER_BYTES).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_name_is_shortened_first() {
        let (forty, thirty) = ("a".repeat(40), "b".repeat(30));
        let name = object_name(&forty, Some(&thirty), "idx");
        assert_eq!(name.len(), MAX_IDENTIFIER_BYTES);
        assert_eq!(name, format!("{}_{}_idx", "a".repeat(29), "b".repeat(29)));
        assert_eq!(object_name("t", Some(&"c".repeat(63)), "fkey").len(), MAX_IDENTIFIER_BYTES);
        assert_eq!(object_name("t", None, "pkey"), "t_pkey");
    }

    #[test]
    fn characters_are_not_cut_in_two() {
        let name = object_name(&"é".repeat(31), Some("x"), "idx");
        assert_eq!(name, format!("{}_x_idx", "é".repeat(28)));
    }

    #[test]
    fn a_repeated_index_column_gets_a_number() {
        let taken = ["lower".to_owned(), "lower1".to_owned()];
        assert_eq!(unique_among(&taken, "lower"), "lower2");
        assert_eq!(unique_among(&taken, "a"), "a");
    }
}
