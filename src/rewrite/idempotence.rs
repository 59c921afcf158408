//! Whether an `UPDATE` may visit a row twice.
//!
//! *In words*: a walk over blocks may meet a row again (its new version can land in a block ahead),
//! and a batch may be run again after a crash. Both are harmless only when the second visit changes
//! nothing. That is proven here, or the statement is not split: either the `SET` reads nothing that
//! it writes and is not volatile, so that it gives the same again; or the `WHERE` excludes every row
//! that is done.

use super::groups::{columns_read, conjuncts, null_tested, strings};
use crate::analyze::{columns, volatility};
use crate::catalog::{Catalog, Relation, RelationKind, Volatility};
use crate::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, BoolTestType, Node, a_const};

/// An `UPDATE` as the proof sees it.
pub(super) struct Update<'a> {
    pub relation: &'a QualifiedName,
    pub alias: &'a str,
    /// Column and value; `None` stands for `DEFAULT`.
    pub targets: Vec<(String, Option<&'a Node>)>,
    pub condition: Option<&'a Node>,
    /// Other tables that the statement reads.
    pub reads_own_table: bool,
}

/// Why a second visit changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    SameAgain,
    Excluded,
}

/// The proof, or the reason why there is none, in words.
pub(super) fn prove(update: &Update<'_>, catalog: &Catalog) -> Result<Proof, String> {
    if update.reads_own_table {
        return Err("it reads the table that it changes a second time".to_owned());
    }
    if excluded(update, catalog) {
        return Ok(Proof::Excluded);
    }
    for (name, value) in &update.targets {
        let Some(value) = value else {
            let volatile = catalog
                .relation(update.relation)
                .and_then(|found| found.column(name))
                .is_some_and(|column| column.default_is_volatile);
            if volatile {
                return Err(format!("the default of {name} is volatile"));
            }
            continue;
        };
        if volatility::of_expression(value, catalog) == Volatility::Volatile {
            return Err(format!("the value of {name} is volatile: each visit would give another"));
        }
        match columns_read(value, update.relation, update.alias, catalog) {
            None => return Err(format!("the value of {name} reads the row as a whole")),
            Some(read) => {
                if let Some(written) =
                    update.targets.iter().map(|(target, _)| target).find(|t| read.contains(t))
                {
                    return Err(format!(
                        "the value of {name} is computed from {written}, which the statement changes"
                    ));
                }
            }
        }
    }
    Ok(Proof::SameAgain)
}

/// Whether some part of the `WHERE` is false for every row that is done.
fn excluded(update: &Update<'_>, catalog: &Catalog) -> bool {
    conjuncts(update.condition).into_iter().any(|condition| {
        update.targets.iter().any(|(column, value)| {
            let Some(value) = value else { return false };
            contradicts(condition, column, value)
                || only_null_again(update, condition, column, value, catalog)
        })
    })
}

/// `UPDATE t SET c = f() WHERE c IS NULL`, nothing else set: a row whose value came out NULL is as
/// good as unvisited.
fn only_null_again(
    update: &Update<'_>,
    condition: &Node,
    column: &str,
    value: &Node,
    catalog: &Catalog,
) -> bool {
    update.targets.len() == 1
        && null_tested(condition).as_deref() == Some(column)
        && columns_read(value, update.relation, update.alias, catalog)
            .is_some_and(|read| !read.iter().any(|name| name == column))
}

/// Whether `condition` cannot hold once `column` has `value`.
fn contradicts(condition: &Node, column: &str, value: &Node) -> bool {
    if null_tested(condition).as_deref() == Some(column) {
        return never_null(value);
    }
    let wanted = constant(value);
    match &condition.node {
        // WHERE c, with SET c = false
        Some(NodeEnum::ColumnRef(_)) => {
            is_column(condition, column) && wanted == Some(Constant::Boolean(false))
        }
        Some(NodeEnum::BoolExpr(e)) if e.boolop() == BoolExprType::NotExpr => {
            e.args.first().is_some_and(|arg| is_column(arg, column))
                && wanted == Some(Constant::Boolean(true))
        }
        Some(NodeEnum::BooleanTest(test)) => {
            let about = test.arg.as_deref().is_some_and(|arg| is_column(arg, column));
            let excluded = match test.booltesttype() {
                BoolTestType::IsTrue => Constant::Boolean(false),
                BoolTestType::IsNotTrue | BoolTestType::IsFalse => Constant::Boolean(true),
                BoolTestType::IsNotFalse => Constant::Boolean(false),
                BoolTestType::IsUnknown => return about && wanted.is_some(),
                BoolTestType::IsNotUnknown | BoolTestType::Undefined => return false,
            };
            about && wanted == Some(excluded)
        }
        Some(NodeEnum::AExpr(e)) => {
            let (Some(left), Some(right)) = (e.lexpr.as_deref(), e.rexpr.as_deref()) else {
                return false;
            };
            let other = if is_column(left, column) {
                right
            } else if is_column(right, column) {
                left
            } else {
                return false;
            };
            let (Some(found), Some(wanted)) = (constant(other), wanted) else { return false };
            match (e.kind(), strings(&e.name).pop().as_deref()) {
                (AExprKind::AexprOp, Some("=")) => found.surely_differs(&wanted),
                (AExprKind::AexprOp, Some("<>")) | (AExprKind::AexprDistinct, _) => found == wanted,
                _ => false,
            }
        }
        _ => false,
    }
}

fn is_column(node: &Node, column: &str) -> bool {
    match &node.node {
        Some(NodeEnum::ColumnRef(reference)) => {
            strings(&reference.fields).last().is_some_and(|name| name == column)
        }
        _ => false,
    }
}

#[derive(Debug, PartialEq)]
enum Constant {
    Boolean(bool),
    Integer(i32),
    Text(String),
}

impl Constant {
    /// Differs under every type that the two could be read as: not by case or trailing spaces alone.
    fn surely_differs(&self, other: &Constant) -> bool {
        match (self, other) {
            (Constant::Boolean(a), Constant::Boolean(b)) => a != b,
            (Constant::Integer(a), Constant::Integer(b)) => a != b,
            (Constant::Text(a), Constant::Text(b)) => {
                let plain = |text: &str| {
                    text.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-')
                };
                plain(a) && plain(b) && !a.eq_ignore_ascii_case(b)
            }
            _ => false,
        }
    }
}

fn constant(node: &Node) -> Option<Constant> {
    match &node.node {
        Some(NodeEnum::AConst(value)) => match value.val.as_ref()? {
            a_const::Val::Boolval(b) => Some(Constant::Boolean(b.boolval)),
            a_const::Val::Ival(i) => Some(Constant::Integer(i.ival)),
            a_const::Val::Sval(s) => Some(Constant::Text(s.sval.clone())),
            a_const::Val::Fval(_) | a_const::Val::Bsval(_) => None,
        },
        Some(NodeEnum::TypeCast(cast)) => constant(cast.arg.as_deref()?),
        _ => None,
    }
}

/// Built-in functions that never give NULL.
const NEVER_NULL: [&str; 9] = [
    "gen_random_uuid",
    "now",
    "nextval",
    "random",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "uuidv4",
    "uuidv7",
];

fn never_null(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(value)) => !value.isnull,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(never_null),
        Some(NodeEnum::CoalesceExpr(e)) => e.args.iter().any(never_null),
        Some(NodeEnum::SqlvalueFunction(_)) => true,
        Some(NodeEnum::FuncCall(call)) => {
            let names = strings(&call.funcname);
            let built_in = names.len() == 1 || names.first().is_some_and(|s| s == "pg_catalog");
            built_in && names.last().is_some_and(|name| NEVER_NULL.contains(&name.as_str()))
        }
        _ => false,
    }
}

/// Whether an expression has a subquery that could read `relation` itself, by its own name, a
/// partition or parent of it, or a view.
pub(super) fn may_read(node: &Node, relation: &QualifiedName, catalog: &Catalog) -> bool {
    columns::tables_named(node).iter().any(|table| reads(table, relation, catalog))
}

fn reads(table: &str, relation: &QualifiedName, catalog: &Catalog) -> bool {
    if table == relation.name {
        return true;
    }
    let named: Vec<&Relation> =
        catalog.relations.values().filter(|found| found.name.name == table).collect();
    // Not in the catalog: a name of a WITH, whose own query is looked at, or a partial catalog.
    named.into_iter().any(|found| match found.kind {
        RelationKind::View => true,
        _ => {
            related(found, relation, catalog)
                || catalog.relation(relation).is_some_and(|own| related(own, &found.name, catalog))
        }
    })
}

/// Whether `other` is above `relation` in an inheritance or partition tree.
fn related(relation: &Relation, other: &QualifiedName, catalog: &Catalog) -> bool {
    relation.parents.iter().any(|parent| {
        parent == other
            || catalog.relation(parent).is_some_and(|parent| related(parent, other, catalog))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Column;

    fn table() -> Catalog {
        let name = QualifiedName::new("public", "t");
        let columns = ["n", "a", "b", "done", "status"]
            .into_iter()
            .map(|name| Column { name: name.to_owned(), ..Column::default() })
            .collect();
        let mut catalog = Catalog::default();
        let relation = Relation { columns, ..Relation::new(name.clone(), RelationKind::Table) };
        catalog.relations.insert(name, relation);
        catalog
    }

    fn proof(set: &[(&str, &str)], condition: Option<&str>) -> Result<Proof, String> {
        let parse = |text: &str| crate::sql::parse::parse_expression(text).unwrap();
        let values: Vec<(String, Node)> =
            set.iter().map(|(name, value)| ((*name).to_owned(), parse(value))).collect();
        let condition = condition.map(parse);
        let update = Update {
            relation: &QualifiedName::new("public", "t"),
            alias: "t",
            targets: values.iter().map(|(name, value)| (name.clone(), Some(value))).collect(),
            condition: condition.as_ref(),
            reads_own_table: false,
        };
        prove(&update, &table())
    }

    #[test]
    fn the_same_again_changes_nothing() {
        assert_eq!(proof(&[("a", "b || 'x'")], None), Ok(Proof::SameAgain));
        assert_eq!(proof(&[("a", "1"), ("b", "2")], None), Ok(Proof::SameAgain));
    }

    #[test]
    fn counting_up_is_never_split() {
        assert!(proof(&[("n", "n + 1")], None).is_err());
        assert!(proof(&[("a", "b"), ("b", "a")], None).is_err());
        assert!(proof(&[("n", "n + 1")], Some("a > 3")).is_err());
        assert!(proof(&[("a", "t")], None).is_err());
        // A value that may come out NULL again would count the row twice.
        assert!(proof(&[("a", "b"), ("n", "n + 1")], Some("a IS NULL")).is_err());
        // Equal under a type that ignores case.
        assert!(proof(&[("status", "'A'"), ("n", "n + 1")], Some("status = 'a'")).is_err());
    }

    #[test]
    fn done_rows_may_be_excluded() {
        for (set, condition) in [
            (("done", "true"), "NOT done"),
            (("done", "true"), "done = false AND a > 1"),
            (("done", "true"), "done IS NOT TRUE"),
            (("done", "false"), "done"),
            (("a", "1"), "a IS NULL"),
            (("status", "'new'"), "status = 'old'"),
            (("a", "5"), "a <> 5"),
            (("a", "5"), "a IS DISTINCT FROM 5"),
        ] {
            assert_eq!(
                proof(&[set, ("n", "n + 1")], Some(condition)),
                Ok(Proof::Excluded),
                "{set:?} {condition}"
            );
        }
    }
}
