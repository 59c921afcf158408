//! Conditions on the one column of a partition key, with NOT pushed down to the comparisons, as the
//! server does it before it proves anything.

use super::partition_values::{Key, Kind, Value};
use crate::analyze::volatility::name_parts;
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, Node, NullTestType};

/// What a condition says of the key.
#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Below(Value),
    AtMost(Value),
    Above(Value),
    AtLeast(Value),
    OneOf(Vec<Value>),
    NoneOf(Vec<Value>),
    IsNull,
    /// Not of the key alone, or not understood.
    Other,
}

impl Condition {
    pub(super) fn of(node: &Node, key: &Key) -> Self {
        Self::read(node, key, false)
    }

    fn read(node: &Node, key: &Key, negated: bool) -> Self {
        match &node.node {
            Some(NodeEnum::BoolExpr(all)) => {
                let args = |negated| all.args.iter().map(move |arg| Self::read(arg, key, negated));
                match (all.boolop(), negated) {
                    (BoolExprType::AndExpr, false) | (BoolExprType::OrExpr, true) => {
                        Self::All(args(negated).collect())
                    }
                    (BoolExprType::OrExpr, false) | (BoolExprType::AndExpr, true) => {
                        Self::Any(args(negated).collect())
                    }
                    (BoolExprType::NotExpr, _) => args(!negated).next().unwrap_or(Self::Other),
                    (BoolExprType::Undefined, _) => Self::Other,
                }
            }
            Some(NodeEnum::NullTest(test)) => {
                let is_key = test.arg.as_deref().is_some_and(|arg| is_key(arg, key));
                let null = (test.nulltesttype() == NullTestType::IsNull) != negated;
                if is_key && null { Self::IsNull } else { Self::Other }
            }
            _ => Self::comparison(node, key, negated).unwrap_or(Self::Other),
        }
    }

    fn comparison(node: &Node, key: &Key, negated: bool) -> Option<Self> {
        let Some(NodeEnum::AExpr(expression)) = &node.node else { return None };
        let operator = *name_parts(&expression.name).last()?;
        let (left, right) = (expression.lexpr.as_deref()?, expression.rexpr.as_deref()?);
        let list = || -> Option<Vec<Value>> {
            elements(right)?.iter().map(|item| key.value(item)).collect()
        };
        match expression.kind() {
            AExprKind::AexprOp if is_key(left, key) => {
                Self::compared(operator, key.value(right)?, negated)
            }
            AExprKind::AexprOp if is_key(right, key) => {
                let turned = match operator {
                    "<" => ">",
                    "<=" => ">=",
                    ">" => "<",
                    ">=" => "<=",
                    other => other,
                };
                Self::compared(turned, key.value(left)?, negated)
            }
            kind @ (AExprKind::AexprBetween | AExprKind::AexprNotBetween) if is_key(left, key) => {
                let [first, last] = <[Value; 2]>::try_from(list()?).ok()?;
                Some(if (kind == AExprKind::AexprBetween) == negated {
                    Self::Any(vec![Self::Below(first), Self::Above(last)])
                } else {
                    Self::All(vec![Self::AtLeast(first), Self::AtMost(last)])
                })
            }
            AExprKind::AexprOpAny | AExprKind::AexprIn | AExprKind::AexprOpAll
                if is_key(left, key) =>
            {
                let every = expression.kind() == AExprKind::AexprOpAll
                    || (expression.kind() == AExprKind::AexprIn && operator == "<>");
                match (operator, every, negated) {
                    ("=", false, false) | ("<>", true, true) => Some(Self::OneOf(list()?)),
                    ("<>", true, false) | ("=", false, true) => Some(Self::NoneOf(list()?)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn compared(operator: &str, value: Value, negated: bool) -> Option<Self> {
        Some(match (operator, negated) {
            ("<", false) | (">=", true) => Self::Below(value),
            ("<=", false) | (">", true) => Self::AtMost(value),
            (">", false) | ("<=", true) => Self::Above(value),
            (">=", false) | ("<", true) => Self::AtLeast(value),
            ("=", false) | ("<>", true) => Self::OneOf(vec![value]),
            ("<>", false) | ("=", true) => Self::NoneOf(vec![value]),
            _ => return None,
        })
    }

    /// Whether it shuts `value` out.
    pub(super) fn excludes(&self, value: &Value) -> bool {
        match self {
            Self::All(all) => all.iter().any(|one| one.excludes(value)),
            Self::Any(all) => all.iter().all(|one| one.excludes(value)),
            Self::Below(end) => value.at_least(end),
            Self::AtMost(end) => value.above(end),
            Self::Above(end) => end.at_least(value),
            Self::AtLeast(end) => end.above(value),
            Self::OneOf(values) => value.is_none_of(values),
            Self::NoneOf(values) => value.is_one_of(values),
            Self::IsNull | Self::Other => false,
        }
    }

    /// The values that it allows, when it lists them.
    pub(super) fn values(&self) -> Option<&[Value]> {
        match self {
            Self::All(all) => all.iter().find_map(Condition::values),
            Self::OneOf(values) => Some(values),
            _ => None,
        }
    }
}

/// Whether `node` is the key itself. A text that is only taken for another kind of text stays what it
/// is; any other cast makes another value of it.
fn is_key(node: &Node, key: &Key) -> bool {
    match &node.node {
        Some(NodeEnum::TypeCast(cast)) => {
            let target = cast.type_name.as_ref().map(|name| name_parts(&name.names));
            let text = target.and_then(|names| names.last().copied().map(str::to_owned));
            matches!(key.kind, Kind::Text)
                && matches!(text.as_deref(), Some("text" | "varchar"))
                && cast.arg.as_deref().is_some_and(|arg| is_key(arg, key))
        }
        Some(NodeEnum::ColumnRef(name)) => {
            name_parts(&name.fields).last() == Some(&key.name.as_str())
        }
        _ => false,
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
