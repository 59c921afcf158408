//! The condition that a partition bound puts on rows, as SQL.
//!
//! *In words*: `ATTACH PARTITION` reads no row of a table whose validated CHECK implies the bound, and
//! none of a default partition whose CHECK excludes it. The server proves that by comparing
//! expressions (`ConstraintImpliedByRelConstraint`), so the condition is built in the same shape as
//! the server builds its own (`get_qual_for_list`, `get_qual_for_range`, `get_qual_for_hash` in
//! `partbounds.c`). A key with an operator class or a collation of its own, and a bound that is not a
//! constant, are not understood: there is no condition then.

use crate::analyze::volatility;
use crate::catalog::{Catalog, Relation, Volatility};
use crate::sql::{QualifiedName, deparse, grammar, quote_ident, quote_literal};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    Node, PartitionBoundSpec, PartitionElem, PartitionSpec, PartitionStrategy, a_const,
};

/// The partition key of a table.
struct Key {
    strategy: PartitionStrategy,
    parts: Vec<KeyPart>,
}

struct KeyPart {
    /// As it stands in SQL.
    sql: String,
    /// Type of the column, when it is a plain one.
    type_name: Option<String>,
}

/// One end of a range in one part of the key.
enum Datum {
    Minimum,
    Maximum,
    Value(String),
}

/// What every row of a partition of `parent` with this bound fulfils.
pub(super) fn condition(
    catalog: &Catalog,
    parent: &Relation,
    bound: &PartitionBoundSpec,
) -> Option<String> {
    let key = key(parent)?;
    if bound.is_default {
        return rest(catalog, parent, &key);
    }
    match key.strategy {
        PartitionStrategy::List => {
            let values: Vec<&Node> = bound.listdatums.iter().collect();
            list(catalog, &key, &values)
        }
        PartitionStrategy::Range => {
            Some(joined(&[not_null(&key), range(catalog, &key, bound)?], " AND "))
        }
        PartitionStrategy::Hash => {
            let parts: Vec<&str> = key.parts.iter().map(|part| part.sql.as_str()).collect();
            Some(format!(
                "pg_catalog.satisfies_hash_partition({}::pg_catalog.regclass, {}, {}, {})",
                quote_literal(&parent.name.to_string()),
                bound.modulus,
                bound.remainder,
                parts.join(", ")
            ))
        }
        PartitionStrategy::Undefined => None,
    }
}

/// The columns that the bound of `partition` speaks of, those of the tables above `parent` included.
pub(super) fn columns_of_bounds(catalog: &Catalog, parent: &Relation) -> Vec<String> {
    let mut found = Vec::new();
    let mut level = Some(parent);
    while let Some(relation) = level {
        let text = relation.partition_key.as_deref().unwrap_or_default();
        let words = super::super::text::words(text);
        for column in relation.columns.iter().filter(|column| words.contains(&column.name)) {
            if !found.contains(&column.name) {
                found.push(column.name.clone());
            }
        }
        level = relation
            .partition_bound
            .as_ref()
            .and_then(|_| relation.parents.first())
            .and_then(|name: &QualifiedName| catalog.relation(name));
    }
    found
}

fn key(parent: &Relation) -> Option<Key> {
    let text = parent.partition_key.as_deref()?;
    let tree = grammar::parse(&format!("CREATE TABLE a () PARTITION BY {text}")).ok()?;
    let spec: PartitionSpec = match tree.stmts.into_iter().next()?.stmt?.node? {
        NodeEnum::CreateStmt(create) => create.partspec?,
        _ => return None,
    };
    let parts: Option<Vec<KeyPart>> = spec
        .part_params
        .iter()
        .map(|item| match &item.node {
            Some(NodeEnum::PartitionElem(element)) => key_part(parent, element),
            _ => None,
        })
        .collect();
    Some(Key { strategy: spec.strategy(), parts: parts? })
}

fn key_part(parent: &Relation, element: &PartitionElem) -> Option<KeyPart> {
    if !element.collation.is_empty() || !element.opclass.is_empty() {
        return None;
    }
    match element.expr.as_deref() {
        Some(expression) => {
            Some(KeyPart { sql: format!("({})", deparse::expression(expression)), type_name: None })
        }
        None => {
            let column = parent.column(&element.name)?;
            Some(KeyPart {
                sql: quote_ident(&element.name),
                type_name: Some(column.type_name.clone()),
            })
        }
    }
}

/// The rows that belong in no partition but the default one.
fn rest(catalog: &Catalog, parent: &Relation, key: &Key) -> Option<String> {
    let mut bounds = Vec::new();
    for child in parent.children.iter().filter_map(|child| catalog.relation(child)) {
        let bound = parsed(child.partition_bound.as_deref()?)?;
        if !bound.is_default {
            bounds.push(bound);
        }
    }
    if bounds.is_empty() {
        return Some("true".to_owned());
    }
    match key.strategy {
        PartitionStrategy::List => {
            let values: Vec<&Node> = bounds.iter().flat_map(|bound| &bound.listdatums).collect();
            Some(format!("NOT ({})", list(catalog, key, &values)?))
        }
        PartitionStrategy::Range => {
            let ranges: Option<Vec<String>> =
                bounds.iter().map(|bound| range(catalog, key, bound)).collect();
            Some(format!("NOT ({})", joined(&[not_null(key), joined(&ranges?, " OR ")], " AND ")))
        }
        PartitionStrategy::Hash | PartitionStrategy::Undefined => None,
    }
}

/// `FOR VALUES …` as the server prints it.
fn parsed(text: &str) -> Option<PartitionBoundSpec> {
    let tree = grammar::parse(&format!("CREATE TABLE a PARTITION OF b {text}")).ok()?;
    match tree.stmts.into_iter().next()?.stmt?.node? {
        NodeEnum::CreateStmt(create) => create.partbound,
        _ => None,
    }
}

fn joined(conditions: &[String], word: &str) -> String {
    match conditions {
        [only] => only.clone(),
        several => several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(word),
    }
}

fn not_null(key: &Key) -> String {
    key.parts
        .iter()
        .map(|part| format!("{} IS NOT NULL", part.sql))
        .collect::<Vec<_>>()
        .join(" AND ")
}

fn list(catalog: &Catalog, key: &Key, datums: &[&Node]) -> Option<String> {
    let [part] = key.parts.as_slice() else { return None };
    let mut with_null = false;
    let mut values = Vec::new();
    for datum in datums {
        match value(catalog, part, datum)? {
            Some(value) => values.push(format!("{} = {value}", part.sql)),
            None => with_null = true,
        }
    }
    let equal = joined(&values, " OR ");
    Some(match (with_null, values.is_empty()) {
        (true, true) => format!("{} IS NULL", part.sql),
        (true, false) => format!("{} IS NULL OR {equal}", part.sql),
        (false, _) => format!("{} IS NOT NULL AND ({equal})", part.sql),
    })
}

/// A constant as SQL of the key's type; `None` inside for NULL.
// One `Option` is "not understood", the other is SQL's NULL.
#[allow(clippy::option_option)]
fn value(catalog: &Catalog, part: &KeyPart, node: &Node) -> Option<Option<String>> {
    let mut inner = node;
    while let Some(NodeEnum::TypeCast(cast)) = &inner.node {
        inner = cast.arg.as_deref()?;
    }
    let text = deparse::expression(node);
    match &inner.node {
        Some(NodeEnum::AConst(constant)) if constant.isnull => Some(None),
        // A string is read as a value of the key's type, wherever it stands.
        Some(NodeEnum::AConst(constant))
            if matches!(constant.val, Some(a_const::Val::Sval(_) | a_const::Val::Boolval(_))) =>
        {
            Some(Some(text))
        }
        _ if volatility::of_expression(node, catalog) == Volatility::Immutable => {
            Some(Some(match &part.type_name {
                Some(type_name) => format!("CAST({text} AS {type_name})"),
                None => text,
            }))
        }
        _ => None,
    }
}

/// The range without the test for NULL.
fn range(catalog: &Catalog, key: &Key, bound: &PartitionBoundSpec) -> Option<String> {
    let lower = datums(catalog, key, &bound.lowerdatums)?;
    let upper = datums(catalog, key, &bound.upperdatums)?;
    let mut conditions = Vec::new();
    let mut first = 0;
    // Parts in which both ends agree.
    for (part, (low, high)) in key.parts.iter().zip(lower.iter().zip(&upper)) {
        match (low, high) {
            (Datum::Value(low), Datum::Value(high)) if low == high => {
                conditions.push(format!("{} = {low}", part.sql));
                first += 1;
            }
            _ => break,
        }
    }
    let strict = Comparison { inner: ">", last: ">=", open: |d| matches!(d, Datum::Minimum) };
    conditions.extend(arms(key, &lower, first, &strict));
    let strict = Comparison { inner: "<", last: "<", open: |d| matches!(d, Datum::Maximum) };
    conditions.extend(arms(key, &upper, first, &strict));
    Some(if conditions.is_empty() { "true".to_owned() } else { joined(&conditions, " AND ") })
}

/// How one end of a range compares.
struct Comparison {
    inner: &'static str,
    last: &'static str,
    /// Whether everything behind an equal prefix belongs to the range.
    open: fn(&Datum) -> bool,
}

/// `a > 1 OR (a = 1 AND b >= 2)`; `None` when that end is open.
fn arms(key: &Key, datums: &[Datum], first: usize, by: &Comparison) -> Option<String> {
    let mut arms = Vec::new();
    let mut prefix: Vec<String> = Vec::new();
    for index in first..datums.len() {
        let Datum::Value(value) = &datums[index] else { break };
        let part = &key.parts[index].sql;
        let operator = match datums.get(index + 1) {
            None => by.last.to_owned(),
            Some(next) if (by.open)(next) => format!("{}=", by.inner),
            Some(_) => by.inner.to_owned(),
        };
        let arm = [prefix.clone(), vec![format!("{part} {operator} {value}")]].concat();
        arms.push(arm.join(" AND "));
        prefix.push(format!("{part} = {value}"));
        if datums.get(index + 1).is_some_and(by.open) {
            break;
        }
    }
    (!arms.is_empty()).then(|| joined(&arms, " OR "))
}

fn datums(catalog: &Catalog, key: &Key, nodes: &[Node]) -> Option<Vec<Datum>> {
    if nodes.len() != key.parts.len() {
        return None;
    }
    key.parts.iter().zip(nodes).map(|(part, node)| datum(catalog, part, node)).collect()
}

fn datum(catalog: &Catalog, part: &KeyPart, node: &Node) -> Option<Datum> {
    if let Some(NodeEnum::ColumnRef(word)) = &node.node {
        return match super::super::groups::strings(&word.fields).as_slice() {
            [word] if word == "minvalue" => Some(Datum::Minimum),
            [word] if word == "maxvalue" => Some(Datum::Maximum),
            _ => None,
        };
    }
    value(catalog, part, node)?.map(Datum::Value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str, bound: &str) -> Option<String> {
        let mut catalog = Catalog::default();
        catalog.server.version_num = 150_000;
        catalog.server.search_path = vec!["public".to_owned()];
        catalog.schemas = ["public".to_owned()].into();
        let setup = format!(
            "CREATE TABLE t (a int, b timestamptz, c varchar(9)) PARTITION BY {key}; \
             CREATE TABLE t1 PARTITION OF t FOR VALUES IN ('x', 'y')"
        );
        let script = crate::sql::parse(&setup, 0..setup.len()).unwrap();
        script.statements.iter().for_each(|statement| catalog.apply(statement));
        let parent = catalog.resolve(None, "t").unwrap();
        condition(&catalog, parent, &parsed(bound).unwrap())
    }

    #[test]
    fn conditions_have_the_shape_of_the_server() {
        let is = |key: &str, bound: &str, wanted: &str| {
            assert_eq!(of(key, bound).as_deref(), Some(wanted), "{key} {bound}");
        };
        is("LIST (c)", "FOR VALUES IN ('a')", "c IS NOT NULL AND (c = 'a')");
        is("LIST (c)", "FOR VALUES IN ('a', NULL)", "c IS NULL OR c = 'a'");
        is("LIST (c)", "FOR VALUES IN (NULL)", "c IS NULL");
        is("LIST (c)", "DEFAULT", "NOT (c IS NOT NULL AND ((c = 'x') OR (c = 'y')))");
        is(
            "RANGE (b)",
            "FOR VALUES FROM ('2026-01-01') TO (MAXVALUE)",
            "(b IS NOT NULL) AND (b >= '2026-01-01')",
        );
        is(
            "RANGE (a, b)",
            "FOR VALUES FROM (1, '2026-01-01') TO (1, MAXVALUE)",
            "(a IS NOT NULL AND b IS NOT NULL) AND ((a = CAST(1 AS integer)) AND (b >= '2026-01-01'))",
        );
        is(
            "RANGE (a, b)",
            "FOR VALUES FROM (1, '2026-01-01') TO (2, MINVALUE)",
            "(a IS NOT NULL AND b IS NOT NULL) AND (((a > CAST(1 AS integer)) OR (a = CAST(1 AS integer) AND b >= '2026-01-01')) AND (a < CAST(2 AS integer)))",
        );
        is(
            "RANGE (a, b)",
            "FOR VALUES FROM (1, MINVALUE) TO (2, MAXVALUE)",
            "(a IS NOT NULL AND b IS NOT NULL) AND ((a >= CAST(1 AS integer)) AND (a <= CAST(2 AS integer)))",
        );
        assert_eq!(of("RANGE (c COLLATE \"C\")", "FOR VALUES FROM ('a') TO ('b')"), None);
        assert_eq!(of("RANGE (b)", "FOR VALUES FROM (now()) TO ('2030-01-01')"), None);
    }
}
