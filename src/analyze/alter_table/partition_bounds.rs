//! Do the constraints of a table prove that its rows belong in a partition, or that none does?
//!
//! A small part of what the server proves (`predicate_implied_by`): comparisons of the one key column
//! with constants in validated CHECK constraints, under AND, OR and NOT. No proof means a scan, so
//! what is left out here costs accuracy in one direction only: airlock may announce a scan that the
//! server spares itself.

use super::partition_values::{Key, Value};
use super::rows::proven_not_null;
use crate::analyze::volatility::name_parts;
use crate::catalog::{Catalog, ConstraintKind, Relation, RelationKind};
use crate::sql::{grammar, parse_expression};
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, Node, PartitionBoundSpec};
use std::cmp::Ordering;

/// The default partition of a partitioned table.
pub(super) fn default_partition<'c>(
    catalog: &'c Catalog,
    parent: &Relation,
) -> Option<&'c Relation> {
    if parent.kind != RelationKind::PartitionedTable {
        return None;
    }
    parent
        .children
        .iter()
        .filter_map(|child| catalog.relation(child))
        .find(|child| child.partition_bound.as_deref() == Some("DEFAULT"))
}

/// Whether every row of `table` certainly lies within `bound` of `parent`.
pub(super) fn implied(
    catalog: &Catalog,
    table: &Relation,
    parent: &Relation,
    bound: &PartitionBoundSpec,
) -> bool {
    let Some((key, region)) = region(catalog, parent, bound) else { return false };
    let checks = checks(table);
    let not_null = proven_not_null(table, &key.name)
        || super::rows::check_proves_not_null(table, &key.name, &[]);
    not_null && region.parts().iter().all(|part| checks.iter().any(|c| part.holds_by(c, &key)))
}

/// Whether certainly no row of `table` lies within `bound` of `parent`.
pub(super) fn excluded(
    catalog: &Catalog,
    table: &Relation,
    parent: &Relation,
    bound: &PartitionBoundSpec,
) -> bool {
    let Some((key, region)) = region(catalog, parent, bound) else { return false };
    checks(table).iter().any(|check| region.misses(check, &key))
}

/// The partitions of one table and where their bounds lie.
pub(in crate::analyze) struct Bounds<'c> {
    key: Key,
    partitions: Vec<(&'c Relation, Option<Region>)>,
}

impl<'c> Bounds<'c> {
    /// `None` when the partition key or a bound is not understood.
    pub(in crate::analyze) fn of(catalog: &'c Catalog, parent: &'c Relation) -> Option<Self> {
        let key = Key::of(catalog, parent)?;
        let mut partitions = Vec::new();
        for child in parent.children.iter().filter_map(|child| catalog.relation(child)) {
            let text = child.partition_bound.as_deref()?;
            let region = match text {
                "DEFAULT" => None,
                _ => Some(region(catalog, parent, &parsed_bound(text)?)?.1),
            };
            partitions.push((child, region));
        }
        Some(Self { key, partitions })
    }

    pub(in crate::analyze) fn key(&self) -> &str {
        &self.key.name
    }

    /// The partition that a row with this key goes to.
    pub(in crate::analyze) fn partition_of(&self, key: &Node) -> Option<&'c Relation> {
        let key = self.key.value(key)?;
        let mut default = None;
        for (partition, region) in &self.partitions {
            match region {
                Some(region) if region.contains(&key)? => return Some(partition),
                Some(_) => {}
                None => default = Some(*partition),
            }
        }
        default
    }

    /// Whether no row of `partition` can pass `condition`.
    pub(in crate::analyze) fn leave_out(&self, partition: &Relation, condition: &Node) -> bool {
        let own = self.partitions.iter().find(|(known, _)| known.name == partition.name);
        match own {
            Some((_, Some(region))) => region.misses(condition, &self.key),
            // The default partition holds nothing that has a partition of its own.
            Some((_, None)) => equal_to(condition, &self.key).is_some_and(|values| {
                values.iter().all(|value| {
                    self.partitions.iter().any(|(_, region)| {
                        region.as_ref().is_some_and(|r| r.contains(value) == Some(true))
                    })
                })
            }),
            None => false,
        }
    }
}

/// The values that `condition` allows for the key, when it lists them.
fn equal_to(condition: &Node, key: &Key) -> Option<Vec<Value>> {
    if let Some(NodeEnum::BoolExpr(all)) = &condition.node {
        return match all.boolop() {
            BoolExprType::AndExpr => all.args.iter().find_map(|arg| equal_to(arg, key)),
            BoolExprType::OrExpr | BoolExprType::NotExpr | BoolExprType::Undefined => None,
        };
    }
    comparison(condition, key).filter(|(operator, _)| operator == "=").map(|(_, values)| values)
}

/// `FOR VALUES …` as the server prints it.
fn parsed_bound(text: &str) -> Option<PartitionBoundSpec> {
    let tree = grammar::parse(&format!("CREATE TABLE a PARTITION OF b {text}")).ok()?;
    match tree.stmts.into_iter().next()?.stmt?.node? {
        NodeEnum::CreateStmt(create) => create.partbound,
        _ => None,
    }
}

fn checks(table: &Relation) -> Vec<Node> {
    table
        .constraints
        .iter()
        .filter(|constraint| constraint.kind == ConstraintKind::Check && constraint.validated)
        .filter_map(|constraint| parse_expression(constraint.expression.as_deref()?).ok())
        .collect()
}

/// The values of the key that belong in a partition.
#[derive(Debug)]
enum Region {
    /// From the first, up to but not including the second; `None` is unbounded.
    Range(Option<Value>, Option<Value>),
    List(Vec<Value>),
}

/// One condition of a region.
enum Part<'r> {
    From(&'r Value),
    To(&'r Value),
    OneOf(&'r [Value]),
}

fn region(
    catalog: &Catalog,
    parent: &Relation,
    bound: &PartitionBoundSpec,
) -> Option<(Key, Region)> {
    let strategy = parent.partition_key.as_deref()?.split_whitespace().next()?;
    let key = Key::of(catalog, parent)?;
    // A key of several columns, or with an expression, has more parts than plain columns.
    if parent.partition_key.as_deref()?.contains(',') {
        return None;
    }
    match strategy {
        "RANGE" => {
            let end = |datums: &[Node], open: &str| match datums {
                [only] if is_word(only, open) => Some(None),
                [only] => key.value(only).map(Some),
                _ => None,
            };
            let from = end(&bound.lowerdatums, "minvalue")?;
            let to = end(&bound.upperdatums, "maxvalue")?;
            Some((key, Region::Range(from, to)))
        }
        "LIST" => {
            let values: Option<Vec<Value>> =
                bound.listdatums.iter().map(|datum| key.value(datum)).collect();
            Some((key, Region::List(values?)))
        }
        _ => None,
    }
}

fn is_word(node: &Node, word: &str) -> bool {
    matches!(&node.node, Some(NodeEnum::ColumnRef(name)) if name_parts(&name.fields) == [word])
}

/// `key <operator> values`, turned so that the key is on the left.
fn comparison(node: &Node, key: &Key) -> Option<(String, Vec<Value>)> {
    let Some(NodeEnum::AExpr(expression)) = &node.node else { return None };
    let operator = (*name_parts(&expression.name).last()?).to_owned();
    let is_key = |node: &Node| {
        let mut node = node;
        while let Some(NodeEnum::TypeCast(cast)) = &node.node {
            let Some(arg) = cast.arg.as_deref() else { return false };
            node = arg;
        }
        matches!(&node.node, Some(NodeEnum::ColumnRef(name))
            if name_parts(&name.fields).last() == Some(&key.name.as_str()))
    };
    let (left, right) = (expression.lexpr.as_deref()?, expression.rexpr.as_deref()?);
    match expression.kind() {
        AExprKind::AexprOp if is_key(left) => Some((operator, vec![key.value(right)?])),
        AExprKind::AexprOp if is_key(right) => {
            let turned = match operator.as_str() {
                "<" => ">",
                "<=" => ">=",
                ">" => "<",
                ">=" => "<=",
                other => other,
            };
            Some((turned.to_owned(), vec![key.value(left)?]))
        }
        AExprKind::AexprBetween if is_key(left) => {
            let ends: Option<Vec<Value>> =
                elements(right)?.iter().map(|item| key.value(item)).collect();
            Some(("between".to_owned(), ends?))
        }
        AExprKind::AexprOpAny | AExprKind::AexprIn | AExprKind::AexprOpAll if is_key(left) => {
            let all: Option<Vec<Value>> =
                elements(right)?.iter().map(|item| key.value(item)).collect();
            Some((operator, all?))
        }
        _ => None,
    }
}

fn elements(node: &Node) -> Option<&[Node]> {
    match node.node.as_ref()? {
        NodeEnum::AArrayExpr(array) => Some(&array.elements),
        NodeEnum::List(list) => Some(&list.items),
        NodeEnum::TypeCast(cast) => elements(cast.arg.as_deref()?),
        _ => None,
    }
}

impl Part<'_> {
    /// Whether `check` gives this condition for every row whose key is not NULL.
    fn holds_by(&self, check: &Node, key: &Key) -> bool {
        if let Some(NodeEnum::BoolExpr(all)) = &check.node {
            return match all.boolop() {
                BoolExprType::AndExpr => all.args.iter().any(|arg| self.holds_by(arg, key)),
                BoolExprType::OrExpr => all.args.iter().all(|arg| self.holds_by(arg, key)),
                BoolExprType::NotExpr | BoolExprType::Undefined => false,
            };
        }
        let Some((operator, values)) = comparison(check, key) else { return false };
        match (self, operator.as_str(), &values[..]) {
            (Part::From(from), ">=" | ">", [given]) => given.at_least(from),
            (Part::To(to), "<", [given]) => to.at_least(given),
            (Part::To(to), "<=", [given]) => to.above(given),
            (Part::From(from), "=", all) => all.iter().all(|given| given.at_least(from)),
            (Part::To(to), "=", all) => all.iter().all(|given| to.above(given)),
            (Part::OneOf(allowed), "=", all) => all.iter().all(|given| allowed.contains(given)),
            _ => false,
        }
    }
}

impl Region {
    fn parts(&self) -> Vec<Part<'_>> {
        match self {
            Region::Range(from, to) => {
                from.iter().map(Part::From).chain(to.iter().map(Part::To)).collect()
            }
            Region::List(values) => vec![Part::OneOf(values)],
        }
    }

    /// Whether `key` lies in this region; `None` when that cannot be told.
    fn contains(&self, key: &Value) -> Option<bool> {
        match self {
            Region::Range(from, to) => {
                let after = match from {
                    Some(from) => key.order(from)? != Ordering::Less,
                    None => true,
                };
                let before = match to {
                    Some(to) => key.order(to)? == Ordering::Less,
                    None => true,
                };
                Some(after && before)
            }
            Region::List(values) => Some(values.contains(key)),
        }
    }

    /// Whether a row that passes `check` cannot lie in this region.
    fn misses(&self, check: &Node, key: &Key) -> bool {
        if let Some(NodeEnum::BoolExpr(all)) = &check.node {
            return match all.boolop() {
                BoolExprType::AndExpr => all.args.iter().any(|arg| self.misses(arg, key)),
                BoolExprType::OrExpr => all.args.iter().all(|arg| self.misses(arg, key)),
                BoolExprType::NotExpr => {
                    all.args.first().is_some_and(|arg| self.lies_within(arg, key))
                }
                BoolExprType::Undefined => false,
            };
        }
        let Some((operator, values)) = comparison(check, key) else { return false };
        match (self, operator.as_str(), &values[..]) {
            (Region::Range(_, Some(to)), ">=" | ">", [given]) => given.at_least(to),
            (Region::Range(Some(from), _), "<", [given]) => from.at_least(given),
            (Region::Range(Some(from), _), "<=", [given]) => from.above(given),
            (Region::Range(from, to), "=", all) => all.iter().all(|given| {
                from.as_ref().is_some_and(|from| from.above(given))
                    || to.as_ref().is_some_and(|to| given.at_least(to))
            }),
            (Region::Range(from, to), "between", [first, last]) => {
                from.as_ref().is_some_and(|from| from.above(last))
                    || to.as_ref().is_some_and(|to| first.at_least(to))
            }
            (Region::List(own), "=", all) => !own.iter().any(|value| all.contains(value)),
            (Region::List(own), "<>", all) => own.iter().all(|value| all.contains(value)),
            _ => false,
        }
    }

    /// Whether every value of the region passes `condition`.
    fn lies_within(&self, condition: &Node, key: &Key) -> bool {
        if let Some(NodeEnum::BoolExpr(all)) = &condition.node {
            return match all.boolop() {
                BoolExprType::AndExpr => all.args.iter().all(|arg| self.lies_within(arg, key)),
                BoolExprType::OrExpr => all.args.iter().any(|arg| self.lies_within(arg, key)),
                BoolExprType::NotExpr | BoolExprType::Undefined => false,
            };
        }
        let Some((operator, values)) = comparison(condition, key) else { return false };
        match (self, operator.as_str(), &values[..]) {
            (Region::Range(Some(from), _), ">=", [given]) => from.at_least(given),
            (Region::Range(Some(from), _), ">", [given]) => from.above(given),
            (Region::Range(_, Some(to)), "<" | "<=", [given]) => given.at_least(to),
            (Region::List(own), "=", all) => own.iter().all(|value| all.contains(value)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> Region {
        Region::Range(Some(Value::Text(from.into())), Some(Value::Text(to.into())))
    }

    fn plain() -> Key {
        Key { name: "d".to_owned(), instants: None }
    }

    fn fits(region: &Region, check: &str) -> bool {
        let check = parse_expression(check).unwrap();
        region.parts().iter().all(|part| part.holds_by(&check, &plain()))
    }

    fn misses(region: &Region, check: &str) -> bool {
        region.misses(&parse_expression(check).unwrap(), &plain())
    }

    #[test]
    fn a_check_that_says_as_much_as_the_bound_proves_it() {
        let april = range("2024-04-01", "2024-05-01");
        assert!(fits(&april, "((d >= '2024-04-01'::date) AND (d < '2024-05-01'::date))"));
        assert!(fits(&april, "((d > '2024-04-10'::date) AND (d <= '2024-04-30'::date))"));
        assert!(fits(&april, "('2024-05-01'::date > d AND d >= '2024-04-01 00:00:00')"));
        assert!(fits(&april, "(d = '2024-04-07'::date)"));
        assert!(!fits(&april, "(d >= '2024-04-01'::date)"));
        assert!(!fits(&april, "((d >= '2024-03-31'::date) AND (d < '2024-05-01'::date))"));
        assert!(!fits(&april, "((d >= '2024-04-01'::date) AND (d <= '2024-05-01'::date))"));
        assert!(!fits(&april, "((e >= '2024-04-01'::date) AND (e < '2024-05-01'::date))"));
        let list = Region::List(vec![Value::Number(1.0), Value::Number(2.0)]);
        assert!(fits(&list, "(d = ANY (ARRAY[1, 2]))"));
        assert!(fits(&list, "((d = 1) OR (d = 2))"));
        assert!(!fits(&list, "(d = ANY (ARRAY[1, 3]))"));
    }

    #[test]
    fn a_check_that_shuts_the_bound_out_proves_it() {
        let april = range("2024-04-01", "2024-05-01");
        assert!(misses(&april, "(d >= '2029-01-01'::date)"));
        assert!(misses(&april, "(d < '2024-04-01'::date)"));
        assert!(misses(&april, "((d < '2024-04-01'::date) OR (d >= '2024-05-01'::date))"));
        assert!(misses(&april, "(NOT ((d >= '2024-04-01'::date) AND (d < '2024-05-01'::date)))"));
        assert!(misses(&april, "d BETWEEN '2024-01-01' AND '2024-03-31'"));
        assert!(!misses(&april, "d BETWEEN '2024-01-01' AND '2024-04-01'"));
        assert!(!misses(&april, "(d <= '2024-04-01'::date)"));
        assert!(!misses(&april, "(NOT ((d >= '2024-04-02'::date) AND (d < '2024-05-01'::date)))"));
        let list = Region::List(vec![Value::Text("no".into())]);
        assert!(misses(&list, "(d <> 'no'::text)"));
        assert!(misses(&list, "(d = ANY (ARRAY['se'::text, 'dk'::text]))"));
        assert!(!misses(&list, "(d <> 'se'::text)"));
    }

    #[test]
    fn texts_have_no_order_of_their_own() {
        let names = range("a", "m");
        assert!(!fits(&names, "((d >= 'b'::text) AND (d < 'c'::text))"));
        assert!(fits(&names, "((d >= 'a'::text) AND (d < 'm'::text))"));
    }
}
