//! Do the constraints of a table prove that its rows belong in a partition, or that none does?
//!
//! A small part of what the server proves (`predicate_implied_by`): comparisons of the one key column
//! with constants in validated CHECK constraints, under AND, OR and NOT. No proof means a scan, so
//! what is left out here costs accuracy in one direction only: airlock may announce a scan that the
//! server spares itself.

use super::partition_conditions::Condition;
use super::partition_values::{Key, Value};
use super::rows::proven_not_null;
use crate::analyze::volatility::name_parts;
use crate::catalog::{Catalog, ConstraintKind, Relation, RelationKind};
use crate::sql::{grammar, parse_expression};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, PartitionBoundSpec};
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
    if bound.is_default {
        return belongs_nowhere(catalog, table, parent);
    }
    let Some((key, region)) = region(catalog, parent, bound) else { return false };
    region.implied_by(&checks(table, &key), is_not_null(table, &key))
}

/// Whether no row of `table` has a place in one of the partitions that are there.
fn belongs_nowhere(catalog: &Catalog, table: &Relation, parent: &Relation) -> bool {
    let Some(bounds) = Bounds::of(catalog, parent) else { return false };
    let (checks, not_null) = (checks(table, &bounds.key), is_not_null(table, &bounds.key));
    let missed = |region: &Region| region.missed_by(&checks, not_null);
    bounds.partitions.iter().all(|(_, region)| region.as_ref().is_none_or(missed))
}

/// Whether certainly no row of `table` lies within `bound` of `parent`.
pub(super) fn excluded(
    catalog: &Catalog,
    table: &Relation,
    parent: &Relation,
    bound: &PartitionBoundSpec,
) -> bool {
    let Some((key, region)) = region(catalog, parent, bound) else { return false };
    region.missed_by(&checks(table, &key), is_not_null(table, &key))
}

fn is_not_null(table: &Relation, key: &Key) -> bool {
    proven_not_null(table, &key.name) || super::rows::check_proves_not_null(table, &key.name, &[])
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
        let condition = Condition::of(condition, &self.key);
        let own = self.partitions.iter().find(|(known, _)| known.name == partition.name);
        match own {
            Some((_, Some(region))) => region.misses(&condition),
            // The default partition holds nothing that has a partition of its own.
            Some((_, None)) => condition.values().is_some_and(|values| {
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

/// `FOR VALUES …` as the server prints it.
fn parsed_bound(text: &str) -> Option<PartitionBoundSpec> {
    let tree = grammar::parse(&format!("CREATE TABLE a PARTITION OF b {text}")).ok()?;
    match tree.stmts.into_iter().next()?.stmt?.node? {
        NodeEnum::CreateStmt(create) => create.partbound,
        _ => None,
    }
}

fn checks(table: &Relation, key: &Key) -> Vec<Condition> {
    table
        .constraints
        .iter()
        .filter(|constraint| constraint.kind == ConstraintKind::Check && constraint.validated)
        .filter_map(|constraint| parse_expression(constraint.expression.as_deref()?).ok())
        .map(|check| Condition::of(&check, key))
        .collect()
}

/// The values of the key that belong in a partition.
#[derive(Debug)]
enum Region {
    /// From the first, up to but not including the second; `None` is unbounded.
    Range(Option<Value>, Option<Value>),
    List {
        values: Vec<Value>,
        null: bool,
    },
}

/// One condition of a region.
enum Part<'r> {
    From(&'r Value),
    To(&'r Value),
    OneOf(&'r [Value]),
    OneOfOrNull(&'r [Value]),
}

fn region(
    catalog: &Catalog,
    parent: &Relation,
    bound: &PartitionBoundSpec,
) -> Option<(Key, Region)> {
    let strategy = parent.partition_key.as_deref()?.split_whitespace().next()?;
    let key = Key::of(catalog, parent)?;
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
            let (nulls, datums): (Vec<&Node>, Vec<&Node>) =
                bound.listdatums.iter().partition(|datum| is_null(datum));
            let values: Option<Vec<Value>> = datums.iter().map(|datum| key.value(datum)).collect();
            Some((key, Region::List { values: values?, null: !nulls.is_empty() }))
        }
        _ => None,
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.node, Some(NodeEnum::AConst(constant)) if constant.isnull)
}

fn is_word(node: &Node, word: &str) -> bool {
    matches!(&node.node, Some(NodeEnum::ColumnRef(name)) if name_parts(&name.fields) == [word])
}

impl Part<'_> {
    /// Whether `check` gives this condition for every row whose key is not NULL; for
    /// [`Part::OneOfOrNull`], for every row.
    fn holds_by(&self, check: &Condition) -> bool {
        match (self, check) {
            (_, Condition::All(all)) => all.iter().any(|one| self.holds_by(one)),
            (_, Condition::Any(all)) => all.iter().all(|one| self.holds_by(one)),
            (Part::From(from), Condition::AtLeast(given) | Condition::Above(given)) => {
                given.at_least(from)
            }
            (Part::To(to), Condition::Below(given)) => to.at_least(given),
            (Part::To(to), Condition::AtMost(given)) => to.above(given),
            (Part::From(from), Condition::OneOf(all)) => all.iter().all(|one| one.at_least(from)),
            (Part::To(to), Condition::OneOf(all)) => all.iter().all(|one| to.above(one)),
            (Part::OneOf(allowed) | Part::OneOfOrNull(allowed), Condition::OneOf(all)) => {
                all.iter().all(|one| one.is_one_of(allowed))
            }
            (Part::OneOfOrNull(_), Condition::IsNull) => true,
            _ => false,
        }
    }
}

impl Region {
    /// Whether rows that pass all of `checks` lie in this region. `not_null`: their key is not NULL.
    fn implied_by(&self, checks: &[Condition], not_null: bool) -> bool {
        let holds = |part: &Part<'_>| checks.iter().any(|check| part.holds_by(check));
        match self {
            Region::Range(from, to) => {
                let mut parts = from.iter().map(Part::From).chain(to.iter().map(Part::To));
                not_null && parts.all(|part| holds(&part))
            }
            Region::List { values, null: false } => not_null && holds(&Part::OneOf(values)),
            Region::List { values, null: true } => holds(&Part::OneOfOrNull(values)),
        }
    }

    /// Whether no row that passes all of `checks` lies in this region.
    fn missed_by(&self, checks: &[Condition], not_null: bool) -> bool {
        match self {
            Region::List { null: true, .. } if !not_null => false,
            Region::List { values, .. } => self.misses_list(values, checks),
            Region::Range(..) => checks.iter().any(|check| self.misses(check)),
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
            Region::List { values, .. } if key.is_one_of(values) => Some(true),
            Region::List { values, .. } => key.is_none_of(values).then_some(false),
        }
    }

    /// Every value of a list may be shut out by another condition.
    fn misses_list(&self, values: &[Value], all: &[Condition]) -> bool {
        values.iter().all(|value| all.iter().any(|one| one.excludes(value)))
            || all.iter().any(|one| self.misses(one))
    }

    /// Whether a row that passes `check` cannot lie in this region.
    fn misses(&self, check: &Condition) -> bool {
        match (self, check) {
            (_, Condition::Any(all)) => all.iter().all(|one| self.misses(one)),
            (Region::List { values, .. }, Condition::All(all)) => self.misses_list(values, all),
            (Region::List { null, .. }, Condition::IsNull) => !null,
            (Region::List { values, .. }, leaf) => values.iter().all(|one| leaf.excludes(one)),
            (_, Condition::All(all)) => all.iter().any(|one| self.misses(one)),
            (_, Condition::IsNull) => true,
            (Region::Range(_, Some(to)), Condition::AtLeast(given) | Condition::Above(given)) => {
                given.at_least(to)
            }
            (Region::Range(Some(from), _), Condition::Below(given)) => from.at_least(given),
            (Region::Range(Some(from), _), Condition::AtMost(given)) => from.above(given),
            (Region::Range(from, to), Condition::OneOf(all)) => all.iter().all(|given| {
                from.as_ref().is_some_and(|from| from.above(given))
                    || to.as_ref().is_some_and(|to| given.at_least(to))
            }),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::partition_values::Kind;
    use super::*;

    /// A partitioned table with `d` as its key, of the type `of`, and a bound.
    struct Case(Key, Region);

    fn case(of: Kind, bound: &str) -> Case {
        let key = Key { name: "d".to_owned(), kind: of };
        let bound = parsed_bound(&format!("FOR VALUES {bound}")).unwrap();
        let value = |node: &Node| key.value(node);
        let region = match &bound.lowerdatums[..] {
            [from] => Region::Range(value(from), value(&bound.upperdatums[0])),
            _ => Region::List {
                values: bound.listdatums.iter().filter_map(value).collect(),
                null: bound.listdatums.iter().any(is_null),
            },
        };
        Case(key, region)
    }

    fn conditions(key: &Key, check: &str) -> Vec<Condition> {
        vec![Condition::of(&parse_expression(check).unwrap(), key)]
    }

    fn fits(Case(key, region): &Case, check: &str) -> bool {
        region.implied_by(&conditions(key, check), true)
    }

    fn misses(Case(key, region): &Case, check: &str) -> bool {
        region.missed_by(&conditions(key, check), true)
    }

    #[test]
    fn a_check_that_says_as_much_as_the_bound_proves_it() {
        let april = case(Kind::Date, "FROM ('2024-04-01') TO ('2024-05-01')");
        assert!(fits(&april, "((d >= '2024-04-01'::date) AND (d < '2024-05-01'::date))"));
        assert!(fits(&april, "((d > '2024-04-10'::date) AND (d <= '2024-04-30'::date))"));
        assert!(fits(&april, "('2024-05-01'::date > d AND d >= '2024-04-01 00:00:00')"));
        assert!(fits(&april, "(d = '2024-04-07'::date)"));
        assert!(!fits(&april, "(d >= '2024-04-01'::date)"));
        assert!(!fits(&april, "((d >= '2024-03-31'::date) AND (d < '2024-05-01'::date))"));
        assert!(!fits(&april, "((d >= '2024-04-01'::date) AND (d <= '2024-05-01'::date))"));
        assert!(!fits(&april, "((e >= '2024-04-01'::date) AND (e < '2024-05-01'::date))"));
        let list = case(Kind::Number, "IN (1, 2)");
        assert!(fits(&list, "(d = ANY (ARRAY[1, 2]))"));
        assert!(fits(&list, "((d = 1) OR (d = 2))"));
        assert!(!fits(&list, "(d = ANY (ARRAY[1, 3]))"));
    }

    #[test]
    fn a_check_that_shuts_the_bound_out_proves_it() {
        let april = case(Kind::Date, "FROM ('2024-04-01') TO ('2024-05-01')");
        assert!(misses(&april, "(d >= '2029-01-01'::date)"));
        assert!(misses(&april, "(d < '2024-04-01'::date)"));
        assert!(misses(&april, "((d < '2024-04-01'::date) OR (d >= '2024-05-01'::date))"));
        assert!(misses(&april, "(NOT ((d >= '2024-04-01'::date) AND (d < '2024-05-01'::date)))"));
        assert!(misses(&april, "d BETWEEN '2024-01-01' AND '2024-03-31'"));
        assert!(!misses(&april, "d BETWEEN '2024-01-01' AND '2024-04-01'"));
        assert!(!misses(&april, "(d <= '2024-04-01'::date)"));
        assert!(!misses(&april, "(NOT ((d >= '2024-04-02'::date) AND (d < '2024-05-01'::date)))"));
        let list = case(Kind::Text, "IN ('no')");
        assert!(misses(&list, "(d <> 'no'::text)"));
        assert!(misses(&list, "(d = ANY (ARRAY['se'::text, 'dk'::text]))"));
        assert!(!misses(&list, "(d <> 'se'::text)"));
    }

    #[test]
    fn texts_have_no_order_of_their_own() {
        let names = case(Kind::Text, "FROM ('a') TO ('m')");
        assert!(!fits(&names, "((d >= 'b'::text) AND (d < 'c'::text))"));
        assert!(fits(&names, "((d >= 'a'::text) AND (d < 'm'::text))"));
    }

    #[test]
    fn not_is_pushed_down() {
        let hundreds = case(Kind::Number, "FROM (100) TO (200)");
        assert!(fits(&hundreds, "(NOT ((d < 100) OR (d >= 200)))"));
        assert!(!fits(&hundreds, "(NOT ((d < 99) OR (d >= 200)))"));
        assert!(fits(&hundreds, "(NOT (d <> 150))"));
        let list = case(Kind::Number, "IN (5, 6)");
        assert!(misses(&list, "(NOT (d = ANY (ARRAY[5, 6, 7])))"));
        assert!(misses(&list, "d NOT IN (5, 6)"));
        assert!(misses(&list, "(d > 100)"));
        assert!(!misses(&list, "(d > 5)"));
    }

    #[test]
    fn null_has_a_place_of_its_own() {
        let list = case(Kind::Text, "IN ('x', NULL)");
        assert!(fits(&list, "((d = 'x'::text) OR (d IS NULL))"));
        assert!(!fits(&case(Kind::Text, "IN ('x')"), "((d = 'x'::text) OR (d IS NULL))"));
        assert!(misses(&case(Kind::Text, "IN ('x')"), "((d = 'y'::text) OR (d IS NULL))"));
        assert!(!misses(&list, "((d = 'y'::text) OR (d IS NULL))"));
    }

    #[test]
    fn what_reads_settings_or_changes_the_key_proves_nothing() {
        let utc = case(Kind::Instant(None), "FROM ('2024-04-01 00:00Z') TO ('2024-05-01 00:00Z')");
        let bounds =
            |cast| format!("d >= '2024-04-01 00:00Z'::{cast} AND d < '2024-05-01 00:00Z'::{cast}");
        assert!(fits(&utc, &bounds("timestamptz")));
        assert!(!fits(&utc, &bounds("timestamp")));
        assert!(!fits(&utc, "d >= '2024-04-01'::date AND d < '2024-05-01'::date"));
        let hundreds = case(Kind::Number, "FROM (100) TO (200)");
        assert!(!fits(&hundreds, "(((d)::numeric >= 100.5) AND ((d)::numeric < 200.0))"));
        assert!(fits(&hundreds, "((d >= '100'::bigint) AND (d < '200'::bigint))"));
        let uuid = case(Kind::Other, "IN ('1 day')");
        assert!(!misses(&uuid, "(d = '24:00:00'::interval)"));
    }
}
