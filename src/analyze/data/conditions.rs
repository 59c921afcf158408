//! What a `WHERE` clause says about how a table is read: by an index, or as a whole.
//!
//! The choice is the planner's and depends on statistics. Here an index counts as used when its
//! first column is compared with something that is no column of the query; joins count as scans.

use crate::analyze::columns::read_by;
use crate::analyze::volatility::name_parts;
use crate::catalog::Relation;
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, Node};

/// Operators that every ordinary index can search for.
const SEARCHABLE: [&str; 5] = ["=", "<", ">", "<=", ">="];

/// Whether some index of `relation` can narrow down the rows.
pub(super) fn uses_index(relation: &Relation, known_as: &str, condition: Option<&Node>) -> bool {
    let Some(condition) = condition else { return false };
    let columns = compared(condition, known_as, relation, &SEARCHABLE);
    relation.indexes.iter().any(|index| {
        index.valid
            && index.predicate.is_none()
            && index
                .keys
                .first()
                .and_then(Option::as_deref)
                .is_some_and(|first| columns.contains(&first))
    })
}

/// Whether a unique key is given in full, so that at most a few rows are meant.
pub(super) fn picks_by_key(relation: &Relation, known_as: &str, condition: Option<&Node>) -> bool {
    let Some(condition) = condition else { return false };
    let columns = compared(condition, known_as, relation, &["="]);
    relation.indexes.iter().any(|index| {
        index.unique
            && index.valid
            && index.predicate.is_none()
            && index.keys.iter().all(|key| key.as_deref().is_some_and(|key| columns.contains(&key)))
    })
}

/// Columns of `relation` that every row must match against a value from outside the tables.
fn compared<'r>(
    condition: &Node,
    known_as: &str,
    relation: &'r Relation,
    operators: &[&str],
) -> Vec<&'r str> {
    match &condition.node {
        Some(NodeEnum::BoolExpr(all)) if all.boolop() == BoolExprType::AndExpr => {
            all.args.iter().flat_map(|arg| compared(arg, known_as, relation, operators)).collect()
        }
        Some(NodeEnum::AExpr(expression)) => {
            let fits = match expression.kind() {
                AExprKind::AexprOp | AExprKind::AexprOpAny | AExprKind::AexprIn => {
                    name_parts(&expression.name).last().is_some_and(|op| operators.contains(op))
                }
                AExprKind::AexprBetween => operators.contains(&"<="),
                _ => false,
            };
            if !fits {
                return Vec::new();
            }
            let sides = (expression.lexpr.as_deref(), expression.rexpr.as_deref());
            let (Some(left), Some(right)) = sides else { return Vec::new() };
            let found = match (column(left, known_as, relation), column(right, known_as, relation))
            {
                (Some(found), None) if read_by(right).is_empty() => Some(found),
                (None, Some(found)) if read_by(left).is_empty() => Some(found),
                _ => None,
            };
            found.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The column of `relation` that `node` is, under its name in the query.
fn column<'r>(node: &Node, known_as: &str, relation: &'r Relation) -> Option<&'r str> {
    let Some(NodeEnum::ColumnRef(reference)) = &node.node else { return None };
    let name = match name_parts(&reference.fields)[..] {
        [name] => name,
        [.., table, name] if table == known_as => name,
        _ => return None,
    };
    relation.column(name).map(|column| column.name.as_str())
}
