//! What the catalog already proves about the rows of a table.

use crate::catalog::{Catalog, ConstraintKind, Relation};
use crate::sql::parse_expression;
use pg_query::NodeEnum;
use pg_query::protobuf::{BoolExprType, Node, NullTestType};

/// Whether no row of `relation` can have NULL in `column`: it is marked NOT NULL by a constraint
/// that has been validated.
///
/// On 18 a column with a NOT VALID constraint is marked too.
pub(super) fn proven_not_null(relation: &Relation, column: &str) -> bool {
    relation.is_not_null(column)
        && !relation.constraints.iter().any(|constraint| {
            constraint.kind == ConstraintKind::NotNull
                && !constraint.validated
                && constraint.columns.iter().any(|name| name == column)
        })
}

/// Whether a validated CHECK, other than the `dropped` ones, shows that `column` holds no NULL, so
/// that `SET NOT NULL` needs no scan (`ConstraintImpliedByRelConstraint`).
pub(super) fn check_proves_not_null(relation: &Relation, column: &str, dropped: &[&str]) -> bool {
    relation.constraints.iter().any(|constraint| {
        constraint.kind == ConstraintKind::Check
            && constraint.validated
            && !dropped.contains(&constraint.name.as_str())
            && constraint
                .expression
                .as_deref()
                .and_then(|expression| parse_expression(expression).ok())
                .is_some_and(|expression| implies_not_null(&expression, column))
    })
}

/// A check also passes when it gives NULL, so only an explicit `IS NOT NULL` proves anything.
fn implies_not_null(expression: &Node, column: &str) -> bool {
    match &expression.node {
        Some(NodeEnum::NullTest(test)) => {
            test.nulltesttype() == NullTestType::IsNotNull && is_column(test.arg.as_deref(), column)
        }
        Some(NodeEnum::BoolExpr(all)) => match all.boolop() {
            BoolExprType::AndExpr => all.args.iter().any(|arg| implies_not_null(arg, column)),
            BoolExprType::OrExpr => all.args.iter().all(|arg| implies_not_null(arg, column)),
            BoolExprType::NotExpr => matches!(
                all.args.first().and_then(|arg| arg.node.as_ref()),
                Some(NodeEnum::NullTest(test))
                    if test.nulltesttype() == NullTestType::IsNull
                        && is_column(test.arg.as_deref(), column)
            ),
            BoolExprType::Undefined => false,
        },
        _ => false,
    }
}

fn is_column(node: Option<&Node>, column: &str) -> bool {
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ColumnRef(reference)) => {
            crate::analyze::volatility::name_parts(&reference.fields).last() == Some(&column)
        }
        _ => false,
    }
}

/// The columns of the partition key, when it is made of plain columns.
pub(in crate::analyze) fn partition_columns(relation: &Relation) -> Vec<String> {
    let Some(key) = &relation.partition_key else { return Vec::new() };
    let list = key.split_once('(').map_or("", |(_, rest)| rest).trim_end_matches(')');
    list.split(',')
        .filter_map(|part| {
            let mut words = part.split_whitespace();
            let name = words.next()?.trim_matches('"').to_owned();
            relation.column(&name).map(|_| name)
        })
        .collect()
}

/// Every partition of a partitioned table, or the table itself: what holds the rows that a
/// constraint of `relation` speaks of.
pub(super) fn row_holders<'c>(catalog: &'c Catalog, relation: &'c Relation) -> Vec<&'c Relation> {
    catalog.leaves(relation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proves(check: &str) -> bool {
        implies_not_null(&parse_expression(check).unwrap(), "a")
    }

    #[test]
    fn only_an_explicit_test_proves() {
        assert!(proves("(a IS NOT NULL)"));
        assert!(proves("((a IS NOT NULL) AND (b > 0))"));
        assert!(proves("(((a IS NOT NULL) AND (b > 0)) OR (a IS NOT NULL))"));
        assert!(proves("(NOT (a IS NULL))"));
        assert!(!proves("(a > 0)"));
        assert!(!proves("((a IS NOT NULL) OR (b > 0))"));
        assert!(!proves("(b IS NOT NULL)"));
        assert!(!proves("(NOT ((a IS NULL) AND (b IS NULL)))"));
    }
}
